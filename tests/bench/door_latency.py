"""Latency of admissions with 100 and with 10,000 workloads: it must not grow with their number.

python -m tests.bench.door_latency
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubedoor.admission.handler import AdmissionHandler, HandlerOptions
from kubedoor.admission.rules import Rules
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.model.values import CollectedContainer, CollectedValues, Resources
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.listing import ListingStore
from kubedoor.store.migrations import migrate
from kubedoor.store.records import RecordStore
from kubedoor.workloads.listing import Filter
from kubedoor.workloads.listing_cache import ListingCache
from tests.support.builders import DAY, make_deployment, make_request, make_review

REVIEWS = 500
SIZES = (100, 10_000)


def fill(control: ControlStore, workloads: int) -> None:
    values = [
        CollectedValues(
            f"team-{number % 50}",
            f"service-{number:05}",
            3,
            DAY,
            DAY,
            tuple(
                CollectedContainer(name, Resources(100, 2**27, 1000, 2**30), 90, 2**26, ("why",))
                for name in ("app", "proxy")
            ),
            10,
        )
        for number in range(workloads)
    ]
    control.replace_collected(values, run=time.time_ns(), rule="peak-day")


def make_door(connection: Connection, cluster: str, folder: Path) -> tuple[AdmissionHandler, Snapshot, ControlStore]:
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
        options=HandlerOptions(cluster, "nobody", max_age_seconds=1.0, wait_seconds=30),
        now=lambda: datetime.now(UTC),
    )
    return door, snapshot, control


async def answer_all(door: AdmissionHandler, review: dict[str, Any]) -> list[float]:
    seconds = []
    for _ in range(REVIEWS):
        started = time.perf_counter()
        await door.admit(review)
        seconds.append(time.perf_counter() - started)
    return seconds


def measure(connection: Connection, workloads: int, folder: Path) -> dict[str, float]:
    cluster = f"bench-{workloads}"
    door, snapshot, control = make_door(connection, cluster, folder)
    fill(control, workloads)
    started = time.perf_counter()
    snapshot.refresh()
    load = time.perf_counter() - started
    started = time.perf_counter()
    for _ in range(20):
        snapshot.refresh()
    check = (time.perf_counter() - started) / 20
    started = time.perf_counter()
    ListingCache(ListingStore(connection, cluster)).current(since=DAY).page(
        Filter(search="service-000"), sort="cpu_waste", descending=True, limit=50, offset=0
    )
    listing = time.perf_counter() - started
    review = make_review(make_request(make_deployment("service-00001", namespace="team-1", replicas=9)))
    seconds = sorted(asyncio.run(answer_all(door, review)))
    return {
        "median answer ms": statistics.median(seconds) * 1000,
        "p99 answer ms": seconds[int(len(seconds) * 0.99)] * 1000,
        "refresh, nothing new ms": check * 1000,
        "refresh, all new ms": load * 1000,
        "list page ms": listing * 1000,
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        connection = Connection(f"chdb://{name}/store")
        migrate(connection)
        columns = [measure(connection, workloads, Path(name)) for workloads in SIZES]
        connection.close()
    print(f"{'':28}{SIZES[0]:>10}{SIZES[1]:>10}{'ratio':>10}")
    for row in columns[0]:
        first, second = (column[row] for column in columns)
        print(f"{row:28}{first:>10.2f}{second:>10.2f}{second / first:>10.1f}")


if __name__ == "__main__":
    main()
