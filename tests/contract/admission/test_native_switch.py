"""The switch of the native door on the real API server: on, off, by hand, with edits in between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.door_probe import Reach
from kubedoor.admission.native import policy_switch
from kubedoor.admission.native.policies import DEPLOYMENTS, SCALES, policies
from kubedoor.admission.native.policy_switch import PolicySwitch
from kubedoor.admission.rules import Rules
from kubedoor.admission.switch import BOTH, NATIVE, WEBHOOK, Part, Switch, SwitchState
from kubedoor.admission.webhook_configuration import IGNORE_LABEL, NAME, PLATFORM_LABEL, WebhookOptions
from kubedoor.errors import Conflict
from kubedoor.kube.client import Cluster
from kubedoor.sentences import sentence
from kubedoor.store.connection import Connection
from tests.contract.admission.test_native_writer import World, defined, undefined
from tests.support.builders import make_deployment, make_scale
from tests.toolbox.controlplane import ControlPlane

BINDINGS = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings"
SERVICE = "switch-test"


class Door:
    """The switch of a namespace of its own: no other Deployment is controlled."""

    def __init__(self, plane: ControlPlane, world: World) -> None:
        self.plane, self.world = plane, world
        self.cluster = Cluster(kubeconfig=str(plane.kubeconfig))
        self.rules = Rules(namespaces=frozenset({world.namespace}))
        self.policies = PolicySwitch(self.cluster, self.rules, world.writer.write)
        self.looks = 0

    def switch(self, door: str, *, is_reached: bool = True) -> Switch:
        return Switch(
            cluster=self.cluster,
            look=self._look,
            options=lambda: WebhookOptions(
                namespace=self.world.namespace,
                service=SERVICE,
                port=443,
                timeout_seconds=1,
                failure_policy="Ignore",
                excluded_namespaces=("kube-system",),
                ca="CA",
                namespaces=["no-such-namespace"],
            ),
            reach=lambda: Reach(is_reached, sentence("cluster.not_tried")),
            door=door,
            policies=self.policies,
        )

    def _look(self) -> None:
        self.looks += 1

    def updated(self, replicas: int = 2) -> int:
        """The replicas that the API server would store of an update of `api`."""
        manifest = make_deployment("api", namespace=self.world.namespace, replicas=replicas)
        path = f"/apis/apps/v1/namespaces/{self.world.namespace}/deployments/api"
        return self._replicas(self.world.api.send("PUT", path, manifest, dryRun="All"))

    def scaled(self, replicas: int = 2) -> int:
        """The replicas that it would store of a scale of `api`."""
        manifest = make_scale(replicas, name="api", namespace=self.world.namespace)
        path = f"/apis/apps/v1/namespaces/{self.world.namespace}/deployments/api/scale"
        return self._replicas(self.world.api.send("PUT", path, manifest, dryRun="All"))

    @staticmethod
    def _replicas(stored: dict[str, Any]) -> int:
        return int(stored["spec"]["replicas"])

    def wait_for(self, replicas: int) -> None:
        self.plane.wait_for(lambda: (self.updated(), self.scaled()) == (replicas, replicas), what="it is in force")


@pytest.fixture
def door(control_plane: ControlPlane, served: Connection, tmp_path: Path, namespace: str) -> Iterator[Door]:
    control_plane.expose(SERVICE, namespace)
    # The webhook of other tests leaves it alone; these policies must not.
    with closing(World(control_plane, served, tmp_path, namespace)) as world:
        defined(control_plane, world)
        made = Door(control_plane, world)
        control_plane.apply(make_deployment("api", namespace=namespace, replicas=1))
        others = made.cluster.webhook_configuration(NAME)
        yield made
        made.switch(BOTH).turn_off()
        if others:
            metadata = {name: others["metadata"].get(name) for name in ("name", "labels", "annotations")}
            made.cluster.apply_webhook_configuration({**others, "metadata": metadata})


def test_off_and_on_with_edits_between_never_shows_an_older_value(door: Door) -> None:
    switch = door.switch(NATIVE)
    assert switch.state().enabled is False
    for replicas in range(11, 21):
        door.world.edit("api", replicas)
        assert switch.turn_on().enabled is True
        door.wait_for(replicas)
        # While it is on, an edit counts as soon as it is written.
        door.world.edit("api", replicas + 10)
        written_at = time.monotonic()
        door.world.writer.write()
        door.wait_for(replicas + 10)
        assert time.monotonic() - written_at < 5, "on a loaded machine"
        assert switch.turn_off().enabled is False
        door.wait_for(2)
    assert door.looks == 10


def test_what_is_missing_by_hand_is_off_and_named(door: Door) -> None:
    switch = door.switch(NATIVE)
    assert switch.turn_on().is_current
    door.world.api.send("DELETE", f"{BINDINGS}/{SCALES}")
    state = switch.state()
    assert (state.enabled, state.is_current, state.door) == (False, False, NATIVE)
    assert parts(state) == (Part.OFF, Part.PARTIAL)
    assert state.reason == f"missing in the cluster: MutatingAdmissionPolicyBinding {SCALES}"
    assert switch.turn_on().enabled is True


def test_a_policy_that_somebody_has_changed_is_not_current(door: Door) -> None:
    switch = door.switch(NATIVE)
    switch.turn_on()
    (changed,) = (
        one for one in policies(Rules()) if one["metadata"]["name"] == DEPLOYMENTS and "mutations" in one["spec"]
    )
    door.world.api.send(
        "APPLY", f"/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies/{DEPLOYMENTS}", changed
    )
    state = switch.state()
    assert (state.enabled, state.is_current, *parts(state)) == (True, False, Part.OFF, Part.CHANGED)
    assert switch.turn_on().is_current


def parts(state: SwitchState) -> tuple[Part, Part]:
    return state.webhook, state.policies


def test_a_change_of_the_setting_takes_the_other_door_away(door: Door) -> None:
    both = door.switch(BOTH).turn_on()
    assert (both.is_current, both.door, both.wanted_door, *parts(both)) == (True, BOTH, BOTH, Part.ON, Part.ON)
    two = door.switch(NATIVE).state()
    assert (two.enabled, two.is_current, *parts(two)) == (True, False, Part.ON, Part.ON)
    assert two.reason.code == "cluster.both_on"
    assert door.switch(NATIVE).turn_on().is_current
    assert door.cluster.webhook_configuration(NAME) is None
    half = door.switch(BOTH).state()
    assert (half.enabled, half.is_current, *parts(half)) == (True, False, Part.OFF, Part.ON)
    assert half.reason.code == "cluster.policies_alone"
    other = door.switch(WEBHOOK).state()
    assert (other.enabled, other.is_current, *parts(other)) == (True, False, Part.OFF, Part.ON)
    off = door.switch(BOTH).turn_off()
    assert (off.enabled, off.is_current, *parts(off)) == (False, True, Part.OFF, Part.OFF)


def test_without_the_definition_both_is_the_webhook_alone(door: Door) -> None:
    undefined(door.plane, door.world)
    with pytest.raises(Conflict, match="does not know the kind ControlValues"):
        door.switch(NATIVE).turn_on()
    state = door.switch(BOTH).turn_on()
    assert (state.enabled, state.is_current, state.door, state.wanted_door) == (True, True, WEBHOOK, BOTH)
    assert parts(state) == (Part.ON, Part.UNAVAILABLE)


def test_kubernetes_1_34_has_policies_too(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_switch, "API_VERSIONS", ("v1beta1",))
    assert door.policies.api_version() == "v1beta1"
    door.world.edit("api", 4)
    assert door.switch(NATIVE).turn_on().is_current
    door.wait_for(4)
    assert door.switch(NATIVE).turn_off().enabled is False
    door.wait_for(2)


def test_a_webhook_that_is_not_reached_takes_no_policies_away(door: Door) -> None:
    door.switch(NATIVE).turn_on()
    with pytest.raises(Conflict, match="off again"):
        door.switch(BOTH, is_reached=False).turn_on()
    assert door.cluster.webhook_configuration(NAME) is None
    assert door.switch(NATIVE).state().is_current


def test_policies_of_an_earlier_setting_go_with_the_next_switch(door: Door) -> None:
    door.world.edit("api", 4)
    door.switch(BOTH).turn_on()
    door.wait_for(4)
    assert door.switch(WEBHOOK).turn_on().enabled
    door.wait_for(2)


def test_a_namespace_that_is_labelled_is_left_alone(door: Door) -> None:
    door.world.edit("api", 4)
    door.switch(NATIVE).turn_on()
    door.wait_for(4)
    for label in (IGNORE_LABEL, PLATFORM_LABEL):
        door.plane.kubectl("label", "namespace", door.world.namespace, f"{label}=")
        door.wait_for(2)
        door.plane.kubectl("label", "namespace", door.world.namespace, f"{label}-")
        door.wait_for(4)
