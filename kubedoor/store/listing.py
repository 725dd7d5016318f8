"""The control table as people read it: search, filter, sort, page, and sums over all of it.

*Requested* is what was found on the workload's newest usage day, times its pods; *used* is what its peak day used,
times that day's pods. Every text and number of a request is bound; only the sort column is chosen, from a fixed list.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from kubedoor.store.connection import Connection, Row, only

OVER_ASKED_FACTOR = 1.5
"""A workload asks for too much when it requests this many times what it used at peak, CPU or memory."""

SORTS = {
    "name": "namespace, deployment",
    "replicas": "replicas",
    "cpu_requested": "cpu_requested_millicores",
    "cpu_used": "cpu_used_millicores",
    "cpu_waste": "toInt64(cpu_requested_millicores) - toInt64(cpu_used_millicores)",
    "memory_requested": "memory_requested_bytes",
    "memory_used": "memory_used_bytes",
    "memory_waste": "toInt64(memory_requested_bytes) - toInt64(memory_used_bytes)",
    "edited_at": "edited_at",
}

# One row per workload. `unasked` counts containers that have usage but no request to compare it with.
_WORKLOADS = """
    WITH newest AS
    (
        SELECT namespace, deployment, container, day, pods, cpu_request_millicores, memory_request_bytes, oom_kills,
            throttled_share
        FROM usage_daily
        WHERE cluster = {cluster:String} AND day >= {since:Date}
            AND (namespace, deployment, day) IN
            (
                SELECT namespace, deployment, max(day) FROM usage_daily
                WHERE cluster = {cluster:String} AND day >= {since:Date} GROUP BY namespace, deployment
            )
    )
    SELECT c.namespace AS namespace, c.deployment AS deployment,
        any(c.mode) AS mode, any(c.version) AS version, any(c.edited_at) AS edited_at, any(c.edited_by) AS edited_by,
        any(c.replicas) AS replicas, any(c.collected_replicas) AS collected_replicas,
        any(c.manual_replicas) AS manual_replicas, any(c.peak_day) AS peak_day, any(c.days) AS days,
        any(c.hpa) AS hpa, any(c.opted_out) AS opted_out, any(c.owned) AS owned,
        max(n.day) AS newest_day, max(n.pods) AS pods,
        sum(coalesce(n.oom_kills, 0)) AS oom_kills, max(n.throttled_share) AS throttled_share,
        sum(coalesce(n.pods * n.cpu_request_millicores, 0)) AS cpu_requested_millicores,
        sum(coalesce(c.collected_replicas * c.cpu_usage_millicores, 0)) AS cpu_used_millicores,
        sum(coalesce(c.replicas * c.cpu_request_millicores, 0)) AS cpu_control_millicores,
        sum(coalesce(n.pods * n.memory_request_bytes, 0)) AS memory_requested_bytes,
        sum(coalesce(c.collected_replicas * c.memory_usage_bytes, 0)) AS memory_used_bytes,
        sum(coalesce(c.replicas * c.memory_request_bytes, 0)) AS memory_control_bytes,
        countIf(n.pods IS NOT NULL AND (n.cpu_request_millicores IS NULL OR n.memory_request_bytes IS NULL)) AS unasked,
        max(c.manual_replicas IS NOT NULL OR c.manual_cpu_request_millicores IS NOT NULL
            OR c.manual_memory_request_bytes IS NOT NULL OR c.manual_cpu_limit_millicores IS NOT NULL
            OR c.manual_memory_limit_bytes IS NOT NULL) AS has_manual,
        (cpu_requested_millicores > {over:Float64} * cpu_used_millicores
            OR memory_requested_bytes > {over:Float64} * memory_used_bytes) AND cpu_used_millicores > 0 AS is_over_asked,
        (cpu_requested_millicores < cpu_used_millicores OR memory_requested_bytes < memory_used_bytes)
            AND newest_day IS NOT NULL AS is_under_asked
    FROM (SELECT * FROM control WHERE cluster = {cluster:String}) AS c
    LEFT JOIN newest AS n ON c.namespace = n.namespace AND c.deployment = n.deployment AND c.container = n.container
    GROUP BY namespace, deployment
