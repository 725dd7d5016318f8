"""A KubeDoor with its door on in front of the real control plane, and what a test asks of the two."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from kubedoor.admission.look import Look
from kubedoor.admission.native.custom_resource import custom_resource_definition
from kubedoor.admission.native.policy_switch import PolicySwitch
from kubedoor.admission.native.writer import ParameterWriter
from kubedoor.admission.resources import Floors
from kubedoor.admission.rules import Rules
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.admission.switch import NATIVE, WEBHOOK
from kubedoor.kube.client import Cluster
from kubedoor.model.collected import CollectedValues
from kubedoor.model.values import ManualValues, Mode, Resources, WorkloadKey
from kubedoor.quantities import cpu_millicores, memory_bytes
from kubedoor.store.collected import collected_rows
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.records import RecordStore
from tests.contract.native_door import Api
from tests.support.builders import make_container, make_deployment, make_request, make_review
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.running import Client, RunningKubeDoor

CLUSTER = "lab"
PROBE = WorkloadKey(CLUSTER, "zz-door-probe", "probe")
"""No such Deployment: only its control values are looked at, see `Lab.wait_for_door`."""
_images = itertools.count(2)


def know_control_values(plane: ControlPlane) -> None:
    """Make the kind of the policies' parameters known, and a namespace for the probe's."""
    plane.apply(
        custom_resource_definition(), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PROBE.namespace}}
    )
    switch = PolicySwitch(Cluster(kubeconfig=str(plane.kubeconfig)), Rules())
    plane.wait_for(switch.is_possible, what="the API server knows ControlValues")


def amounts(cpu: str = "", memory: str = "", *, cpu_limit: str = "", memory_limit: str = "") -> Resources:
    """Resources as Kubernetes writes them; an empty text is not set."""
    return Resources(
        cpu_millicores(cpu) if cpu else None,
        memory_bytes(memory) if memory else None,
        cpu_millicores(cpu_limit) if cpu_limit else None,
        memory_bytes(memory_limit) if memory_limit else None,
    )


@dataclass
class Lab:
    plane: ControlPlane
    kubedoor: RunningKubeDoor
    client: Client
    connection: Connection
    folder: Path
    dsn: str = ""
    door: str = WEBHOOK
    """What enforces: WEBHOOK, NATIVE or BOTH."""
    control: ControlStore = field(init=False)
    records: RecordStore = field(init=False)
    parameters: ParameterWriter | None = field(init=False)

    def __post_init__(self) -> None:
        self.control = ControlStore(self.connection, CLUSTER)
        self.records = RecordStore(self.connection, CLUSTER)
        self._api = Api(self.plane)
        self.parameters = None if self.door == WEBHOOK else self._writer()

    def _writer(self) -> ParameterWriter:
        """As another KubeDoor has it: the one that runs is not told of what tests store."""
        snapshot = Snapshot(
            self.control,
            cluster=CLUSTER,
            path=self.folder / "parameters.json",
            monotonic=time.monotonic,
            now=lambda: datetime.now(UTC),
        )
        return ParameterWriter(snapshot, self._cluster(), Floors(10, 2**20))

    def _cluster(self) -> Cluster:
        return Cluster(kubeconfig=str(self.plane.kubeconfig))

    def learn(self) -> None:
        """Look at the cluster, as KubeDoor does every few minutes. A webhook sees by itself what a Scale does not show:
        label, owner, HPA. Policies have it from the last look."""
        if self.door == NATIVE:
            Look(
                cluster=self._cluster(),
                control=self.control,
                deployments=DeploymentStore(self.connection, CLUSTER),
                cluster_name=CLUSTER,
                controls=lambda namespace: namespace != "kube-system",
                has_sample=True,
                now=lambda: datetime.now(UTC),
            ).run()
            self.wait_for_door()

    def close(self) -> None:
        self._api.close()

    @property
    def tells(self) -> bool:
        """Whether what enforces warns and records. Policies can do neither."""
        return self.door != NATIVE

    def is_told(self, said: str, *lines: str) -> bool:
        """Whether kubectl has printed these lines as warnings; with policies alone, whether it has printed none."""
        if not self.tells:
            return "KubeDoor" not in said
        return all(f"Warning: KubeDoor: {line}" in said for line in lines)

    def set_values(
        self,
        namespace: str,
        name: str = "web",
        *,
        replicas: int | None = 3,
        mode: Mode | None = None,
        **containers: Resources,
    ) -> None:
        """Set what the door enforces for one Deployment from now on; `containers` by name."""
        key = WorkloadKey(CLUSTER, namespace, name)
        values = ManualValues(replicas=replicas, mode=mode, containers=containers)
        self.control.edit(key, values, based_on=self.control.manual(key).version, who="test")
        self.wait_for_door()

    def wait_for_door(self) -> None:
        """Wait until the door decides from all that is stored by now.

        The probe is set last: the door has the others when it has the probe's.
        """
        if self.parameters:
            self.parameters.write()
        version = self.control.manual(PROBE).version
        replicas = version + 2
        self.control.edit(PROBE, ManualValues(replicas=replicas), based_on=version, who="test")
        if self.parameters:
            self.parameters.write()
        deployment = make_deployment(PROBE.deployment, namespace=PROBE.namespace, replicas=1)
        if self.door == NATIVE:
            self.plane.wait_for(lambda: self._tried(deployment) == replicas, what="the policies have the newest values")
            return
        review = make_review(make_request(deployment, dry_run=True))
        ca = self.kubedoor.data_folder / "tls" / "ca.crt"

        def is_seen() -> bool:
            answer = self.review(self.kubedoor.door_port, review, ca=ca)["response"]
            return any(f"replicas 1 -> {replicas} " in one for one in answer.get("warnings", ()))

        self.plane.wait_for(is_seen, what="the door has the newest values")

    def _tried(self, deployment: dict[str, Any]) -> int:
        """The replicas with which the API server would store it."""
        path = f"/apis/apps/v1/namespaces/{PROBE.namespace}/deployments"
        return replicas_of(self._api.send("POST", path, deployment, dryRun="All"))

    def add_collected(self, values: CollectedValues) -> None:
        """Make a run of collected values that has these besides those of the current run."""
        run = self.control.revision().collected_run
        self.connection.command(
            "INSERT INTO collected_rows SELECT * REPLACE ({next:UInt64} AS run) FROM"
            " (SELECT * FROM collected_rows WHERE cluster = {cluster:String} AND run = {run:UInt64})",
            cluster=CLUSTER,
            run=run,
            next=run + 1,
        )
        rows = list(collected_rows(CLUSTER, run + 1, values))
        self.connection.insert("collected_rows", rows)
        marker = {"cluster": CLUSTER, "run": run + 1, "sizing_rule": "peak-day"}
        count = self.control.collected_row_count() + len(rows)
        self.connection.insert("collected_runs", [{**marker, "row_count": count}])
        self.wait_for_door()

    def create(self, namespace: str, name: str = "web", **fields: Any) -> dict[str, Any]:
        """Apply a Deployment and give what the API server stored."""
        self.plane.apply(make_deployment(name, namespace=namespace, **fields))
        self.settle(namespace, name)
        return self.stored(namespace, name)

    def stored(self, namespace: str, name: str = "web") -> dict[str, Any]:
        return self.plane.get("deployment", name, namespace)

    def settle(self, namespace: str, name: str = "web") -> None:
        """Wait until the deployment controller has seen the newest generation."""

        def is_seen() -> bool:
            found = self.stored(namespace, name)
            return bool(found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"])

        self.plane.wait_for(is_seen, what=f"the controller has seen {namespace}/{name}")

    def replicaset_count(self, namespace: str, name: str = "web") -> int:
        self.settle(namespace, name)
        return len(self.plane.get_all("replicaset", namespace, selector=f"app={name}"))

    def kubectl(self, namespace: str, *words: str, **options: Any) -> str:
        """What kubectl said, warnings included."""
        done = self.plane.kubectl("-n", namespace, *words, **options)
        return done.stdout + done.stderr

    def apply(self, namespace: str, *words: str, **fields: Any) -> str:
        manifest = json.dumps(make_deployment(namespace=namespace, **fields))
        return self.kubectl(namespace, "apply", *words, "-f", "-", input=manifest)

    def admissions(self, namespace: str) -> list[dict[str, Any]]:
        return self.records.admissions(namespace=namespace, limit=100)

    def settle_admissions(self) -> None:
        """Wait until everything admitted so far is recorded: rows are written after the answers, in their order."""
        if not self.tells:
            return
        name = f"last-{next(_images)}"
        self.plane.kubectl("create", "deployment", name, "--image=registry.test/app:1", "--replicas=0")
        self.plane.wait_for(
            lambda: bool(self.records.admissions(namespace="default", deployment=name, limit=1)),
            what="rows are written",
        )
        self.plane.kubectl("delete", "deployment", name)

    def wait_for_sized_state(self, namespace: str, name: str) -> None:
        """States are written every few seconds only, and by themselves."""
        states = DeploymentStore(self.connection, CLUSTER)
        self.plane.wait_for(lambda: bool(states.sized(namespace, name)), what="the door has stored what it has set")

    def wait_for_admissions(self, namespace: str, count: int) -> list[dict[str, Any]]:
        """Rows are written after the answer is out."""
        self.plane.wait_for(lambda: len(self.admissions(namespace)) >= count, what=f"{count} admissions are recorded")
        return self.admissions(namespace)

    def review(self, port: int, review: dict[str, Any], *, ca: Path) -> dict[str, Any]:
        """Ask a door on this machine directly."""
        answer = requests.post(f"https://localhost:{port}/mutate", json=review, verify=str(ca), timeout=10)
        found: dict[str, Any] = answer.json()
        return found


def replicas_of(manifest: dict[str, Any]) -> int:
    return int(manifest["spec"]["replicas"])


def resources_of(manifest: dict[str, Any], container: str = "app", *, kind: str = "containers") -> dict[str, Any]:
    found = [one for one in manifest["spec"]["template"]["spec"][kind] if one["name"] == container]
    resources: dict[str, Any] = found[0].get("resources", {})
    return resources


def new_image() -> str:
    return f"registry.test/app:{next(_images)}"


def asks(cpu: str, memory: str, *, name: str = "app", **fields: Any) -> dict[str, Any]:
    return make_container(name, requests={"cpu": cpu, "memory": memory}, **fields)
