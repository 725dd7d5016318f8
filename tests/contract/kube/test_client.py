"""The Kubernetes client and the switch against a real API server."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kubedoor.admission import webhook_configuration
from kubedoor.admission.look import Look
from kubedoor.admission.switch import Switch
from kubedoor.admission.webhook_configuration import WebhookOptions
from kubedoor.errors import ClusterError, Conflict, Forbidden, InvalidInput, NoClusterAccess, NotFound
from kubedoor.kube.client import Cluster
from kubedoor.kube.kubeconfig import NO_CLUSTER
from kubedoor.sentences import Sentence
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from tests.support.builders import make_deployment
from tests.toolbox import processes
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.running import NAMESPACE, SERVICE, admit


@pytest.fixture
def own(control_plane: ControlPlane) -> Cluster:
    """A client with the permissions of KubeDoor's service account."""
    return Cluster(kubeconfig=str(admit(control_plane)), timeout_seconds=10)


def options_of(plane: ControlPlane, **fields: object) -> WebhookOptions:
    given: dict[str, object] = {
        "namespace": NAMESPACE,
        "service": SERVICE,
        "port": processes.free_port(),
        "timeout_seconds": 2,
        "failure_policy": "Ignore",
        "excluded_namespaces": ["kube-system", NAMESPACE],
        "ca": plane.ca_file.read_text(),
    }
    return WebhookOptions(**{**given, **fields})  # type: ignore[arg-type]


def make_look(own: Cluster, connection: Connection, cluster: str, namespace: str) -> Look:
    """At one namespace: those of other tests are being deleted meanwhile."""
    return Look(
        cluster=own,
        control=ControlStore(connection, cluster),
        deployments=DeploymentStore(connection, cluster),
        cluster_name=cluster,
        controls=lambda one: one == namespace,
        has_sample=False,
        now=lambda: datetime.now(UTC),
    )


def make_switch(
    own: Cluster, connection: Connection, cluster: str, options: WebhookOptions, namespace: str = "default"
) -> Switch:
    return Switch(cluster=own, look=make_look(own, connection, cluster, namespace).run, options=lambda: options)


def test_reads(own: Cluster, control_plane: ControlPlane, namespace: str) -> None:
    assert own.version().startswith("v1.")
    assert own.service_exists(NAMESPACE, SERVICE)
    assert not own.service_exists(NAMESPACE, "nowhere")
    control_plane.apply(*(make_deployment(f"web-{number}", namespace=namespace, replicas=0) for number in range(3)))
    found = own.deployment(namespace, "web-1")
    assert found is not None
    assert found["metadata"]["name"] == "web-1"
    assert own.deployment(namespace, "nobody") is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kubedoor.kube.connection.PAGE_SIZE", 2)
        names = {one["metadata"]["name"] for one in own.deployments() if one["metadata"]["namespace"] == namespace}
    assert names == {"web-0", "web-1", "web-2"}, "page by page"
    control_plane.kubectl("-n", namespace, "autoscale", "deployment", "web-2", "--cpu=50%", "--min=1", "--max=2")
    assert (namespace, "web-2") in own.autoscaled_deployments()


def test_permissions_are_what_the_api_server_says(own: Cluster) -> None:
    assert own.may("list", "apps", "deployments")
    assert not own.may("delete", "apps", "deployments")
    with pytest.raises(Forbidden, match="the cluster does not allow this to KubeDoor"):
        own.request("GET", "/api/v1/nodes")


@pytest.mark.parametrize("name", ["../kube-system", "..", "a/b", "", "UPPER", "a..%2f", "x" * 254])
def test_a_name_that_is_none_is_never_sent(name: str) -> None:
    unreachable = Cluster(kubeconfig=NO_CLUSTER)
    with pytest.raises(InvalidInput, match="not a name that Kubernetes knows"):
        unreachable.deployment("shop", name)
    with pytest.raises(InvalidInput):
        unreachable.deployment(name, "web")


def test_what_the_api_server_refuses_is_said_in_its_words(own: Cluster) -> None:
    with pytest.raises(NotFound, match="not found"):
        own.request("GET", "/apis/apps/v1/namespaces/default/deployments/nobody")
    with pytest.raises(ClusterError):
        own.request("PATCH", "/apis/apps/v1/namespaces/default/deployments/x", body=[{"op": "nonsense"}])


