"""Queries for the list of workloads: one row for each workload, its containers, its newest usage. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from kubedoor.sentences import Sentence
from kubedoor.store.connection import Connection, Row
from kubedoor.store.control_table import HASHES
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.said import read_all_said
from kubedoor.store.usage import TAKEN_OVER_DAYS
from kubedoor.store.waiting import CONTROL_ROWS, COUNTS, parameters

OVER_ASKED_FACTOR = 1.5
"""A workload is over-asked if its pod requests more than this multiple of a pod's peak usage, of CPU or memory."""


def _control_amount(resource: str) -> str:
    """What all pods of a workload shall ask for, by its control values; of what is withheld, what they ask for now."""
    request = f"{resource}_request_{'millicores' if resource == 'cpu' else 'bytes'}"
    is_withheld = f"arrayExists(x -> startsWith(x, '{request}:'), c.withheld)"
    replicas = "coalesce(c.replicas, if(notEmpty(c.withheld_replicas), n.pods, NULL))"
    return f"sum(coalesce({replicas} * coalesce(c.{request}, if({is_withheld}, n.{request}, NULL)), 0))"


# One row for each workload. `unasked` counts containers that have usage but no request to compare it with.
_WORKLOADS = f"""
    WITH newest AS
    (
        SELECT namespace, deployment, container, day, pods, cpu_request_millicores, memory_request_bytes,
            throttled_share
        FROM usage_daily
        WHERE cluster = {{cluster:String}} AND day >= {{since:Date}}
            AND (namespace, deployment, day) IN
            (
                SELECT namespace, deployment, max(day) FROM usage_daily
                WHERE cluster = {{cluster:String}} AND day >= {{since:Date}} GROUP BY namespace, deployment
            )
    ),
    killed AS
    (
        SELECT namespace, deployment, sum(oom_kills) AS kills FROM usage_daily
        WHERE cluster = {{cluster:String}} AND day >= {{since:Date}} AND oom_kills > 0
            AND day > (SELECT max(day) FROM usage_days WHERE cluster = {{cluster:String}}) - {{look_back:UInt16}}
        GROUP BY namespace, deployment
    )
    SELECT c.namespace AS namespace, c.deployment AS deployment,
        any(c.mode) AS mode, any(c.version) AS version, any(c.edited_at) AS edited_at, any(c.edited_by) AS edited_by,
        any(c.replicas) AS replicas, any(c.collected_replicas) AS collected_replicas,
        any(c.manual_replicas) AS manual_replicas, any(c.peak_day) AS peak_day, any(c.days) AS days,
        any(c.hpa) AS hpa, any(c.opted_out) AS opted_out, any(c.owned) AS owned,
        max(n.day) AS newest_day, max(n.pods) AS pods,
        coalesce(any(k.kills), 0) AS oom_kills, max(n.throttled_share) AS throttled_share,
        sum(coalesce(n.pods * n.cpu_request_millicores, 0)) AS cpu_requested_millicores,
        sum(coalesce(c.collected_replicas * c.cpu_usage_millicores, 0)) AS cpu_used_millicores,
        {_control_amount("cpu")} AS cpu_control_millicores,
        sum(coalesce(n.pods * n.memory_request_bytes, 0)) AS memory_requested_bytes,
        sum(coalesce(c.memory_pods * c.memory_usage_bytes, 0)) AS memory_used_bytes,
        any(c.memory_pods) AS memory_pods,
        sum(coalesce(n.cpu_request_millicores, 0)) AS pod_cpu_requested, sum(c.cpu_usage_millicores) AS pod_cpu_used,
        sum(coalesce(n.memory_request_bytes, 0)) AS pod_memory_requested, sum(c.memory_usage_bytes) AS pod_memory_used,
        {_control_amount("memory")} AS memory_control_bytes,
        countIf(n.pods IS NOT NULL AND (n.cpu_request_millicores IS NULL OR n.memory_request_bytes IS NULL)) AS unasked,
        max(c.manual_replicas IS NOT NULL OR c.manual_cpu_request_millicores IS NOT NULL
            OR c.manual_memory_request_bytes IS NOT NULL OR c.manual_cpu_limit_millicores IS NOT NULL
            OR c.manual_memory_limit_bytes IS NOT NULL) AS has_manual,
        (pod_cpu_requested > {{over:Float64}} * pod_cpu_used
            OR pod_memory_requested > {{over:Float64}} * pod_memory_used) AND pod_cpu_used > 0 AS is_over_asked,
        (pod_cpu_requested < pod_cpu_used OR pod_memory_requested < pod_memory_used)
            AND newest_day IS NOT NULL AS is_under_asked,
        any(c.conditions) AS conditions, any(c.accepted) AS accepted,
        arrayMap(x -> JSONExtractString(x, 'type'), JSONExtractArrayRaw(conditions)) AS condition_types,
        if(any(c.replicas_withheld), any(c.withheld_replicas), []) AS withheld_replicas,
        {COUNTS},
        withheld_count > 0 AS is_withheld, waiting_count > 0 AS is_waiting
    FROM ({CONTROL_ROWS}) AS c
    LEFT JOIN newest AS n ON c.namespace = n.namespace AND c.deployment = n.deployment AND c.container = n.container
    LEFT JOIN killed AS k ON c.namespace = k.namespace AND c.deployment = k.deployment
    GROUP BY namespace, deployment
    ORDER BY namespace, deployment
    SETTINGS join_use_nulls = 1
"""

_CONTAINERS = """
    SELECT * EXCEPT (cluster, conditions, accepted, withheld_replicas, reasons_said) FROM control WHERE cluster = {cluster:String} ORDER BY namespace, deployment, container
"""


