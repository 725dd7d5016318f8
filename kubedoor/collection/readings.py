"""What was read of one day, before it becomes usage: curves on a grid of steps, window facts, and the cluster's state.

A reading is filled piece by piece, in any order and from questions split in any way: a curve's points go where their
timestamps belong, maxima stay maxima, increases add up. Who fills it (Prometheus, sample data) does not show later.
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

UNLISTED_SHARE = 0.05
"""Pods with usage that kube-state-metrics may not list: those that were gone before it was scraped."""
CFS_PERIOD_MICROSECONDS = 100_000
"""`container_spec_cpu_quota` is microseconds per CFS period; the period is the kubelet's default of 100 ms."""


class Metric(StrEnum):
    """The metrics that are read."""

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
    """Restarts of a container that was last ended by an OOM kill: cAdvisor's own counter dies with the container."""


@dataclass(frozen=True)
class Stretch:
    """Some of a grid's steps in a row: unix seconds of the first and the last, and the first's place in the grid."""

    first: int
    last: int
    step_seconds: int
    offset: int = 0

    @property
    def steps(self) -> int:
        return (self.last - self.first) // self.step_seconds + 1

    def halves(self) -> tuple[Stretch, ...]:
        """Two stretches with the same steps; itself alone when there is but one step."""
        if self.steps == 1:
            return (self,)
        half = self.steps // 2
        middle = self.first + half * self.step_seconds
        return (
            Stretch(self.first, middle - self.step_seconds, self.step_seconds, self.offset),
            Stretch(middle, self.last, self.step_seconds, self.offset + half),
        )

    def curve(self, points: Sequence[tuple[float, str | float]]) -> Curve:
        """[unix seconds, number] pairs in order, on this stretch's steps; what is off it or not finite is missing."""
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
    """The steps of a day: multiples of the step (as VictoriaMetrics would shift them) inside the day's ranges."""

    stretches: tuple[Stretch, ...]

    @classmethod
    def of(cls, ranges: Sequence[TimeRange], step_seconds: int) -> Grid:
        stretches: list[Stretch] = []
        free_from = 0
        for piece in ranges:
            last = math.floor(piece.end.timestamp() / step_seconds) * step_seconds
            # A range shorter than a step still has the step before its end.
            first = max(min(math.ceil(piece.start.timestamp() / step_seconds) * step_seconds, last), free_from)
            if first <= last:
                stretches.append(Stretch(first, last, step_seconds, sum(stretch.steps for stretch in stretches)))
                free_from = last + step_seconds
        return cls(tuple(stretches))

    @property
    def steps(self) -> int:
        return sum(stretch.steps for stretch in self.stretches)


@dataclass
class ClusterState:
    """What kube-state-metrics (and cAdvisor of CPU quotas) said in the windows. CPU in cores, memory in bytes."""

    ownership: Ownership = field(default_factory=Ownership)
    containers: set[ContainerKey] = field(default_factory=set)
    sidecars: set[ContainerKey] = field(default_factory=set)
    """Native sidecars: init containers with restartPolicy Always (a label since kube-state-metrics 2.11)."""
    requests: dict[tuple[ContainerKey, str], float] = field(default_factory=dict)
    limits: dict[tuple[ContainerKey, str], float] = field(default_factory=dict)
    cpu_quotas: dict[ContainerKey, float] = field(default_factory=dict)
    """Cores. A quota of -1 or 0, which means none, is not kept."""
    hpa_targets: set[tuple[str, str]] = field(default_factory=set)
    """(namespace, deployment)"""
    seen: set[str] = field(default_factory=set)
    """Which metrics had any series."""

    def add(self, metric: str, labels: Mapping[str, str], value: float) -> None:
        """One series of STATE_METRICS, or of another name, which is then only noted as seen."""
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

    def counts(self, key: ContainerKey) -> bool:
        """A container, or a native sidecar, but never a plain init container. All count where nothing lists them."""
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
        """`piece` starts at the grid's step `offset`. Only samples are written; a piece without any leaves no trace."""
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
        """A piece of time's number: the largest maximum counts, increases add up."""
        if not math.isfinite(value):
            return
        if fact is Fact.MEMORY_MAX:
            _keep_largest(self.facts, (fact, key), value)
        else:
            self.facts[fact, key] = self.facts.get((fact, key), 0.0) + value

    def fact(self, fact: Fact, key: ContainerKey) -> float:
        """0 where nothing was read."""
        return self.facts.get((fact, key), 0.0)

    def knows_hpas(self) -> bool:
        """Whether a workload without an HPA in this reading has none.

        Not while the metric is away, and not while so many Deployments' pods are not listed that a shard of
        kube-state-metrics must be away: the HPAs it has are not listed either.
        """
        if Metric.HPA not in self.state.seen:
            return False
        if Metric.CONTAINER_INFO not in self.state.seen:
            return True
        listed = {key[:2] for key in self.state.containers}
        pods = {key[:2] for key in self.cpu.keys() | self.memory.keys()}
        theirs = {pod for pod in pods if self.state.ownership.owner_of(*pod)}
        return len(theirs - listed) <= UNLISTED_SHARE * len(theirs)

    def missing_metrics(self) -> Iterator[Metric]:
        """Those of NEEDED_METRICS that had no series at all."""
        seen = {*self.state.seen, *([Metric.CPU] if self.cpu else []), *([Metric.MEMORY] if self.memory else [])}
        return (metric for metric in NEEDED_METRICS if metric not in seen)
