"""The raw data of one day: curves on a grid of steps, facts of the whole window, and the state of the cluster.

A reading is filled in pieces, in any order and however the queries were split: points are placed by timestamp, of
maxima the largest is kept, increases are summed. It does not depend on the source (Prometheus or sample data).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from kubedoor.collection.grid import Curve, Grid, empty_curve
from kubedoor.collection.ownership import DEPLOYMENT, Ownership

PodKey = tuple[str, str]
"""(namespace, pod)"""
ContainerKey = tuple[str, str, str]
"""(namespace, pod, container)"""
Key = TypeVar("Key")

MAX_UNLISTED_SHARE = 0.05
"""Tolerated share of pods with usage that kube-state-metrics does not list: pods deleted before it was scraped."""
LINGER_SECONDS = 300
"""How long Prometheus still returns the last sample of a pod that is gone (its look-back)."""
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
    POD_READY = "kube_pod_status_ready"
    DEPLOYMENT_SPEC = "kube_deployment_spec_replicas"
    DEPLOYMENT_READY = "kube_deployment_status_replicas_ready"
    DEPLOYMENT_REPLICAS = "kube_deployment_status_replicas"
    NODE_ALLOCATABLE = "kube_node_status_allocatable"
    MACHINE_CPU = "machine_cpu_cores"
    MACHINE_MEMORY = "machine_memory_bytes"


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


NODE_METRICS = (Metric.NODE_ALLOCATABLE, Metric.MACHINE_CPU, Metric.MACHINE_MEMORY)
"""Series of nodes: they have no namespace."""
DEPLOYMENT_METRICS = (Metric.DEPLOYMENT_SPEC, Metric.DEPLOYMENT_READY, Metric.DEPLOYMENT_REPLICAS)
LISTED_METRICS = (Metric.CONTAINER_INFO, Metric.POD_READY, *DEPLOYMENT_METRICS)
"""What is listed at each step: how many pods ran, and of how many samples are expected."""
CURVE_METRICS = (Metric.CPU, Metric.MEMORY, *LISTED_METRICS)


class Fact(StrEnum):
    """One number per container and window."""

    MEMORY_MAX = "memory_max"
    THROTTLED_PERIODS = "throttled_periods"
    PERIODS = "periods"
    OOM_EVENTS = "oom_events"
    COUNTER_FLOOR = "counter_floor"
    """The smallest value of a CPU counter that went back without a restart, in seconds; of other counters, nothing."""
    OOM_RESTARTS = "oom_restarts"
    """Restarts after an OOM kill. Needed because cAdvisor's counter disappears with the container."""


