"""Memory and time of making collected values of a look-back, and of deleting the runs that it superseded.

`python -m tests.bench.look_back_cost [WORKLOADS] [DAYS]`. The store is behind HTTP in another process, as in the cluster;
each measurement is a process of its own. Prints a table and asserts nothing; the goal for 10,000 workloads of two
containers over 30 days is 300 MB.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kubedoor.collection.refresh import CollectedRefresh, CollectOptions
from kubedoor.model.cluster_facts import ClusterFacts
from kubedoor.peak_windows import PeakWindows
from kubedoor.sizing.options import SizingOptions
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from kubedoor.store.usage import UsageStore
from tests.bench.records import memory_megabytes
from tests.support.clickhouse import running_clickhouse

WORKLOADS, DAYS, REPEATS = 10_000, 30, 5
NOW = datetime(2026, 11, 26, 20, tzinfo=UTC)
WINDOWS = PeakWindows.parse("10:00-11:30", "UTC")
CLUSTER = "bench"
FILL = """
    INSERT INTO usage_rows (cluster, day, run, namespace, deployment, container, pods, cpu_p95_millicores,
        cpu_p95_hottest_millicores, memory_p95_bytes, memory_p95_hottest_bytes, memory_max_bytes,
        cpu_quantiles_millicores, memory_quantiles_bytes, cpu_request_millicores, memory_request_bytes,
        cpu_limit_millicores, memory_limit_bytes, throttled_share, oom_kills, coverage, hpa, hpa_known,
        pods_with_container)
    SELECT {cluster:String}, {day:Date}, {run:UInt64}, concat('team-', toString(workload % 50)),
        concat('service-', leftPad(toString(workload), 5, '0')), if(number % 2, 'proxy', 'main'),
        3, 50 + cityHash64(number, {day:Date}) % 400 AS cpu, cpu + 30, 67108864 + cityHash64(number, 7) % 536870912 AS memory,
        memory + 1048576, memory + 2097152, arrayMap(x -> toUInt32(cpu + x), range(7)),
        arrayMap(x -> toUInt64(memory + x), range(7)), 250, 268435456, 1000, 1073741824, 0.01, 0, 1.0, workload % 9 = 0, 1, 3
    FROM (SELECT number, intDiv(number, 2) AS workload FROM numbers(2 * {workloads:UInt32}))
"""


def fill(connection: Connection, *, workloads: int, days: int, run: int) -> None:
    for back in range(days):
        day = NOW.date() - timedelta(days=back)
        connection.command(FILL, cluster=CLUSTER, day=day, run=run, workloads=workloads)
        marker: dict[str, Any] = {"cluster": CLUSTER, "day": day, "run": run, "windows": WINDOWS.label, "coverage": 1.0}
        marker |= {"row_count": 2 * workloads, "is_partial": False, "warnings": [], "seconds": 1.0, "source": "bench"}
        # Old enough for the run before to be deleted.
        connection.insert("usage_days", [marker | {"finished_at": datetime.now(UTC) - timedelta(hours=1)}])


def refresh(dsn: str, days: int) -> int:
    connection = Connection(dsn, timeout_seconds=600)
    return CollectedRefresh(
        usage=UsageStore(connection, CLUSTER),
        control=ControlStore(connection, CLUSTER),
        windows=WINDOWS,
        options=CollectOptions(days, 60, "peak-day", SizingOptions(), False, CLUSTER),
        now=lambda: NOW,
        run_number=time.time_ns,
        read_facts=ClusterFacts,
    ).run()


def prune(dsn: str) -> None:
    UsageStore(Connection(dsn, timeout_seconds=600), CLUSTER).prune()


def measured(what: str, dsn: str, days: int) -> tuple[float, float]:
    """Seconds and megabytes of `what` in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.look_back_cost", "--only", what, dsn, str(days)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ))
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer["seconds"], answer["megabytes"]


def only(what: str, dsn: str, days: int) -> None:
    started = time.perf_counter()
    if what == "refresh":
        refresh(dsn, days)
    else:
        prune(dsn)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "megabytes": memory_megabytes(os.getpid(), "VmHWM")}))


def _line(name: str, values: list[float]) -> str:
    return f"{name:36} {statistics.median(values):8.1f} {min(values):8.1f} {max(values):8.1f}"


def main() -> None:
    workloads, days = (int(word) for word in (*sys.argv[1:3], *(str(WORKLOADS), str(DAYS))[len(sys.argv[1:3]) :]))
    with tempfile.TemporaryDirectory() as name, running_clickhouse(Path(name) / "clickhouse") as clickhouse:
        connection = Connection(clickhouse.dsn, timeout_seconds=600)
        migrate(connection)
        fill(connection, workloads=workloads, days=days, run=1)
        refreshed = [measured("refresh", clickhouse.dsn, days) for _ in range(REPEATS)]
        pruned = []
        for run in range(2, 2 + REPEATS):
            fill(connection, workloads=workloads, days=days, run=run)
            pruned.append(measured("prune", clickhouse.dsn, days))
        connection.close()
    print(f"{workloads} workloads of two containers, {days} days: {2 * workloads * days} rows; {REPEATS} runs")
    print(f"{'':36} {'median':>8} {'least':>8} {'most':>8}")
    print(_line("collected values, seconds", [seconds for seconds, _ in refreshed]))
    print(_line("collected values, MB at most", [megabytes for _, megabytes in refreshed]))
    print(_line("deleting a superseded look-back, s", [seconds for seconds, _ in pruned]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--only"]:
        only(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
