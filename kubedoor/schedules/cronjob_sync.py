"""Keeps schedules in the store and their CronJobs in the cluster in sync.

Each change is made to both or to neither: if the cluster refuses, the stored schedule is rolled back. What a crash between
the two leaves behind, and what others do to the CronJobs, `reconcile` mends.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import replace

from kubedoor.errors import KubeDoorError, NotFound
from kubedoor.identity.audit import Editor, audited
from kubedoor.identity.authentication import token_hash
from kubedoor.model.schedules import Schedule
from kubedoor.schedules.cronjob_client import CronJobs
from kubedoor.schedules.rules import cron_expression, longest_batch
from kubedoor.schedules.views import audit_view
from kubedoor.sentences import sentence
from kubedoor.store.records import RecordStore
from kubedoor.store.schedules import ScheduleStore

log = logging.getLogger(__name__)

TOKEN_PREFIX = "kubedoor_schedule_"  # noqa: S105 -- a prefix, by which secret scanners recognise the token


class CronJobSync:
    """`cronjobs` None: schedules have no CronJobs and no tokens; `Schedules.tick` starts their runs."""

    def __init__(self, *, store: ScheduleStore, records: RecordStore, cronjobs: CronJobs | None) -> None:
        self._store = store
        self._records = records
        self._cronjobs = cronjobs

    @property
    def is_in_cluster(self) -> bool:
        return self._cronjobs is not None

    def get(self, name: str) -> Schedule:
        """Raises NotFound."""
        if (schedule := self._store.one(name)) is None:
            raise NotFound(sentence("schedules.none", schedule=name))
        return schedule

    def add(self, schedule: Schedule, editor: Editor) -> Schedule:
        """Raises ClusterError or Forbidden when the CronJob cannot be created; then there is no schedule either."""
        token, schedule = self._with_token(schedule)
        with audited(self._records, editor, "schedule.create", schedule.name, after=audit_view(schedule)):
            saved = self._store.save(schedule)
            try:
                self._apply_cronjob(saved, token=token)
            except KubeDoorError:
                self._store.save(replace(saved, deleted=True))
                raise
        return saved

    def replace(self, before: Schedule, after: Schedule, action: str, editor: Editor, *, is_over: bool) -> None:
        """`is_over`: it has no CronJob and Secret any more, so they are created again with a new token.

        Raises Conflict, ClusterError, Forbidden; then the schedule is unchanged.
        """
        token = ""
        if is_over or not before.token_hash:
            token, after = self._with_token(after)
        with audited(self._records, editor, action, before.name, before=audit_view(before), after=audit_view(after)):
            saved = self._store.save(after)
            try:
                self._apply_cronjob(saved, token=token)
            except KubeDoorError:
                self._store.save(replace(before, version=saved.version))
                raise

    def delete(self, schedule: Schedule, editor: Editor, *, action: str = "schedule.delete") -> None:
        """`action`: as the audit calls it. Raises Conflict; ClusterError or Forbidden when the CronJob cannot be deleted, and then the schedule stays."""
        with audited(self._records, editor, action, schedule.name, before=audit_view(schedule)):
            saved = self._store.save(replace(schedule, deleted=True, changed_by=editor.who))
            try:
                self._delete_cronjob(schedule)
            except KubeDoorError:
                self._restore_cronjob(self._store.save(replace(schedule, version=saved.version)))
                raise

    def retire(self, schedule: Schedule, *, is_listed: bool) -> None:
        """Delete the CronJob of a schedule that will not run again; without `is_listed` the schedule too. Never raises."""
        try:
            if not is_listed:
                self._delete(schedule)
                return
            current = self._store.one(schedule.schedule)
            # A newer version may be due again.
            if current and current.version == schedule.version:
                self._delete_cronjob(schedule)
        except KubeDoorError as error:
            log.warning("the CronJob of schedule %s could not be deleted: %s", schedule.name, error)

    def reconcile(self, wanted: Callable[[], list[Schedule]]) -> None:
        """Apply the CronJob of every schedule again, with a new token where its Secret is gone or has another one, and
        delete CronJobs and Secrets without a schedule. `wanted`: the schedules that will run again.

        Raises StoreError, ClusterError, Forbidden.
        """
        if self._cronjobs is None:
            return
        urls, tokens = self._cronjobs.listed(), self._cronjobs.tokens()
        # Read after the list: what was in the list and is of no schedule now has lost it.
        schedules = {one.schedule: one for one in wanted()}
        for one in schedules.values():
            self._repair(one, tokens.get(one.schedule, ""))
        left = (urls.keys() | tokens.keys()) - schedules.keys()
        for name in left - self._store.of_other_clusters(left):
            if self._cronjobs.is_own(urls[name]) if name in urls else True:
                log.info("nothing is left of schedule %s but its CronJob or Secret: deleting them", name)
                self._cronjobs.delete(name)

    def _repair(self, schedule: Schedule, token: str) -> None:
        """One that cannot be repaired now keeps no other from it."""
        try:
            if schedule.token_hash and token and token_hash(token) == schedule.token_hash:
                self._apply_cronjob(schedule)
                return
            log.info("schedule %s has no CronJob with a token that is known: making it again", schedule.name)
            token, schedule = self._with_token(schedule)
            self._apply_cronjob(self._store.save(schedule), token=token)
        except KubeDoorError as error:
            log.warning("the CronJob of schedule %s could not be made again: %s", schedule.name, error)

    def _delete(self, schedule: Schedule) -> None:
        saved = self._store.save(replace(schedule, deleted=True))
        try:
            self._delete_cronjob(schedule)
        except KubeDoorError:
            # The next attempt to finish the return retries.
            self._store.save(replace(schedule, version=saved.version))
            raise

    def _with_token(self, schedule: Schedule) -> tuple[str, Schedule]:
        """A new token, and the schedule with its hash; both are empty without CronJobs."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(32) if self.is_in_cluster else ""
        return token, replace(schedule, token_hash=token_hash(token) if token else "")

    def _apply_cronjob(self, schedule: Schedule, *, token: str = "") -> None:
        if self._cronjobs is None:
            return
        self._cronjobs.apply(
            schedule.schedule,
            title=schedule.name,
            cron=cron_expression(schedule),
            time_zone=schedule.time_zone,
            suspended=schedule.paused,
            token=token,
            is_return=bool(schedule.parent),
            later_seconds=int(longest_batch(schedule).total_seconds()) if schedule.parent else 0,
        )

    def _restore_cronjob(self, schedule: Schedule) -> None:
        """The Secret is deleted after the CronJob, so it still exists."""
        try:
            self._apply_cronjob(schedule)
        except KubeDoorError as error:
            log.warning("the CronJob of schedule %s could not be restored: %s", schedule.name, error)

    def _delete_cronjob(self, schedule: Schedule) -> None:
        if self._cronjobs:
            self._cronjobs.delete(schedule.schedule)
