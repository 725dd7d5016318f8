"""Sample data: a realistic cluster of 40 Deployments in 5 namespaces, for trying KubeDoor without a Prometheus.

Only the samples are generated: they go through the same computation as samples from Prometheus, so collection, control
values and the preview run as usual. The same seed and day always give the same usage. Every view of it must be labelled
as sample data (`is_sample`).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from kubedoor import quantities
from kubedoor.collection.grid import Curve, Grid
from kubedoor.collection.ownership import ALPHABET, HASH_ALPHABET
from kubedoor.collection.readings import CFS_PERIOD_MICROSECONDS, ContainerKey, DayReading, Fact, Metric
from kubedoor.collection.sample.cluster import DEPLOYMENTS, LoadProfile, SampleContainer, SampleDeployment, Scenario
from kubedoor.collection.usage_days import day_usage
from kubedoor.model.checks import Check
from kubedoor.model.peak_day import PeakDay
from kubedoor.model.usage import SAMPLE_MARK, DayUsage
from kubedoor.sentences import sentence

NEW_SERVICE_DAYS = 6
ROLLOUT_WEEKDAY = 3
"""ISO: Wednesday."""
ROLLOUT_STEPS = 3
"""For how many steps an old pod and its replacement both run."""
_MEBIBYTE = 2**20
_WEEKEND_LOAD = {LoadProfile.OFFICE: 0.45, LoadProfile.SHOPPERS: 1.15}
# (local hour of the peak, its width in hours, its height)
_LOAD_PEAKS = {
    LoadProfile.OFFICE: ((10.75, 1.6, 0.75), (15.5, 2.0, 0.6)),
    LoadProfile.SHOPPERS: ((12.5, 1.4, 0.45), (10.5, 1.5, 0.5), (20.5, 1.8, 0.75)),
}
_NIGHT_LOAD = 0.25
_PODS_WITHOUT_LOAD = 2


@dataclass(frozen=True)
class _Pod:
    """`steps` are the grid steps at which the pod exists."""

    name: str
    replicaset: str
    steps: range


def sample_deployments() -> list[dict[str, Any]]:
    """The Deployments as apps/v1 manifests, for a preview without a cluster."""
    return [deployment.manifest() for deployment in DEPLOYMENTS]


class SampleSource:
    """A UsageSource. `today` returns the newest day with data; the load follows the local time of `time_zone`."""

    is_sample = True
    mark = SAMPLE_MARK

    def __init__(self, *, seed: int = 0, today: Callable[[], date], time_zone: str = "Asia/Shanghai") -> None:
        self._seed = seed
        self._today = today
        self._zone = ZoneInfo(time_zone)

    def read_day(self, peak_day: PeakDay, *, step_seconds: int) -> DayUsage:
        """A day after `today` has no data."""
        grid = Grid.of(peak_day.ranges, step_seconds)
        reading = DayReading(grid)
        if peak_day.day <= self._today() and grid.steps:
            load = {profile: self._load(profile, grid, peak_day.day) for profile in LoadProfile}
            for deployment in self._deployments_of(peak_day.day):
                _fill(reading, deployment, load[deployment.profile], peak_day.day, self._seed)
        return day_usage(reading, peak_day)

    def checks(self) -> Iterable[Check]:
        yield Check(
            name=sentence("checkup.usage_source"),
            ok=True,
            detail=sentence("checkup.sample"),
            remedy=sentence("checkup.set_prometheus"),
        )

    def _deployments_of(self, day: date) -> Iterator[SampleDeployment]:
        age_days = (self._today() - day).days
        return (each for each in DEPLOYMENTS if each.scenario is not Scenario.NEW or age_days < NEW_SERVICE_DAYS)

    def _load(self, profile: LoadProfile, grid: Grid, day: date) -> list[float]:
        """The load at each step, as a share of the busiest hour's load."""
        weekend = _WEEKEND_LOAD[profile] if day.isoweekday() > 5 else 1.0
        instants = (
            datetime.fromtimestamp(segment.first + index * segment.step_seconds, UTC).astimezone(self._zone)
            for segment in grid.segments
            for index in range(segment.steps)
        )
        return [weekend * _daily_load(profile, instant.hour + instant.minute / 60) for instant in instants]


