"""Values for Git: only what the manifest has, in its order, and always valid with what it says itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import yaml

from kubedoor.admission.deployment_state import state_of
from kubedoor.model.deployments import DeploymentState
from kubedoor.model.values import ControlContainer, ControlValues, Mode, WorkloadKey
from kubedoor.workloads.git_patches import GitValues, git_values, helm_values, kustomize_patch, yaml_documents
from tests.support.builders import collected, make_container, make_deployment, make_values

KEY = WorkloadKey("prod", "shop", "web")
MI = 2**20
APP = ControlContainer(collected(120), collected(256 * MI))
PROXY = ControlContainer(collected(38), collected(96 * MI), collected(2000), collected(1024 * MI))
APP_RESOURCES = {"requests": {"cpu": "120m", "memory": "256Mi"}}
PROXY_RESOURCES = {"requests": {"cpu": "38m", "memory": "96Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}}


def sidecar(name: str) -> dict[str, Any]:
    return make_container(name, restartPolicy="Always")


def seen(*containers: dict[str, Any], **pod_spec: Any) -> DeploymentState:
    return state_of(make_deployment(containers=list(containers) or None, **pod_spec))


def for_git(state: DeploymentState | None, containers: dict[str, ControlContainer], **fields: Any) -> GitValues:
    return git_values(KEY, make_values(containers=containers, **fields), state)


def patched(wanted: GitValues) -> dict[str, Any]:
    found: dict[str, Any] = kustomize_patch(wanted)["spec"]["template"]["spec"]
    return found


def test_a_sidecar_that_only_pods_have_is_left_out_and_named() -> None:
    wanted = for_git(seen(), {"app": APP, "istio-proxy": PROXY}, replicas=collected(3))
    assert kustomize_patch(wanted) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "replicas": 3,
            "template": {"spec": {"containers": [{"name": "app", "resources": APP_RESOURCES}]}},
        },
    }
    assert helm_values(wanted) == {"replicaCount": 3, "resources": APP_RESOURCES}
    assert wanted.remarks == ("istio-proxy: not in the Deployment's pod template",)


def test_native_sidecars_are_listed_after_the_init_containers_before_them() -> None:
    """Kustomize puts the containers of a patch before all others."""
    init = [make_container("migrate"), sidecar("istio-proxy"), make_container("warm-up"), sidecar("logs")]
    wanted = for_git(seen(make_container(), initContainers=init), {"app": APP, "istio-proxy": PROXY})
    assert patched(wanted) == {
        "initContainers": [{"name": "migrate"}, {"name": "istio-proxy", "resources": PROXY_RESOURCES}],
        "containers": [{"name": "app", "resources": APP_RESOURCES}],
    }


def test_containers_before_one_with_values_are_listed_too() -> None:
    three = [make_container("cache"), make_container("app"), make_container("aux")]
    assert patched(for_git(seen(*three), {"app": APP})) == {
        "containers": [{"name": "cache"}, {"name": "app", "resources": APP_RESOURCES}]
    }


def test_values_of_an_init_container_that_ends_are_not_written() -> None:
    state = seen(make_container(), initContainers=[make_container("migrate")])
    assert patched(for_git(state, {"app": APP, "migrate": PROXY})).keys() == {"containers"}


def test_several_own_containers_stand_under_their_names() -> None:
    state = seen(make_container("cache"), initContainers=[sidecar("istio-proxy")])
    assert helm_values(for_git(state, {"cache": APP, "istio-proxy": PROXY})) == {
        "cache": {"resources": APP_RESOURCES},
        "istio-proxy": {"resources": PROXY_RESOURCES},
    }
    assert helm_values(for_git(seen(make_container(), make_container("cache")), {"app": APP})) == {
        "app": {"resources": APP_RESOURCES}
    }


def test_what_nobody_has_seen_is_only_written_if_it_can_be_no_other_container() -> None:
    one = for_git(None, {"app": APP}, replicas=collected(2))
    assert (helm_values(one), one.left_out) == ({"replicaCount": 2, "resources": APP_RESOURCES}, "")
    two = for_git(None, {"app": APP, "istio-proxy": PROXY}, replicas=collected(2))
    assert (helm_values(two), kustomize_patch(two)) == ({}, {})
    assert "2 containers" in two.left_out


ASKED_CPU = ("500m", "1")


@pytest.mark.parametrize(
    ("control", "asked", "want"),
    [
        (ControlContainer(collected(2000)), ASKED_CPU, {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}),
        (ControlContainer(None, None, collected(300)), ASKED_CPU, {"requests": {"cpu": "300m"}, "limits": {"cpu": "300m"}}),
        (ControlContainer(collected(2000), None, collected(3000)), ASKED_CPU, {"requests": {"cpu": "2"}, "limits": {"cpu": "3"}}),
        (ControlContainer(collected(2000), None, collected(1500)), ASKED_CPU, {"requests": {"cpu": "1.5"}, "limits": {"cpu": "1.5"}}),
        (ControlContainer(collected(900)), ASKED_CPU, {"requests": {"cpu": "900m"}}),
        (ControlContainer(collected(5)), ("1m", "2500u"), {"requests": {"cpu": "3m"}, "limits": {"cpu": "3m"}}),
        (ControlContainer(), ASKED_CPU, {}),
    ],
)  # fmt: skip
def test_a_request_never_exceeds_the_limit_that_the_manifest_has(
    control: ControlContainer, asked: tuple[str, str], want: dict[str, Any]
) -> None:
    state = seen(make_container(requests={"cpu": asked[0]}, limits={"cpu": asked[1]}))
    assert for_git(state, {"app": control}).requirements == {"app": want}


@pytest.mark.parametrize(
    ("control", "limit", "want"),
    [
        # 1.4Gi is 1503238553.6 bytes, and is written as 1434Mi.
        (ControlContainer(None, collected(1503238554)), "1.4Gi", {"requests": "1434Mi", "limits": "1434Mi"}),
        (ControlContainer(None, collected(999_999_001)), "1G", {"requests": "1G", "limits": "1G"}),
        (
            ControlContainer(None, collected(999_999_001), None, collected(10**9)),
            "2Gi",
            {"requests": "1G", "limits": "1G"},
        ),
        (ControlContainer(None, collected(900 * MI)), "1G", {"requests": "900Mi"}),
        (ControlContainer(None, None, None, collected(2**30)), "2Gi", {"limits": "1Gi"}),
    ],
)
def test_a_request_that_is_written_rounded_up_does_not_exceed_the_limit(
    control: ControlContainer, limit: str, want: dict[str, str]
) -> None:
    state = seen(make_container(requests={"memory": "64Mi"}, limits={"memory": limit}))
    found = for_git(state, {"app": control}).requirements["app"]
    assert {kind: amounts["memory"] for kind, amounts in found.items()} == want


def test_limits_are_those_that_the_owner_asked_for_not_those_that_run() -> None:
    manifest = make_deployment(containers=[make_container(limits={"cpu": "2"})])
    manifest["metadata"]["annotations"] = {"kubedoor.io/asked": "app:limits.cpu=100m"}
    wanted = for_git(state_of(manifest), {"app": ControlContainer(collected(120))})
    assert wanted.requirements["app"]["requests"] == {"cpu": "100m"}


def test_pod_level_resources_leave_only_the_replicas() -> None:
    wanted = for_git(seen(resources={"limits": {"cpu": "2"}}), {"app": APP}, replicas=collected(3))
    assert kustomize_patch(wanted)["spec"] == {"replicas": 3}
    assert "pod-level resources" in wanted.remarks[0]


@pytest.mark.parametrize("fields", [{"mode": Mode.OFF}, {"opted_out": True}, {"owned": True}])
def test_what_the_door_does_not_patch_is_not_written(fields: dict[str, Any]) -> None:
    wanted = for_git(seen(), {"app": APP, "istio-proxy": PROXY}, replicas=collected(3), **fields)
    assert (kustomize_patch(wanted), helm_values(wanted), wanted.left_out) == ({}, {}, "")


def test_replicas_are_left_to_an_hpa_unless_the_settings_say_otherwise() -> None:
    values = make_values(replicas=collected(3), hpa=True)
    assert kustomize_patch(git_values(KEY, values, seen())) == {}
    assert kustomize_patch(git_values(KEY, values, seen(), keeps_hpa_replicas=False))["spec"] == {"replicas": 3}


def test_the_stream_begins_with_what_is_left_out() -> None:
    values: ControlValues = make_values(containers={"app": APP, "istio-proxy": PROXY})
    unseen = git_values(dataclasses.replace(KEY, deployment="cart"), values, None)
    nothing = git_values(dataclasses.replace(KEY, deployment="idle"), make_values(), None)
    text = "".join(yaml_documents([git_values(KEY, values, seen()), unseen, nothing], kustomize_patch))
    first, second = text.split("---\n")
    assert first.splitlines() == [f"# shop/cart is left out: {unseen.left_out}"]
    assert second.splitlines()[:2] == ["# shop/web", "# left out: istio-proxy: not in the Deployment's pod template"]
    assert [document["metadata"]["name"] for document in yaml.safe_load_all(text)] == ["web"]
