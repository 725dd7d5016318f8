"""Actions on workloads: plan, start, follow, cancel. The state of an action is derived from its stored events, so that
every pod can report it."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from kubedoor.errors import Conflict, InvalidInput, NotFound
from kubedoor.identity.audit import Editor, audited
from kubedoor.operations.batch import ActionDependencies, Batch
from kubedoor.operations.plan import Planner
from kubedoor.operations.planned import Planned, Verdict, ordered
from kubedoor.operations.request import ActionRequest
from kubedoor.sentences import Sentence, as_sentence, restored, sentence, with_said
from kubedoor.store.connection import Row
from kubedoor.store.operations import ENDS, ActionEvent, ActionRecord, OperationStore

log = logging.getLogger(__name__)

START_ATTEMPTS = 5
_ITEM_STATES = {
    "item_skipped": "skipped",
    "item_started": "running",
    "item_progress": "running",
    "item_changed": "running",
    "item_done": "done",
    "item_failed": "failed",
    "item_left": "interrupted",
}
_FINAL_STATES = ("skipped", "done", "failed", "interrupted")


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
        to_change = {(one.target.namespace, one.target.deployment) for one in planned if one.verdict is Verdict.WILL}
        reasons: dict[tuple[str, str], Sentence] = {}
        for record, busy in self._busy():
            if conflicts := sorted(wanted & busy):
                error = _conflict(record, conflicts)
                reasons |= dict.fromkeys(conflicts, as_sentence(error.message))
                if not skip_busy or (to_change and to_change <= reasons.keys()):
                    raise error
        return [
            replace(one, verdict=Verdict.REFUSED, reason=reasons[key], is_final=False)
            if one.verdict is Verdict.WILL and (key := (one.target.namespace, one.target.deployment)) in reasons
            else one
            for one in planned
        ]

    def _busy(self) -> Iterator[tuple[ActionRecord, set[tuple[str, str]]]]:
        """Actions that run, with the workloads that they are at work on or will be."""
        active = self._store.active()
        events = self._store.latest_events([one.action for one in active])
        for record in active:
            items = _items(record, events[record.action], is_alive=True)
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

    def recent(self, *, limit: int, before: int | None = None, state: str = "", kind: str = "") -> list[Row]:
        """The newest actions, without their items. `state` and `kind` empty: any."""
        return self._summaries(self._store.recent(limit=limit, before=before, state=state, kind=kind), with_items=False)

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
            summary = _summary(one, events[one.action], is_alive=one.action in alive)
            if not with_items:
                del summary["items"]
            summaries.append(summary)
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


def _skipped(action: str, planned: Planned) -> ActionEvent:
    is_final = planned.is_final or planned.verdict is Verdict.NOTHING
    target, detail = planned.target, with_said({"message": planned.reason, "is_final": is_final})
    return ActionEvent(action, "item_skipped", target.namespace, target.deployment, detail)


def _summary(record: ActionRecord, events: list[Row], *, is_alive: bool) -> Row:
    end = next((event for event in events if event["event"] in ENDS), None)
    cancel = next((event for event in events if event["event"] == "cancel_asked"), None)
    state = end["event"] if end else ("cancelling" if cancel else "running") if is_alive else "interrupted"
    items = _items(record, events, is_alive=is_alive and end is None)
    counts = {name: sum(item["state"] == name for item in items) for name in (*_FINAL_STATES, "running", "untouched")}
    request = {name: value for name, value in record.wish.items() if name != "targets"}
    failure = next((item for item in items if item["state"] == "failed"), None)
    return {
        **request,
        "action": record.action,
        "number": record.number,
        "state": state,
        "who": record.who,
        "via": record.via,
        "asked_at": record.asked_at,
        "last_at": events[-1]["at"] if events else record.asked_at,
        "message": _failure(failure) if failure else Sentence(),
        "cancelled_by": cancel["detail"].get("who") if cancel else None,
        "total": len(items),
        **counts,
        "items": items,
    }


def _failure(item: Row) -> Sentence:
    workload = f"{item['namespace']}/{item['deployment']}"
    return sentence("common.about", subject=workload, words=item["message"])


def _items(record: ActionRecord, events: list[Row], *, is_alive: bool) -> list[Row]:
    """In the order of the request."""
    by_target: dict[tuple[str, str], list[Row]] = {}
    for event in events:
        by_target.setdefault((event["namespace"], event["deployment"]), []).append(event)
    return [
        _item(target, by_target.get((target["namespace"], target["deployment"]), []), is_alive=is_alive)
        for target in record.wish["targets"]
    ]


def _item(target: dict[str, Any], events: list[Row], *, is_alive: bool) -> Row:
    events = [event for event in events if event["event"] in _ITEM_STATES]
    # Two events of the same millisecond have no order, so a final event counts in any position.
    ends = [event for event in events if _ITEM_STATES[event["event"]] in _FINAL_STATES]
    last = (ends or events)[-1] if events else None
    state = _ITEM_STATES[last["event"]] if last else "untouched"
    told = last["detail"] if last else {}
    message = restored(str(told.get("message", "")), told.get("message_said"))
    was_changed = any(event["event"] == "item_changed" for event in events)
    if state == "running" and not is_alive:
        state = "interrupted"
        message = sentence("operations.not_waited_to_end") if was_changed else sentence("operations.perhaps_changed")
    detail = {name: value for event in events for name, value in event["detail"].items() if name in ("before", "after")}
    return {
        "namespace": target["namespace"],
        "deployment": target["deployment"],
        "state": state,
        "message": message,
        "was_changed": was_changed,
        "is_final": bool(told.get("is_final")),
        "replicas_before": detail.get("before", {}).get("replicas"),
        "manual_replicas_before": detail.get("before", {}).get("manual_replicas"),
        "replicas_after": detail.get("after", {}).get("replicas"),
        "started_at": next((event["at"] for event in events if event["event"] == "item_started"), None),
        "ended_at": ends[-1]["at"] if ends else None,
    }
