"""Runs temporary scales and their returns.

The return is stored before the scale starts: a crash between the two leaves a return that finds nothing to restore, and
never a scale without a return. A workload leaves its return when it is brought back, or skipped by a rule; the return is
deleted when none is left. What an attempt has done is read from its events, so that a crash at any step loses nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kubedoor.errors import InvalidInput, KubeDoorError
from kubedoor.identity.audit import Editor
from kubedoor.model.schedules import Schedule
from kubedoor.model.values import WorkloadKey
from kubedoor.operations.actions import Actions
from kubedoor.operations.planned import Planned, Verdict
from kubedoor.operations.request import ActionRequest, RestorePoint, Target, parse, restored_replicas
from kubedoor.schedules.cronjob_sync import CronJobSync
from kubedoor.schedules.return_items import ItemState, ReturnItem, return_items, scaled_by
from kubedoor.schedules.return_rules import (
    build_return,
    effective_restore_points,
    handed_over,
    plain,
    restore_points,
    return_in_force,
    skipped_beneath,
    stacked_on,
    without_targets,
)
from kubedoor.schedules.rules import EARLY_TOLERANCE, is_over
from kubedoor.store.connection import Row
from kubedoor.store.control import ControlStore
from kubedoor.store.schedules import ScheduleStore, action_of

log = logging.getLogger(__name__)


KEPT_RUNS = timedelta(days=30)
"""How far back attempts of a return count; it is given up long before."""


@dataclass(frozen=True)
class ReturnProgress:
    """`items`: those that are left; `runs`: its attempts, newest first."""

    schedule: Schedule
    items: list[ReturnItem]
    runs: list[Row]

    @property
    def to_try(self) -> list[ReturnItem]:
        return [item for item in self.items if item.is_to_try]

    @property
    def last_due(self) -> datetime | None:
        return max((item.due_at for item in self.items), default=self.schedule.at)


class ReturnRefused(KubeDoorError):
    """Every workload of the return is refused for good; a retry would not help."""


class TemporaryScales:
    def __init__(
        self,
        *,
        store: ScheduleStore,
        sync: CronJobSync,
        actions: Actions,
        control: ControlStore,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._sync = sync
        self._actions = actions
        self._control = control
        self._now = now

    def scale(
        self,
        schedule: Schedule,
        request: ActionRequest,
        editor: Editor,
        *,
        action: str,
        until: datetime | None = None,
        skips: bool = True,
    ) -> list[Planned]:
        """Start it; returns its plan. `action`: the id that it is to have; `until`: a full minute, else as `schedule` says.

        `skips`: without the workloads that are refused or busy. Raises KubeDoorError when it cannot be started; then there
        is no return.
        """
        pending = self._pending(but=schedule)
        points = self._current_state(request, pending, action)
        built = build_return(schedule, request, points, now=self._now(), who=editor.who, until=until)
        saved = self._sync.add(built, editor) if built else None
        try:
            _, planned = self._actions.start(request, editor, skip_refused=skips, skip_busy=skips, action=action)
        except KubeDoorError:
            if saved:
                self._discard(saved, editor)
            raise
        for one in pending:
            if one.parent == schedule.schedule:
                self._replaced(one, points.keys())
        return planned

    def _replaced(self, earlier: Schedule, targets: Collection[Target]) -> None:
        """The new return of the same schedule restores these workloads too."""
        try:
            self._end(earlier, targets)
        except KubeDoorError as error:
            # It finds them under the new scale when it is due.
            log.warning("the return %s could not be replaced yet: %s", earlier.name, error)

    def _current_state(
        self, request: ActionRequest, pending: list[Schedule], action: str
    ) -> dict[Target, RestorePoint]:
        """Without the workloads whose scale is refused."""
        points = {}
        for one in self._actions.plan(request):
            if one.verdict is not Verdict.REFUSED:
                manual = self._manual_replicas(one.target)
                over = return_in_force(one.target, manual, pending)
                temporary = request.replicas_of(one.target)
                points[plain(one.target)] = RestorePoint(manual, one.replicas_before or 0, temporary, over, action)
        return points

    def _discard(self, saved: Schedule, editor: Editor) -> None:
        try:
            self._sync.delete(saved, editor)
        except KubeDoorError as error:
            # It will run, and find nothing to restore.
            log.warning("the return %s of a scale that did not start could not be deleted: %s", saved.name, error)

    def settled(self, name: str, *, all_at_once: bool = False) -> ReturnProgress | None:
        """How far a return is, after what is done was taken out of it; None: it is done, and was deleted.

        `all_at_once`: what is not due yet counts as due. Raises StoreError, or Conflict when another process changes it at this moment.
        """
        schedule = self._store.one(name)
        if schedule is None:
            return None
        runs = self._store.runs([name], since=self._now() - KEPT_RUNS)[name]
        items, newest = self._items(schedule, runs)
        if done := self._done(schedule, items, all_at_once=all_at_once):
            schedule = self._end(schedule, done)
            items = [item for item in items if item.target not in done]
        if schedule and newest and newest["state"] == "cancelled" and not schedule.paused:
            schedule = self._paused_by_cancel(schedule, newest)
        return ReturnProgress(schedule, items, runs) if schedule else None

    def progress(self, schedule: Schedule, runs: Sequence[Row]) -> list[ReturnItem]:
        """The same, without a change."""
        return self._items(schedule, runs)[0]

    def _items(self, schedule: Schedule, runs: Sequence[Row]) -> tuple[list[ReturnItem], Row | None]:
        """Also the newest attempt."""
        attempts = [action_of(run) for run in runs]
        actions = self._actions.by_ids([*attempts, *scaled_by(schedule)])
        newest = next((actions[one] for one in attempts if one in actions), None)
        return return_items(schedule, actions, attempts, self._now() + EARLY_TOLERANCE), newest

    def _done(self, schedule: Schedule, items: Sequence[ReturnItem], *, all_at_once: bool) -> set[Target]:
        """Also those that are under a scale stacked on this one: the return of that one restores them."""
        done = {item.target for item in items if item.state is ItemState.DONE}
        due = [item for item in items if _is_wanted(item, all_at_once=all_at_once)]
        pending = self._pending() if due else []
        covered = (item for item in due if self._is_covered(item, stacked_on(schedule, item.target, pending)))
        return done | {item.target for item in covered}

    def _paused_by_cancel(self, schedule: Schedule, attempt: Row) -> Schedule:
        """Who cancels an attempt does not want the next one in a minute. It can be resumed."""
        if schedule.changed_at and attempt["last_at"] <= schedule.changed_at:
            return schedule
        who = str(attempt["cancelled_by"] or schedule.changed_by)
        log.info("return %s is paused, since %s has cancelled its attempt", schedule.name, who)
        return self._store.save(replace(schedule, paused=True, changed_by=who))

    def restore(self, progress: ReturnProgress, editor: Editor, *, action: str, all_at_once: bool = False) -> bool:
        """Start an attempt for what is due, or for all that is left. False: there is nothing to start.

        Raises ReturnRefused, or the KubeDoorError why the action cannot be started now.
        """
        targets = {item.target for item in progress.items if _is_wanted(item, all_at_once=all_at_once)}
        schedule = self._with_points_beneath(progress.schedule, targets)
        if schedule is None:
            return False
        points = {target: point for target, point in restore_points(schedule) if target in targets}
        begun = {item.target for item in progress.items if item.point.begun}
        due = replace(
            parse(schedule.wish),
            targets=tuple(
                replace(target, back_to=replace(point, begun=target in begun)) for target, point in points.items()
            ),
        )
        if not points:
            return False
        try:
            self._actions.start(
                due,
                editor,
                skip_refused=True,
                skip_busy=True,
                action=action,
                on_end=lambda: self.settle(schedule.schedule),
            )
        except InvalidInput as error:
            if not all(one.is_final for one in self._actions.plan(due)):
                raise
            if len(points) == len(progress.items):
                raise ReturnRefused(error.message) from error
            self._end(schedule, points.keys())
            raise
        return True

    def settle(self, name: str) -> None:
        """As `settled`, after an attempt has ended. Never raises."""
        try:
            self.settled(name)
        except KubeDoorError as error:
            log.warning("what is done of the return %s could not be taken out of it yet: %s", name, error)

    def _with_points_beneath(self, schedule: Schedule, targets: Collection[Target]) -> Schedule | None:
        """Take over what the due returns beneath this one would restore: nothing is left to them then.

        None: somebody has kept the number, or deleted the return, at this moment.
        """
        pending = self._pending()
        by_name = {one.schedule: one for one in pending}
        for name, target in skipped_beneath(schedule, targets, pending, at=self._now() + EARLY_TOLERANCE):
            if (lower := self._store.one(name) or by_name.get(name)) is not None:
                self._end(lower, [target])
        return self._store.one(schedule.schedule)

    def _is_covered(self, item: ReturnItem, stacked: list[RestorePoint]) -> bool:
        """Whether a scale stacked on this one is in force; it may have crashed after its return was stored."""
        if not stacked:
            return False
        temporary = item.point.temporary
        return any(one.temporary == temporary for one in stacked) or self._manual_replicas(item.target) != temporary

    def _end(self, schedule: Schedule, targets: Collection[Target]) -> Schedule | None:
        """Take these workloads out of a return, and hand their restore points over to the returns on top of it.

        None: no other one is left, and it is deleted. Idempotent. Raises StoreError, Conflict.
        """
        for one in self._pending(but=schedule):
            if after := handed_over(one, schedule, targets):
                self._store.save(after)
        rest = without_targets(schedule, targets)
        if rest is None:
            self._sync.retire(schedule, is_listed=False)
            return None
        return self._store.save(rest) if rest != schedule else schedule

    def expected_replicas(self, schedules: Iterable[Schedule]) -> dict[str, dict[Target, int]]:
        """By return: what it would restore, as things are now."""
        returns = [one for one in schedules if one.parent]
        pending = self._pending() if returns else []
        points = {one.schedule: effective_restore_points(one, pending, at=one.at) for one in returns if one.at}
        rows, control_on = {}, None
        if any(point.manual is None for by_target in points.values() for point in by_target.values()):
            rows = {(row["namespace"], row["deployment"]): row for row in self._control.control_rows()}
            control_on = self._actions.control_is_on()
        return {
            name: {
                target: restored_replicas(point, rows.get((target.namespace, target.deployment)), control_on=control_on)
                for target, point in by_target.items()
            }
            for name, by_target in points.items()
        }

    def _pending(self, *, but: Schedule | None = None) -> list[Schedule]:
        """The returns that are not over."""
        now = self._now()
        others = [one for one in self._store.all() if one.parent and (but is None or one.schedule != but.schedule)]
        late = [one for one in others if one.at and one.at <= now]
        begun = (
            self._store.claimed_times([one.schedule for one in late], since=min(one.at for one in late if one.at))
            if late
            else {}
        )
        return [
            one for one in others if any(restore_points(one)) and not is_over(one, begun.get(one.schedule, ()), now)
        ]

    def _manual_replicas(self, target: Target) -> int | None:
        key = WorkloadKey(self._actions.cluster_name, target.namespace, target.deployment)
        return self._control.manual(key).replicas


def _is_wanted(item: ReturnItem, *, all_at_once: bool) -> bool:
    return item.is_to_try or (all_at_once and item.state is ItemState.WAITING)
