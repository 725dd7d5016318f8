"""The watch of 10,000 Deployments on a real API server: until all are known, until a change is, and what it keeps in memory.

`python -m tests.bench.live_deployments`. The Deployments are plain objects, with controllers stopped; states are worked out
with control values that no Deployment runs yet.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from kubedoor.admission.rules import Rules
from kubedoor.kube.client import Cluster
from kubedoor.live.reader import LiveReader, LiveView
from kubedoor.live.standing import standing_of
from tests.bench import running
from tests.bench.judging import Figures
from tests.bench.records import memory_megabytes
from tests.bench.running import Effort
from tests.support.builders import collected, make_container, make_deployment, make_values
from tests.toolbox import processes
from tests.toolbox.controlplane import ControlPlane

DEPLOYMENTS, NAMESPACES = 10_000, 20
CHANGES = 20
CREATORS = 8
LONGEST_SECONDS = 10.0


def reader_of(cluster: Cluster) -> LiveReader:
    return LiveReader(
        cluster,
        controls=lambda namespace: namespace.startswith("team-"),
        idle_seconds=600,
        now=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
    )


def fill(cluster: Cluster, count: int) -> None:
    for number in range(NAMESPACES):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _namespace(number)}}
        cluster.request("POST", "/api/v1/namespaces", body=namespace)

    def create(number: int) -> None:
        namespace = _namespace(number % NAMESPACES)
        cluster.request("POST", _path(namespace), body=_deployment(number, namespace))

    with ThreadPoolExecutor(CREATORS) as pool:
        list(pool.map(create, range(count)))


def _namespace(number: int) -> str:
    return f"team-{number:02}"


def _path(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments"


def _deployment(number: int, namespace: str) -> dict[str, Any]:
    """As large as one of a chart: environment, probes, two containers."""
    environment = [{"name": f"SETTING_{one}", "value": "a value of some length"} for one in range(20)]
    requests, limits = {"cpu": "500m", "memory": "512Mi"}, {"memory": "1Gi"}
    probe = {"tcpSocket": {"port": 8080}}
    containers = [
        make_container("app", requests=requests, limits=limits, env=environment, readinessProbe=probe),
        make_container("proxy", requests=requests, limits=limits, env=environment[:5]),
    ]
    return make_deployment(f"service-{number:05}", namespace=namespace, replicas=3, containers=containers)


def known(reader: LiveReader, count: int) -> LiveView:
    """Raises PartFailed."""
    found: list[LiveView] = []

    def is_known() -> bool:
        view = reader.view()
        found[:] = [view] if view is not None and len(view.deployments) == count else []
        return bool(found)

    processes.wait_until(is_known, what="all are known", timeout_seconds=120)
    return found[0]


def change_seconds(cluster: Cluster, reader: LiveReader, round_number: int) -> float:
    """From a scale to where a question about it has the new number; the median of CHANGES."""
    taken = []
    for number in range(CHANGES):
        namespace, name = _namespace(number % NAMESPACES), f"service-{number:05}"
        replicas = 100 * round_number + number + 4
        cluster.scale_deployment(namespace, name, replicas)
        started = time.perf_counter()
        while known_replicas(reader, namespace, name) != replicas:
            if time.perf_counter() - started > LONGEST_SECONDS:
                raise processes.PartFailed(f"{namespace}/{name} is not seen")
            time.sleep(0.002)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def known_replicas(reader: LiveReader, namespace: str, name: str) -> int:
    view = reader.view()
    found = view.deployments.get((namespace, name)) if view else None
    return found.replicas if found else -1


def state_seconds(view: LiveView) -> float:
    """How long it takes to work out the states of all."""
    values = make_values(replicas=collected(2))
    started = time.perf_counter()
    for key, live in view.deployments.items():
        standing_of(live.manifest(key), values, Rules())
    return time.perf_counter() - started


def _memory() -> float:
    gc.collect()
    return memory_megabytes(os.getpid(), "VmRSS")


def measure(effort: Effort) -> Figures:
    count = effort.size(DEPLOYMENTS, 300)
    figures: dict[str, list[float]] = {}
    with ControlPlane() as plane:
        plane.stop_controllers()
        cluster = Cluster(kubeconfig=str(plane.kubeconfig), timeout_seconds=60)
        fill(cluster, count)
        for round_number in range(effort.runs):
            before = _memory()
            with closing(reader_of(cluster)) as reader:
                started = time.perf_counter()
                view = known(reader, count)
                taken = {
                    "live_list": time.perf_counter() - started,
                    "live_memory": _memory() - before,
                    "live_change": 1000 * change_seconds(cluster, reader, round_number),
                    "live_states": state_seconds(view),
                }
            for line, figure in taken.items():
                figures.setdefault(line, []).append(figure)
    return figures


if __name__ == "__main__":
    running.run("live_deployments", measure)
