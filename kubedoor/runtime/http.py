"""HTTP responses that all three functions share: errors, health, metrics."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from kubedoor.errors import BadRequest, KubeDoorError, NotFound, TooLarge, Unauthorized
from kubedoor.sentences import sentence

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 4 * 2**20
"""The API server takes objects of at most 3 MiB; etcd stores at most 1.5 MiB, and an AdmissionReview has two of those."""


def error_response(error: Exception) -> JSONResponse:
    """The JSON error body of every API. Any other exception than KubeDoorError is logged and returned as `internal`,
    without its message."""
    if not isinstance(error, KubeDoorError):
        log.error("unexpected error", exc_info=error)
        error = KubeDoorError(sentence("common.internal_error"))
    retry_after = error.details.get("retry_after_seconds")
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else None
    return JSONResponse(error.as_json(), status_code=error.status, headers=headers)


async def read_json(request: Request) -> Any:
    """The body as JSON; an empty body is `{}`. Raises BadRequest and TooLarge."""
    return parse_json(await read_body(request))


def parse_json(body: bytes | bytearray) -> Any:
    """An empty body is `{}`. Raises BadRequest."""
    try:
        return orjson.loads(body) if body.strip() else {}
    except ValueError as error:
        raise BadRequest(sentence("requests.not_json", error=error)) from error


async def read_body(request: Request) -> bytearray:
    """Raises BadRequest and TooLarge."""
    # A length that is too large is refused before anything is read; without a length, the bytes are counted.
    check_size(declared_size(request.headers.get("content-length", "")))
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            check_size(len(body))
    except ClientDisconnect as error:
        raise BadRequest(sentence("requests.client_left")) from error
    return body


def declared_size(content_length: str) -> int:
    """Of the header `Content-Length`; 0 for one that is none."""
    is_number = content_length.isascii() and content_length.isdigit() and len(content_length) < 20
    return int(content_length) if is_number else 0


def check_size(count: int) -> None:
    """Raises TooLarge."""
    if count > MAX_BODY_BYTES:
        raise TooLarge(sentence("requests.too_large", size=f"{MAX_BODY_BYTES // 2**20} MiB"))


def has_bearer_token(request: Request, token: str) -> bool:
    """Compares in constant time."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


async def health_or_metrics(
    request: Request,
    *,
    registry: CollectorRegistry,
    is_ready: Callable[[], Awaitable[bool]],
    check_settings: Callable[[], object] = lambda: None,
    metrics_token: Callable[[], str] = str,
) -> Response | None:
    """The response to /healthz, /readyz or /metrics; None for any other path.

    /metrics requires the bearer token `metrics_token()` unless that is empty. /healthz raises what `check_settings` raises.
    """
    path = request.url.path.removeprefix(request.scope.get("root_path", "")).rstrip("/")
    if path == "/healthz":
        await asyncio.to_thread(check_settings)
        return JSONResponse({"status": "ok"})
    if path == "/readyz":
        ready = await is_ready()
        return JSONResponse({"status": "ready" if ready else "not ready"}, status_code=200 if ready else 503)
    if path == "/metrics":
        token = await asyncio.to_thread(metrics_token)
        if token and not has_bearer_token(request, token):
            return error_response(Unauthorized(sentence("requests.metrics_token")))
        text = await asyncio.to_thread(generate_latest, registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)
    return None


def not_found(request: Request, *, allowed: str) -> JSONResponse:
    """404; `allowed` says what the function does serve."""
    return error_response(
        NotFound(sentence("requests.nothing_there_but", path=f"{request.method} {request.url.path}", allowed=allowed))
    )
