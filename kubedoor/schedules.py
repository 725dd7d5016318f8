"""Schedules: actions at a time. Each is a CronJob that pings the API; without a cluster of KubeDoor's own, a clock here.

Whoever takes a run first does it, so that two pods, or two pings, do it once. The store knows what is due and what has
been done; CronJobs and clocks only say "now".
"""

from __future__ import annotations

import hmac
import logging
import secrets
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from kubedoor.actionplans import Planned, Verdict
from kubedoor.actions import Actions
from kubedoor.cronjobs_in_cluster import CronJobs
from kubedoor.errors import Conflict, InvalidInput, KubeDoorError, NotFound, Unauthorized
from kubedoor.model import WorkloadKey
from kubedoor.people import token_hash
from kubedoor.recording import Editor, recorded
from kubedoor.returns import return_of
from kubedoor.schedule_rows import row, shown
from kubedoor.scheduling import Schedule, ScheduleWish, checked, due_now, expression, is_over
from kubedoor.store.connection import Row
from kubedoor.store.control import ControlStore
from kubedoor.store.records import RecordStore
from kubedoor.store.schedules import ScheduleStore
from kubedoor.wishes import BackTo, Target, Wish, parse

log = logging.getLogger(__name__)

MAX_SCHEDULES = 500
SHOWN_DAYS = 30
TICK_LATE = timedelta(minutes=5)
"""As a CronJob's starting deadline: what could not be begun within it is missed."""
TOKEN_PREFIX = "kubedoor_schedule_"  # noqa: S105 -- by which scanners of repositories find what should not be there


