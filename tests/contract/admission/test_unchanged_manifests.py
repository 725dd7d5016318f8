"""The same manifest once more, however it is sent: what is stored stays as it is, and nothing restarts.

Of the manifest here, `app` and the native sidecar `mesh` have control values, `proxy` has none, a limit is set that the
owner did not ask for, and its number of replicas is not the control value.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.rules import HPA_USER
from kubedoor.admission.switch import BOTH, NATIVE, WEBHOOK
from kubedoor.asked import ANNOTATION
from kubedoor.model.values import Mode
from tests.contract.admission.senders import WAYS, Manifest, found, kubectl_apply
from tests.contract.doors import door_instead
from tests.contract.lab import Lab, amounts, asks, new_image, replicas_of, resources_of
from tests.support.builders import make_container, make_deployment
from tests.support.clickhouse import ClickHouse
from tests.toolbox import processes
from tests.toolbox.processes import PartFailed

DOORS = (WEBHOOK, NATIVE, BOTH)
WITH_ANOTHER_WEBHOOK = pytest.mark.doors(WEBHOOK)
"""Of a test whose subject is a webhook with other settings or without a store."""
ASKED = (
    "app:requests.cpu=500m,requests.memory=1Gi,limits.cpu=1;proxy:requests.cpu=50m;"
    "mesh:requests.cpu=100m,requests.memory=64Mi"
)
KEPT = "Warning: KubeDoor: unchanged manifest, requests and limits stay as they run"
ASKED_APP = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1"}}
SIZED_REQUESTS = {"cpu": "120m", "memory": "256Mi"}
OF_THE_CONTROLLER = "deployment.kubernetes.io/revision"
CHANGING = ("resourceVersion", "managedFields", "generation")


def manifest_of(namespace: str, name: str = "web", *, image: str = "registry.test/app:1", **fields: Any) -> Manifest:
    """As its owner keeps it in Git."""
    app = make_container(image=image, requests={"cpu": "500m", "memory": "1Gi"}, limits={"cpu": "1"})
    proxy = make_container("proxy", requests={"cpu": "50m"})
    mesh = asks("100m", "64Mi", name="mesh", restartPolicy="Always")
    plain = asks("1", "64Mi", name="migrate")
    fields = {"replicas": 10, **fields}
    return make_deployment(name, namespace=namespace, containers=[app, proxy], initContainers=[plain, mesh], **fields)


def set_values(
    lab: Lab,
    namespace: str,
    name: str = "web",
    *,
    cpu: str = "120m",
    memory_limit: str = "512Mi",
    mode: Mode | None = None,
) -> None:
    app = amounts(cpu, "256Mi", memory_limit=memory_limit)
    lab.set_values(namespace, name, mode=mode, app=app, mesh=amounts("20m", "32Mi"))


def is_sized(stored: Manifest, cpu: str = "120m") -> bool:
    app = {"requests": {"cpu": cpu, "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}
    mesh = {"requests": {"cpu": "20m", "memory": "32Mi"}}
    return (resources_of(stored), resources_of(stored, "mesh", kind="initContainers")) == (app, mesh)


def kept(lab: Lab, manifest: Manifest) -> Manifest:
    """What the API server stores, without what it and the controllers write themselves."""
    stored = found(lab, manifest)
    assert stored is not None
    # NB: a PUT without the controller's annotation makes a new generation, and the controller writes it again.
    metadata = {name: value for name, value in stored["metadata"].items() if name not in CHANGING}
    annotations = {name: text for name, text in metadata["annotations"].items() if name != OF_THE_CONTROLLER}
    return {**stored, "metadata": {**metadata, "annotations": annotations}, "status": {}}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_changes_before_and_after_control_values_moved(
    lab: Lab, namespace: str, way: str, tmp_path: Path
) -> None:
    manifest, send = manifest_of(namespace), WAYS[way]
    set_values(lab, namespace)
    send(lab, manifest, tmp_path)
    before = kept(lab, manifest)
    assert before["metadata"]["annotations"][ANNOTATION] == ASKED
    assert is_sized(before)
    assert replicas_of(before) == 3
    for is_later in (False, True):
        if is_later:
            set_values(lab, namespace, cpu="130m")
        for _ in range(2):
            send(lab, manifest, tmp_path)
            assert kept(lab, manifest) == before
    assert lab.replicaset_count(namespace) == 1


@pytest.mark.parametrize("way", ["client-side", "server-side", "replace", "put", "helm"])
def test_a_new_image_is_one_restart_with_the_control_values_of_now(
    lab: Lab, namespace: str, way: str, tmp_path: Path
) -> None:
    send = WAYS[way]
    set_values(lab, namespace)
    send(lab, manifest_of(namespace), tmp_path)
    lab.settle(namespace)
    set_values(lab, namespace, cpu="130m")
    released = manifest_of(namespace, image=new_image())
    send(lab, released, tmp_path)
    after = kept(lab, released)
    assert (is_sized(after, "130m"), after["metadata"]["annotations"][ANNOTATION]) == (True, ASKED)
    send(lab, released, tmp_path)
    assert kept(lab, released) == after
    assert lab.replicaset_count(namespace) == 2


@pytest.mark.doors(WEBHOOK, BOTH)  # Policies neither warn nor record.
def test_the_owner_is_told(lab: Lab, namespace: str, tmp_path: Path) -> None:
    set_values(lab, namespace)
    manifest = manifest_of(namespace, replicas=3)
    kubectl_apply(lab, manifest, tmp_path)
    assert KEPT in kubectl_apply(lab, manifest, tmp_path)
    rows = lab.wait_for_admissions(namespace, 2)
    assert (rows[0]["operation"], rows[0]["outcome"], rows[0]["reason"]) == (
        "UPDATE",
        "unchanged",
        "unchanged manifest",
    )


def test_another_field_manager_takes_the_fields_by_force_only_and_changes_nothing(
    lab: Lab, namespace: str, tmp_path: Path
) -> None:
    set_values(lab, namespace)
    manifest = manifest_of(namespace)
    kubectl_apply(lab, manifest, tmp_path, "--server-side")
    before = kept(lab, manifest)
    set_values(lab, namespace, cpu="130m")
    other = ("--server-side", "--field-manager=other")
    with pytest.raises(PartFailed, match="conflict"):
        # What is stored is not what it sends, and the first manager owns it: so says the API server, not the door.
        kubectl_apply(lab, manifest, tmp_path, *other)
    for _ in range(2):
        kubectl_apply(lab, manifest, tmp_path, *other, "--force-conflicts")
        assert kept(lab, manifest) == before
    assert lab.replicaset_count(namespace) == 1


def test_from_client_side_to_server_side_apply_nothing_changes(lab: Lab, namespace: str, tmp_path: Path) -> None:
    set_values(lab, namespace)
    manifest = manifest_of(namespace)
    kubectl_apply(lab, manifest, tmp_path)
    before = kept(lab, manifest)
    set_values(lab, namespace, cpu="130m")
    with pytest.raises(PartFailed, match=r"conflicts with \"kubectl-client-side-apply\""):
        kubectl_apply(lab, manifest, tmp_path, "--server-side")
    forced = ("--server-side", "--force-conflicts")
    for words in (forced, ("--server-side",), (), forced):
        kubectl_apply(lab, manifest, tmp_path, *words)
        assert kept(lab, manifest)["spec"] == before["spec"]
    assert lab.replicaset_count(namespace) == 1


def test_nothing_changes_while_the_store_is_away(
    lab: Lab, namespace: str, tmp_path: Path, clickhouse: ClickHouse
) -> None:
    if clickhouse.child is None:
        pytest.fail("this test stops ClickHouse: unset KUBEDOOR_TEST_CLICKHOUSE_URL for it")
    manifests = {way: manifest_of(namespace, way) for way in WAYS}
    for way, manifest in manifests.items():
        set_values(lab, namespace, way)
        WAYS[way](lab, manifest, tmp_path)
    lab.wait_for_door()
    before = {way: kept(lab, manifest) for way, manifest in manifests.items()}
    clickhouse.kill()
    try:
        for _ in range(2):
            for way, manifest in manifests.items():
                WAYS[way](lab, manifest, tmp_path)
        assert {way: kept(lab, manifest) for way, manifest in manifests.items()} == before
    finally:
        clickhouse.start()
    assert {way: lab.replicaset_count(namespace, way) for way in WAYS} == dict.fromkeys(WAYS, 1)


@pytest.fixture
def no_store() -> str:
    """The address of a store that is not there."""
    return f"http://kubedoor:x@127.0.0.1:{processes.free_port()}/kubedoor"


@WITH_ANOTHER_WEBHOOK
def test_a_door_that_never_had_a_store_keeps_the_numbers_and_lets_the_rest_pass(
    lab: Lab, namespace: str, tmp_path: Path, no_store: str
) -> None:
    set_values(lab, namespace, memory_limit="")
    manifest = manifest_of(namespace)
    kubectl_apply(lab, manifest, tmp_path)
    before = kept(lab, manifest)
    folder = tmp_path / "door"
    folder.mkdir()
    with door_instead(lab, folder, no_store):
        for _ in range(2):
            said = kubectl_apply(lab, manifest, tmp_path)
            assert kept(lab, manifest) == {**before, "spec": {**before["spec"], "replicas": 10}}
        assert KEPT in said
        lab.settle(namespace)
        said = kubectl_apply(lab, manifest_of(namespace, image=new_image()), tmp_path)
        assert "the store is away, nothing was set" in said
        assert resources_of(lab.stored(namespace)) == ASKED_APP, "a release is let through as it is"
    kubectl_apply(lab, manifest_of(namespace, image=new_image()), tmp_path)
    after = kept(lab, manifest)
    assert (resources_of(after)["requests"], after["metadata"]["annotations"][ANNOTATION]) == (SIZED_REQUESTS, ASKED)


@WITH_ANOTHER_WEBHOOK
def test_the_setting_restart_makes_it_a_restart(
    lab: Lab, namespace: str, tmp_path: Path, clickhouse: ClickHouse
) -> None:
    set_values(lab, namespace)
    manifest = manifest_of(namespace)
    kubectl_apply(lab, manifest, tmp_path)
    lab.settle(namespace)
    set_values(lab, namespace, cpu="130m")
    folder = tmp_path / "door"
    folder.mkdir()
    with door_instead(lab, folder, clickhouse.dsn, KUBEDOOR_UNCHANGED_MANIFESTS="restart"):
        kubectl_apply(lab, manifest, tmp_path)
        stored = kept(lab, manifest)
        assert (is_sized(stored, "130m"), stored["metadata"]["annotations"][ANNOTATION]) == (True, ASKED)
        kubectl_apply(lab, manifest, tmp_path)
    assert lab.replicaset_count(namespace) == 2


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.OBSERVE])
def test_where_nothing_is_enforced_the_manifest_is_stored(lab: Lab, namespace: str, tmp_path: Path, mode: Mode) -> None:
    set_values(lab, namespace, mode=mode)
    manifest = manifest_of(namespace)
    for _ in range(2):
        kubectl_apply(lab, manifest, tmp_path)
        stored = kept(lab, manifest)
        assert ANNOTATION not in stored["metadata"]["annotations"]
        assert (resources_of(stored), replicas_of(stored)) == (ASKED_APP, 10)
    set_values(lab, namespace)
    kubectl_apply(lab, manifest, tmp_path)
    assert resources_of(lab.stored(namespace)) == ASKED_APP, "switched on, it waits for a release"
    assert lab.replicaset_count(namespace) == 1


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.OBSERVE])
def test_a_sized_workload_that_is_no_longer_enforced_gets_its_manifest(
    lab: Lab, namespace: str, tmp_path: Path, mode: Mode
) -> None:
    set_values(lab, namespace, memory_limit="")
    manifest = manifest_of(namespace)
    kubectl_apply(lab, manifest, tmp_path)
    lab.settle(namespace)
    set_values(lab, namespace, memory_limit="", mode=mode)
    kubectl_apply(lab, manifest, tmp_path)
    assert resources_of(lab.stored(namespace)) == ASKED_APP
    assert lab.replicaset_count(namespace) == 2


# Replicas of what an HPA scales


@pytest.fixture
def scaled(lab: Lab, namespace: str, tmp_path: Path) -> tuple[Manifest, Path]:
    """A workload that the HPA controller's user has scaled to 10, and a kubeconfig of that user."""
    hpa = lab.plane.credentials("hpa", user=HPA_USER, groups=("system:authenticated",))
    set_values(lab, namespace)
    manifest = manifest_of(namespace, replicas=2)
    kubectl_apply(lab, manifest, tmp_path)
    scale(lab, namespace, 10, kubeconfig=hpa)
    if lab.door == NATIVE:
        # A webhook knows by the request that an HPA scales this Deployment, a look by the HPA itself.
        lab.kubectl(namespace, "autoscale", "deployment", "web", "--cpu=50%", "--min=1", "--max=10")
        lab.learn()
    assert replicas_of(lab.stored(namespace)) == 10, "the HPA's own scale passes"
    return manifest, hpa


