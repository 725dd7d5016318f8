"""No body is read without end: FastAPI has it in memory before anybody is asked to log in."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kubedoor.responses import MAX_BODY_BYTES

LIMIT_BYTES = 2 * MAX_BODY_BYTES
"""More than any route takes; sheets have a lower limit of their own."""


class BodyLimit:
    """An ASGI middleware: whoever reads on beyond the limit gets 413 raised."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        read_bytes = 0

        async def limited() -> Message:
            nonlocal read_bytes
            message = await receive()
            read_bytes += len(message.get("body", b""))
            if read_bytes > LIMIT_BYTES:
                raise HTTPException(413)
            return message

        await self._app(scope, limited, send)
