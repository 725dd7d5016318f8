"""Looks at a real cluster: facts and states of Deployments that come, change and go, and what they save."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.deployment_state import state_of
from kubedoor.admission.look import Look
from kubedoor.control_values import UNKNOWN
from kubedoor.errors import Forbidden
from kubedoor.kube.client import Cluster
from kubedoor.model.deployments import DeploymentState
from kubedoor.model.values import Mode, WorkloadKey
from kubedoor.store.deployments import DeploymentStore
from tests.contract.acting import done, workloads
from tests.contract.lab import CLUSTER, Lab, amounts, asks, new_image, replicas_of
from tests.contract.store.test_store import make_collected
from tests.support.accounts import Clock
from tests.support.builders import make_container, make_deployment
from tests.support.cluster_objects import make_hpa
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.running import admit, start_kubedoor

OFF = {"kubedoor.io/control": "off"}
MILLICORES = {"m": 1, "": 1000}
BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "": 1}


def make_look(lab: Lab, clock: Clock, *, cluster_name: str = CLUSTER, user: Path | None = None) -> Look:
    return Look(
        cluster=Cluster(kubeconfig=str(user or admit(lab.plane))),
        control=lab.control,
        deployments=DeploymentStore(lab.connection, cluster_name),
        cluster_name=cluster_name,
        controls=lambda namespace: namespace != "kube-system",
        has_sample=True,
        now=clock,
    )


@pytest.fixture
def seen(lab: Lab, namespace: str) -> Callable[[], dict[str, DeploymentState]]:
    """What the store says of the Deployments of the test."""
    store = DeploymentStore(lab.connection, namespace)
    return lambda: {name: state for (where, name), state in store.current().items() if where == namespace}


def test_deployments_come_change_and_go(
    lab: Lab, namespace: str, seen: Callable[[], dict[str, DeploymentState]]
) -> None:
    clock = Clock()
    look = make_look(lab, clock, cluster_name=namespace)
    sidecar = {**asks("10m", "16Mi", name="proxy"), "restartPolicy": "Always"}
    for name in ("web", "cart"):
        lab.create(namespace, name, labels=OFF, replicas=2, initContainers=[make_container("setup"), sidecar])
    look.run()
    assert seen() == {name: state_of(lab.stored(namespace, name)) for name in ("web", "cart")}
    assert [(one.name, one.is_sidecar) for one in seen()["web"].containers] == [("app", False), ("proxy", True)]

    clock.advance(seconds=10)
    lab.kubectl(namespace, "set", "resources", "deployment/web", "--requests=cpu=70m")
    lab.kubectl(namespace, "delete", "deployment", "cart")
    found = look.run()
    assert (found.changed_states >= 1, found.gone >= 1) == (True, True)
    assert seen() == {"web": state_of(lab.stored(namespace))}
    assert seen()["web"].containers[0].runs.cpu_request_millicores == 70


def test_replicas_alone_are_recorded_once_an_hour(
    lab: Lab, namespace: str, seen: Callable[[], dict[str, DeploymentState]]
) -> None:
    clock = Clock()
    look = make_look(lab, clock, cluster_name=namespace)
    lab.create(namespace, labels=OFF, replicas=2)
    look.run()
    lab.kubectl(namespace, "scale", "deployment/web", "--replicas=3")
    clock.advance(minutes=59)
    look.run()
    assert seen()["web"].replicas == 2
    clock.advance(minutes=2)
    look.run()
    assert seen()["web"].replicas == 3


def test_what_the_door_said_since_is_newer_than_the_list(
    lab: Lab, namespace: str, seen: Callable[[], dict[str, DeploymentState]]
) -> None:
    clock = Clock()
    look = make_look(lab, clock, cluster_name=namespace)
    lab.create(namespace, labels=OFF)
    admitted = state_of(make_deployment(namespace=namespace, containers=[asks("1", "1Gi")]))
    DeploymentStore(lab.connection, namespace).record([admitted], seen_by="door", at=clock.now)
    look.run()
    assert seen()["web"] == admitted, "the API server may have stored it after the list was made"
    clock.advance(seconds=10)
    look.run()
    assert seen()["web"] == state_of(lab.stored(namespace)), "it has refused it after the door"


def test_facts_follow_labels(lab: Lab, namespace: str) -> None:
    clock, key = Clock(), WorkloadKey(CLUSTER, namespace, "web")
    look = make_look(lab, clock)
    lab.create(namespace, labels=OFF)
    look.run()
    assert lab.control.values_of(key) == replace(UNKNOWN, opted_out=True)
    clock.advance(seconds=10)
    lab.kubectl(namespace, "delete", "deployment", "web")
    look.run()
    assert lab.control.values_of(key) == UNKNOWN


def test_the_door_follows_an_hpa_that_is_made_and_deleted(lab: Lab, namespace: str) -> None:
    """Although the collected values say all the time that there is one."""
    clock, key = Clock(), WorkloadKey(CLUSTER, namespace, "web")
    look = make_look(lab, clock)
    lab.add_collected(make_collected("web", namespace=namespace, hpa=True))
    lab.set_values(namespace, replicas=3)
    clock.advance(seconds=60)
    lab.create(namespace, replicas=2)
    look.run()
    assert not lab.control.values_of(key).hpa, "there is none yet"

    lab.plane.apply(make_hpa("web", namespace))
    clock.advance(seconds=60)
    look.run()
    assert lab.control.values_of(key).hpa
    lab.set_values(namespace, replicas=4)
    before = replicas_of(lab.stored(namespace))
    lab.kubectl(namespace, "scale", "deployment/web", "--replicas=5")
    assert replicas_of(lab.stored(namespace)) == before, "the HPA's number is put back"

    lab.kubectl(namespace, "delete", "hpa", "web")
    clock.advance(seconds=60)
    look.run()
    assert not lab.control.values_of(key).hpa
    lab.wait_for_door()
    lab.kubectl(namespace, "scale", "deployment/web", "--replicas=5")
    assert replicas_of(lab.stored(namespace)) == 4


def test_without_permission_nothing_is_gone(lab: Lab, namespace: str) -> None:
    store = DeploymentStore(lab.connection, namespace)
    lab.create(namespace, labels=OFF)
    make_look(lab, Clock(), cluster_name=namespace).run()
    stranger = lab.plane.credentials("look-stranger", user="look-stranger")
    with pytest.raises(Forbidden):
        make_look(lab, Clock(), cluster_name=namespace, user=stranger).run()
    assert store.of(namespace, "web") == state_of(lab.stored(namespace))


def test_a_running_api_looks_by_itself(lab: Lab, control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    lab.create(namespace, labels=OFF)
    settings = {"KUBEDOOR_STORE_DSN": lab.dsn, "KUBEDOOR_CLUSTER": namespace, "KUBEDOOR_LOOK_SECONDS": "1"}
    other = start_kubedoor(control_plane, None, folder=tmp_path, settings=settings)
    store = DeploymentStore(lab.connection, namespace)
    try:
        control_plane.wait_for(lambda: bool(store.of(namespace, "web")), 60, what="it has looked")
        lab.kubectl(namespace, "delete", "deployment", "web")
        control_plane.wait_for(lambda: not store.of(namespace, "web"), 60, what="it has looked again")
    finally:
        other.child.stop()


# Savings, and a sum of the same that knows nothing of KubeDoor's code


def amount(quantity: str, units: dict[str, int]) -> int:
    number, unit = re.fullmatch(r"(\d+)([A-Za-z]*)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * units[unit]


def saved(lab: Lab, namespace: str) -> tuple[int, int]:
    """CPU and memory that the pods of all Deployments ask for less than their annotations say."""
    cpu = memory = 0
    for one in lab.plane.get_all("deployment", namespace):
        asked = one["metadata"].get("annotations", {}).get("kubedoor.io/asked", "")
        for container in one["spec"]["template"]["spec"]["containers"]:
            requests = container["resources"]["requests"]
            found = re.search(rf"(?:^|;){container['name']}:requests.cpu=(\w+),requests.memory=(\w+)", asked)
            before = found.groups() if found else (requests["cpu"], requests["memory"])
            pods = one["spec"]["replicas"]
            cpu += pods * (amount(before[0], MILLICORES) - amount(requests["cpu"], MILLICORES))
            memory += pods * (amount(before[1], BYTES) - amount(requests["memory"], BYTES))
    return cpu, memory


def shown(lab: Lab, namespace: str) -> tuple[int, int]:
    savings = lab.client.call("GET", "/overview")["savings"]
    for name in ("cpu_millicores", "memory_bytes", "workloads"):
        assert savings[name] == sum(one[name] for one in savings["namespaces"])
    (found,) = [one for one in savings["namespaces"] if one["namespace"] == namespace] or [
        {"cpu_millicores": 0, "memory_bytes": 0}
    ]
    return found["cpu_millicores"], found["memory_bytes"]


def workload_of(lab: Lab, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = lab.client.call("GET", f"/workloads/{CLUSTER}/{namespace}/web")
    return found


def test_savings_are_what_they_are_in_the_cluster(lab: Lab, namespace: str) -> None:
    app, proxy = amounts("100m", "128Mi"), amounts("20m", "64Mi")
    containers = [asks("500m", "512Mi"), asks("50m", "32Mi", name="proxy")]
    lab.set_values(namespace, mode=Mode.OFF, replicas=None, app=app, proxy=proxy)
    lab.set_values(namespace, "cart", mode=Mode.OFF, replicas=None, app=app)
    lab.create(namespace, containers=containers, replicas=2)
    lab.create(namespace, "cart", containers=containers, replicas=3)
    assert saved(lab, namespace) == (0, 0)
    lab.plane.wait_for(lambda: shown(lab, namespace) == (0, 0), what="nothing is saved")

    lab.set_values(namespace, mode=Mode.ENFORCE, replicas=None, app=app, proxy=proxy)
    lab.set_values(namespace, "cart", mode=Mode.ENFORCE, replicas=4, app=app)
    for name in ("web", "cart"):
        lab.kubectl(namespace, "set", "image", f"deployment/{name}", f"app={new_image()}")
    enforced = saved(lab, namespace)
    assert enforced == (2 * (400 + 30) + 4 * 400, (2 * (384 - 32) + 4 * 384) * 2**20)
    lab.plane.wait_for(lambda: shown(lab, namespace) == enforced, what="what is saved is shown")
    row = workload_of(lab, namespace)
    assert (row["is_sized"], row["cpu_asked_millicores"], row["cpu_running_millicores"]) == (True, 1100, 240)
    by_name = {one["container"]: one for one in row["containers"]}
    assert by_name["proxy"]["asked_memory_request_bytes"] == 32 * 2**20
    assert by_name["proxy"]["running_memory_request_bytes"] == 64 * 2**20
    listed = lab.client.call("GET", f"/workloads?namespace={namespace}&sized=true")["items"]
    assert {one["deployment"] for one in listed} == {"web", "cart"}

    lab.set_values(namespace, mode=Mode.OFF, replicas=None, app=app, proxy=proxy)
    assert done(lab, "restore", workloads(namespace))["state"] == "finished"
    after = saved(lab, namespace)
    assert after == (4 * 400, 4 * 384 * 2**20)
    make_look(lab, Clock()).run()
    lab.plane.wait_for(lambda: shown(lab, namespace) == after, what="what is given back is no longer saved")
    assert workload_of(lab, namespace)["is_sized"] is False
    days = lab.client.call("GET", "/overview/savings?days=2")["days"]
    assert [one["cpu_millicores"] for one in days if one["namespace"] == namespace] == [after[0]]


def test_a_workload_without_a_deployment_and_the_reverse(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, mode=Mode.OFF, replicas=None, app=amounts("100m"), gone=amounts("100m"))
    row = workload_of(lab, namespace)
    assert (row["observed_at"], row["is_sized"], row["running_replicas"], row["cpu_asked_millicores"]) == (
        None,
        False,
        None,
        None,
    )
    assert {(one["is_observed"], one["in_deployment"]) for one in row["containers"]} == {(False, None)}

    lab.create(namespace, replicas=2)
    lab.create(namespace, "stranger", replicas=2, labels=OFF)
    make_look(lab, Clock()).run()
    lab.plane.wait_for(lambda: workload_of(lab, namespace)["running_replicas"] == 2, what="it is seen")
    row = workload_of(lab, namespace)
    assert {one["container"]: one["in_deployment"] for one in row["containers"]} == {"app": True, "gone": False}
    listed = lab.client.call("GET", f"/workloads?namespace={namespace}")["items"]
    assert [one["deployment"] for one in listed] == ["web"], "what has no control values is not in the control table"
