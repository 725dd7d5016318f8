"""Schedules: create, change, pause, delete, run. A CronJob per schedule pings the API; without a cluster, `tick` polls.

Each run is claimed in the store before it starts (compare-and-set), so that several pods or pings start it once. The
store knows which runs are due and started; a ping carries neither.
"""

from __future__ import annotations

import hmac
import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from kubedoor.errors import ClusterError, Conflict, InvalidInput, KubeDoorError, Unauthorized
from kubedoor.identity.audit import Editor, audited
from kubedoor.identity.authentication import token_hash
from kubedoor.model.schedules import Schedule
from kubedoor.operations.actions import Actions
from kubedoor.operations.planned import Verdict
from kubedoor.operations.request import ActionRequest, parse
from kubedoor.schedules.cronjob_client import CronJobs
from kubedoor.schedules.cronjob_sync import CronJobSync
from kubedoor.schedules.return_items import ItemState, ReturnItem
from kubedoor.schedules.rules import (
    EARLY_TOLERANCE,
    MISSED_LOOK_BACK,
    ScheduleRequest,
    due_now,
    given_up_at,
    is_before_change,
    is_over,
    next_attempt,
    validate,
)
from kubedoor.schedules.temporary_scales import KEPT_RUNS, ReturnProgress, ReturnRefused, TemporaryScales
from kubedoor.schedules.views import SHOWN_RUNS, schedule_view
from kubedoor.sentences import Sentence, as_sentence, sentence
from kubedoor.store.connection import Row
from kubedoor.store.control import ControlStore
from kubedoor.store.records import RecordStore
from kubedoor.store.schedules import ScheduleStore

log = logging.getLogger(__name__)

MAX_SCHEDULES = 500
SHOWN_DAYS = KEPT_RUNS.days
GIVEN_UP_NAMED = 5
"""How many workloads a return that is given up names."""
CLOCK_LATE_TOLERANCE = timedelta(minutes=5)
"""How late `tick` starts a run: the starting deadline of a CronJob."""
CLOCK_FALLBACK_AFTER = timedelta(minutes=2)
"""How late a return is when `tick` starts it although it has a CronJob."""


