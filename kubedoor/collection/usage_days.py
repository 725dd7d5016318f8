"""Turns the reading of one day into usage rows: groups pods by Deployment and computes the usage of each container.

Pure arithmetic. Missing data is never replaced by zero: a container without a CPU or a memory sample gets no row and
is counted in a warning that names the metric.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from kubedoor.collection.grid import Curve
from kubedoor.collection.plausibility import Dropped
from kubedoor.collection.readings import ClusterState, ContainerKey, DayReading, Fact, Metric, PodKey
from kubedoor.collection.workload_pods import grouped, nameless, unseen
from kubedoor.kube.names import is_label, is_subdomain
from kubedoor.model.conditions import RESOURCE_FIELDS
from kubedoor.model.usage import QUANTILES, DayUsage, PeakDay, UsageDay
from kubedoor.model.values import Resources
from kubedoor.sentences import Sentence, sentence

P95 = 0.95
MAX_COUNT = 2**32 - 1
MAX_BYTES = 2**64 - 1
MAX_SHOWN = 5
"""How many names a warning has."""
MAX_NAME_CHARACTERS = 120


@dataclass
class _Problems:
    """What becomes a warning of the day."""

    left_out: dict[Metric, list[str]] = field(default_factory=dict)
    """Containers without any sample of a metric."""
    refused: list[Sentence] = field(default_factory=list)
    """Rows with a value that cannot be stored, one sentence each."""
    misnamed: list[str] = field(default_factory=list)
    """Containers of a namespace, a Deployment or with a name that Kubernetes would not take."""


def day_usage(reading: DayReading, peak_day: PeakDay, *, dropped: Dropped | None = None) -> DayUsage:
    """The rows are ordered by namespace, Deployment and container. `dropped`: what was taken out as implausible."""
    rows: list[UsageDay] = []
    problems = _Problems()
    knows_hpas = reading.knows_hpas()
    workloads = grouped(reading)
    for (namespace, deployment), workload in sorted(workloads.items()):
        pods, pods_coverage = workload.replicas(reading), workload.pods_coverage()
        for container, keys in sorted(workload.containers.items()):
            name = (namespace, deployment, container)
            row = _row_or_problem(reading, keys, name, peak_day.day, pods, problems)
            if row is None:
                continue
            row = replace(
                row,
                hpa=row.hpa or (False if knows_hpas else None),
                pods_with_container=workload.pods_with(container, reading, pods),
                pods_coverage=pods_coverage,
                dropped_samples=sum(dropped.samples.get(key, 0) for key in keys) if dropped else 0,
            )
            rows.append(row)
    unlisted = sum(len(workload.unlisted) for workload in workloads.values())
    return DayUsage(
        rows=tuple(rows),
        coverage=_day_coverage(reading),
        warnings=(
            *_missing_metric_warnings(reading),
            *_left_out_warnings(problems.left_out),
            *_unseen_warnings(unseen(reading, workloads)),
            *_unlisted_warnings(reading, unlisted),
            *_nameless_warnings(nameless(reading)),
            *problems.refused,
            *_misnamed_warnings(problems.misnamed),
            *(dropped.warnings() if dropped else ()),
        ),
        is_partial=reading.has_unlisted_shard(),
    )


def _row_or_problem(
    reading: DayReading,
    keys: Sequence[ContainerKey],
    name: tuple[str, str, str],
    day: date,
    pods: int,
    problems: _Problems,
) -> UsageDay | None:
    """The row of one container; None, with the reason in `problems`, when there is none that can be stored."""
    if not _is_named(*name):
        problems.misnamed.append("/".join(name))
        return None
    if missing := _missing_usage(reading, keys):
        problems.left_out.setdefault(missing, []).append("/".join(name))
        return None
    row = _row(reading, keys, name=name, day=day, pods=pods)
    if too_large := _unstorable(row, "/".join(name)):
        problems.refused.append(too_large)
        return None
    return row


def _is_named(namespace: str, deployment: str, container: str) -> bool:
    """Metrics are somebody's text: names become paths of files and of requests, so they are checked once, here."""
    return is_label(namespace) and is_subdomain(deployment) and is_label(container)


