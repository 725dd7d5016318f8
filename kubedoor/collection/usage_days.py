"""Turns the reading of one day into usage rows: groups pods by Deployment and computes the usage of each container.

Pure arithmetic. Missing data is never replaced by zero: a container without a CPU or a memory sample gets no row and
is counted in a warning that names the metric.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from kubedoor.collection.curve_statistics import CurveStatistics, statistics
from kubedoor.collection.plausibility import Dropped
from kubedoor.collection.readings import ClusterState, ContainerKey, DayReading, Fact, Metric, PodKey
from kubedoor.collection.workload_pods import WorkloadPods, grouped, nameless, unseen
from kubedoor.kube.names import is_label, is_subdomain
from kubedoor.model.conditions import RESOURCE_FIELDS
from kubedoor.model.peak_day import PeakDay
from kubedoor.model.usage import DayUsage, UsageDay
from kubedoor.model.values import Resources
from kubedoor.sentences import Sentence, sentence

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

    def refuse(self, row: UsageDay) -> bool:
        """Whether a row cannot be stored."""
        if too_large := _unstorable(row):
            self.refused.append(too_large)
        return bool(too_large)


@dataclass(frozen=True)
class _Container:
    """A container of a Deployment that has usage: its key in each pod."""

    name: str
    keys: Sequence[ContainerKey]
    workload: WorkloadPods

    @property
    def path(self) -> str:
        return f"{self.workload.namespace}/{self.workload.deployment}/{self.name}"


def day_usage(reading: DayReading, peak_day: PeakDay, *, dropped: Dropped | None = None) -> DayUsage:
    """The rows are ordered by namespace, Deployment and container. `dropped`: what was taken out as implausible."""
    problems = _Problems()
    workloads = grouped(reading)
    rows = _rows(reading, peak_day.day, _measured(reading, workloads, problems), dropped or Dropped())
    unlisted = sum(len(workload.unlisted) for workload in workloads.values())
    return DayUsage(
        rows=tuple(row for row in rows if not problems.refuse(row)),
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


def _measured(
    reading: DayReading, workloads: Mapping[tuple[str, str], WorkloadPods], problems: _Problems
) -> list[_Container]:
    """The containers, in order, that have both metrics and names; of the others, the reason is in `problems`."""
    found: list[_Container] = []
    for _, workload in sorted(workloads.items()):
        for name, keys in sorted(workload.containers.items()):
            container = _Container(name, keys, workload)
            if not _is_named(workload.namespace, workload.deployment, name):
                problems.misnamed.append(container.path)
            elif missing := _missing_usage(reading, keys):
                problems.left_out.setdefault(missing, []).append(container.path)
            else:
                found.append(container)
    return found


def _is_named(namespace: str, deployment: str, container: str) -> bool:
    """Metrics are somebody's text: names become paths of files and of requests, so they are checked once, here."""
    return is_label(namespace) and is_subdomain(deployment) and is_label(container)


_COUNTS = ("pods", "cpu_p95_millicores", "cpu_p95_hottest_millicores", "oom_kills")
_BYTES = ("memory_p95_bytes", "memory_p95_hottest_bytes", "memory_max_bytes")


def _unstorable(row: UsageDay) -> Sentence | None:
    """The first number of a row that its column cannot hold, in words; None: all fit. See sql/0001_usage.sql."""
    numbers = {name: getattr(row, name) for name in (*_COUNTS, *_BYTES)}
    numbers |= {name: getattr(row.found, name) for name in RESOURCE_FIELDS}
    numbers |= {"cpu_maximum": row.cpu_quantiles_millicores[-1], "memory_maximum_bytes": row.memory_quantiles_bytes[-1]}
    for name, number in numbers.items():
        most = MAX_BYTES if name.endswith("_bytes") else MAX_COUNT
        if number is not None and not 0 <= number <= most:
            container = f"{row.namespace}/{row.deployment}/{row.container}"
            return sentence("collection.unstorable", container=container, field=name, number=number, most=most)
    return None


def round_up(value: float) -> int:
    """Round up to a whole unit, ignoring float noise: 250.0000000001 is 250."""
    return math.ceil(round(value, 6))


def round_down(value: float) -> int:
    """Used for limits: a request that is clamped to the result must not exceed the limit in the cluster."""
    return math.floor(round(value, 6))


def _missing_usage(reading: DayReading, keys: Sequence[ContainerKey]) -> Metric | None:
    if reading.cpu.keys().isdisjoint(keys):
        return Metric.CPU
    return Metric.MEMORY if reading.memory.keys().isdisjoint(keys) else None


