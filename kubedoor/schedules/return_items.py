"""How far a return is, workload by workload: derived from the actions that scaled and that restored them. Pure.

A workload is done with when it was brought back, when a rule skipped it, or when its temporary scale never came to it.
Everything else is tried again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any

from kubedoor.model.schedules import Schedule
from kubedoor.operations.request import RestorePoint, Target
from kubedoor.schedules.return_rules import restore_points
from kubedoor.sentences import NOTHING, Sentence, as_sentence

ROUNDING = timedelta(seconds=30)
"""A return is due at a full minute, up to a minute late: so much of it makes up for a workload that was scaled later."""
Action = Mapping[str, Any]
"""An action with its items, as `Actions.by_ids` shows it."""


class ItemState(StrEnum):
    WAITING = "waiting"
    """Its time has not come, or its scale has not come to it."""
    DUE = "due"
    UNDER_WAY = "under_way"
    FAILED = "failed"
    """The last attempt did not bring it back; it is tried again."""
    DONE = "done"


@dataclass(frozen=True)
class ReturnItem:
    """`message`: of its last attempt; why it is skipped, if it is."""

    target: Target
    point: RestorePoint
    due_at: datetime
    state: ItemState
    message: Sentence = NOTHING

    @property
    def is_to_try(self) -> bool:
        return self.state in (ItemState.DUE, ItemState.FAILED)


def return_items(
    schedule: Schedule, actions: Mapping[str, Action], attempts: Sequence[str], now: datetime
) -> list[ReturnItem]:
    """`actions`: those that scaled and restored, by id; `attempts`: the ids of the latter, newest first."""
    if schedule.at is None:
        return []
    tried = [actions[one] for one in attempts if one in actions]
    return [_item(target, point, schedule.at, actions, tried, now) for target, point in restore_points(schedule)]


def scaled_by(schedule: Schedule) -> set[str]:
    """The actions whose temporary scales a return ends."""
    return {point.scaled_by for _, point in restore_points(schedule) if point.scaled_by}


def _item(
    target: Target,
    point: RestorePoint,
    at: datetime,
    actions: Mapping[str, Action],
    tried: Sequence[Action],
    now: datetime,
) -> ReturnItem:
    scale = actions.get(point.scaled_by)
    scaled = next(_items_of(target, [scale] if scale else []), None)
    due_at = at + _delay(scaled)
    found = ReturnItem(target, point, due_at, ItemState.DUE if now >= due_at else ItemState.WAITING)
    if scaled:
        action, item = scaled
        if _is_untouched(item):
            # Its scale may still come to it, or never will.
            return replace(found, state=ItemState.WAITING if _is_alive(action) else ItemState.DONE)
        if item["state"] == "running" and _is_alive(action):
            return replace(found, state=ItemState.WAITING)
    return _tried(found, list(_items_of(target, tried)))


def _tried(found: ReturnItem, attempts: Sequence[tuple[Action, Mapping[str, Any]]]) -> ReturnItem:
    if not attempts:
        return found
    begun = any(item["started_at"] for _, item in attempts)
    found = replace(found, point=replace(found.point, begun=found.point.begun or begun))
    for action, item in attempts:
        if _is_done(item):
            return replace(found, state=ItemState.DONE, message=as_sentence(item["message"]))
        if item["state"] in ("untouched", "running") and _is_alive(action):
            return replace(found, state=ItemState.UNDER_WAY)
    message = next((item["message"] for _, item in attempts if item["message"]), "")
    state = found.state if found.state is ItemState.WAITING else ItemState.FAILED
    return replace(found, state=state, message=as_sentence(message))


def _items_of(target: Target, actions: Sequence[Action]) -> Iterator[tuple[Action, Mapping[str, Any]]]:
    for action in actions:
        for item in action["items"]:
            if (item["namespace"], item["deployment"]) == (target.namespace, target.deployment):
                yield action, item


def _delay(scaled: tuple[Action, Mapping[str, Any]] | None) -> timedelta:
    """In full minutes: how much later than the first one this workload was scaled."""
    if not scaled or not scaled[1]["started_at"]:
        return timedelta(0)
    later = scaled[1]["started_at"] - scaled[0]["asked_at"] - ROUNDING
    return timedelta(minutes=max(0, ceil(later / timedelta(minutes=1))))


def _is_alive(action: Action) -> bool:
    return action["state"] in ("running", "cancelling")


def _is_untouched(item: Mapping[str, Any]) -> bool:
    return item["state"] in ("untouched", "skipped")


def _is_done(item: Mapping[str, Any]) -> bool:
    """Changed counts, even if its pods do not become ready: the scale is the one from before."""
    was_scaled = item["was_changed"] and item["replicas_after"] is not None
    return item["state"] == "done" or was_scaled or (item["state"] == "skipped" and item["is_final"])
