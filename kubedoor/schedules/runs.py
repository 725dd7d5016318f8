"""Starts the runs of schedules: of those that are due, by ping or by clock, and attempts of returns.

Each run is claimed in the store before it starts (compare-and-set), so that several pods or pings start it once.
"""

from __future__ import annotations

import hmac
import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from kubedoor.errors import ClusterError, Conflict, KubeDoorError, Unauthorized
from kubedoor.identity.audit import Editor
from kubedoor.identity.authentication import token_hash
from kubedoor.model.schedules import Schedule
from kubedoor.operations.actions import Actions
from kubedoor.operations.request import parse
from kubedoor.schedules.cronjob_sync import CronJobSync
from kubedoor.schedules.return_items import ItemState
from kubedoor.schedules.rules import EARLY_TOLERANCE, due_now, given_up_at, is_before_change, is_over, next_attempt
from kubedoor.schedules.temporary_scales import KEPT_RUNS, ReturnProgress, ReturnRefused, TemporaryScales
from kubedoor.sentences import as_sentence, sentence
from kubedoor.store.connection import Row
from kubedoor.store.schedules import ScheduleStore

log = logging.getLogger(__name__)

GIVEN_UP_NAMED = 5
"""How many workloads a return that is given up names."""
CLOCK_LATE_TOLERANCE = timedelta(minutes=5)
"""How late `tick` starts a run: the starting deadline of a CronJob."""
CLOCK_FALLBACK_AFTER = timedelta(minutes=2)
"""How late a return is when `tick` starts it although it has a CronJob."""


