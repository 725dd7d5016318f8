"""A day's peak windows as instants. Without usage: whoever reads settings needs no more than these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, order=True)
class TimeRange:
    """A time interval in UTC; both ends are sampled."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True)
class PeakDay:
    """A local date and its peak windows in UTC; no ranges if daylight saving skips all windows of that day."""

    day: date
    ranges: tuple[TimeRange, ...]
