"""Prometheus as a usage source: the queries of a day, and how a query that is too large is split.

A day with W windows takes 3 W + 1 queries, whatever the number of workloads. A query that Prometheus rejects as too
large is halved, first by namespaces, then by time, down to one step of one namespace. All parts write into the same
reading, so the result does not depend on the split.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol, Self

from kubedoor.collection.prometheus import queries
from kubedoor.collection.prometheus.checks import prometheus_checks
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.json_stream import QueryResult, instant_value
from kubedoor.collection.prometheus.queries import Scope
from kubedoor.collection.readings import ContainerKey, DayReading, Fact, Grid, Metric, Segment
from kubedoor.collection.usage_days import day_usage
from kubedoor.errors import InvalidInput, PrometheusNotUnderstood, QueryTooLarge
from kubedoor.model.checks import Check
from kubedoor.model.usage import DayUsage, PeakDay, TimeRange

MAX_WARNINGS = 20
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_QUERY_ANNOTATIONS = ("PromQL warning", "PromQL info")
"""Prefixes of warnings about the form of a query. Any other warning means that data is missing."""


class PrometheusSource:
    """A UsageSource. `cluster` is the value of `cluster_label`; without a label, all series are of one cluster."""

    is_sample = False

    def __init__(
        self,
        client: PrometheusClient,
        *,
        cluster_label: str = "",
        cluster: str = "default",
        namespaces: Sequence[str] = (),
        excluded_namespaces: Sequence[str] = (),
        rate_seconds: int = 300,
        concurrency: int = 2,
        query_slots: AbstractContextManager[Any] | None = None,
    ) -> None:
        """`query_slots` is entered for every query: it limits concurrency where several sources share a server.

        Raises InvalidInput for an invalid `cluster_label`.
        """
        if cluster_label and not _LABEL.fullmatch(cluster_label):
            raise InvalidInput(f"{cluster_label!r} is not a Prometheus label: write it like env", field="cluster_label")
        self._client = client
        self._scope = Scope(cluster_label, cluster, tuple(namespaces), tuple(excluded_namespaces))
        self._rate_seconds = rate_seconds
        self._concurrency = concurrency
        self._query_slots = query_slots or nullcontext()

    @property
    def mark(self) -> str:
        """A digest of the address, without credentials, and of the label matchers."""
        identity = "\n".join([self._client.address, *self._scope.matchers()])
        return f"prometheus-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"

    def read_day(self, peak_day: PeakDay, *, step_seconds: int) -> DayUsage:
        """Raises PrometheusError if any query fails: an incomplete day is never returned as a whole one."""
        reading = DayReading(Grid.of(peak_day.ranges, step_seconds))
        reader = _DayReader(self._client, reading, self._query_slots)
        reader.run_all(self._queries_of(peak_day, reading.grid), self._concurrency)
        usage = day_usage(reading, peak_day)
        warnings = (*usage.warnings, *[f"Prometheus: {warning}" for warning in reader.warnings])
        # In partial data, a missing HPA series does not mean that there is no HPA.
        rows = tuple(replace(row, hpa=row.hpa or None) for row in usage.rows) if reader.is_partial else usage.rows
        return replace(usage, rows=rows, warnings=warnings, is_partial=reader.is_partial, queries=reader.query_count)

    def checks(self) -> Iterable[Check]:
        return prometheus_checks(self._client, self._scope)

    def _queries_of(self, peak_day: PeakDay, grid: Grid) -> list[Query]:
        result: list[Query] = []
        for segment in grid.segments:
            result.append(CurveQuery(self._scope, Metric.CPU, segment, self._rate_seconds))
            result.append(CurveQuery(self._scope, Metric.MEMORY, segment, self._rate_seconds))
        if grid.segments:
            result.append(StateQuery(self._scope, peak_day.ranges, grid.segments[0].step_seconds))
            result += [FactsQuery(self._scope, piece, grid.segments[0].step_seconds) for piece in peak_day.ranges]
        return result


class Query(Protocol):
    """One query: how to split it, and how to add its series to the reading."""

    @property
    def scope(self) -> Scope: ...

    def within(self, namespaces: Sequence[str]) -> Self: ...

    def time_halves(self) -> Sequence[Query]:
        """Empty if the time range cannot be halved."""
        ...

    def send(self, client: PrometheusClient) -> AbstractContextManager[QueryResult]: ...

    def add(self, reading: DayReading, labels: Mapping[str, str], series: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class CurveQuery:
    """CPU or memory of every container at every step of a segment."""

    scope: Scope
    metric: Metric
    segment: Segment
    rate_seconds: int

    def within(self, namespaces: Sequence[str]) -> CurveQuery:
        return replace(self, scope=self.scope.within(namespaces))

    def time_halves(self) -> Sequence[CurveQuery]:
        halves = self.segment.halves()
        return [replace(self, segment=half) for half in halves] if len(halves) > 1 else []

    def send(self, client: PrometheusClient) -> AbstractContextManager[QueryResult]:
        if self.metric is Metric.CPU:
            text = queries.cpu_curve(self.scope, rate_seconds=self.rate_seconds)
        else:
            text = queries.memory_curve(self.scope)
        segment = self.segment
        return client.query_range(text, start=segment.first, end=segment.last, step_seconds=segment.step_seconds)

    def add(self, reading: DayReading, labels: Mapping[str, str], series: Mapping[str, Any]) -> None:
        curve = self.segment.curve(series["values"])
        reading.add_curve(self.metric, _key(labels), curve, self.segment.offset)


@dataclass(frozen=True)
class FactsQuery:
    """Maxima and increases of every container in one range."""

    scope: Scope
    piece: TimeRange
    step_seconds: int

    def within(self, namespaces: Sequence[str]) -> FactsQuery:
        return replace(self, scope=self.scope.within(namespaces))

    def time_halves(self) -> Sequence[FactsQuery]:
        return [replace(self, piece=half) for half in _time_halves(self.piece, self.step_seconds)]

    def send(self, client: PrometheusClient) -> AbstractContextManager[QueryResult]:
        text = queries.facts(self.scope, seconds=round(self.piece.seconds))
        return client.query(text, time=self.piece.end.timestamp())

    def add(self, reading: DayReading, labels: Mapping[str, str], series: Mapping[str, Any]) -> None:
        reading.add_fact(Fact(labels[queries.FACT_LABEL]), _key(labels), instant_value(series))


@dataclass(frozen=True)
class StateQuery:
    """Containers, requests, limits, owners and HPAs, in all ranges of the day."""

    scope: Scope
    ranges: tuple[TimeRange, ...]
    step_seconds: int

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


@dataclass
class _DayReader:
    """Runs the queries of one day in several threads and adds their series to `reading` under `lock`."""

    client: PrometheusClient
    reading: DayReading
    query_slots: AbstractContextManager[Any]
    query_count: int = 0
    warnings: list[str] = field(default_factory=list)
    is_partial: bool = False
    has_failed: bool = False
    """A query failed for good, so no further query of this day is sent."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    _namespaces: tuple[str, ...] | None = None

    def run_all(self, queries: Sequence[Query], concurrency: int) -> None:
        """Raises the first error after the running queries have ended; queries that were not started are cancelled."""
        with ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="prometheus") as pool:
            futures = [pool.submit(self._run_or_abort, query) for query in queries]
            try:
                for future in as_completed(futures):
                    future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _run_or_abort(self, query: Query) -> None:
        try:
            self.run(query)
        except BaseException:
            self.has_failed = True
            raise

    def run(self, query: Query) -> None:
        """Split the query as often as needed. Does nothing once another query has failed."""
        if self.has_failed:
            return
        try:
            self._read(query)
        except QueryTooLarge:
            parts = self._split(query)
            if not parts:
                raise
            for part in parts:
                self.run(part)

    def _split(self, query: Query) -> Sequence[Query]:
        """Empty if the query cannot be made smaller."""
        namespaces = query.scope.namespaces or self._known_namespaces(query.scope)
        if len(namespaces) < 2:
            return query.time_halves()
        half = len(namespaces) // 2
        return [query.within(namespaces[:half]), query.within(namespaces[half:])]

    def _known_namespaces(self, scope: Scope) -> tuple[str, ...]:
        """Cached. Two threads may both send the request; they get the same result."""
        if self._namespaces is None:
            match = queries.namespaces_of(scope)
            grid = self.reading.grid
            first, last = grid.segments[0].first, grid.segments[-1].last
            values = self.client.label_values("namespace", match=match, start=first, end=last)
            with self.lock:
                self.query_count += 1
            self._namespaces = tuple(sorted(value for value in values if value))
        return self._namespaces

    def _read(self, query: Query) -> None:
        with self.lock:
            self.query_count += 1
        with self.query_slots, query.send(self.client) as result:
            for series in result.series():
                self._add(query, series)
            with self.lock:
                self._record_warnings(result)

    def _add(self, query: Query, series: Mapping[str, Any]) -> None:
        try:
            with self.lock:
                query.add(self.reading, series["metric"], series)
        except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
            raise PrometheusNotUnderstood("Prometheus' answer holds a malformed series") from error

    def _record_warnings(self, result: QueryResult) -> None:
        self.is_partial |= result.is_partial
        for warning in result.warnings:
            self.is_partial |= not warning.startswith(_QUERY_ANNOTATIONS)
            if warning not in self.warnings and len(self.warnings) < MAX_WARNINGS:
                self.warnings.append(warning)
