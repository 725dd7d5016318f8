"""The short way of a review, past the framework."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from kubedoor.errors import BadRequest
from kubedoor.runtime.http import MAX_BODY_BYTES
from kubedoor.runtime.reviews import Reviews


async def echo(body: bytes) -> bytes:
    if body == b"bad":
        raise BadRequest("the body is not JSON", field="body")
    if body == b"bug":
        raise RuntimeError("secret")
    return body


async def framework(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"the framework"})


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def send(*messages: dict[str, Any], method: str = "POST", path: str = "/mutate", length: str = "") -> tuple[int, bytes]:
    """Status and body of the answer; it fails if more messages are received than there are."""
    waiting, sent = list(messages), []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def collect(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-length", length.encode())] if length else []
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(Reviews(framework, echo)(scope, receive, collect))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize("path", ["/", "/mutate"])
def test_a_review_is_answered_past_the_framework(path: str) -> None:
    assert send(part(b"{}"), path=path, length="2") == (200, b"{}")


def test_a_body_in_parts_is_put_together() -> None:
    assert send(part(b"{", more=True), part(b"}", more=True), part(b"")) == (200, b"{}")


@pytest.mark.parametrize(("method", "path"), [("GET", "/mutate"), ("POST", "/healthz"), ("POST", "/mutate/x")])
def test_everything_else_is_the_framework_s(method: str, path: str) -> None:
    assert send(part(b""), method=method, path=path) == (404, b"the framework")


@pytest.mark.parametrize(
    ("messages", "length", "status", "says"),
    [
        ([part(b"bad")], "3", 400, "not JSON"),
        ([part(b"bug")], "3", 500, "internal error"),
        ([], str(MAX_BODY_BYTES + 1), 413, "larger than 4 MiB"),
        ([part(b"x" * (MAX_BODY_BYTES + 1))], "", 413, "larger than 4 MiB"),
        ([part(b"x", more=True), part(b"x" * MAX_BODY_BYTES, more=True)], "", 413, "larger than 4 MiB"),
        ([part(b"{", more=True), {"type": "http.disconnect"}], "9", 400, "went away"),
        ([{"type": "http.disconnect"}], "9", 400, "went away"),
    ],
)
def test_errors_have_the_json_of_every_error(
    messages: list[dict[str, Any]], length: str, status: int, says: str
) -> None:
    code, body = send(*messages, length=length)
    assert code == status
    assert says in json.loads(body)["error"]["message"]
    assert b"secret" not in body
