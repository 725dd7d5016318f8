"""The time of one admission in one process, without the network: it must not grow with what is not touched.

`python -m tests.bench.door_latency`. With 100 and with 10,000 workloads, and with objects of 5 and of 50 KiB.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubedoor.admission.handler import AdmissionHandler
from kubedoor.admission.options import HandlerOptions
from kubedoor.admission.rules import Rules
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.migrations import migrate
from kubedoor.store.records import RecordStore
from tests.bench import running
from tests.bench.filling import fill_control, key
from tests.bench.judging import Figures, ratios
from tests.bench.realistic import LARGE, SMALL, release
from tests.bench.running import Effort

REVIEWS = 500
FEW, MANY = 100, 10_000
NEVER_SECONDS = 3600.0
"""No answer waits for a store that was asked so lately: that is measured over the network."""


def make_door(
    connection: Connection, cluster: str, folder: Path, *, max_age_seconds: float = NEVER_SECONDS
) -> AdmissionHandler:
    control = ControlStore(connection, cluster)
    snapshot = Snapshot(
        control,
        cluster=cluster,
        path=folder / f"{cluster}.json",
        monotonic=time.monotonic,
        now=lambda: datetime.now(UTC),
    )
    door = AdmissionHandler(
        snapshot=snapshot,
        control=control,
        deployments=DeploymentStore(connection, cluster),
        records=RecordStore(connection, cluster),
        rules=Rules(),
        options=HandlerOptions(cluster, "nobody", max_age_seconds=max_age_seconds, wait_seconds=30),
        now=lambda: datetime.now(UTC),
    )
    snapshot.refresh()
    return door


async def median_ms(door: AdmissionHandler, review: dict[str, Any], reviews: int) -> float:
    milliseconds = []
    for _ in range(reviews):
        started = time.perf_counter()
        await door.admit(review)
        milliseconds.append((time.perf_counter() - started) * 1000)
    return statistics.median(milliseconds)


def measure(effort: Effort) -> Figures:
    reviews = effort.size(REVIEWS, 20)
    small, large = (release(*key(1), variables=variables, dry_run=True) for variables in (SMALL, LARGE))
    measured: dict[str, list[float]] = {"few": [], "small": [], "large": []}
    with tempfile.TemporaryDirectory() as name:
        connection = Connection(f"chdb://{name}/store")
        migrate(connection)
        doors = {}
        for workloads in (FEW, MANY):
            cluster = f"bench-{workloads}"
            fill_control(ControlStore(connection, cluster), effort.size(workloads, FEW))
            doors[workloads] = make_door(connection, cluster, Path(name))
        turns = (("few", FEW, small), ("small", MANY, small), ("large", MANY, large))
        for _ in range(effort.runs):
            for line, workloads, review in turns:
                measured[line].append(asyncio.run(median_ms(doors[workloads], review, reviews)))
        connection.close()
    return {
        "admit_small": measured["small"],
        "admit_large": ratios(measured["large"], measured["small"]),
        "admit_many": ratios(measured["small"], measured["few"]),
    }


if __name__ == "__main__":
    running.run("door_latency", measure)
