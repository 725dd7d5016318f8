"""What the door knows that is newer than its snapshot: facts that admissions have shown, workloads read one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kubedoor.control_values import with_facts
from kubedoor.model.values import ControlValues, WorkloadKey

HOLDS_SECONDS = 10.0
"""How long a fact that has been stored holds against what the store says: a question may have been under way."""
Fact = tuple[WorkloadKey, str, bool]
"""A workload, the fact's name, and whether it holds."""


@dataclass(frozen=True)
class _Shown:
    holds: bool
    stored_at: float | None = None
    """None: the store does not have it yet."""


class Newer:
    """Laid over the values of a snapshot. Instants are of one monotonic clock; whoever has it keeps threads apart."""

    def __init__(self) -> None:
        self._facts: dict[WorkloadKey, dict[str, _Shown]] = {}
        self._read: dict[WorkloadKey, tuple[float, ControlValues]] = {}

    def over(self, key: WorkloadKey, values: ControlValues) -> ControlValues:
        """`values` as they are by now."""
        _, newest = self._read.get(key, (0.0, values))
        return self.with_shown(key, newest)

    def with_shown(self, key: WorkloadKey, values: ControlValues) -> ControlValues:
        """`values` with the facts that admissions have shown."""
        facts = self.shown(key)
        return with_facts(values, facts) if facts else values

    def shown(self, key: WorkloadKey) -> dict[str, bool]:
        return {fact: shown.holds for fact, shown in self._facts.get(key, {}).items()}

    def note(self, key: WorkloadKey, facts: Mapping[str, bool]) -> None:
        """An admission has shown these; they hold until they are stored, and for a while from then on."""
        self._facts.setdefault(key, {}).update({fact: _Shown(holds) for fact, holds in facts.items()})

    def stored(self, facts: Iterable[Fact], at: float) -> None:
        """The store has these, or will never have them. What has been shown otherwise since is not among them."""
        for key, fact, holds in facts:
            of_workload = self._facts.get(key, {})
            if of_workload.get(fact) == _Shown(holds):
                of_workload[fact] = _Shown(holds, at)

    def read(self, key: WorkloadKey, values: ControlValues, asked_at: float) -> None:
        """The store was asked for this workload alone; of two answers the one that was asked for later counts."""
        if key not in self._read or self._read[key][0] <= asked_at:
            self._read[key] = asked_at, values

    def confirmed(self, at: float) -> None:
        """The snapshot is as the store was when it was asked at this instant: what is older goes."""
        self._read = {key: read for key, read in self._read.items() if read[0] > at}
        for key, of_workload in list(self._facts.items()):
            for fact, shown in list(of_workload.items()):
                if shown.stored_at is not None and shown.stored_at <= at - HOLDS_SECONDS:
                    del of_workload[fact]
            if not of_workload:
                del self._facts[key]
