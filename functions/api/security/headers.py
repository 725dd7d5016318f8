"""ASGI middleware around everything: refuses headers that cannot be read, adds those that protect the browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kubedoor.errors import BadRequest, KubeDoorError
from kubedoor.runtime.http import error_response
from kubedoor.sentences import NOTHING, Sentence, sentence

from .cookies import is_https

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; font-src 'self';"
    " img-src 'self' data:; style-src 'self' 'unsafe-inline'; manifest-src 'self'; frame-ancestors 'none';"
    " base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_DAY_SECONDS = 86_400


class BrowserHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if value := _transport_security(request):
                    headers.setdefault("Strict-Transport-Security", value)
            await send(message)

        if problem := unreadable_header(request):
            await error_response(BadRequest(problem))(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def unreadable_header(request: Request) -> Sentence:
    """Which of the headers that name an address is none; empty: they can be read."""
    if len(request.headers.getlist("host")) > 1:
        return sentence("requests.two_hosts")
    for name, scheme in (("host", "//"), ("origin", ""), ("referer", "")):
        try:
            parts = urlsplit(scheme + request.headers.get(name, ""))
            _ = parts.hostname, parts.port
        except ValueError:
            return sentence("requests.no_address", header=name.capitalize())
    return NOTHING


def _transport_security(request: Request) -> str:
    """The value of HSTS; empty without TLS, and where KUBEDOOR_HSTS_DAYS is 0."""
    try:
        settings = request.app.state.open_clusters().settings.home
    except KubeDoorError:
        return ""
    if not settings.hsts_days or not is_https(request, settings):
        return ""
    return f"max-age={settings.hsts_days * _DAY_SECONDS}"
