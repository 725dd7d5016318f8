"""Prometheus as a usage source: the queries of a day, and how a query that is too large is split.

A day with W windows takes 8 W + 1 queries, whatever the number of workloads. A query that Prometheus rejects as too
large is halved, first by namespaces, then by time, down to one step of one namespace. All parts write into the same
reading, so the result does not depend on the split. What had to be split is split from the start the next time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from kubedoor.collection.grid import Grid
from kubedoor.collection.plausibility import Bounds, drop_implausible
from kubedoor.collection.prometheus import queries
from kubedoor.collection.prometheus.checks import prometheus_checks
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.day_queries import CurveQuery, FactsQuery, Query, StateQuery
from kubedoor.collection.prometheus.day_reader import DayReader
from kubedoor.collection.prometheus.granularity import Granularity
from kubedoor.collection.prometheus.json_stream import instant_value
from kubedoor.collection.prometheus.queries import Scope
from kubedoor.collection.prometheus.unmapped import likely_cause
from kubedoor.collection.readings import CURVE_METRICS, DayReading, Metric
from kubedoor.collection.usage_days import day_usage
from kubedoor.errors import InvalidInput, UsageNotMapped
from kubedoor.model.checks import Check
from kubedoor.model.peak_day import PeakDay
from kubedoor.model.usage import DayUsage
from kubedoor.sentences import sentence

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


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
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    ) -> None:
        """`query_slots` is entered for every query: it limits concurrency where several sources share a server.

        Raises InvalidInput for an invalid `cluster_label`.
        """
        if cluster_label and not _LABEL.fullmatch(cluster_label):
            raise InvalidInput(sentence("prometheus.bad_label", label=repr(cluster_label)), field="cluster_label")
        self._client = client
        self._scope = Scope(cluster_label, cluster, tuple(namespaces), tuple(excluded_namespaces))
        self._rate_seconds = rate_seconds
        self._concurrency = concurrency
        self._query_slots = query_slots or nullcontext()
        self._bounds = bounds
        self._granularity = Granularity()

    @property
    def mark(self) -> str:
        """A digest of the address, without credentials, and of the label matchers."""
        identity = "\n".join([self._client.address, *self._scope.matchers()])
        return f"prometheus-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"

    def read_day(self, peak_day: PeakDay, *, step_seconds: int) -> DayUsage:
        """Raises PrometheusError if any query fails: an incomplete day is never returned as a whole one."""
        reading = DayReading(Grid.of(peak_day.ranges, step_seconds))
        reader = DayReader(self._client, reading, self._query_slots, self._granularity)
        reader.run_all(self._queries_of(peak_day, reading.grid), self._concurrency)
        dropped = drop_implausible(reading, self._bounds, rate_seconds=self._rate_seconds)
        usage = day_usage(reading, peak_day, dropped=dropped)
        if not usage.rows and reading.grid.segments:
            self._explain_no_rows(reader.client, reading, peak_day)
        warnings = (*usage.warnings, *[sentence("collection.of_prometheus", warning=one) for one in reader.warnings])
        is_partial = usage.is_partial or reader.is_partial
        # In partial data, a missing HPA series does not mean that there is no HPA.
        rows = tuple(replace(row, hpa=row.hpa or None) for row in usage.rows) if is_partial else usage.rows
        return replace(usage, rows=rows, warnings=warnings, is_partial=is_partial, queries=reader.query_count)

    def _explain_no_rows(self, client: PrometheusClient, reading: DayReading, peak_day: PeakDay) -> None:
        """Raises UsageNotMapped when there was usage that belongs to no Deployment, with the likely cause."""
        pods = {key[:2] for key in reading.cpu.keys() | reading.memory.keys()}
        if pods and all(reading.state.ownership.is_known(*pod) for pod in pods):
            return  # all of it is of StatefulSets, DaemonSets, Jobs
        end = peak_day.ranges[-1]
        text = queries.unmapped_samples(self._scope, seconds=round(end.seconds))
        with client.query(text, time=end.end.timestamp()) as result:
            counts = {
                series["metric"].get(queries.METRIC_LABEL, ""): int(instant_value(series)) for series in result.series()
            }
        if cause := likely_cause(counts, pods=len(pods)):
            raise UsageNotMapped(cause)

    def checks(self) -> Iterable[Check]:
        return prometheus_checks(self._client, self._scope)

    def _queries_of(self, peak_day: PeakDay, grid: Grid) -> list[Query]:
        if not grid.segments:
            return []
        # The slowest first, so that the last ones do not wait for one of them alone.
        step_seconds = grid.segments[0].step_seconds
        result: list[Query] = [StateQuery(self._scope, peak_day.ranges, step_seconds)]
        for metric in CURVE_METRICS:
            result += [CurveQuery(self._scope, metric, segment, self._rate_seconds) for segment in grid.segments]
            if metric is Metric.MEMORY:
                result += [
                    FactsQuery(self._scope, piece, step_seconds, self._rate_seconds) for piece in peak_day.ranges
                ]
        return result
