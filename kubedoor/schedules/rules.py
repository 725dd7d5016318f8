"""The rules of schedules: validation, due times, missed runs, and the attempts of a return. Pure.

A return is the schedule that ends a temporary scale: it runs once, and is retried until it has started.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from kubedoor.errors import InvalidInput
from kubedoor.model.schedules import Schedule
from kubedoor.operations.request import ActionRequest, Kind, parse
from kubedoor.schedules.cron import Cron, yearly_expression, zone_named
from kubedoor.sentences import sentence

MAX_NAME_CHARACTERS = 100
MAX_AHEAD = timedelta(days=365)
"""A CronJob has no years: a run further ahead would start a year early."""
MAX_RETURN_MINUTES = 43_200
EARLY_TOLERANCE = timedelta(seconds=30)
"""How early a ping may be: clocks differ."""
LATE_TOLERANCE = timedelta(minutes=15)
"""How late a ping may be: its pod had to start. No run is started later."""
MISSED_AFTER = timedelta(minutes=6)
"""When a run without a start is shown as missed."""
MISSED_REPORTED_AFTER = LATE_TOLERANCE + timedelta(minutes=1)
"""When a missed run is reported to channels: it cannot be started any more."""
MISSED_LOOK_BACK = timedelta(days=3)
GIVEN_UP_AFTER = timedelta(days=1)
"""How long a return is retried. A run of a return with a due time this late is no attempt: it marks it as given up."""
RETURN_EXPIRES_AFTER = timedelta(days=7)
"""A return whose first attempt would be later than this is given up without one."""
_BACKOFF_BOUNDS = (timedelta(minutes=1), timedelta(minutes=15))
"""The backoff between two attempts of a return is an eighth of its delay, within these bounds."""


@dataclass(frozen=True)
class ScheduleRequest:
    """The request to create or change a schedule. Either `cron`, or `at` in ISO 8601: without an offset, local time."""

    name: str
    action: ActionRequest
    time_zone: str
    cron: str = ""
    at: str = ""
    return_after_minutes: int = 0


def validate(request: ScheduleRequest, *, now: datetime) -> tuple[str, datetime | None]:
    """Returns the cron expression, else "" and the time of the only run. Raises InvalidInput naming the field."""
    if not 1 <= len(request.name.strip()) <= MAX_NAME_CHARACTERS:
        raise InvalidInput(sentence("schedules.bad_name", most=MAX_NAME_CHARACTERS), field="name")
    if bool(request.cron) == bool(request.at):
        raise InvalidInput(sentence("schedules.cron_or_at"), field="cron")
    if request.return_after_minutes:
        _check_return(request.action, request.return_after_minutes, "return_after_minutes")
    zone = zone_named(request.time_zone)
    if request.cron:
        return Cron.parse(request.cron, zone).text, None
    return "", _instant(request.at, zone, now)


def temporary_until(action: ActionRequest, *, minutes: int, at: str, time_zone: str, now: datetime) -> datetime:
    """When a temporary scale that starts now ends, to the minute: after `minutes`, or else `at` a time (ISO 8601).

    Raises InvalidInput, field `return_after_minutes` or `return_at`.
    """
    if minutes and at:
        raise InvalidInput(sentence("schedules.return_twice"), field="return_at")
    field = "return_at" if at else "return_after_minutes"
    if at:
        until = _instant(at, zone_named(time_zone), now, field=field)
        minutes = ceil((until - now) / timedelta(minutes=1))
    else:
        until = (now + timedelta(minutes=minutes, seconds=59)).replace(second=0, microsecond=0)
    _check_return(action, minutes, field)
    return until


def _check_return(action: ActionRequest, minutes: int, field: str) -> None:
    if action.kind is not Kind.SCALE or any(action.replicas_of(target) is None for target in action.targets):
        raise InvalidInput(sentence("schedules.returns_to_number"), field=field)
    if not 1 <= minutes <= MAX_RETURN_MINUTES:
        raise InvalidInput(sentence("schedules.bad_number", field=field, least=1, most=MAX_RETURN_MINUTES), field=field)
    if action.pauses_seconds > minutes * 60:
        raise InvalidInput(
            sentence(
                "schedules.return_too_short",
                minutes=minutes,
                count=len(action.targets),
                seconds=f"{action.interval_seconds:g}",
                least=ceil(action.pauses_seconds / 60),
            ),
            field=field,
        )


def _instant(text: str, zone: ZoneInfo, now: datetime, *, field: str = "at") -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(sentence("schedules.not_a_time", text=repr(text)), field=field) from None
    local = at if at.tzinfo else at.replace(tzinfo=zone)
    try:
        instant = local.astimezone(UTC).replace(second=0, microsecond=0)
        if not at.tzinfo and instant.astimezone(zone).replace(tzinfo=None) != at.replace(second=0, microsecond=0):
            raise InvalidInput(sentence("schedules.skipped_time", text=text, zone=zone.key), field=field)
    except OverflowError:
        raise InvalidInput(sentence("schedules.never_comes", text=repr(text)), field=field) from None
    if instant <= now:
        raise InvalidInput(sentence("schedules.past", text=text, zone=zone.key), field=field)
    if instant > now + MAX_AHEAD:
        raise InvalidInput(sentence("schedules.too_far_ahead", text=text, days=MAX_AHEAD.days), field=field)
    return instant


def cron_expression(schedule: Schedule) -> str:
    """For the CronJob, also of a schedule that runs once."""
    if schedule.at is None:
        return schedule.cron
    return yearly_expression(schedule.at, ZoneInfo(schedule.time_zone))


def due_times(schedule: Schedule, since: datetime, until: datetime) -> list[datetime]:
    """Later than `since` and not later than `until`."""
    if schedule.at is not None:
        return [schedule.at] if since < schedule.at <= until else []
    return Cron.parse(schedule.cron, ZoneInfo(schedule.time_zone)).between(since, until)


def is_over(schedule: Schedule, runs: Iterable[datetime], now: datetime) -> bool:
    """Whether it will not run again: `runs` are the due times of its runs. A manual run does not end a schedule.

    A return is over when it was given up; one that has succeeded is deleted.
    """
    if schedule.parent and (end := given_up_at(schedule)):
        return any(due >= end for due in runs)
    return schedule.at is not None and (schedule.at <= now or schedule.at in runs)


def given_up_at(schedule: Schedule) -> datetime | None:
    """The due time that marks a return as given up: later than any attempt can be due."""
    if schedule.at is None:
        return None
    return schedule.at + GIVEN_UP_AFTER + longest_batch(schedule)


def longest_batch(schedule: Schedule) -> timedelta:
    """In full minutes: how much later than the first one the last workload may have been scaled."""
    return timedelta(minutes=ceil(parse(schedule.wish).longest_seconds / 60))


def due_now(
    schedule: Schedule, now: datetime, *, early: timedelta = EARLY_TOLERANCE, late: timedelta = LATE_TOLERANCE
) -> datetime | None:
    """The due time of the newest run that may be started now; None: there is none."""
    dues = due_times(schedule, now - late, now + early)
    return dues[-1] if dues else None


def is_before_change(schedule: Schedule, due: datetime) -> bool:
    """Whether a run was due before the schedule was created, changed or resumed: then it must not be started."""
    return schedule.changed_at is not None and due <= schedule.changed_at


def next_attempt(
    schedule: Schedule,
    runs: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    dues: Collection[datetime] = (),
    last_due: datetime | None = None,
    early: timedelta = timedelta(0),
) -> datetime | None:
    """The due time of the next attempt of a return; None: not now, or never again. `runs`: since it was due.

    `dues`: of the workloads to try; `last_due`: of the last one of all. Attempt n is due n minutes after the return, so that pods which
    count the same attempts claim the same run.
    """
    at = schedule.at
    if at is None or now < at - early or is_over(schedule, (run["due"] for run in runs), now):
        return None
    begun, last_due = [run["begun_at"] for run in runs], last_due or at
    if now > last_due + RETURN_EXPIRES_AFTER or (begun and now > max(min(begun), last_due) + GIVEN_UP_AFTER):
        return given_up_at(schedule)
    # A workload that became due since the last attempt is tried at once.
    is_retry = bool(begun) and not any(due > max(begun) for due in dues)
    backoff = min(max((now - at) / 8, _BACKOFF_BOUNDS[0]), _BACKOFF_BOUNDS[1])
    if any(run["message"] is None for run in runs) or (is_retry and now - max(begun) < backoff):
        return None
    return at + timedelta(minutes=len(runs))


def next_due(schedule: Schedule, now: datetime) -> datetime | None:
    """None: paused, or it will not run again."""
    if schedule.paused:
        return None
    if schedule.at is not None:
        return schedule.at if schedule.at > now else None
    return next(Cron.parse(schedule.cron, ZoneInfo(schedule.time_zone)).following(now), None)


def missed(schedule: Schedule, begun: Collection[datetime], now: datetime, *, limit: int) -> tuple[list[datetime], int]:
    """The newest missed runs of the last days, at most `limit`, and the number of all. `begun`: due times of started runs."""
    since, until = now - MISSED_LOOK_BACK, now - MISSED_AFTER
    count = count_missed(schedule, begun, since, until)
    if not count or schedule.at is not None:
        return [schedule.at] * count if schedule.at else [], count
    since = max(schedule.changed_at or now, since)
    cron = Cron.parse(schedule.cron, ZoneInfo(schedule.time_zone))
    newest = list(islice((due for due in cron.newest_first(since, until) if due not in begun), limit))
    return newest, max(count, len(newest))


def count_missed(schedule: Schedule, begun: Collection[datetime], since: datetime, until: datetime) -> int:
    """Counts from the last change of the schedule on. A return has no missed runs: it is retried."""
    since = max(schedule.changed_at or until, since)
    if schedule.paused or schedule.parent or since >= until:
        return 0
    if schedule.at is not None:
        return int(since < schedule.at <= until and schedule.at not in begun)
    due = Cron.parse(schedule.cron, ZoneInfo(schedule.time_zone)).count(since, until)
    return max(0, due - sum(since < one <= until for one in begun))
