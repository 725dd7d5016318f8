"""The manual value that a scale to a number sets: before the cluster is asked, since the door reads it at once; and set
back when the cluster refuses, since the door would enforce it at the next change all the same."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from kubedoor.errors import Conflict, StoreError
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.store.control import ControlStore

EDIT_ATTEMPTS = 3
PAUSE_SECONDS = 1.0


@dataclass
class ManualNumber:
    """The manual replicas of one workload, for the time of one scale by `who`."""

    control: ControlStore
    key: WorkloadKey
    who: str
    before: ManualValues
    after: ManualValues | None = None
    overruled: str = ""
    """What somebody else had edited since the plan, in words."""

    def set(self, wanted: int | None, *, planned_on: int, note: str) -> None:
        """Make `wanted` the manual value; `planned_on` is the version that the plan has seen. Raises Conflict, StoreError.

        What somebody else has edited since then is kept: their other values and, where we have none, their note.
        """
        for attempt in range(EDIT_ATTEMPTS):
            if self.before.replicas == wanted:
                return
            is_news = self.before.version != planned_on and self.before.edited_by != self.who
            kept_note = note or (self.before.note if is_news else "")
            values = replace(self.before, replicas=wanted, note=kept_note)
            try:
                self.after = self.control.edit(self.key, values, based_on=self.before.version, who=self.who)
                self.overruled = _overruled(self.before) if is_news else ""
                return
            except Conflict:
                if attempt == EDIT_ATTEMPTS - 1:
                    raise
                self.before = self.control.manual(self.key)

    def set_back(self) -> str:
        """Undo it, unless somebody has edited since; what the manual value is then, in words. Never raises."""
        if self.after is None:
            return ""
        values = replace(self.after, replicas=self.before.replicas, note=self.before.note)
        for attempt in range(EDIT_ATTEMPTS):
            try:
                self.after = self.control.edit(self.key, values, based_on=self.after.version, who=self.who)
                break
            except Conflict:
                self.after = self._now()
                break
            except StoreError:
                if attempt < EDIT_ATTEMPTS - 1:
                    time.sleep(PAUSE_SECONDS)
        return f"the manual value is {_number(self.after)} {'again' if self.is_as_before else 'now'}"

    def _now(self) -> ManualValues | None:
        try:
            return self.control.manual(self.key)
        except StoreError:
            return self.after

    @property
    def is_as_before(self) -> bool:
        return self.after is None or self.after.replicas == self.before.replicas


def _overruled(manual: ManualValues) -> str:
    return f"{manual.edited_by or 'somebody'} had edited it meanwhile: the manual value was {_number(manual)}"


def _number(manual: ManualValues | None) -> str:
    return "none" if manual is None or manual.replicas is None else str(manual.replicas)
