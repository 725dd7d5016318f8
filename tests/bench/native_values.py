"""Control values of 10,000 workloads as parameters of policies: written from nothing, one edit, and when an edit is enforced.

`python -m tests.bench.native_values`. From nothing and one edit are the writer's own time, in this process, with what it
reads from the store; the edit that is waited for goes through the API of a running KubeDoor.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubedoor.admission.native.custom_resource import custom_resource_definition
from kubedoor.admission.native.parameters import GROUP, PLURAL, VERSION
from kubedoor.admission.native.policy_switch import PolicySwitch
from kubedoor.admission.native.writer import ParameterWriter
from kubedoor.admission.rules import Rules
from kubedoor.kube.client import Cluster
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from tests.bench import running
from tests.bench.door_apiserver import ApiServer
from tests.bench.door_throughput import CLUSTER
from tests.bench.filling import fill_control, key
from tests.bench.judging import Figures
from tests.bench.native_apiserver import DRY, writer_of
from tests.bench.running import Effort
from tests.support.clickhouse import ClickHouse, running_clickhouse
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.running import Client, start_kubedoor

WORKLOADS, NAMESPACES = 10_000, 100
EDITS = 20
LONGEST_SECONDS = 10.0
PATH = f"/apis/{GROUP}/{VERSION}"


class CountingCluster(Cluster):
    """Counts what is sent in objects that are applied."""

    sent_bytes = 0

    def apply_large_object(self, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        self.sent_bytes += len(json.dumps(manifest))
        return super().apply_large_object(path, manifest)


@dataclass
class Lab:
    plane: ControlPlane
    clickhouse: ClickHouse
    control: ControlStore
    folder: Path
    namespaces: int

    @property
    def key(self) -> WorkloadKey:
        """The workload that is edited."""
        return WorkloadKey(CLUSTER, *key(0, self.namespaces))

    def written(self, cluster: CountingCluster, writer: ParameterWriter) -> tuple[float, float]:
        """Seconds, and KB sent."""
        before, started = cluster.sent_bytes, time.perf_counter()
        writer.write()
        return time.perf_counter() - started, (cluster.sent_bytes - before) / 1000

    def edit(self, replicas: int) -> None:
        version = self.control.manual(self.key).version
        self.control.edit(self.key, ManualValues(replicas=replicas), based_on=version, who="bench")


@contextmanager
def lab(effort: Effort) -> Iterator[Lab]:
    workloads, namespaces = effort.size(WORKLOADS, 200), effort.size(NAMESPACES, 5)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clickhouse = stack.enter_context(running_clickhouse(folder))
        connection = Connection(clickhouse.dsn)
        stack.callback(connection.close)
        migrate(connection)
        control = ControlStore(connection, CLUSTER)
        fill_control(control, workloads, namespaces)
        plane = stack.enter_context(ControlPlane(nodes=1))
        plane.stop_controllers()
        names = [key(number, namespaces)[0] for number in range(namespaces)]
        plane.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": one}} for one in names))
        plane.apply(custom_resource_definition())
        cluster = Cluster(kubeconfig=str(plane.kubeconfig))
        policies = PolicySwitch(cluster, Rules(), lambda: None)
        plane.wait_for(policies.is_possible, what="the API server knows ControlValues")
        yield Lab(plane, clickhouse, control, folder, namespaces)


def written(lab: Lab, number: int) -> dict[str, float]:
    """From nothing, then one edit."""
    lab.plane.kubectl("delete", PLURAL, "--all", "--all-namespaces")
    cluster = CountingCluster(kubeconfig=str(lab.plane.kubeconfig))
    writer = writer_of(lab.control, cluster, lab.folder)
    seconds, kilobytes = lab.written(cluster, writer)
    lab.edit(100 + number)
    edit_seconds, edit_kilobytes = lab.written(cluster, writer)
    return {
        "parameters_all": seconds,
        "parameters_all_bytes": kilobytes,
        "parameters_edit": edit_seconds * 1000,
        "parameters_edit_bytes": edit_kilobytes,
    }


def enforced(lab: Lab, effort: Effort) -> list[float]:
    """Of each run, the milliseconds of its slowest edit."""
    settings = {
        "KUBEDOOR_DOOR": "native",
        "KUBEDOOR_CLUSTER": CLUSTER,
        "KUBEDOOR_STORE_DSN": lab.clickhouse.dsn,
        "KUBEDOOR_LOOK_SECONDS": "0",
    }
    kubedoor = start_kubedoor(lab.plane, None, folder=lab.folder, settings=settings)
    server, client = ApiServer(lab.plane), Client(kubedoor.url)
    try:
        client.log_in()
        client.switch(enabled=True)
        server.create(lab.key.namespace, lab.key.deployment)
        _until_scaled_to(server, lab, lab.control.manual(lab.key).replicas or 0)
        return [
            max(_edited(server, client, lab, EDITS * run + turn) for turn in range(effort.size(EDITS, 3)))
            for run in range(effort.runs)
        ]
    finally:
        client.close()
        server.close()
        kubedoor.child.stop()


def _edited(server: ApiServer, client: Client, lab: Lab, number: int) -> float:
    """Milliseconds from the answer until it is enforced."""
    path = f"/workloads/{CLUSTER}/{lab.key.namespace}/{lab.key.deployment}"
    version = lab.control.manual(lab.key).version
    client.call("PATCH", path, {"version": version, "replicas": 200 + number})
    return _until_scaled_to(server, lab, 200 + number)


def _until_scaled_to(server: ApiServer, lab: Lab, replicas: int) -> float:
    started = time.perf_counter()
    while time.perf_counter() - started < LONGEST_SECONDS:
        _, found = server.scale(lab.key.namespace, lab.key.deployment, 1, DRY)
        if found["spec"]["replicas"] == replicas:
            return (time.perf_counter() - started) * 1000
    raise RuntimeError(f"policies do not scale to {replicas}")


def measure(effort: Effort) -> Figures:
    with lab(effort) as made:
        runs = [written(made, number) for number in range(effort.runs)]
        return {line: [run[line] for run in runs] for line in runs[0]} | {"edit_in_force": enforced(made, effort)}


if __name__ == "__main__":
    running.run("native_values", measure)