@dataclass
class ClusterState:
    """State from kube-state-metrics and, for CPU quotas, cAdvisor. CPU in cores, memory in bytes."""

    ownership: Ownership = field(default_factory=Ownership)
    containers: set[ContainerKey] = field(default_factory=set)
    listed_pods: set[PodKey] = field(default_factory=set)
    """Pods with at least one listed container."""
    sidecars: set[ContainerKey] = field(default_factory=set)
    """Init containers with restartPolicy Always, a label that kube-state-metrics has since 2.11."""
    requests: dict[tuple[ContainerKey, str], float] = field(default_factory=dict)
    limits: dict[tuple[ContainerKey, str], float] = field(default_factory=dict)
    cpu_quotas: dict[ContainerKey, float] = field(default_factory=dict)
    """Cores. A quota of -1 or 0 means no quota and is left out."""
    hpa_targets: set[tuple[str, str]] = field(default_factory=set)
    """(namespace, deployment)"""
    largest_node_cores: float = 0.0
    """0: not known."""
    largest_node_bytes: float = 0.0
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
                self.listed_pods.add(key[:2])
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
            case Metric.NODE_ALLOCATABLE | Metric.MACHINE_CPU | Metric.MACHINE_MEMORY:
                self._add_node(metric, labels.get("resource", ""), value)

    def _add_node(self, metric: str, resource: str, value: float) -> None:
        if metric == Metric.MACHINE_CPU or resource == "cpu":
            self.largest_node_cores = max(self.largest_node_cores, value)
        elif metric == Metric.MACHINE_MEMORY or resource == "memory":
            self.largest_node_bytes = max(self.largest_node_bytes, value)

    def is_listed(self, key: ContainerKey) -> bool:
        return key in self.containers or key in self.sidecars

    def is_counted(self, key: ContainerKey) -> bool:
        """False for plain init containers and ephemeral ones: of a listed pod, what is not listed.

        A pod of which nothing is listed counts with all its containers: a shard of kube-state-metrics may be down.
        """
        return self.is_listed(key) or key[:2] not in self.listed_pods


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
    pods: dict[PodKey, Curve] = field(default_factory=dict)
    """At which steps kube-state-metrics listed each pod."""
    unready: dict[PodKey, Curve] = field(default_factory=dict)
    """At which steps it said that a pod is not ready: one that fails, waits, or was evicted and is still listed."""
    deployments: dict[tuple[str, str], dict[str, Curve]] = field(default_factory=dict)
    """(namespace, deployment) -> metric of DEPLOYMENT_METRICS -> replicas at each step."""

    def add_pod(self, pod: PodKey, piece: Curve, offset: int) -> None:
        self._write(self.pods, pod, piece, offset)

    def add_unready(self, pod: PodKey, piece: Curve, offset: int) -> None:
        self._write(self.unready, pod, piece, offset)

    def add_deployment(self, name: tuple[str, str], metric: str, piece: Curve, offset: int) -> None:
        self._write(self.deployments.setdefault(name, {}), metric, piece, offset)

    def add_curve(self, metric: Metric, key: ContainerKey, piece: Curve, offset: int) -> None:
        """Write the samples of `piece`, which starts at grid index `offset`. A piece without samples adds no curve."""
        if all(map(math.isnan, piece)):
            return
        self._write(self.cpu if metric is Metric.CPU else self.memory, key, piece, offset)

    def _write(self, curves: dict[Key, Curve], key: Key, piece: Curve, offset: int) -> None:
        if len(piece) == self.grid.steps and key not in curves:
            curves[key] = piece
            return
        curve = curves.setdefault(key, empty_curve(self.grid.steps))
        for index, value in enumerate(piece, offset):
            if not math.isnan(value):
                curve[index] = value

    def add_fact(self, fact: Fact, key: ContainerKey, value: float) -> None:
        """Add the value of one part of the window: the largest maximum and the smallest floor are kept, increases are summed."""
        if not math.isfinite(value):
            return
        if fact is Fact.MEMORY_MAX:
            _keep_largest(self.facts, (fact, key), value)
        elif fact is Fact.COUNTER_FLOOR:
            self.facts[fact, key] = min(value, self.facts.get((fact, key), value))
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
        return Metric.HPA in self.state.seen and not self.has_unlisted_shard()

    def has_unlisted_shard(self) -> bool:
        """Whether so many Deployments' pods are not listed that a shard of kube-state-metrics must be down."""
        if not self.lists_pods():
            return False
        owned = {pod for pod in self.counted_pods() if self.state.ownership.owner_of(*pod)}
        return len(owned - self.state.listed_pods) > MAX_UNLISTED_SHARE * len(owned)

    def lists_pods(self) -> bool:
        """Whether kube-state-metrics lists pods at all."""
        return Metric.CONTAINER_INFO in self.state.seen

    def counted_pods(self) -> set[PodKey]:
        """Pods with samples: listed ones, and unlisted ones that are more than the last trace of a pod that is gone."""
        pods = {key[:2] for curves in (self.memory, self.cpu) for key in curves}
        if not self.lists_pods():
            return pods
        unlisted = pods - self.state.listed_pods
        longest = dict.fromkeys(unlisted, 0)
        for key, curve in (*self.memory.items(), *self.cpu.items()) if unlisted else ():
            if (pod := key[:2]) in unlisted:
                longest[pod] = max(longest[pod], sum(not math.isnan(value) for value in curve))
        return pods - {pod for pod, count in longest.items() if count <= self.trace_steps()}

    def trace_steps(self) -> int:
        """At how many steps Prometheus still returns the last sample of what is gone."""
        if not self.grid.segments:
            return 0
        return min(LINGER_SECONDS // self.grid.segments[0].step_seconds, self.grid.steps - 1)

    def missing_metrics(self) -> Iterator[Metric]:
        """The NEEDED_METRICS without any series; a quota stands in for limits, and is not missed where they are listed."""
        seen = {*self.state.seen, *([Metric.CPU] if self.cpu else []), *([Metric.MEMORY] if self.memory else [])}
        if Metric.LIMITS in seen:
            seen.add(Metric.CPU_QUOTA)
        return (metric for metric in NEEDED_METRICS if metric not in seen)
