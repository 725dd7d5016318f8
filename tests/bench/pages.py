"""What people open, over a year of ten thousand workloads: the list, the overview, one workload's year. Over HTTP.

`python -m tests.bench.pages`. `api` runs as in the cluster, with ClickHouse (or chDB behind the same HTTP interface) as
another process.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import requests

from kubedoor.model.deployments import DeploymentContainer, DeploymentState
from kubedoor.model.values import Resources
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.migrations import migrate
from tests.bench import running
from tests.bench.filling import CONTAINERS, fill_control, fill_usage, key
from tests.bench.judging import Figures, quantile
from tests.bench.records import PASSWORD, memory_megabytes, start_api
from tests.bench.running import Effort
from tests.support.clickhouse import running_clickhouse

CLUSTER = "bench"
WORKLOADS, DAYS = 10_000, 365
CHECKS = 20
QUERIES = (
    "",
    "page=7",
    "sort=cpu_waste&order=desc",
    "search=service-000",
    "namespace=team-7",
    "asked=over&sort=memory_waste&order=desc",
    "sized=true&page=20",
    "has_manual=false&sort=edited_at",
)
"""Pages of 50 workloads, as the list of the web UI asks for them."""


def fill(connection: Connection, *, workloads: int, days: int) -> None:
    migrate(connection)
    fill_usage(connection, CLUSTER, until=datetime.now(UTC).date(), days=days, workloads=workloads)
    fill_control(ControlStore(connection, CLUSTER), workloads)
    DeploymentStore(connection, CLUSTER).record(map(_state, range(workloads)), seen_by="look", at=datetime.now(UTC))


def _state(number: int) -> DeploymentState:
    asked, runs = Resources(500, 2**30, 1000, 2**31), Resources(100, 2**27, 1000, 2**30)
    containers = tuple(DeploymentContainer(name, False, asked, runs) for name in CONTAINERS)
    return DeploymentState(*key(number), 3, containers, is_sized=True, init_containers=(), has_pod_resources=False)


@dataclass(frozen=True)
class Filled:
    """`get`: milliseconds of a GET below /api/v1. `memory`: megabytes of `api` now."""

    get: Callable[[str], float]
    memory: Callable[[], float]
    connection: Connection


@contextmanager
def filled_api(effort: Effort) -> Iterator[Filled]:
    """`api` on a store with a year of data."""
    workloads, days = effort.size(WORKLOADS, 200), effort.size(DAYS, 40)
    with (
        tempfile.TemporaryDirectory() as name,
        running_clickhouse(Path(name) / "clickhouse") as clickhouse,
        requests.Session() as client,
    ):
        connection = Connection(clickhouse.dsn, timeout_seconds=600)
        fill(connection, workloads=workloads, days=days)
        child, url = start_api(Path(name), clickhouse.dsn, KUBEDOOR_CLUSTER=CLUSTER)

        def get(path: str) -> float:
            started = time.perf_counter()
            client.get(f"{url}/api/v1{path}", timeout=60).raise_for_status()
            return (time.perf_counter() - started) * 1000

        try:
            login = {"username": "kubedoor", "password": PASSWORD}
            client.post(f"{url}/api/v1/session", json=login, timeout=60).raise_for_status()
            get("/session")
            yield Filled(get, lambda: memory_megabytes(child.pid, "VmRSS"), connection)
        finally:
            child.stop()
            connection.close()


def measure(effort: Effort) -> Figures:
    with filled_api(effort) as api:
        get, workloads = api.get, effort.size(WORKLOADS, 200)
        before = api.memory()
        get("/workloads")
        listed = api.memory()
        (disk,) = api.connection.rows(
            "SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND table IN"
            " ('usage_rows', 'usage_by_workload')"
        )
        numbers = itertools.count(17)
        figures: dict[str, list[float]] = {name: [] for name in ("list_first", "overview_first")}
        figures |= {name: [] for name in ("list_p95", "overview", "year", "refresh_check")}
        for _ in range(effort.runs):
            for page, path in (("list_first", "/workloads"), ("overview_first", "/overview")):
                fill_control(ControlStore(api.connection, CLUSTER), workloads)
                figures[page].append(get(path))
            pages = [get(f"/workloads?{query}") for query in QUERIES * 5]
            figures["list_p95"].append(quantile(pages, 0.95))
            figures["overview"].append(quantile([get("/overview") for _ in range(5)], 0.5))
            figures["refresh_check"].append(check(ControlStore(api.connection, CLUSTER)))
            years = [get(_history(next(numbers) * 397 % workloads)) for _ in range(5)]
            figures["year"].append(quantile(years, 0.5))
    figures |= {"api_memory": [before], "api_list_memory": [listed - before], "disk": [disk["bytes"] / 10**6]}
    return figures


def check(control: ControlStore) -> float:
    """Milliseconds of what a door asks when its snapshot has to be confirmed."""
    started = time.perf_counter()
    for _ in range(CHECKS):
        control.revision()
    return (time.perf_counter() - started) / CHECKS * 1000


def _history(number: int) -> str:
    namespace, deployment = key(number)
    return f"/workloads/{CLUSTER}/{namespace}/{deployment}/history?days=365"


if __name__ == "__main__":
    running.run("pages", measure)
