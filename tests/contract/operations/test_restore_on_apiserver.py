"""Workloads that the door has sized get back what their owners asked for, on a real control plane with real rollouts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kubedoor.asked import ANNOTATION
from kubedoor.kube.ownership import FIELD_MANAGER
from kubedoor.model.values import Mode
from tests.contract.acting import ask, done, follow, refusal, running, states, workloads
from tests.contract.lab import CLUSTER, Lab, amounts, asks, new_image, resources_of
from tests.support.builders import make_container, make_deployment

APP = amounts("120m", "256Mi", cpu_limit="240m")
SIDECAR = amounts("30m", "64Mi")
SHAPES: tuple[dict[str, Any], ...] = (
    {"containers": [asks("500m", "1Gi")]},
    {"containers": [make_container()], "annotations": {"team": "a"}},
    {"containers": [make_container(limits={"cpu": "2", "memory": "1Gi"})]},
    {"containers": [make_container(requests={"cpu": "1500m"}, limits={"memory": "2Gi"})]},
    {"containers": [asks("500m", "1Gi"), asks("100m", "128Mi", name="unknown"), make_container("proxy")]},
    {
        "containers": [asks("500m", "1Gi")],
        "initContainers": [asks("1", "1Gi", name="prepare"), asks("50m", "32Mi", name="proxy", restartPolicy="Always")],
    },
)


@pytest.fixture
def switched_off(lab: Lab) -> Iterator[None]:
    """Control is on again after the test, whatever it did."""
    lab.client.switch(enabled=False)
    yield
    lab.client.switch(enabled=True)


def found(lab: Lab, namespace: str) -> dict[str, dict[str, Any]]:
    """The Deployments by name, with the keys in the API server's order and with managedFields."""
    listed = json.loads(lab.plane.kubectl("get", "--raw", f"/apis/apps/v1/namespaces/{namespace}/deployments").stdout)
    return {one["metadata"]["name"]: one for one in listed["items"]}


def templates(lab: Lab, namespace: str) -> dict[str, str]:
    return {name: json.dumps(one["spec"]["template"]) for name, one in found(lab, namespace).items()}


def managers(manifest: dict[str, Any]) -> set[str]:
    return {one["manager"] for one in manifest["metadata"]["managedFields"]}


def annotation(lab: Lab, namespace: str) -> str | None:
    text: str | None = lab.stored(namespace)["metadata"].get("annotations", {}).get(ANNOTATION)
    return text


def restored_by(lab: Lab, who: str) -> set[str]:
    """The workloads that the audit has as restored by this user."""
    lines = lab.client.call("GET", "/audit?limit=200")
    lines = lines["items"] if isinstance(lines, dict) else lines
    return {one["target"] for one in lines if (one["who"], one["action"]) == (who, "workload.restore")}


def sized(lab: Lab, namespace: str, *names: str) -> None:
    """Roll the Deployments out with control values; control has to be on."""
    for name in names:
        lab.set_values(namespace, name, replicas=1, app=APP, proxy=SIDECAR)
    shown = done(lab, "apply", workloads(namespace, *names), at_once=20)
    assert shown["state"] == "finished", shown["message"]


@pytest.mark.timeout(600)
def test_fifty_workloads_end_with_the_templates_that_their_owners_applied(lab: Lab, namespace: str) -> None:
    names = [f"web-{number:02}" for number in range(50)]
    manifests = [
        make_deployment(name, namespace=namespace, replicas=1, **SHAPES[number % len(SHAPES)])
        for number, name in enumerate(names)
    ]
    lab.plane.apply(*manifests)
    before = templates(lab, namespace)
    # The door sizes what is created; rolling fifty Deployments out once more would take minutes.
    lab.plane.kubectl("-n", namespace, "delete", "deployment", "--all")
    for name in names:
        lab.set_values(namespace, name, replicas=1, app=APP, proxy=SIDECAR)
    lab.plane.apply(*manifests)
    changed = templates(lab, namespace)
    assert not [name for name in names if changed[name] == before[name]]
    assert all(ANNOTATION in one["metadata"]["annotations"] for one in found(lab, namespace).values())
    lab.client.switch(enabled=False)
    try:
        planned = ask(lab, "restore", workloads(namespace, *names), dry_run=True)["planned"]
        assert all(one["verdict"] == "will" and one["restarts"] and one["changes"] for one in planned)
        started = ask(lab, "restore", workloads(namespace, *names), at_once=20, note="KubeDoor goes")
        shown = follow(lab, started["action"], timeout_seconds=240)
        assert (shown["state"], shown["done"]) == ("finished", 50), shown["message"]
        assert templates(lab, namespace) == before
        for one in found(lab, namespace).values():
            assert ANNOTATION not in one["metadata"]["annotations"]
            assert FIELD_MANAGER not in managers(one)
    finally:
        lab.client.switch(enabled=True)
    assert {f"{CLUSTER}/{namespace}/{name}" for name in names} <= restored_by(lab, "kubedoor")


