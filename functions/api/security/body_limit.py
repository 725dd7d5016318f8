"""No body is read without end, and only a small one before it is known who sends it.

FastAPI has a body in memory, parsed, before anybody is asked to log in; parsed JSON takes up to thirty times its length.
"""

from __future__ import annotations

import re

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kubedoor.errors import KubeDoorError
from kubedoor.workloads.csv_import import MAX_SHEET_BYTES

from .access import common, known

KIB, MIB = 2**10, 2**20
STRANGER_BYTES = 64 * KIB
"""More than any log-in; the most that somebody may send who has not been looked up."""
JSON_BYTES = 2 * MIB
BULK_BYTES = 8 * MIB
"""A thousand edits, each with a note of a thousand Chinese characters and several containers."""
PREVIEW_BYTES = 4 * MIB
"""An object in etcd is at most 1.5 MiB, and a review holds two of them."""
_LIMITS = (
    (re.compile(r"/api/v1/session(/.*)?"), STRANGER_BYTES),
    (re.compile(r"/api/v1/values/import(/preview)?"), MAX_SHEET_BYTES),
    (re.compile(r"/api/v1/admission/preview"), PREVIEW_BYTES),
    (re.compile(r"/api/v1/workloads/bulk"), BULK_BYTES),
)


class RefusedBody(HTTPException):
    """FastAPI lets nothing else through from where it reads a body; `error` is what is meant."""

    def __init__(self, error: KubeDoorError) -> None:
        super().__init__(error.status)
        self.error = error


class BodyLimit:
    """An ASGI middleware: whoever reads on beyond the limit of the route gets 413 raised, a stranger 401 long before."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, Body(scope, receive) if scope["type"] == "http" else receive, send)


class Body:
    """`receive` of one request, counted."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self._limit_bytes = limit_bytes(scope["path"].removeprefix(scope.get("root_path", "")))
        self._bytes_read = 0
        self._is_known = False

    async def __call__(self) -> Message:
        if not self._bytes_read:
            # Nothing of a body is read that says by itself that it is too long.
            await self._allow(_announced(self._scope))
        message = await self._receive()
        self._bytes_read += len(message.get("body", b""))
        await self._allow(self._bytes_read)
        return message

    async def _allow(self, count: int) -> None:
        if count > self._limit_bytes:
            raise HTTPException(413, f"the body is larger than {_size(self._limit_bytes)}")
        if count > STRANGER_BYTES and not self._is_known:
            try:
                await run_in_threadpool(_look_up, Request(self._scope))
            except KubeDoorError as error:
                raise RefusedBody(error) from error
            self._is_known = True


def limit_bytes(path: str) -> int:
    """How much a request to `path` may send."""
    return next((limit for pattern, limit in _LIMITS if pattern.fullmatch(path)), JSON_BYTES)


def _look_up(request: Request) -> None:
    known(request, common(request))


def _announced(scope: Scope) -> int:
    # Servers refuse a length that is no number; one without a length is counted as it comes.
    length = Request(scope).headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


def _size(count: int) -> str:
    return f"{count // MIB} MiB" if count >= MIB else f"{count // KIB} KiB"
