"""The queries with one exact metric name in each selector answer what a pattern of names answered.

Google Managed Prometheus refuses patterns of names, so KubeDoor sends none; Prometheus itself understands both.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time

import pytest

from kubedoor.collection.prometheus import queries
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.json_stream import instant_value
from kubedoor.collection.prometheus.queries import METRIC_LABEL, Scope
from kubedoor.collection.readings import NODE_METRICS, STATE_METRICS, Metric
from kubedoor.model.peak_day import TimeRange
from tests.contract.collection.conftest import MONDAY
from tests.contract.collection.test_usage_on_prometheus import FLEET
from tests.contract.conftest import PrometheusOf

Series = dict[frozenset[tuple[str, str]], float]
LABELS = (
    "namespace, pod, container, resource, restart_policy, owner_kind, owner_name, replicaset, scaletargetref_kind,"
    " scaletargetref_name"
)


def at(clock: str) -> datetime:
    return datetime.combine(MONDAY, time.fromisoformat(clock), UTC)


WINDOWS = {
    "one window": (TimeRange(at("10:00"), at("11:30")),),
    "two windows": (TimeRange(at("10:00"), at("10:45")), TimeRange(at("11:00"), at("11:30"))),
}


def by_pattern(metrics: Iterable[str], scope: Scope, window: str) -> str:
    matchers = ",".join([f'__name__=~"{"|".join(metrics)}"', *scope.matchers()])
    return f'label_replace(last_over_time({{{matchers}}}{window}), "{METRIC_LABEL}", "$1", "__name__", "(.+)")'


def asked(client: PrometheusClient, text: str, instant: datetime) -> Series:
    with client.query(text, time=instant.timestamp()) as result:
        return {frozenset(series["metric"].items()): instant_value(series) for series in result.series()}


@pytest.mark.parametrize("ranges", WINDOWS.values(), ids=WINDOWS.keys())
@pytest.mark.parametrize("scope", [Scope(), Scope(namespaces=("shop",)), Scope(excluded_namespaces=("web",))])
def test_the_state_is_the_same(prometheus_of: PrometheusOf, scope: Scope, ranges: tuple[TimeRange, ...]) -> None:
    end = ranges[-1].end
    windows = [
        f"[{round(piece.seconds)}s]"
        + (f" offset {round((end - piece.end).total_seconds())}s" if piece.end != end else "")
        for piece in reversed(ranges)
    ]
    pieces = " or ".join(by_pattern(STATE_METRICS, scope, window) for window in windows)
    with PrometheusClient(prometheus_of(FLEET).url) as client:
        before = asked(client, f"max by ({METRIC_LABEL}, {LABELS}) ({pieces})", end)
        after = asked(client, queries.state(scope, ranges), end)
    assert {key: value for key, value in after.items() if dict(key)[METRIC_LABEL] not in NODE_METRICS} == before
    assert {dict(key)[METRIC_LABEL] for key in before} >= {Metric.CONTAINER_INFO, Metric.REQUESTS, Metric.POD_OWNER}


@pytest.mark.parametrize("scope", [Scope(), Scope(namespaces=("shop",))])
def test_the_presence_is_the_same(prometheus_of: PrometheusOf, scope: Scope) -> None:
    metrics = [metric for metric in Metric if metric not in NODE_METRICS]
    pattern = f"count by ({METRIC_LABEL}) ({by_pattern(metrics, scope, '[3600s]')})"
    with PrometheusClient(prometheus_of(FLEET).url) as client:
        before = asked(client, pattern, at("11:00"))
        assert asked(client, queries.presence(scope, metrics, seconds=3600), at("11:00")) == before
    assert len(before) >= 10


def test_listed_pods_and_renamed_labels_are_counted(prometheus_of: PrometheusOf) -> None:
    with PrometheusClient(prometheus_of(FLEET).url) as client:
        pods = asked(client, queries.overlap(Scope(), seconds=3600), at("11:00"))
        assert asked(client, queries.renamed_labels(Scope(), seconds=3600), at("11:00")) == {}
    numbers = {dict(key)[METRIC_LABEL]: value for key, value in pods.items()}
    assert numbers[queries.LISTED_AND_USED] == numbers[queries.USED] == numbers[queries.LISTED] > 10
