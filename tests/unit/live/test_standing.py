"""How a Deployment stands to its control values, by the door's own rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubedoor.admission.deployment_state import state_of
from kubedoor.admission.rules import Rules
from kubedoor.live.deployments import live_of, manifest_of
from kubedoor.live.standing import State, standing_of, with_past
from kubedoor.model.values import ControlContainer, ControlValues, Mode
from tests.support.builders import collected, make_container, make_deployment

RULES = Rules(excluded_namespaces=frozenset({"kube-system"}))
KEY = ("shop", "web")

APP = ControlContainer(cpu_request_millicores=collected(250), memory_request_bytes=collected(256 * 2**20))
VALUES = ControlValues(replicas=collected(3), containers={"app": APP})


def runs(cpu: str = "250m", memory: str = "256Mi", *, replicas: int = 3, **fields: Any) -> dict[str, Any]:
    container = make_container(requests={"cpu": cpu, "memory": memory})
    return make_deployment(replicas=replicas, containers=[container], **fields)


def kept(manifest: dict[str, Any]) -> dict[str, Any]:
    """As it comes back from what is kept of it."""
    return live_of(manifest).manifest((manifest["metadata"]["namespace"], manifest["metadata"]["name"]))


def state(manifest: dict[str, Any], values: ControlValues = VALUES) -> State:
    return standing_of(kept(manifest), values, RULES).state


WITHHELD = replace(
    VALUES,
    containers={
        "app": replace(APP, cpu_request_millicores=None, withheld={"cpu_request_millicores": ("ShortHistory",)})
    },
)


@pytest.mark.parametrize(
    ("manifest", "values", "expected"),
    [
        pytest.param(runs(), VALUES, State.APPLIED, id="as its control values say"),
        pytest.param(runs("0.25", "268435456"), VALUES, State.APPLIED, id="the same numbers, spelled otherwise"),
        pytest.param(runs("1"), VALUES, State.PENDING, id="another request"),
        pytest.param(runs(replicas=5), VALUES, State.PENDING, id="other replicas"),
        pytest.param(runs(replicas=5), replace(VALUES, hpa=True), State.APPLIED, id="replicas of an HPA"),
        pytest.param(runs(), ControlValues(), State.APPLIED, id="no control value"),
        pytest.param(runs("1"), WITHHELD, State.WITHHELD, id="what differs is withheld"),
        pytest.param(runs("1", "1Gi"), WITHHELD, State.PENDING, id="withheld and another difference"),
        pytest.param(runs("1"), replace(VALUES, mode=Mode.OFF), State.NOT_ENFORCED, id="mode off"),
        pytest.param(runs("1"), replace(VALUES, mode=Mode.OBSERVE), State.NOT_ENFORCED, id="observed"),
        pytest.param(runs(), replace(VALUES, mode=Mode.OBSERVE), State.APPLIED, id="observed, without a difference"),
        pytest.param(runs("1", labels={"kubedoor.io/control": "off"}), VALUES, State.NOT_ENFORCED, id="opted out"),
        pytest.param(runs("1", owner="rev-1"), VALUES, State.NOT_ENFORCED, id="owned"),
        pytest.param(runs("1", namespace="kube-system"), VALUES, State.NOT_ENFORCED, id="excluded namespace"),
        pytest.param(runs("1", resources={"requests": {"cpu": "2"}}), VALUES, State.APPLIED, id="pod-level resources"),
    ],
)
def test_the_state_follows_from_the_rules(manifest: dict[str, Any], values: ControlValues, expected: State) -> None:
    assert state(manifest, values) is expected


def test_changes_are_what_the_next_restart_brings() -> None:
    found = standing_of(kept(runs("1", replicas=5)), VALUES, RULES)
    assert [(one.container, one.field, one.before, one.after) for one in found.changes] == [
        ("", "replicas", "5", "3"),
        ("app", "cpu request", "1", "250m"),
    ]


def test_what_ran_as_it_should_and_does_not_any_more_has_drifted() -> None:
    past = kept(runs())
    now = standing_of(kept(runs(replicas=7)), VALUES, RULES)
    found = with_past(now, past, VALUES, RULES)
    assert (found.state, found.drifted) == (State.DRIFTED, frozenset({("", "replicas")}))


def test_new_control_values_are_no_drift() -> None:
    runs_still = kept(runs("1"))
    found = with_past(standing_of(runs_still, VALUES, RULES), runs_still, VALUES, RULES)
    assert (found.state, found.drifted) == (State.PENDING, frozenset())


def test_one_field_may_have_drifted_while_another_waits() -> None:
    past, now = kept(runs("1")), kept(runs("1", replicas=7))
    found = with_past(standing_of(now, VALUES, RULES), past, VALUES, RULES)
    assert (found.state, found.drifted) == (State.DRIFTED, frozenset({("", "replicas")}))
    assert len(found.changes) == 2


def test_a_container_that_is_new_since_has_not_drifted() -> None:
    values = replace(VALUES, containers={"app": APP, "proxy": ControlContainer(cpu_request_millicores=collected(10))})
    manifest = runs()
    manifest["spec"]["template"]["spec"]["containers"].append(make_container("proxy", requests={"cpu": "1"}))
    found = with_past(standing_of(kept(manifest), values, RULES), kept(runs()), values, RULES)
    assert (found.state, found.drifted) == (State.PENDING, frozenset())


def test_native_sidecars_count_and_plain_init_containers_do_not() -> None:
    values = replace(VALUES, containers=dict.fromkeys(("app", "mesh", "migrate"), APP))
    numbers = {"cpu": "1", "memory": "256Mi"}
    sidecar = make_container("mesh", requests=numbers, restartPolicy="Always")
    manifest = runs(initContainers=[make_container("migrate", requests=numbers), sidecar])
    assert {one.container for one in standing_of(kept(manifest), values, RULES).changes} == {"mesh"}


def test_a_stored_state_stands_as_its_deployment() -> None:
    manifest = runs("1", labels={"kubedoor.io/control": "off"})
    stored = state_of(manifest)
    assert standing_of(manifest_of(stored, opted_out=False, owned=False), VALUES, RULES).state is State.PENDING
    assert standing_of(manifest_of(stored, opted_out=True, owned=False), VALUES, RULES).state is State.NOT_ENFORCED
    assert standing_of(manifest_of(stored, opted_out=False, owned=True), VALUES, RULES).state is State.NOT_ENFORCED
    assert state_of(manifest_of(stored, opted_out=False, owned=False)) == stored


def test_sidecars_and_pod_resources_of_a_stored_state() -> None:
    sidecar = make_container("mesh", limits={"cpu": "1"}, restartPolicy="Always")
    stored = state_of(runs(initContainers=[sidecar], resources={"requests": {"cpu": "2"}}))
    assert state_of(manifest_of(stored, opted_out=False, owned=False)) == stored


@pytest.mark.parametrize(
    ("status", "is_settled"),
    [
        ({"observedGeneration": 4, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3}, True),
        ({"observedGeneration": 3, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3}, False),
        ({"observedGeneration": 4, "replicas": 4, "readyReplicas": 3, "updatedReplicas": 3}, False),
        ({"observedGeneration": 4, "replicas": 3, "readyReplicas": 2, "updatedReplicas": 3}, False),
        ({}, False),
    ],
)
def test_a_deployment_is_settled_when_its_rollout_is_over(status: dict[str, int], is_settled: bool) -> None:
    manifest = runs()
    manifest["metadata"]["generation"] = 4
    found = live_of({**manifest, "status": status})
    assert (found.is_settled, found.replicas, found.ready) == (is_settled, 3, status.get("readyReplicas", 0))


def test_little_is_kept_of_a_deployment() -> None:
    manifest = runs()
    manifest["metadata"]["managedFields"] = [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}] * 50
    manifest["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "SECRET", "value": "x" * 5000}]
    assert len(live_of(manifest).outline) < 300
