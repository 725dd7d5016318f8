from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.source import PrometheusSource
from kubedoor.collection.readings import CURVE_METRICS, STATE_METRICS, Metric
from kubedoor.errors import (
    InvalidInput,
    PrometheusNotUnderstood,
    PrometheusRefused,
    PrometheusUnreachable,
    QueryTooLarge,
)
from kubedoor.model.peak_day import PeakDay, TimeRange
from kubedoor.model.usage import DayUsage, UsageDay
from kubedoor.model.values import Resources
from tests.support.promserver import PromServer, ReceivedRequest, Reply, failure, result, success

DAY = date(2025, 6, 3)
NOON = datetime(2025, 6, 3, 12, tzinfo=UTC)
NAMESPACES = ("account", "pay", "shop", "web")
POD = "cart-7d4b9c8f65-x7k2p"
MIB = 2**20
PER_WINDOW = len(CURVE_METRICS) + 1
"""Queries of a window: its curves and its facts. The state is asked for once a day."""


def peak_day(*windows: tuple[int, int]) -> PeakDay:
    """Minutes after noon, UTC."""
    return PeakDay(
        DAY,
        tuple(TimeRange(NOON + timedelta(minutes=start), NOON + timedelta(minutes=end)) for start, end in windows),
    )


ONE_WINDOW = peak_day((0, 20))


