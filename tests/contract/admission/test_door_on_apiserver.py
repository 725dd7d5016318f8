"""What the API server stores, and what restarts, when people and controllers change Deployments with control on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.native.parameters import MAX_CONTAINERS
from kubedoor.admission.rules import CONTROL_LABEL, HPA_USER
from kubedoor.admission.switch import BOTH, NATIVE, WEBHOOK
from kubedoor.model.collected import CollectedContainer, CollectedValues
from kubedoor.model.conditions import CPU_REQUEST, REPLICAS, ConditionType
from kubedoor.model.values import Mode
from tests.contract.lab import Lab, amounts, asks, new_image, replicas_of, resources_of
from tests.support.builders import DAY, make_condition, make_container, make_deployment
from tests.toolbox.metrics_api import MetricsApi

DOORS = (WEBHOOK, NATIVE, BOTH)
TELLING = pytest.mark.doors(WEBHOOK, BOTH)
"""Of a test about nothing but warnings, records or the audit log: policies have none."""
SIZED = {"requests": {"cpu": "120m", "memory": "256Mi"}}
ASKED = {"requests": {"cpu": "500m", "memory": "1Gi"}}
APP = amounts("120m", "256Mi")


@pytest.fixture
def web(lab: Lab, namespace: str) -> str:
    """The namespace of a Deployment `web` that the door has sized: 3 replicas, 120m and 256Mi."""
    lab.set_values(namespace, app=APP)
    lab.create(namespace, replicas=10, containers=[asks("500m", "1Gi")])
    return namespace


def test_create_stores_replicas_and_requests(lab: Lab, web: str) -> None:
    stored = lab.stored(web)
    assert replicas_of(stored) == 3
    assert resources_of(stored) == SIZED
    lab.plane.wait_for(lambda: lab.stored(web)["status"].get("readyReplicas") == 3, what="three pods are ready")


@TELLING
def test_create_warns_and_is_recorded(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, app=APP)
    said = lab.apply(namespace, replicas=10, containers=[asks("500m", "1Gi")])
    assert "Warning: KubeDoor: replicas 10 -> 3 (set in KubeDoor)" in said
    assert "Warning: KubeDoor: app requests: cpu 500m -> 120m, memory 1Gi -> 256Mi (set in KubeDoor)" in said
    (row,) = lab.wait_for_admissions(namespace, 1)
    assert (row["operation"], row["outcome"], row["username"]) == ("CREATE", "patched", "admin")
    assert row["before"]["replicas"] == "10"
    assert row["after"]["replicas"] == "3"


def test_collected_values_are_enforced_too(lab: Lab, namespace: str) -> None:
    rows = lab.client.call("GET", "/workloads?sort=name&page_size=1")["items"]
    name, in_namespace = rows[0]["deployment"], rows[0]["namespace"]
    lab.plane.kubectl("create", "namespace", in_namespace, check=False)
    lab.wait_for_door()
    container = rows[0]["containers"][0]
    stored = lab.create(in_namespace, name, replicas=77, containers=[make_container(container["container"])])
    assert replicas_of(stored) == rows[0]["replicas"]
    assert set(resources_of(stored, container["container"])["requests"]) == {"cpu", "memory"}


def test_a_withheld_request_stays_as_the_owner_wrote_it_until_somebody_accepts(lab: Lab, namespace: str) -> None:
    short = make_condition(ConditionType.SHORT_HISTORY, CPU_REQUEST, REPLICAS)
    app = CollectedContainer("app", amounts("120m", "256Mi"))
    lab.add_collected(CollectedValues(namespace, "web", 3, DAY, DAY, (app,), days=1, conditions=(short,)))
    said = lab.apply(namespace, replicas=10, containers=[asks("500m", "1Gi")])
    line = "replicas left at 10, cpu request of app at 500m (withheld: ShortHistory)"
    assert lab.is_told(said, line)
    assert "not in the control table" not in said
    stored = lab.stored(namespace)
    assert (replicas_of(stored), resources_of(stored)) == (10, {"requests": {"cpu": "500m", "memory": "256Mi"}})
    if lab.tells:
        (row,) = lab.wait_for_admissions(namespace, 1)
        assert f"KubeDoor: {line}" in row["warnings"]
    assert lab.is_told(lab.kubectl(namespace, "scale", "deployment/web", "--replicas=8"), "replicas left at 8")
    assert replicas_of(lab.stored(namespace)) == 8
    workload = {"namespace": namespace, "deployment": "web"}
    accepted = lab.client.call("POST", "/acceptances", {"workloads": [workload], "note": "seen"})["accepted"]
    assert accepted == [{**workload, "conditions": ["ShortHistory"]}]

    def is_accepted() -> bool:
        lab.kubectl(namespace, "scale", "deployment/web", "--replicas=9")
        return replicas_of(lab.stored(namespace)) == 3

    lab.plane.wait_for(is_accepted, what="the door has read the acceptance")
    lab.kubectl(namespace, "rollout", "restart", "deployment/web")
    stored = lab.stored(namespace)
    assert (replicas_of(stored), resources_of(stored)) == (3, SIZED)


def test_scale_is_answered_with_the_control_value(lab: Lab, web: str) -> None:
    said = lab.kubectl(web, "scale", "deployment/web", "--replicas=10")
    assert lab.is_told(said, "replicas 10 -> 3 (set in KubeDoor)")
    assert replicas_of(lab.stored(web)) == 3
    assert lab.replicaset_count(web) == 1


def test_scale_to_zero_gets_the_control_value(lab: Lab, web: str) -> None:
    lab.kubectl(web, "scale", "deployment/web", "--replicas=0")
    assert replicas_of(lab.stored(web)) == 3


def test_zero_set_by_hand_is_stored(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, replicas=0, app=APP)
    assert replicas_of(lab.create(namespace, replicas=4)) == 0


def test_three_hundred_replicas(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, replicas=300, app=APP)
    lab.create(namespace, replicas=1)
    assert replicas_of(lab.stored(namespace)) == 300
    if lab.tells:
        assert lab.wait_for_admissions(namespace, 1)[0]["after"]["replicas"] == "300"


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("merge", {"spec": {"replicas": 9}}),
        ("strategic", {"spec": {"replicas": 9}}),
        ("json", [{"op": "replace", "path": "/spec/replicas", "value": 9}]),
    ],
)
def test_a_patch_of_replicas_sets_replicas_only(lab: Lab, namespace: str, kind: str, patch: Any) -> None:
    lab.create(namespace, replicas=2, containers=[asks("500m", "1Gi")])
    lab.set_values(namespace, app=APP)
    lab.kubectl(namespace, "patch", "deployment", "web", f"--type={kind}", "-p", json.dumps(patch))
    stored = lab.stored(namespace)
    assert replicas_of(stored) == 3
    assert resources_of(stored) == ASKED
    assert lab.replicaset_count(namespace) == 1


def test_set_image_is_one_restart_with_everything_set(lab: Lab, namespace: str) -> None:
    lab.create(namespace, replicas=2, containers=[asks("500m", "1Gi")])
    lab.set_values(namespace, app=APP)
    image = new_image()
    lab.kubectl(namespace, "set", "image", "deployment/web", f"app={image}")
    stored = lab.stored(namespace)
    assert stored["spec"]["template"]["spec"]["containers"][0]["image"] == image
    assert (replicas_of(stored), resources_of(stored)) == (3, SIZED)
    assert lab.replicaset_count(namespace) == 2


def test_rollout_restart_is_one_restart(lab: Lab, namespace: str) -> None:
    lab.create(namespace, replicas=2, containers=[asks("500m", "1Gi")])
    lab.set_values(namespace, app=APP)
    lab.kubectl(namespace, "rollout", "restart", "deployment/web")
    stored = lab.stored(namespace)
    assert (replicas_of(stored), resources_of(stored)) == (3, SIZED)
    assert "kubectl.kubernetes.io/restartedAt" in stored["spec"]["template"]["metadata"]["annotations"]
    assert lab.replicaset_count(namespace) == 2


def test_rollout_undo_keeps_the_control_values(lab: Lab, web: str) -> None:
    before = lab.stored(web)["spec"]["template"]["spec"]["containers"][0]["image"]
    lab.kubectl(web, "set", "image", "deployment/web", f"app={new_image()}")
    lab.settle(web)
    lab.kubectl(web, "rollout", "undo", "deployment/web")
    stored = lab.stored(web)
    assert stored["spec"]["template"]["spec"]["containers"][0]["image"] == before
    assert resources_of(stored) == SIZED
    assert lab.replicaset_count(web) == 2, "undo goes back to the first ReplicaSet"


@pytest.mark.parametrize("words", [(), ("--server-side", "--force-conflicts")], ids=["client-side", "server-side"])
def test_applying_the_same_manifest_twice_restarts_nothing(lab: Lab, namespace: str, words: tuple[str, ...]) -> None:
    lab.set_values(namespace, app=APP)
    for _ in range(2):
        lab.apply(namespace, *words, replicas=10, containers=[asks("500m", "1Gi")])
        lab.settle(namespace)
    stored = lab.stored(namespace)
    assert (replicas_of(stored), resources_of(stored)) == (3, SIZED)
    assert lab.replicaset_count(namespace) == 1
    assert stored["metadata"]["generation"] == 1


@pytest.mark.parametrize("words", [(), ("--server-side", "--force-conflicts")], ids=["client-side", "server-side"])
def test_applying_a_new_image_restarts_once(lab: Lab, namespace: str, words: tuple[str, ...]) -> None:
    lab.set_values(namespace, app=APP)
    lab.apply(namespace, *words, replicas=10, containers=[asks("500m", "1Gi")])
    lab.settle(namespace)
    lab.apply(namespace, *words, replicas=10, containers=[asks("500m", "1Gi", image=new_image())])
    stored = lab.stored(namespace)
    assert (replicas_of(stored), resources_of(stored)) == (3, SIZED)
    assert lab.replicaset_count(namespace) == 2


def test_editing_a_label_changes_nothing_else(lab: Lab, namespace: str) -> None:
    before = lab.create(namespace, replicas=2, containers=[asks("500m", "1Gi")])
    lab.set_values(namespace, app=APP)
    said = lab.kubectl(namespace, "label", "deployment", "web", "team=a")
    stored = lab.stored(namespace)
    assert "KubeDoor" not in said
    assert stored["spec"] == before["spec"]
    assert stored["metadata"]["labels"]["team"] == "a"
    assert lab.replicaset_count(namespace) == 1
    lab.settle_admissions()
    found = {row["operation"] for row in lab.admissions(namespace)}
    assert found == ({"CREATE"} if lab.tells else set()), "an edit of a label leaves no row"


def test_kubectl_edit_of_a_label_changes_nothing_else(
    lab: Lab, web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\nsed -i \'s/^    app: web$/    app: web\\n    edited: "yes"/\' "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("KUBE_EDITOR", str(editor))
    before = lab.stored(web)
    assert "edited" in lab.kubectl(web, "edit", "deployment", "web")
    stored = lab.stored(web)
    assert stored["metadata"]["labels"]["edited"] == "yes"
    assert stored["spec"] == before["spec"]
    assert lab.replicaset_count(web) == 1


def test_an_annotation_on_the_template_is_a_restart(lab: Lab, namespace: str) -> None:
    lab.create(namespace, replicas=2, containers=[asks("500m", "1Gi")])
    lab.set_values(namespace, app=APP)
    patch = {"spec": {"template": {"metadata": {"annotations": {"config": "2"}}}}}
    lab.kubectl(namespace, "patch", "deployment", "web", "-p", json.dumps(patch))
    stored = lab.stored(namespace)
    assert (replicas_of(stored), resources_of(stored)) == (3, SIZED)
    assert lab.replicaset_count(namespace) == 2


def test_set_resources_is_answered_without_a_restart(lab: Lab, web: str) -> None:
    lab.kubectl(web, "set", "resources", "deployment/web", "--requests=cpu=2,memory=4Gi")
    assert resources_of(lab.stored(web)) == SIZED
    assert lab.replicaset_count(web) == 1


def test_limits_are_set_where_they_are_known(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, app=amounts("120m", "256Mi", cpu_limit="1", memory_limit="512Mi"))
    limits = {"cpu": "4", "memory": "8Gi"}
    stored = lab.create(namespace, containers=[make_container(requests={"cpu": "2"}, limits=limits)])
    assert resources_of(stored) == {**SIZED, "limits": {"cpu": "1", "memory": "512Mi"}}


SHAPES = {
    "no resources": ([make_container()], {"app": SIZED}),
    "only limits": (
        [make_container(limits={"cpu": "1", "memory": "1Gi"})],
        {"app": {**SIZED, "limits": {"cpu": "1", "memory": "1Gi"}}},
    ),
    "a request above its limit": (
        [make_container(limits={"cpu": "100m"})],
        {"app": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "100m"}}},
    ),
    "two containers, one known": ([make_container("other"), make_container()], {"app": SIZED, "other": {}}),
    "extended resources": (
        [make_container(limits={"example.com/gpu": "1"}, requests={"example.com/gpu": "1"})],
        {
            "app": {
                "limits": {"example.com/gpu": "1"},
                "requests": {"example.com/gpu": "1", "cpu": "120m", "memory": "256Mi"},
            }
        },
    ),
}


@pytest.mark.parametrize(("containers", "want"), SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_of_container_is_stored_right(
    lab: Lab, namespace: str, containers: list[dict[str, Any]], want: dict[str, Any]
) -> None:
    lab.set_values(namespace, app=APP)
    stored = lab.create(namespace, containers=containers)
    assert {name: resources_of(stored, name) for name in want} == want


def test_native_sidecars_are_set_and_init_containers_are_not(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, app=APP, init=APP, sidecar=APP)
    stored = lab.create(
        namespace, initContainers=[make_container("init"), make_container("sidecar", restartPolicy="Always")]
    )
    assert resources_of(stored, "sidecar", kind="initContainers") == SIZED
    assert resources_of(stored, "init", kind="initContainers") == {}


def test_a_workload_that_is_too_large_for_policies_is_the_webhooks(lab: Lab, namespace: str) -> None:
    names = [f"c{number:03d}" for number in range(MAX_CONTAINERS + 1)]
    containers: dict[str, Any] = dict.fromkeys(names, APP)
    lab.set_values(namespace, replicas=3, **containers)
    stored = lab.create(namespace, replicas=0, containers=[make_container(name) for name in names])
    found = replicas_of(stored), {json.dumps(resources_of(stored, name), sort_keys=True) for name in names}
    assert found == ((3, {json.dumps(SIZED)}) if lab.tells else (0, {"{}"}))


def test_owned_deployments_are_left_alone(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, app=APP)
    stored = lab.create(namespace, replicas=2, owner="revision-1")
    assert (replicas_of(stored), resources_of(stored)) == (2, {})
    lab.learn()
    lab.kubectl(namespace, "scale", "deployment/web", "--replicas=5")
    assert replicas_of(lab.stored(namespace)) == 5, "an owner is remembered for the Scale that does not show it"


def test_opted_out_deployments_are_left_alone(lab: Lab, web: str) -> None:
    lab.kubectl(web, "label", "deployment", "web", f"{CONTROL_LABEL}=off")
    lab.learn()
    lab.kubectl(web, "scale", "deployment/web", "--replicas=6")
    assert replicas_of(lab.stored(web)) == 6
    lab.kubectl(web, "label", "deployment", "web", f"{CONTROL_LABEL}-")
    lab.learn()
    lab.kubectl(web, "scale", "deployment/web", "--replicas=7")
    assert replicas_of(lab.stored(web)) == 3, "opting in again counts at once"


@pytest.mark.parametrize("label", ["kubedoor-ignore", "control-plane"])
def test_labelled_namespaces_are_left_alone(lab: Lab, namespace: str, label: str) -> None:
    lab.plane.kubectl("label", "namespace", namespace, f"{label}=true")
    lab.set_values(namespace, app=APP)
    stored = lab.create(namespace, replicas=8)
    assert (replicas_of(stored), resources_of(stored)) == (8, {})
    lab.settle_admissions()
    assert lab.admissions(namespace) == []


def test_excluded_namespaces_are_left_alone(lab: Lab) -> None:
    lab.set_values("kube-system", "excluded", app=APP)
    try:
        assert replicas_of(lab.create("kube-system", "excluded", replicas=2)) == 2
    finally:
        lab.kubectl("kube-system", "delete", "deployment", "excluded")


def test_mode_observe_says_and_records_but_patches_nothing(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, mode=Mode.OBSERVE, app=APP)
    said = lab.apply(namespace, replicas=10)
    assert lab.is_told(said, "would set replicas 10 -> 3")
    assert replicas_of(lab.stored(namespace)) == 10
    if lab.tells:
        (row,) = lab.wait_for_admissions(namespace, 1)
        assert (row["outcome"], row["after"]["replicas"]) == ("observed", "3")


def test_mode_off_is_silent(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, mode=Mode.OFF, app=APP)
    assert "KubeDoor" not in lab.apply(namespace, replicas=10)
    assert replicas_of(lab.stored(namespace)) == 10


def test_an_unknown_deployment_is_allowed_with_a_warning(lab: Lab, namespace: str) -> None:
    said = lab.apply(namespace, replicas=4)
    assert lab.is_told(said, f"{namespace}/web is not in the control table, left as it is")
    assert replicas_of(lab.stored(namespace)) == 4


def test_a_dry_run_shows_the_patch_and_leaves_no_row(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, app=APP)
    manifest = json.dumps(make_deployment(namespace=namespace, replicas=10))
    shown = json.loads(
        lab.plane.kubectl("create", "-f", "-", "--dry-run=server", "-o", "json", "-n", namespace, input=manifest).stdout
    )
    assert (replicas_of(shown), resources_of(shown)) == (3, SIZED)
    lab.settle_admissions()
    assert lab.admissions(namespace) == []


def test_an_hpa_scales_and_the_door_lets_it(lab: Lab, web: str, metrics_api: MetricsApi) -> None:
    metrics_api.use(web, 110)
    lab.kubectl(web, "autoscale", "deployment", "web", "--cpu=50%", "--min=1", "--max=6")
    lab.plane.wait_for(lambda: replicas_of(lab.stored(web)) == 6, 60, what="the HPA has scaled to 6")
    if lab.tells:
        lab.plane.wait_for(
            lambda: HPA_USER in {row["username"] for row in lab.admissions(web)}, what="its scale is recorded"
        )
    lab.learn()
    lab.apply(web, replicas=2, containers=[asks("500m", "1Gi", image=new_image())])
    stored = lab.stored(web)
    assert (replicas_of(stored), resources_of(stored)) == (6, SIZED), "a release keeps what the HPA has set"


def test_a_namespace_that_is_deleted_mid_way_is_no_trouble(lab: Lab, web: str) -> None:
    lab.kubectl(web, "delete", "namespace", web, "--wait=false")
    lab.kubectl(web, "scale", "deployment/web", "--replicas=10", check=False)
    lab.plane.wait_for(
        lambda: lab.plane.kubectl("get", "namespace", web, check=False).returncode != 0,
        60,
        what="the namespace is gone",
    )
    assert lab.kubedoor.child.is_running


@TELLING
def test_the_audit_log_carries_the_decision(lab: Lab, web: str) -> None:
    lab.kubectl(web, "scale", "deployment/web", "--replicas=10")

    def annotations() -> dict[str, str]:
        found: dict[str, str] = {}
        for event in lab.plane.audit_events():
            if event.get("objectRef", {}).get("namespace") == web and event["objectRef"].get("subresource") == "scale":
                found |= event.get("annotations", {})
        return found

    lab.plane.wait_for(lambda: "deployments.kubedoor.io/decision" in annotations(), what="the audit event is written")
    assert annotations()["deployments.kubedoor.io/changes"] == "deployment replicas 10 -> 3"


def test_a_limit_that_is_no_whole_number_of_bytes_takes_the_request_down_with_it(lab: Lab, namespace: str) -> None:
    cut = {"limits": {"memory": "107374182400m"}, "requests": {"cpu": "120m", "memory": "107374182"}}
    other = {"limits": {"memory": "107374184"}, "requests": {"cpu": "120m", "memory": "107374184"}}
    # The metrics have the limit in whole bytes, so that is what was collected: the same limit, and no change.
    for name, limit, expected in (("web", "", cut), ("api", "107374183", cut), ("cart", "107374184", other)):
        lab.set_values(namespace, name, app=amounts("120m", "200Mi", memory_limit=limit))
        stored = lab.create(namespace, name, containers=[make_container(limits={"memory": "0.1Gi"})])
        assert resources_of(stored) == expected


def test_another_spelling_of_a_volumes_size_is_no_restart(lab: Lab, namespace: str) -> None:
    volumes = [{"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}}]
    before = lab.create(namespace, replicas=2, containers=[asks("500m", "1Gi")], volumes=volumes)
    lab.set_values(namespace, app=APP)
    patch = [{"op": "replace", "path": "/spec/template/spec/volumes/0/emptyDir/sizeLimit", "value": "1073741824"}]
    lab.kubectl(namespace, "patch", "deployment", "web", "--type=json", "-p", json.dumps(patch))
    lab.settle(namespace)
    stored = lab.stored(namespace)
    assert stored["spec"]["template"]["spec"]["volumes"][0]["emptyDir"] == {"sizeLimit": "1073741824"}
    assert (resources_of(stored), stored["metadata"]["generation"]) == (ASKED, before["metadata"]["generation"])
    assert lab.replicaset_count(namespace) == 1


@TELLING
def test_a_generated_name_is_on_record_by_its_beginning(lab: Lab, namespace: str) -> None:
    manifest = make_deployment(namespace=namespace)
    del manifest["metadata"]["name"]
    manifest["metadata"]["generateName"] = "web-"
    said = lab.plane.kubectl("create", "-f", "-", "-n", namespace, input=json.dumps(manifest)).stderr
    assert f"Warning: KubeDoor: {namespace}/web-* is not in the control table, left as it is" in said
    (row,) = lab.wait_for_admissions(namespace, 1)
    assert (row["deployment"], row["outcome"]) == ("web-*", "unknown")


@pytest.mark.parametrize(
    ("found", "stored", "said"),
    [
        pytest.param(
            {"requests": {"memory": "256Mi"}, "limits": {"cpu": "0", "memory": "512Mi"}},
            {"requests": {"cpu": "230m", "memory": "300Mi"}, "limits": {"memory": "512Mi"}},
            "cpu limit 0 of app taken out",
            id="a limit of 0",
        ),
        pytest.param(
            {"limits": {"cpu": "1", "memory": "400m"}},
            {"requests": {"cpu": "230m"}, "limits": {"cpu": "1", "memory": "400m"}},
            "memory of app left alone: its limit 400m",
            id="a limit that was meant otherwise",
        ),
        pytest.param(
            {"requests": {"cpu": "100m"}, "limits": {"memory": "9E"}},
            {"requests": {"cpu": "230m", "memory": "300Mi"}, "limits": {"memory": "9E"}},
            "cpu 100m -> 230m",
            id="a limit beyond all memory",
        ),
        pytest.param(
            {"requests": {"memory": "128974848000m"}, "limits": {"memory": "10Ei"}},
            {"requests": {"cpu": "230m", "memory": "300Mi"}, "limits": {"memory": "9223372036854775807"}},
            "memory 128974848 -> 300Mi",
            id="quantities that the API server rounds",
        ),
    ],
)
def test_odd_quantities_get_valid_values(
    lab: Lab, namespace: str, found: dict[str, Any], stored: dict[str, Any], said: str
) -> None:
    lab.set_values(namespace, replicas=1, app=amounts("230m", "300Mi"))
    warned = lab.apply(namespace, replicas=1, containers=[make_container(**found)])
    assert said in warned or not lab.tells, warned
    assert resources_of(lab.stored(namespace)) == stored
    again = lab.apply(namespace, replicas=1, containers=[make_container(**found)])
    assert resources_of(lab.stored(namespace)) == stored, again
    assert lab.replicaset_count(namespace) == 1


def test_what_an_operator_owns_without_being_its_controller_is_left_alone(lab: Lab, namespace: str) -> None:
    """As OLM and Strimzi make Deployments."""
    lab.set_values(namespace, replicas=5, app=amounts("230m"))
    lab.plane.kubectl("-n", namespace, "create", "configmap", "kafka")
    uid = lab.plane.get("configmap", "kafka", namespace)["metadata"]["uid"]
    manifest = make_deployment(namespace=namespace, replicas=1)
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "kafka", "uid": uid, "controller": False}
    manifest["metadata"]["ownerReferences"] = [owner]
    lab.plane.apply(manifest)
    lab.learn()
    lab.kubectl(namespace, "scale", "deployment", "web", "--replicas", "2")
    assert replicas_of(lab.stored(namespace)) == 2
    assert resources_of(lab.stored(namespace)) == {}
