"""From a Deployment that the door has sized to the one that its owner asked for."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import pytest

from kubedoor.admission.deployment_state import state_of
from kubedoor.asked import ANNOTATION
from kubedoor.model.values import ControlContainer
from kubedoor.operations.planned import Refused
from kubedoor.operations.restore import asked_since, restore_mismatch, restore_patch, restored
from kubedoor.operations.rollout import RESTARTED_AT
from tests.support.builders import collected, make_container, make_deployment, make_values

SIZED = make_container(requests={"cpu": "120m", "memory": "256Mi"}, limits={"cpu": "240m"})
NO_VALUES = make_values()


def sized(asked: str, *containers: dict[str, Any], **pod_spec: Any) -> dict[str, Any]:
    manifest = make_deployment(containers=list(containers or (SIZED,)), **pod_spec)
    manifest["metadata"]["annotations"] = {ANNOTATION: asked, "team": "a"}
    return copy.deepcopy(manifest)


def resources(manifest: dict[str, Any] | None, kind: str = "containers", index: int = 0) -> Any:
    assert manifest is not None
    return manifest["spec"]["template"]["spec"][kind][index].get("resources")


RESTORED: dict[str, tuple[str, dict[str, Any]]] = {
    "other numbers": (
        "app:requests.cpu=1500m,requests.memory=1Gi,limits.cpu=2",
        {"requests": {"cpu": "1500m", "memory": "1Gi"}, "limits": {"cpu": "2"}},
    ),
    "a field that was not asked": (
        "app:requests.cpu=500m,limits.cpu=2",
        {"requests": {"cpu": "500m"}, "limits": {"cpu": "2"}},
    ),
    "a map that was not asked": ("app:requests.memory=1Gi", {"requests": {"memory": "1Gi"}}),
    "a map that the door had no value for": (
        "app:limits.memory=1Gi",
        {"limits": {"memory": "1Gi"}},
    ),
    "nothing": ("app:", {}),
    "another container": ("other:requests.cpu=1", SIZED["resources"]),
}


@pytest.mark.parametrize(("asked", "expected"), RESTORED.values(), ids=RESTORED.keys())
def test_a_container_has_exactly_what_was_asked(asked: str, expected: dict[str, Any]) -> None:
    manifest = sized(asked)
    wanted = restored(manifest)
    assert resources(wanted) == expected
    assert wanted is not None
    assert wanted["metadata"]["annotations"] == {"team": "a"}
    assert jsonpatch.apply_patch(manifest, restore_patch(manifest, wanted)) == wanted
    assert manifest == sized(asked), "the argument stays as it is"


def test_what_the_door_does_not_control_stays() -> None:
    rich = make_container(requests={"cpu": "120m", "nvidia.com/gpu": "1"}, limits={"nvidia.com/gpu": "1"})
    rich["resources"]["claims"] = [{"name": "gpu"}]
    assert resources(restored(sized("app:requests.cpu=1", rich))) == {
        **rich["resources"],
        "requests": {"cpu": "1", "nvidia.com/gpu": "1"},
    }


def test_each_container_and_native_sidecar_gets_its_own_and_a_plain_init_container_nothing() -> None:
    sidecar = make_container("proxy", requests={"cpu": "30m"}, restartPolicy="Always")
    plain = make_container("prepare", requests={"cpu": "1"})
    asked = "app:requests.cpu=1;log:;proxy:requests.cpu=50m;prepare:requests.cpu=9"
    manifest = sized(asked, SIZED, make_container("log", requests={"cpu": "9m"}), initContainers=[plain, sidecar])
    wanted = restored(manifest)
    assert resources(wanted, index=1) == {}
    assert resources(wanted, "initContainers") == {"requests": {"cpu": "1"}}
    assert resources(wanted, "initContainers", 1) == {"requests": {"cpu": "50m"}}


def test_without_the_annotation_there_is_nothing_to_give_back() -> None:
    assert restored(make_deployment(containers=[SIZED])) is None


@pytest.mark.parametrize("text", ["", "app", "app:requests.cpu=a lot", "app:;app:"])
def test_an_annotation_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        restored(sized(text))


def test_only_the_time_of_a_restart_by_kubedoor_goes() -> None:
    manifest = sized("app:requests.cpu=1")
    manifest["spec"]["template"]["metadata"]["annotations"] = {RESTARTED_AT: "2026-11-24T03:00:00+00:00"}
    fields: dict[str, Any] = {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {f"f:{RESTARTED_AT}": {}}}}}}
    for manager, is_there in (("kubectl-rollout", True), ("kubedoor", False)):
        manifest["metadata"]["managedFields"] = [{"manager": manager, "operation": "Update", "fieldsV1": fields}]
        wanted = restored(manifest)
        assert wanted is not None
        assert ("annotations" in wanted["spec"]["template"]["metadata"]) is is_there


def test_where_the_template_is_as_asked_only_the_annotation_goes() -> None:
    manifest = sized("app:requests.cpu=120m,requests.memory=256Mi,limits.cpu=240m")
    wanted = restored(manifest)
    assert wanted is not None
    assert [one["op"] for one in restore_patch(manifest, wanted)] == ["remove"]


def test_other_values_than_were_asked_for_are_named() -> None:
    wanted = restored(sized("app:requests.cpu=1"))
    assert wanted is not None
    assert restore_mismatch(wanted, wanted) == ""
    after = copy.deepcopy(wanted)
    resources(after)["requests"]["cpu"] = "2"
    assert (
        restore_mismatch(wanted, after) == "an admission sets other values than were asked for: app cpu request 1 -> 2"
    )


def test_what_the_owner_asks_for_while_the_door_does_nothing_is_kept() -> None:
    """Nobody writes the annotation then, and it names what was asked before."""
    asked = "app:requests.cpu=500m,requests.memory=1Gi"
    before = state_of(sized(asked))
    newer = make_container(requests={"cpu": "700m", "memory": "1Gi"}, limits={"cpu": "240m"})
    manifest = sized(asked, newer)
    kept = asked_since(manifest, [before], NO_VALUES)
    assert kept == {("app", "requests.cpu")}
    assert resources(restored(manifest, kept=kept)) == {"requests": {"cpu": "700m", "memory": "1Gi"}}
    assert asked_since(sized(asked), [before], NO_VALUES) == frozenset(), "the door has set all of it"
    assert asked_since(manifest, [], NO_VALUES) == frozenset(), "nothing is known about what the door has set"
    values = make_values(containers={"app": ControlContainer(cpu_request_millicores=collected(700))})
    assert asked_since(manifest, [before], values) == frozenset(), "the door would set it"
