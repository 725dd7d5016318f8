"""Nights of collecting from a real Prometheus in trouble: what is stored, and what the door may enforce of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any

import pytest

from kubedoor.collection.all_clusters import AllClusters
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.source import PrometheusSource
from kubedoor.collection.request import CollectRequest
from kubedoor.model.conditions import ConditionType
from kubedoor.model.values import ManualValues, Resources, WorkloadKey
from kubedoor.store.conditions import conditions_of
from kubedoor.store.connection import Connection
from tests.contract.collection.bench import Bench, evening
from tests.toolbox.build import ToolMissing
from tests.toolbox.gate import PartialGate
from tests.toolbox.pods import pods_of
from tests.toolbox.prometheus import Prometheus
from tests.toolbox.series import App, Container, Fleet, Gap, Glitch, Replace, Restart, Rollout, Scale, Shape

MIB = 2**20
LAST_DAY = date(2026, 3, 20)
DAYS = 5
FIRST_DAY = LAST_DAY - timedelta(days=DAYS - 1)
CORES, MEMORY = Shape(0.2, noise=0.1), Shape(200 * MIB, noise=0.05)
ASKS = Resources(500, 512 * MIB, 1000, 1024 * MIB)
APP = Container("app", CORES, MEMORY, ASKS)
CART = App("cart", "shop", (APP,), 4)
FLEET = Fleet((CART, App("web", "shop", (APP,), 2)), FIRST_DAY, DAYS, record_minutes=50, has_pod_cgroups=False)


def at(clock: str, day: date = LAST_DAY) -> datetime:
    return datetime.combine(day, clock_time.fromisoformat(clock), UTC)


def with_apps(*apps: App, **changes: Any) -> Fleet:
    return replace(FLEET, apps=apps, **changes)


def day_away(day: date = LAST_DAY, job: str | None = None, *, until: str = "23:00", target: str | None = None) -> Gap:
    return Gap(at("00:00", day), at(until, day), job, target)


BenchOf = Callable[[Fleet], Bench]


@pytest.fixture
def bench_of(embedded: Connection, cluster: str) -> Iterator[BenchOf]:
    """A cluster of its own for each fleet, collected at the evening of the fleet's last day."""
    with ExitStack() as stack:

        def start(fleet: Fleet) -> Bench:
            try:
                prometheus = stack.enter_context(Prometheus(fleet))
            except ToolMissing as missing:
                pytest.fail(str(missing))
            return Bench(embedded, f"{cluster}-{prometheus.port}", prometheus, evening(fleet.last_day))

        yield start


def control(bench: Bench, deployment: str = "cart", container: str = "app") -> dict[str, Any]:
    rows = bench.control.control_rows_of(WorkloadKey(bench.cluster, "shop", deployment))
    return next(row for row in rows if row["container"] == container)


def types_of(row: dict[str, Any]) -> set[ConditionType]:
    return {condition.type for condition in conditions_of(row)}


def withheld(row: dict[str, Any]) -> set[str]:
    return {entry.partition(":")[0] for entry in (*row["withheld"], *row["withheld_replicas"])}


def steps_of(steps: list[dict[str, Any]], event: str) -> dict[str, dict[str, Any]]:
    return {step["day"]: step for step in steps if step["event"] == event}


# One row's and one day's trouble are their own


def test_a_limit_by_typing_error_leaves_the_days_the_other_rows_and_the_run(bench_of: BenchOf) -> None:
    typo = replace(APP, asks=replace(ASKS, cpu_limit_millicores=5_000_000_000))
    steps = bench_of(with_apps(CART, App("typo", "shop", (typo,)))).collect(CollectRequest())
    days = steps_of(steps, "day")
    assert {day: step["rows"] for day, step in days.items() if step["rows"]} == {
        str(FIRST_DAY + timedelta(days=number)): 1 for number in range(DAYS)
    }
    assert any("shop/typo/app" in warning for warning in days[str(LAST_DAY)]["warnings"])
    assert (steps[-1]["event"], steps[-1]["complete"], steps[-1]["workloads"]) == ("finished", True, 1)


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        pytest.param({"cpu_limit_millicores": 3_000_000_000}, (None, 1024 * MIB), id="cores"),
        pytest.param({"memory_limit_bytes": 512 * 2**40}, (1000, None), id="bytes"),
    ],
)
def test_a_limit_that_no_node_holds_is_left_to_its_owner(
    bench_of: BenchOf, limits: dict[str, int], left: tuple[int | None, int | None]
) -> None:
    bench = bench_of(with_apps(replace(CART, containers=(replace(APP, asks=replace(ASKS, **limits)),))))
    bench.collect(CollectRequest())
    row = control(bench)
    assert (row["cpu_limit_millicores"], row["memory_limit_bytes"]) == left
    assert row["cpu_request_millicores"] == pytest.approx(220, abs=20)
    assert row["memory_request_bytes"] == pytest.approx(210 * MIB, rel=0.05)