class Runs:
    def __init__(
        self,
        *,
        store: ScheduleStore,
        sync: CronJobSync,
        actions: Actions,
        temporary_scales: TemporaryScales,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._sync = sync
        self._actions = actions
        self._temporary_scales = temporary_scales
        self._now = now

    def is_over(self, schedule: Schedule) -> bool:
        since = self._now() - KEPT_RUNS
        runs = self._store.runs([schedule.schedule], since=since)[schedule.schedule]
        return is_over(schedule, (run["due"] for run in runs), self._now())

    def ping(self, schedule: str, token: str) -> bool:
        """Start the due run. False: it was started before, or was due before the schedule was changed.

        Raises Unauthorized for a wrong token, Conflict when the schedule is paused or no run is due, ClusterError when a
        return could not be started, so that the ping is retried.
        """
        found = self._store.one(schedule)
        if not hmac.compare_digest(found.token_hash if found else "", token_hash(token)) or found is None:
            raise Unauthorized(sentence("schedules.unknown_token"))
        if found.paused:
            raise Conflict(sentence("schedules.paused", name=found.name))
        if found.parent:
            return self._ping_return(found)
        due = due_now(found, self._now())
        if due is None:
            raise Conflict(sentence("schedules.not_due", name=found.name))
        return not is_before_change(found, due) and self._claim_and_execute(found, due, "cronjob")

    def _ping_return(self, found: Schedule) -> bool:
        if found.at is None or self._now() < found.at - EARLY_TOLERANCE:
            raise Conflict(sentence("schedules.not_due", name=found.name))
        has_begun = self._try_return(found, "cronjob", early=EARLY_TOLERANCE)
        newest = self._runs_of_returns([found])[found.schedule][:1]
        if newest and newest[0]["message"] != "" and self.is_to_be_asked_again(found.schedule):
            # None: another pod has claimed the attempt, and may have crashed since.
            why = newest[0]["message"] or sentence("schedules.no_result_yet")
            raise ClusterError(sentence("schedules.tried_again", name=found.name, reason=why))
        return has_begun

    def is_to_be_asked_again(self, schedule: str) -> bool:
        """Whether a return has workloads left, so that its ping has to come again."""
        found = self._store.one(schedule)
        return found is not None and bool(found.parent) and not self.is_over(found)

    def tick(self) -> None:
        """Start due runs of schedules without a CronJob, and overdue returns. Never raises."""
        try:
            schedules = [one for one in self._store.all() if not one.paused]
            for found in schedules:
                if found.parent and self._is_clock_due(found):
                    self._try_return_or_warn(found)
            for found in schedules:
                # A CronJob that is left from before may ping too: whoever claims the run first starts it.
                due = due_now(found, self._now(), early=timedelta(0), late=CLOCK_LATE_TOLERANCE)
                if due and not found.parent and not self.has_cronjob(found) and not is_before_change(found, due):
                    self._claim_and_execute(found, due, "clock")
        except KubeDoorError as error:
            log.warning("due runs of schedules could not be started: %s", error)

    def _is_clock_due(self, schedule: Schedule) -> bool:
        delay = CLOCK_FALLBACK_AFTER if self.has_cronjob(schedule) else timedelta(0)
        return schedule.at is not None and schedule.at + delay <= self._now()

    def has_cronjob(self, schedule: Schedule) -> bool:
        """One that this KubeDoor looks after: without `schedules.enabled` the clock takes over."""
        return self._sync.is_in_cluster and bool(schedule.token_hash)

    def _runs_of_returns(self, returns: list[Schedule]) -> dict[str, list[Row]]:
        """By return: the runs since it was due."""
        dues = {one.schedule: one.at for one in returns if one.at}
        if not dues:
            return {}
        by_return = self._store.runs(list(dues), since=min(dues.values()))
        return {name: [run for run in runs if run["due"] >= dues[name]] for name, runs in by_return.items()}

    def _try_return_or_warn(self, schedule: Schedule) -> None:
        """One return that cannot be read or changed now keeps no other from its attempt."""
        try:
            self._try_return(schedule, "clock")
        except Conflict:
            # Another process, or the end of its last attempt, is changing it at this moment.
            return
        except KubeDoorError as error:
            log.warning("return %s could not be tried: %s", schedule.name, error)

    def _try_return(self, schedule: Schedule, begun_by: str, *, early: timedelta = timedelta(0)) -> bool:
        """Start the next attempt if it is due; True: it was started here."""
        progress = self._temporary_scales.settled(schedule.schedule)
        if progress is None or progress.schedule.paused or not progress.to_try:
            return False
        schedule = progress.schedule
        runs = [run for run in progress.runs if schedule.at and run["due"] >= schedule.at]
        dues = [item.due_at for item in progress.to_try if item.state is ItemState.DUE]
        due = next_attempt(schedule, runs, self._now(), dues=dues, last_due=progress.last_due, early=early)
        run = self._store.claim(schedule.schedule, due, begun_by=begun_by) if due else None
        if due is None or run is None:
            return False
        if due == given_up_at(schedule):
            left = ", ".join(str(item.target) for item in progress.items[:GIVEN_UP_NAMED])
            more = len(progress.items) - GIVEN_UP_NAMED
            message = sentence("schedules.given_up", workloads=f"{left}, +{more}" if more > 0 else left)
            self._store.record_result(run, message=message)
            self._sync.retire(schedule, is_listed=True)
            return False
        try:
            self.execute(schedule, run, progress=progress)
        except KubeDoorError as error:
            if isinstance(error, ReturnRefused):
                self._give_up(schedule)
            return False
        return True

    def _give_up(self, schedule: Schedule) -> None:
        end = given_up_at(schedule)
        run = self._store.claim(schedule.schedule, end, begun_by="clock") if end else None
        if run:
            self._store.record_result(run, message=sentence("schedules.would_be_refused"))
        self._sync.retire(schedule, is_listed=True)

    def _claim_and_execute(self, schedule: Schedule, due: datetime, begun_by: str) -> bool:
        if any(run["due"] == due for run in self._store.runs([schedule.schedule], since=due)[schedule.schedule]):
            return False
        run = self._store.claim(schedule.schedule, due, begun_by=begun_by)
        if run is None:
            return False
        with suppress(KubeDoorError):
            self.execute(schedule, run)
        if schedule.at is not None:
            self._sync.retire(schedule, is_listed=True)
        return True

    def execute(
        self,
        schedule: Schedule,
        run: uuid.UUID,
        *,
        progress: ReturnProgress | None = None,
        all_at_once: bool = False,
    ) -> str:
        """Start the action of a claimed run and record its result; returns the action, empty: there was nothing to do.

        `progress`: of a return; `all_at_once`: all that is left of it, also what is not due yet. Raises the
        KubeDoorError why nothing was started, which is recorded too.
        """
        # The action has the id of the run: should this process end before the result is recorded, both are still found.
        editor, action = Editor(f"schedule {schedule.name}", "schedule", ""), run.hex
        try:
            if schedule.parent:
                settled = self._temporary_scales.settled
                progress = progress or settled(schedule.schedule, all_at_once=all_at_once)
                is_started = progress is not None and self._temporary_scales.restore(
                    progress, editor, action=action, all_at_once=all_at_once
                )
                action = action if is_started else ""
            elif schedule.return_after_minutes:
                self._temporary_scales.scale(schedule, parse(schedule.wish), editor, action=action)
            else:
                self._actions.start(parse(schedule.wish), editor, skip_refused=True, skip_busy=True, action=action)
        except KubeDoorError as error:
            log.warning("schedule %s: %s", schedule.name, error)
            self._store.record_result(run, message=as_sentence(error.message))
            raise
        self._store.record_result(run, action=action)
        return action