@dataclass
class Cluster:
    """A Prometheus with one Deployment of one pod in each namespace. `refuse` may fail a query."""

    refuse: Callable[[ReceivedRequest, tuple[str, ...], float], Reply | None] = lambda asked, namespaces, seconds: None
    envelope: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = NAMESPACES

    def __call__(self, asked: ReceivedRequest) -> Reply:
        if asked.path.endswith("/label/namespace/values"):
            return success([*self.namespaces, ""])
        matcher = re.search(r'namespace=~"([^"]*)"', asked.query)
        namespaces = tuple(matcher[1].split("|")) if matcher else self.namespaces
        seconds = self._seconds(asked)
        if refusal := self.refuse(asked, namespaces, seconds):
            return refusal
        if asked.path.endswith("/query_range"):
            return result(self._curves(asked, namespaces), "matrix", **self.envelope)
        if "kubedoor_fact" in asked.query:
            return result(self._facts(namespaces, seconds), **self.envelope)
        return result(self._state(namespaces), **self.envelope)

    def _seconds(self, asked: ReceivedRequest) -> float:
        if asked.path.endswith("/query_range"):
            return float(asked.fields["end"]) - float(asked.fields["start"])
        durations = [float(duration) for duration in re.findall(r"\[(\d+)s\]", asked.query)]
        return durations[0] if "kubedoor_fact" in asked.query else max(durations)

    def _of(self, namespace: str) -> dict[str, str]:
        return {"namespace": namespace, "pod": POD, "container": "cart"}

    def _curves(self, asked: ReceivedRequest, namespaces: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        start, end, step = (int(asked.fields[name]) for name in ("start", "end", "step"))
        metric = next((metric for metric in (Metric.CPU, Metric.MEMORY) if metric in asked.query), None)
        if metric is None or metric in self.without:
            return
        scale = 0.001 if metric is Metric.CPU else float(MIB)
        for number, namespace in enumerate(namespaces):
            values = [[at, str(scale * (100 + at // 60 % 60))] for at in range(start, end + 1, step)]
            yield {"metric": self._of(namespace), "values": [*values, [end + step, "NaN"]] if number else values}

    def _facts(self, namespaces: tuple[str, ...], seconds: float) -> Iterator[dict[str, Any]]:
        facts = {"memory_max": 500 * MIB, "periods": 10 * seconds, "throttled_periods": seconds, "oom_events": 0.0}
        for namespace in namespaces:
            for fact, value in facts.items():
                yield {"metric": {**self._of(namespace), "kubedoor_fact": fact}, "value": [0, str(value)]}

    def _state(self, namespaces: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        details = {"owner_kind": "ReplicaSet", "owner_name": "cart-7d4b9c8f65", "resource": "cpu"}
        for namespace in namespaces:
            for metric in STATE_METRICS:
                if metric not in self.without and metric != "kube_replicaset_owner":
                    labels = {**self._of(namespace), **details, "kubedoor_metric": metric}
                    yield {"metric": labels, "value": [0, "0.5"]}


@contextmanager
def reading(prometheus: Cluster, **options: Any) -> Iterator[tuple[PromServer, PrometheusSource]]:
    server = PromServer(prometheus)
    with server.running(), PrometheusClient(server.url, timeout_seconds=20, sleep=lambda seconds: None) as client:
        yield server, PrometheusSource(client, **options)


def usage_of(prometheus: Cluster, day: PeakDay = ONE_WINDOW, **options: Any) -> DayUsage:
    with reading(prometheus, **options) as (_, source):
        return source.read_day(day, step_seconds=60)


def test_a_day_takes_nine_queries() -> None:
    with reading(Cluster()) as (server, source):
        usage = source.read_day(ONE_WINDOW, step_seconds=60)
    assert not source.is_sample
    assert (usage.queries, len(server.asked), usage.coverage, usage.warnings) == (9, 9, 1.0, ())
    assert [row.namespace for row in usage.rows] == list(NAMESPACES)
    assert usage.rows[0] == UsageDay(
        namespace="account",
        deployment="cart",
        container="cart",
        day=DAY,
        pods=1,
        cpu_p95_millicores=119,
        cpu_p95_hottest_millicores=119,
        memory_p95_bytes=119 * MIB,
        memory_p95_hottest_bytes=119 * MIB,
        memory_max_bytes=500 * MIB,
        cpu_quantiles_millicores=(110, 115, 118, 119, 120, 120, 120),
        memory_quantiles_bytes=tuple(round(MIB * value) for value in (110, 115, 118, 119, 119.6, 119.8, 120)),
        found=Resources(cpu_request_millicores=500, cpu_limit_millicores=500),
        throttled_share=0.1,
        hpa=False,
    )


def test_three_windows_take_eight_queries_each_and_one() -> None:
    usage = usage_of(Cluster(), peak_day((0, 20), (60, 80), (120, 140)))
    assert (usage.queries, usage.coverage, usage.rows[0].coverage) == (25, 1.0, 1.0)
    assert usage.rows[0].throttled_share == pytest.approx(0.1)


def test_a_day_without_windows_takes_no_query() -> None:
    assert usage_of(Cluster(), peak_day()) == DayUsage((), 0.0)


def too_large() -> Reply:
    return failure(422, "query processing would load too many samples into memory in query execution")


@pytest.mark.parametrize(
    ("most_namespaces", "most_seconds"),
    [
        pytest.param(2, 1e9, id="halves of the namespaces"),
        pytest.param(1, 1e9, id="single namespaces"),
        pytest.param(1, 300, id="and halves of the time"),
        pytest.param(1, 119, id="down to little more than a step"),
    ],
)
@pytest.mark.parametrize("windows", [((0, 8),), ((0, 8), (60, 67))])
def test_a_split_query_gives_the_same_result(
    most_namespaces: int, most_seconds: float, windows: tuple[tuple[int, int], ...]
) -> None:
    def refuse(asked: ReceivedRequest, namespaces: tuple[str, ...], seconds: float) -> Reply | None:
        return too_large() if len(namespaces) > most_namespaces or seconds > most_seconds else None

    day = peak_day(*windows)
    whole, split = usage_of(Cluster(), day), usage_of(Cluster(refuse), day)
    assert split.queries > whole.queries + 4
    rows = [replace(row, throttled_share=round(row.throttled_share or 0, 9)) for row in split.rows]
    assert replace(split, rows=tuple(rows), queries=whole.queries) == whole


def test_the_state_of_two_windows_is_split_into_the_windows_first() -> None:
    def refuse(asked: ReceivedRequest, namespaces: tuple[str, ...], seconds: float) -> Reply | None:
        is_of_two = "kube_pod_owner" in asked.query and " offset " in asked.query
        return too_large() if len(namespaces) > 1 or is_of_two else None

    with reading(Cluster(refuse)) as (server, source):
        source.read_day(peak_day((0, 20), (60, 75)), step_seconds=60)
    states = [query for query in server.queries if "kube_pod_owner" in query]
    assert sum("[1200s]" in query and "[900s]" not in query for query in states) == len(NAMESPACES)


def test_a_query_that_stays_too_large_fails_after_the_smallest_part() -> None:
    server = PromServer(Cluster(lambda *_: too_large()))
    with server.running(), PrometheusClient(server.url) as client, pytest.raises(QueryTooLarge, match="too many"):
        PrometheusSource(client, concurrency=1).read_day(ONE_WINDOW, step_seconds=60)
    # The whole, the list of namespaces, four namespaces halved twice, 21 steps halved four times: nothing in breadth.
    assert len(server.asked) == 8


@pytest.mark.parametrize("sign", ["kubedoor_fact", "kube_pod_owner"])
def test_facts_and_state_are_not_split_below_a_step(sign: str) -> None:
    def refuse(asked: ReceivedRequest, namespaces: tuple[str, ...], seconds: float) -> Reply | None:
        return too_large() if sign in asked.query else None

    with pytest.raises(QueryTooLarge):
        usage_of(Cluster(refuse), namespaces=("shop",))


def test_configured_namespaces_are_halved_without_listing_them() -> None:
    def refuse(asked: ReceivedRequest, namespaces: tuple[str, ...], seconds: float) -> Reply | None:
        return too_large() if len(namespaces) > 1 else None

    with reading(Cluster(refuse), namespaces=("shop", "web")) as (server, source):
        usage = source.read_day(ONE_WINDOW, step_seconds=60)
    assert [row.namespace for row in usage.rows] == ["shop", "web"]
    assert not [asked for asked in server.asked if asked.path.endswith("/values")]


def test_every_query_has_the_matchers_of_the_scope() -> None:
    options = {"cluster_label": "env", "cluster": "prod", "excluded_namespaces": ("kube-system",)}
    with reading(Cluster(), **options) as (server, source):
        source.read_day(ONE_WINDOW, step_seconds=60)
    assert all('env="prod",namespace!~"kube-system"}' in query for query in server.queries)


@pytest.mark.parametrize("label", ['env="x"', "1st", "k8s.cluster", "集群"])
def test_an_invalid_cluster_label_is_refused_by_name(label: str) -> None:
    with pytest.raises(InvalidInput, match="is not a Prometheus label") as caught:
        PrometheusSource(PrometheusClient("http://prometheus:9090"), cluster_label=label)
    assert caught.value.details["field"] == "cluster_label"


def test_concurrent_queries_are_limited() -> None:
    lock, both = threading.Lock(), threading.Barrier(2, timeout=20)
    under_way = most = begun = 0

    def refuse(asked: ReceivedRequest, namespaces: tuple[str, ...], seconds: float) -> None:
        nonlocal under_way, most, begun
        with lock:
            under_way, begun = under_way + 1, begun + 1
            most = max(most, under_way)
            is_last = begun == PER_WINDOW + 1
        if not is_last:
            both.wait()
        with lock:
            under_way -= 1

    usage_of(Cluster(refuse))
    assert most == 2


@pytest.mark.parametrize(
    ("envelope", "is_partial", "warnings"),
    [
        pytest.param({"isPartial": True}, True, (), id="VictoriaMetrics with a node away"),
        pytest.param({"warnings": ["no store"]}, True, ("Prometheus: no store",), id="Thanos with a store away"),
        pytest.param({"infos": ["a counter?"]}, False, (), id="infos"),
        pytest.param(
            {"warnings": ["PromQL warning: mixed"]}, False, ("Prometheus: PromQL warning: mixed",), id="of the form"
        ),
    ],
)
def test_partial_results_are_reported(envelope: dict[str, Any], is_partial: bool, warnings: tuple[str, ...]) -> None:
    usage = usage_of(Cluster(envelope=envelope))
    assert (usage.is_partial, usage.warnings, len(usage.rows)) == (is_partial, warnings, 4)
    assert {row.hpa for row in usage.rows} == {None if is_partial else False}, (
        "partial data does not prove that there is no HPA"
    )


def test_the_mark_depends_on_the_address_and_the_matchers() -> None:
    def mark(url: str = "http://prometheus:9090", **options: Any) -> str:
        return PrometheusSource(PrometheusClient(url), **options).mark

    assert mark() == mark("http://prometheus:9090/", rate_seconds=60)
    assert mark("http://reader:secret@prometheus:9090") == mark(), "credentials may change"
    assert mark(cluster="west") == mark(), "without a label no cluster is asked for"
    others = [
        mark("http://thanos:9090"),
        mark(cluster_label="env", cluster="west"),
        mark(cluster_label="env", cluster="east"),
        mark(namespaces=["shop"]),
        mark(excluded_namespaces=["shop"]),
    ]
    assert len({mark(), *others}) == 6


def test_missing_metrics_are_named() -> None:
    usage = usage_of(Cluster(without=("container_spec_cpu_quota", "kube_pod_container_resource_limits")))
    assert usage.warnings == (
        "container_spec_cpu_quota has no series between 2025-06-03 12:00 UTC and 2025-06-03 12:20 UTC",
        "kube_pod_container_resource_limits has no series between 2025-06-03 12:00 UTC and 2025-06-03 12:20 UTC",
    )


def test_a_day_without_data_is_not_an_error() -> None:
    everything = (*STATE_METRICS, "container_cpu_usage_seconds_total", "container_memory_working_set_bytes")
    usage = usage_of(Cluster(without=everything))
    assert (usage.rows, usage.coverage, len(usage.warnings)) == ((), 0.0, 6)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        pytest.param(failure(401, ""), PrometheusRefused, id="401"),
        pytest.param(Reply(b"", 503), PrometheusUnreachable, id="503"),
        pytest.param(result([{"metric": {}}]), PrometheusNotUnderstood, id="a series without values"),
        pytest.param(result([{"metric": 1, "values": []}]), PrometheusNotUnderstood, id="labels that are none"),
        pytest.param(result([{"metric": {}, "values": [["x", 1]]}]), PrometheusNotUnderstood, id="a time that is none"),
        pytest.param(
            result([{"metric": {"kubedoor_fact": "?"}, "values": [], "value": [1, "1"]}]),
            PrometheusNotUnderstood,
            id="an unknown fact",
        ),
    ],
)
def test_one_failed_query_fails_the_day(reply: Reply, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        usage_of(Cluster(lambda *_: reply))


def test_without_a_list_of_namespaces_a_query_is_split_by_time() -> None:
    def answer(asked: ReceivedRequest) -> Reply:
        if asked.path.endswith("/values"):
            return success([])
        return cluster(asked)

    def refuse(asked: ReceivedRequest, namespaces: tuple[str, ...], seconds: float) -> Reply | None:
        return too_large() if seconds > 700 else None

    cluster = Cluster(refuse)
    server = PromServer(answer)
    with server.running(), PrometheusClient(server.url) as client:
        usage = PrometheusSource(client).read_day(ONE_WINDOW, step_seconds=60)
    assert [row.coverage for row in usage.rows] == [1.0] * 4
