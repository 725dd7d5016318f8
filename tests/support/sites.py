"""An HTTP server on loopback that gives every request the same answer: a redirect, a web page, half of something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Site:
    """The answer, and what was asked; `length` is the declared one, if it is another."""

    status: int = 200
    content_type: str = "application/json"
    body: bytes = b"{}"
    length: int | None = None
    location: str = ""
    port: int = 0
    authorizations: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running(site: Site) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            site.authorizations.append(self.headers.get("Authorization", ""))
            self.send_response(site.status)
            if site.location:
                self.send_header("Location", site.location)
            self.send_header("Content-Type", site.content_type)
            self.send_header("Content-Length", str(len(site.body) if site.length is None else site.length))
            self.end_headers()
            self.wfile.write(site.body)

        do_GET = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, *_words: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
