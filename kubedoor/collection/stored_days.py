"""Decides which days have to be collected, and whether a stored day may be replaced by a new result. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from kubedoor.model.peak_day import PeakDay
from kubedoor.model.usage import DayUsage, StoredDay
from kubedoor.sentences import NOTHING, Sentence, sentence


@dataclass(frozen=True)
class Provenance:
    """What a day was collected with: the label of the peak windows and the mark of the source."""

    windows: str
    source: str

    def matches(self, stored: StoredDay) -> bool:
        """Whether `stored` was collected with the same windows and source. A day without a mark matches any source."""
        return stored.windows == self.windows and stored.source in ("", self.source)


THIN_RETRY_DAYS = 2
"""The newest days that are asked for again while they are thin: remote write may be late."""


def missing_days(
    days: Iterable[PeakDay], stored: Mapping[date, StoredDay], provenance: Provenance, *, min_coverage: float
) -> list[PeakDay]:
    """The days that are not stored, are partial, have another provenance, or are empty although an older day has usage.

    `days` is newest first; of its THIN_RETRY_DAYS newest, days with a coverage below `min_coverage` are missing too.

    Empty days older than all usage are not missing: Prometheus did not exist yet, and a retry would find nothing. A
    newer empty day points to a wrong label or a failed scrape, so it is retried; if no day has usage, all are retried.
    """
    # Days of an original KubeDoor say nothing about what Prometheus ever had.
    oldest = min((day.day for day in stored.values() if day.row_count and not day.is_taken_over), default=date.min)
    wanted = list(days)
    newest = {peak_day.day for peak_day in sorted(wanted, key=lambda one: one.day, reverse=True)[:THIN_RETRY_DAYS]}
    return [
        peak_day
        for peak_day in wanted
        if _is_missing(known := stored.get(peak_day.day), oldest, provenance)
        or (known is not None and peak_day.day in newest and 0 < known.coverage < min_coverage)
    ]


def _is_missing(known: StoredDay | None, oldest: date, provenance: Provenance) -> bool:
    if known is None or known.is_partial or not provenance.matches(known):
        return True
    return not known.row_count and known.day > oldest


def reason_to_keep(
    known: StoredDay | None, usage: DayUsage, provenance: Provenance, *, min_coverage: float
) -> Sentence:
    """The reason not to replace the stored day `known` with `usage`; empty if it may be replaced.

    A day is not replaced by a thinner one: at the edge of its retention Prometheus forgets. Only a partial day makes way for
    one that is thinner and not below `min_coverage`.
    """
    if known is None or not known.row_count:
        return NOTHING
    if not usage.rows:
        return sentence("collection.kept_no_usage")
    if usage.is_partial and not known.is_partial and provenance.matches(known):
        return sentence("collection.kept_partial")
    if usage.coverage >= known.coverage or not provenance.matches(known):
        return NOTHING
    if not known.is_partial or usage.coverage < min_coverage:
        before, now = f"{known.coverage:.0%}", f"{usage.coverage:.0%}"
        return sentence("collection.kept_thinner", before=before, now=now)
    return NOTHING
