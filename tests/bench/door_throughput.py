"""The door against a no-op function behind the same server: requests a second and latency, in one run.

python -m tests.bench.door_throughput [RUNS] [SECONDS]
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from tests.bench.door_latency import fill
from tests.bench.load import Measured, send
from tests.bench.realistic import release
from tests.support.clickhouse import ClickHouse, running_clickhouse
from tests.toolbox import processes

ROOT = Path(__file__).parents[2]
CLUSTER = "bench"
WORKLOADS = 10_000
NAMES = 200
RUNS, SECONDS = 5, 5.0
SMALL, LARGE = 6, 190
LINES = {
    "floor: a no-op function": ("noop", SMALL, True),
    "the door, dry run": ("door", SMALL, True),
    "the door, recorded": ("door", SMALL, False),
    "floor: a no-op function, 50 KB": ("noop", LARGE, True),
    "the door, dry run, 50 KB": ("door", LARGE, True),
}
FLOOR_OF = {
    "the door, dry run": "floor: a no-op function",
    "the door, recorded": "floor: a no-op function",
    "the door, dry run, 50 KB": "floor: a no-op function, 50 KB",
}


def reviews(variables: int, *, dry_run: bool) -> list[dict[str, Any]]:
    return [
        release(f"team-{number % 50}", f"service-{number:05}", variables=variables, dry_run=dry_run)
        for number in range(NAMES)
    ]


@contextmanager
def servers(clickhouse: ClickHouse, folder: Path) -> Iterator[dict[str, str]]:
    """URLs of both, each a process of its own."""
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
        urls = {name: f"https://127.0.0.1:{port}/mutate" for name, port in ports.items()}
        for url in urls.values():
            send(url, reviews(SMALL, dry_run=True), seconds=2, folder=folder)
        yield urls
    finally:
        for child in started:
            child.stop()


def listening(port: int) -> Callable[[], bool]:
    def connects() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    return connects


def measure(urls: dict[str, str], folder: Path, *, runs: int, seconds: float) -> dict[str, list[Measured]]:
    """Line -> one measurement a run; the lines take turns, so that a slow minute hits all of them."""
    measured: dict[str, list[Measured]] = {line: [] for line in LINES}
    for _ in range(runs):
        for line, (server, variables, dry_run) in LINES.items():
            sent = reviews(variables, dry_run=dry_run)
            measured[line].append(send(urls[server], sent, seconds=seconds, folder=folder))
    return measured


def ratios(measured: dict[str, list[Measured]], line: str, of: Callable[[Measured], float]) -> list[float]:
    """Of each run, this line's figure over its floor's."""
    floor = FLOOR_OF[line]
    return [of(one) / of(other) for one, other in zip(measured[line], measured[floor], strict=True)]


def spread(figures: Sequence[float]) -> str:
    return f"{statistics.median(figures):.2f} ({min(figures):.2f} to {max(figures):.2f})"


def main(runs: int = RUNS, seconds: float = SECONDS) -> None:
    with tempfile.TemporaryDirectory() as scratch, running_clickhouse(Path(scratch)) as clickhouse:
        folder = Path(scratch)
        connection = Connection(clickhouse.dsn)
        migrate(connection)
        fill(ControlStore(connection, CLUSTER), WORKLOADS)
        with servers(clickhouse, folder) as urls:
            measured = measure(urls, folder, runs=runs, seconds=seconds)
        sent = sum(one.requests for one in measured["the door, recorded"])
        (stored,) = connection.rows("SELECT count() AS rows FROM admissions")
        (parts,) = connection.rows("SELECT count() AS parts FROM system.parts WHERE table = 'admissions' AND active")
    print(f"{runs} runs of {seconds:g} s, {WORKLOADS} workloads; median (least to most)")
    for line, found in measured.items():
        figures = f"{spread([one.per_second for one in found])}/s, p50 {spread([one.p50_ms for one in found])} ms"
        print(
            f"{line}: {figures}, p99 {spread([one.p99_ms for one in found])} ms, {sum(one.errors for one in found)} errors"
        )
    for line in FLOOR_OF:
        rate, late = (ratios(measured, line, of) for of in (lambda one: one.per_second, lambda one: one.p99_ms))
        print(f"{line}: {spread(rate)} of the floor's rate, {spread(late)} times its p99")
    print(f"recorded: {sent} sent, {stored['rows']} stored, in {parts['parts']} parts")
    print(json.dumps({line: [vars(one) for one in found] for line, found in measured.items()}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else RUNS, float(sys.argv[2]) if sys.argv[2:] else SECONDS)
