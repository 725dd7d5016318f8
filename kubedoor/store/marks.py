"""What happened to one workload, for its history: edits of its values, releases, and collections of the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kubedoor.model.values import WorkloadKey
from kubedoor.store.connection import Connection

MarkKind = Literal["edit", "release", "collection"]
MAX_MARKS = 500
"""Of each kind; the newest count."""
_OF_WORKLOAD = "cluster = {cluster:String} AND namespace = {namespace:String} AND deployment = {deployment:String}"
_SQL = f"""
    SELECT kind, at, who, what FROM
    (
        SELECT 'edit' AS kind, edited_at AS at, edited_by AS who, note AS what
        FROM manual WHERE {_OF_WORKLOAD} AND edited_at >= {{since:DateTime64(3, 'UTC')}}
        UNION ALL
        SELECT 'release' AS kind, at, username AS who, outcome AS what
        FROM admissions WHERE {_OF_WORKLOAD} AND admissions.at >= {{since:DateTime64(3, 'UTC')}} AND is_release
        UNION ALL
        SELECT 'collection' AS kind, refreshed_at AS at, '' AS who, '' AS what
        FROM collected_runs WHERE cluster = {{cluster:String}} AND refreshed_at >= {{since:DateTime64(3, 'UTC')}}
    )
    ORDER BY at DESC, kind LIMIT {{most:UInt32}} BY kind
"""


@dataclass(frozen=True)
class Mark:
    """`what`: the note of an edit, the outcome of a release. `who` is empty for collections."""

    at: datetime
    kind: MarkKind
    who: str
    what: str


class MarkStore:
    """The marks of one cluster's workloads."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def since(self, key: WorkloadKey, since: datetime) -> list[Mark]:
        """Newest first; at most MAX_MARKS of each kind. Raises StoreError."""
        rows = self._connection.rows(
            _SQL,
            cluster=self._cluster,
            namespace=key.namespace,
            deployment=key.deployment,
            since=since,
            most=MAX_MARKS,
        )
        return [Mark(row["at"], row["kind"], row["who"], row["what"]) for row in rows]
