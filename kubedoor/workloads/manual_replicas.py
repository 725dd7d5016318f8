"""Writes the manual replicas of a scale to a number, and restores them if the scale fails.

The value is written before the Deployment is scaled, because the admission webhook reads it during that request. It is
restored after a refusal, because the webhook would enforce it on the next change of the Deployment.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from kubedoor.errors import Conflict, StoreError
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.sentences import Sentence, sentence
from kubedoor.store.control import ControlStore

EDIT_ATTEMPTS = 3
RETRY_SECONDS = 1.0


@dataclass
class ManualReplicas:
    """The manual replicas of one workload during one scale by `who`."""

    control: ControlStore
    key: WorkloadKey
    who: str
    before: ManualValues
    after: ManualValues | None = None
    overwritten: Sentence = Sentence()
    """A sentence about a value that somebody else set since the plan and `set` replaced; else empty."""

    def set(self, wanted: int | None, *, planned_on: int, note: str) -> None:
        """Write `wanted` as the manual replicas; `planned_on` is the version the plan is based on.

        Retries after concurrent edits; other values of these edits are kept, and also their note if `note` is empty.
        Raises Conflict after EDIT_ATTEMPTS conflicts, or StoreError.
        """
        for attempt in range(EDIT_ATTEMPTS):
            if self.before.replicas == wanted:
                return
            is_concurrent_edit = self.before.version != planned_on and self.before.edited_by != self.who
            kept_note = note or (self.before.note if is_concurrent_edit else "")
            values = replace(self.before, replicas=wanted, note=kept_note)
            try:
                self.after = self.control.edit(self.key, values, based_on=self.before.version, who=self.who)
                self.overwritten = _overwritten_text(self.before) if is_concurrent_edit else Sentence()
                return
            except Conflict:
                if attempt == EDIT_ATTEMPTS - 1:
                    raise
                self.before = self.control.manual(self.key)

    def restore(self) -> Sentence:
        """Restore the value before `set`, unless somebody edited it since. Returns the result as text; never raises."""
        if self.after is None:
            return Sentence()
        values = replace(self.after, replicas=self.before.replicas, note=self.before.note)
        for attempt in range(EDIT_ATTEMPTS):
            try:
                self.after = self.control.edit(self.key, values, based_on=self.after.version, who=self.who)
                break
            except Conflict:
                self.after = self._current()
                break
            except StoreError:
                if attempt < EDIT_ATTEMPTS - 1:
                    time.sleep(RETRY_SECONDS)
        return self._told()

    def _told(self) -> Sentence:
        replicas = self.after.replicas if self.after else None
        if replicas is None:
            return (
                sentence("operations.manual_none_again") if self.is_restored else sentence("operations.manual_none_now")
            )
        if self.is_restored:
            return sentence("operations.manual_again", replicas=replicas)
        return sentence("operations.manual_now", replicas=replicas)

    def _current(self) -> ManualValues | None:
        try:
            return self.control.manual(self.key)
        except StoreError:
            return self.after

    @property
    def is_restored(self) -> bool:
        return self.after is None or self.after.replicas == self.before.replicas


def _overwritten_text(manual: ManualValues) -> Sentence:
    who = manual.edited_by or sentence("common.somebody")
    if manual.replicas is None:
        return sentence("operations.edited_meanwhile_none", who=who)
    return sentence("operations.edited_meanwhile", who=who, replicas=manual.replicas)