def _daily_load(profile: LoadProfile, hour: float) -> float:
    peaks = sum(height * math.exp(-(((hour - peak) / width) ** 2) / 2) for peak, width, height in _LOAD_PEAKS[profile])
    return min(_NIGHT_LOAD + peaks, 1.0)


def _fill(reading: DayReading, deployment: SampleDeployment, load: Sequence[float], day: date, seed: int) -> None:
    random = Random(f"{seed} {day} {deployment.namespace}/{deployment.name}")  # noqa: S311 - made-up data, no secrets
    busy_day = random.uniform(0.88, 1.06)
    for pod in _pods(deployment, load, day, seed):
        _describe_pod(reading, deployment, pod)
        hot_pod = random.uniform(0.9, 1.12)
        for container in deployment.containers:
            key = (deployment.namespace, pod.name, container.name)
            cpu = _cpu_curve(container, deployment.scenario, load, busy_day * hot_pod, random)
            memory = _memory_curve(container, deployment.scenario, load, day, random)
            kept = (
                [random.random() > 0.3 for _ in load] if deployment.scenario is Scenario.GAPPY else [True] * len(load)
            )
            reading.add_curve(Metric.CPU, key, _during(pod, kept, cpu), 0)
            reading.add_curve(Metric.MEMORY, key, _during(pod, kept, memory), 0)
            _add_facts(reading, key, container, cpu, memory, random)
            if deployment.scenario is Scenario.STARVED and not container.is_native_sidecar and random.random() < 0.12:
                reading.add_fact(Fact.OOM_EVENTS, key, 1)


