"""The raw data of one day: curves on a grid of steps, facts of the whole window, and the state of the cluster.

A reading is filled in pieces, in any order and however the queries were split: points are placed by timestamp, of
maxima the largest is kept, increases are summed. It does not depend on the source (Prometheus or sample data).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias, TypeVar

from kubedoor.collection.ownership import DEPLOYMENT, Ownership
from kubedoor.model.usage import TimeRange

ContainerKey = tuple[str, str, str]
"""(namespace, pod, container)"""
Curve: TypeAlias = "array[float]"
"""One double per step, NaN where there is no sample."""
Key = TypeVar("Key")

MAX_UNLISTED_SHARE = 0.05
"""Tolerated share of pods with usage that kube-state-metrics does not list: pods deleted before it was scraped."""
CFS_PERIOD_MICROSECONDS = 100_000
"""`container_spec_cpu_quota` is microseconds per CFS period; the period is the kubelet's default of 100 ms."""


class Metric(StrEnum):
    """The metrics that KubeDoor reads."""

    CPU = "container_cpu_usage_seconds_total"
    MEMORY = "container_memory_working_set_bytes"
    CPU_QUOTA = "container_spec_cpu_quota"
    CONTAINER_INFO = "kube_pod_container_info"
    LIMITS = "kube_pod_container_resource_limits"
    REQUESTS = "kube_pod_container_resource_requests"
    INIT_CONTAINER_INFO = "kube_pod_init_container_info"
    INIT_LIMITS = "kube_pod_init_container_resource_limits"
    INIT_REQUESTS = "kube_pod_init_container_resource_requests"
    POD_OWNER = "kube_pod_owner"
    REPLICASET_OWNER = "kube_replicaset_owner"
    HPA = "kube_horizontalpodautoscaler_info"
    CFS_THROTTLED_PERIODS = "container_cpu_cfs_throttled_periods_total"
    CFS_PERIODS = "container_cpu_cfs_periods_total"
    OOM_EVENTS = "container_oom_events_total"
    RESTARTS = "kube_pod_container_status_restarts_total"
    LAST_TERMINATED_REASON = "kube_pod_container_status_last_terminated_reason"


NEEDED_METRICS = (
    Metric.CPU,
    Metric.MEMORY,
    Metric.CPU_QUOTA,
    Metric.CONTAINER_INFO,
    Metric.LIMITS,
    Metric.REQUESTS,
)
STATE_METRICS = (
    Metric.CPU_QUOTA,
    Metric.CONTAINER_INFO,
    Metric.LIMITS,
    Metric.REQUESTS,
    Metric.INIT_CONTAINER_INFO,
    Metric.INIT_LIMITS,
    Metric.INIT_REQUESTS,
    Metric.POD_OWNER,
    Metric.REPLICASET_OWNER,
    Metric.HPA,
)


class Fact(StrEnum):
    """One number per container and window."""

    MEMORY_MAX = "memory_max"
    THROTTLED_PERIODS = "throttled_periods"
    PERIODS = "periods"
    OOM_EVENTS = "oom_events"
    OOM_RESTARTS = "oom_restarts"
    """Restarts after an OOM kill. Needed because cAdvisor's counter disappears with the container."""


@dataclass(frozen=True)
class Segment:
    """Consecutive steps of a grid. `first` and `last` are unix seconds; `offset` is the grid index of `first`."""

    first: int
    last: int
    step_seconds: int
    offset: int = 0

    @property
    def steps(self) -> int:
        return (self.last - self.first) // self.step_seconds + 1

    def halves(self) -> tuple[Segment, ...]:
        """Two segments that together have the same steps; a segment of one step is returned unchanged."""
        if self.steps == 1:
            return (self,)
        half = self.steps // 2
        middle = self.first + half * self.step_seconds
        return (
            Segment(self.first, middle - self.step_seconds, self.step_seconds, self.offset),
            Segment(middle, self.last, self.step_seconds, self.offset + half),
        )

    def curve(self, points: Sequence[tuple[float, str | float]]) -> Curve:
        """Map [unix seconds, number] pairs, in order, to the steps. Values off the steps or not finite are missing."""
        if len(points) == self.steps and (points[0][0], points[-1][0]) == (self.first, self.last):
            curve = array("d", [float(value) for _, value in points])
            if math.isfinite(sum(curve)):
                return curve
        curve = empty_curve(self.steps)
        for instant, text in points:
            index, value = round((instant - self.first) / self.step_seconds), float(text)
            if math.isfinite(value) and 0 <= index < len(curve):
                curve[index] = value
        return curve


def empty_curve(steps: int) -> Curve:
    return array("d", [math.nan]) * steps


@dataclass(frozen=True)
class Grid:
    """The steps of a day: the multiples of the step inside the day's ranges. VictoriaMetrics aligns to them anyway."""

    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, ranges: Sequence[TimeRange], step_seconds: int) -> Grid:
        segments: list[Segment] = []
        free_from = 0
        for piece in ranges:
            last = math.floor(piece.end.timestamp() / step_seconds) * step_seconds
            # A range shorter than a step gets the last step before its end.
            first = max(min(math.ceil(piece.start.timestamp() / step_seconds) * step_seconds, last), free_from)
            if first <= last:
                segments.append(Segment(first, last, step_seconds, sum(segment.steps for segment in segments)))
                free_from = last + step_seconds
        return cls(tuple(segments))

    @property
    def steps(self) -> int:
        return sum(segment.steps for segment in self.segments)


