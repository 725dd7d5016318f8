"""Applies the numbered files of `sql/` in order, each once, under a lock in the store. There is no way back.

The first process to insert a number into `schema_locks` holds the lock of that number. A stale lock is not removed; the
next number is taken instead, so of several processes that find it stale only one continues. Every statement is
idempotent: an interrupted migration is repaired by the next run.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubedoor.errors import StoreError
from kubedoor.sentences import sentence
from kubedoor.store.connection import Connection, Row, only

LOCK_STALE_SECONDS = 120
LOCK_WAIT_SECONDS = 180
"""Longer than LOCK_STALE_SECONDS, so a lock of a killed process delays a migration but does not fail it."""
ON_CLUSTER_SETTINGS: Mapping[str, Any] = {
    "distributed_ddl_task_timeout": 20,
    "distributed_ddl_output_mode": "null_status_on_timeout",
}
"""An absent replica catches up when it returns. By default the server would wait 180 s for it and then fail; no client
waits that long for a response."""
_process_lock = threading.Lock()
_NAME = re.compile(r"(\d{4})_\w+\.sql")
_ENGINE = re.compile(r"\{((?:Replacing)?MergeTree)(?:\((\w+)\))?\}")


@dataclass(frozen=True)
class Migration:
    """One file; `checksum` is that of its text in the repository, before placeholders are replaced."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def statements(self, *, cluster: str) -> list[str]:
        """The SQL statements for a single server (empty `cluster`) or for a replicated cluster."""
        text = re.sub(r"--[^\n]*", "", self.text)
        text = text.replace("{on_cluster}", f"ON CLUSTER `{cluster}`" if cluster else "")
        text = _ENGINE.sub(lambda match: _engine(match[1], match[2], replicated=bool(cluster)), text)
        text = text.replace("{deduplication_window}", deduplication_window(cluster))
        return [statement.strip() for statement in text.split(";") if statement.strip()]


def deduplication_window(cluster: str) -> str:
    """Name of the table setting that enables insert deduplication."""
    return "replicated_deduplication_window" if cluster else "non_replicated_deduplication_window"


def _engine(name: str, argument: str | None, *, replicated: bool) -> str:
    arguments = f"({argument})" if argument else ""
    return f"Replicated{name}{arguments}" if replicated else f"{name}{arguments}"


def folder() -> Path:
    """`sql/` inside the installed package, else beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "sql"
    return inside if inside.is_dir() else package.parent / "sql"


def available(where: Path) -> list[Migration]:
    """All migrations in order. Raises StoreError if a number is missing or used twice."""
    files = sorted(path for path in where.glob("*.sql") if _NAME.fullmatch(path.name))
    migrations = [Migration(int(path.name[:4]), path.stem, path.read_text(encoding="utf-8")) for path in files]
    if [migration.number for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise StoreError(sentence("requests.migrations_with_gap"))
    return migrations


def migrate(
    connection: Connection, *, cluster: str = "", where: Path | None = None, sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Bring the schema up to date; returns the names of the migrations applied by this call.

    Idempotent, and safe to run from several processes at once. Raises StoreError if an applied file has changed since,
    if the store is newer than this KubeDoor, or if the lock is not released in LOCK_WAIT_SECONDS.
    """
    migrations = available(where or folder())
    connection.create_database(cluster=cluster)
    _make_table(
        connection,
        "schema_migrations",
        "number UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')",
        cluster=cluster,
    )
    if not _pending(connection, migrations):
        return []
    with _lock(connection, cluster, sleep):
        pending = _pending(connection, migrations)
        for migration in pending:
            for statement in migration.statements(cluster=cluster):
                _change(connection, statement, cluster)
            connection.insert(
                "schema_migrations",
                [{"number": migration.number, "name": migration.name, "checksum": migration.checksum}],
            )
        return [migration.name for migration in pending]


def _change(connection: Connection, statement: str, cluster: str) -> None:
    connection.command(statement, settings=ON_CLUSTER_SETTINGS if cluster else None)


def _make_table(connection: Connection, name: str, columns: str, *, cluster: str, settings: str = "") -> None:
    """Create a table of the migrations' own unless it exists; the check avoids DDL on all replicas at every start."""
    exists = "SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = {name:String}"
    if connection.rows(exists, name=name):
        return
    on_cluster = f"ON CLUSTER `{cluster}`" if cluster else ""
    engine = _engine("MergeTree", None, replicated=bool(cluster))
    after = f" SETTINGS {settings}" if settings else ""
    _change(
        connection,
        f"CREATE TABLE IF NOT EXISTS {name} {on_cluster} ({columns}) ENGINE = {engine} ORDER BY number{after}",
        cluster,
    )


def _pending(connection: Connection, migrations: list[Migration]) -> list[Migration]:
    applied = {row["number"]: row for row in connection.rows("SELECT number, name, checksum FROM schema_migrations")}
    if newer := sorted(set(applied) - {migration.number for migration in migrations}):
        raise StoreError(sentence("requests.store_is_newer", migration=f"{newer[-1]:04d}"))
    for migration in migrations:
        row = applied.get(migration.number)
        if row and row["checksum"] != migration.checksum:
            raise StoreError(sentence("requests.migration_edited", migration=migration.name))
    return [migration for migration in migrations if migration.number not in applied]


@contextmanager
def _lock(connection: Connection, cluster: str, sleep: Callable[[float], None]) -> Iterator[None]:
    if connection.is_embedded:
        # Only one process can open an embedded store.
        with _process_lock:
            yield
        return
    _make_table(
        connection,
        "schema_locks",
        "number UInt32, holder UUID, is_released Bool, at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')",
        cluster=cluster,
        settings=f"{deduplication_window(cluster)} = 100",
    )
    holder = uuid.uuid4()
    for _ in range(LOCK_WAIT_SECONDS * 2):
        if number := _acquire(connection, holder):
            break
        sleep(0.5)
    else:
        raise StoreError(sentence("requests.migration_running", seconds=LOCK_WAIT_SECONDS))
    try:
        yield
    finally:
        release = {"number": number, "holder": holder, "is_released": True}
        connection.insert("schema_locks", [release], token=f"schema_locks/{number}/released")


def _acquire(connection: Connection, holder: uuid.UUID) -> int:
    """The number of the lock that `holder` holds now; 0 if another process holds it."""
    newest = _newest_lock(connection)
    if newest["is_free"]:
        number = newest["number"] + 1
        # Several processes may insert the same number; the server keeps the first.
        lock = {"number": number, "holder": holder, "is_released": False}
        connection.insert("schema_locks", [lock], token=f"schema_locks/{number}")
        newest = _newest_lock(connection)
    return int(newest["number"]) if newest["holder"] == holder else 0


def _newest_lock(connection: Connection) -> Row:
    """`is_free`: released, or stale because its process was killed."""
    return only(
        connection.rows(
            "SELECT max(l.number) AS number, argMax(l.holder, l.number) AS holder,"
            " argMax(l.is_released, (l.number, l.is_released)) OR argMax(l.at, l.number) < now64(3) - {seconds:UInt32} AS is_free"
            " FROM schema_locks AS l",
            seconds=LOCK_STALE_SECONDS,
        )
    )
