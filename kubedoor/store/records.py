"""The two records that are kept a year: what the door did, and what people changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubedoor.store.connection import Connection, Row


@dataclass(frozen=True)
class AdmissionRecord:
    """One admission that was not a dry run."""

    at: datetime
    cluster: str
    namespace: str
    deployment: str
    uid: str
    operation: str
    subresource: str
    username: str
    outcome: str
    reason: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    warnings: tuple[str, ...]
    version: int
    snapshot_age_seconds: float


@dataclass(frozen=True)
class AuditRecord:
    """One change by somebody. `via` is how they were known: session, token, schedule, command-line, system.

    A line is written before its change; a second one with the outcome `failed` follows when the change failed.
    """

    who: str
    via: str
    address: str
    action: str
    target: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    outcome: str = "done"


class RecordStore:
    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def add_admissions(self, records: Sequence[AdmissionRecord]) -> None:
        rows = [
            {
                **{name: getattr(record, name) for name in AdmissionRecord.__dataclass_fields__},
                "before": _json(record.before),
                "after": _json(record.after),
                "warnings": list(record.warnings),
            }
            for record in records
        ]
        self._connection.insert("admissions", rows)

    def admissions(
        self,
        *,
        namespace: str = "",
        deployment: str = "",
        outcome: str = "",
        before: datetime | None = None,
        limit: int,
    ) -> list[Row]:
        """The newest admissions first. `before`: only older ones, for paging."""
        rows = self._connection.rows(
            "SELECT * EXCEPT (cluster) FROM admissions WHERE cluster = {cluster:String}"
            " AND ({namespace:String} = '' OR namespace = {namespace:String})"
            " AND ({deployment:String} = '' OR deployment = {deployment:String})"
            " AND ({outcome:String} = '' OR outcome = {outcome:String})"
            " AND ({before:Nullable(DateTime64(3, 'UTC'))} IS NULL OR at < {before:Nullable(DateTime64(3, 'UTC'))})"
            " ORDER BY at DESC LIMIT {limit:UInt32}",
            cluster=self._cluster,
            namespace=namespace,
            deployment=deployment,
            outcome=outcome,
            before=before,
            limit=limit,
        )
        return [{**row, "before": json.loads(row["before"]), "after": json.loads(row["after"])} for row in rows]

    def outcomes_since(self, since: datetime) -> dict[str, int]:
        """How many admissions ended how."""
        rows = self._connection.rows(
            "SELECT outcome, count() AS admissions FROM admissions WHERE cluster = {cluster:String}"
            " AND at >= {since:DateTime64(3, 'UTC')} GROUP BY outcome",
            cluster=self._cluster,
            since=since,
        )
        return {row["outcome"]: row["admissions"] for row in rows}

    def add_audit(self, record: AuditRecord) -> None:
        """Raises StoreError; a change that cannot be recorded must not happen, so callers record first."""
        row = {name: getattr(record, name) for name in AuditRecord.__dataclass_fields__}
        self._connection.insert("audit", [{**row, "before": _json(record.before), "after": _json(record.after)}])

    def audit(self, *, limit: int, before: datetime | None = None) -> list[Row]:
        """The newest changes first."""
        rows = self._connection.rows(
            "SELECT * FROM audit"
            " WHERE ({before:Nullable(DateTime64(3, 'UTC'))} IS NULL OR at < {before:Nullable(DateTime64(3, 'UTC'))})"
            " ORDER BY at DESC LIMIT {limit:UInt32}",
            before=before,
            limit=limit,
        )
        return [{**row, "before": json.loads(row["before"]), "after": json.loads(row["after"])} for row in rows]


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, default=str, separators=(",", ":"), ensure_ascii=False)
