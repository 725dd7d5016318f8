"""Actions: requests, events and heartbeats.

The state of an action is not stored: `kubedoor.operations.actions` derives it from events and heartbeats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from kubedoor.store.connection import Connection, Row, only

HEARTBEAT_TIMEOUT_SECONDS = 30
"""The executing process sends a heartbeat every few seconds; without one for this long it counts as dead."""
ENDS = ("finished", "failed", "cancelled", "skipped")
"""`skipped`: there was nothing to do, or everything was refused."""
PAUSING = "pausing"
"""A pause before the next item begins; `until` in its detail."""
KEPT_DAYS = 365
"""Retention of the events; the state of an older action could not be derived."""


@dataclass(frozen=True)
class ActionRecord:
    """The request of one action; `number` is its position in the sequence of the cluster's actions."""

    action: str
    number: int
    who: str
    via: str
    address: str
    wish: Mapping[str, Any]
    asked_at: datetime | None = None


@dataclass(frozen=True)
class ActionEvent:
    """An event of an action, or of one item if namespace and deployment are set."""

    action: str
    event: str
    namespace: str = ""
    deployment: str = ""
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ActionFilter:
    """Empty strings match everything. `who`, `namespace` and `deployment` match exactly.

    `target`: a part of namespace/deployment of one of its workloads, whatever the case.
    """

    state: str = ""
    kind: str = ""
    who: str = ""
    target: str = ""
    namespace: str = ""
    deployment: str = ""


ANY_ACTION = ActionFilter()


