"""Draining of connections, and the wait for readiness."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kubedoor.errors import SettingsError
from kubedoor.runtime.serving import Draining, Mounts, load_function, warm_up


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