class Schedules:
    """`tick` has to be called every few seconds; with `cronjobs`, every minute."""

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
        self._sync = CronJobSync(store=store, records=records, cronjobs=cronjobs)
        self._temporary_scales = TemporaryScales(
            store=store, sync=self._sync, actions=actions, control=control, now=now
        )

    @property
    def is_in_cluster(self) -> bool:
        return self._sync.is_in_cluster

    def create(self, request: ScheduleRequest, editor: Editor) -> Row:
        """With `warnings`: what its run would skip if it came now.

        Raises InvalidInput naming the field, Conflict, ClusterError or Forbidden when the CronJob cannot be created,
        NoClusterAccess.
        """
        self._actions.check_access()
        cron, at = validate(request, now=self._now())
        if len(self._store.all()) >= MAX_SCHEDULES:
            raise Conflict(sentence("schedules.too_many", most=MAX_SCHEDULES))
        schedule = Schedule(
            schedule=uuid.uuid4().hex[:12],
            name=request.name.strip(),
            wish=request.action.as_json(),
            time_zone=request.time_zone,
            made_by=editor.who,
            cron=cron,
            at=at,
            return_after_minutes=request.return_after_minutes,
            changed_by=editor.who,
        )
        saved = self._sync.add(schedule, editor)
        return {**self.one(saved.schedule), "warnings": self._warnings(request.action)}

    def all(self) -> list[Row]:
        return self._views(self._store.all())

    def one(self, schedule: str) -> Row:
        """Raises NotFound."""
        (view,) = self._views([self._sync.get(schedule)])
        return view

    def change(self, schedule: str, request: ScheduleRequest, editor: Editor, *, based_on: int) -> Row:
        """Replace the schedule; of a return, everything but its action.

        Raises InvalidInput naming the field, NotFound, Conflict when `based_on` is not its version any more, ClusterError
        or Forbidden when the CronJob cannot be changed; then the schedule is unchanged.
        """
        before = self._sync.get(schedule)
        if before.version != based_on:
            message = sentence("schedules.changed_by", who=before.changed_by, name=before.name)
            raise Conflict(message, version=before.version)
        cron, at = validate(request, now=self._now())
        if before.parent and at is None:
            raise InvalidInput(sentence("schedules.return_is_once"), field="cron")
        after = replace(
            before,
            name=request.name.strip(),
            wish=before.wish if before.parent else request.action.as_json(),
            time_zone=request.time_zone,
            cron=cron,
            at=at,
            return_after_minutes=request.return_after_minutes,
            changed_by=editor.who,
        )
        self._sync.replace(before, after, "schedule.change", editor, is_over=self._is_over(before))
        return {**self.one(schedule), "warnings": [] if before.parent else self._warnings(request.action)}

    def _warnings(self, request: ActionRequest) -> list[Sentence]:
        """What its run would skip if it came now: a Deployment that does not exist, for example. It may come to exist."""
        try:
            planned = self._actions.plan(request)
        except KubeDoorError as error:
            return [sentence("schedules.not_looked_at", reason=as_sentence(error.message))]
        refused = [one for one in planned if one.verdict is Verdict.REFUSED]
        return [sentence("common.about", subject=one.target, words=one.reason) for one in refused]

    def pause(self, schedule: str, editor: Editor, *, paused: bool) -> Row:
        """`paused` false: resume. Raises NotFound; Conflict, also when the schedule is over."""
        before = self._sync.get(schedule)
        if self._is_over(before):
            raise Conflict(sentence("schedules.is_over", name=before.name))
        after = replace(before, paused=paused, changed_by=editor.who)
        self._sync.replace(before, after, "schedule.pause" if paused else "schedule.resume", editor, is_over=False)
        return self.one(schedule)

    def _is_over(self, schedule: Schedule) -> bool:
        since = self._now() - timedelta(days=SHOWN_DAYS)
        runs = self._store.runs([schedule.schedule], since=since)[schedule.schedule]
        return is_over(schedule, (run["due"] for run in runs), self._now())

    def delete(self, schedule: str, editor: Editor) -> None:
        """Raises NotFound, Conflict; ClusterError or Forbidden when the CronJob cannot be deleted, and then it stays."""
        self._sync.delete(self._sync.get(schedule), editor)

    def run_now(self, schedule: str, editor: Editor) -> Row:
        """A manual run: a schedule that runs once will still run, but a return is done. Raises NotFound, Conflict."""
        found = self._sync.get(schedule)
        now = self._now()
        due = now.replace(microsecond=now.microsecond // 1000 * 1000)
        with audited(self._records, editor, "schedule.run", found.name):
            run = self._store.claim(schedule, due, begun_by=editor.who)
        if run is None:
            raise Conflict(sentence("schedules.being_run", name=found.name))
        self._execute(found, run, all_at_once=True)
        return self.one(schedule)

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
        return found is not None and bool(found.parent) and not self._is_over(found)

    def reconcile(self) -> None:
        """Make the CronJobs of all schedules again as they should be, and delete those of none. Never raises."""
        try:
            self._sync.reconcile(lambda: [one for one in self._store.all() if not self._is_over(one)])
        except KubeDoorError as error:
            log.warning("the CronJobs of schedules could not be compared with the schedules: %s", error)

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
                if due and not found.parent and not self._has_cronjob(found) and not is_before_change(found, due):
                    self._claim_and_execute(found, due, "clock")
        except KubeDoorError as error:
            log.warning("due runs of schedules could not be started: %s", error)

    def _is_clock_due(self, schedule: Schedule) -> bool:
        delay = CLOCK_FALLBACK_AFTER if self._has_cronjob(schedule) else timedelta(0)
        return schedule.at is not None and schedule.at + delay <= self._now()

    def _has_cronjob(self, schedule: Schedule) -> bool:
        """One that this KubeDoor looks after: without `schedules.enabled` the clock takes over."""
        return self.is_in_cluster and bool(schedule.token_hash)

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
        problem = self._execute(schedule, run, progress=progress)
        if isinstance(problem, ReturnRefused):
            self._give_up(schedule)
        return problem is None

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
        self._execute(schedule, run)
        if schedule.at is not None:
            self._sync.retire(schedule, is_listed=True)
        return True

    def _execute(
        self,
        schedule: Schedule,
        run: uuid.UUID,
        *,
        progress: ReturnProgress | None = None,
        all_at_once: bool = False,
    ) -> KubeDoorError | None:
        """Start the action of a claimed run and record its result; returns the error, None: started.

        `progress`: of a return; `all_at_once`: all that is left of it, also what is not due yet.
        """
        # The action has the id of the run: should this process end before the result is recorded, both are still found.
        editor, action = Editor(f"schedule {schedule.name}", "schedule", ""), run.hex
        try:
            if schedule.parent:
                progress = progress or self._temporary_scales.settled(schedule.schedule)
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
            return error
        self._store.record_result(run, action=action)
        return None

    def _views(self, schedules: list[Schedule]) -> list[Row]:
        now = self._now()
        names = [one.schedule for one in schedules]
        if not names:
            return []
        runs = self._store.runs(names, since=now - timedelta(days=SHOWN_DAYS), limit=SHOWN_RUNS)
        begun = self._store.claimed_times(names, since=now - MISSED_LOOK_BACK)
        newest = [found[0]["action"] for found in runs.values() if found and found[0]["action"]]
        states, replicas = self._actions.states(newest), self._temporary_scales.expected_replicas(schedules)
        return [
            {
                **schedule_view(
                    one, runs[one.schedule], begun[one.schedule], now, states, replicas.get(one.schedule, {})
                ),
                "runs_in": "cluster" if self._has_cronjob(one) else "process",
                "items": self._shown_items(one, runs[one.schedule]),
                "warnings": [],
            }
            for one in schedules
        ]

    def _shown_items(self, schedule: Schedule, runs: list[Row]) -> dict[tuple[str, str], ReturnItem]:
        """Of a return: how far it is, by workload."""
        items = self._temporary_scales.progress(schedule, runs) if schedule.parent else []
        return {(one.target.namespace, one.target.deployment): one for one in items}
