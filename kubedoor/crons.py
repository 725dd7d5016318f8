"""Cron expressions exactly as a Kubernetes CronJob reads them: five fields, names, ranges, steps, and the descriptors. Pure.

A run is due at every minute whose local time matches, so that a time which daylight saving skips never comes, and one
which it repeats comes twice: what the CronJob controller does, too. Where both days are restricted, either will do;
a day field that begins with `*` restricts nothing. Algorithm: github.com/robfig/cron (ParseStandard, SpecSchedule).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from kubedoor.errors import InvalidInput

SEARCH_DAYS = 366 * 9
"""29 February comes again after eight years at the latest."""
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
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    ("day of week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
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
    """Both days are restricted: either will do."""

    @classmethod
    def parse(cls, text: str, zone: ZoneInfo) -> Cron:
        """Raises InvalidInput, field `cron`, for what is not cron and for what never comes, such as 30 February."""
        words = _DESCRIPTORS.get(text.strip().lower(), text).split()
        if len(words) != len(_FIELDS):
            raise _wrong(f"{text!r} has {len(words)} fields: cron has minute, hour, day of month, month, day of week")
        minutes, hours, days, months, weekdays = (
            _field(word, *field) for word, field in zip(words, _FIELDS, strict=True)
        )
        either_day = not any(words[index].startswith(("*", "?")) for index in (2, 4))
        cron = cls(text.strip(), zone, minutes, hours, days, months, weekdays, either_day)
        if not any(cron._matches(date(2024, 1, 1) + timedelta(days=day)) for day in range(SEARCH_DAYS)):
            raise _wrong(f"{text!r} never comes: there is no such day")
        return cron

    def following(self, after: datetime) -> Iterator[datetime]:
        """Every minute (UTC) at which it is due, later than `after`; ends after years without one."""
        first = after.astimezone(self.zone).date()
        for number in range(SEARCH_DAYS):
            for due in self._of_day(first + timedelta(days=number)):
                if due > after:
                    yield due

    def between(self, since: datetime, until: datetime) -> list[datetime]:
        """Later than `since`, not later than `until`."""
        found = []
        for due in self.following(since):
            if due > until:
                break
            found.append(due)
        return found

    def _of_day(self, day: date) -> list[datetime]:
        if not self._matches(day):
            return []
        found = set()
        for hour in self.hours:
            for minute in self.minutes:
                for fold in (0, 1):
                    local = datetime.combine(day, time(hour, minute, fold=fold), self.zone)
                    due = local.astimezone(UTC)
                    # A local time that daylight saving skips comes back as another one.
                    if due.astimezone(self.zone).replace(tzinfo=None) == local.replace(tzinfo=None, fold=0):
                        found.add(due)
        return sorted(found)

    def _matches(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_day or by_weekday if self.either_day else by_day and by_weekday


def _field(word: str, name: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        span, slash, step_word = part.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        else:
            first_word, dash, last_word = span.partition("-")
            first = _number(first_word, name, low, high, names)
            # `5/15` means from 5 on.
            last = _number(last_word, name, low, high, names) if dash else (high if slash else first)
        step = _step(step_word, name) if slash else 1
        if first > last:
            raise _wrong(f"{name}: the range {span} ends before it begins")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(word: str, name: str, low: int, high: int, names: dict[str, int]) -> int:
    number = names.get(word.lower(), -1)
    if word.isascii() and word.isdigit():
        number = int(word[:9])
    if not low <= number <= high:
        raise _wrong(f"{name}: {word!r} is not from {low} to {high}")
    return number


def _step(word: str, name: str) -> int:
    if not (word.isascii() and word.isdigit()) or int(word[:9]) < 1:
        raise _wrong(f"{name}: the step {word!r} is not a whole number from 1 on")
    return int(word[:9])


def _wrong(message: str) -> InvalidInput:
    return InvalidInput(message, field="cron")


def zone_named(name: str) -> ZoneInfo:
    """Raises InvalidInput, field `time_zone`."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidInput(f"{name!r} is not a time zone of the IANA database", field="time_zone") from None


def at_once_in_a_year(at: datetime, zone: ZoneInfo) -> str:
    """The expression that comes at this minute, and then again a year later."""
    local = at.astimezone(zone)
    return f"{local.minute} {local.hour} {local.day} {local.month} *"
