"""Groups what was read by Deployment: its pods, their ReplicaSets, and the containers of each name. Pure."""

from __future__ import annotations

import math
from collections.abc import Container, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TypeAlias

from kubedoor.collection.grid import Curve
from kubedoor.collection.pod_counts import PODS_QUANTILE, DeploymentSteps, nearest_rank, replicas, seen_share
from kubedoor.collection.readings import DEPLOYMENT_METRICS, ContainerKey, DayReading, PodKey

StepSet: TypeAlias = int
"""Steps of the grid: bit `i` is set if step `i` is one of them. Of many pods most have the same, all of them."""


@dataclass
class WorkloadPods:
    """One Deployment. `containers` has the keys by container name, one per pod; pods are by ReplicaSet."""

    namespace: str
    deployment: str
    containers: dict[str, list[ContainerKey]] = field(default_factory=dict)
    presence: dict[ContainerKey, StepSet] = field(default_factory=dict)
    """Where each container has samples."""
    replicasets: dict[PodKey, str] = field(default_factory=dict)
    """Pods with samples."""
    listed: dict[PodKey, str] = field(default_factory=dict)
    """Pods that kube-state-metrics lists at some step."""
    unlisted: set[PodKey] = field(default_factory=set)
    """Pods with samples that are not listed at all, and count all the same."""
    seen_steps: dict[str, list[int]] = field(default_factory=dict)
    """Pods with a sample at each step, by ReplicaSet."""
    alive_steps: dict[str, list[int]] = field(default_factory=dict)
    """The same without the last trace of pods that are gone."""
    listed_steps: dict[str, list[int]] = field(default_factory=dict)
    """Pods that are listed at each step, ready or not, or alive without being listed; empty where nothing lists pods."""
    ready_steps: dict[str, list[int]] = field(default_factory=dict)
    """Those of them that are not known to be unready: of these samples are expected."""
    covered_steps: dict[str, list[int]] = field(default_factory=dict)
    """Those of the ready ones that have samples."""

    def replicas_and_coverage(self, reading: DayReading, known: dict[Hashable, tuple[int, float]]) -> tuple[int, float]:
        """How many pods ran in the window, and the share of the listed, ready ones that have samples (0 to 1).

        Where nothing lists pods, the share is 1. `known` has the answers of workloads of which the same was read: most are alike.
        """
        curves = reading.deployments.get((self.namespace, self.deployment), {})
        of_deployment = [curves.get(metric, ()) for metric in DEPLOYMENT_METRICS]
        counts = (self.listed_steps, self.alive_steps, self.ready_steps)
        covered = self.covered_steps
        alike = (
            *(curve and curve.tobytes() for curve in of_deployment),
            *(tuple(map(tuple, steps.values())) for steps in (*counts, covered)),
        )
        if alike not in known:
            share = seen_share(_total(self.ready_steps), _total(covered))
            known[alike] = replicas(DeploymentSteps(*of_deployment), *counts), share
        return known[alike]

    def pods_with(self, container: str, reading: DayReading, pods: int) -> int | None:
        """How many of `pods` have this container, as a sidecar may be in some of them only; None: all."""
        tally: dict[StepSet, int] = {}
        for key in self.containers[container]:
            presence = self.presence[key]
            tally[presence] = tally.get(presence, 0) + 1
        own = _counts(tally, reading.grid.steps)
        with_it, all_seen = _quantile(own), self._all_seen
        share = max(math.ceil(pods * with_it / all_seen), 1) if with_it < all_seen else pods
        return share if share < pods else None

    @cached_property
    def _all_seen(self) -> int:
        return _quantile(_total(self.seen_steps))


def grouped(reading: DayReading) -> dict[tuple[str, str], WorkloadPods]:
    """The Deployments that have usage, by (namespace, name)."""
    workloads: dict[tuple[str, str], WorkloadPods] = {}
    pods = reading.counted_pods()
    for key in reading.cpu.keys() | reading.memory.keys():
        pod = key[:2]
        if pod not in pods or not reading.state.is_counted(key):
            continue
        if owner := reading.state.ownership.owner_of(*pod):
            name = (key[0], owner.deployment)
            workload = workloads.setdefault(name, WorkloadPods(*name))
            workload.containers.setdefault(key[2], []).append(key)
            workload.replicasets[pod] = owner.replicaset
            if pod not in reading.state.listed_pods:
                workload.unlisted.add(pod)
    _add_listed(reading, workloads)
    for workload in workloads.values():
        _count_steps(reading, workload)
    return workloads


def unseen(reading: DayReading, workloads: Container[tuple[str, str]]) -> list[tuple[str, str]]:
    """The Deployments that are listed for more than a moment and have no samples at all: they are not in `workloads`."""
    found: set[tuple[str, str]] = set()
    for pod, curve in reading.pods.items():
        owner = reading.state.ownership.owner_of(*pod)
        if owner and (name := (pod[0], owner.deployment)) not in workloads:
            is_listed = _presence(curve, reading.grid.steps)
            found.update([name] if is_listed.bit_count() > reading.trace_steps() else ())
    return sorted(found)


