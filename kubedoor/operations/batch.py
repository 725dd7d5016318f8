"""Does one action's items: in order, so many at once, with a pause between, each watched until its rollout is healthy.

Every step is recorded before it is made, so that the record tells what was done whatever dies: an item that was not
begun there was not touched. A doer that cannot say that it is alive stops, since others take it for dead by then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from kubedoor.errors import ClusterError, Forbidden, KubeDoorError, StoreError
from kubedoor.identity.audit import Editor, recorded
from kubedoor.kube.client import Cluster
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.operations.plan import Planned, Planner, Refused, Verdict
from kubedoor.operations.replan import Replanner
from kubedoor.operations.request import Kind, Target, Wish
from kubedoor.operations.retry import insist
from kubedoor.operations.rollout import RolloutState, restart_patch, rollout_of
from kubedoor.store.control import ControlStore
from kubedoor.store.operations import SILENT_AFTER_SECONDS, ActionEvent, OperationStore
from kubedoor.store.records import RecordStore
from kubedoor.workloads.manual_replicas import ManualNumber

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

POLL_SECONDS = 1.0
BEAT_SECONDS = 3.0
AWAKE_SECONDS = 60.0
PROGRESS_SECONDS = 5.0
"""An item's progress is recorded when it has changed, but not more often than this."""
SCALE_ATTEMPTS = 4
RECORD_ATTEMPTS = 5


class ItemFailed(KubeDoorError):
    """The item is not as it was asked for; the message says why."""


@dataclass(frozen=True)
class Tools:
    """What an action is done with."""

    cluster: Cluster
    cluster_name: str
    control: ControlStore
    store: OperationStore
    records: RecordStore
    planner: Planner
    now: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    keep_awake: Callable[[], None] = lambda: None
    """Called once a minute while there is work: a pod without requests may be scaled to nothing."""


