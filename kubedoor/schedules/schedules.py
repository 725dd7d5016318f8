"""Schedules: create, change, pause, delete, run; temporary scales: start, end, keep.

A CronJob per schedule pings the API; without a cluster, `tick` polls. The store knows which runs are due and started; a
ping carries neither.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from kubedoor.errors import Conflict, InvalidInput, KubeDoorError
from kubedoor.identity.audit import Editor, audited
from kubedoor.model.schedules import Schedule
from kubedoor.operations.actions import Actions
from kubedoor.operations.planned import Planned, Verdict
from kubedoor.operations.request import ActionRequest
from kubedoor.schedules.cronjob_client import CronJobs
from kubedoor.schedules.cronjob_sync import CronJobSync
from kubedoor.schedules.return_items import ItemState, ReturnItem
from kubedoor.schedules.rules import MISSED_LOOK_BACK, ScheduleRequest, validate
from kubedoor.schedules.runs import Runs
from kubedoor.schedules.temporary_scales import KEPT_RUNS, TemporaryScales
from kubedoor.schedules.views import SHOWN_RUNS, concerns, scale_name, schedule_view
from kubedoor.sentences import Sentence, as_sentence, sentence
from kubedoor.store.connection import Row
from kubedoor.store.control import ControlStore
from kubedoor.store.records import RecordStore
from kubedoor.store.schedules import ScheduleStore

log = logging.getLogger(__name__)

MAX_SCHEDULES = 500
SHOWN_DAYS = KEPT_RUNS.days


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
        self._runs = Runs(
            store=store, sync=self._sync, actions=actions, temporary_scales=self._temporary_scales, now=now
        )
        # What CronJobs and the clock call.
        self.ping, self.tick = self._runs.ping, self._runs.tick
        self.is_to_be_asked_again = self._runs.is_to_be_asked_again

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
        self._check_count()
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

    def all(self, *, namespace: str = "", deployment: str = "") -> list[Row]:
        """Ordered by name; only those for workloads of this namespace and name, where these are given."""
        return self._views([one for one in self._store.all() if concerns(one, namespace, deployment)])

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
        self._sync.replace(before, after, "schedule.change", editor, is_over=self._runs.is_over(before))
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
        if self._runs.is_over(before):
            raise Conflict(sentence("schedules.is_over", name=before.name))
        after = replace(before, paused=paused, changed_by=editor.who)
        self._sync.replace(before, after, "schedule.pause" if paused else "schedule.resume", editor, is_over=False)
        return self.one(schedule)

    def delete(self, schedule: str, editor: Editor) -> None:
        """Raises NotFound, Conflict; ClusterError or Forbidden when the CronJob cannot be deleted, and then it stays."""
        self._sync.delete(self._sync.get(schedule), editor)

    def run_now(self, schedule: str, editor: Editor) -> Row:
        """A manual run: a schedule that runs once will still run, but a return is done. Raises NotFound, Conflict."""
        found = self._sync.get(schedule)
        run = self._claim_now(found, "schedule.run", editor)
        with suppress(KubeDoorError):
            self._runs.execute(found, run, all_at_once=True)
        # A return may be done by now, and gone.
        (view,) = self._views([self._store.one(schedule) or found])
        return view

    def scale_for_a_while(
        self, request: ActionRequest, until: datetime, time_zone: str, editor: Editor, *, skips: bool
    ) -> tuple[str, list[Planned]]:
        """Scale now, and back at `until`, a full minute. Returns the action and its plan.

        Raises as `Actions.start`; Conflict where there are too many schedules.
        """
        self._check_count()
        action = uuid.uuid4().hex
        schedule = Schedule(action, scale_name(request), request.as_json(), time_zone, editor.who)
        return action, self._temporary_scales.scale(schedule, request, editor, action=action, until=until, skips=skips)

    def _check_count(self) -> None:
        if len(self._store.all()) >= MAX_SCHEDULES:
            raise Conflict(sentence("schedules.too_many", most=MAX_SCHEDULES))

    def end(self, schedule: str, editor: Editor) -> str:
        """End a temporary scale now: all that is left of its return is brought back, or left to the scale on top of it.

        Returns the action, empty: there was nothing to bring back. Raises NotFound, Conflict, or why it cannot start.
        """
        found = self._return(schedule)
        return self._runs.execute(found, self._claim_now(found, "schedule.end", editor), all_at_once=True)

    def keep(self, schedule: str, editor: Editor) -> None:
        """Let the number of a temporary scale stay: it does not go back any more. Raises NotFound, Conflict."""
        found = self._return(schedule)
        runs = self._store.runs([schedule], since=self._now() - KEPT_RUNS)[schedule]
        # A run without a result is about to start the action that brings the number back.
        is_begun = any(run["message"] is None for run in runs)
        if is_begun or any(one.state is ItemState.UNDER_WAY for one in self._temporary_scales.progress(found, runs)):
            raise Conflict(sentence("schedules.being_ended", name=found.name))
        self._sync.delete(found, editor, action="schedule.keep")

    def _return(self, schedule: str) -> Schedule:
        found = self._sync.get(schedule)
        if not found.parent:
            raise Conflict(sentence("schedules.not_temporary", name=found.name))
        return found

    def _claim_now(self, found: Schedule, action: str, editor: Editor) -> uuid.UUID:
        now = self._now()
        due = now.replace(microsecond=now.microsecond // 1000 * 1000)
        with audited(self._records, editor, action, found.name):
            run = self._store.claim(found.schedule, due, begun_by=editor.who)
        if run is None:
            raise Conflict(sentence("schedules.being_run", name=found.name))
        return run

    def reconcile(self) -> None:
        """Make the CronJobs of all schedules again as they should be, and delete those of none. Never raises."""
        try:
            self._sync.reconcile(lambda: [one for one in self._store.all() if not self._runs.is_over(one)])
        except KubeDoorError as error:
            log.warning("the CronJobs of schedules could not be compared with the schedules: %s", error)

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
                "runs_in": "cluster" if self._runs.has_cronjob(one) else "process",
                "items": self._shown_items(one, runs[one.schedule]),
                "warnings": [],
            }
            for one in schedules
        ]

    def _shown_items(self, schedule: Schedule, runs: list[Row]) -> dict[tuple[str, str], ReturnItem]:
        """Of a return: how far it is, by workload."""
        items = self._temporary_scales.progress(schedule, runs) if schedule.parent else []
        return {(one.target.namespace, one.target.deployment): one for one in items}