def _pods(deployment: SampleDeployment, load: Sequence[float], day: date, seed: int) -> Iterator[_Pod]:
    """The pods of one day: old and new ones in a rollout, a varying number if autoscaled, else the replicas."""
    version = (day.toordinal() - ROLLOUT_WEEKDAY) // 7
    steps = len(load)
    if deployment.scenario is Scenario.ROLLOUT and day.isoweekday() == ROLLOUT_WEEKDAY:
        old, new = _replicaset(deployment, version - 1, seed), _replicaset(deployment, version, seed)
        for index in range(deployment.replicas):
            moment = min(steps // 3 + index * ROLLOUT_STEPS, steps)
            yield _pod(old, index, range(min(moment + ROLLOUT_STEPS, steps)))
            yield _pod(new, index, range(moment, steps))
        return
    replicaset = _replicaset(deployment, version, seed)
    for index in range(deployment.replicas * 2 if deployment.scenario is Scenario.AUTOSCALED else deployment.replicas):
        # Each pod above the minimum of two exists from the first to the last step at which the load needs it.
        share = (index - _PODS_WITHOUT_LOAD + 1) / (deployment.replicas * 2)
        needed = [
            step for step in range(steps) if load[step] >= share or deployment.scenario is not Scenario.AUTOSCALED
        ]
        if needed:
            yield _pod(replicaset, index, range(needed[0], needed[-1] + 1))


def _replicaset(deployment: SampleDeployment, version: int, seed: int) -> str:
    random = Random(f"{seed} {version} {deployment.namespace}/{deployment.name}")  # noqa: S311 - see above
    return f"{deployment.name}-{''.join(random.choices(HASH_ALPHABET, k=10))}"


def _pod(replicaset: str, index: int, steps: range) -> _Pod:
    random = Random(f"{replicaset} {index}")  # noqa: S311 - see above
    return _Pod(f"{replicaset}-{''.join(random.choices(ALPHABET, k=5))}", replicaset, steps)


def _describe_pod(reading: DayReading, deployment: SampleDeployment, pod: _Pod) -> None:
    """Add the series that kube-state-metrics would export for the pod."""
    state, namespace = reading.state, {"namespace": deployment.namespace}
    of_pod = {**namespace, "pod": pod.name}
    state.add(Metric.POD_OWNER, {**of_pod, "owner_kind": "ReplicaSet", "owner_name": pod.replicaset}, 1)
    replicaset_owner = {"replicaset": pod.replicaset, "owner_kind": "Deployment", "owner_name": deployment.name}
    state.add(Metric.REPLICASET_OWNER, {**namespace, **replicaset_owner}, 1)
    if deployment.scenario is Scenario.AUTOSCALED:
        target = {"scaletargetref_kind": "Deployment", "scaletargetref_name": deployment.name}
        state.add(Metric.HPA, {**namespace, **target}, 1)
    for container in deployment.containers:
        of_container = {**of_pod, "container": container.name}
        if container.is_native_sidecar:
            state.add(Metric.INIT_CONTAINER_INFO, {**of_container, "restart_policy": "Always"}, 1)
        else:
            state.add(Metric.CONTAINER_INFO, of_container, 1)
        for metric, labels, value in _requests_and_limits(container):
            state.add(metric, {**of_container, **labels}, value)


def _requests_and_limits(container: SampleContainer) -> Iterator[tuple[Metric, dict[str, str], float]]:
    if container.cpu_request:
        yield Metric.REQUESTS, {"resource": "cpu"}, quantities.cpu_millicores(container.cpu_request) / 1000
    if container.memory_request:
        yield Metric.REQUESTS, {"resource": "memory"}, quantities.memory_bytes(container.memory_request)
    if container.cpu_limit:
        cores = quantities.cpu_millicores(container.cpu_limit) / 1000
        yield Metric.LIMITS, {"resource": "cpu"}, cores
        yield Metric.CPU_QUOTA, {}, cores * CFS_PERIOD_MICROSECONDS
    if container.memory_limit:
        yield Metric.LIMITS, {"resource": "memory"}, quantities.memory_bytes(container.memory_limit)


def _cpu_curve(
    container: SampleContainer, scenario: Scenario, load: Sequence[float], factor: float, random: Random
) -> Curve:
    busy = container.busy_millicores / 1000 * factor
    limit = quantities.cpu_millicores(container.cpu_limit) / 1000 if container.cpu_limit else math.inf
    if scenario is Scenario.IDLE:
        return array("d", (busy * random.uniform(0.3, 1.0) for _ in load))
    return array("d", (min(busy * share * random.uniform(0.93, 1.05), limit) for share in load))


def _memory_curve(
    container: SampleContainer, scenario: Scenario, load: Sequence[float], day: date, random: Random
) -> Curve:
    """Memory depends little on the load; that of a leaking Deployment grows with the days since Monday."""
    busy = container.busy_mebibytes * _MEBIBYTE * random.uniform(0.95, 1.03)
    limit = quantities.memory_bytes(container.memory_limit) if container.memory_limit else math.inf
    if scenario is Scenario.LEAKING:
        busy *= 0.6 + 0.22 * (day.isoweekday() - 1)
    return array("d", (min(busy * (0.86 + 0.12 * share) * random.uniform(0.99, 1.01), limit) for share in load))


def _during(pod: _Pod, kept: Sequence[bool], curve: Curve) -> Curve:
    return array("d", (value if kept[i] and i in pod.steps else math.nan for i, value in enumerate(curve)))


def _add_facts(
    reading: DayReading, key: ContainerKey, container: SampleContainer, cpu: Curve, memory: Curve, random: Random
) -> None:
    reading.add_fact(Fact.MEMORY_MAX, key, max(memory) * 1.01)
    if container.cpu_limit:
        # A container whose mean usage is close to its limit is throttled in some of its 100 ms periods.
        nearness = max(cpu) / (quantities.cpu_millicores(container.cpu_limit) / 1000)
        periods = len(cpu) * reading.grid.segments[0].step_seconds * 10
        reading.add_fact(Fact.PERIODS, key, periods)
        reading.add_fact(Fact.THROTTLED_PERIODS, key, periods * max(nearness - 0.75, 0.0) * random.uniform(0.8, 1.2))
