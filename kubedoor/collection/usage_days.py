"""Turns the reading of one day into usage rows: groups pods by Deployment and computes the usage of each container.

Pure arithmetic. Missing data is never replaced by zero: a container without a CPU or a memory sample gets no row and
is counted in a warning that names the metric.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from kubedoor.collection.readings import ClusterState, ContainerKey, Curve, DayReading, Fact, Metric
from kubedoor.model.usage import QUANTILES, DayUsage, PeakDay, UsageDay
from kubedoor.model.values import Resources

P95 = 0.95
PODS_QUANTILE = 0.9


@dataclass
class _Workload:
    """The pods of one Deployment. `containers` has the keys by container name, one per pod."""

    containers: dict[str, list[ContainerKey]] = field(default_factory=dict)
    replicasets: dict[str, str] = field(default_factory=dict)
    """pod -> ReplicaSet"""


def day_usage(reading: DayReading, peak_day: PeakDay) -> DayUsage:
    """The rows are ordered by namespace, Deployment and container."""
    rows: list[UsageDay] = []
    left_out: Counter[Metric] = Counter()
    knows_hpas = reading.knows_hpas()
    for (namespace, deployment), workload in sorted(_workloads(reading).items()):
        pods = _concurrent_pods(reading, workload)
        for container, keys in sorted(workload.containers.items()):
            if missing := _missing_usage(reading, keys):
                left_out[missing] += 1
            else:
                name = (namespace, deployment, container)
                row = _row(reading, keys, name=name, day=peak_day.day, pods=pods)
                rows.append(row if row.hpa or knows_hpas else replace(row, hpa=None))
    return DayUsage(
        rows=tuple(rows),
        coverage=_day_coverage(reading),
        warnings=(*_missing_metric_warnings(reading), *_left_out_warnings(left_out)),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """Linear interpolation as in Prometheus' quantile_over_time. `ordered` is sorted and not empty."""
    rank = share * (len(ordered) - 1)
    lower = math.floor(rank)
    upper = min(lower + 1, len(ordered) - 1)
    weight = rank - lower
    return ordered[lower] * (1 - weight) + ordered[upper] * weight


def nearest_rank(ordered: Sequence[int], share: float) -> int:
    """The nearest-rank quantile: the smallest value that at least `share` of all values do not exceed.

    `ordered` is sorted and not empty.
    """
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def round_up(value: float) -> int:
    """Round up to a whole unit, ignoring float noise: 250.0000000001 is 250."""
    return math.ceil(round(value, 6))


def round_down(value: float) -> int:
    """Used for limits: a request that is clamped to the result must not exceed the limit in the cluster."""
    return math.floor(round(value, 6))


