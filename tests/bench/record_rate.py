"""Two thousand admissions a second for a minute: each row arrives, and the table stays in few parts.

`python -m tests.bench.record_rate`. The door runs in this process, without TLS, with ClickHouse (or chDB behind the same
HTTP interface) as another one.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubedoor.admission.handler import AdmissionHandler
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from tests.bench import running
from tests.bench.door_latency import make_door
from tests.bench.filling import fill_control, key
from tests.bench.judging import Figures
from tests.bench.realistic import SMALL, release
from tests.bench.running import Effort
from tests.support.clickhouse import running_clickhouse

PER_SECOND = 2000
SECONDS, TINY_SECONDS = 60, 3
TICK_SECONDS = 0.02
PATIENCE_SECONDS = 60
"""How long rows may need to arrive after the last admission."""
WORKLOADS = 1000
NAMES = 200


@dataclass(frozen=True)
class Recorded:
    """`rate`: admissions per second as they were really made. `parts`: the most that the table had."""

    sent: int
    rate: float
    stored: int
    parts: int


class _Parts:
    """A context manager: inside, the active parts of `admissions` are counted again and again; `most` of them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count, name="parts")
        self.most = 0

    def __enter__(self) -> _Parts:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(PATIENCE_SECONDS)

    def _count(self) -> None:
        while not self._over.wait(0.5):
            self.most = max(self.most, count_parts(self._connection))


def count_parts(connection: Connection) -> int:
    """Active parts of the table of admissions."""
    (row,) = connection.rows(
        "SELECT count() AS parts FROM system.parts WHERE database = currentDatabase() AND table = 'admissions' AND active"
    )
    return int(row["parts"])


async def admit(
    door: AdmissionHandler, reviews: Sequence[dict[str, Any]], *, per_second: int, seconds: float
) -> tuple[int, float]:
    """Admissions at this rate, in turn, as `mutate` makes them; how many there were, and how many a second."""
    loop = asyncio.get_running_loop()
    started, sent, wanted = loop.time(), 0, int(per_second * seconds)
    while sent < wanted:
        due = min(wanted, int((loop.time() - started) * per_second))
        for _ in range(due - sent):
            await door.admit(reviews[sent % len(reviews)])
            door.journal.writer.wake()
            sent += 1
        await asyncio.sleep(TICK_SECONDS)
    return sent, sent / (loop.time() - started)


def record(connection: Connection, cluster: str, folder: Path, *, seconds: float) -> Recorded:
    """Admissions of `seconds`, and what of them is stored at last."""
    fill_control(ControlStore(connection, cluster), WORKLOADS)
    door = make_door(connection, cluster, folder, max_age_seconds=1.0)
    reviews = [release(*key(number), variables=SMALL, dry_run=False) for number in range(NAMES)]
    with _Parts(connection) as parts:
        sent, rate = asyncio.run(admit(door, reviews, per_second=PER_SECOND, seconds=seconds))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (stored := _stored(connection, cluster)) < sent and time.monotonic() < deadline:
            time.sleep(0.1)
    door.journal.writer.close()
    return Recorded(sent, rate, stored, parts.most)


def _stored(connection: Connection, cluster: str) -> int:
    (row,) = connection.rows(
        "SELECT count() AS stored FROM admissions WHERE cluster = {cluster:String}", cluster=cluster
    )
    return int(row["stored"])


def measure(effort: Effort) -> Figures:
    # One run, which has its minute.
    with tempfile.TemporaryDirectory() as name, running_clickhouse(Path(name) / "clickhouse") as clickhouse:
        connection = Connection(clickhouse.dsn)
        migrate(connection)
        found = record(connection, "bench", Path(name), seconds=effort.size(SECONDS, TINY_SECONDS))
        connection.close()
    return {
        "minute_rate": [found.rate],
        "minute_missing": [abs(found.sent - found.stored)],
        "minute_parts": [found.parts],
    }


if __name__ == "__main__":
    running.run("record_rate", measure)
