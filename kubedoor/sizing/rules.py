"""Sizing rules: the usage days of a look-back in, collected values with reasons and conditions out. Pure.

A rule is a function of one workload's look-back, chosen by name in RULES; `peak-day` is the default and so far the only one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby

from kubedoor.errors import InvalidInput
from kubedoor.model.cluster_facts import ClusterFacts
from kubedoor.model.collected import CollectedValues
from kubedoor.model.conditions import REPLICAS, REQUESTS
from kubedoor.model.usage import UsageDay
from kubedoor.sentences import sentence
from kubedoor.sizing.conditions import assess
from kubedoor.sizing.evidence import Evidence, heaviest, is_thin
from kubedoor.sizing.options import SizingOptions
from kubedoor.sizing.peak_day import cpu_load, memory_load, peak_day
from kubedoor.sizing.quotas import Requested, with_quotas

Rule = Callable[[Evidence, SizingOptions], CollectedValues]
RULES: Mapping[str, Rule] = {"peak-day": peak_day}


@dataclass
class DayLoads:
    """Loads by day: millicores and bytes over all pods."""

    cpu: dict[date, int] = field(default_factory=dict)
    memory: dict[date, int] = field(default_factory=dict)

    def add(self, day: date, cpu: int, memory: int) -> None:
        self.cpu[day] = self.cpu.get(day, 0) + cpu
        self.memory[day] = self.memory.get(day, 0) + memory


def rule_named(name: str) -> Rule:
    """Raises InvalidInput that lists the existing rules."""
    if name not in RULES:
        known = ", ".join(sorted(RULES))
        raise InvalidInput(sentence("sizing.unknown_rule", rule=repr(name), rules=known), field="sizing_rule")
    return RULES[name]


def collected_values(
    rows: Iterable[UsageDay],
    *,
    rule: str,
    options: SizingOptions,
    whole_cluster: bool,
    facts: ClusterFacts = ClusterFacts(),  # noqa: B008 - frozen
) -> list[CollectedValues]:
    """The collected values of every workload in `rows`, ordered by namespace and name.

    `whole_cluster` takes the heaviest day of the whole cluster as the peak day of every workload.
    """
    ordered = sorted(rows, key=lambda row: (row.namespace, row.deployment, row.day, row.container))
    return values_of_stream(lambda: ordered, rule=rule, options=options, whole_cluster=whole_cluster, facts=facts)


def values_of_stream(
    read: Callable[[], Iterable[UsageDay]],
    *,
    rule: str,
    options: SizingOptions,
    whole_cluster: bool,
    facts: ClusterFacts,
) -> list[CollectedValues]:
    """As `collected_values`, with the rows of one workload in memory at once.

    `read` gives the rows by namespace, Deployment, day and container; for `whole_cluster` it is called twice.
    """
    size = rule_named(rule)
    if whole_cluster:
        options = _with_cluster_days(read(), options)
    found, requested = [], {}
    for name, group in groupby(read(), key=lambda row: (row.namespace, row.deployment)):
        evidence = Evidence.of(group, min_coverage=options.min_coverage)
        found.append(assess(size(evidence, options), evidence, facts, options))
        requested[name] = _requested(evidence)
    return with_quotas(found, requested, facts)


def _with_cluster_days(rows: Iterable[UsageDay], options: SizingOptions) -> SizingOptions:
    """The heaviest days of the whole rows; of all rows where there is no whole one."""
    whole, every = DayLoads(), DayLoads()
    for row in rows:
        cpu, memory = cpu_load(row), memory_load(row)
        for loads in (every,) if is_thin(row, options.min_coverage) else (every, whole):
            loads.add(row.day, cpu, memory)
    deciding = whole if whole.cpu else every
    if not deciding.cpu:
        return options
    return replace(
        options, cluster_cpu_peak_day=heaviest(deciding.cpu), cluster_memory_peak_day=heaviest(deciding.memory)
    )


def _requested(evidence: Evidence) -> Requested:
    """What today's pods ask for: by container and field, and under the empty container the replicas."""
    found: dict[str, dict[str, int]] = {"": {REPLICAS: evidence.newest_pods}}
    for container in evidence.current:
        resources = evidence.found(container)
        found[container] = {name: getattr(resources, name, None) or 0 for name in REQUESTS}
    return found