class OperationStore:
    """Actions of one cluster."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def newest_number(self) -> int:
        """0 if there is no action."""
        sql = "SELECT max(number) AS number FROM actions WHERE cluster = {cluster:String}"
        return int(only(self._connection.rows(sql, cluster=self._cluster))["number"])

    def add(self, record: ActionRecord) -> bool:
        """Add an action; False if another one already has its number. The caller retries with the next number."""
        self.heartbeat(record.action)
        row = {
            "cluster": self._cluster,
            "number": record.number,
            "action": record.action,
            "who": record.who,
            "via": record.via,
            "address": record.address,
            "wish": _json(record.wish),
        }
        self._connection.insert("actions", [row], token=f"{self._cluster}/{record.number}")
        winner = self._connection.rows(
            "SELECT action FROM actions WHERE cluster = {cluster:String} AND number = {number:UInt32}"
            " ORDER BY action LIMIT 1",
            cluster=self._cluster,
            number=record.number,
        )
        return bool(winner) and winner[0]["action"] == record.action

    def one(self, action: str) -> ActionRecord | None:
        rows = self._connection.rows(
            f"{_ACTIONS} WHERE cluster = {{cluster:String}} AND action = {{action:String}} AND {_KEPT}",
            cluster=self._cluster,
            action=action,
            kept_days=KEPT_DAYS,
        )
        return _record(rows[0]) if rows else None

    def recent(self, *, limit: int, before: int | None = None, wanted: ActionFilter = ANY_ACTION) -> list[ActionRecord]:
        """Newest first. `before`: only smaller numbers, for paging."""
        rows = self._connection.rows(
            f"{_ACTIONS} WHERE cluster = {{cluster:String}} AND {_KEPT}"
            " AND ({before:Nullable(UInt32)} IS NULL OR number < {before:Nullable(UInt32)})"
            f" AND {_MATCHES} AND {_IN_STATE.get(wanted.state, 'true')} ORDER BY number DESC LIMIT {{limit:UInt32}}",
            cluster=self._cluster,
            before=before,
            **{name: value for name, value in asdict(wanted).items() if name != "state"},
            limit=limit,
            kept_days=KEPT_DAYS,
            seconds=HEARTBEAT_TIMEOUT_SECONDS,
        )
        return [_record(row) for row in rows]

    def by_ids(self, actions: Sequence[str]) -> list[ActionRecord]:
        """The actions with these ids; unknown ids are ignored."""
        rows = self._connection.rows(
            f"{_ACTIONS} WHERE cluster = {{cluster:String}} AND action IN {{actions:Array(String)}} AND {_KEPT}",
            cluster=self._cluster,
            actions=list(actions),
            kept_days=KEPT_DAYS,
        )
        return [_record(row) for row in rows]

    def active(self) -> list[ActionRecord]:
        """Actions without an end event and with a recent heartbeat."""
        rows = self._connection.rows(
            f"{_ACTIONS} WHERE cluster = {{cluster:String}} AND action IN ({_WITH_HEARTBEAT})"
            " AND action NOT IN (SELECT action FROM action_events WHERE cluster = {cluster:String}"
            " AND event IN {ends:Array(String)}) ORDER BY number",
            cluster=self._cluster,
            seconds=HEARTBEAT_TIMEOUT_SECONDS,
            ends=list(ENDS),
        )
        return [_record(row) for row in rows]

    def alive(self, actions: Sequence[str]) -> set[str]:
        """Those of `actions` that have a recent heartbeat."""
        rows = self._connection.rows(
            f"{_WITH_HEARTBEAT} AND action IN {{actions:Array(String)}}",
            cluster=self._cluster,
            seconds=HEARTBEAT_TIMEOUT_SECONDS,
            actions=list(actions),
        )
        return {row["action"] for row in rows}

    def heartbeat(self, action: str) -> None:
        self._connection.insert("action_beats", [{"cluster": self._cluster, "action": action}])

    def record(self, *events: ActionEvent) -> None:
        """Raises StoreError; a step that cannot be recorded must not be executed."""
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
        """Events of these actions, oldest first; for each item only the newest event of each kind."""
        return self._events(_EVENTS, actions)

    def latest_events(self, actions: Sequence[str]) -> dict[str, list[Row]]:
        """As `events`, but only the newest event of each item, and `detail` only for failures. Cheaper, for lists."""
        return self._events(_LATEST_EVENTS, actions)

    def _events(self, sql: str, actions: Sequence[str]) -> dict[str, list[Row]]:
        rows = self._connection.rows(sql, cluster=self._cluster, actions=list(actions))
        by_action: dict[str, list[Row]] = {action: [] for action in actions}
        for row in rows:
            by_action[row["action"]].append(
                {
                    "at": row["newest_at"],
                    "event": row["newest_event"],
                    "namespace": row["namespace"],
                    "deployment": row["deployment"],
                    "detail": json.loads(row["newest_detail"]),
                }
            )
        return by_action

    def is_cancel_requested(self, action: str) -> bool:
        rows = self._connection.rows(
            "SELECT 1 FROM action_events WHERE cluster = {cluster:String} AND action = {action:String}"
            " AND event = 'cancel_asked' LIMIT 1",
            cluster=self._cluster,
            action=action,
        )
        return bool(rows)


_ACTIONS = "SELECT action, number, who, via, address, wish, asked_at FROM actions"
# Compares times of the server's clock only: the clocks of pods may differ.
_WITH_HEARTBEAT = (
    "SELECT action FROM action_beats WHERE cluster = {cluster:String}"
    " AND at > now64(3, 'UTC') - toIntervalSecond({seconds:UInt32})"
)
_KEPT = "asked_at > now64(3, 'UTC') - toIntervalDay({kept_days:UInt32})"

_MATCHES = (
    "({kind:String} = '' OR JSONExtractString(wish, 'kind') = {kind:String})"
    " AND ({who:String} = '' OR who = {who:String})"
    " AND (concat({target:String}, {namespace:String}, {deployment:String}) = '' OR arrayExists("
    "one -> ({namespace:String} = '' OR one.1 = {namespace:String})"
    " AND ({deployment:String} = '' OR one.2 = {deployment:String})"
    " AND positionCaseInsensitiveUTF8(concat(one.1, '/', one.2), {target:String}) > 0,"
    " JSONExtract(wish, 'targets', 'Array(Tuple(namespace String, deployment String))')))"
)

# Aggregated in SQL: progress events come every few seconds, so an action of hundreds of items has tens of thousands.
_EVENTS = (
    "SELECT action, max(at) AS newest_at, event AS newest_event, namespace, deployment,"
    " if(event = 'cancel_asked', argMin(detail, at), argMax(detail, at)) AS newest_detail FROM action_events"
    " WHERE cluster = {cluster:String} AND action IN {actions:Array(String)}"
    " GROUP BY action, event, namespace, deployment ORDER BY action, newest_at"
)
_NEWEST = "(event IN ('item_skipped', 'item_done', 'item_failed', 'item_left'), at)"
_LATEST_EVENTS = (
    f"SELECT action, max(at) AS newest_at, argMax(event, {_NEWEST}) AS newest_event, namespace, deployment,"
    f" multiIf(newest_event = 'item_failed', argMax(detail, {_NEWEST}),"
    " newest_event = 'cancel_asked', argMin(detail, at), '{}') AS newest_detail FROM action_events"
    " WHERE cluster = {cluster:String} AND action IN {actions:Array(String)}"
    " GROUP BY action, if(namespace = '', event, ''), namespace, deployment ORDER BY action, newest_at"
)


def _with_event(event: str) -> str:
    return f"action IN (SELECT action FROM action_events WHERE cluster = {{cluster:String}} AND event = '{event}')"


_ENDED = f"({' OR '.join(_with_event(end) for end in ENDS)})"
_RUNNING = f"NOT {_ENDED} AND action IN ({_WITH_HEARTBEAT})"
# Must match how kubedoor.operations.actions derives a state from the events.
_IN_STATE = {
    **{end: f"({_with_event(end)})" for end in ENDS},
    "running": f"({_RUNNING} AND NOT {_with_event('cancel_asked')})",
    "cancelling": f"({_RUNNING} AND {_with_event('cancel_asked')})",
    "interrupted": f"(NOT {_ENDED} AND action NOT IN ({_WITH_HEARTBEAT}))",
}


def _record(row: Row) -> ActionRecord:
    return ActionRecord(**{**row, "wish": json.loads(row["wish"])})


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, default=str, separators=(",", ":"), ensure_ascii=False)
