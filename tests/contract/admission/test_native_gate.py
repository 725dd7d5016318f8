"""An API server that takes policies and does nothing with them, as Kubernetes 1.34 and 1.35 do unless their feature gate is on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from kubedoor.admission.door_probe import Reach
from kubedoor.admission.native import policy_probe
from kubedoor.admission.native.parameters import namespace_objects
from kubedoor.admission.native.policies import DEPLOYMENTS
from kubedoor.admission.native.policy_switch import PolicySwitch
from kubedoor.admission.rules import Rules
from kubedoor.admission.switch import BOTH, NATIVE, WEBHOOK, Part, Switch
from kubedoor.admission.webhook_configuration import WebhookOptions
from kubedoor.errors import Conflict
from kubedoor.kube.client import Cluster
from kubedoor.sentences import sentence
from tests.contract.lab import know_control_values
from tests.contract.native_door import Api, Refused
from tests.support.builders import make_deployment
from tests.toolbox.build import ToolMissing
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.running import NAMESPACE, SERVICE, admit

POLICY = f"/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies/{DEPLOYMENTS}"


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    """Of its own: its API server starts with other options."""
    try:
        with ControlPlane(nodes=1) as plane:
            plane.stop_controllers()
            know_control_values(plane)
            plane.kubectl("create", "namespace", "shop")
            (values,) = namespace_objects("shop", {"web": {"replicas": 3}})
            plane.apply(values)
            yield plane
    except ToolMissing as missing:
        pytest.fail(str(missing))


def switch_of(plane: ControlPlane, door: str) -> Switch:
    """As KubeDoor's own service account has it; of a process that has just started."""
    cluster = Cluster(kubeconfig=str(admit(plane)))
    options = WebhookOptions(NAMESPACE, SERVICE, 443, 1, "Ignore", ("kube-system",), ca="CA", namespaces=["elsewhere"])
    return Switch(
        cluster=cluster,
        look=lambda: None,
        options=lambda: options,
        reach=lambda: Reach(True, sentence("cluster.not_tried")),
        door=door,
        policies=PolicySwitch(cluster, Rules()),
    )


def test_policies_that_do_nothing_are_not_taken_for_enforcement(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Api(plane)) as api:
        manifest = make_deployment(namespace="shop", replicas=1)

        def replicas() -> int:
            created = api.send("POST", "/apis/apps/v1/namespaces/shop/deployments", manifest, dryRun="All")
            return int(created["spec"]["replicas"])

        assert switch_of(plane, NATIVE).turn_on().is_current
        assert replicas() == 3, "in force when the switch has answered"
        plane.stop_apiserver()
        plane.start_apiserver("--feature-gates=MutatingAdmissionPolicy=false")
        assert replicas() == 1
        state = switch_of(plane, NATIVE).state()
        assert (state.enabled, state.is_current, state.policies) == (False, False, Part.UNAVAILABLE)
        assert state.reason.code == "cluster.policies_idle"
        monkeypatch.setattr(policy_probe, "SETTLE_SECONDS", 1.0)
        with pytest.raises(Conflict, match="does nothing with them"):
            switch_of(plane, NATIVE).turn_on()
        with pytest.raises(Refused, match="404"):
            api.send("GET", POLICY)
        both = switch_of(plane, BOTH)
        state = both.turn_on()
        assert (state.enabled, state.is_current, state.door, state.wanted_door) == (True, True, WEBHOOK, BOTH)
        assert (state.webhook, state.policies, state.reason.code) == (
            Part.ON,
            Part.UNAVAILABLE,
            "cluster.policies_idle",
        )
        with pytest.raises(Conflict, match="does nothing with them"):
            both.check_policies()
        off = both.turn_off()
        assert (off.enabled, off.policies) == (False, Part.OFF)
