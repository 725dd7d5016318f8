"""Runs temporary scales and their returns.

The return is stored before the scale starts: a crash between the two leaves a return that finds nothing to restore, and
never a scale without a return.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from kubedoor.errors import InvalidInput, KubeDoorError
from kubedoor.identity.audit import Editor
from kubedoor.model.schedules import Schedule
from kubedoor.model.values import WorkloadKey
from kubedoor.operations.actions import Actions
from kubedoor.operations.planned import Verdict
from kubedoor.operations.request import ActionRequest, RestorePoint, Target, parse, restored_replicas
from kubedoor.schedules.cronjob_sync import CronJobSync
from kubedoor.schedules.return_rules import (
    build_return,
    effective_restore_points,
    handed_over,
    restore_points,
    return_in_force,
    stacked_on,
    without_skipped,
)
from kubedoor.schedules.rules import EARLY_TOLERANCE, is_over
from kubedoor.store.control import ControlStore
from kubedoor.store.schedules import ScheduleStore

log = logging.getLogger(__name__)


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

    def scale(self, schedule: Schedule, request: ActionRequest, editor: Editor) -> str:
        """Returns the action. Raises KubeDoorError when the action cannot be started; then there is no return either."""
        pending = self._pending(but=schedule)
        earlier = [one for one in pending if one.parent == schedule.schedule]
        points = self._current_state(request, pending)
        built = build_return(schedule, request, points, earlier, now=self._now(), who=editor.who)
        saved = self._sync.add(built, editor) if built else None
        try:
            action, _ = self._actions.start(request, editor, skip_refused=True)
        except KubeDoorError:
            if saved:
                self._discard(saved, editor)
            raise
        if saved:
            # The new return restores the workloads of the earlier ones too.
            for one in earlier:
                self.finish(one)
        return action

    def _current_state(self, request: ActionRequest, pending: list[Schedule]) -> dict[Target, RestorePoint]:
        """Without the workloads whose scale is refused."""
        points = {}
        for one in self._actions.plan(request):
            if one.verdict is not Verdict.REFUSED:
                manual = self._manual_replicas(one.target)
                over = return_in_force(one.target, manual, pending)
                temporary = request.replicas_of(one.target)
                points[one.target] = RestorePoint(manual, one.replicas_before or 0, temporary, over)
        return points

    def _discard(self, saved: Schedule, editor: Editor) -> None:
        try:
            self._sync.delete(saved, editor)
        except KubeDoorError as error:
            # It will run, and find nothing to restore.
            log.warning("the return %s of a scale that did not start could not be deleted: %s", saved.name, error)

    def restore(self, schedule: Schedule, editor: Editor) -> str:
        """Run a return. Returns the action; empty: every workload is under a scale stacked on it, whose return restores.

        Raises ReturnRefused, or the KubeDoorError why the action cannot be started now.
        """
        pending = self._pending()
        # Read again together with the others: one of them may have handed its restore points over to it.
        schedule = next((one for one in pending if one.schedule == schedule.schedule), schedule)
        request = parse(schedule.wish)
        points = effective_restore_points(schedule, pending, at=self._now() + EARLY_TOLERANCE)
        free = [one for one in request.targets if not self._is_covered(one, stacked_on(schedule, one, pending))]
        targets = (replace(one, back_to=points.get(Target(one.namespace, one.deployment))) for one in free)
        due = replace(request, targets=tuple(targets))
        if not due.targets:
            return ""
        try:
            action, _ = self._actions.start(due, editor, skip_refused=True)
        except InvalidInput as error:
            if all(one.is_final for one in self._actions.plan(due)):
                raise ReturnRefused(error.message) from error
            raise
        self._drop_skipped(replace(schedule, wish=replace(request, targets=tuple(free)).as_json()), pending)
        return action

    def _drop_skipped(self, schedule: Schedule, pending: list[Schedule]) -> None:
        """Remove the restored workloads from the due returns beneath: they have nothing left to restore there."""
        try:
            for one, is_empty in without_skipped(schedule, pending, at=self._now() + EARLY_TOLERANCE):
                if is_empty:
                    self._sync.retire(one, is_listed=False)
                else:
                    self._store.save(one)
        except KubeDoorError as error:
            log.warning("returns beneath %s could not be updated, and will restore nothing: %s", schedule.name, error)

    def _is_covered(self, target: Target, stacked: list[RestorePoint]) -> bool:
        """Whether a scale stacked on this one is in force; it may have crashed after its return was stored."""
        if not stacked or not target.back_to:
            return False
        temporary = target.back_to.temporary
        return any(one.temporary == temporary for one in stacked) or self._manual_replicas(target) != temporary

    def finish(self, schedule: Schedule) -> None:
        """Hand the restore points over to the returns on top of this one, then delete it. Idempotent; never raises."""
        try:
            if (current := self._store.one(schedule.schedule)) is None:
                return
            schedule = current
            for one in self._pending(but=schedule):
                if after := handed_over(one, schedule):
                    self._store.save(after)
            self._sync.retire(schedule, is_listed=False)
        except KubeDoorError as error:
            log.warning("return %s is done, but could not be deleted yet: %s", schedule.name, error)

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
