"""What a schedule may be, when it is due, and which of its runs were missed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from kubedoor.errors import InvalidInput
from kubedoor.model.schedules import Schedule
from kubedoor.operations.request import Kind, Wish
from kubedoor.schedules.cron import Cron, at_once_in_a_year, zone_named

MAX_NAME_CHARACTERS = 100
MAX_AHEAD = timedelta(days=365)
"""A CronJob knows no years: what lies further ahead would come too early."""
MAX_RETURN_MINUTES = 43_200
EARLY = timedelta(seconds=30)
"""A ping may come a little early: clocks differ."""
LATE = timedelta(minutes=15)
"""A ping may come late: its pod had to be started. After that the run counts as missed."""
MISSED_AFTER = timedelta(minutes=6)
MISSED_TOLD_AFTER = LATE + timedelta(minutes=1)
"""Nobody begins it any more."""
MISSED_LOOK_BACK = timedelta(days=3)
GIVEN_UP_AFTER = timedelta(days=1)
"""How long a return is tried again. An attempt that is due so late is none: it is where the return is given up."""
TOO_LATE = timedelta(days=7)
"""A return that nobody has tried for so long is given up at once: nobody expects it any more."""
_PAUSES = (timedelta(minutes=1), timedelta(minutes=15))
"""Between two attempts of a return: an eighth of the time that it is late, but no less and no more than this."""


@dataclass(frozen=True)
class ScheduleWish:
    """A schedule as it is asked for: `cron`, or `at` as ISO 8601, which without an offset is local."""

    name: str
    wish: Wish
    time_zone: str
    cron: str = ""
    at: str = ""
    return_after_minutes: int = 0


def checked(asked: ScheduleWish, *, now: datetime) -> tuple[str, datetime | None]:
    """Its cron expression, and the instant when it comes only once. Raises InvalidInput naming the field."""
    if not 1 <= len(asked.name.strip()) <= MAX_NAME_CHARACTERS:
        raise InvalidInput(f"a name has 1 to {MAX_NAME_CHARACTERS} characters", field="name")
    if bool(asked.cron) == bool(asked.at):
        raise InvalidInput("give either cron (again and again) or at (once)", field="cron")
    _check_return(asked)
    zone = zone_named(asked.time_zone)
    if asked.cron:
        return Cron.parse(asked.cron, zone).text, None
    return "", _instant(asked.at, zone, now)


def _check_return(asked: ScheduleWish) -> None:
    if not asked.return_after_minutes:
        return
    wish, field = asked.wish, "return_after_minutes"
    if wish.kind is not Kind.SCALE or any(wish.replicas_of(target) is None for target in wish.targets):
        raise InvalidInput("only a scale to a number can return by itself", field=field)
    if not 1 <= asked.return_after_minutes <= MAX_RETURN_MINUTES:
        raise InvalidInput(f"{field} must be from 1 to {MAX_RETURN_MINUTES}", field=field)


def _instant(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is not a time such as 2026-11-24T18:30", field="at") from None
    local = at if at.tzinfo else at.replace(tzinfo=zone)
    try:
        instant = local.astimezone(UTC).replace(second=0, microsecond=0)
        if not at.tzinfo and instant.astimezone(zone).replace(tzinfo=None) != at.replace(second=0, microsecond=0):
            raise InvalidInput(f"{text} does not exist in {zone.key}: daylight saving skips it", field="at")
    except OverflowError:
        raise InvalidInput(f"{text!r} is no time that will come", field="at") from None
    if instant <= now:
        raise InvalidInput(f"{text} in {zone.key} is past", field="at")
    if instant > now + MAX_AHEAD:
        raise InvalidInput(f"{text} is more than {MAX_AHEAD.days} days ahead", field="at")
    return instant


def expression(schedule: Schedule) -> str:
    """For the CronJob, whether it comes once or again and again."""
    if schedule.at is None:
        return schedule.cron
    return at_once_in_a_year(schedule.at, ZoneInfo(schedule.time_zone))


def dues(schedule: Schedule, since: datetime, until: datetime) -> list[datetime]:
    """When it is due, later than `since` and not later than `until`."""
    if schedule.at is not None:
        return [schedule.at] if since < schedule.at <= until else []
    return Cron.parse(schedule.cron, ZoneInfo(schedule.time_zone)).between(since, until)


def is_over(schedule: Schedule, runs: Iterable[datetime], now: datetime) -> bool:
    """It came only once, and that was it. A run out of turn is not that one; a return is deleted when it is done."""
    if schedule.parent and schedule.at:
        return any(due >= schedule.at + GIVEN_UP_AFTER for due in runs)
    return schedule.at is not None and (schedule.at <= now or schedule.at in runs)


def due_now(schedule: Schedule, now: datetime, *, early: timedelta = EARLY, late: timedelta = LATE) -> datetime | None:
    """The newest run that is due; None when none is."""
    found = dues(schedule, now - late, now + early)
    return found[-1] if found else None


def is_before_change(schedule: Schedule, due: datetime) -> bool:
    """What was due before the schedule was made, changed or resumed is not due."""
    return schedule.changed_at is not None and due <= schedule.changed_at


def attempt_due(
    schedule: Schedule, runs: Sequence[Mapping[str, Any]], now: datetime, *, early: timedelta = timedelta(0)
) -> datetime | None:
    """The next attempt of a return, a minute for each before it; None: it is not yet time, or there is no further one.

    `runs`: those since it was due. So two who count the same attempts ask for the same one.
    """
    at = schedule.at
    if at is None or now < at - early or is_over(schedule, (run["due"] for run in runs), now):
        return None
    begun = [run["begun_at"] for run in runs]
    if now > at + TOO_LATE or (begun and now > min(begun) + GIVEN_UP_AFTER):
        return at + GIVEN_UP_AFTER
    pause = min(max((now - at) / 8, _PAUSES[0]), _PAUSES[1])
    if any(run["message"] is None for run in runs) or (begun and now - max(begun) < pause):
        return None
    return at + timedelta(minutes=len(runs))


def next_due(schedule: Schedule, now: datetime) -> datetime | None:
    """None: paused, or it will not come again."""
    if schedule.paused:
        return None
    if schedule.at is not None:
        return schedule.at if schedule.at > now else None
    return next(Cron.parse(schedule.cron, ZoneInfo(schedule.time_zone)).following(now), None)


def missed(schedule: Schedule, begun: Collection[datetime], now: datetime, *, limit: int) -> tuple[list[datetime], int]:
    """Runs that were due and that nobody has begun, for some days: the newest of them, and how many there are."""
    since, until = now - MISSED_LOOK_BACK, now - MISSED_AFTER
    count = missed_between(schedule, begun, since, until)
    if not count or schedule.at is not None:
        return [schedule.at] * count if schedule.at else [], count
    since = max(schedule.changed_at or now, since)
    cron = Cron.parse(schedule.cron, ZoneInfo(schedule.time_zone))
    newest = list(islice((due for due in cron.newest_first(since, until) if due not in begun), limit))
    return newest, max(count, len(newest))


def missed_between(schedule: Schedule, begun: Collection[datetime], since: datetime, until: datetime) -> int:
    """How many runs were due, after it was last changed, and not begun. A return misses nothing: it is tried again."""
    since = max(schedule.changed_at or until, since)
    if schedule.paused or schedule.parent or since >= until:
        return 0
    if schedule.at is not None:
        return int(since < schedule.at <= until and schedule.at not in begun)
    due = Cron.parse(schedule.cron, ZoneInfo(schedule.time_zone)).count(since, until)
    return max(0, due - sum(since < one <= until for one in begun))