def mean_curve(curves: Sequence[Curve]) -> Sequence[float]:
    """At each step, the mean of the curves that have a sample there; NaN if none has."""
    if len(curves) == 1:
        return curves[0]
    if not any(math.isnan(sum(curve)) for curve in curves):
        return [sum(column) / len(curves) for column in zip(*curves, strict=True)]
    return [_mean([value for value in column if not math.isnan(value)]) for column in zip(*curves, strict=True)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _ordered(curve: Iterable[float]) -> list[float]:
    return sorted(value for value in curve if not math.isnan(value))


def _workloads(reading: DayReading) -> dict[tuple[str, str], _Workload]:
    workloads: dict[tuple[str, str], _Workload] = {}
    for key in reading.cpu.keys() | reading.memory.keys():
        namespace, pod, container = key
        if not reading.state.is_counted(key):
            continue
        if owner := reading.state.ownership.owner_of(namespace, pod):
            workload = workloads.setdefault((namespace, owner.deployment), _Workload())
            workload.containers.setdefault(container, []).append(key)
            workload.replicasets[pod] = owner.replicaset
    return workloads


def _missing_usage(reading: DayReading, keys: Sequence[ContainerKey]) -> Metric | None:
    if reading.cpu.keys().isdisjoint(keys):
        return Metric.CPU
    return Metric.MEMORY if reading.memory.keys().isdisjoint(keys) else None


def _concurrent_pods(reading: DayReading, workload: _Workload) -> int:
    """The PODS_QUANTILE, over the steps with data, of the pod count of the largest ReplicaSet.

    This leaves out the surge of a rollout and a replaced pod, which Prometheus still returns for 5 minutes.
    """
    counts = {replicaset: [0] * reading.grid.steps for replicaset in workload.replicasets.values()}
    curves_of_pods: dict[str, list[Curve]] = {}
    for key in (key for keys in workload.containers.values() for key in keys):
        curves_of_pods.setdefault(key[1], []).append(reading.memory.get(key) or reading.cpu[key])
    for pod, curves in curves_of_pods.items():
        steps = counts[workload.replicasets[pod]]
        for index, column in enumerate(zip(*curves, strict=True)):
            steps[index] += not all(map(math.isnan, column))
    largest = sorted(count for column in zip(*counts.values(), strict=True) if (count := max(column)))
    return nearest_rank(largest, PODS_QUANTILE)


def _row(
    reading: DayReading, keys: Sequence[ContainerKey], *, name: tuple[str, str, str], day: date, pods: int
) -> UsageDay:
    """`name` is (namespace, deployment, container); `keys` has this container of each pod."""
    namespace, deployment, container = name
    cpu_curves = [reading.cpu[key] for key in keys if key in reading.cpu]
    memory_curves = [reading.memory[key] for key in keys if key in reading.memory]
    cpu, memory = mean_curve(cpu_curves), mean_curve(memory_curves)
    ordered_cpu, ordered_memory = _ordered(cpu), _ordered(memory)
    return UsageDay(
        namespace=namespace,
        deployment=deployment,
        container=container,
        day=day,
        pods=pods,
        cpu_p95_millicores=round_up(quantile(ordered_cpu, P95) * 1000),
        cpu_p95_hottest_millicores=round_up(_hottest(cpu_curves) * 1000),
        memory_p95_bytes=round_up(quantile(ordered_memory, P95)),
        memory_p95_hottest_bytes=round_up(_hottest(memory_curves)),
        memory_max_bytes=round_up(_memory_max(reading, keys, memory_curves)),
        cpu_quantiles_millicores=tuple(round_up(quantile(ordered_cpu, share) * 1000) for share in QUANTILES),
        memory_quantiles_bytes=tuple(round_up(quantile(ordered_memory, share)) for share in QUANTILES),
        found=_found_resources(reading.state, keys),
        throttled_share=_throttled_share(reading, keys),
        oom_kills=sum(_oom_kills(reading, key) for key in keys),
        coverage=_covered_steps(cpu, memory) / reading.grid.steps,
        hpa=(namespace, deployment) in reading.state.hpa_targets,
    )


def _hottest(curves: Iterable[Curve]) -> float:
    return max(quantile(_ordered(curve), P95) for curve in curves)


def _memory_max(reading: DayReading, keys: Iterable[ContainerKey], curves: Iterable[Curve]) -> float:
    """The larger of the highest sample and the curve's maximum.

    The fact covers every sample of the window, the curve only its steps; but its first step looks back 5 minutes.
    """
    highest_sample = max(reading.fact(Fact.MEMORY_MAX, key) for key in keys)
    return max(highest_sample, *(max(_ordered(curve)) for curve in curves))


def _found_resources(state: ClusterState, keys: Sequence[ContainerKey]) -> Resources:
    """The largest values of all pods. Where no CPU limit is listed, the fallback is cAdvisor's CPU quota."""
    quotas = state.cpu_quotas
    return Resources(
        cpu_request_millicores=_largest((state.requests.get((key, "cpu")) for key in keys), 1000),
        memory_request_bytes=_largest((state.requests.get((key, "memory")) for key in keys), 1),
        cpu_limit_millicores=_largest(
            (state.limits.get((key, "cpu"), quotas.get(key)) for key in keys), 1000, whole=round_down
        ),
        memory_limit_bytes=_largest((state.limits.get((key, "memory")) for key in keys), 1, whole=round_down),
    )


def _largest(values: Iterable[float | None], factor: int, *, whole: Callable[[float], int] = round_up) -> int | None:
    present = [value for value in values if value is not None]
    return whole(max(present) * factor) if present else None


def _throttled_share(reading: DayReading, keys: Iterable[ContainerKey]) -> float | None:
    throttled = periods = 0.0
    for key in keys:
        throttled += reading.fact(Fact.THROTTLED_PERIODS, key)
        periods += reading.fact(Fact.PERIODS, key)
    return min(throttled / periods, 1.0) if periods > 0 else None


def _oom_kills(reading: DayReading, key: ContainerKey) -> int:
    """Both facts count the same kills, so the larger is taken. `increase` extrapolates: a kill can read 1.02."""
    return round(max(reading.fact(Fact.OOM_EVENTS, key), reading.fact(Fact.OOM_RESTARTS, key)))


def _covered_steps(*curves: Sequence[float]) -> int:
    return sum(not any(map(math.isnan, column)) for column in zip(*curves, strict=True))


def _day_coverage(reading: DayReading) -> float:
    steps = reading.grid.steps
    uncovered = set(range(steps))
    for curve in (*reading.memory.values(), *reading.cpu.values()):
        if not uncovered:
            break
        uncovered -= {index for index in uncovered if not math.isnan(curve[index])}
    return (steps - len(uncovered)) / steps if steps else 0.0


def _missing_metric_warnings(reading: DayReading) -> list[str]:
    if not reading.grid.segments:
        return []
    first = _clock(reading.grid.segments[0].first)
    last = _clock(reading.grid.segments[-1].last)
    return [f"{metric} has no series between {first} and {last}" for metric in reading.missing_metrics()]


def _left_out_warnings(left_out: Counter[Metric]) -> list[str]:
    return [
        f"{count} container{'s' if count > 1 else ''} without a sample of {metric} left out"
        for metric, count in sorted(left_out.items())
    ]


def _clock(unix_seconds: int) -> str:
    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%d %H:%M} UTC"
