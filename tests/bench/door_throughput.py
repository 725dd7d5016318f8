"""The door against a no-op function behind the same server: requests a second and latency, in one run.

`python -m tests.bench.door_throughput`. The lines take turns, so that a slow minute hits all of them. The store, which runs
elsewhere in production, gets the CPU time that door and client leave: only the recorded line has work for it.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from tests.bench import running
from tests.bench.filling import fill_control, key
from tests.bench.judging import Figures, ratios
from tests.bench.load import Measured, send
from tests.bench.realistic import LARGE, SMALL, release
from tests.bench.running import Effort
from tests.support.clickhouse import ClickHouse, running_clickhouse
from tests.toolbox import processes

ROOT = Path(__file__).parents[2]
CLUSTER = "bench"
WORKLOADS = 10_000
NAMES = 200
SECONDS = 5
LINES = {
    "floor": ("noop", SMALL, True),
    "dry_run": ("door", SMALL, True),
    "recorded": ("door", SMALL, False),
    "large_floor": ("noop", LARGE, True),
    "large": ("door", LARGE, True),
}
"""Who is asked, the size of the reviews, and whether they are dry runs."""
ARRIVE_SECONDS = 30
"""Within which what was recorded is in the store."""


def reviews(variables: int, *, dry_run: bool) -> list[dict[str, Any]]:
    return [release(*key(number), variables=variables, dry_run=dry_run) for number in range(NAMES)]


@dataclass(frozen=True)
class Reached:
    """A webhook on this machine; `ca` is what its certificate is signed with."""

    port: int
    ca: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/mutate"


@contextmanager
def servers(clickhouse: ClickHouse, folder: Path) -> Iterator[dict[str, Reached]]:
    """The no-op function and the door, each a process of its own."""
    ports = {"noop": processes.free_port(), "door": processes.free_port()}
    environment = {
        "PATH": os.environ["PATH"],
        "KUBEDOOR_STORE_DSN": clickhouse.dsn,
        "KUBEDOOR_CLUSTER": CLUSTER,
        "KUBEDOOR_SOURCE": "sample",
        "KUBEDOOR_KUBECONFIG": "none",
        "KUBEDOOR_DATA_DIR": str(folder / "door"),
        "KUBEDOOR_DOOR_PORT": str(ports["door"]),
    }
    commands = {
        "noop": ["-m", "tests.bench.noop", str(ports["noop"]), str(folder / "noop")],
        "door": ["-m", "kubedoor", "mutate"],
    }
    started = []
    try:
        for name, words in commands.items():
            command = [sys.executable, *words]
            log = folder / f"{name}.log"
            started.append(processes.start(name, command, log=log, environment=environment, folder=ROOT))
        for name, port in ports.items():
            processes.wait_until(listening(port), what=f"{name} listens", children=started, timeout_seconds=60)
        certificates = {"noop": folder / "noop/ca.crt", "door": folder / "door/tls/ca.crt"}
        reached = {name: Reached(port, certificates[name]) for name, port in ports.items()}
        for one in reached.values():
            send(one.url, reviews(SMALL, dry_run=True), seconds=1, folder=folder)
        yield reached
    finally:
        for child in started:
            child.stop()


def listening(port: int) -> Callable[[], bool]:
    def connects() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    return connects


def send_all(
    reached: dict[str, Reached], folder: Path, effort: Effort, missing: Callable[[int], int]
) -> tuple[dict[str, list[Measured]], list[float]]:
    """Line -> one measurement a run; and of each run, how many of the recorded are not in the store."""
    measured: dict[str, list[Measured]] = {line: [] for line in LINES}
    lost: list[float] = []
    for _ in range(effort.runs):
        for line, (server, variables, dry_run) in LINES.items():
            sent = reviews(variables, dry_run=dry_run)
            one = send(reached[server].url, sent, seconds=effort.size(SECONDS, 1), folder=folder)
            measured[line].append(one)
            if not dry_run:
                lost.append(missing(sum(each.requests for each in measured[line])) - sum(lost))
    return measured, lost


def rows_missing(connection: Connection, sent: int) -> int:
    """How many of those sent are not stored; waits for the last ones. What the client no longer waited for is stored too."""

    def count() -> int:
        (row,) = connection.rows("SELECT count() AS rows FROM admissions")
        return max(0, sent - int(row["rows"]))

    deadline = time.monotonic() + ARRIVE_SECONDS
    while (missing := count()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return missing


def figures_of(measured: dict[str, list[Measured]]) -> dict[str, list[float]]:
    rates = {line: [one.per_second for one in found] for line, found in measured.items()}
    late = {line: [one.p99_ms for one in found] for line, found in measured.items()}
    errors = [[one.errors for one in measured[line]] for line, (server, _, _) in LINES.items() if server == "door"]
    return {
        "floor_rate": rates["floor"],
        "floor_p99": late["floor"],
        "dry_run_rate": rates["dry_run"],
        "dry_run_p50": [one.p50_ms for one in measured["dry_run"]],
        "recorded_rate": rates["recorded"],
        "dry_run_share": ratios(rates["dry_run"], rates["floor"]),
        "dry_run_late": ratios(late["dry_run"], late["floor"]),
        "recorded_share": ratios(rates["recorded"], rates["floor"]),
        "recorded_late": ratios(late["recorded"], late["floor"]),
        "large_share": ratios(rates["large"], rates["large_floor"]),
        "failed": [float(sum(ones)) for ones in zip(*errors, strict=True)],
    }


def measure(effort: Effort) -> Figures:
    with tempfile.TemporaryDirectory() as scratch, running_clickhouse(Path(scratch), yields=True) as clickhouse:
        folder = Path(scratch)
        connection = Connection(clickhouse.dsn)
        migrate(connection)
        fill_control(ControlStore(connection, CLUSTER), effort.size(WORKLOADS, NAMES))
        with servers(clickhouse, folder) as reached:
            measured, lost = send_all(reached, folder, effort, lambda sent: rows_missing(connection, sent))
        (parts,) = connection.rows("SELECT count() AS parts FROM system.parts WHERE table = 'admissions' AND active")
        connection.close()
    return figures_of(measured) | {"recorded_missing": lost, "recorded_parts": [float(parts["parts"])]}


if __name__ == "__main__":
    running.run("door_throughput", measure)
