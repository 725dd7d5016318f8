"""What is on record of days: which of them have to be collected, and whether an answer may take their place. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from kubedoor.model.usage import DayUsage, PeakDay, StoredDay


@dataclass(frozen=True)
class Made:
    """How days are collected now: the label of the peak windows, and the mark of the source."""

    windows: str
    source: str

    def is_alike(self, stored: StoredDay) -> bool:
        """Whether the day was collected in the same way. What has no mark is not doubted."""
        return stored.windows == self.windows and stored.source in ("", self.source)


def missing(days: Iterable[PeakDay], stored: Mapping[date, StoredDay], made: Made) -> list[PeakDay]:
    """Those that are not there, half there, collected in another way, or empty though there is usage before them.

    Prometheus has nothing of the days before it began, however often it is asked; but a younger day that is empty was
    asked for with a wrong label or while nothing was scraped, and so were all of them if no day has anything.
    """
    oldest = min((day.day for day in stored.values() if day.row_count), default=date.min)
    return [peak_day for peak_day in days if _is_missing(stored.get(peak_day.day), oldest, made)]


def _is_missing(known: StoredDay | None, oldest: date, made: Made) -> bool:
    if known is None or known.is_partial or not made.is_alike(known):
        return True
    return not known.row_count and known.day > oldest


def why_kept(known: StoredDay | None, usage: DayUsage, made: Made) -> str:
    """Why `usage` must not take the place of what is there; empty: it may."""
    if known is None or not known.row_count:
        return ""
    if not usage.rows:
        return "kept as it was: Prometheus has no usage of this day any more"
    if usage.is_partial and not known.is_partial and made.is_alike(known):
        return "kept as it was: Prometheus answered with partial data"
    return ""
