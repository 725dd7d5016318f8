"""Missed runs of schedules as a source of events for notifications."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from kubedoor.model.events import Event, Notice
from kubedoor.schedules.rules import MISSED_REPORTED_AFTER, count_missed
from kubedoor.store.schedules import ScheduleStore


def missed_runs(store: ScheduleStore) -> Callable[[datetime, datetime], Iterator[Notice]]:
    """The source yields the runs that became missed later than its first argument and not later than its second."""

    def between(since: datetime, until: datetime) -> Iterator[Notice]:
        since, until = since - MISSED_REPORTED_AFTER, until - MISSED_REPORTED_AFTER
        schedules = store.all()
        begun = store.claimed_times([one.schedule for one in schedules], since=since) if schedules else {}
        for one in schedules:
            if count := count_missed(one, begun[one.schedule], since, until):
                yield Notice(Event.ACTION_FAILED, f"schedule {one.name}: missed, nobody began it", count)

    return between
