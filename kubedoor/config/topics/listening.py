"""Addresses, ports and certificates that the processes listen with."""

from __future__ import annotations

from dataclasses import dataclass

from kubedoor.config import parsers
from kubedoor.config.declaration import setting


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ListeningSettings:
    """Fields of `Settings`."""

    host: str = setting("127.0.0.1", parsers.ip_address, "0.0.0.0", "Address that `serve` listens on.")  # noqa: S104
    port: int = setting("8080", parsers.integer(1, 65535), "8080", "Port of the web pages, the API and `collect`.")
    door_port: int = setting("8443", parsers.integer(1, 65535), "8443", "Port of the door (HTTPS).")
    drain_seconds: float = setting(
        "0",
        parsers.number(0, 300),
        "15",
        "How long `mutate` goes on answering after SIGTERM, until nobody sends it requests any more.",
    )
    door_connections: int = setting(
        "1000",
        parsers.integer(10, 100_000),
        "2000",
        "Most connections to the door at once; beyond them, the one that has wasted the most time is closed.",
    )
    door_request_seconds: float = setting(
        "5",
        parsers.number(1, 60),
        "5",
        "How long a client of the door may take for the TLS handshake, for the headers and for the body, each.",
    )
    door_idle_seconds: int = setting(
        "120",
        parsers.integer(95, 3600),
        "120",
        "How long a connection to the door stays open between requests; the API server keeps its own for 90 s.",
    )
    door_bodies_memory_bytes: int = setting(
        "64Mi",
        parsers.memory,
        "128Mi",
        "Most memory for bodies of requests to the door; beyond it, the slowest senders are dropped.",
        variable="KUBEDOOR_DOOR_BODIES_MEMORY",
    )
    stuck_seconds: float = setting(
        "30",
        parsers.number(0, 3600),
        "30",
        "`mutate` ends, and says on stderr what it was doing, when it has answered nobody for so long; 0: never.",
    )
    tls_cert_file: str = setting(
        "",
        parsers.file,
        "/tls/tls.crt",
        "Certificate of the door; empty: `serve` and `mutate` make one of a CA of their own, and renew it.",
    )
    tls_key_file: str = setting("", parsers.file, "/tls/tls.key", "Private key of the door.")