@dataclass
class ClusterState:
    """State from kube-state-metrics and, for CPU quotas, cAdvisor. CPU in cores, memory in bytes."""

    ownership: Ownership = field(default_factory=Ownership)
    containers: set[ContainerKey] = field(default_factory=set)
    sidecars: set[ContainerKey] = field(default_factory=set)
    """Init containers with restartPolicy Always, a label that kube-state-metrics has since 2.11."""
    requests: dict[tuple[ContainerKey, str], float] = field(default_factory=dict)
    limits: dict[tuple[ContainerKey, str], float] = field(default_factory=dict)
    cpu_quotas: dict[ContainerKey, float] = field(default_factory=dict)
    """Cores. A quota of -1 or 0 means no quota and is left out."""
    hpa_targets: set[tuple[str, str]] = field(default_factory=set)
    """(namespace, deployment)"""
    seen: set[str] = field(default_factory=set)
    """The metrics that had at least one series."""

    def add(self, metric: str, labels: Mapping[str, str], value: float) -> None:
        """Add one series. A metric that is not in STATE_METRICS is only recorded in `seen`."""
        self.seen.add(metric)
        if not math.isfinite(value):
            return
        namespace = labels.get("namespace", "")
        key = (namespace, labels.get("pod", ""), labels.get("container", ""))
        kind, name = labels.get("owner_kind", ""), labels.get("owner_name", "")
        match metric:
            case Metric.CONTAINER_INFO:
                self.containers.add(key)
            case Metric.INIT_CONTAINER_INFO if labels.get("restart_policy") == "Always":
                self.sidecars.add(key)
            case Metric.REQUESTS | Metric.INIT_REQUESTS:
                _keep_largest(self.requests, (key, labels.get("resource", "")), value)
            case Metric.LIMITS | Metric.INIT_LIMITS:
                _keep_largest(self.limits, (key, labels.get("resource", "")), value)
            case Metric.CPU_QUOTA if value > 0:
                _keep_largest(self.cpu_quotas, key, value / CFS_PERIOD_MICROSECONDS)
            case Metric.POD_OWNER:
                self.ownership.add_pod_owner(namespace, key[1], kind, name)
            case Metric.REPLICASET_OWNER:
                self.ownership.add_replicaset_owner(namespace, labels.get("replicaset", ""), kind, name)
            case Metric.HPA if labels.get("scaletargetref_kind") == DEPLOYMENT:
                self.hpa_targets.add((namespace, labels.get("scaletargetref_name", "")))

    def is_counted(self, key: ContainerKey) -> bool:
        """False for plain init containers. Without the container info metric, everything is counted."""
        return key in self.containers or key in self.sidecars or Metric.CONTAINER_INFO not in self.seen


def _keep_largest(numbers: dict[Key, float], key: Key, value: float) -> None:
    numbers[key] = max(value, numbers.get(key, value))


@dataclass
class DayReading:
    """Everything read of one day. CPU in cores, memory in bytes."""

    grid: Grid
    cpu: dict[ContainerKey, Curve] = field(default_factory=dict)
    memory: dict[ContainerKey, Curve] = field(default_factory=dict)
    facts: dict[tuple[Fact, ContainerKey], float] = field(default_factory=dict)
    state: ClusterState = field(default_factory=ClusterState)

    def add_curve(self, metric: Metric, key: ContainerKey, piece: Curve, offset: int) -> None:
        """Write the samples of `piece`, which starts at grid index `offset`. A piece without samples adds no curve."""
        if all(map(math.isnan, piece)):
            return
        curves = self.cpu if metric is Metric.CPU else self.memory
        if len(piece) == self.grid.steps and key not in curves:
            curves[key] = piece
            return
        curve = curves.setdefault(key, empty_curve(self.grid.steps))
        for index, value in enumerate(piece, offset):
            if not math.isnan(value):
                curve[index] = value

    def add_fact(self, fact: Fact, key: ContainerKey, value: float) -> None:
        """Add the value of one part of the window: of maxima the largest is kept, increases are summed."""
        if not math.isfinite(value):
            return
        if fact is Fact.MEMORY_MAX:
            _keep_largest(self.facts, (fact, key), value)
        else:
            self.facts[fact, key] = self.facts.get((fact, key), 0.0) + value

    def fact(self, fact: Fact, key: ContainerKey) -> float:
        """0 if nothing was read."""
        return self.facts.get((fact, key), 0.0)

    def knows_hpas(self) -> bool:
        """Whether a workload without an HPA series really has no HPA.

        False without the HPA metric. Also false if more than MAX_UNLISTED_SHARE of the Deployments' pods are not
        listed: then a shard of kube-state-metrics is down, and its HPAs are missing too.
        """
        if Metric.HPA not in self.state.seen:
            return False
        if Metric.CONTAINER_INFO not in self.state.seen:
            return True
        listed = {key[:2] for key in self.state.containers}
        pods = {key[:2] for key in self.cpu.keys() | self.memory.keys()}
        owned = {pod for pod in pods if self.state.ownership.owner_of(*pod)}
        return len(owned - listed) <= MAX_UNLISTED_SHARE * len(owned)

    def missing_metrics(self) -> Iterator[Metric]:
        """The NEEDED_METRICS without any series."""
        seen = {*self.state.seen, *([Metric.CPU] if self.cpu else []), *([Metric.MEMORY] if self.memory else [])}
        return (metric for metric in NEEDED_METRICS if metric not in seen)
