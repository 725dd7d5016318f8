"""Cron expressions with the semantics of a Kubernetes CronJob: five fields, names, ranges, steps, descriptors. Pure.

A run is due at every minute whose local time matches: never for a time that daylight saving skips, twice for one that it
repeats. If both day fields are restricted, a day has to match one of them. A `*` in the list of a day field makes it
unrestricted; `*/2` does not. Algorithm: github.com/robfig/cron (ParseStandard, SpecSchedule).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from kubedoor.errors import InvalidInput
from kubedoor.sentences import Sentence, sentence

SEARCH_DAYS = 366 * 9
"""The longest gap between two runs: 29 February, eight years around 2100."""
_MINUTE = timedelta(minutes=1)
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[Sentence, int, int, dict[str, int]], ...] = (
    (sentence("schedules.minute"), 0, 59, {}),
    (sentence("schedules.hour"), 0, 23, {}),
    (sentence("schedules.day_of_month"), 1, 31, {}),
    (sentence("schedules.month"), 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    (sentence("schedules.day_of_week"), 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)


@dataclass(frozen=True)
class Cron:
    """One expression in one time zone."""

    text: str
    zone: ZoneInfo
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Both day fields are restricted: a day has to match one of them."""

    @classmethod
    def parse(cls, text: str, zone: ZoneInfo) -> Cron:
        """Raises InvalidInput, field `cron`, for invalid syntax and for an expression without runs, such as 30 February."""
        words = _DESCRIPTORS.get(text.strip().lower(), text).split()
        if len(words) != len(_FIELDS):
            raise _invalid(sentence("schedules.cron_fields", text=repr(text), fields=len(words)))
        minutes, hours, days, months, weekdays = (
            _field(word, *field) for word, field in zip(words, _FIELDS, strict=True)
        )
        either_day = not any(_is_starred(words[index]) for index in (2, 4))
        cron = cls(text.strip(), zone, minutes, hours, days, months, weekdays, either_day)
        if not any(cron._matches(date(2024, 1, 1) + timedelta(days=day)) for day in range(SEARCH_DAYS)):
            raise _invalid(sentence("schedules.cron_never", text=repr(text)))
        return cron

    def following(self, after: datetime) -> Iterator[datetime]:
        """The due times (UTC) later than `after`; ends at SEARCH_DAYS."""
        first = after.astimezone(self.zone).date()
        for number in range(SEARCH_DAYS):
            start, minutes = self._of_day(first + timedelta(days=number))
            for minute in minutes[bisect_right(minutes, (after - start) // _MINUTE) :]:
                yield start + minute * _MINUTE

    def between(self, since: datetime, until: datetime) -> list[datetime]:
        """The due times later than `since` and not later than `until`."""
        return list(reversed(list(self.newest_first(since, until))))

    def newest_first(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """As `between`, but newest first, and lazily."""
        for start, minutes in self._days(since, until):
            for minute in reversed(minutes):
                yield start + minute * _MINUTE

    def count(self, since: datetime, until: datetime) -> int:
        """How many due times `between` has, without listing them."""
        return sum(len(minutes) for _, minutes in self._days(since, until))

    def _days(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, Sequence[int]]]:
        """From the newest day to the oldest: the start of the day (UTC), and the due minutes of it that are in between."""
        first, last = since.astimezone(self.zone).date(), until.astimezone(self.zone).date()
        for number in range((last - first).days, -1, -1):
            start, minutes = self._of_day(first + timedelta(days=number))
            after, end = (since - start) // _MINUTE, (until - start) // _MINUTE
            yield start, minutes[bisect_right(minutes, after) : bisect_right(minutes, end)]

    def _of_day(self, day: date) -> tuple[datetime, Sequence[int]]:
        """The start of a local day (UTC), and the due times as minutes since then, in order."""
        start = datetime.combine(day, time(), self.zone)
        if not self._matches(day):
            return start.astimezone(UTC), ()
        if start.utcoffset() == (start + timedelta(days=1)).utcoffset():
            return start.astimezone(UTC), self._times
        return start.astimezone(UTC), self._of_shifted_day(day, start.astimezone(UTC))

    @cached_property
    def _times(self) -> tuple[int, ...]:
        """The due minutes of a day without a daylight saving change."""
        return tuple(hour * 60 + minute for hour in sorted(self.hours) for minute in sorted(self.minutes))

    def _of_shifted_day(self, day: date, start: datetime) -> Sequence[int]:
        found = set()
        for hour in self.hours:
            for minute in self.minutes:
                for fold in (0, 1):
                    local = datetime.combine(day, time(hour, minute, fold=fold), self.zone)
                    due = local.astimezone(UTC)
                    # A local time that daylight saving skips does not survive the round trip through UTC.
                    if due.astimezone(self.zone).replace(tzinfo=None) == local.replace(tzinfo=None, fold=0):
                        found.add((due - start) // _MINUTE)
        return sorted(found)

    def _matches(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_day or by_weekday if self.either_day else by_day and by_weekday


def _is_starred(word: str) -> bool:
    """Whether a day field is unrestricted."""
    parts = (part.partition("/") for part in word.split(","))
    return any(span in ("*", "?") and (not slash or int(step[:9]) == 1) for span, slash, step in parts)


def _field(word: str, name: Sentence, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        span, slash, step_word = part.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        else:
            first_word, dash, last_word = span.partition("-")
            first = _number(first_word, name, low, high, names)
            # `5/15` means from 5 to the maximum.
            last = _number(last_word, name, low, high, names) if dash else (high if slash else first)
        step = _step(step_word, name) if slash else 1
        if first > last:
            raise _invalid(sentence("schedules.cron_range", field=name, range=span))
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(word: str, name: Sentence, low: int, high: int, names: dict[str, int]) -> int:
    number = names.get(word.lower(), -1)
    if word.isascii() and word.isdigit():
        number = int(word[:9])
    if not low <= number <= high:
        raise _invalid(sentence("schedules.cron_number", field=name, text=repr(word), least=low, most=high))
    return number


def _step(word: str, name: Sentence) -> int:
    if not (word.isascii() and word.isdigit()) or int(word[:9]) < 1:
        raise _invalid(sentence("schedules.cron_step", field=name, text=repr(word)))
    return int(word[:9])


def _invalid(message: Sentence) -> InvalidInput:
    return InvalidInput(message, field="cron")


def zone_named(name: str) -> ZoneInfo:
    """Raises InvalidInput, field `time_zone`."""
    try:
        if name.startswith(("posix/", "right/")) or name == "localtime":
            # Some hosts have these, but neither Kubernetes nor other hosts do.
            raise KeyError(name)
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidInput(sentence("schedules.not_a_zone", zone=repr(name)), field="time_zone") from None


def yearly_expression(at: datetime, zone: ZoneInfo) -> str:
    """The expression that is due at this minute of every year: cron has no years."""
    local = at.astimezone(zone)
    return f"{local.minute} {local.hour} {local.day} {local.month} *"