def test_restore_makes_one_rollout_and_a_second_one_does_nothing(
    lab: Lab, namespace: str, request: pytest.FixtureRequest
) -> None:
    running(lab, namespace, containers=[asks("500m", "1Gi")])
    sized(lab, namespace, "web")
    request.getfixturevalue("switched_off")
    count = lab.replicaset_count(namespace)
    (planned,) = ask(lab, "restore", workloads(namespace), dry_run=True)["planned"]
    assert planned["changes"] == [
        {"container": "app", "field": "cpu limit", "before": "240m", "after": None},
        {"container": "app", "field": "cpu request", "before": "120m", "after": "500m"},
        {"container": "app", "field": "memory request", "before": "256Mi", "after": "1Gi"},
    ]
    assert annotation(lab, namespace), "a dry run changes nothing"
    assert states(done(lab, "restore", workloads(namespace))) == {"web": "done"}
    # The restart that set the values left its time in the template: without it, this is the first ReplicaSet again.
    assert lab.replicaset_count(namespace) == count
    assert resources_of(lab.stored(namespace)) == {"requests": {"cpu": "500m", "memory": "1Gi"}}
    (planned,) = ask(lab, "restore", workloads(namespace), dry_run=True)["planned"]
    assert (planned["verdict"], planned["reason"]) == ("nothing", "it runs with what its owner asked for")


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.OFF])
def test_while_the_door_would_set_the_values_again_it_is_refused(lab: Lab, namespace: str, mode: Mode) -> None:
    running(lab, namespace, containers=[asks("500m", "1Gi")])
    sized(lab, namespace, "web")
    told = refusal(lab, "restore", workloads(namespace))
    assert "422" in told
    assert "would set control values again: switch it off, or set the mode to off" in told
    lab.set_values(namespace, replicas=1, app=APP, mode=mode)
    assert done(lab, "restore", workloads(namespace))["state"] == "finished"
    assert resources_of(lab.stored(namespace)) == {"requests": {"cpu": "500m", "memory": "1Gi"}}
    assert annotation(lab, namespace) is None


def test_a_workload_that_has_opted_out_gets_it_back_while_control_is_on(lab: Lab, namespace: str) -> None:
    running(lab, namespace, containers=[asks("500m", "1Gi")])
    sized(lab, namespace, "web")
    lab.kubectl(namespace, "label", "deployment/web", "kubedoor.io/control=off")
    assert done(lab, "restore", workloads(namespace))["state"] == "finished"
    assert resources_of(lab.stored(namespace)) == {"requests": {"cpu": "500m", "memory": "1Gi"}}


def test_an_annotation_that_cannot_be_read_is_refused_with_words(
    lab: Lab, namespace: str, request: pytest.FixtureRequest
) -> None:
    running(lab, namespace, containers=[asks("500m", "1Gi")])
    sized(lab, namespace, "web")
    request.getfixturevalue("switched_off")
    before = templates(lab, namespace)
    lab.kubectl(namespace, "annotate", "--overwrite", "deployment/web", f"{ANNOTATION}=app:requests.cpu=a lot")
    (planned,) = ask(lab, "restore", workloads(namespace), dry_run=True)["planned"]
    assert planned["verdict"] == "refused"
    assert planned["reason"].startswith(f"its annotation {ANNOTATION} cannot be read")
    assert templates(lab, namespace) == before


def test_control_that_is_switched_on_again_sizes_the_next_release(
    lab: Lab, namespace: str, request: pytest.FixtureRequest
) -> None:
    running(lab, namespace, containers=[asks("500m", "1Gi")])
    sized(lab, namespace, "web")
    request.getfixturevalue("switched_off")
    assert done(lab, "restore", workloads(namespace))["state"] == "finished"
    lab.client.switch(enabled=True)
    lab.kubectl(namespace, "set", "image", "deployment/web", f"app={new_image()}")
    assert resources_of(lab.stored(namespace))["requests"] == {"cpu": "120m", "memory": "256Mi"}
    assert annotation(lab, namespace) == "app:requests.cpu=500m,requests.memory=1Gi"


def test_what_the_owner_asks_for_while_control_is_off_stays(
    lab: Lab, namespace: str, request: pytest.FixtureRequest
) -> None:
    running(lab, namespace, containers=[asks("500m", "1Gi")])
    sized(lab, namespace, "web")
    lab.wait_for_sized_state(namespace, "web")
    request.getfixturevalue("switched_off")
    lab.apply(namespace, replicas=1, containers=[asks("200m", "1Gi")])
    assert resources_of(lab.stored(namespace))["limits"] == {"cpu": "240m"}, "the door's: its owner has none"
    shown = done(lab, "restore", workloads(namespace))
    assert shown["items"][0]["message"].endswith(
        "kept, since its owner asked for it while the door did nothing: app requests.cpu"
    )
    assert resources_of(lab.stored(namespace)) == {"requests": {"cpu": "200m", "memory": "1Gi"}}
    assert annotation(lab, namespace) is None
