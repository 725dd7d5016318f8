"""The native door end to end: edits in KubeDoor count at once, and go on counting when all of KubeDoor has stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.native.custom_resource import custom_resource_definition
from kubedoor.admission.native.policies import NAMES
from kubedoor.asked import ANNOTATION
from tests.contract.commands import run
from tests.contract.lab import asks, new_image, resources_of
from tests.contract.native_door import Api
from tests.support.builders import make_deployment, make_scale
from tests.toolbox import processes
from tests.toolbox.build import ToolMissing
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.running import Client, RunningKubeDoor, start_kubedoor

NAMESPACE = "shop"
PATH = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
COUNT, NIGHTS = 5, 7
VALUES = {"requests": {"cpu": "120m", "memory": "256Mi"}}
SETTINGS = {"KUBEDOOR_DOOR": "native", "KUBEDOOR_CLUSTER": "lab", "KUBEDOOR_LOOK_SECONDS": "0"}
# A door that may answer late, on a loaded machine.
PATIENT_SECONDS = 5.0


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Of its own: all of KubeDoor stops here."""
    try:
        with ControlPlane(nodes=1) as plane:
            plane.kubectl("create", "namespace", NAMESPACE)
            plane.apply(custom_resource_definition())
            plane.stop_controllers()
            yield plane
    except ToolMissing as missing:
        pytest.fail(str(missing))


@pytest.fixture(scope="module")
def api(plane: ControlPlane) -> Iterator[Api]:
    with closing(Api(plane)) as made:
        yield made


@pytest.fixture(scope="module")
def kubedoor(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKubeDoor]:
    folder: Path = tmp_path_factory.mktemp("kubedoor")
    running = start_kubedoor(plane, None, folder=folder, settings=SETTINGS)
    yield running
    running.child.stop()


@pytest.fixture(scope="module")
def client(kubedoor: RunningKubeDoor) -> Iterator[Client]:
    with closing(Client(kubedoor.url)) as made:
        made.log_in()
        yield made


def add(client: Client, name: str, replicas: int) -> None:
    container = {"cpu_request": "120m", "memory_request": "256Mi"}
    body = {"namespace": NAMESPACE, "deployment": name, "replicas": replicas, "containers": {"app": container}}
    client.call("POST", "/workloads", body)


def manifest(name: str, **fields: Any) -> dict[str, Any]:
    return make_deployment(name, namespace=NAMESPACE, containers=[asks("500m", "512Mi", **fields)])


def scaled(api: Api, name: str, **query: str) -> int:
    sent = make_scale(9, name=name, namespace=NAMESPACE)
    return int(api.send("PUT", f"{PATH}/{name}/scale", sent, **query)["spec"]["replicas"])


def test_an_edit_counts_at_once(client: Client, api: Api) -> None:
    add(client, "edited", 3)
    state = client.switch(enabled=True)
    assert (state["enabled"], state["is_current"], state["door"]) == (True, True, "native")
    api.send("POST", PATH, manifest("edited"))
    wait_for_scale(api, 3)
    version = client.call("GET", f"/workloads/lab/{NAMESPACE}/edited")["version"]
    for replicas in range(4, 7):
        client.call("PATCH", f"/workloads/lab/{NAMESPACE}/edited", {"version": version, "replicas": replicas})
        answered_at, version = time.monotonic(), version + 1
        wait_for_scale(api, replicas)
        assert time.monotonic() - answered_at < PATIENT_SECONDS


def wait_for_scale(api: Api, replicas: int) -> None:
    processes.wait_until(lambda: scaled(api, "edited", dryRun="All") == replicas, what="the value is in force")


def test_kubectl_switches_policies_too(plane: ControlPlane, client: Client, tmp_path: Path) -> None:
    """Off and on with the commands that the documents name."""
    plane.kubectl("delete", "mutatingadmissionpolicybindings", *NAMES)
    assert client.call("GET", "/control")["enabled"] is False
    printed = run(tmp_path, "policies", environment=SETTINGS)
    assert printed.returncode == 0
    plane.kubectl("apply", "-f", "-", input=printed.stdout)
    state = client.call("GET", "/control")
    assert (state["enabled"], state["is_current"]) == (True, True)


def test_the_checkup_says_what_the_cluster_can(client: Client) -> None:
    checks = {one["name"]: one for one in client.call("GET", "/checkup")["checks"]}
    assert checks["policies of the API server"]["ok"]
    assert checks["switch"]["detail"] == "control is on"


def test_values_hold_when_all_of_kubedoor_has_stopped(
    plane: ControlPlane, kubedoor: RunningKubeDoor, client: Client, api: Api
) -> None:
    names = [f"web-{number}" for number in range(2 * COUNT)]
    for name in names:
        add(client, name, 3)
    processes.wait_until(lambda: created(api, names[-1], dryRun="All") == 3, what="the last of them is known")
    kubedoor.child.kill()
    for name in names[:COUNT]:
        live(api, name)
    plane.stop_apiserver()
    plane.start_apiserver()
    # A new API server may look for the kind of the parameters before it knows it, and looks again after 30 s.
    processes.wait_until(
        lambda: created(api, names[-1], dryRun="All") == 3, what="the API server has its policies", timeout_seconds=60
    )
    for name in names[COUNT:]:
        live(api, name)


def created(api: Api, name: str, **query: str) -> int:
    return int(api.send("POST", PATH, manifest(name), **query)["spec"]["replicas"])


def live(api: Api, name: str) -> None:
    """Created; then every night released and scaled, and the same manifest sent again, as a CI system does."""
    check(api.send("POST", PATH, manifest(name)))
    for _ in range(NIGHTS):
        released = manifest(name, image=new_image())
        stored = api.send("PUT", f"{PATH}/{name}", released)
        check(stored)
        assert scaled(api, name) == 3
        again = api.send("PUT", f"{PATH}/{name}", released)
        assert again["metadata"]["generation"] == stored["metadata"]["generation"], "no restart"
        check(again)


def check(stored: dict[str, Any]) -> None:
    assert stored["spec"]["replicas"] == 3
    assert resources_of(stored) == VALUES
    assert stored["metadata"]["annotations"][ANNOTATION] == "app:requests.cpu=500m,requests.memory=512Mi"
