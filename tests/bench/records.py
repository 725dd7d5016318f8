"""The audit log with a year of data (a million rows): latency of filters, and memory of `api` during a full export.

`python -m tests.bench.records`. `api` runs as in the cluster, with ClickHouse (or chDB behind the same HTTP interface)
as another process.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import requests

from kubedoor.store.connection import Connection
from kubedoor.store.migrations import migrate
from tests.bench import running
from tests.bench.judging import Figures
from tests.bench.running import Effort
from tests.support.clickhouse import running_clickhouse
from tests.toolbox import processes
from tests.toolbox.processes import Child

ROOT = Path(__file__).parents[2]
ROWS = 1_000_000
EXPORTS = 2
"""An export takes twenty seconds, and memory only grows."""
PASSWORD = "bench-password"
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


def start_api(folder: Path, dsn: str, **settings: str) -> tuple[Child, str]:
    """`api` as a process of its own, on this store; its URL."""
    port = processes.free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KUBEDOOR_")} | {
        "KUBEDOOR_STORE_DSN": dsn,
        "KUBEDOOR_SOURCE": "sample",
        "KUBEDOOR_KUBECONFIG": "none",
        "KUBEDOOR_DATA_DIR": str(folder / "data"),
        "KUBEDOOR_ADMIN_PASSWORD": PASSWORD,
        **settings,
    }
    words = ["-m", "uvicorn", "tests.support.api_alone:app", "--port", str(port), "--log-level", "warning"]
    log = folder / "api.log"
    child = processes.start("api", [sys.executable, *words], log=log, environment=environment, folder=ROOT)
    url = f"http://127.0.0.1:{port}"
    processes.wait_until(
        lambda: processes.answers(f"{url}/readyz"), what="api is ready", children=[child], timeout_seconds=60
    )
    return child, url


def slowest_filter(client: requests.Session, url: str) -> float:
    """Milliseconds."""
    now = time.time()
    moments = {"half": now - 182 * 86400, "month": now - 30 * 86400}
    words = {name: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for name, at in moments.items()}
    took = []
    for query in FILTERS.values():
        started = time.perf_counter()
        client.get(f"{url}/api/v1/audit?limit=100&{query.format(**words)}", timeout=60).raise_for_status()
        took.append((time.perf_counter() - started) * 1000)
    return max(took)


def export(client: requests.Session, url: str) -> None:
    with client.get(f"{url}/api/v1/audit/export", stream=True, timeout=600) as answer:
        answer.raise_for_status()
        for _ in answer.iter_content(2**20):
            pass


def measure(effort: Effort) -> Figures:
    rows = effort.size(ROWS, 10_000)
    with tempfile.TemporaryDirectory() as name, running_clickhouse(Path(name) / "clickhouse") as clickhouse:
        connection = Connection(clickhouse.dsn, timeout_seconds=600)
        migrate(connection)
        connection.command(FILL, rows=rows)
        child, url = start_api(Path(name), clickhouse.dsn)
        try:
            with requests.Session() as client:
                login = {"username": "kubedoor", "password": PASSWORD}
                client.post(f"{url}/api/v1/session", json=login, timeout=60).raise_for_status()
                slowest_filter(client, url)  # the first one imports
                filters = [slowest_filter(client, url) for _ in range(effort.runs)]
                memory = []
                for _ in range(min(effort.runs, EXPORTS)):
                    export(client, url)
                    memory.append(memory_megabytes(child.pid, "VmHWM"))
        finally:
            child.stop()
            connection.close()
    return {"audit_filter": filters, "audit_memory": memory}


if __name__ == "__main__":
    running.run("records", measure)
