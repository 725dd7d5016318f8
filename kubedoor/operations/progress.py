"""The state of an action and of its items, derived from its stored events. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubedoor.sentences import Sentence, restored, sentence
from kubedoor.store.connection import Row
from kubedoor.store.operations import ENDS, PAUSING, ActionRecord

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
NAMED = 3
"""How many of its workloads the summary of an action names."""


def summary(record: ActionRecord, events: list[Row], *, is_alive: bool) -> Row:
    """With its `items`; `workloads`: the first of them, by name."""
    end = next((event for event in events if event["event"] in ENDS), None)
    cancel = next((event for event in events if event["event"] == "cancel_asked"), None)
    state = end["event"] if end else ("cancelling" if cancel else "running") if is_alive else "interrupted"
    items = items_of(record, events, is_alive=is_alive and end is None)
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
        "workloads": [{name: one[name] for name in ("namespace", "deployment")} for one in items[:NAMED]],
        "next_at": _next_at(events) if state == "running" else None,
        **counts,
        "items": items,
    }


def _next_at(events: list[Row]) -> datetime | None:
    """When a pause between two items ends; None: there is none now, or the events are without details."""
    pause = next((event for event in events if event["event"] == PAUSING), None)
    if pause is None or "until" not in pause["detail"]:
        return None
    started = (event["at"] for event in events if event["event"] == "item_started")
    return None if any(at > pause["at"] for at in started) else datetime.fromisoformat(pause["detail"]["until"])


def _failure(item: Row) -> Sentence:
    workload = f"{item['namespace']}/{item['deployment']}"
    return sentence("common.about", subject=workload, words=item["message"])


def items_of(record: ActionRecord, events: list[Row], *, is_alive: bool) -> list[Row]:
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
