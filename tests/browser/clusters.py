"""A KubeDoor with sample data, its door on, in front of a real control plane that runs some of the sample's Deployments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubedoor.collection.sample.cluster import DEPLOYMENTS
from tests.browser.seeding import PASSWORD, seed
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.running import Client, RunningKubeDoor, start_kubedoor

NAMESPACE = "shop"
DAYS = 10
PROGRESS_DEADLINE_SECONDS = 3


@dataclass
class InCluster:
    """`kubedoor` may be started anew: it then goes on with the same data at the same ports."""

    plane: ControlPlane
    kubedoor: RunningKubeDoor
    client: Client
    folder: Path
    settings: Mapping[str, str]

    def start_again(self) -> None:
        self.kubedoor = _start(self.plane, self.folder, self.settings, like=self.kubedoor)

    def deploy(self, *names: str, is_stuck: bool = False) -> None:
        """Deployments of the sample as they are there; stuck: no node takes their pods, which is soon noticed."""
        for name in names:
            manifest = next(one for one in DEPLOYMENTS if (one.namespace, one.name) == (NAMESPACE, name)).manifest()
            if is_stuck:
                manifest["spec"]["progressDeadlineSeconds"] = PROGRESS_DEADLINE_SECONDS
                manifest["spec"]["template"]["spec"]["nodeSelector"] = {"no": "such-node"}
            self.plane.apply(manifest)
        if not is_stuck:
            deployments = [f"deployment/{name}" for name in names]
            self.plane.kubectl("wait", *deployments, "-n", NAMESPACE, "--for=condition=Available", "--timeout=55s")

    def switch_on(self, name: str) -> None:
        """Wait until the API server asks the door: a restart of this one would then set its values."""
        self.client.switch(enabled=True)
        wish = {"kind": "restart", "workloads": [{"namespace": NAMESPACE, "deployment": name}], "dry_run": True}
        self.plane.wait_for(
            lambda: bool(self.client.call("POST", "/actions", wish)["planned"][0]["changes"]),
            what="the door answers the API server",
        )

    def deployment(self, name: str) -> dict[str, Any]:
        return self.plane.get("deployment", name, NAMESPACE)

    def replicasets(self, name: str) -> int:
        found = self.plane.get_all("replicaset", NAMESPACE, selector=f"app.kubernetes.io/name={name}")
        return len(found)


@contextmanager
def in_cluster(folder: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[InCluster]:
    """Everybody's password is that of `seeding`."""
    settings = settings or {}
    with ControlPlane() as plane:
        plane.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        seed(folder / "data", viewer=True)
        found = InCluster(plane, _start(plane, folder, settings), Client(""), folder, settings)
        found.client = Client(found.kubedoor.url)
        try:
            with closing(found.client) as client:
                client.log_in(password=PASSWORD)
                client.collect(DAYS, on_progress=lambda record: None)
                yield found
        finally:
            found.kubedoor.child.stop()


def _start(
    plane: ControlPlane, folder: Path, settings: Mapping[str, str], *, like: RunningKubeDoor | None = None
) -> RunningKubeDoor:
    ports = {"port": like.port, "door_port": like.door_port} if like else {}
    return start_kubedoor(plane, None, folder=folder, settings=settings, **ports)