_USAGE = f"""
    SELECT namespace, deployment, container,
        formatRowNoNewline('JSONEachRow', namespace, deployment, container, day, pods, cpu_p95_millicores,
            cpu_p95_hottest_millicores, memory_p95_bytes, memory_p95_hottest_bytes, memory_max_bytes,
            cpu_quantiles_millicores, memory_quantiles_bytes, cpu_request_millicores, memory_request_bytes,
            cpu_limit_millicores, memory_limit_bytes, throttled_share, oom_kills, coverage, hpa, is_taken_over) AS usage
    FROM
    (
        SELECT *, (day, run) IN {TAKEN_OVER_DAYS} AS is_taken_over FROM usage_daily
        WHERE cluster = {{cluster:String}} AND day >= {{since:Date}}
            AND (namespace, deployment, container, day) IN
            (
                SELECT namespace, deployment, container, max(day) FROM usage_daily
                WHERE cluster = {{cluster:String}} AND day >= {{since:Date}} GROUP BY namespace, deployment, container
            )
    )
    SETTINGS output_format_json_quote_64bit_integers = 0
"""
_EPOCH = datetime.fromtimestamp(0, UTC)
_REVISIONS = " UNION ALL ".join(
    f"SELECT '{part}' AS part, {revision} AS revision FROM {table} WHERE cluster = {{cluster:String}}"
    for part, revision, table in (
        *((table, f"sum({one})", table) for table, one in HASHES.items()),
        ("collected", "max(run)", "collected_runs"),
        ("days", "cityHash64(max(run), max(day), count())", "usage_days"),
        ("states", "cityHash64(count(), max(observed_at))", "deployment_states"),
        ("looks", "toUInt64(toUnixTimestamp64Micro(max(at)))", "deployment_looks"),
    )
)


@dataclass(frozen=True)
class ListRevision:
    """What the list was made of: the control table with the usage days, the usage days alone, states of Deployments."""

    values: tuple[int, ...]
    days: int
    states: tuple[int, ...]
    looked_at: datetime | None
    """The newest look at the cluster; None: there was none for 30 days."""


Rows = tuple[Sequence[str], list[tuple[Any, ...]]]
"""Column names (empty if there are no rows), and the rows as tuples."""


class ListingStore:
    """Reads of one cluster's workloads; `since` is the oldest day that counts as newest usage. All raise StoreError.

    `look_back_days`: of which OOM kills count. `keeps_hpa_replicas`: replicas of a workload with an HPA are left to it, so that they are never withheld.
    """

    def __init__(
        self, connection: Connection, cluster: str, *, keeps_hpa_replicas: bool = True, look_back_days: int = 10
    ) -> None:
        self._connection = connection
        self._cluster = cluster
        self.deployments = DeploymentStore(connection, cluster)
        self._look_back_days = look_back_days
        self._waiting = parameters(keeps_hpa_replicas=keeps_hpa_replicas)

    def reasons(self, namespace: str, deployment: str) -> dict[str, list[Sentence]]:
        """Of the collected values of one workload, by container."""
        rows = self._connection.rows(
            "SELECT container, reasons, reasons_said FROM collected WHERE cluster = {cluster:String}"
            " AND namespace = {namespace:String} AND deployment = {deployment:String}",
            cluster=self._cluster,
            namespace=namespace,
            deployment=deployment,
        )
        return {row["container"]: read_all_said(row["reasons"], row["reasons_said"]) for row in rows}

    def revision(self) -> ListRevision:
        """One small query, whatever the number of workloads; each part changes whenever its rows do."""
        rows = self._connection.rows(_REVISIONS, cluster=self._cluster)
        found = {row["part"]: int(row["revision"]) for row in rows}
        values = tuple(found[part] for part in (*HASHES, "collected", "days"))
        looked_at = _EPOCH + timedelta(microseconds=found["looks"]) if found["looks"] else None
        return ListRevision(values, found["days"], (found["states"], found["looks"]), looked_at)

    def workloads(self, *, since: date) -> Rows:
        """One row for each workload, ordered by name."""
        factors = {"over": OVER_ASKED_FACTOR, "look_back": self._look_back_days}
        return self._connection.table(_WORKLOADS, cluster=self._cluster, since=since, **factors, **self._waiting)

    def containers(self) -> Rows:
        """The rows of `control`, ordered by name."""
        return self._connection.table(_CONTAINERS, cluster=self._cluster)

    def newest_usage(self, *, since: date) -> dict[tuple[str, str, str], str]:
        """(namespace, deployment, container) -> its newest usage day as a JSON object."""
        _, rows = self._connection.table(_USAGE, cluster=self._cluster, since=since)
        return {(namespace, deployment, container): usage for namespace, deployment, container, usage in rows}

    def by_day(self, *, since: date) -> list[Row]:
        """Requests and peak usage of the whole cluster for each day, without days of an original KubeDoor."""
        return self._connection.rows(
            "SELECT day, sum(pods * coalesce(cpu_request_millicores, 0)) AS cpu_requested_millicores,"
            " sum(pods * cpu_p95_millicores) AS cpu_used_millicores,"
            " sum(pods * coalesce(memory_request_bytes, 0)) AS memory_requested_bytes,"
            " sum(pods * memory_p95_bytes) AS memory_used_bytes, uniqExact(namespace, deployment) AS workloads"
            " FROM usage_daily WHERE cluster = {cluster:String} AND day >= {since:Date}"
            f" AND (day, run) NOT IN {TAKEN_OVER_DAYS} GROUP BY day ORDER BY day",
            cluster=self._cluster,
            since=since,
        )
