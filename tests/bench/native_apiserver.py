"""What policies add to dry runs at a real API server, against no door, the webhook, both, and a function that does nothing.

`python -m tests.bench.native_apiserver`. Each has a namespace of its own, and those of doors 500 known workloads. Their
requests take turns, and each is compared with the one of its turn that met no door.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from kubedoor.admission.native.custom_resource import custom_resource_definition
from kubedoor.admission.native.policy_switch import PolicySwitch
from kubedoor.admission.native.writer import ParameterWriter
from kubedoor.admission.resources import Floors
from kubedoor.admission.rules import Rules
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.kube.client import Cluster
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from tests.bench import running
from tests.bench.door_apiserver import ApiServer, rotated, webhook
from tests.bench.door_throughput import CLUSTER, servers
from tests.bench.filling import fill_control, key
from tests.bench.judging import Figures
from tests.bench.running import Effort
from tests.support.clickhouse import running_clickhouse
from tests.toolbox.controlplane import ControlPlane

TURNS = 200
WORKLOADS = 500
"""In each namespace with a door."""
DOORS = 3
PLAIN, NO_OP = "plain", "noop"
WEBHOOK, NATIVE, BOTH = (key(number, DOORS)[0] for number in range(DOORS))
NAMESPACES = (PLAIN, NO_OP, WEBHOOK, NATIVE, BOTH)
SIZED_REPLICAS = 3
DRY = "?dryRun=All"


def writer_of(control: ControlStore, cluster: Cluster, folder: Path) -> ParameterWriter:
    """As a process that has just started has it."""
    snapshot = Snapshot(
        control,
        cluster=CLUSTER,
        path=folder / f"{time.monotonic_ns()}.json",
        monotonic=time.monotonic,
        now=lambda: datetime.now(UTC),
    )
    return ParameterWriter(snapshot, cluster, Floors(10, 2**20))


def switch_on(plane: ControlPlane, cluster: Cluster, writer: ParameterWriter, rules: Rules) -> None:
    """Wait for the kind of the parameters, then write them and the policies."""
    plane.apply(custom_resource_definition())
    policies = PolicySwitch(cluster, rules, writer.write)
    plane.wait_for(policies.is_possible, what="the API server knows ControlValues")
    policies.turn_on()


@contextmanager
def lab(effort: Effort) -> Iterator[ApiServer]:
    """An API server whose doors are in force. In each namespace, its first workload is stored."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clickhouse = stack.enter_context(running_clickhouse(folder))
        connection = Connection(clickhouse.dsn)
        stack.callback(connection.close)
        migrate(connection)
        control = ControlStore(connection, CLUSTER)
        fill_control(control, DOORS * effort.size(WORKLOADS, 20), DOORS)
        reached = stack.enter_context(servers(clickhouse, folder))
        plane = stack.enter_context(ControlPlane(nodes=1))
        plane.stop_controllers()
        plane.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": one}} for one in NAMESPACES))
        cluster = Cluster(kubeconfig=str(plane.kubeconfig))
        rules = Rules(namespaces=frozenset({NATIVE, BOTH}))
        switch_on(plane, cluster, writer_of(control, cluster, folder), rules)
        plane.apply(
            webhook("noop.bench", reached["noop"], NO_OP), webhook("door.bench", reached["door"], WEBHOOK, BOTH)
        )
        server = ApiServer(plane)
        stack.callback(server.close)
        for namespace in NAMESPACES:
            server.create(namespace, name_of(namespace, 0))
        for namespace in (WEBHOOK, NATIVE, BOTH):
            plane.wait_for(partial(_is_sized, server, namespace), what=f"the door of {namespace} is in force")
        yield server


def name_of(namespace: str, number: int) -> str:
    """The workload of that number, counted from 0, that the namespace's door knows."""
    known = (WEBHOOK, NATIVE, BOTH)
    return key(DOORS * number + (known.index(namespace) if namespace in known else 0), DOORS)[1]


def _is_sized(server: ApiServer, namespace: str) -> bool:
    _, created = server.create(namespace, name_of(namespace, 1), DRY)
    _, scaled = server.scale(namespace, name_of(namespace, 0), SIZED_REPLICAS + 1, DRY)
    is_created = _container(created)["requests"]["cpu"] == "100m"
    return is_created and bool(scaled["spec"]["replicas"] == SIZED_REPLICAS)


def _container(manifest: dict[str, Any]) -> dict[str, Any]:
    resources: dict[str, Any] = manifest["spec"]["template"]["spec"]["containers"][0]["resources"]
    return resources


def one_run(server: ApiServer, turns: int, workloads: int) -> dict[str, list[float]]:
    """`create/NAMESPACE` and `scale/NAMESPACE` -> milliseconds, one for each turn."""
    took: dict[str, list[float]] = {}
    for turn in range(turns):
        for namespace in rotated(NAMESPACES, turn):
            name = name_of(namespace, 1 + turn % (workloads - 1))
            created, _ = server.create(namespace, name, DRY)
            scaled, found = server.scale(namespace, name_of(namespace, 0), SIZED_REPLICAS + 1 + turn % 2, DRY)
            took.setdefault(f"create/{namespace}", []).append(created)
            took.setdefault(f"scale/{namespace}", []).append(scaled)
            if namespace in (WEBHOOK, NATIVE, BOTH) and found["spec"]["replicas"] != SIZED_REPLICAS:
                raise RuntimeError(f"the door of {namespace} did not size")
    return took


def figures_of(took: dict[str, list[float]]) -> dict[str, float]:
    """Pure."""
    figures: dict[str, float] = {}
    for kind in ("create", "scale"):
        plain = took[f"{kind}/{PLAIN}"]
        added = {
            one: statistics.median(with_door - without for with_door, without in zip(found, plain, strict=True))
            for one in NAMESPACES
            if (found := took[f"{kind}/{one}"])
        }
        figures |= {
            f"native_{kind}_plain": statistics.median(plain),
            f"native_{kind}_noop": added[NO_OP],
            f"native_{kind}_policies": added[NATIVE],
            f"native_{kind}_webhook": added[WEBHOOK],
            f"native_{kind}_both": added[BOTH],
            f"native_{kind}_over_noop": added[NATIVE] / added[NO_OP],
        }
    return figures


def measure(effort: Effort) -> Figures:
    workloads = effort.size(WORKLOADS, 20)
    with lab(effort) as server:
        one_run(server, effort.size(50, 5), workloads)  # the first requests compile expressions and open connections
        runs = [figures_of(one_run(server, effort.size(TURNS, 10), workloads)) for _ in range(effort.runs)]
    return {line: [run[line] for run in runs] for line in runs[0]}


if __name__ == "__main__":
    running.run("native_apiserver", measure)
