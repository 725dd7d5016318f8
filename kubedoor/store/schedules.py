"""Schedules in append-only versions, and their runs.

A run is claimed before it is executed: of several processes the first to write the run of a due time wins.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from kubedoor.errors import Conflict, StoreError
from kubedoor.model.schedules import Schedule
from kubedoor.sentences import NOTHING, Sentence, sentence
from kubedoor.store.connection import Connection, Row
from kubedoor.store.said import read_said, said_column

MAX_RUNS = 1000
RUN_TIMEOUT_SECONDS = 120
"""A run gets its result within seconds of its claim; after this time without one it counts as interrupted."""
INTERRUPTED = sentence("schedules.interrupted")
_COLUMNS = (
    "schedule, version, name, wish, cron, at, time_zone, return_after_minutes, parent, paused, deleted, token_hash,"
    " made_by, changed_by, changed_at"
)


class ScheduleStore:
    """Schedules of one cluster."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def all(self) -> list[Schedule]:
        """All schedules that are not deleted, ordered by name."""
        rows = self._connection.rows(
            f"SELECT {_COLUMNS} FROM schedules WHERE cluster = {{cluster:String}} AND NOT deleted ORDER BY name, schedule",
            cluster=self._cluster,
        )
        return [_schedule(row) for row in rows]

    def one(self, schedule: str) -> Schedule | None:
        rows = self._connection.rows(
            f"SELECT {_COLUMNS} FROM schedules WHERE cluster = {{cluster:String}} AND schedule = {{schedule:String}}"
            " AND NOT deleted",
            cluster=self._cluster,
            schedule=schedule,
        )
        return _schedule(rows[0]) if rows else None

    def of_other_clusters(self, schedules: Collection[str]) -> set[str]:
        """Those of these ids that are schedules of other clusters."""
        if not schedules:
            return set()
        rows = self._connection.rows(
            "SELECT schedule FROM schedules WHERE cluster != {cluster:String} AND NOT deleted"
            " AND schedule IN {schedules:Array(String)}",
            cluster=self._cluster,
            schedules=list(schedules),
        )
        return {row["schedule"] for row in rows}

    def save(self, schedule: Schedule) -> Schedule:
        """Write the next version. Raises Conflict if `schedule.version` is stale."""
        next_version = replace(schedule, version=schedule.version + 1)
        edit = uuid.uuid4()
        row = {
            **{name: value for name, value in asdict(next_version).items() if name != "changed_at"},
            "cluster": self._cluster,
            "edit": edit,
            "wish": json.dumps(next_version.wish, separators=(",", ":"), ensure_ascii=False),
        }
        token = f"{self._cluster}/{schedule.schedule}/{next_version.version}"
        self._connection.insert("schedule_versions", [row], token=token)
        winner = self._connection.rows(
            "SELECT edit FROM schedule_versions WHERE cluster = {cluster:String} AND schedule = {schedule:String}"
            " AND version = {version:UInt32} ORDER BY edit LIMIT 1",
            cluster=self._cluster,
            schedule=schedule.schedule,
            version=next_version.version,
        )
        if not winner or winner[0]["edit"] != edit:
            raise Conflict(sentence("schedules.changed_meanwhile", name=schedule.name))
        return next_version

    def claim(self, schedule: str, due: datetime, *, begun_by: str) -> uuid.UUID | None:
        """Claim the run of this due time; None if another process has claimed it. Raises StoreError."""
        run = uuid.uuid4()
        row = {"cluster": self._cluster, "schedule": schedule, "due": due, "run": run, "begun_by": begun_by}
        failure: StoreError | None = None
        try:
            self._connection.insert("schedule_runs", [row], token=f"{self._cluster}/{schedule}/{due.isoformat()}")
        except StoreError as error:
            # Perhaps only the response was lost: then this process holds the claim and has to execute the run.
            failure = error
        winner = self._connection.rows(
            "SELECT run FROM schedule_runs WHERE cluster = {cluster:String} AND schedule = {schedule:String}"
            " AND due = {due:DateTime64(3, 'UTC')} ORDER BY run LIMIT 1",
            cluster=self._cluster,
            schedule=schedule,
            due=due,
        )
        if failure and not winner:
            raise failure
        return run if winner and winner[0]["run"] == run else None

    def record_result(self, run: uuid.UUID, *, action: str = "", message: Sentence = NOTHING) -> None:
        """The result of a run: the started action, or a message why none was started."""
        row = {"cluster": self._cluster, "run": run, "action": action}
        row |= {"message": message, "message_said": said_column(message)}
        self._connection.insert("schedule_results", [row])

    def runs(self, schedules: Sequence[str], *, since: datetime, limit: int = MAX_RUNS) -> dict[str, list[Row]]:
        """The newest runs of each schedule that were due since. `message` is None while there is no result.

        The action of a run without a result, if it started one, has the id of the run: `action_of`.
        """
        rows = self._connection.rows(
            "SELECT r.schedule AS schedule, r.run AS run, r.due AS due, r.begun_at AS begun_at, r.begun_by AS begun_by,"
            " nullIf(e.action, '') AS action, e.run IS NULL AND r.begun_at < now64(3, 'UTC') - toIntervalSecond({silent:UInt32})"
            " AS is_silent, e.message AS message, e.message_said AS message_said"
            " FROM schedule_runs AS r LEFT ANY JOIN schedule_results AS e ON r.cluster = e.cluster AND r.run = e.run"
            " WHERE r.cluster = {cluster:String} AND r.schedule IN {schedules:Array(String)}"
            " AND r.due >= {since:DateTime64(3, 'UTC')} ORDER BY r.schedule, r.due DESC LIMIT {limit:UInt32} BY r.schedule"
            " SETTINGS join_use_nulls = 1",
            cluster=self._cluster,
            schedules=list(schedules),
            since=since,
            limit=limit,
            silent=RUN_TIMEOUT_SECONDS,
        )
        by_schedule: dict[str, list[Row]] = {schedule: [] for schedule in schedules}
        for row in rows:
            row["message"] = _message(row)
            by_schedule[row.pop("schedule")].append(row)
        return by_schedule

    def claimed_times(self, schedules: Sequence[str], *, since: datetime) -> dict[str, set[datetime]]:
        """Due times of the claimed runs of each schedule since; without runs that a user started out of turn."""
        rows = self._connection.rows(
            "SELECT schedule, groupUniqArray(due) AS dues FROM schedule_runs WHERE cluster = {cluster:String}"
            " AND schedule IN {schedules:Array(String)} AND due >= {since:DateTime64(3, 'UTC')}"
            " AND toStartOfMinute(due) = due GROUP BY schedule",
            cluster=self._cluster,
            schedules=list(schedules),
            since=since,
        )
        return {schedule: set() for schedule in schedules} | {row["schedule"]: set(row["dues"]) for row in rows}


def action_of(run: Row) -> str:
    """The action that a run started, if it did; known also where the run has no result."""
    return str(run["action"] or uuid.UUID(str(run["run"])).hex)


def _message(row: Row) -> Sentence | None:
    if row.pop("is_silent"):
        return INTERRUPTED
    text, said = row["message"], row.pop("message_said")
    return None if text is None else read_said(text, said)


def _schedule(row: Row) -> Schedule:
    return Schedule(**{**row, "wish": json.loads(row["wish"])})
