"""Limits the size of request bodies: per route, and to ANONYMOUS_BYTES before the client is authenticated.

FastAPI reads and parses the whole body before the dependencies that authenticate; parsed JSON takes up to thirty times
its length in memory.
"""

from __future__ import annotations

import re

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kubedoor.errors import KubeDoorError
from kubedoor.workloads.csv_import import MAX_SHEET_BYTES

from .access import authenticate, home_services

KIB, MIB = 2**10, 2**20
ANONYMOUS_BYTES = 64 * KIB
"""Larger than any log-in; the limit for unauthenticated clients."""
JSON_BYTES = 2 * MIB
BULK_BYTES = 8 * MIB
"""A thousand edits, each with a note of a thousand Chinese characters and several containers."""
PREVIEW_BYTES = 4 * MIB
"""An AdmissionReview holds two objects; etcd limits each to 1.5 MiB."""
_LIMITS = (
    (re.compile(r"/api/v1/session(/.*)?"), ANONYMOUS_BYTES),
    (re.compile(r"/api/v1/values/import(/preview)?"), MAX_SHEET_BYTES),
    (re.compile(r"/api/v1/admission/preview"), PREVIEW_BYTES),
    (re.compile(r"/api/v1/workloads/bulk"), BULK_BYTES),
)


class RefusedBody(HTTPException):
    """Carries `error`: while FastAPI reads a body, it passes on HTTPException only."""

    def __init__(self, error: KubeDoorError) -> None:
        super().__init__(error.status)
        self.error = error


class BodyLimit:
    """ASGI middleware: `receive` raises 413 beyond the limit of the route, RefusedBody beyond ANONYMOUS_BYTES."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, CountedReceive(scope, receive) if scope["type"] == "http" else receive, send)


class CountedReceive:
    """The ASGI `receive` of one request, which counts the bytes of the body."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self._limit_bytes = limit_bytes(scope["path"].removeprefix(scope.get("root_path", "")))
        self._bytes_read = 0
        self._is_authenticated = False

    async def __call__(self) -> Message:
        if not self._bytes_read:
            # A body whose Content-Length is too large is refused unread.
            await self._allow(_content_length(self._scope))
        message = await self._receive()
        self._bytes_read += len(message.get("body", b""))
        await self._allow(self._bytes_read)
        return message

    async def _allow(self, count: int) -> None:
        if count > self._limit_bytes:
            raise HTTPException(413, f"the body is larger than {_size(self._limit_bytes)}")
        if count > ANONYMOUS_BYTES and not self._is_authenticated:
            try:
                await run_in_threadpool(_authenticate, Request(self._scope))
            except KubeDoorError as error:
                raise RefusedBody(error) from error
            self._is_authenticated = True


def limit_bytes(path: str) -> int:
    """The largest body of a request to `path`."""
    return next((limit for pattern, limit in _LIMITS if pattern.fullmatch(path)), JSON_BYTES)


def _authenticate(request: Request) -> None:
    authenticate(request, home_services(request))


def _content_length(scope: Scope) -> int:
    # 0 without a valid header: the body is then counted while it is read.
    length = Request(scope).headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


def _size(count: int) -> str:
    return f"{count // MIB} MiB" if count >= MIB else f"{count // KIB} KiB"