def test_a_day_that_the_store_refuses_is_that_days_failure(bench_of: BenchOf, embedded: Connection) -> None:
    bench, neighbour = bench_of(FLEET), bench_of(FLEET)
    refused = LAST_DAY - timedelta(days=1)
    embedded.command(
        "ALTER TABLE usage_rows ADD CONSTRAINT refused CHECK NOT"
        f" (cluster = '{bench.cluster}' AND day = '{refused}' AND deployment = 'cart')"
    )
    try:
        collectors = {one.cluster: one.collector for one in (bench, neighbour)}
        every = AllClusters(collectors, monotonic=time.monotonic)
        steps = list(every.run(CollectRequest(), collection="c", budget_seconds=3600))
    finally:
        embedded.command("ALTER TABLE usage_rows DROP CONSTRAINT refused")
    [(day, failed)] = steps_of([step for step in steps if step.get("cluster") == bench.cluster], "failed_day").items()
    assert (day, failed["error"]["code"]) == (str(refused), "store")
    ends = {step["cluster"]: step for step in steps if step["event"] == "finished"}
    assert (ends[bench.cluster]["failed_days"], ends[bench.cluster]["workloads"]) == ([str(refused)], 2)
    assert (ends[neighbour.cluster]["complete"], ends[neighbour.cluster]["workloads"]) == (True, 2)
    assert bench.collect(CollectRequest())[0]["days"] == [str(refused)], "and it is asked for again"


def test_a_day_that_belongs_to_no_deployment_fails_and_the_others_stand(bench_of: BenchOf) -> None:
    long = App("a-deployment-with-a-name-that-leaves-no-room-for-its-hash", "shop", (APP,), 2)
    bench = bench_of(with_apps(long, gaps=(day_away(job="kube-state-metrics"),)))
    steps = bench.collect(CollectRequest())
    [(day, failed)] = steps_of(steps, "failed_day").items()
    assert (day, failed["error"]["code"]) == (str(LAST_DAY), "usage_not_mapped")
    assert "kube-state-metrics" in failed["error"]["message"]
    assert (steps[-1]["event"], steps[-1]["workloads"]) == ("finished", 1)


# Bad and missing samples


def test_one_bad_sample_decides_nothing(bench_of: BenchOf) -> None:
    old = replace(APP, counter_seconds=2_000_000.0, asks=Resources(500, 512 * MIB))
    glitches = (Glitch(at("10:11")), Glitch(at("10:12", LAST_DAY - timedelta(days=1)), 1, value=1.73e9))
    bad = bench_of(with_apps(App("cart", "shop", (replace(old, glitches=glitches),), 2)))
    good = bench_of(with_apps(App("cart", "shop", (old,), 2)))
    bad.collect(CollectRequest()), good.collect(CollectRequest())
    row, want = control(bad), control(good)
    assert row["cpu_request_millicores"] == pytest.approx(want["cpu_request_millicores"], rel=0.05)
    assert row["memory_request_bytes"] == want["memory_request_bytes"]
    assert types_of(row) - types_of(want) == {ConditionType.IMPLAUSIBLE_USAGE}
    assert withheld(row) == set()


def test_limits_stay_while_kube_state_metrics_is_away(bench_of: BenchOf) -> None:
    bench = bench_of(with_apps(CART, gaps=(day_away(job="kube-state-metrics"),)))
    bench.collect(CollectRequest())
    row = control(bench)
    assert (row["cpu_limit_millicores"], row["memory_limit_bytes"]) == (1000, 1024 * MIB)
    assert row["replicas"] == 4


