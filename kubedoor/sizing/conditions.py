"""The conditions of one workload: which collected values are not to be enforced now, and why. Pure.

`assess` takes the values of a rule and what is known of the cluster, moves values where a condition says so, and names the
fields that are withheld. docs/values.md explains each condition with an example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from kubedoor.model.cluster_facts import ClusterFacts
from kubedoor.model.collected import CollectedValues
from kubedoor.model.conditions import CPU_REQUEST, MEMORY_REQUEST, REPLICAS, REQUESTS, ConditionType, Withheld
from kubedoor.model.usage import UsageDay
from kubedoor.sizing.assessment import FIELD_WORDS, Assessment, written
from kubedoor.sizing.bounds import clamp_to_limits, fit_limit_ranges, fit_nodes
from kubedoor.sizing.cluster_conditions import autoscaled, guaranteed, vertical
from kubedoor.sizing.evidence import Evidence
from kubedoor.sizing.options import SizingOptions
from kubedoor.sizing.usage_conditions import implausible, oom_killed, raise_after_oom, short_history, thin

IMBALANCE = 2.0
"""The hottest pod's P95 divided by the mean's, from which a workload is imbalanced."""
_HOTTEST: tuple[tuple[str, Callable[[UsageDay], tuple[int, int]]], ...] = (
    (CPU_REQUEST, lambda row: (row.cpu_p95_hottest_millicores, row.cpu_p95_millicores)),
    (MEMORY_REQUEST, lambda row: (row.memory_p95_hottest_bytes, row.memory_p95_bytes)),
)


def assess(
    collected: CollectedValues, evidence: Evidence, facts: ClusterFacts, options: SizingOptions
) -> CollectedValues:
    """`collected` with its values moved where needed, and with its conditions."""
    one = Assessment(collected, evidence, facts, options)
    raise_after_oom(one)
    autoscaled(one)
    clamp_to_limits(one)
    guaranteed(one)
    fit_limit_ranges(one)
    fit_nodes(one)
    short_history(one)
    thin(one)
    implausible(one)
    oom_killed(one)
    vertical(one)
    _imbalanced(one)
    _large_change(one)
    return one.result()


def _imbalanced(one: Assessment) -> None:
    for container in one.values:
        rows = one.evidence.of_container(container)
        for name, of in _HOTTEST:
            row = max(rows, key=lambda each: (each.pods > 1, of(each)[0], each.day))
            hottest, mean = of(row)
            if row.pods < 2 or not mean or hottest < IMBALANCE * mean:
                continue
            one.add(
                ConditionType.IMBALANCED,
                "HottestPod",
                f"On {row.day} the hottest pod of {container} used {written(name, hottest)}, {hottest / mean:.1f} times the mean"
                f" of {written(name, mean)}: a {FIELD_WORDS[name]} of {written(name, hottest)} would cover it.",
                container=container,
                resource=FIELD_WORDS[name].split()[0],
                day=str(row.day),
                hottest=written(name, hottest),
                mean=written(name, mean),
            )


def _large_change(one: Assessment) -> None:
    percent = one.options.large_change_percent
    if not percent:
        return
    fields: list[tuple[Withheld, int, int]] = []
    for container in one.values:
        for name in REQUESTS:
            amount, asked = one.amount(container, name), one.found(container, name)
            if amount is not None and asked and abs(amount - asked) * 100 > percent * asked:
                fields.append((Withheld(container, name), asked, amount))
    before, after = one.evidence.newest_pods, one.collected.replicas
    if before and abs(after - before) * 100 > percent * before:
        fields.append((Withheld("", REPLICAS), before, after))
    if not fields:
        return
    largest, asked, amount = max(fields, key=lambda each: abs(each[2] - each[1]) / each[1])
    one.add(
        ConditionType.LARGE_CHANGE,
        "MoreThanAllowed",
        f"The {FIELD_WORDS[largest.field]}{f' of {largest.container}' if largest.container else ''} would go from"
        f" {written(largest.field, asked)} to {written(largest.field, amount)}, by more than {percent} %.",
        withholds=tuple(withheld for withheld, _, _ in fields),
        container=largest.container,
        field=FIELD_WORDS[largest.field],
        before=written(largest.field, asked),
        after=written(largest.field, amount),
        percent=percent,
    )


def with_since(
    values: Iterable[CollectedValues],
    earlier: Mapping[tuple[str, str], Mapping[ConditionType, datetime]],
    now: datetime,
) -> list[CollectedValues]:
    """`values` with the instant since which each condition holds: the earlier one where it held before, else `now`."""
    return [
        replace(
            one,
            conditions=tuple(
                replace(condition, since=earlier.get((one.namespace, one.deployment), {}).get(condition.type, now))
                for condition in one.conditions
            ),
        )
        for one in values
    ]
