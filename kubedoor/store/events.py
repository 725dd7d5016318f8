"""What has happened that is worth telling, read from the records where it stands anyway: later than one time, not later
than another. Nothing that writes those records knows of notifications, so no channel can slow it down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from kubedoor.model.events import Event, Notice
from kubedoor.store.connection import Connection, Row
from kubedoor.store.operations import HEARTBEAT_TIMEOUT_SECONDS
from kubedoor.store.records import NOT_FAILED
from kubedoor.store.schedules import INTERRUPTED, RUN_TIMEOUT_SECONDS
from kubedoor.store.waiting import WaitingStore

MAX_GROUPS = 1000
MAX_NAMES = 5
"""Of the workloads of a namespace."""


class EventStore:
    """Events of one cluster.

    `own_username`: requests of KubeDoor's own service account are not overrides. `missed`: runs of schedules that
    nobody began, which are computed from crons and stand in no record. `min_coverage`: share of steps with samples below
    which a day is incomplete.
    """

    def __init__(
        self,
        connection: Connection,
        cluster: str,
        *,
        own_username: str,
        missed: Callable[[datetime, datetime], Iterable[Notice]],
        min_coverage: float = 0.8,
    ) -> None:
        self._connection = connection
        self._min_coverage = min_coverage
        self._cluster = cluster
        self._waiting = WaitingStore(connection, cluster)
        self._own_username = own_username
        self._missed = missed
        self._sources: dict[Event, Callable[[datetime, datetime], Iterator[Notice]]] = {
            Event.DOOR_OVERRODE: self._overrides,
            Event.CLAMPED: self._clamped,
            Event.UNKNOWN_WORKLOAD: self._unknown,
            Event.DOOR_FAILED: self._door_failed,
            Event.COLLECTION_FAILED: self._failed_collections,
            Event.COLLECTION_INCOMPLETE: self._incomplete_days,
            Event.VALUES_WAITING: self._waiting_workloads,
            Event.ACTION_FINISHED: self._finished,
            Event.ACTION_FAILED: self._failed,
            Event.SWITCH_USED: self._switched,
        }

    def between(self, event: Event, since: datetime, until: datetime) -> list[Notice]:
        """None of this kind for an event that is in no record."""
        source = self._sources.get(event)
        return list(source(since, until)) if source else []

    def _overrides(self, since: datetime, until: datetime) -> Iterator[Notice]:
        condition = "outcome = 'patched' AND username != {own:String}"
        for row in self._admissions(condition, since, until):
            yield Notice(Event.DOOR_OVERRODE, f"{_name(row)}: {_changes(row)}", row["times"])

    def _clamped(self, since: datetime, until: datetime) -> Iterator[Notice]:
        condition = "outcome = 'patched' AND arrayExists(line -> position(line, ', its limit') > 0, warnings)"
        for row in self._admissions(condition, since, until):
            yield Notice(Event.CLAMPED, f"{_name(row)}: {_changes(row)}", row["times"])

    def _unknown(self, since: datetime, until: datetime) -> Iterator[Notice]:
        for row in self._admissions("outcome IN ('unknown', 'denied')", since, until):
            yield Notice(Event.UNKNOWN_WORKLOAD, _name(row), row["times"])

    def _door_failed(self, since: datetime, until: datetime) -> Iterator[Notice]:
        for row in self._admissions("outcome = 'failed'", since, until):
            yield Notice(Event.DOOR_FAILED, f"{_name(row)}: {row['reason']}", row["times"])

    def _admissions(self, condition: str, since: datetime, until: datetime) -> list[Row]:
        """Grouped by workload, the most frequent first."""
        return self._rows(
            "SELECT namespace, deployment, count() AS times, argMax(before, at) AS before, argMax(after, at) AS after,"
            f" argMax(reason, at) AS reason FROM admissions WHERE {_WITHIN.format(time='at')} AND {condition}"
            " GROUP BY namespace, deployment ORDER BY times DESC, namespace, deployment LIMIT {limit:UInt32}",
            since,
            until,
        )

    def _failed_collections(self, since: datetime, until: datetime) -> Iterator[Notice]:
        rows = self._rows(
            "SELECT event, toString(day) AS day, message FROM collection_events"
            f" WHERE {_WITHIN.format(time='at')} AND event IN ('failed', 'failed_day') ORDER BY at LIMIT {{limit:UInt32}}",
            since,
            until,
        )
        for row in rows:
            yield Notice(Event.COLLECTION_FAILED, f"{row['day']}: {row['message']}" if row["day"] else row["message"])

    def _incomplete_days(self, since: datetime, until: datetime) -> Iterator[Notice]:
        rows = self._rows(
            "SELECT day, coverage, warnings FROM usage_days"
            f" WHERE {_WITHIN.format(time='finished_at')} AND (is_partial OR row_count = 0 OR coverage < {{least:Float32}})"
            " ORDER BY finished_at LIMIT {limit:UInt32}",
            since,
            until,
        )
        for row in rows:
            words = f": {row['warnings'][0]}" if row["warnings"] else ""
            yield Notice(Event.COLLECTION_INCOMPLETE, f"{row['day']}: {row['coverage']:.0%} of the samples{words}")

    def _waiting_workloads(self, since: datetime, until: datetime) -> Iterator[Notice]:
        """Those that wait now, by namespace, if a collection left more of them than the one before."""
        if not self._waiting.has_risen(since=since, until=until):
            return
        for row in self._waiting.by_namespace()[:MAX_GROUPS]:
            names = ", ".join(row["deployments"][:MAX_NAMES])
            more = ", …" if len(row["deployments"]) > MAX_NAMES else ""
            yield Notice(Event.VALUES_WAITING, f"{row['namespace']}: {names}{more}", row["workloads"])

    def _finished(self, since: datetime, until: datetime) -> Iterator[Notice]:
        for row in self._ended("event = 'finished'", since, until):
            yield Notice(Event.ACTION_FINISHED, _action(row))

    def _failed(self, since: datetime, until: datetime) -> Iterator[Notice]:
        for row in self._ended("event IN ('failed', 'cancelled', 'skipped')", since, until):
            yield Notice(Event.ACTION_FAILED, f"{_action(row)}: {row['event']}")
        for row in self._interrupted(since, until):
            yield Notice(Event.ACTION_FAILED, f"{_action(row)}: interrupted")
        for row in self._runs_that_failed(since, until):
            yield Notice(Event.ACTION_FAILED, f"schedule {row['name']}: {row['message']}", row["times"])
        yield from self._missed(since, until)

    def _runs_that_failed(self, since: datetime, until: datetime) -> list[Row]:
        """Scheduled runs that could not start, those that are tried again counted; and those nobody tells the end of."""
        failed = self._rows(
            "SELECT s.name AS name, e.message AS message, count() AS times FROM schedule_results AS e"
            " JOIN schedule_runs AS r ON r.cluster = e.cluster AND r.run = e.run"
            " JOIN schedules AS s ON s.cluster = r.cluster AND s.schedule = r.schedule"
            " WHERE e.cluster = {cluster:String} AND e.at > {since:DateTime64(3, 'UTC')}"
            " AND e.at <= {until:DateTime64(3, 'UTC')} AND e.message != ''"
            " GROUP BY name, message ORDER BY min(e.at) LIMIT {limit:UInt32}",
            since,
            until,
        )
        # Silent since as long as makes them interrupted now.
        silent = self._rows(
            f"SELECT s.name AS name, '{INTERRUPTED}' AS message, count() AS times FROM schedule_runs AS r"
            " JOIN schedules AS s ON s.cluster = r.cluster AND s.schedule = r.schedule WHERE r.cluster = {cluster:String}"
            f" AND r.begun_at > {{since:DateTime64(3, 'UTC')}} - toIntervalSecond({RUN_TIMEOUT_SECONDS})"
            f" AND r.begun_at <= {{until:DateTime64(3, 'UTC')}} - toIntervalSecond({RUN_TIMEOUT_SECONDS})"
            " AND r.run NOT IN (SELECT run FROM schedule_results WHERE cluster = {cluster:String})"
            " GROUP BY name ORDER BY min(r.begun_at) LIMIT {limit:UInt32}",
            since,
            until,
        )
        return [*failed, *silent]

    def _ended(self, condition: str, since: datetime, until: datetime) -> list[Row]:
        return self._rows(
            "SELECT e.event AS event, a.who AS who, a.wish AS wish FROM action_events AS e"
            " JOIN actions AS a ON a.cluster = e.cluster AND a.action = e.action"
            f" WHERE {_WITHIN.format(time='e.at').replace('cluster =', 'e.cluster =')} AND {condition}"
            " ORDER BY e.at LIMIT {limit:UInt32}",
            since,
            until,
        )

    def _interrupted(self, since: datetime, until: datetime) -> list[Row]:
        """Whose doer fell silent: it said for the last time that it is alive as long ago as makes it dead now."""
        return self._rows(
            "SELECT a.who AS who, a.wish AS wish FROM actions AS a JOIN"
            " (SELECT action, max(at) AS last FROM action_beats WHERE cluster = {cluster:String} GROUP BY action) AS b"
            " ON a.action = b.action WHERE a.cluster = {cluster:String}"
            " AND b.last > {since:DateTime64(3, 'UTC')} - toIntervalSecond({silent:UInt32})"
            " AND b.last <= {until:DateTime64(3, 'UTC')} - toIntervalSecond({silent:UInt32})"
            " AND a.action NOT IN (SELECT action FROM action_events WHERE cluster = {cluster:String}"
            " AND event IN ('finished', 'failed', 'cancelled', 'skipped')) LIMIT {limit:UInt32}",
            since,
            until,
        )

    def _switched(self, since: datetime, until: datetime) -> Iterator[Notice]:
        """What failed is told only where it was told as done before."""
        rows = self._rows(
            "SELECT who, action, outcome FROM audit"
            " WHERE at > {since:DateTime64(3, 'UTC')} AND at <= {until:DateTime64(3, 'UTC')}"
            f" AND target = {{cluster:String}} AND action IN ('control.on', 'control.off') AND {NOT_FAILED}"
            " AND (outcome = 'done' OR id IN (SELECT id FROM audit WHERE at <= {since:DateTime64(3, 'UTC')}"
            " AND outcome = 'done' AND action IN ('control.on', 'control.off')))"
            " ORDER BY at LIMIT {limit:UInt32}",
            since,
            until,
        )
        for row in rows:
            words = "" if row["outcome"] == "done" else " failed"
            yield Notice(Event.SWITCH_USED, f"{row['who']}: {row['action'].replace('.', ' ')}{words}")

    def _rows(self, sql: str, since: datetime, until: datetime) -> list[Row]:
        parameters: dict[str, Any] = {
            "cluster": self._cluster,
            "since": since,
            "until": until,
            "limit": MAX_GROUPS,
            "own": self._own_username,
            "least": self._min_coverage,
            "silent": HEARTBEAT_TIMEOUT_SECONDS,
        }
        return self._connection.rows(sql, **parameters)


_WITHIN = (
    "cluster = {{cluster:String}} AND {time} > {{since:DateTime64(3, 'UTC')}}"
    " AND {time} <= {{until:DateTime64(3, 'UTC')}}"
)


def _name(row: Row) -> str:
    return f"{row['namespace']}/{row['deployment']}"


def _changes(row: Row) -> str:
    before, after = json.loads(row["before"]), json.loads(row["after"])
    return ", ".join(f"{name} {before.get(name) or 'none'} -> {value}" for name, value in after.items())


def _action(row: Row) -> str:
    wish = json.loads(row["wish"])
    targets = [f"{one['namespace']}/{one['deployment']}" for one in wish["targets"]]
    more = f" +{len(targets) - 1}" if len(targets) > 1 else ""
    return f"{wish['kind']} {targets[0]}{more} ({row['who']})"