def test_a_shard_that_is_away_leaves_the_workloads_and_is_asked_for_again(bench_of: BenchOf) -> None:
    fleet = replace(FLEET, state_shards=2)
    gap = day_away(job="kube-state-metrics", target="kube-state-metrics-1")
    bench = bench_of(replace(fleet, gaps=(gap,)))
    steps = bench.collect(CollectRequest())
    assert {day for day, step in steps_of(steps, "day").items() if step["is_partial"]} == {str(LAST_DAY)}
    rows = {name: control(bench, name) for name in ("cart", "web")}
    assert {name: row["replicas"] for name, row in rows.items()} == {"cart": 4, "web": 2}
    assert {row["cpu_limit_millicores"] for row in rows.values()} == {1000}
    bench.prometheus.refill(fleet)
    assert bench.collect(CollectRequest())[0]["days"] == [str(LAST_DAY)]
    assert bench.collect(CollectRequest())[0]["days"] == []


def test_unscraped_nodes_lower_nothing_and_remove_no_pod(bench_of: BenchOf) -> None:
    cart = replace(CART, replicas=10)
    fleet = with_apps(cart, nodes=40)
    nodes = [pod.node for pod in pods_of(fleet)]
    four = [node for node in nodes if nodes.count(node) == 1][:4]
    days = [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]
    gaps = tuple(day_away(day, "cadvisor", target=node) for day in days for node in four)
    bench = bench_of(replace(fleet, gaps=gaps))
    bench.collect(CollectRequest())
    row = control(bench)
    assert (row["collected_replicas"], row["replicas"]) == (10, None)
    assert ConditionType.PODS_NOT_SEEN in types_of(row)
    assert {"cpu_request_millicores", "memory_request_bytes"} <= withheld(row)
    assert (row["cpu_request_millicores"], row["memory_request_bytes"]) == (None, None)


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param({"isPartial": True}, id="VictoriaMetrics"),
        pytest.param({"warnings": ["No StoreAPIs matched for this query"]}, id="Thanos"),
    ],
)
def test_a_partial_answer_as_the_only_day_sets_no_replicas(bench_of: BenchOf, envelope: dict[str, Any]) -> None:
    fleet = with_apps(CART, days=1, first_day=LAST_DAY)
    bench = bench_of(fleet)
    hidden = {pod.name for pod in pods_of(fleet) if pod.index >= 2}
    with PartialGate(bench.prometheus.url, lambda labels: labels.get("pod") in hidden, envelope) as gate:
        bench.source = PrometheusSource(PrometheusClient(gate.url))
        bench.collect(CollectRequest(days=1))
        row = control(bench)
        assert ConditionType.PARTIAL_DATA in types_of(row)
        assert {"replicas", "cpu_request_millicores", "memory_request_bytes"} <= withheld(row)
        assert row["replicas"] is None
        gate.envelope, gate.is_hidden = {}, lambda _labels: False
        assert bench.collect(CollectRequest(days=1))[0]["days"] == [str(LAST_DAY)]
    assert (control(bench)["collected_replicas"], ConditionType.PARTIAL_DATA in types_of(control(bench))) == (4, False)


def test_what_is_forgotten_at_the_edge_of_retention_is_kept(bench_of: BenchOf) -> None:
    bench = bench_of(FLEET)
    bench.collect(CollectRequest())
    before = bench.usage.history([FIRST_DAY])
    for left_from in ("10:28", "10:03"):
        bench.prometheus.refill(replace(FLEET, gaps=(day_away(FIRST_DAY, until=left_from),)))
        steps = bench.collect(CollectRequest(days=DAYS, refresh=True))
        assert set(steps_of(steps, "kept")) == {str(FIRST_DAY)}
        assert bench.usage.history([FIRST_DAY]) == before


def test_a_day_that_came_in_late_is_asked_for_again(bench_of: BenchOf) -> None:
    late = day_away(until="10:22")
    bench = bench_of(replace(FLEET, gaps=(late,)))
    bench.collect(CollectRequest())
    thin = bench.usage.days()[LAST_DAY].coverage
    assert 0 < thin < 0.8
    bench.prometheus.refill(FLEET)
    steps = bench.collect(CollectRequest())
    assert (steps[0]["days"], bench.usage.days()[LAST_DAY].coverage) == ([str(LAST_DAY)], 1.0)


# Thin rows never decide


