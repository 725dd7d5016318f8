"""The two tables of an original KubeDoor, column by column as its `create_table.sql` has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from kubedoor.store.connection import Connection

CONTROL = """
    CREATE TABLE k8s_res_control (env String, namespace String, deployment String, pod_count_init UInt8 DEFAULT 0,
        pod_count UInt8 DEFAULT 0, pod_count_manual Int16 DEFAULT -1, p95_pod_cpu_pct Float32 DEFAULT -1,
        p95_pod_mem_pct Float32 DEFAULT -1, request_cpu_m Int32 DEFAULT -1, request_mem_mb Int32 DEFAULT -1,
        limit_cpu_m Int32 DEFAULT -1, limit_mem_mb Int32 DEFAULT -1, update DateTime('Asia/Shanghai'),
        pod_mem_saved_mb Float32 DEFAULT -1, pod_qps Float32 DEFAULT -1, pod_g1gc_qps Float32 DEFAULT -1,
        pod_count_ai Int16 DEFAULT -1, pod_qps_ai Float32 DEFAULT -1, pod_load_ai Float32 DEFAULT -1,
        pod_g1gc_qps_ai Float32 DEFAULT -1, update_ai DateTime('Asia/Shanghai'))
    ENGINE = MergeTree ORDER BY (env, namespace, deployment)
"""
RESOURCES = """
    CREATE TABLE k8s_resources (date DateTime('Asia/Shanghai'), env String, namespace String, deployment String,
        pod_count UInt8, p95_pod_load Float32, p95_pod_cpu_pct Float32, p95_pod_wss_mb Float32, p95_pod_wss_pct Float32,
        limit_pod_cpu_m Float32, limit_pod_mem_mb Float32, request_pod_cpu_m Float32, request_pod_mem_mb Float32,
        p95_pod_qps Float32, p95_pod_g1gc_qps Float32, pod_jvm_max_mb Float32)
    ENGINE = MergeTree PARTITION BY toYYYYMM(date) ORDER BY (date, env, namespace, deployment)
"""
USAGE = {
    "namespace": "shop",
    "pod_count": 3,
    "p95_pod_load": 0.25,
    "p95_pod_wss_mb": 300.5,
    "limit_pod_cpu_m": 1000,
    "limit_pod_mem_mb": 1024,
    "request_pod_cpu_m": 500,
    "request_pod_mem_mb": -1,
}


def make_original(
    connection: Connection,
    *,
    env: str,
    deployments: Mapping[str, int],
    days: Sequence[date],
    ai: Mapping[str, int] | None = None,
) -> None:
    """Creates the tables, with `deployments` of namespace `shop` (manual pod count; -1: none) and USAGE on each day.

    `ai`: pod counts of its AI, by Deployment; others have none.
    """
    connection.create_database()
    connection.command(CONTROL)
    connection.command(RESOURCES)
    control = {"env": env, "namespace": "shop", "update": datetime(2026, 11, 19, tzinfo=UTC)}
    connection.insert(
        "k8s_res_control",
        [
            {**control, "deployment": name, "pod_count_manual": count, "pod_count_ai": (ai or {}).get(name, -1)}
            for name, count in deployments.items()
        ],
    )
    connection.insert(
        "k8s_resources",
        [
            {**USAGE, "env": env, "date": datetime(day.year, day.month, day.day, 3, 30, tzinfo=UTC), "deployment": name}
            for day in days
            for name in deployments
        ],
    )
