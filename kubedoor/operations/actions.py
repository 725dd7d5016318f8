"""Actions on workloads: plan, start, follow, cancel. The state of an action is derived from its stored events, so that
every pod can report it."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from kubedoor.errors import Conflict, InvalidInput, NotFound
from kubedoor.identity.audit import Editor, audited
from kubedoor.operations.batch import ActionDependencies, Batch
from kubedoor.operations.plan import Planner
from kubedoor.operations.planned import Planned, Verdict, ordered
from kubedoor.operations.progress import items_of, summary
from kubedoor.operations.request import ActionRequest
from kubedoor.sentences import as_sentence, sentence, with_said
from kubedoor.store.connection import Row
from kubedoor.store.operations import ANY_ACTION, ActionEvent, ActionFilter, ActionRecord, OperationStore

log = logging.getLogger(__name__)

START_ATTEMPTS = 5


class Actions:
    """`publish` is called after each action: it may have changed manual values."""

    def __init__(self, *, dependencies: ActionDependencies, publish: Callable[[], None]) -> None:
        self._dependencies = dependencies
        self._publish = publish
        self._lock = threading.Lock()
        self._running: dict[str, Batch] = {}

    @property
    def cluster_name(self) -> str:
        return self._dependencies.cluster_name

    def check_access(self) -> None:
        """Raises NoClusterAccess where KubeDoor has no access to the cluster's API server."""
        self._dependencies.cluster.check_access()

    @property
    def _store(self) -> OperationStore:
        return self._dependencies.store

    @property
    def _planner(self) -> Planner:
        return self._dependencies.planner

    def control_is_on(self) -> bool | None:
        """None: unknown."""
        return self._planner.control_is_on()

    def plan(self, request: ActionRequest) -> list[Planned]:
        """A dry run. Raises ClusterError when the API server cannot be reached."""
        return self._planner.plan_all(request, self._planner.context())

    def preview(self, request: ActionRequest) -> list[Planned]:
        """As `plan`; workloads on which another action is at work are refused, too. Raises ClusterError, StoreError."""
        planned = self.plan(request)
        wanted = {(target.namespace, target.deployment) for target in request.targets}
        busy = {key: record for record, keys in self._busy() for key in wanted & keys}
        return [_refused_as_busy(one, busy) for one in planned]

    def start(
        self,
        request: ActionRequest,
        editor: Editor,
        *,
        skip_refused: bool = False,
        skip_busy: bool = False,
        action: str = "",
        on_end: Callable[[], None] | None = None,
    ) -> tuple[str, list[Planned]]:
        """Returns the id of the action and its plan; the action runs in a thread. `action`: the id it is to have.

        Raises InvalidInput when an item is refused (with `skip_refused`: when all are), Conflict while another action
        runs on one of the workloads (with `skip_busy`: on all that are to be changed), ClusterError when the API server
        cannot be reached. `on_end` is called in the thread after the end; it must not raise.
        """
        planned = self.plan(request)
        refused = [one for one in planned if one.verdict is Verdict.REFUSED]
        if refused and (not skip_refused or len(refused) == len(planned)):
            reasons = [with_said({"workload": str(one.target), "reason": one.reason}) for one in refused]
            message = sentence("common.about", subject=refused[0].target, words=refused[0].reason)
            if len(refused) > 1:
                message = sentence("common.and_more", first=message, count=len(refused) - 1)
            raise InvalidInput(message, field="workloads", refused=reasons)
        action, planned = self._register(request, editor, planned, action=action, skip_busy=skip_busy)
        skipped = [_skipped(action, one) for one in planned if one.verdict is not Verdict.WILL]
        self._store.record(ActionEvent(action, "asked"), *skipped)
        batch = Batch(action, request, ordered(request, planned), editor, self._dependencies)
        with self._lock:
            self._running[action] = batch
        threading.Thread(target=self._run, args=(batch, on_end), name=f"action-{action}", daemon=True).start()
        return action, planned

    def _register(
        self, request: ActionRequest, editor: Editor, planned: list[Planned], *, action: str, skip_busy: bool
    ) -> tuple[str, list[Planned]]:
        """Store the action, unless another one runs on its workloads: compare-and-set by its number.

        Returns its id, and the plan with the busy workloads refused.
        """
        for _ in range(START_ATTEMPTS):
            number = self._store.newest_number() + 1
            free = self._without_busy(request, planned, skip_busy=skip_busy)
            record = ActionRecord(
                action or uuid.uuid4().hex, number, editor.who, editor.via, editor.address, request.as_json()
            )
            if self._store.add(record):
                return record.action, free
        raise Conflict(sentence("operations.many_starting"))

    def _without_busy(self, request: ActionRequest, planned: list[Planned], *, skip_busy: bool) -> list[Planned]:
        wanted = {(target.namespace, target.deployment) for target in request.targets}
        to_change = {one.key for one in planned if one.verdict is Verdict.WILL}
        busy: dict[tuple[str, str], ActionRecord] = {}
        for record, keys in self._busy():
            if conflicts := sorted(wanted & keys):
                busy |= dict.fromkeys(conflicts, record)
                if not skip_busy or (to_change and to_change <= busy.keys()):
                    raise _conflict(record, conflicts)
        return [_refused_as_busy(one, busy) for one in planned]

    def _busy(self) -> Iterator[tuple[ActionRecord, set[tuple[str, str]]]]:
        """Actions that run, with the workloads that they are at work on or will be."""
        active = self._store.active()
        events = self._store.latest_events([one.action for one in active])
        for record in active:
            items = items_of(record, events[record.action], is_alive=True)
            yield (
                record,
                {(one["namespace"], one["deployment"]) for one in items if one["state"] in ("untouched", "running")},
            )

    def _run(self, batch: Batch, on_end: Callable[[], None] | None) -> None:
        try:
            batch.run()
            self._publish()
        finally:
            with self._lock:
                self._running.pop(batch.action, None)
            if on_end:
                on_end()

    def cancel(self, action: str, editor: Editor) -> None:
        """Cancel an action, whichever pod runs it. One that has ended stays as it is. Raises NotFound."""
        if self.progress(action)["state"] not in ("running", "cancelling"):
            return
        with audited(self._dependencies.records, editor, "action.cancel", action):
            self._store.record(ActionEvent(action, "cancel_asked", detail={"who": editor.who}))
        with self._lock:
            batch = self._running.get(action)
        if batch:
            batch.cancel()

    def progress(self, action: str) -> Row:
        """The state of an action and of its items. Raises NotFound."""
        record = self._store.one(action)
        if record is None:
            raise NotFound(sentence("operations.no_action", action=action))
        (summary,) = self._summaries([record], with_items=True)
        return summary

    def recent(self, *, limit: int, before: int | None = None, wanted: ActionFilter = ANY_ACTION) -> list[Row]:
        """The newest actions, without their items."""
        return self._summaries(self._store.recent(limit=limit, before=before, wanted=wanted), with_items=False)

    def by_ids(self, actions: Sequence[str]) -> dict[str, Row]:
        """By action, with the items; without those that do not exist."""
        if not actions:
            return {}
        return {one["action"]: one for one in self._summaries(self._store.by_ids(actions), with_items=True)}

    def states(self, actions: Sequence[str]) -> dict[str, str]:
        """By action; without those that do not exist."""
        if not actions:
            return {}
        summaries = self._summaries(self._store.by_ids(actions), with_items=False)
        return {one["action"]: one["state"] for one in summaries}

    def _summaries(self, records: Sequence[ActionRecord], *, with_items: bool) -> list[Row]:
        actions = [one.action for one in records]
        # Heartbeats before events: of an action that ends between the two reads, the end is then among the events.
        alive = self._store.alive(actions)
        events = self._store.events(actions) if with_items else self._store.latest_events(actions)
        summaries = []
        for one in records:
            shown = summary(one, events[one.action], is_alive=one.action in alive)
            if not with_items:
                del shown["items"]
            summaries.append(shown)
        return summaries


def _conflict(record: ActionRecord, workloads: list[tuple[str, str]]) -> Conflict:
    names = ", ".join("/".join(one) for one in workloads[:3])
    told = {"who": record.who, "workloads": names, "kind": record.wish["kind"]}
    return Conflict(
        sentence("operations.busy_many", **told, more=len(workloads) - 3)
        if len(workloads) > 3
        else sentence("operations.busy", **told),
        action=record.action,
        who=record.who,
        workloads=["/".join(one) for one in workloads],
    )


def _refused_as_busy(planned: Planned, busy: Mapping[tuple[str, str], ActionRecord]) -> Planned:
    record = busy.get(planned.key)
    if record is None or planned.verdict is not Verdict.WILL:
        return planned
    reason = as_sentence(_conflict(record, [planned.key]).message)
    return replace(planned, verdict=Verdict.REFUSED, reason=reason, is_final=False, busy_with=record.action)


def _skipped(action: str, planned: Planned) -> ActionEvent:
    is_final = planned.is_final or planned.verdict is Verdict.NOTHING
    target, detail = planned.target, with_said({"message": planned.reason, "is_final": is_final})
    return ActionEvent(action, "item_skipped", target.namespace, target.deployment, detail)
