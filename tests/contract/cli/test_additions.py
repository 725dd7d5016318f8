"""`kubedoor add` and `kubedoor remove`, on the store itself."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from tests.contract.commands import Command, run
from tests.contract.store.test_store import make_collected
from tests.support.accounts import dsn_of_new_database
from tests.support.clickhouse import ClickHouse


@pytest.fixture(scope="module")
def command(clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """On a store with the workload shop/web, which has a container app."""
    folder: Path = tmp_path_factory.mktemp("additions")
    dsn = dsn_of_new_database(clickhouse.dsn)
    with closing(Connection(dsn)) as connection:
        migrate(connection)
        ControlStore(connection, "default").replace_collected([make_collected("web")], run=1, rule="peak-day")
    return lambda *words: run(folder, *words, environment={"KUBEDOOR_STORE_DSN": dsn, "KUBEDOOR_SOURCE": "sample"})


def test_a_workload_is_added_like_another_one_and_removed(command: Command) -> None:
    words = ("--like", "default/shop/web", "--container", "checkout=app", "--set", "checkout.cpu_limit=")
    added = command("add", "shop/checkout", *words, "--replicas", "2", "--mode", "observe", "--note", "December")
    assert added.returncode == 0, added.stderr
    assert "shop/checkout is in the control table of default, 2 replicas, mode observe" in added.stdout
    assert all(part in added.stdout for part in ("checkout ", "120m", "256Mi"))
    (row,) = json.loads(command("report", "--not-collected", "--format", "json").stdout)
    assert (row["replicas"], row["mode"], row["is_collected"]) == (2, "observe", False)
    assert [one["container"] for one in row["containers"]] == ["checkout"]
    again = command("add", "shop/checkout")
    assert (again.returncode, "edit its values" in again.stderr) == (1, True)
    removed = command("remove", "shop/checkout")
    assert (removed.returncode, removed.stdout) == (0, "shop/checkout is no longer in the control table of default\n")
    assert json.loads(command("report", "--search", "checkout", "--format", "json").stdout) == []
    collected = command("remove", "shop/web")
    assert (collected.returncode, "is collected" in collected.stderr) == (1, True)


def test_what_the_api_refuses_is_said(command: Command) -> None:
    done = command("add", "kube-system/x")
    assert (done.returncode, "excluded" in done.stderr, "Traceback" in done.stderr) == (1, True, False), done.stderr


def test_a_sheet_with_new_lines_is_imported_where_told(command: Command, tmp_path: Path) -> None:
    sheet = tmp_path / "new.csv"
    sheet.write_text("namespace,deployment,container,manual_cpu_request\nshop,fresh,app,100m\n", encoding="utf-8")
    shown = command("import", str(sheet), "--add")
    assert (shown.returncode, "1 workloads would change, 1 of them new" in shown.stdout) == (0, True), shown.stderr
    assert "1 workloads changed, 1 of them new" in command("import", str(sheet), "--add", "--apply").stdout
