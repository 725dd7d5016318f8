"""Reads the control table for the snapshot of the door: all of it, or what has changed. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from kubedoor.store.connection import Connection, Row, only

BUCKETS = 256
"""Into which workloads are divided by a hash of their name, so that a refresh reads only what has changed."""
BLOCK_ROWS = 2048
"""Rows in memory while all are read: some 8 MB."""
_BUCKET = f"CRC32(concat(namespace, '/', deployment)) % {BUCKETS}"
HASHES = {
    "manual": "cityHash64(namespace, deployment, version, edit)",
    # Not the newest time: two facts may share one, and a clock may step back.
    "workload_observations": (
        "cityHash64(namespace, deployment, kind, uid, version, opted_out, owned, hpa, ifNull(toString(created_at), ''))"
    ),
    # One that expires changes what is enforced.
    "acceptances": (
        "cityHash64(namespace, deployment, condition, is_accepted, ifNull(toString(until), ''), at,"
        " coalesce(until <= now64(3, 'UTC'), false))"
    ),
}
"""Table -> hash of one of its rows; their sum changes whenever what is laid over collected values does."""


@dataclass(frozen=True)
class Revision:
    """A cheap revision of the control table: it changes whenever a decision of the door could change."""

    collected_run: int
    newest_day: date | None
    """The newest usage day: what a collection says about HPAs is as old as that."""
    edits: int
    """A hash over manual values, facts, and acceptances and whether each is over."""

    def is_same_collection(self, other: Revision) -> bool:
        return (self.collected_run, self.newest_day) == (other.collected_run, other.newest_day)


class ControlTable:
    """The control table of one cluster. All methods raise StoreError."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def revision(self) -> Revision:
        """Cheap: one small query, whatever the number of workloads."""
        sums = " + ".join(
            f"(SELECT sum({one}) FROM {table} WHERE cluster = {{cluster:String}})" for table, one in HASHES.items()
        )
        row = only(
            self._connection.rows(
                "SELECT (SELECT max(run) FROM collected_runs WHERE cluster = {cluster:String}) AS collected_run,"
                " (SELECT maxOrNull(day) FROM usage_days WHERE cluster = {cluster:String}) AS newest_day,"
                f" {sums} AS edits",
                cluster=self._cluster,
            )
        )
        return Revision(row["collected_run"] or 0, row["newest_day"], row["edits"])

    def bucket_hashes(self) -> Mapping[int, int]:
        """Of each bucket of workloads that has any, a hash over its manual values, facts and acceptances."""
        parts = " UNION ALL ".join(
            f"SELECT {_BUCKET} AS bucket, sum({one}) AS hash FROM {table} WHERE cluster = {{cluster:String}} GROUP BY bucket"
            for table, one in HASHES.items()
        )
        rows = self._connection.rows(
            f"SELECT bucket, sum(hash) AS hash FROM ({parts}) GROUP BY bucket", cluster=self._cluster
        )
        return {row["bucket"]: row["hash"] for row in rows}

    @contextmanager
    def control_stream(self, buckets: Collection[int] | None = None) -> Iterator[Iterator[Row]]:
        """Rows of `control`, ordered by workload, of these buckets or of all; `is_collected`: in the current run."""
        sql = (
            "SELECT * EXCEPT (cluster, reasons, reasons_said, conditions, accepted), (namespace, deployment, container) IN"
            " (SELECT namespace, deployment, container FROM collected WHERE cluster = {cluster:String}) AS is_collected"
            f" FROM control WHERE cluster = {{cluster:String}}{_in_buckets(buckets)}"
            " ORDER BY namespace, deployment, container"
        )
        rows = self._connection.stream(sql, block_rows=BLOCK_ROWS, cluster=self._cluster, **_bound(buckets))
        with closing(rows):
            yield rows

    def known_facts(self, buckets: Collection[int] | None = None) -> list[Row]:
        """Rows of `facts` of all workloads for which one holds, or may hold, of these buckets or of all."""
        return self._connection.rows(
            "SELECT * EXCEPT (cluster) FROM facts WHERE cluster = {cluster:String} AND (opted_out OR owned OR hpa"
            f" OR shown_opted_out OR shown_owned OR creation_opted_out OR creation_owned){_in_buckets(buckets)}",
            cluster=self._cluster,
            **_bound(buckets),
        )

    def collected_row_count(self) -> int:
        """The number of rows of the current run, as recorded by its writer."""
        row = only(
            self._connection.rows(
                "SELECT argMax(row_count, run) AS row_count FROM collected_runs WHERE cluster = {cluster:String}",
                cluster=self._cluster,
            )
        )
        return int(row["row_count"])


def _in_buckets(buckets: Collection[int] | None) -> str:
    return "" if buckets is None else f" AND {_BUCKET} IN {{buckets:Array(UInt32)}}"


def _bound(buckets: Collection[int] | None) -> dict[str, Any]:
    return {} if buckets is None else {"buckets": sorted(buckets)}
