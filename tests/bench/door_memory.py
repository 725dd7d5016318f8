"""Memory of `mutate` with ten and with a hundred thousand workloads, at most: loaded, asked, and loaded anew.

`python -m tests.bench.door_memory`. A collection replaces all values while the door answers, which takes the most.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from tests.bench import running
from tests.bench.door_throughput import listening, reviews
from tests.bench.filling import fill_control
from tests.bench.judging import Figures
from tests.bench.load import send
from tests.bench.realistic import SMALL
from tests.bench.records import memory_megabytes
from tests.bench.running import Effort
from tests.support.clickhouse import running_clickhouse
from tests.toolbox import processes

ROOT = Path(__file__).parents[2]
FEW, MANY = 10_000, 100_000


def at_most(folder: Path, dsn: str, workloads: int, control: ControlStore) -> float:
    """Megabytes of a door of its own."""
    port = processes.free_port()
    environment = {
        "PATH": os.environ["PATH"],
        # As in the image.
        "MALLOC_ARENA_MAX": "1",
        "KUBEDOOR_STORE_DSN": dsn,
        "KUBEDOOR_CLUSTER": _cluster(workloads),
        "KUBEDOOR_SOURCE": "sample",
        "KUBEDOOR_KUBECONFIG": "none",
        "KUBEDOOR_DATA_DIR": str(folder / f"door-{workloads}-{port}"),
        "KUBEDOOR_DOOR_PORT": str(port),
    }
    command = [sys.executable, "-m", "kubedoor", "mutate"]
    child = processes.start("door", command, log=folder / "door.log", environment=environment, folder=ROOT)
    try:
        processes.wait_until(listening(port), what="the door listens", children=[child], timeout_seconds=60)
        for _ in range(2):
            fill_control(control, workloads)
            ends_at = time.monotonic() + 2 + workloads / 20_000
            while time.monotonic() < ends_at:
                url = f"https://127.0.0.1:{port}/mutate"
                send(url, reviews(SMALL, dry_run=False), seconds=1, folder=folder)
        return memory_megabytes(child.pid, "VmHWM")
    finally:
        child.stop()


def _cluster(workloads: int) -> str:
    return f"bench-{workloads}"


def measure(effort: Effort) -> Figures:
    sizes = {"memory_10000": effort.size(FEW, 200), "memory_100000": effort.size(MANY, 400)}
    figures: dict[str, list[float]] = {line: [] for line in sizes}
    with tempfile.TemporaryDirectory() as scratch, running_clickhouse(Path(scratch) / "clickhouse") as clickhouse:
        connection = Connection(clickhouse.dsn, timeout_seconds=600)
        migrate(connection)
        for _ in range(effort.runs):
            for line, workloads in sizes.items():
                control = ControlStore(connection, _cluster(workloads))
                figures[line].append(at_most(Path(scratch), clickhouse.dsn, workloads, control))
                control.prune()
        connection.close()
    return figures


if __name__ == "__main__":
    running.run("door_memory", measure)
