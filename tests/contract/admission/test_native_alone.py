"""The native door end to end: edits in KubeDoor count at once, and go on counting when all of KubeDoor has stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission import webhook_configuration
from kubedoor.admission.native.custom_resource import custom_resource_definition
from kubedoor.admission.native.policies import NAMES
from kubedoor.admission.webhook_configuration import WebhookOptions
from kubedoor.asked import ANNOTATION
from tests.contract.admission.senders import WAYS
from tests.contract.commands import run
from tests.contract.lab import asks, new_image, resources_of
from tests.contract.native_door import Api
from tests.support.builders import make_deployment, make_scale
from tests.toolbox import processes
from tests.toolbox.build import ToolMissing
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.helm import CHART
from tests.toolbox.running import NAMESPACE as OWN_NAMESPACE
from tests.toolbox.running import SERVICE, Client, RunningKubeDoor, admit, start_kubedoor

NAMESPACE = "shop"
PATH = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
COUNT, NIGHTS = 5, 7
NAMES_OF_RELEASES = [f"web-{number}" for number in range(2 * COUNT)]
"""Those before and those after the API server has started anew; 22 requests each."""
ASKED = "app:requests.cpu=500m,requests.memory=512Mi"
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


def add(client: Client, name: str, replicas: int, cluster: str = "lab") -> None:
    container = {"cpu_request": "120m", "memory_request": "256Mi"}
    body = {
        "namespace": NAMESPACE,
        "deployment": name,
        "replicas": replicas,
        "containers": {"app": container},
    }
    client.call("POST", f"/workloads?cluster={cluster}", body)


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


def test_the_shipped_policies_are_the_switch(plane: ControlPlane, client: Client) -> None:
    """knative/native.yaml has the rules of the default settings; knative/both.yaml has the webhook told of what arrived."""
    for name, policies in (("both", "changed"), ("native", "on")):
        plane.kubectl("delete", "mutatingadmissionpolicies", *NAMES)
        # The bindings are still there, and do nothing without policies.
        assert client.call("GET", "/control")["policies"] == "off"
        plane.kubectl("apply", "-f", CHART / f"{name}.yaml")
        state = client.call("GET", "/control")
        assert (state["enabled"], state["policies"], state["wanted_door"]) == (True, policies, "native")


def test_a_change_of_the_setting_takes_effect_at_the_next_start(
    plane: ControlPlane, client: Client, api: Api, tmp_path: Path
) -> None:
    """As `helm upgrade` with another `control.door` brings it: by itself, and recorded. What was off stays off."""
    client.switch(enabled=True)
    port = processes.free_port()
    for door, webhook, policies in (("both", "on", "on"), ("webhook", "on", "off"), ("native", "off", "on")):
        folder = tmp_path / door
        folder.mkdir()
        settings = {**SETTINGS, "KUBEDOOR_DOOR": door}
        other = start_kubedoor(plane, None, folder=folder, door_port=port, settings=settings)
        try:
            with closing(Client(other.url)) as changed:
                changed.log_in()

                def is_followed(changed: Client = changed, state: Any = (webhook, policies)) -> bool:
                    found = changed.call("GET", "/control")
                    return (found["is_current"], found["webhook"], found["policies"]) == (True, *state)

                processes.wait_until(is_followed, what=f"the setting {door} is in force", timeout_seconds=60)
                (entry,) = changed.call("GET", "/audit?action=control.on")
                assert (entry["who"], entry["via"], entry["after"]) == (
                    "kubedoor",
                    "system",
                    {"enabled": True, "door": door},
                )
        finally:
            other.child.stop()
    # The stores of these knew no workload.
    wait_for_scale(api, 6)


def test_the_checkup_says_what_the_cluster_can(client: Client) -> None:
    checks = {one["name"]: one for one in client.call("GET", "/checkup")["checks"]}
    assert checks["policies of the API server"]["ok"]
    assert checks["switch"]["detail"] == "enforcement is on"


@pytest.fixture(scope="module")
def stopped(
    plane: ControlPlane, kubedoor: RunningKubeDoor, client: Client, api: Api, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """KubeDoor with its store and its webhook has stopped; the webhook's configuration is still there, and leads nowhere.

    Before, each way has sent a manifest of its own, and their control values have moved. The folder is the senders'.
    """
    folder = tmp_path_factory.mktemp("senders")
    for name in (*NAMES_OF_RELEASES, *WAYS):
        add(client, name, 3)
    wait_until_known(api, list(WAYS)[-1])
    for way, send in WAYS.items():
        send(AtPlane(plane), manifest(way), folder)
    moved = {"app": {"cpu_request": "130m", "memory_request": "260Mi"}}
    for way in WAYS:
        version = client.call("GET", f"/workloads/lab/{NAMESPACE}/{way}")["version"]
        client.call("PATCH", f"/workloads/lab/{NAMESPACE}/{way}", {"version": version, "containers": moved})
    plane.apply(dead_webhook(kubedoor))
    kubedoor.child.kill()
    return folder


@dataclass(frozen=True)
class AtPlane:
    plane: ControlPlane


def dead_webhook(kubedoor: RunningKubeDoor) -> dict[str, Any]:
    ca = (kubedoor.data_folder / "tls" / "ca.crt").read_text()
    options = WebhookOptions(OWN_NAMESPACE, SERVICE, kubedoor.door_port, 2, "Ignore", ("kube-system",), ca=ca)
    return webhook_configuration.configuration(options)


def wait_until_known(api: Api, name: str) -> None:
    processes.wait_until(
        lambda: created(api, name, dryRun="All") == 3, what="policies are in force", timeout_seconds=60
    )


def test_values_hold_when_all_of_kubedoor_has_stopped(plane: ControlPlane, stopped: Path, api: Api) -> None:
    for name in NAMES_OF_RELEASES[:COUNT]:
        live(api, name)
    plane.stop_apiserver()
    plane.start_apiserver()
    # A new API server may look for the kind of the parameters before it knows it, and looks again after 30 s.
    wait_until_known(api, NAMES_OF_RELEASES[-1])
    for name in NAMES_OF_RELEASES[COUNT:]:
        live(api, name)


def test_unchanged_manifests_restart_nothing_while_all_has_stopped(
    plane: ControlPlane, stopped: Path, api: Api
) -> None:
    """However they are sent, and what a dry run of each says, which is what Flux compares."""
    for way, send in WAYS.items():
        before = api.send("GET", f"{PATH}/{way}")
        check(before)
        for _ in range(2):
            send(AtPlane(plane), manifest(way), stopped)
            after = api.send("GET", f"{PATH}/{way}")
            assert after["spec"] == before["spec"], way
            assert after["metadata"]["annotations"][ANNOTATION] == ASKED
        tried = api.send("APPLY", f"{PATH}/{way}", manifest(way), dryRun="All")
        assert tried["spec"] == before["spec"], way


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
    assert stored["metadata"]["annotations"][ANNOTATION] == ASKED


def test_a_further_cluster_has_native_policies(plane: ControlPlane, stopped: Path, api: Api, tmp_path: Path) -> None:
    """Another KubeDoor, whose home is elsewhere; here only policies enforce, and nothing of it runs."""
    plane.kubectl("delete", "mutatingwebhookconfigurations", webhook_configuration.NAME)
    entry = f"{{name: far, kubeconfig: {admit(plane)}, door: {{mode: native}}}}"
    settings = {
        "KUBEDOOR_DOOR": "webhook",
        "KUBEDOOR_KUBECONFIG": "none",
        "KUBEDOOR_CLUSTER": "home",
        "KUBEDOOR_CLUSTERS": f"[{entry}]",
    }
    other = start_kubedoor(plane, None, folder=tmp_path, settings={**SETTINGS, **settings})
    try:
        with closing(Client(other.url)) as client:
            client.log_in()
            add(client, "edited", 8, cluster="far")
            state = client.call("PUT", "/control?cluster=far", {"enabled": True})
            assert (state["enabled"], state["webhook"], state["policies"]) == (True, "off", "on")
            wait_for_scale(api, 8)
            home = client.call("GET", "/control")
            assert (home["enabled"], home["policies"]) == (None, "")
    finally:
        other.child.stop()
