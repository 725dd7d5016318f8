"""How workloads stand to their control values, as the API tells it, while kubectl changes the cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubedoor.model.values import Mode
from kubedoor.store.deployments import DeploymentStore
from tests.contract.lab import CLUSTER, Lab, amounts, asks
from tests.toolbox import processes

PROMPT_SECONDS = 5.0


def live(lab: Lab, namespace: str, name: str = "web") -> dict[str, Any]:
    found: dict[str, Any] = lab.client.call("GET", f"/workloads/{CLUSTER}/{namespace}/{name}")["live"]
    return found


def wait_for(lab: Lab, namespace: str, state: str) -> dict[str, Any]:
    """Raises PartFailed if it does not come true within PROMPT_SECONDS."""
    seen: list[dict[str, Any]] = []

    def is_so() -> bool:
        seen[:] = [live(lab, namespace)]
        return bool(seen[0]["state"] == state)

    processes.wait_until(is_so, what=f"it is {state}", timeout_seconds=PROMPT_SECONDS)
    return seen[0]


def listed(lab: Lab, namespace: str, state: str) -> list[str]:
    items = lab.client.call("GET", f"/workloads?namespace={namespace}&state={state}")["items"]
    assert {one["live"]["state"] for one in items} <= {state}
    return [one["deployment"] for one in items]


@pytest.fixture
def web(lab: Lab, namespace: str) -> str:
    """A namespace with the Deployment `web`, as its control values say."""
    lab.set_values(namespace, replicas=1, app=amounts("120m", "256Mi"))
    lab.create(namespace, replicas=1, containers=[asks("1", "1Gi")])
    return namespace


def test_from_applied_to_pending_and_back(lab: Lab, web: str) -> None:
    now = wait_for(lab, web, "applied")
    assert (now["is_current"], now["replicas"], now["changes"]) == (True, 1, [])
    lab.set_values(web, replicas=1, app=amounts("250m", "256Mi"))
    (change,) = wait_for(lab, web, "pending")["changes"]
    assert (change["container"], change["field"], change["before"], change["after"]) == (
        "app",
        "cpu request",
        "120m",
        "250m",
    )
    assert listed(lab, web, "pending") == ["web"]
    lab.kubectl(web, "rollout", "restart", "deployment/web")
    wait_for(lab, web, "applied")
    assert (listed(lab, web, "pending"), listed(lab, web, "applied")) == ([], ["web"])


def test_what_is_changed_past_the_door_has_drifted_and_ready_pods_are_counted(lab: Lab, web: str) -> None:
    wait_for(lab, web, "applied")
    lab.wait_for_admissions(web, 1)
    past_the_door(lab, web, "scale", "deployment/web", "--replicas=3")
    now = wait_for(lab, web, "drifted")
    assert [(one["field"], one["before"], one["after"], one["is_drifted"]) for one in now["changes"]] == [
        ("replicas", "3", "1", True)
    ]
    assert (listed(lab, web, "drifted"), listed(lab, web, "pending")) == (["web"], [])
    lab.plane.wait_for(lambda: live(lab, web)["ready"] == 3, what="three pods are ready")
    lab.plane.wait_for(lambda: live(lab, web)["is_settled"] is True, what="the rollout is over")


def past_the_door(lab: Lab, namespace: str, *words: str) -> None:
    """kubectl, while the namespace has the label that takes it away from the door."""
    lab.kubectl(namespace, "label", "namespace", namespace, "kubedoor-ignore=true")
    lab.kubectl(namespace, *words)
    wait_for(lab, namespace, "not_enforced")
    assert listed(lab, namespace, "not_enforced") == ["web"]
    lab.kubectl(namespace, "label", "namespace", namespace, "kubedoor-ignore-")


def test_what_the_api_server_refuses_after_the_door_has_not_drifted(lab: Lab, web: str) -> None:
    wait_for(lab, web, "applied")
    lab.set_values(web, replicas=1, app=amounts("250m", "256Mi"))
    deployments = DeploymentStore(lab.connection, CLUSTER)
    annotations = {"annotations": {"released": "now"}}
    template = {"metadata": annotations, "spec": {"restartPolicy": "Never"}}
    patch = json.dumps({"spec": {"template": template}})
    lab.kubectl(web, "patch", "deployment/web", "-p", patch, check=False)  # no Deployment restarts its pods never
    lab.wait_for_admissions(web, 2)

    def is_recorded() -> bool:
        # The door writes an admission, and then what it made of the Deployment.
        admitted = deployments.last_admitted([(web, "web")]).get((web, "web"))
        return admitted is not None and admitted.state.containers[0].runs.cpu_request_millicores == 250

    lab.plane.wait_for(is_recorded, what="the door has noted what it admitted")
    assert live(lab, web)["state"] == "pending"
    assert (listed(lab, web, "pending"), listed(lab, web, "drifted")) == (["web"], [])


def test_left_alone_and_gone(lab: Lab, web: str) -> None:
    lab.set_values(web, replicas=2, mode=Mode.OBSERVE, app=amounts("120m", "256Mi"))
    wait_for(lab, web, "not_enforced")
    lab.kubectl(web, "delete", "deployment", "web", "--wait=false")
    gone = wait_for(lab, web, "absent")
    assert (gone["is_current"], gone["replicas"], gone["ready"]) == (True, None, None)
    assert listed(lab, web, "absent") == ["web"]


def test_the_columns_of_what_runs_are_those_of_the_cluster(lab: Lab, web: str) -> None:
    past_the_door(lab, web, "set", "resources", "deployment/web", "--requests=cpu=700m")
    wait_for(lab, web, "drifted")
    found = lab.client.call("GET", f"/workloads/{CLUSTER}/{web}/web")
    (container,) = found["containers"]
    assert (container["asked_cpu_request_millicores"], container["running_cpu_request_millicores"]) == (1000, 700)
    assert (found["cpu_running_millicores"], found["cpu_asked_millicores"], found["running_replicas"]) == (700, 1000, 1)


def test_sample_workloads_stand_as_the_sample_has_them(lab: Lab) -> None:
    items = lab.client.call("GET", "/workloads?namespace=shop")["items"]
    assert items
    assert {one["live"]["is_current"] for one in items} == {False}
    assert not {one["live"]["state"] for one in items} & {"absent", "unknown"}
    assert all(one["live"]["as_of"] for one in items)
