"""uvicorn's server with limits on connections, bodies and time.

uvicorn has a limit on requests (`limit_concurrency`), which answers 503 and leaves the connections open, and a timeout
between requests. Nothing there ends a handshake, a head or a body that never comes, so sockets are accepted here, and
each is one `Connection` from its first packet on.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kubedoor.runtime.connections import SWEEP_SECONDS, Connection, Connections, Limits, Phase

log = logging.getLogger(__name__)

MAX_HEAD_BYTES = 64 * 2**10
"""Request line and headers; httptools itself has no limit."""
ACCEPTED_AT_ONCE = 100
RETRY_ACCEPT_SECONDS = 0.5
_UNANSWERED = frozenset({Phase.BODY, Phase.ANSWER})


class LimitedProtocol(HttpToolsProtocol):
    """One client's HTTP; tells `Connections` what it is at."""

    def __init__(self, connections: Connections, connection: Connection, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self._connections = connections
        self._connection = connection
        self._head_bytes = 0
        self._unlimited_app = self.app
        self.app = self._answer

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._unlimited_app(scope, receive, send)
        finally:
            self._connections.answered(self._connection)

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._connection.close = transport.abort
        self._connections.entered(self._connection, Phase.IDLE)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._connections.gone(self._connection)
        # Nothing may lead from the protocol to itself now: uvloop has a buffer of 256 KiB for each TLS connection, which would else
        # be freed by the next full garbage collection only, hundreds of connections later.
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = None
        self.app = self._unlimited_app
        self.cycle = None  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        connection = self._connection
        before = connection.phase
        super().data_received(data)
        # Once for all that the data has brought: mostly it is a whole request.
        if connection.phase is not before:
            self._connections.entered(connection, connection.phase)
        if connection.phase is Phase.HEAD:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.abort()

    def on_message_begin(self) -> None:
        if self._connection.phase in _UNANSWERED:
            # No client that the door has sends a request before it has the answer to the last one. httptools turns this
            # into its own error, which closes the connection.
            raise ValueError("pipelined requests are not served")
        HttpToolsProtocol.on_message_begin(self)
        self._head_bytes = 0
        self._connection.phase = Phase.HEAD

    def on_headers_complete(self) -> None:
        HttpToolsProtocol.on_headers_complete(self)
        self._connection.phase = Phase.BODY

    def on_body(self, body: bytes) -> None:
        HttpToolsProtocol.on_body(self, body)
        if not self.cycle.response_complete:
            self._connections.body_grew(self._connection, len(body))

    def on_message_complete(self) -> None:
        HttpToolsProtocol.on_message_complete(self)
        if not self.cycle.response_complete:
            self._connection.phase = Phase.ANSWER

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._connections.entered(self._connection, Phase.IDLE)


class Listener:
    """Accepts on one socket. Has what uvicorn wants of a server: `close` and `wait_closed`."""

    def __init__(self, name: str, listening: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        self._name = name
        self._socket = listening
        self._serve = serve
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    async def wait_closed(self) -> None:
        """Nothing to wait for: uvicorn waits for the connections themselves."""

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Out of file handles or memory. The socket stays readable, so without a pause this would spin.
                log.error("%s cannot accept connections: %s", self._name, error)
                self._loop.remove_reader(self._socket)
                self._loop.call_later(RETRY_ACCEPT_SECONDS, self._resume)
                return
            accepted.setblocking(False)
            # asyncio's loop forgets it for sockets that it has not accepted itself: 40 ms a request.
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._serve(accepted)

    def _resume(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._accept)


class LimitedServer(uvicorn.Server):
    """Must run on the loop that it is started on. `name`: whose port it is, for the log; `http` of `config` does not matter."""

    def __init__(self, config: uvicorn.Config, limits: Limits, *, name: str) -> None:
        super().__init__(config)
        self._limits = limits
        self._name = name
        self._handshakes: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        self.connections = Connections(self._limits, asyncio.get_running_loop().time, name=self._name)
        host, port = self.config.host, self.config.port
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listening = socket.create_server((host, port), family=family, backlog=self.config.backlog)
        except OSError as error:
            log.error("%s cannot listen on %s port %d: %s", self._name, host, port, error)
            sys.exit(STARTUP_FAILURE)
        listening.setblocking(False)
        self.servers = [Listener(self._name, listening, self._serve_socket)]  # type: ignore[list-item]
        self.started = True

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """What runs as long as the server does."""
        return [self._sweep()]

    def protocol(self, connection: Connection, arguments: Mapping[str, Any]) -> LimitedProtocol:
        """For one connection; `arguments` are uvicorn's."""
        return LimitedProtocol(self.connections, connection, **arguments)

    async def main_loop(self) -> None:
        background = [asyncio.create_task(one) for one in self.background()]
        try:
            await super().main_loop()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        self.connections.close_all()
        await super().shutdown(sockets)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.connections.sweep()

    def _serve_socket(self, accepted: socket.socket) -> None:
        task: asyncio.Task[None] | None = None

        def close() -> None:
            if task is not None:
                task.cancel()

        def ended(task: asyncio.Task[None]) -> None:
            self._handshakes.discard(task)
            if task.cancelled():
                # Before its first step: nothing there has closed the socket.
                accepted.close()

        connection = self.connections.opened(close)
        if connection is None:
            accepted.close()
            return
        task = asyncio.create_task(self._shake_hands(accepted, connection))
        self._handshakes.add(task)
        task.add_done_callback(ended)

    async def _shake_hands(self, accepted: socket.socket, connection: Connection) -> None:
        arguments: Mapping[str, Any] = {
            "config": self.config,
            "server_state": self.server_state,
            "app_state": self.lifespan.state,
        }
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self.protocol(connection, arguments),
                accepted,
                ssl=self.config.ssl,
                # Without TLS asyncio takes none.
                ssl_handshake_timeout=self._limits.request_seconds if self.config.ssl else None,
                ssl_shutdown_timeout=self._limits.request_seconds if self.config.ssl else None,
            )
        except (OSError, asyncio.CancelledError):
            # No TLS, no certificate that the client accepts, a handshake that took too long: the client's affair.
            self.connections.gone(connection)
            with suppress(OSError):
                accepted.close()
