"""Executes the items of one action: in order, at most `at_once` in parallel, each until its rollout is healthy.

Every step is recorded before it is made: after a crash, an item without a recorded start was not touched. A batch whose
heartbeats fail starts no further item, since other pods consider it interrupted by then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kubedoor.errors import ClusterError, Forbidden, KubeDoorError, StoreError
from kubedoor.identity.audit import Editor, audited
from kubedoor.kube.client import Cluster
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.operations.changes import Changes, ItemFailed
from kubedoor.operations.plan import Planner
from kubedoor.operations.planned import Planned, Refused, Verdict
from kubedoor.operations.replan import Replanner
from kubedoor.operations.request import ActionRequest, Kind, Target
from kubedoor.operations.rollout import RolloutState, rollout_of
from kubedoor.sentences import Sentence, joined, sentence, with_said
from kubedoor.store.control import ControlStore
from kubedoor.store.operations import HEARTBEAT_TIMEOUT_SECONDS, PAUSING, ActionEvent, OperationStore
from kubedoor.store.records import RecordStore
from kubedoor.workloads.manual_replicas import ManualReplicas

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 3.0
KEEP_AWAKE_SECONDS = 60.0
PROGRESS_SECONDS = 5.0
"""Progress of an item is recorded when it changes, at most once in this time."""
RECORD_ATTEMPTS = 5


@dataclass(frozen=True)
class ActionDependencies:
    cluster: Cluster
    cluster_name: str
    control: ControlStore
    store: OperationStore
    records: RecordStore
    planner: Planner
    now: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    keep_awake: Callable[[], None] = lambda: None
    """Called once a minute during an action: Knative scales a pod without requests to zero."""


@dataclass
class Batch:
    """One action that runs in this process."""

    action: str
    request: ActionRequest
    planned: Sequence[Planned]
    editor: Editor
    dependencies: ActionDependencies
    _stopping: threading.Event = field(default_factory=threading.Event)
    """No further item is started."""
    _cancelled: threading.Event = field(default_factory=threading.Event)
    """Rollouts under way are no longer waited for either."""
    _ended: threading.Event = field(default_factory=threading.Event)
    _failures: int = 0
    _last_heartbeat_at: float = 0.0
    _remarks: dict[Target, Sentence] = field(default_factory=dict)
    """By item: text to append to the message of its result."""

    def __post_init__(self) -> None:
        dependencies = self.dependencies
        self._replanner = Replanner(
            dependencies.planner, self.request, wait=self._cancelled.wait, monotonic=dependencies.monotonic
        )
        self._changes = Changes(dependencies.cluster, wait=self._cancelled.wait)

    def run(self) -> None:
        """Returns when the outcome is recorded. Never raises."""
        self._last_heartbeat_at = self.dependencies.monotonic()
        heartbeat = threading.Thread(target=self._heartbeat, name=f"heartbeat-{self.action}", daemon=True)
        heartbeat.start()
        try:
            self._dispatch([planned for planned in self.planned if planned.verdict is Verdict.WILL])
            self._record_with_retry(ActionEvent(self.action, self._outcome()))
        except Exception:
            log.exception("action %s failed", self.action)
            self._record_with_retry(
                ActionEvent(self.action, "failed", detail=with_said({"message": sentence("common.internal_error")}))
            )
        finally:
            self._ended.set()
            heartbeat.join()

    def cancel(self) -> None:
        """Start no further item, and stop waiting for the rollouts under way."""
        self._stopping.set()
        self._cancelled.set()

    def _outcome(self) -> str:
        if self._cancelled.is_set():
            return "cancelled"
        if not any(planned.verdict is Verdict.WILL for planned in self.planned):
            return "skipped"
        return "failed" if self._failures else "finished"

    def _dispatch(self, planned: Sequence[Planned]) -> None:
        slots = threading.Semaphore(self.request.at_once)
        with ThreadPoolExecutor(self.request.at_once, thread_name_prefix=f"action-{self.action}") as pool:
            for number, one in enumerate(planned):
                while not slots.acquire(timeout=POLL_SECONDS) and not self._stopping.is_set():
                    pass
                if number and not self._stopping.is_set():
                    self._pause()
                if self._stopping.is_set():
                    return
                pool.submit(self._run_item, one).add_done_callback(lambda _done: slots.release())

    def _pause(self) -> None:
        """Before each further item; its end is recorded for those who watch."""
        if self.request.interval_seconds:
            until = self.dependencies.now() + timedelta(seconds=self.request.interval_seconds)
            try:
                self.dependencies.store.record(ActionEvent(self.action, PAUSING, detail={"until": until.isoformat()}))
            except StoreError as error:
                log.warning("action %s: a pause could not be recorded: %s", self.action, error)
            self._stopping.wait(self.request.interval_seconds)

    def _heartbeat(self) -> None:
        """Until the end: write heartbeats, and poll for a request to cancel."""
        kept_awake_at = self.dependencies.monotonic()
        while not self._ended.wait(HEARTBEAT_SECONDS):
            if self.dependencies.monotonic() - kept_awake_at > KEEP_AWAKE_SECONDS:
                kept_awake_at = self.dependencies.monotonic()
                self.dependencies.keep_awake()
            try:
                self.dependencies.store.heartbeat(self.action)
                self._last_heartbeat_at = self.dependencies.monotonic()
                if self.dependencies.store.is_cancel_requested(self.action):
                    self.cancel()
            except StoreError as error:
                log.warning("action %s: no heartbeat: %s", self.action, error)

    # One item

    def _run_item(self, planned: Planned) -> None:
        target = planned.target
        try:
            self._record_result("item_done", target, self._execute(planned))
        except _Cancelled as cancelled:
            self._record_result("item_left", target, cancelled.message)
        except KubeDoorError as error:
            self._fail(target, error.message)
        except Exception:
            log.exception("action %s: %s failed", self.action, target)
            self._fail(target, sentence("common.internal_error"))

    def _fail(self, target: Target, message: Sentence) -> None:
        self._failures += 1
        if self.request.stop_on_failure:
            self._stopping.set()
        self._record_result("item_failed", target, message)

    def _record_result(self, event: str, target: Target, message: Sentence) -> None:
        message = joined(message, self._remarks.pop(target, ""))
        self._record_with_retry(self._event(event, target, message=message))

    def _execute(self, planned: Planned) -> Sentence:
        """Change one workload and wait for its rollout; returns the message of its result. Raises KubeDoorError."""
        target, dependencies = planned.target, self.dependencies
        if dependencies.monotonic() - self._last_heartbeat_at > HEARTBEAT_TIMEOUT_SECONDS / 2:
            self._stopping.set()
            raise ItemFailed(sentence("operations.not_touched", reason=sentence("operations.not_recorded")))
        fresh = self._replanner.plan(target)
        self._remarks[target] = (fresh.mismatch or fresh.kept) if fresh.verdict is Verdict.WILL else Sentence()
        if fresh.verdict is Verdict.REFUSED:
            raise ItemFailed(sentence("operations.not_touched", reason=fresh.reason))
        if self.request.kind is Kind.RESTORE and fresh.mismatch:
            raise ItemFailed(sentence("operations.not_touched", reason=fresh.mismatch))
        manual = dependencies.control.manual(self._key(target))
        before = {"replicas": fresh.replicas_before, "manual_replicas": manual.replicas}
        dependencies.store.record(self._event("item_started", target, before=before))
        if fresh.verdict is Verdict.NOTHING:
            return fresh.reason
        after = {"replicas": fresh.replicas_after, "restarts": fresh.restarts, "action": self.action}
        with audited(
            dependencies.records,
            self.editor,
            f"workload.{self.request.kind}",
            str(self._key(target)),
            before=before,
            after=after,
        ):
            generation = self._change(fresh, manual, planned.manual_version)
        self._record_with_retry(self._event("item_changed", target, after=after))
        return self._wait_for_rollout(target, generation)

    def _change(self, planned: Planned, manual: ManualValues, planned_on: int) -> int:
        """Returns the generation of the Deployment to wait for; 0: of any."""
        target = planned.target
        if self.request.kind is Kind.RESTORE:
            planner, values = self.dependencies.planner, self.dependencies.planner.values_of(target)
            generation, remark = self._changes.restore(target, lambda found: planner.restored(target, found, values)[0])
            self._add_remark(target, remark)
            return generation
        if planned.restarts:
            return self._changes.restart(target, at=self.dependencies.now().isoformat(timespec="seconds"))
        desired = planned.replicas_after
        manual_replicas = ManualReplicas(self.dependencies.control, self._key(target), self.editor.who, manual)
        if self.request.kind is Kind.SCALE:
            values = self.dependencies.planner.values_of(target)
            context = self._replanner.context()
            desired = self.dependencies.planner.desired_replicas(self.request, target, values, context)
            self._set_manual(target, manual_replicas, planned_on)
        if desired is None:
            raise Refused(sentence("operations.no_replicas_known"))
        try:
            self._add_remark(target, self._changes.scale(target, desired, is_enforced=planned.is_enforced))
        except KubeDoorError as error:
            # A return keeps its manual value: the admission enforces it at the next change of the Deployment.
            remark = Sentence() if target.back_to else manual_replicas.restore()
            if not manual_replicas.is_restored:
                self._record_with_retry(self._event("item_changed", target, after={"action": self.action}))
            raise ItemFailed(joined(error.message, remark)) from error
        return 0

    def _set_manual(self, target: Target, manual_replicas: ManualReplicas, planned_on: int) -> None:
        """Before the scale, whose admission reads the manual value."""
        wanted = target.back_to.manual if target.back_to else self.request.replicas_of(target)
        if wanted is not None or target.back_to:
            manual_replicas.set(wanted, planned_on=planned_on, note=self.request.note)
            self._remarks[target] = manual_replicas.overwritten

    def _add_remark(self, target: Target, remark: Sentence) -> None:
        self._remarks[target] = joined(self._remarks.get(target, ""), remark)

    def _wait_for_rollout(self, target: Target, generation: int) -> Sentence:
        """Raises ItemFailed when the rollout fails or exceeds its deadline, _Cancelled when the action is cancelled."""
        ends_at = self.dependencies.monotonic() + self.request.deadline_seconds
        recorded, recorded_at = "", float("-inf")
        while True:
            state, message = self._rollout_state(target, generation)
            if state is RolloutState.HEALTHY:
                return message
            if state is RolloutState.FAILED:
                raise ItemFailed(sentence("operations.rollout_failed", reason=message))
            now = self.dependencies.monotonic()
            if now > ends_at:
                seconds = self.request.deadline_seconds
                raise ItemFailed(sentence("operations.not_healthy", seconds=seconds, progress=message))
            if message != recorded and now - recorded_at >= PROGRESS_SECONDS:
                recorded, recorded_at = message, now
                self._record_with_retry(self._event("item_progress", target, message=message))
            if self._cancelled.wait(min(POLL_SECONDS, max(0.05, ends_at - now))):
                raise _Cancelled(sentence("operations.not_waited", progress=message))

    def _rollout_state(self, target: Target, generation: int) -> tuple[RolloutState, Sentence]:
        try:
            manifest = self.dependencies.cluster.deployment(target.namespace, target.deployment)
        except (ClusterError, Forbidden) as error:
            return RolloutState.WAITING, error.message
        if manifest is None:
            return RolloutState.FAILED, sentence("operations.deployment_gone")
        rollout = rollout_of(manifest, generation=generation)
        return rollout.state, rollout.message

    # The record

    def _key(self, target: Target) -> WorkloadKey:
        return WorkloadKey(self.dependencies.cluster_name, target.namespace, target.deployment)

    def _event(self, event: str, target: Target, **detail: Any) -> ActionEvent:
        return ActionEvent(self.action, event, target.namespace, target.deployment, with_said(detail))

    def _record_with_retry(self, event: ActionEvent) -> None:
        """For what has already happened: retry for 15 s, then only log."""
        for attempt in range(RECORD_ATTEMPTS):
            try:
                self.dependencies.store.record(event)
                return
            except StoreError as error:
                log.warning("action %s: %s could not be recorded: %s", self.action, event.event, error)
                if attempt < RECORD_ATTEMPTS - 1:
                    # A cancelled action has to record its results too, so cancelling does not cut this pause short.
                    time.sleep(2.0**attempt)


class _Cancelled(KubeDoorError):
    """The action was cancelled after the item was changed."""
