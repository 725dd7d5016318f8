"""Two hundred reviews of 50 KiB at once, each on a connection of its own: when is the last one answered?

`python -m tests.bench.door_burst`. The API server keeps few idle connections to a webhook, so a burst opens most anew;
the handshakes are in the figures, as is the client's share of them, on the same cores.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from tests.bench import running
from tests.bench.door_throughput import CLUSTER, WORKLOADS, servers
from tests.bench.filling import fill_control, key
from tests.bench.judging import Figures
from tests.bench.realistic import LARGE, release
from tests.bench.running import Effort
from tests.support.clickhouse import running_clickhouse

AT_ONCE = 200
PAUSE_SECONDS = 2
"""Between bursts, in which what was recorded is written."""


@dataclass(frozen=True)
class Answer:
    milliseconds: float
    is_sized: bool


def requests(port: int) -> list[bytes]:
    head = f"POST /mutate HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    bodies = [json.dumps(release(*key(number), variables=LARGE, dry_run=False)).encode() for number in range(AT_ONCE)]
    return [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]


async def ask(port: int, request: bytes, context: ssl.SSLContext) -> Answer:
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    writer.write(request)
    answer = await reader.read()
    milliseconds = (time.perf_counter() - started) * 1000
    writer.close()
    return Answer(milliseconds, is_sized=b'"patch"' in answer)


async def burst(port: int, ca: Path) -> list[Answer]:
    context = ssl.create_default_context(cafile=str(ca))
    return await asyncio.gather(*(ask(port, request, context) for request in requests(port)))


def measure(effort: Effort) -> Figures:
    with tempfile.TemporaryDirectory() as scratch, running_clickhouse(Path(scratch)) as clickhouse:
        connection = Connection(clickhouse.dsn)
        migrate(connection)
        fill_control(ControlStore(connection, CLUSTER), effort.size(WORKLOADS, AT_ONCE))
        with servers(clickhouse, Path(scratch)) as reached:
            door = reached["door"]
            answers = []
            for _ in range(effort.runs):
                answers.append(asyncio.run(burst(door.port, door.ca)))
                time.sleep(PAUSE_SECONDS)
        connection.close()
    return {
        "burst_worst": [max(one.milliseconds for one in run) for run in answers],
        "burst_median": [statistics.median(one.milliseconds for one in run) for run in answers],
        "burst_unsized": [float(sum(not one.is_sized for one in run)) for run in answers],
    }


if __name__ == "__main__":
    running.run("door_burst", measure)
