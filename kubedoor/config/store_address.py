"""The address of the store: what its DSN says."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from kubedoor.errors import InvalidInput

DEFAULT_DATABASE = "kubedoor"
NATIVE_PORTS = frozenset({9000, 9440})
"""Of ClickHouse's own protocol, without and with TLS; KubeDoor speaks HTTP."""
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_UNUSABLE_DATABASES = frozenset("kcmwrfa")
"""Aliases of tables in the view `control` (sql/0012): `k.cluster` would be the table `cluster` of the database `k`."""


class Address(NamedTuple):
    """A parsed DSN: `chdb:///folder?database=x` or `http(s)://user:password@host:port/database`."""

    interface: str
    host: str
    port: int
    username: str
    password: str
    path: str
    database: str

    def __repr__(self) -> str:
        where = self.path if self.interface == "chdb" else f"{self.host}:{self.port}"
        return f"{self.interface}://{where} database {self.database}"


def parse_dsn(dsn: str) -> Address:
    """Raises InvalidInput. Its message never contains the DSN."""
    try:
        parts = urlsplit(dsn)
    except ValueError:
        raise InvalidInput("the store's DSN is no URL", field="store_dsn") from None
    if parts.scheme not in ("chdb", "http", "https"):
        raise InvalidInput(
            "the store's DSN must begin with chdb://, http:// or https:// (KubeDoor speaks ClickHouse's HTTP, at port 8123,"
            " or 8443 with TLS)",
            field="store_dsn",
        )
    return Address(
        interface=parts.scheme,
        host=parts.hostname or "",
        port=_port(parts),
        username=unquote(parts.username or "") or "default",
        password=unquote(parts.password or ""),
        path=parts.path if parts.scheme == "chdb" else "",
        database=_database(parts),
    )


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or (8443 if parts.scheme == "https" else 8123)
    except ValueError:
        raise InvalidInput("the store's DSN has a port that is not a number", field="store_dsn") from None


def _database(parts: SplitResult) -> str:
    in_query = parse_qs(parts.query).get("database", [""])[0]
    database = in_query or ("" if parts.scheme == "chdb" else parts.path.strip("/")) or DEFAULT_DATABASE
    if not _DATABASE.fullmatch(database):
        raise InvalidInput("the store's database must be a plain name such as kubedoor", field="store_dsn")
    if database in _UNUSABLE_DATABASES:
        raise InvalidInput(
            f"the store's database cannot be named {database}: ClickHouse would confuse it with a name in KubeDoor's"
            " views; take one such as kubedoor",
            field="store_dsn",
        )
    return database