def test_on_off_and_what_is_learnt_on_the_way(
    own: Cluster, control_plane: ControlPlane, namespace: str, embedded: Connection, cluster: str
) -> None:
    off = {"kubedoor.io/control": "off"}
    control_plane.apply(make_deployment(namespace=namespace, replicas=0, labels=off))
    switch = make_switch(own, embedded, cluster, options_of(control_plane), namespace)
    before = own.webhook_configuration(webhook_configuration.NAME)
    try:
        state = switch.turn_on()
        assert (state.enabled, state.is_current, state.failure_policy) == (True, True, "Ignore")
        (fact,) = [row for row in ControlStore(embedded, cluster).known_facts() if row["namespace"] == namespace]
        assert (fact["deployment"], fact["opted_out"]) == ("web", True)
        look = make_look(own, embedded, cluster, namespace).run()
        assert (look.changed_facts, look.changed_states, look.gone) == (0, 0, 0), "nothing is new the second time"
        assert switch.turn_on().enabled is True
        another = make_switch(own, embedded, cluster, options_of(control_plane, failure_policy="Fail"))
        assert another.state().is_current is False
        of_the_cloud = {"key": "control-plane", "operator": "NotIn", "values": ["true"]}
        own.patch_webhook_configuration(
            webhook_configuration.NAME,
            [{"op": "add", "path": "/webhooks/0/namespaceSelector/matchExpressions/-", "value": of_the_cloud}],
        )
        assert switch.state().is_current is True, "as AKS and GKE Autopilot do with every webhook"
        assert switch.turn_off().enabled is False
        assert switch.turn_off().enabled is False
    finally:
        own.delete_webhook_configuration(webhook_configuration.NAME)
        if before is not None:
            del before["metadata"]["managedFields"], before["metadata"]["resourceVersion"], before["metadata"]["uid"]
            own.apply_webhook_configuration(before)


def test_the_switch_refuses_a_door_that_cannot_be_reached(
    own: Cluster, control_plane: ControlPlane, embedded: Connection, cluster: str
) -> None:
    with pytest.raises(Conflict, match="there is no Service"):
        make_switch(own, embedded, cluster, options_of(control_plane, service="nowhere")).turn_on()
    with pytest.raises(Conflict, match="KUBEDOOR_WEBHOOK_CA_FILE"):
        make_switch(own, embedded, cluster, options_of(control_plane, ca="")).turn_on()


def test_without_permission_the_state_is_not_known(
    control_plane: ControlPlane, embedded: Connection, cluster: str
) -> None:
    stranger = Cluster(kubeconfig=str(control_plane.credentials("stranger", user="stranger")))
    state = make_switch(stranger, embedded, cluster, options_of(control_plane)).state()
    assert state.enabled is None
    assert "does not allow" in state.reason


@pytest.mark.parametrize("kubeconfig", [NO_CLUSTER, "/nowhere/config"])
def test_no_cluster_is_said_with_what_to_set(kubeconfig: str, embedded: Connection, cluster: str) -> None:
    with pytest.raises(ClusterError, match="KUBEDOOR_KUBECONFIG"):
        Cluster(kubeconfig=kubeconfig).version()


def test_a_kubeconfig_that_is_replaced_is_read_anew(control_plane: ControlPlane, tmp_path: Path) -> None:
    """The kubelet does this with a mounted Secret when a token is renewed."""
    file = tmp_path / "kubeconfig"
    file.write_bytes(control_plane.credentials("stranger", user="stranger").read_bytes())
    cluster = Cluster(kubeconfig=str(file))
    with pytest.raises(Forbidden):
        list(cluster.deployments())
    file.write_bytes(control_plane.kubeconfig.read_bytes())
    os.utime(file, (0, 0))
    list(cluster.deployments())


def test_a_cluster_that_nobody_gave_us_access_to_is_never_asked() -> None:
    closed = Cluster(kubeconfig="/nowhere", no_access=Sentence("it is only shown"))
    for ask in (closed.version, closed.check_access):
        with pytest.raises(NoClusterAccess, match="it is only shown"):
            ask()


def test_without_any_configuration_there_is_no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ClusterError, match="no cluster is configured"):
        Cluster().version()


def test_an_api_server_that_is_away_is_an_error_and_then_no_more() -> None:
    with ControlPlane(nodes=1) as plane:
        away = Cluster(kubeconfig=str(admit(plane)), timeout_seconds=3)
        assert away.version()
        plane.kill_apiserver()
        with pytest.raises(ClusterError, match="does not answer"):
            away.version()
        plane.start_apiserver()
        assert away.version()
