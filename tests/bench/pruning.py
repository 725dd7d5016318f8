"""Deleting what newer collections of thirty days have superseded, out of a year of ten thousand workloads.

`python -m tests.bench.pruning`. The store is behind HTTP in another process, as in the cluster.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from kubedoor.store.connection import Connection
from kubedoor.store.migrations import migrate
from kubedoor.store.usage import UsageStore
from tests.bench import running
from tests.bench.filling import fill_usage
from tests.bench.judging import Figures
from tests.bench.running import Effort
from tests.support.clickhouse import running_clickhouse

CLUSTER = "bench"
WORKLOADS, DAYS, SUPERSEDED_DAYS = 10_000, 365, 30


def measure(effort: Effort) -> Figures:
    workloads, days = effort.size(WORKLOADS, 100), effort.size(DAYS, 40)
    until = datetime.now(UTC).date()
    took = []
    with tempfile.TemporaryDirectory() as name, running_clickhouse(Path(name) / "clickhouse") as clickhouse:
        connection = Connection(clickhouse.dsn, timeout_seconds=600)
        migrate(connection)
        fill_usage(connection, CLUSTER, until=until, days=days, workloads=workloads)
        usage = UsageStore(connection, CLUSTER)
        for run in range(2, 2 + effort.runs):
            fill_usage(connection, CLUSTER, until=until, days=SUPERSEDED_DAYS, workloads=workloads, run=run)
            started = time.perf_counter()
            usage.prune()
            took.append(time.perf_counter() - started)
        connection.close()
    return {"prune": took}


if __name__ == "__main__":
    running.run("pruning", measure)
