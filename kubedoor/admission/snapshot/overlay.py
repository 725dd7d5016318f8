"""What is newer than the snapshot: observations by this door, and workloads read through one by one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kubedoor.control_values import with_facts
from kubedoor.model.facts import Facts, Observation, ObservationKind
from kubedoor.model.values import ControlValues, WorkloadKey

Known = tuple[ControlValues, Facts]
"""What is known of one workload; the facts of the values are those that are stored."""


class _Entry(NamedTuple):
    observation: Observation
    stored_at: float | None = None
    """None: the store does not have it yet."""


class Overlay:
    """Not thread-safe: the snapshot locks it. All instants are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._entries: dict[WorkloadKey, dict[ObservationKind, _Entry]] = {}
        self._read: dict[WorkloadKey, tuple[float, Known]] = {}

    def apply(self, key: WorkloadKey, known: Known) -> Known:
        """Replace what the snapshot knows by what was read through, and lay the observations over it."""
        _, newest = self._read.get(key, (0.0, known))
        return self.apply_facts(key, newest)

    def apply_facts(self, key: WorkloadKey, known: Known) -> Known:
        entries = self._entries.get(key)
        if not entries:
            return known
        values, facts = known
        newest = facts
        for entry in entries.values():
            newest = newest.with_newer(entry.observation)
        changed: dict[str, bool] = {}
        if newest.stored and newest.stored is not facts.stored:
            changed |= {"opted_out": newest.stored.opted_out, "owned": newest.stored.owned}
        if newest.hpa and newest.hpa is not facts.hpa:
            changed["hpa"] = newest.hpa.hpa
        return (with_facts(values, changed) if changed else values), newest

    def add_facts(self, observations: Iterable[Observation]) -> None:
        """What admissions have taught. It stays until a refresh that was asked for after it was stored."""
        for one in observations:
            self._entries.setdefault(one.key, {})[one.kind] = _Entry(one)

    def mark_stored(self, observations: Iterable[Observation], at: float) -> None:
        """The store has these, or will never have them. One that was added anew since stays unmarked."""
        for one in observations:
            entries = self._entries.get(one.key, {})
            if one.kind in entries and entries[one.kind].observation == one:
                entries[one.kind] = _Entry(one, at)

    def add_values(self, key: WorkloadKey, known: Known, queried_at: float) -> None:
        """What was read through. Of two reads, the one with the later query wins."""
        if key not in self._read or self._read[key][0] <= queried_at:
            self._read[key] = queried_at, known

    def expire(self, confirmed_at: float) -> None:
        """Drop what the snapshot, which the store was asked for at this instant, contains already."""
        self._read = {key: read for key, read in self._read.items() if read[0] > confirmed_at}
        for key, entries in list(self._entries.items()):
            for kind, entry in list(entries.items()):
                if entry.stored_at is not None and entry.stored_at <= confirmed_at:
                    del entries[kind]
            if not entries:
                del self._entries[key]
