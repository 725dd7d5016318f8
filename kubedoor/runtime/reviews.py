"""The short way of an AdmissionReview: from the server to the door's answer, past the framework's routing.

The framework's middlewares, routes and request objects take a third of the time of an admission. Only POST to the door's
path goes the short way; the function `mutate` answers everything else, and the same reviews where the framework's own
server runs it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from kubedoor.errors import BadRequest
from kubedoor.runtime.http import check_size, declared_size, error_response
from kubedoor.sentences import sentence

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
PATHS = frozenset({"/", "/mutate"})


class Reviews:
    """`answer`: from a body to the answer's, or an error; `app`: for what is no POST to one of PATHS."""

    def __init__(self, app: App, answer: Callable[[bytes], Awaitable[bytes]]) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in PATHS:
            await self._app(scope, receive, send)
            return
        try:
            content = await self._answer(await _body(scope["headers"], receive))
        except Exception as error:
            await error_response(error)(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


async def _body(headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> bytes:
    """Raises TooLarge, as soon as that is known, and BadRequest."""
    for name, value in headers:
        if name == b"content-length":
            check_size(declared_size(value.decode("latin-1")))
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        found: bytes = message.get("body", b"")
        check_size(len(found))
        return found
    body = bytearray()
    while message["type"] == "http.request":
        body += message.get("body", b"")
        check_size(len(body))
        if not message.get("more_body", False):
            return bytes(body)
        message = await receive()
    raise BadRequest(sentence("requests.client_left"))
