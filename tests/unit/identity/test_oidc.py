"""Requests to the identity provider: caching and the concurrency limit."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kubedoor.errors import IdentityError
from kubedoor.identity.oidc import DISCOVERY_TTL, MAX_CONCURRENT_REQUESTS, OidcClient, OidcOptions
from tests.support.accounts import Clock


class Provider(ThreadingHTTPServer):
    """Serves only its discovery document; clear `may_answer` to delay responses."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.request_count = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        self.server.request_count += 1
        self.server.may_answer.wait(timeout=20)
        body = json.dumps({"issuer": self.server.issuer, "authorization_endpoint": f"{self.server.issuer}/go"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def running() -> Iterator[Provider]:
    with Provider() as provider:
        threading.Thread(target=provider.serve_forever, daemon=True).start()
        try:
            yield provider
        finally:
            provider.may_answer.set()
            provider.shutdown()


def oidc_of(provider: Provider, clock: Clock) -> OidcClient:
    options = OidcOptions(provider.issuer, "kubedoor", "", "openid", "sub", "groups", {}, "http://here/callback")
    return OidcClient(options, now=clock)


def test_the_discovery_document_is_cached_until_its_ttl() -> None:
    clock = Clock()
    with running() as provider:
        oidc = oidc_of(provider, clock)
        assert oidc.start()[0].startswith(f"{provider.issuer}/go?")
        assert oidc.start()[1] != oidc.start()[1]
        assert provider.request_count == 1
        clock.advance(seconds=DISCOVERY_TTL.total_seconds())
        oidc.start()
        assert provider.request_count == 2


def test_a_slow_provider_does_not_block_every_thread() -> None:
    def outcome(_: int) -> str:
        try:
            return oidc.start()[0]
        except IdentityError as error:
            return error.message

    with running() as provider, ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS + 4) as pool:
        oidc = oidc_of(provider, Clock())
        provider.may_answer.clear()
        starts = [pool.submit(outcome, number) for number in range(MAX_CONCURRENT_REQUESTS + 4)]
        threading.Event().wait(3)
        refused = [one.result() for one in starts if one.done()]
        assert len(refused) == 4
        assert all("try again" in message for message in refused)
        provider.may_answer.set()
        assert sum(one.result().startswith(provider.issuer) for one in starts) == MAX_CONCURRENT_REQUESTS
    with pytest.raises(IdentityError):
        oidc_of(provider, Clock()).start()
