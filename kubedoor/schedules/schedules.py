"""Schedules: actions at a time. Each is a CronJob that pings the API; without a cluster of KubeDoor's own, a clock here.

Whoever takes a run first does it, so that two pods, or two pings, do it once. The store knows what is due and what has
been done; CronJobs and clocks only say "now".
"""

from __future__ import annotations

import hmac
import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from kubedoor.errors import ClusterError, Conflict, InvalidInput, KubeDoorError, Unauthorized
from kubedoor.identity.audit import Editor, recorded
from kubedoor.identity.sessions import token_hash
from kubedoor.model.schedules import Schedule
from kubedoor.operations.actions import Actions
from kubedoor.operations.request import parse
from kubedoor.schedules.cronjob_client import CronJobs
from kubedoor.schedules.cronjob_sync import Keeping
from kubedoor.schedules.rules import (
    EARLY,
    GIVEN_UP_AFTER,
    MISSED_LOOK_BACK,
    ScheduleWish,
    attempt_due,
    checked,
    due_now,
    is_before_change,
    is_over,
)
from kubedoor.schedules.temporary_scales import NeverReturns, Returning
from kubedoor.schedules.views import SHOWN_RUNS, row
from kubedoor.store.connection import Row
from kubedoor.store.control import ControlStore
from kubedoor.store.records import RecordStore
from kubedoor.store.schedules import ScheduleStore

log = logging.getLogger(__name__)

MAX_SCHEDULES = 500
SHOWN_DAYS = 30
TICK_LATE = timedelta(minutes=5)
"""As a CronJob's starting deadline: what could not be begun within it is missed."""
OVERDUE = timedelta(minutes=2)
"""A return whose CronJob has not done it by then is begun by any clock."""


