"""Fills a store as a large cluster does: control values of many workloads, and their usage of many days."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

from kubedoor.model.collected import CollectedContainer, CollectedValues
from kubedoor.model.values import Resources
from kubedoor.sentences import Sentence
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from tests.support.builders import DAY

NAMESPACES = 50
CONTAINERS = ("app", "proxy")
_USAGE = """
    INSERT INTO usage_rows (cluster, day, run, namespace, deployment, container, pods, cpu_p95_millicores,
        cpu_p95_hottest_millicores, memory_p95_bytes, memory_p95_hottest_bytes, memory_max_bytes,
        cpu_quantiles_millicores, memory_quantiles_bytes, cpu_request_millicores, memory_request_bytes,
        cpu_limit_millicores, memory_limit_bytes, throttled_share, oom_kills, coverage, hpa, hpa_known,
        pods_with_container)
    WITH intDiv(number, 2) % {workloads:UInt32} AS workload,
        {first:Date} + toIntervalDay(intDiv(number, 2 * {workloads:UInt32})) AS on_day,
        toUInt32(50 + cityHash64(number) % 400) AS cpu,
        toUInt64(67108864 + cityHash64(number, 7) % 536870912) AS memory
    SELECT {cluster:String}, on_day, {run:UInt64}, concat('team-', toString(workload % 50)),
        concat('service-', leftPad(toString(workload), 5, '0')), if(number % 2, 'proxy', 'app'),
        3, cpu, cpu + 30, memory, memory + 1048576, memory + 2097152, arrayMap(x -> toUInt32(cpu + x), range(7)),
        arrayMap(x -> toUInt64(memory + x), range(7)), 250, 268435456, 1000, 1073741824, 0.01, 0, 1.0,
        workload % 9 = 0, 1, 3
    FROM numbers(2 * {workloads:UInt32} * {days:UInt32})
"""


def key(number: int, namespaces: int = NAMESPACES) -> tuple[str, str]:
    """(namespace, deployment)."""
    return f"team-{number % namespaces}", f"service-{number:05}"


def fill_control(control: ControlStore, workloads: int, namespaces: int = NAMESPACES) -> None:
    """Collected values of this many workloads of two containers."""
    values = [
        CollectedValues(
            *key(number, namespaces),
            3,
            DAY,
            DAY,
            tuple(
                CollectedContainer(name, Resources(100, 2**27, 1000, 2**30), 90, 2**26, (Sentence("why"),))
                for name in CONTAINERS
            ),
            10,
        )
        for number in range(workloads)
    ]
    control.replace_collected(values, run=time.time_ns(), rule="peak-day")


def fill_usage(
    connection: Connection, cluster: str, *, until: date, days: int, workloads: int, run: int = 1, windows: str = ""
) -> None:
    """Two rows for each workload and day, up to the day `until`."""
    first = until - timedelta(days=days - 1)
    connection.command(_USAGE, cluster=cluster, first=first, days=days, workloads=workloads, run=run)
    marker: dict[str, Any] = {"cluster": cluster, "run": run, "windows": windows, "coverage": 1.0, "source": "bench"}
    marker |= {"row_count": 2 * workloads, "is_partial": False, "warnings": [], "seconds": 1.0, "is_by_workload": True}
    # Old enough for the run before to be deleted.
    marker["finished_at"] = datetime.now(UTC) - timedelta(hours=1)
    connection.insert("usage_days", [marker | {"day": first + timedelta(days=ahead)} for ahead in range(days)])
