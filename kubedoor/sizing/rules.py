"""Sizing rules: compute collected values, with reasons, from the usage days of a workload. Pure.

A rule is a function, registered by name in RULES; `peak-day` is the default and the only one so far. A rule gets the
whole look-back of one workload, so a new rule (a percentile, a blend of days) is only a new function here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from kubedoor import quantities
from kubedoor.errors import InvalidInput
from kubedoor.model.usage import UsageDay
from kubedoor.model.values import CollectedContainer, CollectedValues, Resources

MEBIBYTE = 2**20


@dataclass(frozen=True)
class SizingOptions:
    """Options of every rule. A workload without data on `cluster_*_peak_day` uses its own peak day."""

    min_cpu_millicores: int = 10
    min_memory_bytes: int = MEBIBYTE
    cluster_cpu_peak_day: date | None = None
    cluster_memory_peak_day: date | None = None


Rule = Callable[[Sequence[UsageDay], SizingOptions], CollectedValues]


def rule_named(name: str) -> Rule:
    """Raises InvalidInput that lists the known rules."""
    if name not in RULES:
        raise InvalidInput(
            f"there is no sizing rule {name!r}; there are: {', '.join(sorted(RULES))}", field="sizing_rule"
        )
    return RULES[name]


def peak_day_of(rows: Iterable[UsageDay], load: Callable[[UsageDay], int]) -> date:
    """The day with the greatest total load; of equal days, the newest."""
    totals: dict[date, int] = {}
    for row in rows:
        totals[row.day] = totals.get(row.day, 0) + load(row)
    return max(totals, key=lambda day: (totals[day], day))


def cpu_load(row: UsageDay) -> int:
    """The peak CPU usage of one container, in millicores over all pods."""
    return row.pods * row.cpu_p95_millicores


def memory_load(row: UsageDay) -> int:
    """The peak memory usage of one container, in bytes over all pods."""
    return row.pods * row.memory_p95_bytes


def peak_day(history: Sequence[UsageDay], options: SizingOptions) -> CollectedValues:
    """The rule `peak-day`: requests are the usage in the peak window of the peak day.

    Replicas and CPU come from the day with the greatest CPU load, memory from the day with the greatest memory load.
    For most workloads this is one day; where it is not, the memory of the CPU peak day would be too low. Limits are
    those found on the newest day, so that a limit that was just raised is not lowered again. A container that did not
    run on a peak day is sized from its own peak day.

    `history` holds the rows of one workload and is not empty.
    """
    cpu_day = _chosen(history, options.cluster_cpu_peak_day, cpu_load)
    memory_day = _chosen(history, options.cluster_memory_peak_day, memory_load)
    by_day = {(row.container, row.day): row for row in history}
    containers = []
    for name in sorted({row.container for row in history}):
        own = [row for row in history if row.container == name]
        cpu = by_day.get((name, cpu_day)) or by_day[(name, peak_day_of(own, cpu_load))]
        memory = by_day.get((name, memory_day)) or by_day[(name, peak_day_of(own, memory_load))]
        found = max(own, key=lambda row: row.day).found
        containers.append(_container(cpu, memory, found, options))
    pods = max(row.pods for row in history if row.day == cpu_day)
    return CollectedValues(
        namespace=history[0].namespace,
        deployment=history[0].deployment,
        replicas=pods,
        peak_day=cpu_day,
        memory_peak_day=memory_day,
        containers=tuple(containers),
        days=len({row.day for row in history}),
        hpa=_hpa(history),
        reasons=(f"replicas {pods}: pods side by side on {cpu_day}, the peak day",),
    )


def _hpa(history: Sequence[UsageDay]) -> bool | None:
    """The value of the newest day on which it is known, so that a day without the HPA metric does not hide an HPA."""
    known = [row for row in history if row.hpa is not None]
    if not known:
        return None
    newest = max(row.day for row in known)
    return any(row.hpa for row in known if row.day == newest)


def _chosen(history: Sequence[UsageDay], wanted: date | None, load: Callable[[UsageDay], int]) -> date:
    if wanted is not None and any(row.day == wanted for row in history):
        return wanted
    return peak_day_of(history, load)


def _container(cpu: UsageDay, memory: UsageDay, found: Resources, options: SizingOptions) -> CollectedContainer:
    cpu_millicores = max(cpu.cpu_p95_millicores, options.min_cpu_millicores)
    # Rounded up to whole mebibytes: a readable quantity, never below the usage.
    memory_bytes = max(-(-memory.memory_p95_bytes // MEBIBYTE) * MEBIBYTE, options.min_memory_bytes)
    reasons = [
        f"cpu {quantities.format_cpu(cpu_millicores)}: P95 of {cpu.day} was {quantities.format_cpu(cpu.cpu_p95_millicores)}"
        + (", raised to the floor" if cpu_millicores > cpu.cpu_p95_millicores else ""),
        f"memory {quantities.format_memory(memory_bytes)}: P95 of {memory.day} was {memory.memory_p95_bytes} bytes, "
        + ("raised to the floor" if memory_bytes == options.min_memory_bytes else "in whole mebibytes"),
    ]
    if found.cpu_limit_millicores is not None and cpu_millicores > found.cpu_limit_millicores:
        cpu_millicores = found.cpu_limit_millicores
        reasons.append(f"cpu cut to its limit {quantities.format_cpu(cpu_millicores)}")
    if found.memory_limit_bytes is not None and memory_bytes > found.memory_limit_bytes:
        memory_bytes = found.memory_limit_bytes
        reasons.append(f"memory cut to its limit {quantities.format_memory(memory_bytes)}")
    return CollectedContainer(
        container=cpu.container,
        values=Resources(cpu_millicores, memory_bytes, found.cpu_limit_millicores, found.memory_limit_bytes),
        cpu_usage_millicores=cpu.cpu_p95_millicores,
        memory_usage_bytes=memory.memory_p95_bytes,
        reasons=tuple(reasons),
    )


RULES: Mapping[str, Rule] = {"peak-day": peak_day}


def collected_values(
    rows: Iterable[UsageDay], *, rule: str, options: SizingOptions, whole_cluster: bool
) -> list[CollectedValues]:
    """The collected values of every workload in `rows`, ordered by namespace and name.

    With `whole_cluster`, every workload uses the peak day of all rows together.
    """
    size = rule_named(rule)
    ordered = sorted(rows, key=lambda row: (row.namespace, row.deployment, row.day, row.container))
    if whole_cluster and ordered:
        options = SizingOptions(
            options.min_cpu_millicores,
            options.min_memory_bytes,
            cluster_cpu_peak_day=peak_day_of(ordered, cpu_load),
            cluster_memory_peak_day=peak_day_of(ordered, memory_load),
        )
    return [
        size(list(group), options) for _, group in groupby(ordered, key=lambda row: (row.namespace, row.deployment))
    ]
