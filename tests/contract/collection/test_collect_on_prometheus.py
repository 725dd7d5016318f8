"""Collections from a real Prometheus into a real store: complete, repeatable, resumable."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
import requests

from kubedoor.collection.request import CollectRequest
from kubedoor.collection.sample.source import SampleSource
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.usage import CollectionEvent
from tests.contract.collection.bench import WINDOW, Bench, evening
from tests.contract.conftest import PrometheusOf
from tests.support.clickhouse import ClickHouse
from tests.toolbox import processes
from tests.toolbox.fleets import big_fleet
from tests.toolbox.processes import Child
from tests.toolbox.running import ROOT
from tests.toolbox.series import App, Container, Fleet, Shape

UNDATED = {"finished_at", "seconds"}


def test_two_hundred_workloads_and_thirty_days_give_exactly_twelve_thousand_rows(
    prometheus_of: PrometheusOf, embedded: Connection, cluster: str
) -> None:
    fleet = big_fleet()
    bench = Bench(embedded, cluster, prometheus_of(fleet), evening(fleet.last_day))
    steps = bench.collect(CollectRequest(days=30))
    assert steps[-1]["complete"] is True, steps[-1]
    rows = embedded.rows("SELECT count() AS n FROM usage_daily WHERE cluster = {cluster:String}", cluster=cluster)
    assert rows[0]["n"] == 12_000
    days = [step for step in steps if step["event"] == "day"]
    assert {step["rows"] for step in days} == {400}
    assert {step["coverage"] for step in days} == {1.0}
    assert max(step["queries"] for step in days) <= 12
    assert steps[-1]["workloads"] == 200
    before = bench.table()
    assert bench.collect(CollectRequest(days=30))[0]["days"] == [], "nothing is missing"
    bench.collect(CollectRequest(days=3, refresh=True))
    assert bench.table() == before, "collecting again changes nothing"


def small_app(number: int) -> App:
    container = Container("app", Shape(0.1 + number * 0.03, noise=0.3), Shape((100 + number * 10) * 2**20, noise=0.05))
    return App(f"app-{number}", "shop", (container,), 2)


def small_fleet(last_day: date, *, days: int = 6, apps: int = 8) -> Fleet:
    return Fleet(tuple(small_app(number) for number in range(apps)), last_day - timedelta(days=days - 1), days)


FLEET = small_fleet(date(2026, 3, 20))


@pytest.fixture
def bench(prometheus_of: PrometheusOf, connection: Connection, cluster: str) -> Bench:
    return Bench(connection, cluster, prometheus_of(FLEET), evening(FLEET.last_day))


def test_two_collections_at_once_are_as_good_as_one(bench: Bench) -> None:
    barrier = Barrier(2)

    def collect() -> None:
        barrier.wait()
        bench.collect(CollectRequest(days=6))

    threads = [Thread(target=collect) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    both = bench.table()
    bench.collect(CollectRequest(days=6, refresh=True))
    assert bench.table() == both
    assert len(bench.usage.history([FLEET.last_day])) == 8


def test_a_collection_goes_on_where_its_budget_ended(bench: Bench) -> None:
    wish, newest_first = CollectRequest(days=6), []
    for _ in range(10):
        steps = bench.collect(wish, budget_seconds=0)
        newest_first += [step["day"] for step in steps if step["event"] == "day"]
        if steps[-1]["complete"]:
            break
        assert steps[-1]["event"] == "next"
        wish = CollectRequest(days=steps[-1]["next"]["days"], before=date.fromisoformat(steps[-1]["next"]["before"]))
    assert newest_first == [str(FLEET.last_day - timedelta(days=back)) for back in range(6)]
    assert bench.control.workload_count() == 8


def test_refreshing_goes_on_as_well(bench: Bench) -> None:
    bench.collect(CollectRequest(days=3))
    steps = bench.collect(CollectRequest(days=3, refresh=True), budget_seconds=0)
    assert steps[-1]["next"] == {"days": 3, "refresh": True, "before": str(FLEET.last_day)}
    assert steps[-1]["days_left"] == 2


def test_manual_values_survive_collections(bench: Bench) -> None:
    bench.collect(CollectRequest(days=2))
    key = WorkloadKey(bench.cluster, "shop", "app-1")
    bench.control.edit(key, ManualValues(replicas=9), based_on=0, who="alice")
    bench.collect(CollectRequest(days=6))
    bench.collect(CollectRequest(days=6, refresh=True))
    assert {row["replicas"] for row in bench.control.control_rows_of(key)} == {9}


def test_another_window_collects_the_days_anew(bench: Bench) -> None:
    bench.collect(CollectRequest(days=2))
    bench.window = "10:00-11:00"
    assert len(bench.collect(CollectRequest(days=2))[0]["days"]) == 2


def test_one_day_by_name(bench: Bench) -> None:
    day = FLEET.last_day - timedelta(days=2)
    assert [step.get("day") for step in bench.collect(CollectRequest(day=day))][1] == str(day)
    assert list(bench.usage.days()) == [day]


def test_days_before_prometheus_began_are_days_without_data(bench: Bench) -> None:
    steps = bench.collect(CollectRequest(days=8))
    empty = [step for step in steps if step["event"] == "day" and not step["rows"]]
    assert [step["coverage"] for step in empty] == [0.0, 0.0]
    assert any("container_cpu_usage_seconds_total has no series" in words for words in empty[0]["warnings"])
    assert bench.collect(CollectRequest(days=8))[0]["days"] == [], "and are not asked for again and again"


def test_a_prometheus_takes_the_place_of_sample_data(bench: Bench) -> None:
    bench.source = SampleSource(today=lambda: FLEET.last_day, time_zone="UTC")
    bench.collect(CollectRequest(days=4))
    assert bench.control.workload_count() == 40
    bench.source = None
    assert len(bench.collect(CollectRequest(days=2))[0]["days"]) == 2
    assert bench.control.workload_count() == 8
    assert len(bench.usage.days()) == 2
    assert {row["deployment"] for row in bench.table()} == {app.name for app in FLEET.apps}


def test_a_look_back_without_usage_keeps_the_values_there_are(bench: Bench) -> None:
    bench.collect(CollectRequest(days=6))
    before = bench.control.control_rows()
    bench.now += timedelta(days=30)
    steps = bench.collect(CollectRequest())
    assert "collected values kept" in steps[-1]["message"]
    assert bench.control.control_rows() == before


def test_a_prometheus_that_goes_away_leaves_what_is_done(bench: Bench) -> None:
    run = bench.collector().run(CollectRequest(days=6), collection="c", budget_seconds=3600)
    done = [next(run), next(run), next(run)]
    bench.prometheus.stop()
    try:
        rest = list(run)
    finally:
        bench.prometheus.start()
    assert rest[-1]["event"] == "failed"
    assert rest[-1]["error"]["code"] == "prometheus_unreachable"
    assert [str(day) for day in sorted(bench.usage.days(), reverse=True)] == [step["day"] for step in done[1:]]
    assert bench.usage.events("c")[-1]["event"] == "failed"
    assert bench.collect(CollectRequest(days=6))[-1]["complete"] is True


def test_a_collection_can_be_cancelled_between_days(bench: Bench) -> None:
    run = bench.collector().run(CollectRequest(days=6), collection="c", budget_seconds=3600)
    next(run), next(run)
    bench.usage.record(CollectionEvent("c", "cancel_asked"))
    assert list(run) == [{"event": "cancelled", "complete": False}]


# The function as a process of its own, killed


@contextmanager
def collect_function(folder: Path, **settings: str) -> Iterator[tuple[str, Child]]:
    """`functions-framework` with FUNCTION_SOURCE and FUNCTION_TARGET, as in the image."""
    port = processes.free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "FUNCTION_SOURCE": str(ROOT / "functions" / "collect" / "main.py"),
        "FUNCTION_TARGET": "collect",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "KUBEDOOR_DATA_DIR": str(folder),
        "KUBEDOOR_PEAK_WINDOWS": WINDOW,
        "KUBEDOOR_TIME_ZONE": "UTC",
        **settings,
    }
    command = [sys.executable, "-m", "functions_framework"]
    child = processes.start("collect", command, log=folder / "collect.log", environment=environment, folder=folder)
    url = f"http://127.0.0.1:{port}"
    try:
        processes.wait_until(
            lambda: processes.answers(f"{url}/readyz"), what="collect is ready", children=[child], timeout_seconds=60
        )
        yield url, child
    finally:
        child.kill()


def post(url: str, body: dict[str, Any], **headers: str) -> list[dict[str, Any]]:
    with requests.post(url, json=body, headers=headers, stream=True, timeout=120) as answer:
        answer.raise_for_status()
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        return [json.loads(line) for line in answer.iter_lines()]


def killed_after(url: str, child: Child, *, days: int, pause: float) -> list[str]:
    """Starts a full collection and kills it shortly after `days` days are done; returns its events."""
    seen: list[str] = []
    with (
        suppress(requests.RequestException),
        requests.post(url, json={"refresh": True}, stream=True, timeout=60) as answer,
    ):
        for line in answer.iter_lines():
            seen.append(json.loads(line)["event"])
            if seen.count("day") >= days:
                time.sleep(pause)
                child.kill()
                break
    return seen


def test_killed_at_any_point_and_started_again_it_gives_the_undisturbed_table(
    prometheus_of: PrometheusOf, clickhouse: ClickHouse, served: Connection, cluster: str, tmp_path: Path
) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    prometheus = prometheus_of(small_fleet(yesterday))
    settings = {
        "KUBEDOOR_PROMETHEUS_URL": prometheus.url,
        "KUBEDOOR_STORE_DSN": clickhouse.dsn,
        "KUBEDOOR_LOOK_BACK_DAYS": "6",
    }
    undisturbed = Bench(served, f"{cluster}-whole", prometheus, datetime.now(UTC), look_back_days=6)
    undisturbed.collect(CollectRequest())
    disturbed = Bench(served, cluster, prometheus, datetime.now(UTC), look_back_days=6)
    chance = random.Random(7)
    for attempt in range(4):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with collect_function(folder, KUBEDOOR_CLUSTER=cluster, **settings) as (url, child):
            seen = killed_after(url, child, days=attempt, pause=chance.uniform(0.0, 0.2))
            assert "finished" not in seen, "it was killed at work"
    folder = tmp_path / "last"
    folder.mkdir()
    with collect_function(folder, KUBEDOOR_CLUSTER=cluster, **settings) as (url, _child):
        assert post(url, {})[-1]["complete"] is True
    assert disturbed.table() == undisturbed.table()


def test_a_ping_with_cloudevent_headers_is_the_same_as_a_plain_one(
    prometheus_of: PrometheusOf, clickhouse: ClickHouse, served: Connection, cluster: str, tmp_path: Path
) -> None:
    prometheus = prometheus_of(small_fleet(datetime.now(UTC).date() - timedelta(days=1)))
    settings = {
        "KUBEDOOR_PROMETHEUS_URL": prometheus.url,
        "KUBEDOOR_STORE_DSN": clickhouse.dsn,
        "KUBEDOOR_COLLECT_TOKEN": "collect-from-the-test",
    }
    event = {
        "ce-specversion": "1.0",
        "ce-type": "ping",
        "ce-source": "/cron",
        "ce-id": "1",
        "authorization": "Bearer collect-from-the-test",
    }
    with collect_function(tmp_path, KUBEDOOR_CLUSTER=cluster, **settings) as (url, child):
        assert requests.post(url, json={}, timeout=10).status_code == 401
        steps = post(url, {}, **event)
        assert (steps[0]["event"], len(steps[0]["days"])) == ("started", 10)
        assert steps[-1]["complete"] is True
        wrong = requests.post(url, json={"days": 0}, headers=event, timeout=10)
        assert (wrong.status_code, wrong.json()["error"]["details"]["field"]) == (422, "days")
        assert requests.get(f"{url}/anything", timeout=10).status_code == 404
        metrics = requests.get(f"{url}/metrics", timeout=10).text
        assert f'kubedoor_collection_steps_total{{cluster="{cluster}",event="finished"}} 1.0' in metrics
        child.stop()
        assert child.process.returncode == 0, "SIGTERM is an orderly end"
    assert Bench(served, cluster, prometheus, datetime.now(UTC)).control.workload_count() == 8
