"""Clients of a TLS port that keep it busy without asking anything: half a handshake, half a request, or nothing."""

from __future__ import annotations

import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

NAME = "localhost"


def client_hello() -> bytes:
    """The first record of a TLS handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=NAME).do_handshake()
    return outgoing.read()


class Crowd:
    """Opens connections to 127.0.0.1:`port`, and keeps them open until `close`."""

    def __init__(self, port: int, ca: Path) -> None:
        self._port = port
        self._context = ssl.create_default_context(cafile=str(ca))
        self._stack = ExitStack()

    def close(self) -> None:
        self._stack.close()

    def half_handshakes(self, count: int) -> list[socket.socket]:
        half = client_hello()[:100]
        return [self._plain(half) for _ in range(count)]

    def idle(self, count: int) -> list[ssl.SSLSocket]:
        return [self.send(b"") for _ in range(count)]

    def half_heads(self, count: int) -> list[ssl.SSLSocket]:
        return [self.send(b"POST /mutate HTTP/1.1\r\nHost: door\r\nContent-Le") for _ in range(count)]

    def held_bodies(self, count: int, size: int) -> list[ssl.SSLSocket]:
        """Each has sent `size` bytes of a body that is one byte longer."""
        head = f"POST /mutate HTTP/1.1\r\nHost: door\r\nContent-Length: {size + 1}\r\n\r\n".encode()
        return [self.send(head + b" " * size) for _ in range(count)]

    def send(self, content: bytes) -> ssl.SSLSocket:
        secured = self._stack.enter_context(self._context.wrap_socket(self._plain(b""), server_hostname=NAME))
        if content:
            secured.sendall(content)
        return secured

    def _plain(self, content: bytes) -> socket.socket:
        opened = self._stack.enter_context(socket.create_connection(("127.0.0.1", self._port), timeout=20))
        opened.sendall(content)
        return opened


@contextmanager
def crowd(port: int, ca: Path) -> Iterator[Crowd]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    opened = Crowd(port, ca)
    try:
        yield opened
    finally:
        opened.close()


def is_closed(client: socket.socket, *, within_seconds: float) -> bool:
    """Whether the server closes the connection, and has sent nothing before."""
    client.settimeout(within_seconds)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def peak_memory_mib(pid: int) -> float:
    """The most memory that a process has had so far (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
