"""Conditions as they are stored: JSON on the collected rows of their workload; and what people have accepted of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubedoor.model.conditions import REPLICAS, Condition, ConditionType, Withheld
from kubedoor.model.values import WorkloadKey
from kubedoor.store.connection import Connection, Row


@dataclass(frozen=True)
class Acceptance:
    """The newest word about one condition of a workload. `is_accepted` False: taken back, or `until` is over."""

    namespace: str
    deployment: str
    condition: str
    is_accepted: bool
    until: datetime | None
    """None: for good."""
    note: str
    who: str
    at: datetime


def conditions_as_json(conditions: Iterable[Condition]) -> str:
    return json.dumps(
        [
            {
                "type": condition.type,
                "status": condition.status,
                "reason": condition.reason,
                "message": condition.message,
                "parameters": dict(condition.parameters),
                "since": condition.since.isoformat() if condition.since else None,
                "withholds": [{"container": one.container, "field": one.field} for one in condition.withholds],
            }
            for condition in conditions
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def conditions_of(row: Mapping[str, Any]) -> list[Condition]:
    """The conditions of a row of the view `control`; a type that this version does not know is left out."""
    conditions = []
    for stored in json.loads(row["conditions"]):
        with suppress(ValueError):
            conditions.append(_condition(stored))
    return conditions


def _condition(stored: Mapping[str, Any]) -> Condition:
    return Condition(
        type=ConditionType(stored["type"]),
        reason=stored["reason"],
        message=stored["message"],
        parameters=stored["parameters"],
        withholds=tuple(Withheld(one["container"], one["field"]) for one in stored["withholds"]),
        since=datetime.fromisoformat(stored["since"]) if stored["since"] else None,
        status=stored["status"],
    )


def since_by_type(conditions: Iterable[Condition]) -> dict[ConditionType, datetime]:
    """Since when a condition of each type has held; of several of one type, the first."""
    found: dict[ConditionType, datetime] = {}
    for one in conditions:
        if one.since is not None:
            found[one.type] = min(one.since, found.get(one.type, one.since))
    return found


def withheld_entries(conditions: Iterable[Condition], container: str) -> list[str]:
    """`field:condition` for each field of this container, and for the replicas, that a condition withholds."""
    entries = (
        f"{one.field}:{condition.type}"
        for condition in conditions
        for one in condition.withholds
        if one.container == container or one == Withheld("", REPLICAS)
    )
    # A workload may have several conditions of one type.
    return list(dict.fromkeys(entries))


class ConditionStore:
    """Conditions and acceptances of one cluster. All raise StoreError."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def conditions(self, workloads: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[Condition]]:
        """The conditions of each of these (namespace, deployment) that has collected values."""
        rows = self._connection.rows(
            "SELECT namespace, deployment, any(conditions) AS conditions FROM collected WHERE cluster = {cluster:String}"
            " AND (namespace, deployment) IN {workloads:Array(Tuple(String, String))} GROUP BY namespace, deployment",
            cluster=self._cluster,
            workloads=list(workloads),
        )
        return {(row["namespace"], row["deployment"]): conditions_of(row) for row in rows}

    def accept(
        self,
        accepted: Mapping[WorkloadKey, Iterable[ConditionType]],
        *,
        until: datetime | None,
        note: str,
        who: str,
        is_accepted: bool = True,
    ) -> None:
        """Record that a person accepts conditions of workloads, or takes that back; all of them or none."""
        rows = [
            {
                "cluster": self._cluster,
                "namespace": key.namespace,
                "deployment": key.deployment,
                "condition": condition,
                "is_accepted": is_accepted,
                "until": until,
                "note": note,
                "who": who,
            }
            for key, conditions in accepted.items()
            for condition in conditions
        ]
        self._connection.insert("acceptances", rows)

    def acceptances(self, workloads: Sequence[tuple[str, str]]) -> list[Acceptance]:
        """The newest word about each condition of these (namespace, deployment), newest first."""
        rows: list[Row] = self._connection.rows(
            "SELECT namespace, deployment, condition, until, note, who, at,"
            " is_accepted AND (until IS NULL OR until > now64(3, 'UTC')) AS holds"
            " FROM acceptances_current WHERE cluster = {cluster:String}"
            " AND (namespace, deployment) IN {workloads:Array(Tuple(String, String))} ORDER BY at DESC, condition",
            cluster=self._cluster,
            workloads=list(workloads),
        )
        return [Acceptance(is_accepted=bool(row.pop("holds")), **row) for row in rows]
