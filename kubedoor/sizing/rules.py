"""Sizing rules: the usage days of a look-back in, collected values with reasons and conditions out. Pure.

A rule is a function of one workload's look-back, chosen by name in RULES; `peak-day` is the default and so far the only one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from itertools import groupby

from kubedoor.errors import InvalidInput
from kubedoor.model.cluster_facts import ClusterFacts
from kubedoor.model.conditions import REPLICAS, REQUESTS
from kubedoor.model.usage import UsageDay
from kubedoor.model.values import CollectedValues
from kubedoor.sizing.conditions import assess
from kubedoor.sizing.evidence import Evidence, heaviest_day, is_thin
from kubedoor.sizing.options import SizingOptions
from kubedoor.sizing.peak_day import cpu_load, memory_load, peak_day
from kubedoor.sizing.quotas import Requested, with_quotas

Rule = Callable[[Evidence, SizingOptions], CollectedValues]
RULES: Mapping[str, Rule] = {"peak-day": peak_day}


def rule_named(name: str) -> Rule:
    """Raises InvalidInput that lists the existing rules."""
    if name not in RULES:
        raise InvalidInput(
            f"there is no sizing rule {name!r}; there are: {', '.join(sorted(RULES))}", field="sizing_rule"
        )
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
    size = rule_named(rule)
    ordered = sorted(rows, key=lambda row: (row.namespace, row.deployment, row.day, row.container))
    if whole_cluster and ordered:
        options = _with_cluster_days(ordered, options)
    found, requested = [], {}
    for name, group in groupby(ordered, key=lambda row: (row.namespace, row.deployment)):
        evidence = Evidence.of(group, min_coverage=options.min_coverage)
        found.append(assess(size(evidence, options), evidence, facts, options))
        requested[name] = _requested(evidence)
    return with_quotas(found, requested, facts)


def _with_cluster_days(rows: list[UsageDay], options: SizingOptions) -> SizingOptions:
    whole = [row for row in rows if not is_thin(row, options.min_coverage)] or rows

    def day(load: Callable[[UsageDay], int]) -> date:
        return heaviest_day(whole, [load(row) for row in whole])

    return replace(options, cluster_cpu_peak_day=day(cpu_load), cluster_memory_peak_day=day(memory_load))


def _requested(evidence: Evidence) -> Requested:
    """What today's pods ask for: by container and field, and under the empty container the replicas."""
    found: dict[str, dict[str, int]] = {"": {REPLICAS: evidence.newest_pods}}
    for container in evidence.current:
        resources = evidence.found(container)
        found[container] = {name: getattr(resources, name, None) or 0 for name in REQUESTS}
    return found
