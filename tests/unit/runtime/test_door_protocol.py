"""How the door's port answers reviews: a real server, and clients that send what they like."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import uvloop

from kubedoor.admission.certificates import self_signed
from kubedoor.errors import BadRequest
from kubedoor.runtime.certificate_reload import CertificateReload
from kubedoor.runtime.door_server import DoorServer
from kubedoor.runtime.http import MAX_BODY_BYTES
from kubedoor.runtime.serving import Draining, build_door_server
from tests.toolbox.processes import free_port, wait_until


async def framework(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    body = f"the framework: {scope['method']} {scope['path']}".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Running:
    """A door whose answers are what was sent; `slow` waits for `go_on`."""

    def __init__(self, folder: Path) -> None:
        made = self_signed.ensure(folder, ["localhost"], now=datetime.now(UTC))
        self.app = Draining(framework)
        self.port = free_port()
        self.go_on = threading.Event()
        self.context = ssl.create_default_context(cafile=folder / "ca.crt")
        certificates = CertificateReload(made.certificate, made.key)
        self.server: uvicorn.Server = build_door_server(
            self.app, host="127.0.0.1", port=self.port, certificates=certificates, answer=self.answer
        )

    async def answer(self, body: bytes) -> bytes:
        if body == b"bad":
            raise BadRequest("the body is not JSON", field="body")
        if body == b"bug":
            raise RuntimeError("secret")
        if body == b"slow":
            await asyncio.to_thread(self.go_on.wait, 20)
        return body

    @property
    def bodies_bytes(self) -> int:
        assert isinstance(self.server, DoorServer)
        return self.server.connections.bodies_bytes

    def connect(self) -> ssl.SSLSocket:
        return self.context.wrap_socket(
            socket.create_connection(("127.0.0.1", self.port), timeout=20), server_hostname="localhost"
        )

    @contextmanager
    def client(self) -> Iterator[http.client.HTTPSConnection]:
        made = http.client.HTTPSConnection("localhost", self.port, context=self.context, timeout=20)
        try:
            yield made
        finally:
            made.close()

    def post(self, body: Any, path: str = "/mutate", **fields: Any) -> tuple[int, bytes]:
        with self.client() as client:
            client.request("POST", path, body, **fields)
            response = client.getresponse()
            return response.status, response.read()


def run_as_the_door(server: uvicorn.Server) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server._serve())


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    thread = threading.Thread(target=run_as_the_door, args=(running.server,))
    thread.start()
    wait_until(lambda: running.server.started, what="the door listens")
    yield running
    running.go_on.set()
    running.server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize("path", ["/", "/mutate", "/mutate?timeout=2s"])
def test_a_review_is_answered_past_the_framework(door: Running, path: str) -> None:
    assert door.post(b"{}", path) == (200, b"{}")


def test_a_connection_serves_one_review_after_the_other(door: Running) -> None:
    with door.client() as client:
        for body in (b"first", b"bad", b"third"):
            client.request("POST", "/mutate", body)
            response = client.getresponse()
            assert response.headers["content-type"] == "application/json"
            assert response.headers["date"]
            assert b"the body" in response.read() if body == b"bad" else response.read() == body
        assert client.sock is not None, "kept"


def test_a_body_in_parts_is_put_together(door: Running) -> None:
    assert door.post(iter([b"{", b'"a":', b"1}"]), encode_chunked=True) == (200, b'{"a":1}')


@pytest.mark.parametrize(("method", "path"), [("GET", "/mutate"), ("POST", "/healthz"), ("POST", "/mutate/x")])
def test_everything_else_is_the_framework_s(door: Running, method: str, path: str) -> None:
    with door.client() as client:
        client.request(method, path)
        assert client.getresponse().read() == f"the framework: {method} {path}".encode()
        client.request("POST", "/mutate", b"then a review")
        assert client.getresponse().read() == b"then a review"
        client.request(method, path)
        assert client.getresponse().read() == f"the framework: {method} {path}".encode()


def test_a_client_that_asks_before_it_sends_is_answered(door: Running) -> None:
    with door.connect() as client:
        client.sendall(b"POST /mutate HTTP/1.1\r\nHost: door\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert b"100 Continue" in client.recv(1000)
        client.sendall(b"{}")
        assert b"200 OK" in client.recv(1000)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [(b"bad", 400, "not JSON"), (b"bug", 500, "internal error"), (b"x" * (MAX_BODY_BYTES + 1), 413, "4 MiB")],
)
def test_errors_have_the_json_of_every_error(door: Running, body: bytes, status: int, says: str) -> None:
    code, answered = door.post(body)
    assert code == status
    assert says in json.loads(answered)["error"]["message"]
    assert b"secret" not in answered
    assert door.bodies_bytes == 0


def test_a_body_without_a_length_is_refused_as_soon_as_it_is_too_large(door: Running) -> None:
    with door.connect() as client:
        client.sendall(b"POST /mutate HTTP/1.1\r\nHost: door\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(MAX_BODY_BYTES // 2**16 + 1):
            client.sendall(b"10000\r\n" + b"x" * 2**16 + b"\r\n")
        assert b"413" in client.recv(1000)
        client.sendall(b"0\r\n\r\nPOST /mutate HTTP/1.1\r\nHost: door\r\nContent-Length: 2\r\n\r\n{}")
        assert client.recv(1000).endswith(b"{}")
    assert door.bodies_bytes == 0


@pytest.mark.parametrize(
    "head", [b"POST /mutate HTTP/1.0\r\n", b"POST /mutate HTTP/1.1\r\nHost: door\r\nConnection: close\r\n"]
)
def test_a_client_that_wants_to_leave_may(door: Running, head: bytes) -> None:
    with door.connect() as client:
        client.sendall(head + b"Content-Length: 2\r\n\r\n{}")
        answer = b""
        while part := client.recv(1000):
            answer += part
        assert b"connection: close" in answer
        assert answer.endswith(b"{}")


def test_a_client_that_goes_amid_its_body_leaves_nothing(door: Running) -> None:
    with door.connect() as client:
        client.sendall(b"POST /mutate HTTP/1.1\r\nHost: door\r\nContent-Length: 100\r\n\r\nhalf")
        wait_until(lambda: door.bodies_bytes == 4, what="half a body is there")
    wait_until(lambda: door.bodies_bytes == 0, what="it is forgotten")


def test_a_client_that_goes_before_its_answer_leaves_nothing(door: Running) -> None:
    with door.connect() as client:
        client.sendall(b"POST /mutate HTTP/1.1\r\nHost: door\r\nContent-Length: 4\r\n\r\nslow")
        wait_until(lambda: door.bodies_bytes == 4, what="the body is there")
    door.go_on.set()
    wait_until(lambda: door.bodies_bytes == 0, what="it is forgotten")


def tls_connections() -> int:
    return sum(type(one).__name__ == "SSLProtocol" for one in gc.get_objects())


def test_a_closed_connection_waits_for_no_garbage_collection(door: Running) -> None:
    gc.disable()
    try:
        for body in (b"{}", b"bad", b"{}"):
            door.post(body)
            with door.client() as client:
                client.request("GET", "/healthz")
                client.getresponse().read()
        with door.connect() as client:
            client.sendall(b"POST /mutate HTTP/1.1\r\nHost: door\r\nContent-Length: 4\r\n\r\nslow")
            wait_until(lambda: door.bodies_bytes == 4, what="the body is there")
            assert tls_connections() > 0
        door.go_on.set()
        wait_until(lambda: tls_connections() == 0, what="all are freed")
    finally:
        gc.enable()


def test_while_draining_each_answer_asks_to_reconnect(door: Running) -> None:
    door.app.is_draining = True
    with door.client() as client:
        client.request("POST", "/mutate", b"{}")
        response = client.getresponse()
        assert (response.headers["connection"], response.read()) == ("close", b"{}")


def test_at_its_end_the_door_answers_what_it_has_begun(door: Running) -> None:
    with door.connect() as client:
        client.sendall(b"POST /mutate HTTP/1.1\r\nHost: door\r\nContent-Length: 4\r\n\r\nslow")
        wait_until(lambda: door.bodies_bytes == 4, what="the body is there")
        door.server.should_exit = True
        threading.Timer(0.5, door.go_on.set).start()
        answer = client.recv(1000)
        assert answer.endswith(b"slow")
        assert b"connection: close" in answer
