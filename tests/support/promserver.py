"""A fake Prometheus: an HTTP server on loopback that records requests and sends the replies of the test."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class ReceivedRequest:
    """One recorded request. `fields` are the form of a POST or the query of a GET."""

    method: str
    path: str
    fields: dict[str, str]
    headers: dict[str, str]

    @property
    def query(self) -> str:
        return self.fields.get("query", "")


@dataclass(frozen=True)
class Reply:
    """A response: `body` as bytes, or as pieces that are sent as HTTP chunks."""

    body: bytes | Iterable[bytes]
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False
    """Close the connection after the last piece without the final chunk."""


Answerer = Callable[[ReceivedRequest], Reply]


def success(data: Any, **envelope: Any) -> Reply:
    return Reply(json.dumps({"status": "success", "data": data, **envelope}).encode())


def result(series: Iterable[Any], kind: str = "vector", **envelope: Any) -> Reply:
    return success({"resultType": kind, "result": list(series)}, **envelope)


def failure(status: int, error: str, error_type: str = "execution") -> Reply:
    return Reply(json.dumps({"status": "error", "errorType": error_type, "error": error}).encode(), status)


def page(status: int = 200) -> Reply:
    return Reply(b"<!doctype html><title>Log in</title>", status, "text/html; charset=utf-8")


class PromServer:
    """`asked` has the recorded requests; `answer` may be replaced during a test."""

    def __init__(self, answer: Answerer, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.asked: list[ReceivedRequest] = []
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        if tls:
            # The handshake runs in the thread of the connection.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[PromServer]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    @property
    def queries(self) -> list[str]:
        return [asked.query for asked in self.asked if asked.query]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent: some tests close connections early."""


class _Handler(BaseHTTPRequestHandler):
    owner: ClassVar[PromServer]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._reply(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        self._reply(dict(parse_qsl(body)))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Silent: the test has `asked`."""

    def _reply(self, fields: dict[str, str]) -> None:
        asked = ReceivedRequest(self.command, urlsplit(self.path).path, fields, dict(self.headers.items()))
        self.owner.asked.append(asked)
        reply = self.owner.answer(asked)
        self.close_connection = True
        self.send_response(reply.status)
        self.send_header("Connection", "close")
        self.send_header("Content-Type", reply.content_type)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes):
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)
        else:
            self._send_chunks(reply.body, reply.is_cut)

    def _send_chunks(self, pieces: Iterable[bytes], is_cut: bool) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.flush()
        if not is_cut:
            self.wfile.write(b"0\r\n\r\n")
