"""What lies below the API's prefix and is no route: 405 with `Allow` where the path takes other methods, else 404.

It stands before the pages, which take every path that is left and would answer a wrong method as if it were a page.
"""

from __future__ import annotations

import re
from functools import cached_property

from fastapi import FastAPI
from starlette.requests import Request
from starlette.routing import Route, compile_path
from starlette.types import Receive, Scope, Send

from kubedoor.errors import KubeDoorError, NotFound
from kubedoor.runtime.http import error_response


class MethodNotAllowed(KubeDoorError):
    status = 405
    code = "method_not_allowed"


class DeadEnds:
    """The ASGI application at the end of every such path."""

    def __init__(self, app: FastAPI, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        path = f"{self._prefix}/{request.path_params['path']}"
        if allowed := self._allowed(path):
            answer = error_response(MethodNotAllowed(f"{request.method} is not served at {path}"))
            answer.headers["Allow"] = ", ".join(allowed)
        else:
            answer = error_response(NotFound(f"there is nothing at {path}"))
        await answer(scope, receive, send)

    def _allowed(self, path: str) -> list[str]:
        return sorted({method for pattern, methods in self._known if pattern.fullmatch(path) for method in methods})

    @cached_property
    def _known(self) -> list[tuple[re.Pattern[str], list[str]]]:
        paths = self._app.openapi()["paths"]
        return [(compile_path(path)[0], [method.upper() for method in methods]) for path, methods in paths.items()]


def add_dead_ends(app: FastAPI, prefix: str) -> None:
    """After all routes, and before the pages."""
    app.router.routes.append(Route(f"{prefix}/{{path:path}}", endpoint=DeadEnds(app, prefix), include_in_schema=False))
