"""Keeps a schedule and its CronJob the same: made, changed and deleted together, or neither."""

from __future__ import annotations

import logging
import secrets
from dataclasses import replace

from kubedoor.errors import KubeDoorError, NotFound
from kubedoor.identity.audit import Editor, recorded
from kubedoor.identity.sessions import token_hash
from kubedoor.model.schedules import Schedule
from kubedoor.schedules.cronjob_client import CronJobs
from kubedoor.schedules.rules import expression
from kubedoor.schedules.views import shown
from kubedoor.store.records import RecordStore
from kubedoor.store.schedules import ScheduleStore

log = logging.getLogger(__name__)

TOKEN_PREFIX = "kubedoor_schedule_"  # noqa: S105 -- by which scanners of repositories find what should not be there


class Keeping:
    """`cronjobs` None: there are none, and a clock sees to the schedules."""

    def __init__(self, *, store: ScheduleStore, records: RecordStore, cronjobs: CronJobs | None) -> None:
        self._store = store
        self._records = records
        self._cronjobs = cronjobs

    @property
    def is_in_cluster(self) -> bool:
        return self._cronjobs is not None

    def found(self, schedule: str) -> Schedule:
        """Raises NotFound."""
        if (found := self._store.one(schedule)) is None:
            raise NotFound(f"there is no schedule {schedule}")
        return found

    def add(self, schedule: Schedule, editor: Editor) -> Schedule:
        """Raises ClusterError or Forbidden when its CronJob cannot be made, and then there is no schedule either."""
        token, schedule = self._with_token(schedule)
        with recorded(self._records, editor, "schedule.create", schedule.name, after=shown(schedule)):
            saved = self._store.save(schedule)
            try:
                self._put(saved, token=token)
            except KubeDoorError:
                self._store.save(replace(saved, deleted=True))
                raise
        return saved

    def replace(self, before: Schedule, after: Schedule, action: str, editor: Editor, *, is_over: bool) -> None:
        """`is_over`: its CronJob and its Secret are gone. Raises Conflict; whatever is raised, it is as it was."""
        token = ""
        if is_over or not before.token_hash:
            token, after = self._with_token(after)
        with recorded(self._records, editor, action, before.name, before=shown(before), after=shown(after)):
            saved = self._store.save(after)
            try:
                self._put(saved, token=token)
            except KubeDoorError:
                self._store.save(replace(before, version=saved.version))
                raise

    def remove(self, found: Schedule, editor: Editor) -> None:
        """Raises Conflict; ClusterError or Forbidden when its CronJob cannot be deleted, and then it stays."""
        with recorded(self._records, editor, "schedule.delete", found.name, before=shown(found)):
            saved = self._store.save(replace(found, deleted=True, changed_by=editor.who))
            try:
                self._take_out(found)
            except KubeDoorError:
                self._put_again(self._store.save(replace(found, version=saved.version)))
                raise

    def retire(self, schedule: Schedule, *, is_listed: bool) -> None:
        """What comes only once has no CronJob any more. Never raises."""
        try:
            if not is_listed:
                self._forget(schedule)
                return
            now = self._store.one(schedule.schedule)
            # In another version, somebody lets it come once more.
            if now and now.version == schedule.version:
                self._take_out(schedule)
        except KubeDoorError as error:
            log.warning("schedule %s could not be retired: %s", schedule.name, error)

    def _forget(self, schedule: Schedule) -> None:
        saved = self._store.save(replace(schedule, deleted=True))
        try:
            self._take_out(schedule)
        except KubeDoorError:
            # Whoever looks at it next tries again.
            self._store.save(replace(schedule, version=saved.version))
            raise

    def _with_token(self, schedule: Schedule) -> tuple[str, Schedule]:
        """A token for its CronJob, and the schedule that knows it; without CronJobs none, and the clock sees to it."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(32) if self.is_in_cluster else ""
        return token, replace(schedule, token_hash=token_hash(token) if token else "")

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
            must_come=bool(schedule.parent),
        )

    def _put_again(self, schedule: Schedule) -> None:
        """Its Secret is the last to go, so it is still there."""
        try:
            self._put(schedule)
        except KubeDoorError as error:
            log.warning("the CronJob of schedule %s could not be put back: %s", schedule.name, error)

    def _take_out(self, schedule: Schedule) -> None:
        if self._cronjobs:
            self._cronjobs.remove(schedule.schedule)
