"""One workload's values on their way through the conditions: what each step may read and change. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from kubedoor import quantities
from kubedoor.model.cluster_facts import ClusterFacts
from kubedoor.model.collected import CollectedValues
from kubedoor.model.conditions import (
    CPU_LIMIT,
    CPU_REQUEST,
    MEMORY_LIMIT,
    MEMORY_REQUEST,
    REPLICAS,
    Condition,
    ConditionType,
    Withheld,
)
from kubedoor.model.values import Resources
from kubedoor.sentences import Sentence, sentence
from kubedoor.sizing.evidence import Evidence
from kubedoor.sizing.options import SizingOptions

REQUEST_OF = {"cpu": CPU_REQUEST, "memory": MEMORY_REQUEST}
LIMIT_OF = {"cpu": CPU_LIMIT, "memory": MEMORY_LIMIT}
FIELD_WORDS = {
    REPLICAS: sentence("sizing.replicas"),
    CPU_REQUEST: sentence("sizing.cpu_request"),
    MEMORY_REQUEST: sentence("sizing.memory_request"),
    CPU_LIMIT: sentence("sizing.cpu_limit"),
    MEMORY_LIMIT: sentence("sizing.memory_limit"),
}


def written(name: str, amount: int | None) -> str:
    """An amount of a field as people write it."""
    if amount is None:
        return "none"
    if name == REPLICAS:
        return str(amount)
    return quantities.format_cpu(amount) if name in (CPU_REQUEST, CPU_LIMIT) else quantities.readable_memory(amount)


@dataclass
class Assessment:
    """Values by container, the conditions found so far, and a sentence for every value that was moved."""

    collected: CollectedValues
    evidence: Evidence
    facts: ClusterFacts
    options: SizingOptions
    values: dict[str, Resources] = field(default_factory=dict)
    conditions: list[Condition] = field(default_factory=list)
    moved: dict[str, list[Sentence]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = {one.container: one.values for one in self.collected.containers}

    @property
    def name(self) -> tuple[str, str]:
        return self.collected.namespace, self.collected.deployment

    def amount(self, container: str, name: str) -> int | None:
        found: int | None = getattr(self.values[container], name)
        return found

    def found(self, container: str, name: str) -> int | None:
        """What the workload asks for now; None where it asks for nothing, or nobody knows."""
        resources = self.evidence.found(container)
        amount: int | None = getattr(resources, name) if resources else None
        return amount

    def is_known(self, container: str) -> bool:
        """Whether what the container asks for is known."""
        return self.evidence.found(container) is not None

    def move(self, container: str, name: str, amount: int | None, why: Sentence) -> None:
        """Give a field another value, and say why."""
        if amount == self.amount(container, name):
            return
        self.values[container] = replace(self.values[container], **{name: amount})
        reason = sentence("sizing.reason", field=FIELD_WORDS[name], value=written(name, amount), why=why)
        self.moved.setdefault(container, []).append(reason)

    def lowered(self) -> Iterator[Withheld]:
        """Fields whose value is below what the workload asks for now, or of which that is not known."""
        for container, resources in self.values.items():
            for name in (CPU_REQUEST, MEMORY_REQUEST):
                amount, found = getattr(resources, name), self.found(container, name)
                if amount is not None and (not self.is_known(container) or (found is not None and amount < found)):
                    yield Withheld(container, name)

    def moves_limit(self, container: str, resource: str) -> bool:
        """Whether the container gets another limit than it has: its request then belongs to the new one."""
        name = LIMIT_OF[resource]
        return self.amount(container, name) not in (None, self.found(container, name))

    @property
    def lowers_replicas(self) -> bool:
        return self.collected.replicas < self.evidence.newest_pods

    def add(
        self,
        kind: ConditionType,
        reason: str,
        message: str,
        *,
        withholds: tuple[Withheld, ...] = (),
        **parameters: Any,
    ) -> None:
        self.conditions.append(Condition(kind, reason, message, parameters, withholds))

    def result(self) -> CollectedValues:
        containers = tuple(
            replace(
                one,
                values=self.values[one.container],
                reasons=(*one.reasons, *self.moved.get(one.container, ())),
            )
            for one in self.collected.containers
        )
        conditions = tuple(replace(one, withholds=self._with_limits(one.withholds)) for one in self.conditions)
        return replace(
            self.collected, containers=containers, conditions=conditions, largest_node=self.facts.largest_node
        )

    def _with_limits(self, withheld: tuple[Withheld, ...]) -> tuple[Withheld, ...]:
        """With a request, the limit that moved with it: alone it would cut the request that its owner wrote."""
        limits = (
            Withheld(one.container, LIMIT_OF[resource])
            for one in withheld
            for resource, name in REQUEST_OF.items()
            if one.field == name and self.moves_limit(one.container, resource)
        )
        return tuple(dict.fromkeys((*withheld, *limits)))
