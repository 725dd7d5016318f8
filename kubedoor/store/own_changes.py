"""Who is behind the admissions that KubeDoor's own requests cause: the person and the action, from the audit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta

from kubedoor.store.connection import Connection, Row

CHANGES = ("workload.scale", "workload.restart", "workload.apply", "workload.restore")
BEFORE = timedelta(seconds=60)
"""How long before its admission a change is on record: requests are retried for half a minute."""
SKEW = timedelta(seconds=2)
"""How much later at most: the clock of the store is another one."""
_SQL = (
    "SELECT at, who, via, target, after FROM audit WHERE cluster = {cluster:String}"
    " AND action IN {changes:Array(String)} AND target IN {targets:Array(String)}"
    " AND at BETWEEN {since:DateTime64(3, 'UTC')} AND {until:DateTime64(3, 'UTC')} ORDER BY at"
)


class OwnChanges:
    """Of one cluster. `username`: KubeDoor's own in that cluster."""

    def __init__(self, connection: Connection, cluster: str, *, username: str) -> None:
        self._connection = connection
        self._cluster = cluster
        self._username = username

    def named(self, admissions: Sequence[Row]) -> list[Row]:
        """The same rows with `by`, `by_via` and `action`; all None where the request was not KubeDoor's.

        Actions take turns on a workload, so the newest change of it before the admission is the one. Raises StoreError.
        """
        own = [row for row in admissions if row["username"] == self._username]
        changes = self._changes(own) if own else []
        return [{**row, **_change_behind(row, self._target(row), changes)} for row in admissions]

    def _changes(self, admissions: Sequence[Row]) -> list[Row]:
        times = [row["at"] for row in admissions]
        rows = self._connection.rows(
            _SQL,
            cluster=self._cluster,
            changes=list(CHANGES),
            targets=sorted({self._target(row) for row in admissions}),
            since=min(times) - BEFORE,
            until=max(times) + SKEW,
        )
        return list(reversed(rows))

    def _target(self, row: Row) -> str:
        if row["username"] != self._username:
            return ""
        return f"{self._cluster}/{row['namespace']}/{row['deployment']}"


def _change_behind(row: Row, target: str, newest_first: Iterable[Row]) -> Row:
    for change in newest_first:
        if change["target"] == target and row["at"] - BEFORE <= change["at"] <= row["at"] + SKEW:
            action = json.loads(change["after"]).get("action")
            return {"by": change["who"], "by_via": change["via"], "action": action}
    return {"by": None, "by_via": None, "action": None}
