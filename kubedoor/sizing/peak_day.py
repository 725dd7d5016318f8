"""The rule `peak-day`: request what the heaviest day of the look-back used at its peak. Pure.

Replicas and CPU come from the day with the greatest CPU load (pods × P95), memory from the day with the greatest memory
load: docs/decisions/0004. Only whole days are looked at, as long as there are any (`evidence`).

Requests and replicas belong together. At the replicas that will run, the requests of all pods cover the load of the
heaviest day, and a pod's request is never below the P95 per pod of a day with as many pods or fewer: ten pods of 100m and
three pods of 310m are both seen, and three pods then ask for 334m and not for 100m.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from kubedoor import quantities
from kubedoor.model.collected import CollectedContainer, CollectedValues
from kubedoor.model.usage import UsageDay
from kubedoor.model.values import Resources
from kubedoor.sentences import Sentence, sentence
from kubedoor.sizing.evidence import Evidence, heaviest_day
from kubedoor.sizing.options import MEBIBYTE, SizingOptions

_REPLICAS, _CPU, _MEMORY = sentence("sizing.replicas"), sentence("sizing.cpu"), sentence("sizing.memory")


def pods_of(row: UsageDay) -> int:
    """How many pods had the container."""
    return row.pods if row.pods_with_container is None else row.pods_with_container


@dataclass(frozen=True)
class _Resource:
    """How one resource is read from a row."""

    used: Callable[[UsageDay], int]
    """P95 per pod."""
    cluster_day: Callable[[SizingOptions], date | None]
    written: Callable[[int], str]

    def load(self, row: UsageDay) -> int:
        """What one container used at its peak, over all pods that had it."""
        return pods_of(row) * self.used(row)


CPU = _Resource(lambda row: row.cpu_p95_millicores, lambda options: options.cluster_cpu_peak_day, quantities.format_cpu)
MEMORY = _Resource(
    lambda row: row.memory_p95_bytes,
    lambda options: options.cluster_memory_peak_day,
    lambda value: f"{value / MEBIBYTE:.1f}Mi",
)


def cpu_load(row: UsageDay) -> int:
    """Millicores over all pods."""
    return CPU.load(row)


def memory_load(row: UsageDay) -> int:
    """Bytes over all pods."""
    return MEMORY.load(row)


def peak_day(evidence: Evidence, options: SizingOptions) -> CollectedValues:
    """The values of one workload, before conditions: requests from usage, limits as found, floors applied."""
    cpu_day, memory_day = _day(evidence, CPU, options), _day(evidence, MEMORY, options)
    replicas = max(row.pods for row in evidence.deciding if row.day == cpu_day)
    containers = tuple(
        _container(evidence, name, (cpu_day, memory_day), replicas, options) for name in evidence.containers
    )
    return CollectedValues(
        namespace=evidence.history[0].namespace,
        deployment=evidence.history[0].deployment,
        replicas=replicas,
        peak_day=cpu_day,
        memory_peak_day=memory_day,
        containers=containers,
        days=len({row.day for row in evidence.history}),
        hpa=evidence.hpa,
        memory_pods=max(row.pods for row in evidence.deciding if row.day == memory_day),
        reasons=(_reason(_REPLICAS, replicas, sentence("sizing.peak_pods", day=cpu_day)),),
    )


def _day(evidence: Evidence, resource: _Resource, options: SizingOptions) -> date:
    rows = evidence.deciding
    wanted = resource.cluster_day(options)
    if wanted is not None and any(row.day == wanted for row in rows):
        return wanted
    return heaviest_day(rows, [resource.load(row) for row in rows])


def _container(
    evidence: Evidence, name: str, days: tuple[date, date], replicas: int, options: SizingOptions
) -> CollectedContainer:
    own = evidence.of_container(name)
    cpu_row, memory_row = _row(own, days[0], CPU), _row(own, days[1], MEMORY)
    cpu, cpu_why = _request(own, cpu_row, CPU, replicas, options)
    memory, memory_why = _request(own, memory_row, MEMORY, replicas, options)
    cpu_millicores = max(cpu, options.min_cpu_millicores)
    # Whole mebibytes: a quantity that people can read, and never less than what was used.
    memory_bytes = max(-(-memory // MEBIBYTE) * MEBIBYTE, options.min_memory_bytes)
    if cpu_millicores > cpu:
        cpu_why = sentence("sizing.raised_to_floor", why=cpu_why)
    if memory_bytes == options.min_memory_bytes:
        memory_why = sentence("sizing.raised_to_floor", why=memory_why)
    else:
        memory_why = sentence("sizing.whole_mebibytes", why=memory_why)
    reasons = (
        _reason(_CPU, quantities.format_cpu(cpu_millicores), cpu_why),
        _reason(_MEMORY, quantities.readable_memory(memory_bytes), memory_why),
    )
    found = evidence.found(name) or Resources()
    return CollectedContainer(
        container=name,
        values=Resources(cpu_millicores, memory_bytes, found.cpu_limit_millicores, found.memory_limit_bytes),
        cpu_usage_millicores=cpu_row.cpu_p95_millicores,
        memory_usage_bytes=memory_row.memory_p95_bytes,
        reasons=reasons,
    )


def _reason(field: Sentence, value: object, why: Sentence) -> Sentence:
    return sentence("sizing.reason", field=field, value=value, why=why)


def _row(own: Sequence[UsageDay], day: date, resource: _Resource) -> UsageDay:
    """The container's row of this day; of its own heaviest day where it did not run, or was hardly seen, on this one."""
    on_day = [row for row in own if row.day == day]
    if on_day:
        return on_day[0]
    heaviest = heaviest_day(own, [resource.load(row) for row in own])
    return next(row for row in own if row.day == heaviest)


def _request(
    own: Sequence[UsageDay], row: UsageDay, resource: _Resource, replicas: int, options: SizingOptions
) -> tuple[int, Sentence]:
    """What one pod has to ask for at these replicas, and why; `row` is the row of the peak day."""
    best = resource.used(row)
    why = sentence("sizing.p95", day=row.day, used=resource.written(best))
    if resource.cluster_day(options) is not None:
        return best, why
    # A day with more pods than will run: its load has to fit into fewer.
    heaviest = max(own, key=lambda one: (resource.load(one), one.day))
    share = -(-resource.load(heaviest) // max(replicas, 1))
    if share > best:
        best = share
        used = resource.written(resource.used(heaviest))
        why = sentence("sizing.load", day=heaviest.day, pods=pods_of(heaviest), used=used, replicas=replicas)
    # A day with as many pods or fewer: a pod may have to do as much again.
    fitting = [one for one in own if one.pods <= replicas]
    if fitting and resource.used(busiest := max(fitting, key=lambda one: (resource.used(one), one.day))) > best:
        best = resource.used(busiest)
        why = sentence("sizing.p95_with_pods", day=busiest.day, used=resource.written(best), pods=busiest.pods)
    return best, why