class Schedules:
    """`cronjobs` None: `tick` has to be called every few seconds."""

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
        self._control = control
        self._records = records
        self._cronjobs = cronjobs
        self._now = now

    @property
    def is_in_cluster(self) -> bool:
        return self._cronjobs is not None

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
        return self.one(self._add(schedule, editor).schedule)

    def _add(self, schedule: Schedule, editor: Editor) -> Schedule:
        token, schedule = self._with_token(schedule)
        with recorded(self._records, editor, "schedule.create", schedule.name, after=shown(schedule)):
            saved = self._store.save(schedule)
            try:
                self._put(saved, token=token)
            except KubeDoorError:
                self._store.save(replace(saved, deleted=True))
                raise
        return saved

    def _with_token(self, schedule: Schedule) -> tuple[str, Schedule]:
        """A token for its CronJob, and the schedule that knows it; without CronJobs none, and the clock sees to it."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(32) if self.is_in_cluster else ""
        return token, replace(schedule, token_hash=token_hash(token) if token else "")

    def all(self) -> list[Row]:
        """Every schedule with its newest runs, and those it missed."""
        return self._described(self._store.all())

    def one(self, schedule: str) -> Row:
        """Raises NotFound."""
        (told,) = self._described([self._found(schedule)])
        return told

    def change(self, schedule: str, asked: ScheduleWish, editor: Editor, *, based_on: int) -> Row:
        """Make it what is asked for, if it still is in the version `based_on`; of a return, only when it comes.

        Raises InvalidInput naming the field, NotFound, Conflict; ClusterError or Forbidden when its CronJob cannot be
        changed, and then it is as it was.
        """
        before = self._found(schedule)
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
        self._replace(before, after, "schedule.change", editor)
        return self.one(schedule)

    def pause(self, schedule: str, editor: Editor, *, paused: bool) -> Row:
        """Pause it, or let it go on. Raises NotFound; Conflict, also when it is over."""
        before = self._found(schedule)
        if self._is_over(before):
            raise Conflict(f"schedule {before.name} came only once, and is over")
        after = replace(before, paused=paused, changed_by=editor.who)
        self._replace(before, after, "schedule.pause" if paused else "schedule.resume", editor)
        return self.one(schedule)

    def _replace(self, before: Schedule, after: Schedule, action: str, editor: Editor) -> None:
        token = ""
        if self._is_over(before) or not before.token_hash:
            # Its CronJob and its Secret are gone, or it never had any.
            token, after = self._with_token(after)
        with recorded(self._records, editor, action, before.name, before=shown(before), after=shown(after)):
            saved = self._store.save(after)
            try:
                self._put(saved, token=token)
            except KubeDoorError:
                self._store.save(replace(before, version=saved.version))
                raise

    def _is_over(self, schedule: Schedule) -> bool:
        since = self._now() - timedelta(days=SHOWN_DAYS)
        runs = self._store.runs([schedule.schedule], since=since)[schedule.schedule]
        return is_over(schedule, (run["due"] for run in runs), self._now())

    def delete(self, schedule: str, editor: Editor) -> None:
        """Raises NotFound; ClusterError or Forbidden when its CronJob cannot be deleted, and then it stays."""
        found = self._found(schedule)
        with recorded(self._records, editor, "schedule.delete", found.name, before=shown(found)):
            if self._cronjobs:
                self._cronjobs.remove(schedule)
            self._store.save(replace(found, deleted=True, changed_by=editor.who))

    def run_now(self, schedule: str, editor: Editor) -> Row:
        """Do it now, out of turn: what comes only once still comes, but a return is then done. Raises NotFound."""
        found = self._found(schedule)
        now = self._now()
        due = now.replace(microsecond=now.microsecond // 1000 * 1000)
        with recorded(self._records, editor, "schedule.run", found.name):
            run = self._store.begin(schedule, due, begun_by=editor.who)
        if run is None:
            raise Conflict(f"schedule {found.name} is being run at this very moment")
        is_done = self._do(found, run)
        told = self.one(schedule)
        if found.parent and is_done:
            self._retire(found, is_listed=False)
        return told

    def ping(self, schedule: str, token: str) -> bool:
        """It is time, says whoever has the schedule's token; False: that run has been done already.

        Raises Unauthorized, or Conflict when the schedule is paused or nothing is due.
        """
        found = self._store.one(schedule)
        if not hmac.compare_digest(found.token_hash if found else "", token_hash(token)) or found is None:
            raise Unauthorized("the schedule's token is not known")
        if found.paused:
            raise Conflict(f"schedule {found.name} is paused")
        due = due_now(found, self._now())
        if due is None:
            raise Conflict(f"schedule {found.name} is not due now")
        return self._take(found, due, "cronjob")

    def tick(self) -> None:
        """Begin what is due; for schedules without CronJobs. Never raises."""
        try:
            for schedule in self._store.all():
                if schedule.token_hash:
                    # Its CronJob pings, even if another KubeDoor on this store has made it.
                    continue
                due = due_now(schedule, self._now(), early=timedelta(0), late=TICK_LATE)
                # What was due before the schedule was made or resumed is not.
                if due and not schedule.paused and (schedule.changed_at is None or due > schedule.changed_at):
                    self._take(schedule, due, "clock")
        except KubeDoorError as error:
            log.warning("schedules could not be looked at: %s", error)

    def _take(self, schedule: Schedule, due: datetime, begun_by: str) -> bool:
        if any(run["due"] == due for run in self._store.runs([schedule.schedule], since=due)[schedule.schedule]):
            return False
        run = self._store.begin(schedule.schedule, due, begun_by=begun_by)
        if run is None:
            return False
        is_done = self._do(schedule, run)
        if schedule.at is not None:
            self._retire(schedule, is_listed=not (schedule.parent and is_done))
        return True

    def _do(self, schedule: Schedule, run: uuid.UUID) -> bool:
        """Whether its action has been started; if not, the run says why."""
        editor = Editor(f"schedule {schedule.name}", "schedule", "")
        try:
            wish = parse(schedule.wish)
            manual = {target: self._manual_replicas(target) for target in wish.targets}
            action, planned = self._actions.start(wish, editor, skip_refused=True)
            self._store.end(run, action=action)
            if schedule.return_after_minutes:
                self._plan_return(schedule, wish, planned, manual, editor)
        except KubeDoorError as error:
            log.warning("schedule %s: %s", schedule.name, error)
            self._store.end(run, message=error.message)
            return False
        return True

    def _retire(self, schedule: Schedule, *, is_listed: bool) -> None:
        """What comes only once has no CronJob any more."""
        try:
            if self._cronjobs:
                self._cronjobs.remove(schedule.schedule)
            if not is_listed:
                self._store.save(replace(schedule, deleted=True))
        except KubeDoorError as error:
            log.warning("the CronJob of schedule %s could not be deleted: %s", schedule.name, error)

    def _plan_return(
        self,
        schedule: Schedule,
        wish: Wish,
        planned: list[Planned],
        manual: dict[Target, int | None],
        editor: Editor,
    ) -> None:
        """A schedule of its own, for once, that sets back what was found. Of two returns the later one counts."""
        earlier = [one for one in self._store.all() if one.parent == schedule.schedule]
        found = {
            one.target: BackTo(manual[one.target], one.replicas_before or 0)
            for one in planned
            if one.verdict is Verdict.WILL
        }
        self._add(return_of(schedule, wish, found, earlier, now=self._now(), who=editor.who), editor)
        for one in earlier:
            with suppress(Conflict, NotFound):
                self.delete(one.schedule, editor)

    def _manual_replicas(self, target: Target) -> int | None:
        return self._control.manual(
            WorkloadKey(self._actions.cluster_name, target.namespace, target.deployment)
        ).replicas

    def _put(self, schedule: Schedule, *, token: str = "") -> None:
        if self._cronjobs is None:
            return
        self._cronjobs.put(
            schedule.schedule,
            title=schedule.name,
            cron=expression(schedule),
            time_zone=schedule.time_zone,
            suspended=schedule.paused,
            token=token,
        )

    def _found(self, schedule: str) -> Schedule:
        if (found := self._store.one(schedule)) is None:
            raise NotFound(f"there is no schedule {schedule}")
        return found

    def _described(self, schedules: list[Schedule]) -> list[Row]:
        now = self._now()
        since = now - timedelta(days=SHOWN_DAYS)
        runs = self._store.runs([one.schedule for one in schedules], since=since) if schedules else {}
        newest = [found[0]["action"] for found in runs.values() if found and found[0]["action"]]
        states = self._actions.states(newest)
        return [row(one, runs[one.schedule], now, states) for one in schedules]
