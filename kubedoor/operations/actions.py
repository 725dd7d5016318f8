"""Actions on workloads: planned, started, followed, cancelled. The record of an action is its events: any pod tells it."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from kubedoor.errors import Conflict, InvalidInput, NotFound
from kubedoor.identity.audit import Editor, recorded
from kubedoor.operations.batch import Batch, Tools
from kubedoor.operations.plan import Planned, Planner, Verdict, ordered
from kubedoor.operations.request import Wish
from kubedoor.store.connection import Row
from kubedoor.store.operations import ENDS, ActionEvent, AskedAction, OperationStore

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
_LAST_WORDS = ("skipped", "done", "failed", "interrupted")
_LOST = "its rollout was not waited for to the end"


class Actions:
    """`publish` is called when manual values have changed."""

    def __init__(self, *, tools: Tools, publish: Callable[[], None]) -> None:
        self._tools = tools
        self._publish = publish
        self._lock = threading.Lock()
        self._running: dict[str, Batch] = {}

    @property
    def cluster_name(self) -> str:
        return self._tools.cluster_name

    def check_access(self) -> None:
        """Raises NoClusterAccess where nothing could ever be done."""
        self._tools.cluster.check_access()

    @property
    def _store(self) -> OperationStore:
        return self._tools.store

    @property
    def _planner(self) -> Planner:
        return self._tools.planner

    def door_is_on(self) -> bool | None:
        """None: the cluster does not say."""
        return self._planner.door_is_on()

    def plan(self, wish: Wish) -> list[Planned]:
        """Exactly what would happen; nothing is changed. Raises ClusterError when the API server is away."""
        return self._planner.plan_all(wish, self._planner.look())

    def start(self, wish: Wish, editor: Editor, *, skip_refused: bool = False) -> tuple[str, list[Planned]]:
        """Start an action; its id, and what is planned.

        Raises InvalidInput when an item must not be done (unless those are to be skipped) or when nothing would be
        done at all, Conflict when another action is at work on one of the workloads, ClusterError without a cluster.
        """
        planned = self.plan(wish)
        refused = [one for one in planned if one.verdict is Verdict.REFUSED]
        if refused and (not skip_refused or len(refused) == len(planned)):
            told = [{"workload": str(one.target), "reason": one.reason} for one in refused]
            raise InvalidInput(
                f"{refused[0].target}: {refused[0].reason}"
                + (f", and {len(refused) - 1} more" if len(refused) > 1 else ""),
                field="workloads",
                refused=told,
            )
        action = self._ask(wish, editor)
        skipped = [
            ActionEvent(action, "item_skipped", one.target.namespace, one.target.deployment, {"message": one.reason})
            for one in planned
            if one.verdict is not Verdict.WILL
        ]
        self._store.record(ActionEvent(action, "asked"), *skipped)
        batch = Batch(action, wish, ordered(wish, planned), editor, self._tools)
        with self._lock:
            self._running[action] = batch
        threading.Thread(target=self._run, args=(batch,), name=f"action-{action}", daemon=True).start()
        return action, planned

    def _ask(self, wish: Wish, editor: Editor) -> str:
        """Write the action down, unless another one is at work on one of its workloads: compare-and-set."""
        for _ in range(START_ATTEMPTS):
            number = self._store.newest_number() + 1
            self._refuse_if_busy(wish)
            asked = AskedAction(uuid.uuid4().hex, number, editor.who, editor.via, editor.address, wish.as_json())
            if self._store.add(asked):
                return asked.action
        raise Conflict("many actions are being started at this moment: try again")

    def _refuse_if_busy(self, wish: Wish) -> None:
        wanted = {(target.namespace, target.deployment) for target in wish.targets}
        active = self._store.active()
        events = self._store.last_words([one.action for one in active])
        for asked in active:
            items = _items(asked, events[asked.action], is_alive=True)
            busy = {(one["namespace"], one["deployment"]) for one in items if one["state"] in ("untouched", "running")}
            if both := sorted(wanted & busy):
                names = ", ".join("/".join(one) for one in both[:3])
                more = f" and {len(both) - 3} more" if len(both) > 3 else ""
                raise Conflict(
                    f"{asked.who} is at work on {names}{more} ({asked.wish['kind']}): wait for it, or cancel it",
                    action=asked.action,
                    who=asked.who,
                    workloads=["/".join(one) for one in both],
                )

    def _run(self, batch: Batch) -> None:
        try:
            batch.run()
            self._publish()
        finally:
            with self._lock:
                self._running.pop(batch.action, None)

    def cancel(self, action: str, editor: Editor) -> None:
        """Ask an action to stop, wherever it is done; one that is over stays as it is. Raises NotFound."""
        if self.progress(action)["state"] not in ("running", "cancelling"):
            return
        with recorded(self._tools.records, editor, "action.cancel", action):
            self._store.record(ActionEvent(action, "cancel_asked", detail={"who": editor.who}))
        with self._lock:
            batch = self._running.get(action)
        if batch:
            batch.cancel()

    def progress(self, action: str) -> Row:
        """Where an action is, with its items and events. Raises NotFound."""
        asked = self._store.one(action)
        if asked is None:
            raise NotFound(f"there is no action {action}")
        (summary,) = self._summaries([asked], with_items=True)
        return summary

    def recent(self, *, limit: int, before: int | None = None, state: str = "", kind: str = "") -> list[Row]:
        """The newest actions, without their items; empty: in any state, of any kind."""
        return self._summaries(self._store.recent(limit=limit, before=before, state=state, kind=kind), with_items=False)

    def states(self, actions: Sequence[str]) -> dict[str, str]:
        """The states of those of `actions` that there are."""
        if not actions:
            return {}
        found = self._summaries(self._store.those(actions), with_items=False)
        return {one["action"]: one["state"] for one in found}

    def _summaries(self, asked: Sequence[AskedAction], *, with_items: bool) -> list[Row]:
        actions = [one.action for one in asked]
        # Whether it is alive is asked first: an end that comes in between is then seen among the events.
        alive = self._store.alive(actions)
        events = self._store.events(actions) if with_items else self._store.last_words(actions)
        found = []
        for one in asked:
            summary = _summary(one, events[one.action], is_alive=one.action in alive)
            if not with_items:
                del summary["items"]
            found.append(summary)
        return found


def _summary(asked: AskedAction, events: list[Row], *, is_alive: bool) -> Row:
    end = next((event for event in events if event["event"] in ENDS), None)
    cancel = next((event for event in events if event["event"] == "cancel_asked"), None)
    state = end["event"] if end else ("cancelling" if cancel else "running") if is_alive else "interrupted"
    items = _items(asked, events, is_alive=is_alive and end is None)
    counts = {name: sum(item["state"] == name for item in items) for name in (*_LAST_WORDS, "running", "untouched")}
    wish = {name: value for name, value in asked.wish.items() if name != "targets"}
    failure = next((item for item in items if item["state"] == "failed"), None)
    return {
        **wish,
        "action": asked.action,
        "number": asked.number,
        "state": state,
        "who": asked.who,
        "via": asked.via,
        "asked_at": asked.asked_at,
        "last_at": events[-1]["at"] if events else asked.asked_at,
        "message": f"{failure['namespace']}/{failure['deployment']}: {failure['message']}" if failure else "",
        "cancelled_by": cancel["detail"].get("who") if cancel else None,
        "total": len(items),
        **counts,
        "items": items,
    }


def _items(asked: AskedAction, events: list[Row], *, is_alive: bool) -> list[Row]:
    """What became of each item, in the order in which they were asked for."""
    by_target: dict[tuple[str, str], list[Row]] = {}
    for event in events:
        by_target.setdefault((event["namespace"], event["deployment"]), []).append(event)
    return [
        _item(target, by_target.get((target["namespace"], target["deployment"]), []), is_alive=is_alive)
        for target in asked.wish["targets"]
    ]


def _item(target: dict[str, Any], events: list[Row], *, is_alive: bool) -> Row:
    events = [event for event in events if event["event"] in _ITEM_STATES]
    # Two events of the same millisecond have no order, so an end counts wherever it stands.
    ends = [event for event in events if _ITEM_STATES[event["event"]] in _LAST_WORDS]
    last = (ends or events)[-1] if events else None
    state = _ITEM_STATES[last["event"]] if last else "untouched"
    message = str(last["detail"].get("message", "")) if last else ""
    was_changed = any(event["event"] == "item_changed" for event in events)
    if state == "running" and not is_alive:
        state, message = "interrupted", f"changed; {_LOST}" if was_changed else "perhaps changed: look at it"
    detail = {name: value for event in events for name, value in event["detail"].items() if name in ("before", "after")}
    return {
        "namespace": target["namespace"],
        "deployment": target["deployment"],
        "state": state,
        "message": message,
        "was_changed": was_changed,
        "replicas_before": detail.get("before", {}).get("replicas"),
        "manual_replicas_before": detail.get("before", {}).get("manual_replicas"),
        "replicas_after": detail.get("after", {}).get("replicas"),
        "started_at": next((event["at"] for event in events if event["event"] == "item_started"), None),
        "ended_at": ends[-1]["at"] if ends else None,
    }
