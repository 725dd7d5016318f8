"""Several clusters, one after the other: each named, resumable, and independent of the failures of others."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from kubedoor.collection.all_clusters import AllClusters
from kubedoor.collection.collector import Collector
from kubedoor.collection.request import CollectRequest, parse_collect_request
from kubedoor.errors import InvalidInput, PrometheusUnreachable, SettingsError, StoreError
from kubedoor.store.connection import Connection
from tests.unit.collection.test_collector import Days, make_collector

NEWEST = date(2026, 11, 20)


class Unreachable(Days):
    def read_day(self, peak_day: Any, *, step_seconds: int) -> Any:
        raise PrometheusUnreachable("nobody answers")


class Bench:
    """Clusters of a test on one store, each with its own source; every reading of the clock advances it by a second."""

    def __init__(self, connection: Connection, name: str, **sources: Days) -> None:
        seconds = itertools.count(0.0, 1.0)
        self.clock = lambda: next(seconds)
        self.collectors = {
            one: partial(make_collector, connection, f"{name}-{one}", source, monotonic=self.clock)
            for one, source in sources.items()
        }

    def all_clusters(self, **further: Callable[[], Collector]) -> AllClusters:
        return AllClusters({**self.collectors, **further}, self.clock)

    def run(self, request: CollectRequest | None = None, *, budget_seconds: float = 3600) -> list[dict[str, Any]]:
        all_clusters = self.all_clusters()
        all_clusters.check(request or CollectRequest())
        return list(all_clusters.run(request or CollectRequest(), collection="c", budget_seconds=budget_seconds))


def course(steps: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(cluster, event) of the steps, without consecutive duplicates."""
    events = [(step.get("cluster", ""), step["event"]) for step in steps]
    return [one for one, _ in itertools.groupby(events)]


ALL_OF_ONE = ["started", "day", "finished"]


def test_every_cluster_is_collected_and_the_last_step_is_a_summary(embedded: Connection, cluster: str) -> None:
    steps = Bench(embedded, cluster, a=Days(), b=Days()).run()
    assert course(steps) == [
        *(("a", event) for event in ALL_OF_ONE),
        *(("b", event) for event in ALL_OF_ONE),
        ("", "round"),
    ]
    assert (steps[-1]["complete"], steps[-1]["failed_clusters"]) == (True, [])


def test_one_cluster_by_name(embedded: Connection, cluster: str) -> None:
    steps = Bench(embedded, cluster, a=Days(), b=Days()).run(CollectRequest(cluster="b"))
    assert course(steps) == [("b", event) for event in ALL_OF_ONE]
    assert steps[-1]["complete"] is True


def test_a_single_cluster_has_no_summary(embedded: Connection, cluster: str) -> None:
    steps = Bench(embedded, cluster, a=Days()).run(budget_seconds=0)
    assert steps[-1]["event"] == "next"
    assert "cluster" not in steps[-1]["next"]


def test_an_unreachable_prometheus_is_named_and_stops_no_other_cluster(embedded: Connection, cluster: str) -> None:
    steps = Bench(embedded, cluster, a=Unreachable(), b=Days()).run()
    assert ("a", "failed") in course(steps)
    assert ("b", "finished") in course(steps)
    assert (steps[-1]["complete"], steps[-1]["failed_clusters"]) == (False, ["a"])
    assert "a" in steps[-1]["message"]


def test_a_cluster_that_cannot_start_is_named(embedded: Connection, cluster: str) -> None:
    def without_prometheus() -> Collector:
        raise SettingsError("no Prometheus", problems=["no Prometheus"])

    all_clusters = Bench(embedded, cluster, a=Days()).all_clusters(b=without_prometheus)
    steps = list(all_clusters.run(CollectRequest(), collection="c", budget_seconds=3600))
    assert steps[-1]["failed_clusters"] == ["b"]


def test_an_unavailable_store_ends_the_run(embedded: Connection, cluster: str) -> None:
    def without_store() -> Collector:
        raise StoreError("away")

    all_clusters = AllClusters({"a": without_store, "b": without_store}, lambda: 0.0)
    steps = list(all_clusters.run(CollectRequest(), collection="c", budget_seconds=3600))
    assert course(steps) == [("a", "failed")]


def test_a_run_resumes_after_its_budget_and_keeps_the_failed_clusters(embedded: Connection, cluster: str) -> None:
    all_three = Bench(embedded, cluster, a=Unreachable(), b=Days(), c=Days())
    request, days_collected = CollectRequest(), list[tuple[str, str]]()
    for _ in range(20):
        steps = all_three.run(request, budget_seconds=2)
        days_collected += [(step["cluster"], step["day"]) for step in steps if step["event"] == "day"]
        if steps[-1]["event"] != "next":
            break
        request = parse_collect_request(steps[-1]["next"])
    assert (steps[-1]["event"], steps[-1]["failed_clusters"]) == ("round", ["a"])
    days = [str(NEWEST - timedelta(days=back)) for back in range(3)]
    assert days_collected == [(name, day) for name in "bc" for day in days], "every day once, cluster by cluster"


def test_before_applies_to_the_resumed_cluster_only(embedded: Connection, cluster: str) -> None:
    request = CollectRequest(cluster="a", before=NEWEST, then=("b",))
    steps = Bench(embedded, cluster, a=Days(), b=Days()).run(request)
    first = {step["cluster"]: step["days"][0] for step in steps if step["event"] == "started"}
    assert first == {"a": "2026-11-19", "b": str(NEWEST)}


WRONG: dict[str, tuple[CollectRequest, str]] = {
    "an unknown cluster": (CollectRequest(cluster="x"), "cluster"),
    "an unknown one afterwards": (CollectRequest(cluster="a", then=("x",)), "then"),
    "an unknown one that failed": (CollectRequest(cluster="a", failed=("x",)), "failed"),
    "before without a cluster": (CollectRequest(before=NEWEST), "before"),
    "then without a cluster": (CollectRequest(then=("b",)), "then"),
}


@pytest.mark.parametrize(("invalid", "field"), WRONG.values(), ids=WRONG.keys())
def test_an_invalid_request_names_its_field(
    embedded: Connection, cluster: str, invalid: CollectRequest, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        Bench(embedded, cluster, a=Days(), b=Days()).all_clusters().check(invalid)
    assert caught.value.details["field"] == field