class Schedules:
    """`tick` has to be called every few seconds; with `cronjobs`, once a minute will do."""

    def __init__(
        self,
        *,
        store: ScheduleStore,
        actions: Actions,
        control: ControlStore,
        records: RecordStore,
        cronjobs: CronJobs | None,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._actions = actions
        self._records = records
        self._now = now
        self._keeping = Keeping(store=store, records=records, cronjobs=cronjobs)
        self._returning = Returning(store=store, keeping=self._keeping, actions=actions, control=control, now=now)

    @property
    def is_in_cluster(self) -> bool:
        return self._keeping.is_in_cluster

    def create(self, asked: ScheduleWish, editor: Editor) -> Row:
        """Raises InvalidInput naming the field; ClusterError or Forbidden when the CronJob cannot be made, or where
        nothing could ever be done."""
        self._actions.check_access()
        cron, at = checked(asked, now=self._now())
        if len(self._store.all()) >= MAX_SCHEDULES:
            raise Conflict(f"there are {MAX_SCHEDULES} schedules already: delete some")
        schedule = Schedule(
            schedule=uuid.uuid4().hex[:12],
            name=asked.name.strip(),
            wish=asked.wish.as_json(),
            time_zone=asked.time_zone,
            made_by=editor.who,
            cron=cron,
            at=at,
            return_after_minutes=asked.return_after_minutes,
            changed_by=editor.who,
        )
        return self.one(self._keeping.add(schedule, editor).schedule)

    def all(self) -> list[Row]:
        """Every schedule with its newest runs, and those it missed."""
        return self._described(self._store.all())

    def one(self, schedule: str) -> Row:
        """Raises NotFound."""
        (told,) = self._described([self._keeping.found(schedule)])
        return told

    def change(self, schedule: str, asked: ScheduleWish, editor: Editor, *, based_on: int) -> Row:
        """Make it what is asked for, if it still is in the version `based_on`; of a return, only when it comes.

        Raises InvalidInput naming the field, NotFound, Conflict; ClusterError or Forbidden when its CronJob cannot be
        changed, and then it is as it was.
        """
        before = self._keeping.found(schedule)
        if before.version != based_on:
            raise Conflict(
                f"{before.changed_by} has changed schedule {before.name} in the meantime", version=before.version
            )
        cron, at = checked(asked, now=self._now())
        if before.parent and at is None:
            raise InvalidInput("what ends a temporary scale comes only once", field="cron")
        after = replace(
            before,
            name=asked.name.strip(),
            wish=before.wish if before.parent else asked.wish.as_json(),
            time_zone=asked.time_zone,
            cron=cron,
            at=at,
            return_after_minutes=asked.return_after_minutes,
            changed_by=editor.who,
        )
        self._keeping.replace(before, after, "schedule.change", editor, is_over=self._is_over(before))
        return self.one(schedule)

    def pause(self, schedule: str, editor: Editor, *, paused: bool) -> Row:
        """Pause it, or let it go on. Raises NotFound; Conflict, also when it is over."""
        before = self._keeping.found(schedule)
        if self._is_over(before):
            raise Conflict(f"schedule {before.name} came only once, and is over")
        after = replace(before, paused=paused, changed_by=editor.who)
        self._keeping.replace(before, after, "schedule.pause" if paused else "schedule.resume", editor, is_over=False)
        return self.one(schedule)

    def _is_over(self, schedule: Schedule) -> bool:
        since = self._now() - timedelta(days=SHOWN_DAYS)
        runs = self._store.runs([schedule.schedule], since=since)[schedule.schedule]
        return is_over(schedule, (run["due"] for run in runs), self._now())

    def delete(self, schedule: str, editor: Editor) -> None:
        """Raises NotFound, Conflict; ClusterError or Forbidden when its CronJob cannot be deleted, and then it stays."""
        self._keeping.remove(self._keeping.found(schedule), editor)

    def run_now(self, schedule: str, editor: Editor) -> Row:
        """Do it now, out of turn: what comes only once still comes, but a return is then done. Raises NotFound."""
        found = self._keeping.found(schedule)
        now = self._now()
        due = now.replace(microsecond=now.microsecond // 1000 * 1000)
        with recorded(self._records, editor, "schedule.run", found.name):
            run = self._store.begin(schedule, due, begun_by=editor.who)
        if run is None:
            raise Conflict(f"schedule {found.name} is being run at this very moment")
        problem = self._do(found, run)
        told = self.one(schedule)
        if found.parent and problem is None:
            self._returning.finish(found)
        return told

    def ping(self, schedule: str, token: str) -> bool:
        """It is time, says whoever has the schedule's token; False: that run is done already, or is not to be done.

        Raises Unauthorized; Conflict when the schedule is paused or nothing is due; ClusterError when a return could
        not be started, so that it is asked for again.
        """
        found = self._store.one(schedule)
        if not hmac.compare_digest(found.token_hash if found else "", token_hash(token)) or found is None:
            raise Unauthorized("the schedule's token is not known")
        if found.paused:
            raise Conflict(f"schedule {found.name} is paused")
        if found.parent:
            return self._ping_return(found)
        due = due_now(found, self._now())
        if due is None:
            raise Conflict(f"schedule {found.name} is not due now")
        return not is_before_change(found, due) and self._take(found, due, "cronjob")

    def _ping_return(self, found: Schedule) -> bool:
        if found.at is None or self._now() < found.at - EARLY:
            raise Conflict(f"schedule {found.name} is not due now")
        has_begun = self._try_return(found, self._runs_of_returns([found])[found.schedule], "cronjob", early=EARLY)
        newest = self._runs_of_returns([found])[found.schedule][:1]
        if newest and newest[0]["message"] != "" and not self._is_over(found):
            # None: somebody else is at it, and may have died of it.
            why = newest[0]["message"] or "nobody has said yet what became of it"
            raise ClusterError(f"{found.name} could not be started, and is tried again: {why}")
        return has_begun

    def tick(self) -> None:
        """Begin what is due and has no CronJob, and returns whose CronJobs have not done it. Never raises."""
        try:
            schedules = [one for one in self._store.all() if not one.paused]
            returns = [one for one in schedules if one.parent and self._is_for_the_clock(one)]
            runs = self._runs_of_returns(returns)
            for found in returns:
                self._try_return(found, runs[found.schedule], "clock")
            for found in schedules:
                # Where there is a CronJob it pings, even if another KubeDoor on this store has made it.
                due = due_now(found, self._now(), early=timedelta(0), late=TICK_LATE)
                if due and not found.parent and not found.token_hash and not is_before_change(found, due):
                    self._take(found, due, "clock")
        except KubeDoorError as error:
            log.warning("schedules could not be looked at: %s", error)

    def _is_for_the_clock(self, schedule: Schedule) -> bool:
        wait = OVERDUE if schedule.token_hash else timedelta(0)
        return schedule.at is not None and schedule.at + wait <= self._now()

    def _runs_of_returns(self, returns: list[Schedule]) -> dict[str, list[Row]]:
        """Those since each was due."""
        dues = {one.schedule: one.at for one in returns if one.at}
        if not dues:
            return {}
        found = self._store.runs(list(dues), since=min(dues.values()))
        return {name: [run for run in runs if run["due"] >= dues[name]] for name, runs in found.items()}

    def _try_return(
        self, schedule: Schedule, runs: list[Row], begun_by: str, *, early: timedelta = timedelta(0)
    ) -> bool:
        """Begin the next attempt, if it is time; whether it has been begun here."""
        if any(run["message"] == "" for run in runs):
            self._returning.finish(schedule)
            return False
        due = attempt_due(schedule, runs, self._now(), early=early)
        run = self._store.begin(schedule.schedule, due, begun_by=begun_by) if due else None
        if due is None or run is None or schedule.at is None:
            return False
        if due >= schedule.at + GIVEN_UP_AFTER:
            self._store.end(run, message="given up: it could not be started for too long")
            self._keeping.retire(schedule, is_listed=True)
            return False
        self._finish_return(schedule, self._do(schedule, run))
        return True

    def _finish_return(self, schedule: Schedule, problem: KubeDoorError | None) -> None:
        if problem is None:
            self._returning.finish(schedule)
        elif isinstance(problem, NeverReturns) and schedule.at:
            end = self._store.begin(schedule.schedule, schedule.at + GIVEN_UP_AFTER, begun_by="clock")
            if end:
                self._store.end(end, message="given up: it would be refused again")
            self._keeping.retire(schedule, is_listed=True)

    def _take(self, schedule: Schedule, due: datetime, begun_by: str) -> bool:
        if any(run["due"] == due for run in self._store.runs([schedule.schedule], since=due)[schedule.schedule]):
            return False
        run = self._store.begin(schedule.schedule, due, begun_by=begun_by)
        if run is None:
            return False
        self._do(schedule, run)
        if schedule.at is not None:
            self._keeping.retire(schedule, is_listed=True)
        return True

    def _do(self, schedule: Schedule, run: uuid.UUID) -> KubeDoorError | None:
        """Why its action could not be started; the run says it too."""
        try:
            action = self._start(schedule, Editor(f"schedule {schedule.name}", "schedule", ""))
        except KubeDoorError as error:
            log.warning("schedule %s: %s", schedule.name, error)
            self._store.end(run, message=error.message)
            return error
        self._store.end(run, action=action)
        return None

    def _start(self, schedule: Schedule, editor: Editor) -> str:
        if schedule.parent:
            return self._returning.set_back(schedule, editor)
        wish = parse(schedule.wish)
        if schedule.return_after_minutes:
            return self._returning.scale_for_a_while(schedule, wish, editor)
        return self._actions.start(wish, editor, skip_refused=True)[0]

    def _described(self, schedules: list[Schedule]) -> list[Row]:
        now = self._now()
        names = [one.schedule for one in schedules]
        if not names:
            return []
        runs = self._store.runs(names, since=now - timedelta(days=SHOWN_DAYS), limit=SHOWN_RUNS)
        begun = self._store.begun(names, since=now - MISSED_LOOK_BACK)
        newest = [found[0]["action"] for found in runs.values() if found and found[0]["action"]]
        states, numbers = self._actions.states(newest), self._returning.numbers(schedules)
        return [
            row(one, runs[one.schedule], begun[one.schedule], now, states, numbers.get(one.schedule, {}))
            for one in schedules
        ]
