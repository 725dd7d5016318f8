"""The queries of a day: how each is sent, how it is split, and where its series go in the reading."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol, Self

from kubedoor.collection.grid import Segment
from kubedoor.collection.prometheus import queries
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.json_stream import QueryResult, instant_value
from kubedoor.collection.prometheus.queries import Scope
from kubedoor.collection.readings import DEPLOYMENT_METRICS, ContainerKey, DayReading, Fact, Metric
from kubedoor.model.peak_day import TimeRange


class Query(Protocol):
    """One query: how to split it, and how to add its series to the reading."""

    @property
    def scope(self) -> Scope: ...

    @property
    def kind(self) -> Hashable:
        """Queries of one kind are as large as each other."""
        ...

    def within(self, namespaces: Sequence[str]) -> Self: ...

    def time_halves(self) -> Sequence[Query]:
        """Empty if the time range cannot be halved."""
        ...

    def send(self, client: PrometheusClient) -> AbstractContextManager[QueryResult]: ...

    def add(self, reading: DayReading, labels: Mapping[str, str], series: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class CurveQuery:
    """One of CURVE_METRICS at every step of a segment, of every container, pod or Deployment."""

    scope: Scope
    metric: Metric
    segment: Segment
    rate_seconds: int

    @property
    def kind(self) -> Hashable:
        return DEPLOYMENT_METRICS if self.metric in DEPLOYMENT_METRICS else self.metric

    def within(self, namespaces: Sequence[str]) -> CurveQuery:
        return replace(self, scope=self.scope.within(namespaces))

    def time_halves(self) -> Sequence[CurveQuery]:
        halves = self.segment.halves()
        return [replace(self, segment=half) for half in halves] if len(halves) > 1 else []

    def send(self, client: PrometheusClient) -> AbstractContextManager[QueryResult]:
        text = self._text()
        segment = self.segment
        return client.query_range(text, start=segment.first, end=segment.last, step_seconds=segment.step_seconds)

    def _text(self) -> str:
        match self.metric:
            case Metric.CPU:
                return queries.cpu_curve(self.scope, rate_seconds=self.rate_seconds)
            case Metric.MEMORY:
                return queries.memory_curve(self.scope)
        return queries.listed_curve(self.scope, self.metric)

    def add(self, reading: DayReading, labels: Mapping[str, str], series: Mapping[str, Any]) -> None:
        if "numbers" in series:
            curve = self.segment.curve_of(series["numbers"])
        else:
            curve = self.segment.curve(series["values"])
        offset = self.segment.offset
        match self.metric:
            case Metric.CPU | Metric.MEMORY:
                reading.add_curve(self.metric, _key(labels), curve, offset)
            case Metric.CONTAINER_INFO:
                reading.add_pod(_key(labels)[:2], curve, offset)
            case Metric.POD_READY:
                reading.add_unready(_key(labels)[:2], curve, offset)
            case _:
                name = (labels.get("namespace", ""), labels.get("deployment", ""))
                reading.add_deployment(name, self.metric, curve, offset)


@dataclass(frozen=True)
class FactsQuery:
    """Maxima and increases of every container in one range."""

    scope: Scope
    piece: TimeRange
    step_seconds: int
    rate_seconds: int

    @property
    def kind(self) -> Hashable:
        return "facts"

    def within(self, namespaces: Sequence[str]) -> FactsQuery:
        return replace(self, scope=self.scope.within(namespaces))

    def time_halves(self) -> Sequence[FactsQuery]:
        return [replace(self, piece=half) for half in _time_halves(self.piece, self.step_seconds)]

    def send(self, client: PrometheusClient) -> AbstractContextManager[QueryResult]:
        text = queries.facts(self.scope, seconds=round(self.piece.seconds), rate_seconds=self.rate_seconds)
        return client.query(text, time=self.piece.end.timestamp())

    def add(self, reading: DayReading, labels: Mapping[str, str], series: Mapping[str, Any]) -> None:
        reading.add_fact(Fact(labels[queries.FACT_LABEL]), _key(labels), instant_value(series))


@dataclass(frozen=True)
class StateQuery:
    """Containers, requests, limits, owners and HPAs, in all ranges of the day."""

    scope: Scope
    ranges: tuple[TimeRange, ...]
    step_seconds: int

    @property
    def kind(self) -> Hashable:
        return "state"

    def within(self, namespaces: Sequence[str]) -> StateQuery:
        return replace(self, scope=self.scope.within(namespaces))

    def time_halves(self) -> Sequence[StateQuery]:
        if len(self.ranges) > 1:
            return [replace(self, ranges=(piece,)) for piece in self.ranges]
        return [replace(self, ranges=(half,)) for half in _time_halves(self.ranges[0], self.step_seconds)]

    def send(self, client: PrometheusClient) -> AbstractContextManager[QueryResult]:
        return client.query(queries.state(self.scope, self.ranges), time=self.ranges[-1].end.timestamp())

    def add(self, reading: DayReading, labels: Mapping[str, str], series: Mapping[str, Any]) -> None:
        reading.state.add(labels.get(queries.METRIC_LABEL, ""), labels, instant_value(series))


def _key(labels: Mapping[str, str]) -> ContainerKey:
    return (labels.get("namespace", ""), labels.get("pod", ""), labels.get("container", ""))


def _time_halves(piece: TimeRange, step_seconds: int) -> Sequence[TimeRange]:
    if piece.seconds < 2 * step_seconds:
        return []
    # Whole seconds, because PromQL durations are.
    middle = piece.start + timedelta(seconds=piece.seconds // 2)
    return [TimeRange(piece.start, middle), TimeRange(middle, piece.end)]
