"""What is newer than the snapshot: facts that admissions have shown, and workloads read through one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kubedoor.control_values import with_facts
from kubedoor.model.values import ControlValues, WorkloadKey

Fact = tuple[WorkloadKey, str, bool]
"""A workload, the fact's name, and whether it holds."""


@dataclass(frozen=True)
class _Entry:
    holds: bool
    stored_at: float | None = None
    """None: the store does not have it yet."""


class Overlay:
    """Not thread-safe: the snapshot locks it. All instants are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._facts: dict[WorkloadKey, dict[str, _Entry]] = {}
        self._read: dict[WorkloadKey, tuple[float, ControlValues]] = {}

    def apply(self, key: WorkloadKey, values: ControlValues) -> ControlValues:
        """Replace the snapshot's `values` by those read through, and apply the facts."""
        _, newest = self._read.get(key, (0.0, values))
        return self.apply_facts(key, newest)

    def apply_facts(self, key: WorkloadKey, values: ControlValues) -> ControlValues:
        facts = self.facts_of(key)
        return with_facts(values, facts) if facts else values

    def facts_of(self, key: WorkloadKey) -> dict[str, bool]:
        return {fact: entry.holds for fact, entry in self._facts.get(key, {}).items()}

    def add_facts(self, key: WorkloadKey, facts: Mapping[str, bool]) -> None:
        """Facts that an admission has shown. They stay until a refresh that was asked for after they were stored."""
        self._facts.setdefault(key, {}).update({fact: _Entry(holds) for fact, holds in facts.items()})

    def mark_stored(self, facts: Iterable[Fact], at: float) -> None:
        """The store has these facts, or will never have them. A fact that was added anew since stays unmarked."""
        for key, fact, holds in facts:
            entries = self._facts.get(key, {})
            if entries.get(fact) == _Entry(holds):
                entries[fact] = _Entry(holds, at)

    def add_values(self, key: WorkloadKey, values: ControlValues, queried_at: float) -> None:
        """Values read through. Of two reads, the one with the later query wins."""
        if key not in self._read or self._read[key][0] <= queried_at:
            self._read[key] = queried_at, values

    def expire(self, confirmed_at: float) -> None:
        """Drop what the snapshot, which the store was asked for at this instant, contains already."""
        self._read = {key: read for key, read in self._read.items() if read[0] > confirmed_at}
        for key, entries in list(self._facts.items()):
            for fact, entry in list(entries.items()):
                if entry.stored_at is not None and entry.stored_at <= confirmed_at:
                    del entries[fact]
            if not entries:
                del self._facts[key]
