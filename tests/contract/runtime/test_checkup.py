"""What the checkup says of the looks at the cluster, with a real API server and store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kubedoor.admission.door_probe import DoorProbe
from kubedoor.admission.native.custom_resource import custom_resource_definition
from kubedoor.admission.native.parameters import MAX_CONTAINERS
from kubedoor.admission.native.policies import SCALES
from kubedoor.admission.native.policy_switch import PolicySwitch
from kubedoor.admission.rules import Rules
from kubedoor.admission.switch import WEBHOOK, Switch
from kubedoor.config import settings
from kubedoor.kube.client import Cluster
from kubedoor.model.checks import Check
from kubedoor.model.values import ManualValues, Resources, WorkloadKey
from kubedoor.runtime.assembly import webhook_options
from kubedoor.runtime.checkup import Checkup
from kubedoor.runtime.sources import build_source
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.usage import UsageStore
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.running import admit

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def own(control_plane: ControlPlane) -> Cluster:
    return Cluster(kubeconfig=str(admit(control_plane)))


def checks(own: Cluster, connection: Connection, cluster: str, **environ: str) -> list[Check]:
    given = settings.load({"KUBEDOOR_SOURCE": "sample", "KUBEDOOR_CLUSTER": cluster, **environ})
    policies = PolicySwitch(own, Rules(), lambda: None)
    checkup = Checkup(
        settings=given,
        source=build_source(given),
        usage=UsageStore(connection, cluster),
        control=ControlStore(connection, cluster),
        cluster=own,
        switch=Switch(
            cluster=own,
            look=lambda: None,
            options=lambda: webhook_options(given),
            door=given.door,
            policies=None if given.door == WEBHOOK else policies,
        ),
        probe=DoorProbe(own, list),
        looked_at=DeploymentStore(connection, cluster).looked_at,
        now=lambda: NOW,
    )
    return checkup.run()


def look_check(own: Cluster, connection: Connection, cluster: str, **environ: str) -> Check:
    found = checks(own, connection, cluster, **environ)
    (look,) = [check for check in found if check.name == "look at all Deployments"]
    return look


def test_a_look_that_is_long_ago_is_found(own: Cluster, embedded: Connection, cluster: str) -> None:
    never = look_check(own, embedded, cluster)
    assert (never.ok, never.detail) == (False, "never, or more than 30 days ago")
    assert "permissions to list Deployments" in never.remedy
    DeploymentStore(embedded, cluster).record_look(at=NOW - timedelta(minutes=20), deployments=3)
    old = look_check(own, embedded, cluster)
    assert (old.ok, old.detail) == (False, "20 minutes ago"), "three looks of five minutes were missed"
    assert look_check(own, embedded, cluster, KUBEDOOR_LOOK_SECONDS="600").ok
    for never_looks in ({"KUBEDOOR_LOOK_SECONDS": "0"}, {"KUBEDOOR_CLOCK_SECONDS": "0"}):
        asked_for = look_check(own, embedded, cluster, **never_looks)
        assert asked_for.ok
        assert asked_for.detail.startswith("20 minutes ago; only when enforcement goes on")
    DeploymentStore(embedded, cluster).record_look(at=NOW - timedelta(minutes=4), deployments=3)
    assert look_check(own, embedded, cluster).ok


def test_what_actions_and_schedules_need_is_checked(
    own: Cluster, control_plane: ControlPlane, embedded: Connection, cluster: str
) -> None:
    scheduling = {"KUBEDOOR_SCHEDULE_IMAGE": "kubedoor:test", "KUBEDOOR_SCHEDULE_API_URL": "http://api.test"}
    needed = {"patch deployments", "patch deployments/scale", "list namespaces", "get deployments"}

    def permissions(by: Cluster, **environ: str) -> dict[str, Check]:
        found = [one for one in checks(by, embedded, cluster, **environ) if one.name.startswith("permission to ")]
        return {one.name.removeprefix("permission to "): one for one in found}

    allowed = permissions(own, **scheduling)
    assert needed | {"create cronjobs", "delete secrets"} <= allowed.keys()
    assert [name for name, one in allowed.items() if not one.ok] == []
    user = f"{cluster}-reader"
    control_plane.kubectl("create", "clusterrolebinding", user, "--clusterrole=view", f"--user={user}")
    reader = Cluster(kubeconfig=str(control_plane.credentials(user, user=user, groups=("system:authenticated",))))
    refused = permissions(reader)
    assert "create cronjobs" not in refused, "schedules run in the process"
    assert refused["get deployments"].ok
    scale = refused["patch deployments/scale"]
    assert not scale.ok
    assert scale.remedy == (
        "for actions (api.canAct), allow in KubeDoor's ClusterRole: apiGroups ['apps'], resources [deployments/scale],"
        " verbs [patch]"
    )
    assert "Role in namespace kubedoor" in permissions(reader, **scheduling)["create cronjobs"].remedy


def test_workloads_that_are_too_large_for_policies_are_named(
    control_plane: ControlPlane, own: Cluster, embedded: Connection, cluster: str
) -> None:
    control_plane.apply(custom_resource_definition())
    control_plane.wait_for(
        PolicySwitch(own, Rules(), lambda: None).is_possible, what="the kind of the parameters is known"
    )
    for name, count in (("large", MAX_CONTAINERS + 1), ("fits", MAX_CONTAINERS)):
        containers = {f"c{number:03d}": Resources(cpu_request_millicores=100) for number in range(count)}
        key = WorkloadKey(cluster, "shop", name)
        ControlStore(embedded, cluster).edit(key, ManualValues(containers=containers), based_on=0, who="test")
    found = [
        check
        for check in checks(own, embedded, cluster, KUBEDOOR_DOOR="both")
        if check.name == "policies of the API server"
    ]
    assert [check.ok for check in found] == [True, False]
    assert found[1].detail == (
        "1 workload has more than 100 containers, which may cost more than the API server allows a policy: shop/large"
    )
    alone = checks(own, embedded, cluster, KUBEDOOR_DOOR="webhook")
    assert not [check for check in alone if check.name == "policies of the API server"]
    policies = PolicySwitch(own, Rules(namespaces=frozenset({"no-such-namespace"})), lambda: None)
    policies.turn_on()
    control_plane.kubectl("delete", "mutatingadmissionpolicybinding", SCALES)
    try:
        told = [check.detail for check in checks(own, embedded, cluster, KUBEDOOR_DOOR="native") if not check.ok]
    finally:
        policies.turn_off()
    assert f"missing in the cluster: MutatingAdmissionPolicyBinding {SCALES}" in told, "the others enforce"
