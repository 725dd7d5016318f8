"""Which usage days may decide, and what is known of the newest state of a workload. Pure.

A row is *thin* when too little of it was seen: samples for too few steps, too few of the listed pods, or an answer that
Prometheus called partial. Thin rows decide only where a container has no whole ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from kubedoor.model.usage import UsageDay
from kubedoor.model.values import Resources


def is_thin(row: UsageDay, min_coverage: float) -> bool:
    """`min_coverage` is a share, 0 to 1, of steps and of pods."""
    return row.is_partial or row.coverage < min_coverage or row.pods_coverage < min_coverage


def _knows_resources(row: UsageDay) -> bool:
    """A partial answer may have left out just these series."""
    return row.resources_known and not (row.is_partial and row.found == Resources())


@dataclass(frozen=True)
class Evidence:
    """One workload's look-back: at least one row."""

    history: tuple[UsageDay, ...]
    min_coverage: float

    @classmethod
    def of(cls, history: Iterable[UsageDay], *, min_coverage: float) -> Evidence:
        return cls(tuple(history), min_coverage)

    @cached_property
    def containers(self) -> tuple[str, ...]:
        return tuple(sorted({row.container for row in self.history}))

    @cached_property
    def _whole(self) -> tuple[UsageDay, ...]:
        return tuple(row for row in self.history if not is_thin(row, self.min_coverage))

    @cached_property
    def whole_days(self) -> frozenset[date]:
        """Days on which at least one container has a whole row."""
        return frozenset(row.day for row in self._whole)

    @property
    def deciding(self) -> tuple[UsageDay, ...]:
        """The whole rows; all rows where there is no whole one."""
        return self._whole or self.history

    def of_container(self, name: str) -> tuple[UsageDay, ...]:
        """The container's whole rows; all of its rows where it has no whole one."""
        own = tuple(row for row in self.history if row.container == name)
        return tuple(row for row in own if not is_thin(row, self.min_coverage)) or own

    def thin_deciding(self) -> tuple[UsageDay, ...]:
        """Thin rows that decide, for want of whole ones: of each container whose every row is thin."""
        return tuple(
            row for name in self.containers for row in self.of_container(name) if is_thin(row, self.min_coverage)
        )

    def found(self, name: str) -> Resources | None:
        """Requests and limits of the newest day that knows them; None: no day does. "No limit" is not "not known"."""
        known = [row for row in self.history if row.container == name and _knows_resources(row)]
        return max(known, key=lambda row: row.day).found if known else None

    @cached_property
    def current(self) -> tuple[str, ...]:
        """The containers of the newest day: others have been renamed or taken out since, and no pod has them."""
        newest = max(row.day for row in self.history)
        return tuple(sorted({row.container for row in self.history if row.day == newest}))

    def whole_days_of(self, name: str) -> int:
        """On how many days the container has a whole row."""
        return sum(row.container == name for row in self._whole)

    @cached_property
    def newest_pods(self) -> int:
        """Replicas on the newest day; those of the newest whole day where a thin one since has fewer."""
        days = {max((row.day for row in rows), default=None) for rows in (self.history, self._whole)}
        return max(row.pods for row in self.history if row.day in days)

    @property
    def hpa(self) -> bool | None:
        """As the newest day says that knows: a day without the metric does not make an HPA forgotten."""
        known = [row for row in self.history if row.hpa is not None]
        if not known:
            return None
        newest = max(row.day for row in known)
        return any(row.hpa for row in known if row.day == newest)


def heaviest_day(rows: Sequence[UsageDay], loads: Sequence[int]) -> date:
    """The day whose loads add up to most; of equal days the newest. `loads` belong to `rows` one by one."""
    totals: dict[date, int] = {}
    for row, load in zip(rows, loads, strict=True):
        totals[row.day] = totals.get(row.day, 0) + load
    return heaviest(totals)


def heaviest(loads: Mapping[date, int]) -> date:
    """The day with the greatest load; of equal days the newest."""
    return max(loads, key=lambda day: (loads[day], day))
