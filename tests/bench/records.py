"""The audit log with a year of data (a million rows): latency of filters, and memory of `api` during a full export.

`python -m tests.bench.records [ROWS]`. `api` runs as in the cluster, with ClickHouse (or chDB behind the same HTTP
interface) as another process. Prints a table and asserts nothing; the goals are 300 ms for a filtered page and 250 MB
for the process.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import requests

from kubedoor.store.connection import Connection
from kubedoor.store.migrations import migrate
from tests.support.clickhouse import running_clickhouse
from tests.toolbox import processes
from tests.toolbox.processes import Child

ROOT = Path(__file__).parents[2]
ROWS = 1_000_000
REPEATS = 7
FILL = """
    INSERT INTO audit (at, who, via, address, action, target, before, after)
    SELECT now64(3, 'UTC') - toIntervalSecond(31 * number), concat('user-', toString(number % 200)),
        if(number % 5 = 0, 'token', 'session'), concat('10.0.', toString(number % 250), '.7'),
        if(number % 50 = 0, 'control.on', 'workload.edit'),
        concat('main/team-', toString(number % 300), '/service-', toString(number % 5000)),
        concat('{"version":', toString(number), ',"replicas":', toString(number % 40), ',"containers":{"app":{"cpu_request_millicores":250,"memory_request_bytes":268435456}}}'),
        concat('{"version":', toString(number + 1), ',"replicas":', toString(number % 30), ',"containers":{"app":{"cpu_request_millicores":120,"memory_request_bytes":134217728}}}')
    FROM numbers({rows:UInt64})
"""
FILTERS = {
    "newest 100": "",
    "by person": "who=user-17",
    "by a person who did nothing": "who=nobody",
    "by action": "action=control.on",
    "by part of a target": "target=service-4711",
    "by a target nobody touched": "target=service-of-nobody",
    "by namespace": "namespace=team-42",
    "half a year ago": "until={half}",
    "person, namespace, month": "who=user-42&namespace=team-42&since={month}",
}


def memory_megabytes(pid: int, field: str) -> float:
    """VmRSS or VmHWM of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1]) / 1024


def start_api(folder: Path, dsn: str) -> tuple[Child, str]:
    port = processes.free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KUBEDOOR_")} | {
        "KUBEDOOR_STORE_DSN": dsn,
        "KUBEDOOR_SOURCE": "sample",
        "KUBEDOOR_KUBECONFIG": "none",
        "KUBEDOOR_DATA_DIR": str(folder / "data"),
        "KUBEDOOR_ADMIN_PASSWORD": "bench-password",
    }
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "tests.support.api_alone:app",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    child = processes.start("api", command, log=folder / "api.log", environment=environment, folder=ROOT)
    url = f"http://127.0.0.1:{port}"
    processes.wait_until(
        lambda: processes.answers(f"{url}/readyz"), what="api is ready", children=[child], timeout_seconds=60
    )
    return child, url


def measure_filters(client: requests.Session, url: str) -> None:
    now = time.time()
    moments = {"half": now - 182 * 86400, "month": now - 30 * 86400}
    words = {name: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for name, at in moments.items()}
    for name, query in FILTERS.items():
        took = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            answer = client.get(f"{url}/api/v1/audit?limit=100&{query.format(**words)}", timeout=60)
            took.append((time.perf_counter() - started) * 1000)
            answer.raise_for_status()
        print(
            f"{name:32} {len(answer.json()):5} rows  median {statistics.median(took):7.1f} ms  worst {max(took):7.1f} ms"
        )


def measure_export(client: requests.Session, url: str, pid: int) -> None:
    before, started, size, lines = memory_megabytes(pid, "VmRSS"), time.perf_counter(), 0, 0
    with client.get(f"{url}/api/v1/audit/export", stream=True, timeout=600) as answer:
        answer.raise_for_status()
        for piece in answer.iter_content(2**20):
            size, lines = size + len(piece), lines + piece.count(b"\n")
    print(
        f"export: {lines - 1} rows, {size / 2**20:.0f} MB in {time.perf_counter() - started:.0f} s;"
        f" api had {before:.0f} MB before and at most {memory_megabytes(pid, 'VmHWM'):.0f} MB"
    )


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as name, running_clickhouse(Path(name) / "clickhouse") as clickhouse:
        connection = Connection(clickhouse.dsn, timeout_seconds=600)
        migrate(connection)
        connection.command(FILL, rows=rows)
        child, url = start_api(Path(name), clickhouse.dsn)
        try:
            with requests.Session() as client:
                login = {"username": "kubedoor", "password": "bench-password"}
                client.post(f"{url}/api/v1/session", json=login, timeout=60).raise_for_status()
                measure_filters(client, url)
                measure_export(client, url, child.pid)
        finally:
            child.stop()
            connection.close()


if __name__ == "__main__":
    main()
