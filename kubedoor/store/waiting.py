"""Which fields are withheld, and which of them wait for a person: the same SQL for the list and for notifications.

A field waits if every condition that withholds it may be accepted, and the door controls the workload. What is set by hand
is not withheld, and neither are replicas that are left to an HPA.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubedoor.model.conditions import ACCEPTABLE, RESOURCE_FIELDS
from kubedoor.store.connection import Connection, Row, only


def _any(entries: str, field: str, *, also: str = "") -> str:
    return f"arrayExists(x -> startsWith(x, '{field}:'){also}, {entries})"


_NOT_ACCEPTABLE = " AND NOT has({acceptable:Array(String)}, splitByChar(':', x)[2])"
_IS_HPAS = "(hpa AND {keeps_hpa_replicas:Bool})"
_OF_REPLICAS = f"manual_replicas IS NULL AND NOT {_IS_HPAS} AND notEmpty(withheld_replicas)"
_WITHHELD = {field: f"(manual_{field} IS NULL AND {_any('withheld', field)})" for field in RESOURCE_FIELDS}
_WAITING = {
    field: f"({withheld} AND NOT {_any('withheld', field, also=_NOT_ACCEPTABLE)})"
    for field, withheld in _WITHHELD.items()
}

CONTROL_ROWS = f"""
    SELECT *,
        {" + ".join(_WITHHELD.values())} AS withheld_fields,
        {" + ".join(_WAITING.values())} AS waiting_fields,
        {" + ".join(f"({field} IS NOT NULL)" for field in RESOURCE_FIELDS)} AS set_fields,
        {_OF_REPLICAS} AS replicas_withheld,
        {_OF_REPLICAS} AND NOT {_any("withheld_replicas", "replicas", also=_NOT_ACCEPTABLE)} AS replicas_waiting,
        replicas IS NOT NULL AND NOT {_IS_HPAS} AS replicas_set,
        mode != 'off' AND NOT opted_out AND NOT owned AS is_controlled
    FROM control WHERE cluster = {{cluster:String}}
"""
"""The rows of `control` with how many fields of the container are withheld, wait, and are set."""
COUNTS = """
        sum(c.withheld_fields) + any(c.replicas_withheld) AS withheld_count,
        any(c.is_controlled) * (sum(c.waiting_fields) + any(c.replicas_waiting)) AS waiting_count,
        any(c.is_controlled AND c.mode = 'enforce') * (sum(c.set_fields) + any(c.replicas_set)) AS enforced_count
"""
"""Sums of CONTROL_ROWS, named `c` and grouped by workload."""


def parameters(*, keeps_hpa_replicas: bool = True) -> dict[str, Any]:
    """What CONTROL_ROWS needs besides the cluster."""
    return {"acceptable": sorted(ACCEPTABLE), "keeps_hpa_replicas": keeps_hpa_replicas}


class WaitingStore:
    """The workloads of one cluster that wait for a person."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def by_namespace(self) -> list[Row]:
        """Namespaces with waiting workloads: how many, and their names; most first."""
        return self._connection.rows(
            f"SELECT namespace, count() AS workloads, arraySort(groupArray(deployment)) AS deployments FROM"
            f" (SELECT namespace, deployment, {COUNTS} FROM ({CONTROL_ROWS}) AS c GROUP BY namespace, deployment)"
            " WHERE waiting_count > 0 GROUP BY namespace ORDER BY workloads DESC, namespace",
            cluster=self._cluster,
            **parameters(),
        )

    def record(self, run: int) -> None:
        """Record how many wait after this run of collected values."""
        count = sum(row["workloads"] for row in self.by_namespace())
        self._connection.insert("waiting_counts", [{"cluster": self._cluster, "run": run, "workloads": count}])

    def has_risen(self, *, since: datetime, until: datetime) -> bool:
        """Whether a run after `since`, and not after `until`, left more waiting workloads than the run before it."""
        row = only(
            self._connection.rows(
                "SELECT count() AS runs FROM (SELECT at, workloads, lagInFrame(workloads) OVER"
                " (ORDER BY run ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before FROM waiting_counts"
                " WHERE cluster = {cluster:String})"
                " WHERE at > {since:DateTime64(3, 'UTC')} AND at <= {until:DateTime64(3, 'UTC')} AND workloads > before",
                cluster=self._cluster,
                since=since,
                until=until,
            )
        )
        return int(row["runs"]) > 0