"""

_FILTERED = (
    f"SELECT * FROM ({_WORKLOADS})"
    """
    WHERE ({search:String} = '' OR positionCaseInsensitiveUTF8(concat(namespace, '/', deployment), {search:String}) > 0)
        AND ({namespace:String} = '' OR namespace = {namespace:String})
        AND ({mode:String} = '' OR mode = {mode:String})
        AND ({asked:String} = '' OR ({asked:String} = 'over' AND is_over_asked) OR ({asked:String} = 'under' AND is_under_asked)
            OR ({asked:String} = 'none' AND unasked > 0))
        AND ({has_manual:Nullable(Bool)} IS NULL OR has_manual = {has_manual:Nullable(Bool)})
        AND ({hpa:Nullable(Bool)} IS NULL OR hpa = {hpa:Nullable(Bool)})
    """
)
_NULLS = "SETTINGS join_use_nulls = 1"


@dataclass(frozen=True)
class Filter:
    """Which workloads. Empty and None: no matter. `asked`: over, under or none (a request is missing)."""

    search: str = ""
    namespace: str = ""
    mode: str = ""
    asked: str = ""
    has_manual: bool | None = None
    hpa: bool | None = None


class ListingStore:
    """Reads of one cluster's workloads; `since` is the oldest day that counts as newest usage."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def _rows(self, sql: str, since: date, **parameters: Any) -> list[Row]:
        return self._connection.rows(
            f"{sql} {_NULLS}", cluster=self._cluster, since=since, over=OVER_ASKED_FACTOR, **parameters
        )

    def page(
        self, wanted: Filter, *, since: date, sort: str, descending: bool, limit: int, offset: int
    ) -> tuple[list[Row], int]:
        """One page of workloads, and how many there are in all."""
        direction = "DESC" if descending else "ASC"
        order = ", ".join(f"{column} {direction}" for column in SORTS[sort].split(", "))
        rows = self._rows(
            f"SELECT *, count() OVER () AS total FROM ({_FILTERED}) ORDER BY {order}, namespace, deployment"
            " LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
            since,
            **asdict(wanted),
            limit=limit,
            offset=offset,
        )
        if rows or offset == 0:
            return [{name: row[name] for name in row if name != "total"} for row in rows], rows[0][
                "total"
            ] if rows else 0
        return [], int(
            only(self._rows(f"SELECT count() AS total FROM ({_FILTERED})", since, **asdict(wanted)))["total"]
        )

    def containers(self, workloads: list[tuple[str, str]]) -> list[Row]:
        """The rows of `control` of these workloads."""
        return self._connection.rows(
            "SELECT * EXCEPT (cluster) FROM control WHERE cluster = {cluster:String}"
            " AND (namespace, deployment) IN {workloads:Array(Tuple(String, String))} ORDER BY namespace, deployment, container",
            cluster=self._cluster,
            workloads=workloads,
        )

    def newest_usage(self, workloads: list[tuple[str, str]], *, since: date) -> list[Row]:
        """Usage of these workloads on their newest day each."""
        return self._connection.rows(
            "SELECT * EXCEPT (cluster, run) FROM usage_daily WHERE cluster = {cluster:String} AND day >= {since:Date}"
            " AND (namespace, deployment) IN {workloads:Array(Tuple(String, String))}"
            " ORDER BY day DESC LIMIT 1 BY namespace, deployment, container",
            cluster=self._cluster,
            workloads=workloads,
            since=since,
        )

    def sums(self, *, since: date) -> Row:
        """The whole cluster in one row."""
        return only(
            self._rows(
                "SELECT count() AS workloads, countIf(is_over_asked) AS over_asked, countIf(is_under_asked) AS under_asked,"
                " countIf(unasked > 0) AS unasked, countIf(has_manual) AS with_manual, countIf(hpa) AS with_hpa,"
                " countIf(mode = 'enforce') AS enforced, countIf(mode = 'observe') AS observed,"
                " sum(cpu_requested_millicores) AS cpu_requested_millicores, sum(cpu_used_millicores) AS cpu_used_millicores,"
                " sum(cpu_control_millicores) AS cpu_control_millicores,"
                " sum(memory_requested_bytes) AS memory_requested_bytes, sum(memory_used_bytes) AS memory_used_bytes,"
                " sum(memory_control_bytes) AS memory_control_bytes,"
                " sum(greatest(toInt64(w.cpu_requested_millicores) - toInt64(w.cpu_used_millicores), 0)) AS cpu_spare_millicores,"
                " sum(greatest(toInt64(w.cpu_used_millicores) - toInt64(w.cpu_requested_millicores), 0)) AS cpu_missing_millicores,"
                " sum(greatest(toInt64(w.memory_requested_bytes) - toInt64(w.memory_used_bytes), 0)) AS memory_spare_bytes,"
                " sum(greatest(toInt64(w.memory_used_bytes) - toInt64(w.memory_requested_bytes), 0)) AS memory_missing_bytes"
                f" FROM ({_WORKLOADS}) AS w",
                since,
            )
        )

    def by_namespace(self, *, since: date) -> list[Row]:
        """The same sums for each namespace, greatest CPU request first."""
        return self._rows(
            "SELECT namespace, count() AS workloads, sum(cpu_requested_millicores) AS cpu_requested_millicores,"
            " sum(cpu_used_millicores) AS cpu_used_millicores, sum(memory_requested_bytes) AS memory_requested_bytes,"
            f" sum(memory_used_bytes) AS memory_used_bytes FROM ({_WORKLOADS}) GROUP BY namespace"
            " ORDER BY cpu_requested_millicores DESC, namespace",
            since,
        )

    def by_day(self, *, since: date) -> list[Row]:
        """Requested and used at peak of the whole cluster, day by day."""
        return self._connection.rows(
            "SELECT day, sum(pods * coalesce(cpu_request_millicores, 0)) AS cpu_requested_millicores,"
            " sum(pods * cpu_p95_millicores) AS cpu_used_millicores,"
            " sum(pods * coalesce(memory_request_bytes, 0)) AS memory_requested_bytes,"
            " sum(pods * memory_p95_bytes) AS memory_used_bytes, uniqExact(namespace, deployment) AS workloads"
            " FROM usage_daily WHERE cluster = {cluster:String} AND day >= {since:Date} GROUP BY day ORDER BY day",
            cluster=self._cluster,
            since=since,
        )

    def namespaces(self) -> list[str]:
        """Every namespace that has a workload in the control table."""
        rows = self._connection.rows(
            # What the view `control` has its rows from, without the joins that it makes for their values.
            "SELECT DISTINCT namespace FROM (SELECT namespace FROM collected WHERE cluster = {cluster:String}"
            " UNION ALL SELECT namespace FROM manual WHERE cluster = {cluster:String}) ORDER BY namespace",
            cluster=self._cluster,
        )
        return [row["namespace"] for row in rows]
