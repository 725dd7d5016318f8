"""Addresses, ports and certificates that the processes listen with."""

from __future__ import annotations

from dataclasses import dataclass

from kubedoor.config import parsers
from kubedoor.config.declaration import setting


@dataclass(frozen=True, kw_only=True)
class ListeningSettings:
    host: str = setting("127.0.0.1", parsers.ip_address, "0.0.0.0", "Address that `serve` listens on.")  # noqa: S104
    port: int = setting("8080", parsers.integer(1, 65535), "8080", "Port of the web pages, the API and `collect`.")
    door_port: int = setting("8443", parsers.integer(1, 65535), "8443", "Port of the door (HTTPS).")
    drain_seconds: float = setting(
        "0",
        parsers.number(0, 300),
        "15",
        "How long `mutate` goes on answering after SIGTERM, until nobody sends it requests any more.",
    )
    tls_cert_file: str = setting(
        "", parsers.file, "/tls/tls.crt", "Certificate of the door; empty: `serve` makes one of its own CA."
    )
    tls_key_file: str = setting("", parsers.file, "/tls/tls.key", "Private key of the door.")