def nameless(reading: DayReading) -> list[PodKey]:
    """Pods with samples that are not listed and have no known owner, and whose names are not those of Deployments' pods."""
    if not reading.lists_pods():
        return []
    ownership = reading.state.ownership
    unlisted = reading.counted_pods() - reading.state.listed_pods
    return sorted(pod for pod in unlisted if not ownership.is_known(*pod) and not ownership.owner_of(*pod))


def _add_listed(reading: DayReading, workloads: dict[tuple[str, str], WorkloadPods]) -> None:
    for namespace, pod in reading.pods:
        owner = reading.state.ownership.owner_of(namespace, pod)
        if owner and (workload := workloads.get((namespace, owner.deployment))):
            workload.listed[namespace, pod] = owner.replicaset


def _count_steps(reading: DayReading, workload: WorkloadPods) -> None:
    """Fill the steps. A pod that is seen counts as listed: a shard of kube-state-metrics may be away, for a while or longer."""
    steps, trace = reading.grid.steps, reading.trace_steps()
    seen_pods: dict[PodKey, StepSet] = {}
    for key in (key for keys in workload.containers.values() for key in keys):
        workload.presence[key] = presence = _presence(_curve(reading, key), steps)
        seen_pods[key[:2]] = seen_pods.get(key[:2], 0) | presence
    alike: dict[tuple[str, StepSet, StepSet, StepSet], int] = {}
    for pod, replicaset in (workload.replicasets | workload.listed).items():
        presences = (seen_pods.get(pod, 0), *_listed(reading, pod))
        alike[replicaset, *presences] = alike.get((replicaset, *presences), 0) + 1
    tallies: dict[str, dict[str, dict[StepSet, int]]] = {}
    for (replicaset, seen, listed, unready), times in alike.items():
        for name, presence in _steps(seen, listed, unready, trace=trace, steps=steps, lists=bool(reading.pods)).items():
            tally = tallies.setdefault(name, {}).setdefault(replicaset, {})
            tally[presence] = tally.get(presence, 0) + times
    for name, by_replicaset in tallies.items():
        counts = {replicaset: _counts(tally, steps) for replicaset, tally in by_replicaset.items()}
        getattr(workload, f"{name}_steps").update(counts)


def _listed(reading: DayReading, pod: PodKey) -> tuple[StepSet, StepSet]:
    """Where a pod is listed, and where it is known to be unready."""
    steps = reading.grid.steps
    listed, unready = reading.pods.get(pod), reading.unready.get(pod)
    return _presence(listed, steps) if listed else 0, _presence(unready, steps) if unready else 0


def _steps(
    seen: StepSet, listed: StepSet, unready: StepSet, *, trace: int, steps: int, lists: bool
) -> dict[str, StepSet]:
    """Where a pod is seen and alive; with `lists` where it is listed or alive, ready as far as known, and seen while it is."""
    alive = _without_trace(seen, trace, steps)
    if not lists:
        return {"seen": seen, "alive": alive}
    ready = (listed | alive) & ~unready
    return {"seen": seen, "alive": alive, "listed": listed | alive, "ready": ready, "covered": ready & seen}


def _without_trace(seen: StepSet, trace: int, steps: int) -> StepSet:
    """Of a pod that is not seen to the end: without the steps at which Prometheus may have returned its last sample."""
    last = seen.bit_length() - 1
    if last in (-1, steps - 1):
        return seen
    return seen & _all_steps(max(last - trace + 1, 0))


def _curve(reading: DayReading, key: ContainerKey) -> Curve:
    return reading.memory.get(key) or reading.cpu[key]


def _presence(curve: Curve, steps: int) -> StepSet:
    """The steps at which it has a value."""
    # The common case first: in a sum, one NaN is enough.
    if not math.isnan(sum(curve)):
        return _all_steps(steps)
    return sum(1 << index for index, value in enumerate(curve) if not math.isnan(value))


@lru_cache
def _all_steps(count: int) -> StepSet:
    return (1 << count) - 1


def _counts(tally: Mapping[StepSet, int], steps: int) -> list[int]:
    """How many sets have each step; `tally` says how many equal ones there are."""
    everywhere = tally.get(_all_steps(steps), 0)
    counts = [everywhere] * steps
    for presence, times in tally.items():
        if presence != _all_steps(steps):
            for index in range(presence.bit_length()):
                counts[index] += times * (presence >> index & 1)
    return counts


def _total(steps: dict[str, list[int]]) -> Sequence[int]:
    if len(steps) == 1:
        return next(iter(steps.values()))
    return [sum(column) for column in zip(*steps.values(), strict=True)]


def _quantile(steps: Sequence[int]) -> int:
    counts = sorted(filter(None, steps))
    return nearest_rank(counts, PODS_QUANTILE) if counts else 0
