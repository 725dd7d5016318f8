"""Draining of connections, and the wait for readiness."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from typing import Any

import pytest

from functions.api.routes.actions import STREAM_SECONDS
from kubedoor.errors import SettingsError
from kubedoor.runtime.connections import Phase
from kubedoor.runtime.serving import PAGES_LIMITS, Draining, Mounts, build_server, load_function, warm_up
from tests.toolbox.processes import free_port, wait_until


def application(statuses: list[int]) -> Any:
    """Responds with these statuses in turn; the last one repeats."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    return app


def headers_of(app: Draining) -> list[tuple[bytes, bytes]]:
    sent: list[Any] = []

    async def request() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        await app({"type": "http"}, receive, send)

    asyncio.run(request())
    headers: list[tuple[bytes, bytes]] = sent[0]["headers"]
    return headers


def test_draining_closes_connections() -> None:
    app = Draining(application([200]))
    assert (b"connection", b"close") not in headers_of(app)
    app.is_draining = True
    assert (b"connection", b"close") in headers_of(app)


@pytest.mark.parametrize(("statuses", "ready"), [([200], True), ([503, 503, 200], True), ([503], False)])
def test_warm_up_ends_when_ready_or_after_its_timeout(statuses: list[int], ready: bool) -> None:
    assert asyncio.run(warm_up(application(statuses), seconds=0.5)) is ready


def test_a_path_is_routed_to_the_function_mounted_there() -> None:
    seen: list[tuple[str, str]] = []

    def app(name: str) -> Callable[..., Any]:
        async def call(scope: dict[str, Any], _receive: Any, _send: Any) -> None:
            seen.append((name, scope.get("root_path", "")))

        return call

    mounts = Mounts({"/collect": app("collect")}, app("api"))
    for path in ("/collect", "/collect/healthz", "/collector", "/"):
        asyncio.run(mounts({"type": "http", "path": path}, None, None))  # type: ignore[arg-type]
    assert seen == [("collect", "/collect"), ("collect", "/collect"), ("api", ""), ("api", "")]


def test_a_missing_function_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="is not there"):
        load_function("nothing")


def test_the_port_of_pages_serves_whoever_asks_while_a_crowd_holds_all_its_connections() -> None:
    port = free_port()
    limits = replace(PAGES_LIMITS, connections=20, request_seconds=1.5)
    server = build_server(application([200]), host="127.0.0.1", port=port, limits=limits)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, what="the server is up", timeout_seconds=10)
    with ExitStack() as stack:
        crowd = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(40)]
        for one in crowd:
            with suppress(OSError):
                one.sendall(b"GET / HTTP/1.1\r\nHost: lo")
        for _ in range(3):
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as other:
                other.request("GET", "/")
                assert other.getresponse().status == 200
        for one in crowd:
            one.settimeout(10)
            with suppress(ConnectionResetError):
                assert one.recv(100) == b"", "half a head is waited for, but not for ever"
    server.should_exit = True
    thread.join(timeout=10)


def test_a_long_answer_is_not_cut_off() -> None:
    assert PAGES_LIMITS.seconds_of(Phase.ANSWER) > STREAM_SECONDS
