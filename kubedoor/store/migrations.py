"""Applies the numbered files of `sql/`, forward only, each once, under a lock of the server's own.

CREATE TABLE without IF NOT EXISTS is atomic in ClickHouse: who makes the table `schema_lock` holds the lock. Every
statement is idempotent as well, so that a migration that died half-way is simply run again.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kubedoor.errors import StoreError
from kubedoor.store.connection import Connection

LOCK_STALE_SECONDS = 120
LOCK_WAIT_SECONDS = 180
"""Longer than a lock can be stale, so that one who was killed costs a wait and not a failure."""
_process_lock = threading.Lock()
_NAME = re.compile(r"(\d{4})_\w+\.sql")
_ENGINE = re.compile(r"\{((?:Replacing)?MergeTree)(?:\((\w+)\))?\}")


@dataclass(frozen=True)
class Migration:
    """One file; `checksum` is of its text as it stands in the repository."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def statements(self, *, cluster: str) -> list[str]:
        """The SQL for a single server, or for a replicated cluster of this name."""
        text = re.sub(r"--[^\n]*", "", self.text)
        text = text.replace("{on_cluster}", f"ON CLUSTER `{cluster}`" if cluster else "")
        text = _ENGINE.sub(lambda found: _engine(found[1], found[2], replicated=bool(cluster)), text)
        window = "replicated_deduplication_window" if cluster else "non_replicated_deduplication_window"
        text = text.replace("{deduplication_window}", window)
        return [statement.strip() for statement in text.split(";") if statement.strip()]


def _engine(name: str, argument: str | None, *, replicated: bool) -> str:
    arguments = f"({argument})" if argument else ""
    return f"Replicated{name}{arguments}" if replicated else f"{name}{arguments}"


def folder() -> Path:
    """`sql/` inside the installed package, else beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "sql"
    return inside if inside.is_dir() else package.parent / "sql"


def available(where: Path) -> list[Migration]:
    """All migrations in order. Raises StoreError when numbers are missing or used twice."""
    found = sorted(path for path in where.glob("*.sql") if _NAME.fullmatch(path.name))
    migrations = [Migration(int(path.name[:4]), path.stem, path.read_text(encoding="utf-8")) for path in found]
    if [migration.number for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise StoreError("the numbers of the files in sql/ are not 0001, 0002, … without a gap")
    return migrations


def migrate(
    connection: Connection, *, cluster: str = "", where: Path | None = None, sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Bring the schema up to date; the names of what was applied now.

    Running it twice, or from two processes at once, is harmless. Raises StoreError when an applied file has changed
    since, or when the store is newer than this KubeDoor.
    """
    migrations = available(where or folder())
    connection.create_database(cluster=cluster)
    on_cluster = f"ON CLUSTER `{cluster}`" if cluster else ""
    connection.command(
        f"CREATE TABLE IF NOT EXISTS schema_migrations {on_cluster} (number UInt32, name String, checksum String,"
        f" applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'))"
        f" ENGINE = {_engine('MergeTree', None, replicated=bool(cluster))} ORDER BY number"
    )
    if not _pending(connection, migrations):
        return []
    with _lock(connection, cluster, sleep):
        pending = _pending(connection, migrations)
        for migration in pending:
            for statement in migration.statements(cluster=cluster):
                connection.command(statement)
            connection.insert(
                "schema_migrations",
                [{"number": migration.number, "name": migration.name, "checksum": migration.checksum}],
            )
        return [migration.name for migration in pending]


def _pending(connection: Connection, migrations: list[Migration]) -> list[Migration]:
    applied = {row["number"]: row for row in connection.rows("SELECT number, name, checksum FROM schema_migrations")}
    if newer := sorted(set(applied) - {migration.number for migration in migrations}):
        raise StoreError(
            f"the store has migration {newer[-1]:04d}, which this version does not know: it is of a newer KubeDoor"
        )
    for migration in migrations:
        row = applied.get(migration.number)
        if row and row["checksum"] != migration.checksum:
            raise StoreError(f"migration {migration.name} was applied with another text: migrations are never edited")
    return [migration for migration in migrations if migration.number not in applied]


@contextmanager
def _lock(connection: Connection, cluster: str, sleep: Callable[[float], None]) -> Iterator[None]:
    if connection.is_embedded:
        # One process has the store to itself.
        with _process_lock:
            yield
        return
    on_cluster = f"ON CLUSTER `{cluster}`" if cluster else ""
    for _ in range(LOCK_WAIT_SECONDS * 2):
        try:
            connection.command(f"CREATE TABLE schema_lock {on_cluster} (made UInt8) ENGINE = Memory")
            break
        except StoreError as error:
            if "TABLE_ALREADY_EXISTS" not in error.message:
                raise
        if _is_stale(connection):
            connection.command(f"DROP TABLE IF EXISTS schema_lock {on_cluster}")
        sleep(0.5)
    else:
        raise StoreError(f"another migration has been running for {LOCK_WAIT_SECONDS} seconds")
    try:
        yield
    finally:
        connection.command(f"DROP TABLE IF EXISTS schema_lock {on_cluster}")


def _is_stale(connection: Connection) -> bool:
    """A migration that was killed leaves its lock behind; none takes this long."""
    return bool(
        connection.rows(
            "SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'schema_lock'"
            " AND metadata_modification_time < now() - {seconds:UInt32}",
            seconds=LOCK_STALE_SECONDS,
        )
    )
