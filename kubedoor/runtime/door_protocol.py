"""How the door's port answers reviews: from the parsed request to one write, without the framework in between.

The framework's scope, middlewares, routes and response take as long as an admission itself. Only a POST to the door's path
goes this way; the function `mutate` answers everything else here, and reviews where the framework's own server runs it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from kubedoor.errors import KubeDoorError
from kubedoor.runtime.connections import Connection, Connections, Phase
from kubedoor.runtime.http import check_size, declared_size, error_response
from kubedoor.runtime.limited_server import LimitedProtocol

log = logging.getLogger(__name__)

PATHS = frozenset({b"/", b"/mutate"})
_JSON = ((b"content-type", b"application/json"),)
Answer = Callable[[bytes], Awaitable[bytes]]
"""From the body of a review to the answer's. Raises KubeDoorError."""
Headers = Iterable[tuple[bytes, bytes]]


class Door(NamedTuple):
    """`is_draining`: each answer asks the client to reconnect."""

    answer: Answer
    is_draining: Callable[[], bool]


class Review(RequestResponseCycle):
    """One review from its headers to its answer, in the place of uvicorn's cycle: the protocol asks it the same questions."""

    def __init__(self, *, keep_alive: bool) -> None:
        # Not uvicorn's: that keeps what an ASGI application needs.
        self.keep_alive = keep_alive
        self.body = bytearray()
        self.more_body = True
        self.disconnected = False
        self.response_started = False
        self.response_complete = False
        self.message_event = _Nobody()  # type: ignore[assignment]


class _Nobody:
    """Nobody waits for parts of a body."""

    def set(self) -> None:
        pass


class DoorProtocol(LimitedProtocol):
    def __init__(self, connections: Connections, connection: Connection, door: Door, **uvicorn_arguments: Any) -> None:
        super().__init__(connections, connection, **uvicorn_arguments)
        self._door = door

    def connection_lost(self, exc: Exception | None) -> None:
        review = self.cycle
        super().connection_lost(exc)
        if isinstance(review, Review) and review.more_body:
            # Nobody will answer it.
            self._connections.answered(self._connection)

    def on_headers_complete(self) -> None:
        if not self._is_review():
            super().on_headers_complete()
            return
        review = Review(keep_alive=self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive())
        self.cycle = review
        self._connection.phase = Phase.BODY
        length = next((value for name, value in self.headers if name == b"content-length"), b"")
        self._check_size(review, declared_size(length.decode("latin-1")))

    def _is_review(self) -> bool:
        is_mine = self.parser.get_method() == b"POST" and self.url.partition(b"?")[0] in PATHS
        return is_mine and not self.expect_100_continue and not self.parser.should_upgrade()

    def on_body(self, body: bytes) -> None:
        review = self.cycle
        if not isinstance(review, Review):
            super().on_body(body)
        elif not review.response_complete:
            review.body += body
            self._connections.body_grew(self._connection, len(body))
            self._check_size(review, len(review.body))

    def on_message_complete(self) -> None:
        review = self.cycle
        if not isinstance(review, Review):
            super().on_message_complete()
        elif not review.response_complete:
            review.more_body = False
            self._connection.phase = Phase.ANSWER
            task = self.loop.create_task(self._answer_review(review))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def _check_size(self, review: Review, count: int) -> None:
        try:
            check_size(count)
        except KubeDoorError as error:
            self._connections.answered(self._connection)
            review.body.clear()
            self._write_error(review, error)

    async def _answer_review(self, review: Review) -> None:
        try:
            content = await self._door.answer(bytes(review.body))
            if self.flow.write_paused and not review.disconnected:
                await self.flow.drain()
        except Exception as error:
            self._connections.answered(self._connection)
            self._write_error(review, error)
        else:
            self._connections.answered(self._connection)
            self._write(review, 200, _JSON, content)

    def _write_error(self, review: Review, error: Exception) -> None:
        response = error_response(error)
        headers = [(name, value) for name, value in response.raw_headers if name != b"content-length"]
        self._write(review, response.status_code, headers, bytes(response.body))

    def _write(self, review: Review, status: int, headers: Headers, content: bytes) -> None:
        """Head and body in one write: each is a TLS record and a packet of its own otherwise."""
        review.response_started = review.response_complete = True
        if review.disconnected or self.transport.is_closing():
            return
        if self._door.is_draining():
            review.keep_alive = False
        lines = [b"%b: %b\r\n" % header for header in (*self.server_state.default_headers, *headers)]
        if not review.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"content-length: %d\r\n\r\n" % len(content))
        self.transport.write(b"".join((STATUS_LINE[status], *lines, content)))
        if not review.keep_alive:
            self.transport.close()
        self.on_response_complete()
