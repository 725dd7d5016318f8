from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubedoor.runtime.serving import Draining, warm_up


def application(statuses: list[int]) -> Any:
    """Answers with these, the last one for ever."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    return app


def headers_of(app: Draining) -> list[tuple[bytes, bytes]]:
    sent: list[Any] = []

    async def ask() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        await app({"type": "http"}, receive, send)

    asyncio.run(ask())
    headers: list[tuple[bytes, bytes]] = sent[0]["headers"]
    return headers


def test_a_connection_is_kept_until_the_pod_is_told_to_stop() -> None:
    app = Draining(application([200]))
    assert (b"connection", b"close") not in headers_of(app)
    app.is_draining = True
    assert (b"connection", b"close") in headers_of(app)


@pytest.mark.parametrize(("statuses", "ready"), [([200], True), ([503, 503, 200], True), ([503], False)])
def test_the_door_opens_when_it_knows_something_or_has_waited_long_enough(statuses: list[int], ready: bool) -> None:
    assert asyncio.run(warm_up(application(statuses), seconds=0.5)) is ready
