"""`kubedoor accept` and what `kubedoor report` shows of conditions: against a running KubeDoor, and on the store itself."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kubedoor.model.collected import CollectedContainer, CollectedValues
from kubedoor.model.conditions import CPU_REQUEST, MEMORY_REQUEST, REPLICAS, ConditionType
from kubedoor.model.values import Resources
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from tests.contract.commands import Command, run
from tests.support.accounts import dsn_of_new_database
from tests.support.builders import DAY, make_condition
from tests.support.clickhouse import ClickHouse

SHORT = make_condition(ConditionType.SHORT_HISTORY, CPU_REQUEST, REPLICAS)
OOM = make_condition(ConditionType.OOM_KILLED, MEMORY_REQUEST)
HPA = make_condition(ConditionType.HORIZONTAL_POD_AUTOSCALER, CPU_REQUEST)


@pytest.fixture
def store(clickhouse: ClickHouse) -> str:
    """The DSN of a store with three workloads: `web` and `api` may be accepted, `stuck` not."""
    dsn = dsn_of_new_database(clickhouse.dsn)
    found = {"web": (SHORT, OOM), "api": (SHORT,), "stuck": (HPA,)}
    app = CollectedContainer("app", Resources(120, 2**28), 100, 2**28)
    with closing(Connection(dsn)) as connection:
        migrate(connection)
        values = [
            CollectedValues("shop", name, 3, DAY, DAY, (app,), 1, conditions=all_) for name, all_ in found.items()
        ]
        ControlStore(connection, "default").replace_collected(values, run=1, rule="peak-day")
    return dsn


@pytest.fixture
def command(store: str, tmp_path: Path) -> Command:
    """The command on the store itself, without a KubeDoor that runs."""
    return lambda *words: run(tmp_path, *words, environment={"KUBEDOOR_STORE_DSN": store, "KUBEDOOR_SOURCE": "sample"})


def report(command: Command, *words: str) -> dict[str, dict[str, Any]]:
    return {row["deployment"]: row for row in json.loads(command("report", "--format", "json", *words).stdout)}


def test_conditions_are_accepted_and_withdrawn_on_record(command: Command) -> None:
    done = command(
        "accept", "shop/web", "--condition", "ShortHistory", "--until", "2199-12-30", "--note", "load test done"
    )
    assert (done.returncode, "1 workloads accepted" in done.stdout) == (0, True), done.stderr
    short, oom = report(command)["web"]["conditions"]
    assert (short["is_accepted"], short["accepted_until"], oom["is_accepted"]) == (
        True,
        "2199-12-31T00:00:00Z",
        False,
    ), "to the end of the last day"
    withdrawn = command("accept", "shop/web", "--withdraw", "--format", "json")
    assert json.loads(withdrawn.stdout)["accepted"][0]["conditions"] == ["ShortHistory"]
    changes = command("record", "changes", "--action", "conditions.accept").stdout
    assert "load test done" in changes
    assert "command-line" in changes


def test_all_that_waits_is_accepted_at_once(command: Command) -> None:
    assert set(report(command, "--waiting")) == {"web", "api"}
    some = json.loads(command("accept", "--waiting", "--condition", "OOMKilled", "--format", "json").stdout)
    assert [(row["deployment"], row["conditions"]) for row in some["accepted"]] == [("web", ["OOMKilled"])]
    assert "2 workloads accepted" in command("accept", "--waiting").stdout
    assert report(command, "--waiting") == {}
    nothing = command("accept", "--waiting")
    assert (nothing.returncode, "0 workloads accepted" in nothing.stdout) == (0, True)
    assert report(command)["stuck"]["withheld_count"] == 1


def test_who_is_skipped_is_said_and_is_the_exit_code(command: Command) -> None:
    done = command("accept", "shop/web", "shop/stuck", "shop/nobody")
    assert done.returncode == 1
    assert "2 of 3 workloads were skipped" in done.stderr
    assert "skipped: nothing of it can be accepted" in done.stdout
    assert report(command)["web"]["withheld_count"] == 0


def test_what_cannot_be_accepted_is_refused(command: Command) -> None:
    done = command("accept", "shop/web", "--condition", "NodeTooSmall")
    assert (done.returncode, "NodeTooSmall cannot be accepted" in done.stderr) == (1, True)


def test_a_report_shows_conditions_and_what_is_withheld(command: Command) -> None:
    command("accept", "shop/api", "--condition", "ShortHistory")
    table = {line.split("│")[1].strip(): line for line in command("report").stdout.splitlines() if "shop/" in line}
    assert "ShortHistory, OOMKilled" in table["shop/web"]
    assert "(3)" in table["shop/web"]
    assert "ShortHistory (accepted)" in table["shop/api"]
    rows = {row["deployment"]: row for row in csv.DictReader(io.StringIO(command("report", "--format", "csv").stdout))}
    assert (rows["web"]["conditions"], rows["web"]["withheld_count"], rows["web"]["is_waiting"]) == (
        "ShortHistory; OOMKilled",
        "3",
        "True",
    )
    assert set(report(command, "--condition", "HorizontalPodAutoscaler")) == {"stuck"}


def test_a_viewer_may_look_and_not_accept(kubedoor: Command, served_api: dict[str, str]) -> None:
    refused = kubedoor("accept", "shop/cart", KUBEDOOR_API_TOKEN=served_api["viewer"])
    assert (refused.returncode, "needs the role operator" in refused.stderr) == (1, True)


def test_a_running_kubedoor_is_asked_in_the_same_way(kubedoor: Command) -> None:
    done = kubedoor("accept", "shop/nobody")
    assert (done.returncode, "it has no collected values" in done.stdout) == (1, True)
