"""Prometheus metrics of requested, used and recommended resources: cluster sums, and single workloads up to a limit.

The store is read at most once per CACHE_TTL, however often the metrics are scraped. While the store is unavailable,
only `kubedoor_store_up` is exported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kubedoor.errors import KubeDoorError
from kubedoor.model.conditions import ConditionType
from kubedoor.peak_windows import PeakWindows
from kubedoor.store.connection import Row
from kubedoor.workloads.filters import Filter
from kubedoor.workloads.listing import Listing
from kubedoor.workloads.listing_cache import ListingCache
from kubedoor.workloads.service import NEWEST_USAGE_DAYS

CACHE_TTL = timedelta(seconds=60)
MILLICORES = 1000
_LABELS = ("cluster", "namespace", "deployment")
_WORKLOAD: tuple[tuple[str, str, str, int], ...] = (
    ("cpu_requested_cores", "cpu_requested_millicores", "CPU that all pods asked for on the newest day.", MILLICORES),
    ("cpu_used_cores", "cpu_used_millicores", "CPU that all pods used at peak.", MILLICORES),
    ("cpu_recommended_cores", "cpu_control_millicores", "CPU that all pods should ask for.", MILLICORES),
    ("memory_requested_bytes", "memory_requested_bytes", "Memory that all pods asked for on the newest day.", 1),
    ("memory_used_bytes", "memory_used_bytes", "Memory that all pods used at peak.", 1),
    ("memory_recommended_bytes", "memory_control_bytes", "Memory that all pods should ask for.", 1),
    ("replicas", "pods", "Pods on the newest day.", 1),
    ("replicas_recommended", "replicas", "Replicas that there should be.", 1),
)
_CLUSTER: tuple[tuple[str, str, str, int], ...] = (
    ("workloads", "workloads", "Workloads in the control table.", 1),
    ("workloads_over_asked", "over_asked", "Workloads that ask for much more than they use.", 1),
    ("workloads_under_asked", "under_asked", "Workloads that ask for less than they use.", 1),
    ("workloads_unasked", "unasked", "Workloads with a container that asks for nothing.", 1),
    ("workloads_manual", "with_manual", "Workloads with a value that a person set.", 1),
    ("cluster_cpu_requested_cores", "cpu_requested_millicores", "CPU that everything asked for.", MILLICORES),
    ("cluster_cpu_used_cores", "cpu_used_millicores", "CPU that everything used at its peak.", MILLICORES),
    ("cluster_cpu_recommended_cores", "cpu_control_millicores", "CPU that everything should ask for.", MILLICORES),
    ("cluster_memory_requested_bytes", "memory_requested_bytes", "Memory that everything asked for.", 1),
    ("cluster_memory_used_bytes", "memory_used_bytes", "Memory that everything used at its peak.", 1),
    ("cluster_memory_recommended_bytes", "memory_control_bytes", "Memory that everything should ask for.", 1),
)
_SAVED: tuple[tuple[str, str, str, int], ...] = (
    ("saved_cpu_cores", "cpu_millicores", "CPU that the door has taken off what owners asked for.", MILLICORES),
    ("saved_memory_bytes", "memory_bytes", "Memory that the door has taken off what owners asked for.", 1),
)


class WorkloadMetrics(Collector):
    """`limit` is the number of workloads with metrics of their own, greatest CPU request first; 0: none. `saved`: by namespace."""

    def __init__(
        self,
        listing: Callable[[], ListingCache],
        *,
        cluster: str,
        limit: int,
        windows: PeakWindows,
        refreshed_at: Callable[[], datetime | None],
        saved: Callable[[], list[Row]],
        now: Callable[[], datetime],
    ) -> None:
        self._listing = listing
        self._cluster = cluster
        self._limit = limit
        self._windows = windows
        self._refreshed_at = refreshed_at
        self._read_saved = saved
        self._now = now
        self._lock = threading.Lock()
        self._cached: tuple[datetime, list[Metric]] | None = None

    def describe(self) -> Iterable[Metric]:
        """Empty: without this method the registry calls `collect`, which reads the store, at registration."""
        return []

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            now = self._now()
            if self._cached is None or now - self._cached[0] >= CACHE_TTL:
                self._cached = now, self._read(now)
            return list(self._cached[1])

    def _read(self, now: datetime) -> list[Metric]:
        up = GaugeMetricFamily("kubedoor_store_up", "Whether the store answers.", labels=("cluster",))
        try:
            families = [*self._sums(now), *self._saved(), *self._workloads(now)]
        except KubeDoorError:
            families = []
        up.add_metric((self._cluster,), float(bool(families)))
        return [up, *families]

    def _sums(self, now: datetime) -> Iterable[Metric]:
        listing = self._listing().current(since=_since(now))
        for name, column, help_text, unit in _CLUSTER:
            yield _gauge(name, help_text, ("cluster",), [((self._cluster,), listing.sums[column], unit)])
        yield from self._conditions(listing)
        if (newest := listing.newest_day) is not None:
            help_text = "Peak days that are over and newer than the newest usage day with rows."
            behind = sum(one.day > newest for one in self._windows.days_back(now, NEWEST_USAGE_DAYS))
            yield _gauge("days_behind", help_text, ("cluster",), [((self._cluster,), behind, 1)])
        if (at := self._refreshed_at()) is not None:
            help_text = "When the collected values were last made."
            yield _gauge(
                "collected_timestamp_seconds", help_text, ("cluster",), [((self._cluster,), at.timestamp(), 1)]
            )

    def _conditions(self, listing: Listing) -> Iterable[Metric]:
        cluster, values = self._cluster, listing.values
        help_text = "Fields that the door sets, and fields whose collected value is withheld."
        states = [((cluster, state), values[state], 1) for state in ("enforced", "withheld")]
        yield _gauge("values", help_text, ("cluster", "state"), states)
        help_text = "Workloads with a withheld value that a person may accept."
        yield _gauge("workloads_waiting", help_text, ("cluster",), [((cluster,), values["workloads_waiting"], 1)])
        help_text = "Workloads with a condition."
        found = [((cluster, one), listing.by_condition[one], 1) for one in ConditionType]
        yield _gauge("workloads_with_condition", help_text, ("cluster", "condition"), found)

    def _saved(self) -> Iterable[Metric]:
        rows, labels = self._read_saved(), ("cluster", "namespace")
        for name, column, help_text, unit in _SAVED:
            values = [((self._cluster, row["namespace"]), row[column], unit) for row in rows]
            yield _gauge(name, help_text, labels, values)

    def _workloads(self, now: datetime) -> Iterable[Metric]:
        rows: list[Row] = []
        total = 0
        if self._limit:
            listing = self._listing().current(since=_since(now))
            rows, total = listing.page(Filter(), sort="cpu_requested", descending=True, limit=self._limit, offset=0)
        help_text = "Workloads that are not shown singly, for there are too many."
        yield _gauge("workloads_not_shown", help_text, ("cluster",), [((self._cluster,), max(total - len(rows), 0), 1)])
        for name, column, help_text, unit in _WORKLOAD:
            values = [
                ((self._cluster, row["namespace"], row["deployment"]), row[column], unit)
                for row in rows
                if row[column] is not None
            ]
            yield _gauge(f"workload_{name}", help_text, _LABELS, values)


def merge_families(of_clusters: Iterable[Iterable[Metric]]) -> Iterable[Metric]:
    """One family per name with the samples of all clusters: an exposition must not repeat a family."""
    families_by_name: dict[str, Metric] = {}
    for families in of_clusters:
        for family in families:
            merged = families_by_name.setdefault(
                family.name, Metric(family.name, family.documentation, family.type, family.unit)
            )
            merged.samples += family.samples
    return families_by_name.values()


def _since(now: datetime) -> Any:
    return (now - timedelta(days=NEWEST_USAGE_DAYS)).date()


def _gauge(
    name: str, help_text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float, int]]
) -> Metric:
    gauge = GaugeMetricFamily(f"kubedoor_{name}", help_text, labels=labels)
    for label_values, value, unit in values:
        gauge.add_metric(label_values, value / unit)
    return gauge