@dataclass
class Batch:
    """One action under way in this process."""

    action: str
    wish: Wish
    planned: Sequence[Planned]
    editor: Editor
    tools: Tools
    _stopping: threading.Event = field(default_factory=threading.Event)
    """No further item is begun."""
    _leaving: threading.Event = field(default_factory=threading.Event)
    """Items that are under way are no longer watched either."""
    _over: threading.Event = field(default_factory=threading.Event)
    _failures: int = 0
    _beat_at: float = 0.0
    _asides: dict[Target, str] = field(default_factory=dict)
    """What an item's last words have to say besides."""

    def __post_init__(self) -> None:
        tools = self.tools
        self._replanner = Replanner(tools.planner, self.wish, wait=self._leaving.wait, monotonic=tools.monotonic)

    def run(self) -> None:
        """Do it all; returns when the end is recorded. Never raises."""
        self._beat_at = self.tools.monotonic()
        beating = threading.Thread(target=self._beat, name=f"beat-{self.action}", daemon=True)
        beating.start()
        try:
            self._dispatch([planned for planned in self.planned if planned.verdict is Verdict.WILL])
            self._record_anyway(ActionEvent(self.action, self._end()))
        except Exception:
            log.exception("action %s ended", self.action)
            self._record_anyway(ActionEvent(self.action, "failed", detail={"message": "an internal error"}))
        finally:
            self._over.set()
            beating.join()

    def cancel(self) -> None:
        """Begin no further item, and stop watching those under way."""
        self._stopping.set()
        self._leaving.set()

    def _end(self) -> str:
        if self._leaving.is_set():
            return "cancelled"
        return "failed" if self._failures else "finished"

    def _dispatch(self, planned: Sequence[Planned]) -> None:
        places = threading.Semaphore(self.wish.at_once)
        with ThreadPoolExecutor(self.wish.at_once, thread_name_prefix=f"action-{self.action}") as pool:
            for number, one in enumerate(planned):
                while not places.acquire(timeout=POLL_SECONDS) and not self._stopping.is_set():
                    pass
                if number and not self._stopping.is_set():
                    self._stopping.wait(self.wish.interval_seconds)
                if self._stopping.is_set():
                    return
                pool.submit(self._item, one).add_done_callback(lambda _done: places.release())

    def _beat(self) -> None:
        """Say that we are alive, and hear whether somebody has asked to cancel."""
        awake_at = self.tools.monotonic()
        while not self._over.wait(BEAT_SECONDS):
            if self.tools.monotonic() - awake_at > AWAKE_SECONDS:
                awake_at = self.tools.monotonic()
                self.tools.keep_awake()
            try:
                self.tools.store.beat(self.action)
                self._beat_at = self.tools.monotonic()
                if self.tools.store.is_cancel_asked(self.action):
                    self.cancel()
            except StoreError as error:
                log.warning("action %s cannot say that it is alive: %s", self.action, error)

    # One item

    def _item(self, planned: Planned) -> None:
        target = planned.target
        try:
            self._last_words("item_done", target, self._do(planned))
        except _Left as left:
            self._last_words("item_left", target, left.message)
        except KubeDoorError as error:
            self._fail(target, error.message)
        except Exception:
            log.exception("action %s: %s failed", self.action, target)
            self._fail(target, "an internal error; the log says more")

    def _fail(self, target: Target, message: str) -> None:
        self._failures += 1
        if self.wish.stop_on_failure:
            self._stopping.set()
        self._last_words("item_failed", target, message)

    def _last_words(self, event: str, target: Target, message: str) -> None:
        words = "; ".join(filter(None, (message, self._asides.pop(target, ""))))
        self._record_anyway(self._event(event, target, message=words))

    def _do(self, planned: Planned) -> str:
        """Change one workload and wait for its rollout; the last words of it. Raises whatever went wrong."""
        target, tools = planned.target, self.tools
        if tools.monotonic() - self._beat_at > SILENT_AFTER_SECONDS / 2:
            self._stopping.set()
            raise ItemFailed("not touched: the store is away, so that nobody would know what is done")
        fresh = self._replanner.plan(target)
        self._asides[target] = fresh.unlike if fresh.verdict is Verdict.WILL else ""
        if fresh.verdict is Verdict.REFUSED:
            raise ItemFailed(f"not touched: {fresh.reason}")
        manual = tools.control.manual(self._key(target))
        before = {"replicas": fresh.replicas_before, "manual_replicas": manual.replicas}
        tools.store.record(self._event("item_started", target, before=before))
        if fresh.verdict is Verdict.NOTHING:
            return fresh.reason
        after = {"replicas": fresh.replicas_after, "restarts": fresh.restarts, "action": self.action}
        with recorded(
            tools.records, self.editor, f"workload.{self.wish.kind}", str(self._key(target)), before=before, after=after
        ):
            generation = self._change(fresh, manual, planned.manual_version)
        self._record_anyway(self._event("item_changed", target, after=after))
        return self._watch(target, generation)

    def _change(self, planned: Planned, manual: ManualValues, planned_on: int) -> int:
        """Make the change; the generation that the Deployment has then."""
        target, cluster = planned.target, self.tools.cluster
        if planned.restarts:
            patch = restart_patch(self.tools.now().isoformat(timespec="seconds"))
            changed = self._insist(lambda: cluster.patch_deployment(target.namespace, target.deployment, patch))
            return int(changed["metadata"]["generation"])
        goal = planned.replicas_after
        number = ManualNumber(self.tools.control, self._key(target), self.editor.who, manual)
        if self.wish.kind is Kind.SCALE:
            values = self.tools.planner.values_of(target)
            goal = self.tools.planner.goal(self.wish, target, values)
            self._set_manual(target, number, planned_on)
        if goal is None:
            raise Refused("KubeDoor has no replicas for it")
        try:
            self._scale(target, goal)
        except KubeDoorError as error:
            # What a return has set back stays set back: the door sees to the rest at the next change.
            words = "" if target.back_to else number.set_back()
            if not number.is_as_before:
                self._record_anyway(self._event("item_changed", target, after={"action": self.action}))
            raise ItemFailed("; ".join(filter(None, (error.message, words)))) from error
        return 0

    def _set_manual(self, target: Target, number: ManualNumber, planned_on: int) -> None:
        """The number asked for becomes the manual value, before the cluster is asked: the door reads it at once."""
        wanted = target.back_to.manual if target.back_to else self.wish.replicas_of(target)
        if wanted is not None or target.back_to:
            number.set(wanted, planned_on=planned_on, note=self.wish.note)
            self._asides[target] = number.overruled

    def _scale(self, target: Target, wanted: int) -> None:
        """Ask again where another number was stored: a door whose store is slow decides from the values it remembers."""
        for attempt in range(SCALE_ATTEMPTS):
            stored = self._insist(
                lambda: self.tools.cluster.scale_deployment(target.namespace, target.deployment, wanted)
            )
            if stored == wanted:
                return
            if attempt < SCALE_ATTEMPTS - 1 and self._leaving.wait(2.0**attempt):
                break
        raise ItemFailed(f"{wanted} replicas were asked for, and {stored} were stored: an admission changed them")

    def _insist(self, request: Callable[[], Answer]) -> Answer:
        return insist(request, wait=self._leaving.wait)

    def _watch(self, target: Target, generation: int) -> str:
        """Wait until the rollout is healthy. Raises ItemFailed when it fails or takes too long, _Left when cancelled."""
        ends_at = self.tools.monotonic() + self.wish.deadline_seconds
        said, said_at = "", float("-inf")
        while True:
            state, message = self._look(target, generation)
            if state is RolloutState.HEALTHY:
                return message
            if state is RolloutState.FAILED:
                raise ItemFailed(f"changed, but its rollout failed: {message}")
            now = self.tools.monotonic()
            if now > ends_at:
                raise ItemFailed(f"changed, but not healthy within {self.wish.deadline_seconds:g} s: {message}")
            if message != said and now - said_at >= PROGRESS_SECONDS:
                said, said_at = message, now
                self._record_anyway(self._event("item_progress", target, message=message))
            if self._leaving.wait(min(POLL_SECONDS, max(0.05, ends_at - now))):
                raise _Left(f"changed; its rollout was not waited for: {message}")

    def _look(self, target: Target, generation: int) -> tuple[RolloutState, str]:
        try:
            manifest = self.tools.cluster.deployment(target.namespace, target.deployment)
        except (ClusterError, Forbidden) as error:
            return RolloutState.WAITING, error.message
        if manifest is None:
            return RolloutState.FAILED, "the Deployment is gone"
        rollout = rollout_of(manifest, generation=generation)
        return rollout.state, rollout.message

    # The record

    def _key(self, target: Target) -> WorkloadKey:
        return WorkloadKey(self.tools.cluster_name, target.namespace, target.deployment)

    def _event(self, event: str, target: Target, **detail: Any) -> ActionEvent:
        return ActionEvent(self.action, event, target.namespace, target.deployment, detail)

    def _record_anyway(self, event: ActionEvent) -> None:
        """What has happened has happened: insist for a while, then log it."""
        for attempt in range(RECORD_ATTEMPTS):
            try:
                self.tools.store.record(event)
                return
            except StoreError as error:
                log.warning("action %s: %s could not be recorded: %s", self.action, event.event, error)
                if attempt < RECORD_ATTEMPTS - 1:
                    # A cancelled action has last words as well, so nothing cuts this pause short.
                    time.sleep(2.0**attempt)


class _Left(KubeDoorError):
    """The item was changed, and then the action was cancelled."""
