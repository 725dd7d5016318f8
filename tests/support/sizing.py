"""Looks at what the sizing rules make of usage days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from kubedoor.model.cluster_facts import ClusterFacts
from kubedoor.model.collected import CollectedValues
from kubedoor.model.conditions import Condition, ConditionType
from kubedoor.model.usage import UsageDay
from kubedoor.model.values import Resources
from kubedoor.sizing.options import SizingOptions
from kubedoor.sizing.rules import collected_values
from tests.support.builders import DAY, make_usage_day

MI = 2**20
NO_FACTS = ClusterFacts()


def days(count: int = 3, **fields: Any) -> list[UsageDay]:
    """One row for each of the newest days, the newest first."""
    return [make_usage_day(day=DAY - timedelta(days=back), **fields) for back in range(count)]


def sized_all(rows: Iterable[UsageDay], facts: ClusterFacts = NO_FACTS, **options: Any) -> list[CollectedValues]:
    return collected_values(rows, rule="peak-day", options=SizingOptions(**options), whole_cluster=False, facts=facts)


def sized(rows: Iterable[UsageDay], facts: ClusterFacts = NO_FACTS, **options: Any) -> CollectedValues:
    (values,) = sized_all(rows, facts, **options)
    return values


def of(values: CollectedValues, container: str = "app") -> Resources:
    (found,) = (one.values for one in values.containers if one.container == container)
    return found


def conditions(values: CollectedValues, kind: ConditionType) -> list[Condition]:
    return [one for one in values.conditions if one.type is kind]


def condition(values: CollectedValues, kind: ConditionType) -> Condition:
    (found,) = conditions(values, kind)
    return found


def kinds(values: CollectedValues) -> list[str]:
    return [one.type.value for one in values.conditions]


def withheld(one: Condition) -> list[str]:
    """`app.cpu_request_millicores`; `replicas` for the replicas."""
    return [f"{field.container}.{field.field}".lstrip(".") for field in one.withholds]