def scale(lab: Lab, namespace: str, replicas: int, **options: Any) -> None:
    """By a PUT of the scale subresource, as the HPA controller does."""
    metadata = {"name": "web", "namespace": namespace}
    body = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": {"replicas": replicas}}
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web/scale"
    lab.plane.kubectl("replace", "--raw", path, "-f", "-", input=json.dumps(body), **options)


def test_an_hpa_keeps_its_replicas_through_manifests_and_releases(
    lab: Lab, namespace: str, tmp_path: Path, scaled: tuple[Manifest, Path]
) -> None:
    manifest, hpa = scaled
    released = manifest_of(namespace, replicas=2, image=new_image())
    for sent in (manifest, manifest, released, released):
        kubectl_apply(lab, sent, tmp_path)
        assert replicas_of(lab.stored(namespace)) == 10
    scale(lab, namespace, 5)
    assert replicas_of(lab.stored(namespace)) == 10, "and not a person's"
    scale(lab, namespace, 6, kubeconfig=hpa)
    assert replicas_of(lab.stored(namespace)) == 6
    assert lab.replicaset_count(namespace) == 2


def test_zero_switches_an_hpa_off_and_any_number_switches_it_on_again(
    lab: Lab, namespace: str, tmp_path: Path, scaled: tuple[Manifest, Path]
) -> None:
    manifest, _ = scaled
    scale(lab, namespace, 0)
    assert replicas_of(lab.stored(namespace)) == 0
    kubectl_apply(lab, manifest, tmp_path)
    assert replicas_of(lab.stored(namespace)) == 2
    sent = copy.deepcopy(manifest)
    sent["spec"]["replicas"] = 0
    kubectl_apply(lab, sent, tmp_path)
    assert replicas_of(lab.stored(namespace)) == 0
    scale(lab, namespace, 4)
    assert replicas_of(lab.stored(namespace)) == 4
    assert lab.replicaset_count(namespace) == 1
