"""Memory and time of making collected values of a look-back.

`python -m tests.bench.look_back_cost`. The store is behind HTTP in another process, as in the cluster; each measurement is
a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from kubedoor.collection.refresh import CollectedRefresh, CollectOptions
from kubedoor.model.cluster_facts import ClusterFacts
from kubedoor.peak_windows import PeakWindows
from kubedoor.sizing.options import SizingOptions
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from kubedoor.store.usage import UsageStore
from tests.bench import running
from tests.bench.filling import fill_usage
from tests.bench.judging import Figures
from tests.bench.records import memory_megabytes
from tests.bench.running import Effort
from tests.support.clickhouse import running_clickhouse

WORKLOADS, DAYS = 10_000, 30
NOW = datetime(2026, 11, 26, 20, tzinfo=UTC)
WINDOWS = PeakWindows.parse("10:00-11:30", "UTC")
CLUSTER = "bench"


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


def one_refresh(dsn: str, days: int) -> tuple[float, float]:
    """Seconds and megabytes of a process of its own."""
    command = [sys.executable, "-m", "tests.bench.look_back_cost", "--only", dsn, str(days)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ))
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer["seconds"], answer["megabytes"]


def only(dsn: str, days: int) -> None:
    started = time.perf_counter()
    refresh(dsn, days)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "megabytes": memory_megabytes(os.getpid(), "VmHWM")}))


def measure(effort: Effort) -> Figures:
    workloads, days = effort.size(WORKLOADS, 100), effort.size(DAYS, 7)
    with tempfile.TemporaryDirectory() as name, running_clickhouse(Path(name) / "clickhouse") as clickhouse:
        connection = Connection(clickhouse.dsn, timeout_seconds=600)
        migrate(connection)
        fill_usage(connection, CLUSTER, until=NOW.date(), days=days, workloads=workloads, windows=WINDOWS.label)
        connection.close()
        refreshed = [one_refresh(clickhouse.dsn, days) for _ in range(effort.runs)]
    return {
        "look_back_time": [seconds for seconds, _ in refreshed],
        "look_back_memory": [megabytes for _, megabytes in refreshed],
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--only"]:
        only(sys.argv[2], int(sys.argv[3]))
    else:
        running.run("look_back_cost", measure)
