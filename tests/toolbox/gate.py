"""Proxies that stand for what is often before a Prometheus.

Prometheus itself supports only basic authentication and TLS; a bearer token or a tenant header needs a proxy. And it never
answers partially, as Thanos and VictoriaMetrics do while one of their stores is away.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

FORWARD_TIMEOUT_SECONDS = 60
PASSED_ON = ("Content-Type", "Content-Encoding")


class HeaderGate:
    """A context manager: inside, `url` forwards requests with the headers `required` to `target`; others get 401."""

    def __init__(self, target: str, required: Mapping[str, str]) -> None:
        self.required = dict(required)
        self.target = urlsplit(target)
        self.refused = 0
        self.passed = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="header-gate")
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = FORWARD_TIMEOUT_SECONDS

            def do_GET(self) -> None:
                gate.answer(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                """Silent: a failed test shows the client's error."""

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if any(request.headers.get(name) != value for name, value in self.required.items()):
            self.refused += 1
            self._reply(request, 401, {}, b"Unauthorized\n")
            return
        self.passed += 1
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        connection = http.client.HTTPConnection(str(self.target.netloc), timeout=FORWARD_TIMEOUT_SECONDS)
        try:
            connection.request(request.command, request.path, body or None, headers)
            response = connection.getresponse()
            self._reply(request, response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def _reply(self, request: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes) -> None:
        request.send_response(status)
        for name in PASSED_ON:
            if name in headers:
                request.send_header(name, headers[name])
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


class PartialGate(HeaderGate):
    """Leaves out the series whose labels `is_hidden` picks, and adds `envelope` to every answer that has series."""

    def __init__(
        self, target: str, is_hidden: Callable[[Mapping[str, str]], bool], envelope: Mapping[str, Any]
    ) -> None:
        super().__init__(target, {})
        self.is_hidden, self.envelope = is_hidden, envelope

    def _reply(self, request: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes) -> None:
        if status == 200 and "/api/v1/query" in request.path:
            answer = json.loads(body)
            data = answer["data"]
            data["result"] = [series for series in data["result"] if not self.is_hidden(series["metric"])]
            body = json.dumps({**answer, **self.envelope}).encode()
        super()._reply(request, status, headers, body)
