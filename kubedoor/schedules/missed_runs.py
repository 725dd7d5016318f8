"""Runs of schedules that were due and that nobody began, as events for channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from kubedoor.model.events import Event, Notice
from kubedoor.schedules.rules import MISSED_TOLD_AFTER, missed_between
from kubedoor.store.schedules import ScheduleStore


def missed_runs(store: ScheduleStore) -> Callable[[datetime, datetime], Iterator[Notice]]:
    """A source of events: the runs that became overdue later than the first instant and not later than the second."""

    def between(since: datetime, until: datetime) -> Iterator[Notice]:
        since, until = since - MISSED_TOLD_AFTER, until - MISSED_TOLD_AFTER
        schedules = store.all()
        begun = store.begun([one.schedule for one in schedules], since=since) if schedules else {}
        for one in schedules:
            if count := missed_between(one, begun[one.schedule], since, until):
                yield Notice(Event.ACTION_FAILED, f"schedule {one.name}: missed, nobody began it", count)

    return between
