from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request

from kubedoor.runtime.http import error_response, health_or_metrics


def test_the_message_of_a_foreign_error_is_not_shown() -> None:
    answer = error_response(RuntimeError("password=hunter2"))
    assert answer.status_code == 500
    assert b"hunter2" not in answer.body


@pytest.mark.parametrize(
    ("token", "sent", "status"),
    [
        ("", "", 200),
        ("right", "", 401),
        ("right", "Bearer wrong", 401),
        ("right", "Basic right", 401),
        ("right", "bearer right", 200),
    ],
)
def test_metrics_require_their_token_if_one_is_set(token: str, sent: str, status: int) -> None:
    async def ready() -> bool:
        return True

    scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": [(b"authorization", sent.encode())]}
    answering = health_or_metrics(
        Request(scope), registry=CollectorRegistry(), is_ready=ready, metrics_token=lambda: token
    )
    answer = asyncio.run(answering)
    assert answer is not None
    assert answer.status_code == status
