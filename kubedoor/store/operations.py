"""Actions: what was asked for, and what became of each item, event by event. A state is derived from the events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubedoor.store.connection import Connection, Row, only

SILENT_AFTER_SECONDS = 30
"""Whoever does an action says so every few seconds; after such a silence it is taken for dead."""
ENDS = ("finished", "failed", "cancelled")
KEPT_DAYS = 365
"""As long as the events are: of an older action nobody could tell what became of it."""


@dataclass(frozen=True)
class AskedAction:
    """One action as it was asked for; `number` is its place in the cluster's sequence."""

    action: str
    number: int
    who: str
    via: str
    address: str
    wish: Mapping[str, Any]
    asked_at: datetime | None = None


@dataclass(frozen=True)
class ActionEvent:
    """What happened to an action, or with a namespace and a deployment to one of its items."""

    action: str
    event: str
    namespace: str = ""
    deployment: str = ""
    detail: Mapping[str, Any] | None = None


class OperationStore:
    """Actions of one cluster."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def newest_number(self) -> int:
        """0: there never was an action."""
        sql = "SELECT max(number) AS number FROM actions WHERE cluster = {cluster:String}"
        return int(only(self._connection.rows(sql, cluster=self._cluster))["number"])

    def add(self, asked: AskedAction) -> bool:
        """Write an action under its number; False when another one has the number already."""
        self.beat(asked.action)
        row = {
            "cluster": self._cluster,
            "number": asked.number,
            "action": asked.action,
            "who": asked.who,
            "via": asked.via,
            "address": asked.address,
            "wish": _json(asked.wish),
        }
        self._connection.insert("actions", [row], token=f"{self._cluster}/{asked.number}")
        winner = self._connection.rows(
            "SELECT action FROM actions WHERE cluster = {cluster:String} AND number = {number:UInt32}"
            " ORDER BY action LIMIT 1",
            cluster=self._cluster,
            number=asked.number,
        )
        return bool(winner) and winner[0]["action"] == asked.action

    def one(self, action: str) -> AskedAction | None:
        rows = self._connection.rows(
            f"{_ACTIONS} WHERE cluster = {{cluster:String}} AND action = {{action:String}} AND {_KEPT}",
            cluster=self._cluster,
            action=action,
            kept_days=KEPT_DAYS,
        )
        return _asked(rows[0]) if rows else None

    def recent(self, *, limit: int, before: int | None = None, state: str = "", kind: str = "") -> list[AskedAction]:
        """The newest first; `before`: only those with a smaller number, for paging. Empty: any state, any kind."""
        rows = self._connection.rows(
            f"{_ACTIONS} WHERE cluster = {{cluster:String}} AND {_KEPT}"
            " AND ({before:Nullable(UInt32)} IS NULL OR number < {before:Nullable(UInt32)})"
            " AND ({kind:String} = '' OR JSONExtractString(wish, 'kind') = {kind:String})"
            f" AND {_IN_STATE.get(state, 'true')} ORDER BY number DESC LIMIT {{limit:UInt32}}",
            cluster=self._cluster,
            before=before,
            kind=kind,
            limit=limit,
            kept_days=KEPT_DAYS,
            seconds=SILENT_AFTER_SECONDS,
        )
        return [_asked(row) for row in rows]

    def those(self, actions: Sequence[str]) -> list[AskedAction]:
        """Those of `actions` that there are."""
        rows = self._connection.rows(
            f"{_ACTIONS} WHERE cluster = {{cluster:String}} AND action IN {{actions:Array(String)}} AND {_KEPT}",
            cluster=self._cluster,
            actions=list(actions),
            kept_days=KEPT_DAYS,
        )
        return [_asked(row) for row in rows]

    def active(self) -> list[AskedAction]:
        """Actions that have not ended and whose doer is alive."""
        rows = self._connection.rows(
            f"{_ACTIONS} WHERE cluster = {{cluster:String}} AND action IN ({_ALIVE})"
            " AND action NOT IN (SELECT action FROM action_events WHERE cluster = {cluster:String}"
            " AND event IN {ends:Array(String)}) ORDER BY number",
            cluster=self._cluster,
            seconds=SILENT_AFTER_SECONDS,
            ends=list(ENDS),
        )
        return [_asked(row) for row in rows]

    def alive(self, actions: Sequence[str]) -> set[str]:
        """Those of `actions` whose doer has said lately that it is at work."""
        rows = self._connection.rows(
            f"{_ALIVE} AND action IN {{actions:Array(String)}}",
            cluster=self._cluster,
            seconds=SILENT_AFTER_SECONDS,
            actions=list(actions),
        )
        return {row["action"] for row in rows}

    def beat(self, action: str) -> None:
        self._connection.insert("action_beats", [{"cluster": self._cluster, "action": action}])

    def record(self, *events: ActionEvent) -> None:
        """Raises StoreError; what cannot be recorded must not be done."""
        rows = [
            {
                "cluster": self._cluster,
                "action": event.action,
                "event": event.event,
                "namespace": event.namespace,
                "deployment": event.deployment,
                "detail": _json(event.detail or {}),
            }
            for event in events
        ]
        self._connection.insert("action_events", rows)

    def events(self, actions: Sequence[str]) -> dict[str, list[Row]]:
        """The events of these actions, oldest first; of each kind about one item only the newest."""
        return self._events(_EVENTS, actions)

    def last_words(self, actions: Sequence[str]) -> dict[str, list[Row]]:
        """As `events`, but of each item only what it came to, with no details but those of failures."""
        return self._events(_LAST_WORDS, actions)

    def _events(self, sql: str, actions: Sequence[str]) -> dict[str, list[Row]]:
        rows = self._connection.rows(sql, cluster=self._cluster, actions=list(actions))
        found: dict[str, list[Row]] = {action: [] for action in actions}
        for row in rows:
            found[row["action"]].append(
                {
                    "at": row["newest_at"],
                    "event": row["newest_event"],
                    "namespace": row["namespace"],
                    "deployment": row["deployment"],
                    "detail": json.loads(row["newest_detail"]),
                }
            )
        return found

    def is_cancel_asked(self, action: str) -> bool:
        rows = self._connection.rows(
            "SELECT 1 FROM action_events WHERE cluster = {cluster:String} AND action = {action:String}"
            " AND event = 'cancel_asked' LIMIT 1",
            cluster=self._cluster,
            action=action,
        )
        return bool(rows)


_ACTIONS = "SELECT action, number, who, via, address, wish, asked_at FROM actions"
# The server's own clock on both sides: pods may disagree about the time.
_ALIVE = (
    "SELECT action FROM action_beats WHERE cluster = {cluster:String}"
    " AND at > now64(3, 'UTC') - toIntervalSecond({seconds:UInt32})"
)
_KEPT = "asked_at > now64(3, 'UTC') - toIntervalDay({kept_days:UInt32})"

# Progress is an event every few seconds, so an action of hundreds of items has ten thousands of them.
_EVENTS = (
    "SELECT action, max(at) AS newest_at, event AS newest_event, namespace, deployment,"
    " if(event = 'cancel_asked', argMin(detail, at), argMax(detail, at)) AS newest_detail FROM action_events"
    " WHERE cluster = {cluster:String} AND action IN {actions:Array(String)}"
    " GROUP BY action, event, namespace, deployment ORDER BY action, newest_at"
)
_NEWEST = "(event IN ('item_skipped', 'item_done', 'item_failed', 'item_left'), at)"
_LAST_WORDS = (
    f"SELECT action, max(at) AS newest_at, argMax(event, {_NEWEST}) AS newest_event, namespace, deployment,"
    f" multiIf(newest_event = 'item_failed', argMax(detail, {_NEWEST}),"
    " newest_event = 'cancel_asked', argMin(detail, at), '{}') AS newest_detail FROM action_events"
    " WHERE cluster = {cluster:String} AND action IN {actions:Array(String)}"
    " GROUP BY action, if(namespace = '', event, ''), namespace, deployment ORDER BY action, newest_at"
)


def _with_event(event: str) -> str:
    return f"action IN (SELECT action FROM action_events WHERE cluster = {{cluster:String}} AND event = '{event}')"


_ENDED = f"({' OR '.join(_with_event(end) for end in ENDS)})"
_AT_WORK = f"NOT {_ENDED} AND action IN ({_ALIVE})"
# As kubedoor.actions derives a state from the events.
_IN_STATE = {
    **{end: f"({_with_event(end)})" for end in ENDS},
    "running": f"({_AT_WORK} AND NOT {_with_event('cancel_asked')})",
    "cancelling": f"({_AT_WORK} AND {_with_event('cancel_asked')})",
    "interrupted": f"(NOT {_ENDED} AND action NOT IN ({_ALIVE}))",
}


def _asked(row: Row) -> AskedAction:
    return AskedAction(**{**row, "wish": json.loads(row["wish"])})


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, default=str, separators=(",", ":"), ensure_ascii=False)