def test_a_container_renamed_at_the_windows_end_is_not_sized_by_that(bench_of: BenchOf) -> None:
    busy = replace(APP, name="main", cpu=Shape(0.9), memory=Shape(100 * MIB))
    cart = replace(CART, events=(Rollout(at("10:25"), 10, surge=4, containers=(busy,)),))
    bench = bench_of(with_apps(cart, record_minutes=41))
    bench.collect(CollectRequest())
    new, old = control(bench, container="main"), control(bench)
    assert {"memory_request_bytes"} <= withheld(new)
    assert (new["peak_day"], old["peak_day"]) != (LAST_DAY, LAST_DAY)
    assert (old["replicas"], withheld(old)) == (4, set())
    assert ConditionType.LOW_COVERAGE in types_of(new)
    assert old["cpu_request_millicores"] == pytest.approx(220, abs=20)


def test_a_deployment_two_minutes_old_waits_for_whole_days(bench_of: BenchOf) -> None:
    born = LAST_DAY - timedelta(days=DAYS - 2)
    young = App("young", "shop", (replace(APP, cpu=Shape(0.9, day_factors=())),), 3, created=at("10:28", born))
    fleet = with_apps(CART, young)
    bench = bench_of(fleet)
    bench.now = evening(born)
    bench.collect(CollectRequest())
    row = control(bench, "young")
    assert {ConditionType.SHORT_HISTORY, ConditionType.LOW_COVERAGE} <= types_of(row)
    assert row["replicas"] is None
    assert row["memory_request_bytes"] is None
    bench.now = evening(LAST_DAY)
    bench.collect(CollectRequest())
    row = control(bench, "young")
    assert row["peak_day"] != born
    assert (row["replicas"], types_of(row)) == (3, set())
    assert row["cpu_request_millicores"] == pytest.approx(900, abs=10)


# Sizes and replicas


def test_a_day_of_many_small_pods_and_days_of_few_large_ones(bench_of: BenchOf) -> None:
    first = FIRST_DAY - timedelta(days=5)
    cores = Shape(0.31, day_factors=((first, 0.1 / 0.31),))
    events = (Scale(at("08:00", first), 10), Scale(at("20:00", first), 3))
    cart = App("cart", "shop", (replace(APP, cpu=cores, asks=Resources(50, 64 * MIB)),), 3, events=events)
    bench = bench_of(with_apps(cart, first_day=first, days=10))
    bench.collect(CollectRequest())
    row = control(bench)
    assert (row["collected_replicas"], row["peak_day"]) == (10, first)
    assert row["cpu_request_millicores"] >= 310
    key = WorkloadKey(bench.cluster, "shop", "cart")
    bench.control.edit(key, ManualValues(replicas=3), based_on=0, who="alice")
    assert control(bench)["cpu_request_millicores"] >= 334


def test_a_container_killed_for_memory_is_not_lowered_to_what_it_had(bench_of: BenchOf) -> None:
    kills = tuple(Restart(at(clock, day)) for clock in ("10:05", "10:15", "10:25") for day in days_back(3))
    memory = Shape(380 * MIB, climb_per_hour=600 * MIB)
    asks = Resources(500, 400 * MIB, 1000, 512 * MIB)
    cart = App("cart", "shop", (replace(APP, memory=replace(memory), asks=asks, restarts=kills),))
    bench = bench_of(with_apps(cart, gaps=()))
    bench.collect(CollectRequest())
    row = control(bench)
    [killed] = [one for one in conditions_of(row) if one.type is ConditionType.OOM_KILLED]
    assert (killed.parameters["kills"], killed.parameters["limit"]) == (9, "512Mi")
    assert killed.parameters["proposed_limit"] == "640Mi"
    seen = max(one.memory_max_bytes for one in bench.usage.history([FIRST_DAY, *days_back(3)]))
    assert seen > 400 * MIB
    assert row["memory_request_bytes"] == -(-seen // MIB) * MIB


def days_back(count: int) -> list[date]:
    return [LAST_DAY - timedelta(days=number) for number in range(count)]


def test_pods_that_live_an_hour_are_as_many_after_every_night(bench_of: BenchOf) -> None:
    """The next night has the replicas that the night before gave."""
    replicas = 20
    for night in range(3):
        day = FIRST_DAY + timedelta(days=night)
        every = 3600 / replicas
        ends = [Replace(at("09:00", day) + timedelta(seconds=every * n), n % replicas, 30) for n in range(2 * replicas)]
        cart = App("cart", "shop", (APP,), replicas, events=tuple(ends))
        bench = bench_of(with_apps(cart, first_day=day, days=1))
        bench.collect(CollectRequest(days=1))
        assert control(bench)["collected_replicas"] == 20
        replicas = control(bench)["collected_replicas"]
