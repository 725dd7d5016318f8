"""Limits the size of request bodies: per route, and to ANONYMOUS_BYTES before the client is authenticated; and how many
large ones are in work at once.

FastAPI reads and parses the whole body before the dependencies that authenticate; parsed JSON takes up to thirty times
its length in memory. So a large body is not read before there is room for it, and counts until its answer is sent.
"""

from __future__ import annotations

import asyncio
import re

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kubedoor.errors import BadRequest, KubeDoorError, TooManyRequests
from kubedoor.identity.authentication import Login
from kubedoor.sentences import sentence
from kubedoor.workloads.csv_import import MAX_SHEET_BYTES

from .access import authenticate

KIB, MIB = 2**10, 2**20
ANONYMOUS_BYTES = 64 * KIB
"""Larger than any log-in; the limit for unauthenticated clients."""
JSON_BYTES = 2 * MIB
BULK_BYTES = 8 * MIB
"""A thousand edits, each with a note of a thousand Chinese characters and several containers."""
PREVIEW_BYTES = 4 * MIB
"""An AdmissionReview holds two objects; etcd limits each to 1.5 MiB."""
LARGE_BODIES_BYTES = 8 * MIB
"""Of all bodies above ANONYMOUS_BYTES at once: two of the largest previews, or one of the largest sheets."""
MAX_WAITING = 16
"""For room. A connection that waits has at most some 64 KiB in memory."""
ROOM_SECONDS = 10.0
"""How long a request waits for room."""
BODY_SECONDS = 60.0
"""How long a large body may take to arrive once it has room: others wait for it."""
_POLL_SECONDS = 0.05
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


class Room:
    """For large bodies: LARGE_BODIES_BYTES in all, and one body of each person or token. Used on the event loop only."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}
        self._waiting = 0

    async def take(self, who: str, count: int) -> None:
        """Waits until `count` bytes of `who` have room. Raises TooManyRequests after ROOM_SECONDS, or if many wait."""
        if self._waiting >= MAX_WAITING:
            raise _no_room()
        self._waiting += 1
        try:
            for _ in range(int(ROOM_SECONDS / _POLL_SECONDS)):
                if who not in self._taken and sum(self._taken.values()) + count <= LARGE_BODIES_BYTES:
                    self._taken[who] = count
                    return
                await asyncio.sleep(_POLL_SECONDS)
            raise _no_room()
        finally:
            self._waiting -= 1

    def give_back(self, who: str) -> None:
        self._taken.pop(who, None)


def _no_room() -> TooManyRequests:
    return TooManyRequests(sentence("requests.no_room"), retry_after_seconds=5)


class BodyLimit:
    """ASGI middleware: `receive` raises 413 beyond the limit of the route, and RefusedBody beyond ANONYMOUS_BYTES for a
    client that is not logged in, or whose body gets no room."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._room = Room()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        counted = CountedReceive(scope, receive, self._room)
        try:
            await self._app(scope, counted, send)
        finally:
            counted.give_back_room()


class CountedReceive:
    """The ASGI `receive` of one request, which counts the bytes of the body."""

    def __init__(self, scope: Scope, receive: Receive, room: Room) -> None:
        self._scope = scope
        self._receive = receive
        self._room = room
        self._limit_bytes = limit_bytes(scope["path"].removeprefix(scope.get("root_path", "")))
        self._bytes_read = 0
        self._is_complete = False
        self._has_room_as = ""
        self._deadline: float | None = None
        """On the clock of the event loop; None: a small body, which has no deadline of its own."""

    async def __call__(self) -> Message:
        if not self._bytes_read:
            # A body whose Content-Length is too large is refused unread.
            await self._allow(_content_length(self._scope))
        message = await self._next()
        self._bytes_read += len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        await self._allow(self._bytes_read)
        return message

    def give_back_room(self) -> None:
        if self._has_room_as:
            self._room.give_back(self._has_room_as)

    async def _next(self) -> Message:
        if self._is_complete:
            # Only that the client goes away can come now.
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError:
            slow = BadRequest(sentence("requests.too_slow", seconds=BODY_SECONDS))
            raise RefusedBody(slow) from None

    async def _allow(self, count: int) -> None:
        if count > self._limit_bytes:
            raise HTTPException(413, sentence("requests.too_large", size=_size(self._limit_bytes)))
        if count > ANONYMOUS_BYTES and not self._has_room_as:
            try:
                login = await run_in_threadpool(_authenticate, Request(self._scope))
                who = f"{login.via}:{login.user.username}"
                # A body without a length may become as large as the route allows.
                await self._room.take(who, _content_length(self._scope) or self._limit_bytes)
            except KubeDoorError as error:
                raise RefusedBody(error) from error
            self._has_room_as = who
            self._deadline = asyncio.get_running_loop().time() + BODY_SECONDS


def limit_bytes(path: str) -> int:
    """The largest body of a request to `path`."""
    return next((limit for pattern, limit in _LIMITS if pattern.fullmatch(path)), JSON_BYTES)


def _authenticate(request: Request) -> Login:
    return authenticate(request, request.app.state.open_clusters().home)


def _content_length(scope: Scope) -> int:
    # 0 without a valid header: the body is then counted while it is read.
    length = Request(scope).headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


def _size(count: int) -> str:
    return f"{count // MIB} MiB" if count >= MIB else f"{count // KIB} KiB"
