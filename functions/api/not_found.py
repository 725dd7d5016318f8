"""Answers requests below the API's prefix that match no route: 405 with `Allow` for a known path, else 404.

Without it, the static pages, which match every remaining path, would answer them.
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
from kubedoor.sentences import sentence


class MethodNotAllowed(KubeDoorError):
    status = 405
    code = "method_not_allowed"


class NoRoute:
    """The ASGI endpoint for every such path."""

    def __init__(self, app: FastAPI, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        path = f"{self._prefix}/{request.path_params['path']}"
        if allowed := self._allowed(path):
            answer = error_response(MethodNotAllowed(sentence("requests.method", method=request.method, path=path)))
            answer.headers["Allow"] = ", ".join(allowed)
        else:
            answer = error_response(NotFound(sentence("requests.nothing_there", path=path)))
        await answer(scope, receive, send)

    def _allowed(self, path: str) -> list[str]:
        return sorted(
            {method for pattern, methods in self._methods_by_path if pattern.fullmatch(path) for method in methods}
        )

    @cached_property
    def _methods_by_path(self) -> list[tuple[re.Pattern[str], list[str]]]:
        paths = self._app.openapi()["paths"]
        return [(compile_path(path)[0], [method.upper() for method in methods]) for path, methods in paths.items()]


def add_not_found(app: FastAPI, prefix: str) -> None:
    """To be called after all routes are added and before the static pages are."""
    app.router.routes.append(Route(f"{prefix}/{{path:path}}", endpoint=NoRoute(app, prefix), include_in_schema=False))
