"""Peak windows: local time ranges of a day, and their conversion to UTC.

A window belongs to the local date on which it starts, even if it crosses midnight. When the clocks go back, a window
includes both passes of the repeated hour. When they go forward, the skipped part is dropped; a day on which nothing is
left is not collected. Pure: `now` is a parameter.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kubedoor.errors import InvalidInput
from kubedoor.model.peak_day import PeakDay, TimeRange
from kubedoor.sentences import sentence

MAX_WINDOWS = 3
MINUTES_A_DAY = 24 * 60
KEPT_DAYS = 365
"""Retention of usage: the TTL of the tables."""
SETTLING_TIME = timedelta(minutes=5)
"""Delay after the last window before a day is complete: scrapes arrive late, and rates look back 5 minutes."""
_MAX_SEARCH_DAYS = 14
_WINDOW = re.compile(r"(\d{1,2}):(\d{2})\s*[-–—~]\s*(\d{1,2}):(\d{2})", re.ASCII)
_FULL_WIDTH = str.maketrans({"：": ":", "，": ",", "－": "-", "～": "~", "、": ","})
_EXAMPLE = "write it like 10:00-11:30, or 10:00-11:30,20:00-21:00"


@dataclass(frozen=True, order=True)
class PeakWindow:
    """Minutes after local midnight; `end_minute` is above 1440 if the window crosses midnight."""

    start_minute: int
    end_minute: int

    def __str__(self) -> str:
        end = self.end_minute if self.end_minute <= MINUTES_A_DAY else self.end_minute - MINUTES_A_DAY
        return f"{_clock(self.start_minute)}-{_clock(end)}"


@dataclass(frozen=True)
class PeakWindows:
    """Build it with `parse`, which validates."""

    windows: tuple[PeakWindow, ...]
    time_zone: str
    weekdays_only: bool = False

    @classmethod
    def parse(cls, text: str, time_zone: str, weekdays_only: bool = False) -> Self:
        """Parse `"10:00-11:30,20:00-21:00"`, `"23:00-01:00"` (over midnight) or `"00:00-24:00"`, and an IANA zone.

        Raises InvalidInput that names `peak_windows` or `time_zone`.
        """
        _zone(time_zone)
        pieces = [piece.strip() for piece in text.translate(_FULL_WIDTH).split(",") if piece.strip()]
        if not 1 <= len(pieces) <= MAX_WINDOWS:
            raise _invalid(f"{len(pieces)} peak windows in {text!r}, 1 to {MAX_WINDOWS} are possible: {_EXAMPLE}")
        windows = tuple(sorted(_parse_window(piece) for piece in pieces))
        _reject_overlaps(windows)
        return cls(windows, time_zone, weekdays_only)

    @property
    def label(self) -> str:
        """Identifies the definition. Stored with each collected day: a day with another label counts as missing."""
        days = " Mon-Fri" if self.weekdays_only else ""
        return f"{','.join(str(window) for window in self.windows)} {self.time_zone}{days}"

    def peak_day(self, day: date) -> PeakDay:
        """The windows of a local date in UTC, ordered and without overlap; empty if daylight saving skips all."""
        zone = _zone(self.time_zone)
        ranges = (_utc_range(day, window, zone) for window in self.windows)
        return PeakDay(day, tuple(_merged(sorted(piece for piece in ranges if piece.seconds > 0))))

    def newest_complete_day(self, now: datetime) -> date:
        """The newest date whose last range ended at least SETTLING_TIME before `now` (an aware datetime)."""
        today = now.astimezone(_zone(self.time_zone)).date()
        candidates = (today - timedelta(days=back) for back in range(_MAX_SEARCH_DAYS))
        return next(day for day in candidates if self._is_complete(day, now))

    def collectable(self, day: date, now: datetime) -> PeakDay:
        """As `peak_day`, but raises InvalidInput that names `day` if the date cannot be collected now."""
        newest, peak_day = self.newest_complete_day(now), self.peak_day(day)
        if day < newest - timedelta(days=KEPT_DAYS):
            raise InvalidInput(sentence("requests.day_too_old", day=day, days=KEPT_DAYS), field="day")
        if not peak_day.ranges:
            raise InvalidInput(sentence("requests.day_without_window", day=day), field="day")
        if day > newest:
            raise InvalidInput(sentence("requests.day_not_over", day=day, newest=newest), field="day")
        return peak_day

    def days_back(self, now: datetime, count: int) -> list[PeakDay]:
        """Of the `count` calendar days up to the newest complete one, those with a peak window; newest first."""
        newest = self.newest_complete_day(now)
        days = (newest - timedelta(days=back) for back in range(count))
        return [peak_day for day in days if self._is_wanted(day) and (peak_day := self.peak_day(day)).ranges]

    def _is_wanted(self, day: date) -> bool:
        return not self.weekdays_only or day.isoweekday() <= 5

    def _is_complete(self, day: date, now: datetime) -> bool:
        ranges = self.peak_day(day).ranges
        return self._is_wanted(day) and bool(ranges) and ranges[-1].end + SETTLING_TIME <= now


def _invalid(message: str) -> InvalidInput:
    return InvalidInput(message, field="peak_windows")


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    # A directory of the zone database, or a path outside it, raises OSError or ValueError.
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(
            f"{name!r} is not a time zone: use an IANA name such as Asia/Shanghai or UTC", field="time_zone"
        ) from error


def _parse_window(text: str) -> PeakWindow:
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise _invalid(f"{text!r} is not a peak window: {_EXAMPLE}")
    start_hour, start_minute, end_hour, end_minute = (int(part) for part in match.groups())
    start, end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
    if start_minute > 59 or end_minute > 59 or start >= MINUTES_A_DAY or end > MINUTES_A_DAY:
        raise _invalid(f"{text!r} has a time that no clock shows: 00:00 to 23:59, and 24:00 as an end")
    if start == end:
        raise _invalid(f"{text!r} is empty: for a whole day write 00:00-24:00")
    return PeakWindow(start, end if end > start else end + MINUTES_A_DAY)


def _reject_overlaps(windows: tuple[PeakWindow, ...]) -> None:
    """Touching windows overlap too: both ends are sampled, so the common instant would count twice."""
    for earlier, later in pairwise(windows):
        if later.start_minute <= earlier.end_minute:
            raise _invalid(f"the peak windows {earlier} and {later} overlap or touch: write them as one")
    first, last = windows[0], windows[-1]
    if len(windows) > 1 and last.end_minute - MINUTES_A_DAY >= first.start_minute:
        raise _invalid(f"the peak window {last} runs into the next day's {first}: write them as one")


def _utc_range(day: date, window: PeakWindow, zone: ZoneInfo) -> TimeRange:
    """In a repeated hour, `fold` (PEP 495) selects the first pass for the start and the second pass for the end.

    A start or end in a skipped hour becomes the instant of the clock change.
    """
    return TimeRange(
        _instant(day, window.start_minute, zone, fold=0),
        _instant(day, window.end_minute, zone, fold=1),
    )


def _instant(day: date, minute: int, zone: ZoneInfo, *, fold: int) -> datetime:
    local = datetime.combine(day, time()) + timedelta(minutes=minute)
    first, second = (local.replace(tzinfo=zone, fold=each).astimezone(UTC) for each in (0, 1))
    if first > second:
        # A skipped local time: with the offset before the change it lies after the change, and vice versa.
        return _change_between(second, first, zone)
    return second if fold else first


def _change_between(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """The instant of the clock change between `early` and `late`, to the second."""
    offset = early.astimezone(zone).utcoffset()
    seconds = range(round((late - early).total_seconds()))
    changed = bisect_left(
        seconds, True, key=lambda second: (early + timedelta(seconds=second)).astimezone(zone).utcoffset() != offset
    )
    return early + timedelta(seconds=changed)


def _merged(ranges: Iterable[TimeRange]) -> list[TimeRange]:
    """Merge windows that overlap in UTC because of a repeated hour, so that no instant is read twice."""
    merged: list[TimeRange] = []
    for piece in ranges:
        if merged and piece.start <= merged[-1].end:
            merged[-1] = TimeRange(merged[-1].start, max(merged[-1].end, piece.end))
        else:
            merged.append(piece)
    return merged
