"""Temporary scales and their way back. The way back is written down first: whatever dies then, somebody sets back."""

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
from kubedoor.operations.plan import Verdict
from kubedoor.operations.request import BackTo, Target, Wish, number_there_was, parse
from kubedoor.schedules.cronjob_sync import Keeping
from kubedoor.schedules.rules import EARLY, is_over
from kubedoor.schedules.temporary_scale import (
    backs,
    beneath,
    goes_back_to,
    handed_over,
    on_top,
    return_of,
    without_ended,
)
from kubedoor.store.control import ControlStore
from kubedoor.store.schedules import ScheduleStore

log = logging.getLogger(__name__)


class NeverReturns(KubeDoorError):
    """Nothing of it may be set back, now or later; the message says why."""


class Returning:
    def __init__(
        self,
        *,
        store: ScheduleStore,
        keeping: Keeping,
        actions: Actions,
        control: ControlStore,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._keeping = keeping
        self._actions = actions
        self._control = control
        self._now = now

    def scale_for_a_while(self, schedule: Schedule, wish: Wish, editor: Editor) -> str:
        """The action that it starts. Raises whatever keeps it from starting, and then nothing returns either."""
        pending = self._pending(but=schedule)
        earlier = [one for one in pending if one.parent == schedule.schedule]
        found = self._what_there_is(wish, pending)
        back = return_of(schedule, wish, found, earlier, now=self._now(), who=editor.who)
        saved = self._keeping.add(back, editor) if back else None
        try:
            action, _ = self._actions.start(wish, editor, skip_refused=True)
        except KubeDoorError:
            if saved:
                self._take_back(saved, editor)
            raise
        if saved:
            # Of two returns of a schedule the later one counts.
            for one in earlier:
                self.finish(one)
        return action

    def _what_there_is(self, wish: Wish, pending: list[Schedule]) -> dict[Target, BackTo]:
        found = {}
        for one in self._actions.plan(wish):
            if one.verdict is not Verdict.REFUSED:
                manual = self._manual_replicas(one.target)
                under = beneath(one.target, manual, pending)
                number = wish.replicas_of(one.target)
                found[one.target] = BackTo(manual, one.replicas_before or 0, number, under)
        return found

    def _take_back(self, saved: Schedule, editor: Editor) -> None:
        try:
            self._keeping.remove(saved, editor)
        except KubeDoorError as error:
            # It will come, and find that nothing has been scaled.
            log.warning("the return %s of what was not scaled could not be deleted: %s", saved.name, error)

    def set_back(self, schedule: Schedule, editor: Editor) -> str:
        """End a temporary scale: the action; empty where others are on top of it, whose returns set back then.

        Raises NeverReturns, or whatever keeps it from starting now.
        """
        pending = self._pending()
        # As it is at the same moment as the others: one of them may just have handed over to it.
        schedule = next((one for one in pending if one.schedule == schedule.schedule), schedule)
        wish, back_to = parse(schedule.wish), goes_back_to(schedule, pending, at=self._now() + EARLY)
        free = [one for one in wish.targets if not self._is_held(one, on_top(schedule, one, pending))]
        targets = (replace(one, back_to=back_to.get(Target(one.namespace, one.deployment))) for one in free)
        due = replace(wish, targets=tuple(targets))
        if not due.targets:
            return ""
        try:
            action, _ = self._actions.start(due, editor, skip_refused=True)
        except InvalidInput as error:
            if all(one.is_final for one in self._actions.plan(due)):
                raise NeverReturns(error.message) from error
            raise
        self._end_beneath(replace(schedule, wish=replace(wish, targets=tuple(free)).as_json()), pending)
        return action

    def _end_beneath(self, schedule: Schedule, pending: list[Schedule]) -> None:
        """What it goes back to is what those had found: they have nothing to set back any more."""
        try:
            for one, is_empty in without_ended(schedule, pending, at=self._now() + EARLY):
                if is_empty:
                    self._keeping.retire(one, is_listed=False)
                else:
                    self._store.save(one)
        except KubeDoorError as error:
            log.warning("what is beneath return %s could not be ended, and finds so itself: %s", schedule.name, error)

    def _is_held(self, target: Target, others: list[BackTo]) -> bool:
        """Whether one of the others, which are on top of it, is in force: it may have died before it scaled anything."""
        if not others or not target.back_to:
            return False
        temporary = target.back_to.temporary
        return any(one.temporary == temporary for one in others) or self._manual_replicas(target) != temporary

    def finish(self, schedule: Schedule) -> None:
        """It has set back what it could, or another return does so: what is on top of it is told. Never raises."""
        try:
            if (now := self._store.one(schedule.schedule)) is None:
                return
            schedule = now
            for one in self._pending(but=schedule):
                if after := handed_over(one, schedule):
                    self._store.save(after)
            self._keeping.retire(schedule, is_listed=False)
        except KubeDoorError as error:
            log.warning("return %s is done, but could not be put away yet: %s", schedule.name, error)

    def numbers(self, schedules: Iterable[Schedule]) -> dict[str, dict[Target, int]]:
        """What returns will set back to, as it looks now."""
        returns = [one for one in schedules if one.parent]
        pending = self._pending() if returns else []
        found = {one.schedule: goes_back_to(one, pending, at=one.at) for one in returns if one.at}
        rows, door_on = {}, None
        if any(back.manual is None for targets in found.values() for back in targets.values()):
            rows = {(row["namespace"], row["deployment"]): row for row in self._control.control_rows()}
            door_on = self._actions.door_is_on()
        return {
            name: {
                target: number_there_was(back, rows.get((target.namespace, target.deployment)), door_on=door_on)
                for target, back in those.items()
            }
            for name, those in found.items()
        }

    def _pending(self, *, but: Schedule | None = None) -> list[Schedule]:
        """Returns that are still to come, or are tried again and again."""
        now = self._now()
        others = [one for one in self._store.all() if one.parent and (but is None or one.schedule != but.schedule)]
        late = [one for one in others if one.at and one.at <= now]
        begun = (
            self._store.begun([one.schedule for one in late], since=min(one.at for one in late if one.at))
            if late
            else {}
        )
        return [one for one in others if any(backs(one)) and not is_over(one, begun.get(one.schedule, ()), now)]

    def _manual_replicas(self, target: Target) -> int | None:
        key = WorkloadKey(self._actions.cluster_name, target.namespace, target.deployment)
        return self._control.manual(key).replicas