_COUNTS = ("pods", "cpu_p95_millicores", "cpu_p95_hottest_millicores", "oom_kills")
_BYTES = ("memory_p95_bytes", "memory_p95_hottest_bytes", "memory_max_bytes")


def _unstorable(row: UsageDay, container: str) -> Sentence | None:
    """The first number of a row that its column cannot hold, in words; None: all fit. See sql/0001_usage.sql."""
    numbers = {name: getattr(row, name) for name in (*_COUNTS, *_BYTES)}
    numbers |= {name: getattr(row.found, name) for name in RESOURCE_FIELDS}
    numbers |= {"cpu_maximum": row.cpu_quantiles_millicores[-1], "memory_maximum_bytes": row.memory_quantiles_bytes[-1]}
    for name, number in numbers.items():
        most = MAX_BYTES if name.endswith("_bytes") else MAX_COUNT
        if number is not None and not 0 <= number <= most:
            return sentence("collection.unstorable", container=container, field=name, number=number, most=most)
    return None


def quantile(ordered: Sequence[float], share: float) -> float:
    """Linear interpolation as in Prometheus' quantile_over_time. `ordered` is sorted and not empty."""
    rank = share * (len(ordered) - 1)
    lower = math.floor(rank)
    upper = min(lower + 1, len(ordered) - 1)
    weight = rank - lower
    return ordered[lower] * (1 - weight) + ordered[upper] * weight


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
        pods = len(curves)
        return [total / pods for total in map(sum, zip(*curves, strict=True))]
    return [_mean([value for value in column if not math.isnan(value)]) for column in zip(*curves, strict=True)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _ordered(curve: Sequence[float]) -> list[float]:
    if not math.isnan(sum(curve)):
        return sorted(curve)
    return sorted(value for value in curve if not math.isnan(value))


def _missing_usage(reading: DayReading, keys: Sequence[ContainerKey]) -> Metric | None:
    if reading.cpu.keys().isdisjoint(keys):
        return Metric.CPU
    return Metric.MEMORY if reading.memory.keys().isdisjoint(keys) else None


def _row(
    reading: DayReading, keys: Sequence[ContainerKey], *, name: tuple[str, str, str], day: date, pods: int
) -> UsageDay:
    """`name` is (namespace, deployment, container); `keys` has this container of each pod."""
    namespace, deployment, container = name
    cpu_curves = [reading.cpu[key] for key in keys if key in reading.cpu]
    memory_curves = [reading.memory[key] for key in keys if key in reading.memory]
    cpu, memory = mean_curve(cpu_curves), mean_curve(memory_curves)
    ordered_cpu, ordered_memory = _ordered(cpu), _ordered(memory)
    cpu_of_pods, memory_of_pods = [*map(_ordered, cpu_curves)], [*map(_ordered, memory_curves)]
    return UsageDay(
        namespace=namespace,
        deployment=deployment,
        container=container,
        day=day,
        pods=pods,
        cpu_p95_millicores=round_up(quantile(ordered_cpu, P95) * 1000),
        cpu_p95_hottest_millicores=round_up(_hottest(cpu_of_pods) * 1000),
        memory_p95_bytes=round_up(quantile(ordered_memory, P95)),
        memory_p95_hottest_bytes=round_up(_hottest(memory_of_pods)),
        memory_max_bytes=round_up(_memory_max(reading, keys, memory_of_pods)),
        cpu_quantiles_millicores=tuple(round_up(quantile(ordered_cpu, share) * 1000) for share in QUANTILES),
        memory_quantiles_bytes=tuple(round_up(quantile(ordered_memory, share)) for share in QUANTILES),
        found=_found_resources(reading.state, keys),
        resources_known=any(reading.state.is_listed(key) for key in keys),
        throttled_share=_throttled_share(reading, keys),
        oom_kills=sum(_oom_kills(reading, key) for key in keys),
        coverage=_covered_steps(cpu, memory) / reading.grid.steps,
        hpa=(namespace, deployment) in reading.state.hpa_targets,
    )


def _hottest(ordered: Iterable[Sequence[float]]) -> float:
    return max(quantile(curve, P95) for curve in ordered)


def _memory_max(reading: DayReading, keys: Iterable[ContainerKey], ordered: Iterable[Sequence[float]]) -> float:
    """The larger of the highest sample and the curves' maximum.

    The fact covers every sample of the window, the curve only its steps; but its first step looks back 5 minutes.
    """
    highest_sample = max(reading.fact(Fact.MEMORY_MAX, key) for key in keys)
    return max(highest_sample, *(curve[-1] for curve in ordered))


def _found_resources(state: ClusterState, keys: Sequence[ContainerKey]) -> Resources:
    """The largest values of all pods. Where no CPU limit is listed, the fallback is cAdvisor's CPU quota. A limit of 0 is none."""
    quotas = state.cpu_quotas
    return Resources(
        cpu_request_millicores=_largest((state.requests.get((key, "cpu")) for key in keys), 1000),
        memory_request_bytes=_largest((state.requests.get((key, "memory")) for key in keys), 1),
        cpu_limit_millicores=_largest(
            (state.limits.get((key, "cpu"), quotas.get(key)) for key in keys), 1000, whole=round_down
        )
        or None,
        memory_limit_bytes=_largest((state.limits.get((key, "memory")) for key in keys), 1, whole=round_down) or None,
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
    if not any(math.isnan(sum(curve)) for curve in curves):
        return len(curves[0])
    return sum(not any(map(math.isnan, column)) for column in zip(*curves, strict=True))


def _day_coverage(reading: DayReading) -> float:
    steps = reading.grid.steps
    uncovered = set(range(steps))
    for curve in (*reading.memory.values(), *reading.cpu.values()):
        if not uncovered:
            break
        uncovered -= {index for index in uncovered if not math.isnan(curve[index])}
    return (steps - len(uncovered)) / steps if steps else 0.0


def _missing_metric_warnings(reading: DayReading) -> list[Sentence]:
    if not reading.grid.segments:
        return []
    first = _clock(reading.grid.segments[0].first)
    last = _clock(reading.grid.segments[-1].last)
    return [
        sentence("collection.no_series", metric=metric, first=first, last=last) for metric in reading.missing_metrics()
    ]


def _left_out_warnings(left_out: Mapping[Metric, Sequence[str]]) -> list[Sentence]:
    return [
        sentence("collection.without_sample", containers=len(names), metric=metric, names=_named(names))
        for metric, names in sorted(left_out.items())
    ]


def _misnamed_warnings(names: Sequence[str]) -> list[Sentence]:
    if not names:
        return []
    return [sentence("collection.misnamed", containers=len(names), names=_named(names))]


def _unseen_warnings(names: Sequence[tuple[str, str]]) -> list[Sentence]:
    if not names:
        return []
    named = _named(["/".join(name) for name in names])
    return [sentence("collection.unseen", deployments=len(names), names=named)]


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(map(_shown, names[:MAX_SHOWN]))
    if len(names) <= MAX_SHOWN:
        return shown
    return sentence("collection.names_and_more", names=shown, more=len(names) - MAX_SHOWN)


def _shown(name: str) -> str:
    """In quotes and shortened if it is no name that Kubernetes would take."""
    return name if all(map(is_subdomain, name.split("/"))) else repr(name[:MAX_NAME_CHARACTERS])


def _unlisted_warnings(reading: DayReading, unlisted: int) -> list[Sentence]:
    if not unlisted or Metric.CONTAINER_INFO not in reading.state.seen:
        return []
    return [sentence("collection.unlisted", pods=unlisted, metric=Metric.CONTAINER_INFO)]


def _nameless_warnings(pods: Sequence[PodKey]) -> list[Sentence]:
    if not pods:
        return []
    return [sentence("collection.nameless", pods=len(pods), names=_named(["/".join(pod) for pod in pods]))]


def _clock(unix_seconds: int) -> str:
    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%d %H:%M} UTC"
