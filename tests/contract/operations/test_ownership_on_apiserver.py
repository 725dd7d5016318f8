"""After KubeDoor has changed a Deployment, its owner's next plain `kubectl apply --server-side` has no conflict.

With the API server's own managedFields, which is where such a conflict comes from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kubedoor.kube.ownership import FIELD_MANAGER
from tests.contract.acting import done, workloads
from tests.contract.lab import Lab, amounts, asks, replicas_of, resources_of

ASKED = [asks("500m", "1Gi")]
APP = amounts("120m", "256Mi")


@pytest.fixture
def switched_off(lab: Lab) -> Iterator[None]:
    lab.client.switch(enabled=False)
    yield
    lab.client.switch(enabled=True)


def apply(lab: Lab, namespace: str, *, replicas: int = 2, containers: list[dict[str, Any]] = ASKED) -> str:
    """As its owner does, by server-side apply; a conflict is a failure."""
    said = lab.apply(namespace, "--server-side", replicas=replicas, containers=containers)
    lab.kubectl(namespace, "rollout", "status", "deployment/web", "--timeout=55s")
    return said


def owners(lab: Lab, namespace: str, field: str) -> list[str]:
    """The managers whose sets of fields name this one anywhere."""
    found = lab.kubectl(namespace, "get", "deployment", "web", "-o", "json", "--show-managed-fields")
    entries = json.loads(found)["metadata"]["managedFields"]
    return [one["manager"] for one in entries if f'"f:{field}"' in json.dumps(one["fieldsV1"].get("f:spec", {}))]


def test_after_a_scale_with_control_on_the_control_value_stays(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, replicas=2, app=amounts("500m", "1Gi"))
    apply(lab, namespace)
    assert done(lab, "scale", workloads(namespace), replicas=4)["state"] == "finished"
    assert owners(lab, namespace, "replicas") == ["kubectl"]
    assert "replicas 2 -> 4" in apply(lab, namespace)
    assert replicas_of(lab.stored(namespace)) == 4
    assert done(lab, "scale", workloads(namespace), replicas=3)["state"] == "finished"
    assert replicas_of(lab.stored(namespace)) == 3
    assert FIELD_MANAGER not in owners(lab, namespace, "replicas")
    assert lab.replicaset_count(namespace) == 1


@pytest.mark.usefixtures("switched_off")
def test_after_a_scale_with_control_off_the_owners_number_counts_again(lab: Lab, namespace: str) -> None:
    apply(lab, namespace)
    assert done(lab, "scale", workloads(namespace), replicas=4)["items"][0]["message"] == "4 of 4 pods are available"
    assert replicas_of(lab.stored(namespace)) == 4
    assert owners(lab, namespace, "replicas") == ["kubectl"]
    apply(lab, namespace)
    assert replicas_of(lab.stored(namespace)) == 2
    assert lab.replicaset_count(namespace) == 1


@pytest.mark.usefixtures("switched_off")
def test_a_scale_takes_from_others_only_what_it_sets(lab: Lab, namespace: str) -> None:
    apply(lab, namespace)
    lab.kubectl(namespace, "scale", "deployment/web", "--replicas=3")
    assert done(lab, "restart", workloads(namespace))["state"] == "finished"
    before = lab.kubectl(namespace, "get", "deployment", "web", "-o", "json", "--show-managed-fields")
    assert done(lab, "scale", workloads(namespace), replicas=4)["state"] == "finished"
    after = lab.kubectl(namespace, "get", "deployment", "web", "-o", "json", "--show-managed-fields")

    def of_template(text: str) -> list[Any]:
        entries = json.loads(text)["metadata"]["managedFields"]
        return [
            (one["manager"], one["fieldsV1"]["f:spec"]["f:template"])
            for one in entries
            if "f:template" in json.dumps(one)
        ]

    assert of_template(after) == of_template(before)
    apply(lab, namespace)
    assert replicas_of(lab.stored(namespace)) == 2


def test_after_a_restore_the_owner_may_change_and_drop_its_requests(
    lab: Lab, namespace: str, request: pytest.FixtureRequest
) -> None:
    lab.set_values(namespace, replicas=2, app=APP)
    apply(lab, namespace)
    assert resources_of(lab.stored(namespace))["requests"] == {"cpu": "120m", "memory": "256Mi"}
    request.getfixturevalue("switched_off")
    assert done(lab, "restore", workloads(namespace))["state"] == "finished"
    assert owners(lab, namespace, "cpu") == ["kubectl"]
    generation = lab.stored(namespace)["metadata"]["generation"]
    apply(lab, namespace)
    assert lab.stored(namespace)["metadata"]["generation"] == generation, "it is what the owner has asked for"
    apply(lab, namespace, containers=[asks("700m", "1Gi")])
    assert resources_of(lab.stored(namespace)) == {"requests": {"cpu": "700m", "memory": "1Gi"}}
    apply(lab, namespace, containers=[{"name": "app", "image": "registry.test/app:1"}])
    assert resources_of(lab.stored(namespace)) == {}