def _rows(reading: DayReading, day: date, containers: Sequence[_Container], dropped: Dropped) -> Iterator[UsageDay]:
    cpu, memory = (
        statistics([[curves[key] for key in one.keys if key in curves] for one in containers])
        for curves in (reading.cpu, reading.memory)
    )
    knows_hpas = reading.knows_hpas()
    known: dict[Hashable, tuple[int, float]] = {}
    pods_of: dict[tuple[str, str], tuple[int, float]] = {}
    for one, of_cpu, of_memory in zip(containers, cpu, memory, strict=True):
        workload = one.workload
        name = (workload.namespace, workload.deployment)
        if name not in pods_of:
            pods_of[name] = workload.replicas_and_coverage(reading, known)
        hpa = name in reading.state.hpa_targets or (False if knows_hpas else None)
        row = _row(reading, one, of_cpu, of_memory, day=day, pods=pods_of[name], hpa=hpa)
        # Most rows stay as they are: a copy takes as long as the row itself.
        if dropped.samples:
            row = replace(row, dropped_samples=sum(dropped.samples.get(key, 0) for key in one.keys))
        yield row


def _row(
    reading: DayReading,
    found: _Container,
    cpu: CurveStatistics,
    memory: CurveStatistics,
    *,
    day: date,
    pods: tuple[int, float],
    hpa: bool | None,
) -> UsageDay:
    """`pods`: how many ran, and the share of them that was seen."""
    keys, workload, steps = found.keys, found.workload, reading.grid.steps
    highest_sample = max(reading.fact(Fact.MEMORY_MAX, key) for key in keys)
    return UsageDay(
        namespace=workload.namespace,
        deployment=workload.deployment,
        container=found.name,
        day=day,
        pods=pods[0],
        cpu_p95_millicores=round_up(cpu.p95 * 1000),
        cpu_p95_hottest_millicores=round_up(cpu.hottest_p95 * 1000),
        memory_p95_bytes=round_up(memory.p95),
        memory_p95_hottest_bytes=round_up(memory.hottest_p95),
        # The fact covers every sample of the window, the curve only its steps; but its first step looks back 5 minutes.
        memory_max_bytes=round_up(max(highest_sample, memory.highest)),
        cpu_quantiles_millicores=tuple(round_up(value * 1000) for value in cpu.quantiles),
        memory_quantiles_bytes=tuple(round_up(value) for value in memory.quantiles),
        found=_found_resources(reading.state, keys),
        resources_known=any(reading.state.is_listed(key) for key in keys),
        throttled_share=_throttled_share(reading, keys),
        oom_kills=sum(_oom_kills(reading, key) for key in keys),
        coverage=(steps - len(cpu.gaps | memory.gaps)) / steps,
        pods_with_container=workload.pods_with(found.name, reading, pods[0]),
        pods_coverage=pods[1],
        hpa=hpa,
    )


def _found_resources(state: ClusterState, keys: Sequence[ContainerKey]) -> Resources:
    """The largest values of all pods. Where no CPU limit is listed, the fallback is cAdvisor's CPU quota. A limit of 0 is none."""
    quotas = state.cpu_quotas
    requests, limits = state.requests.get, state.limits.get
    cpu_limits = [limits((key, "cpu"), quotas.get(key)) for key in keys]
    return Resources(
        cpu_request_millicores=_largest([requests((key, "cpu")) for key in keys], 1000),
        memory_request_bytes=_largest([requests((key, "memory")) for key in keys], 1),
        cpu_limit_millicores=_largest(cpu_limits, 1000, whole=round_down) or None,
        memory_limit_bytes=_largest([limits((key, "memory")) for key in keys], 1, whole=round_down) or None,
    )


def _largest(values: Sequence[float | None], factor: int, *, whole: Callable[[float], int] = round_up) -> int | None:
    most = max([value for value in values if value is not None], default=None)
    return None if most is None else whole(most * factor)


def _throttled_share(reading: DayReading, keys: Iterable[ContainerKey]) -> float | None:
    throttled = periods = 0.0
    for key in keys:
        throttled += reading.fact(Fact.THROTTLED_PERIODS, key)
        periods += reading.fact(Fact.PERIODS, key)
    return min(throttled / periods, 1.0) if periods > 0 else None


def _oom_kills(reading: DayReading, key: ContainerKey) -> int:
    """Both facts count the same kills, so the larger is taken. `increase` extrapolates: a kill can read 1.02."""
    return round(max(reading.fact(Fact.OOM_EVENTS, key), reading.fact(Fact.OOM_RESTARTS, key)))


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
