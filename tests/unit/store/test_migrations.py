from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kubedoor.errors import StoreError
from kubedoor.store.connection import Connection
from kubedoor.store.migrations import ON_CLUSTER_SETTINGS, available, folder, migrate


def other_database(dsn: str, name: str) -> Connection:
    return Connection(dsn.replace("database=kubedoor", f"database={name}"))


@pytest.fixture
def scratch(embedded: Connection, embedded_dsn: str, request: pytest.FixtureRequest) -> Connection:
    del embedded  # the engine is open
    return other_database(embedded_dsn, f"scratch_{abs(hash(request.node.name))}")


def write(where: Path, **files: str) -> Path:
    for name, text in files.items():
        (where / f"{name}.sql").write_text(text)
    return where


ONE = {"_0001_one": "CREATE TABLE IF NOT EXISTS one {on_cluster} (a UInt8) ENGINE = {MergeTree} ORDER BY a; -- x;\n"}


def files(**texts: str) -> dict[str, str]:
    return {name.removeprefix("_"): text for name, text in texts.items()}


def test_migrations_are_applied_once_and_in_order(scratch: Connection, tmp_path: Path) -> None:
    where = write(tmp_path, **files(**ONE))
    assert migrate(scratch, where=where) == ["0001_one"]
    assert migrate(scratch, where=where) == []
    write(where, **files(_0002_two="ALTER TABLE one ADD COLUMN IF NOT EXISTS b UInt8"))
    assert migrate(scratch, where=where) == ["0002_two"]


def test_an_edited_migration_and_a_newer_store_are_refused(scratch: Connection, tmp_path: Path) -> None:
    where = write(tmp_path, **files(**ONE))
    migrate(scratch, where=where)
    (where / "0001_one.sql").write_text("SELECT 1")
    with pytest.raises(StoreError, match="never edited"):
        migrate(scratch, where=where)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(StoreError, match="of a newer KubeDoor"):
        migrate(scratch, where=empty)


class RecordingConnection(Connection):
    """Records statements and executes none."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self.statements: list[tuple[str, Any]] = []

    def command(self, sql: str, *, settings: Any = None, **parameters: Any) -> None:
        self.statements.append((sql, settings))


def test_replicas_get_only_new_migrations_and_are_not_waited_for(
    scratch: Connection, embedded_dsn: str, tmp_path: Path
) -> None:
    where = write(tmp_path, **files(**ONE))
    migrate(scratch, where=where)
    recording = RecordingConnection(embedded_dsn.replace("database=kubedoor", f"database={scratch.database}"))
    assert migrate(recording, cluster="main", where=where) == []
    assert recording.statements == [], "a replica that is away keeps nobody from starting"
    write(where, **files(_0002_two="ALTER TABLE one {on_cluster} ADD COLUMN b UInt8"))
    migrate(recording, cluster="main", where=where)
    assert recording.statements == [("ALTER TABLE one ON CLUSTER `main` ADD COLUMN b UInt8", ON_CLUSTER_SETTINGS)]
    assert ON_CLUSTER_SETTINGS["distributed_ddl_task_timeout"] < 30, "what a query may take"
    recording.close()


def test_concurrent_threads_apply_each_migration_once(embedded_dsn: str, embedded: Connection) -> None:
    del embedded
    barrier = threading.Barrier(3)

    def go(_: int) -> list[str]:
        barrier.wait()
        return migrate(other_database(embedded_dsn, "scratch_threads"))

    with ThreadPoolExecutor(3) as pool:
        applied = [name for names in pool.map(go, range(3)) for name in names]
    assert applied == [migration.name for migration in available(folder())]


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="without a gap"):
        available(write(tmp_path, **files(_0002_two="SELECT 1")))


def test_a_replicated_cluster_gets_replicated_engines() -> None:
    statements = [text for migration in available(folder()) for text in migration.statements(cluster="main")]
    # Rows are inserted once: the replicated table carries them to the others.
    assert all("ON CLUSTER `main`" in text for text in statements if "INSERT INTO" not in text)
    engines = [text for text in statements if "ENGINE" in text]
    assert all("ENGINE = Replicated" in text for text in engines)
    assert any("ReplicatedReplacingMergeTree(seen_at)" in text for text in engines)
    assert any("replicated_deduplication_window" in text for text in statements)
    assert not any("{" in text for text in statements)
