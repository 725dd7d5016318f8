"""Unchanged manifests and new wishes, field by field, with the door as it decides: what is stored after each request."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubedoor.admission.asked import MAX_ANNOTATIONS_BYTES
from kubedoor.admission.decision import Decision, Outcome
from kubedoor.admission.due import replicas_of
from kubedoor.admission.rules import Rules, decide, due_of_request, needs_values, without_values
from kubedoor.asked import ANNOTATION, FIELDS, requirements
from kubedoor.control_values import UNKNOWN
from kubedoor.model.values import ControlContainer, ControlValues, Mode, Value
from kubedoor.sentences import NOTHING
from tests.support.builders import collected, make_container, make_deployment, make_request, make_values

MI = 2**20
RULES = Rules()
KEPT = "KubeDoor: unchanged manifest, requests and limits stay as they run"


def values(cpu: int = 120, memory: int = 256, replicas: int | None = 3, **more: Any) -> ControlValues:
    app = ControlContainer(cpu_request_millicores=collected(cpu), memory_request_bytes=collected(memory * MI))
    return make_values(replicas=collected(replicas) if replicas else None, containers={"app": app}, **more)


def manifest(cpu: str = "500m", memory: str = "512Mi", **fields: Any) -> dict[str, Any]:
    """As an owner keeps it in Git."""
    return make_deployment(
        containers=[make_container(requests={"cpu": cpu, "memory": memory}, limits={"cpu": "1"})], **fields
    )


@dataclass
class Stored:
    """A Deployment behind the door."""

    object: dict[str, Any] = field(default_factory=dict)
    rollouts: int = 0
    decision: Decision = field(default_factory=lambda: Decision(Outcome.IGNORED, NOTHING))

    def put(self, sent: dict[str, Any], control: ControlValues, rules: Rules = RULES) -> Stored:
        """`kubectl replace`: the object is what was sent."""
        request = make_request(copy.deepcopy(sent), self.object or None)
        self.decision = decide(request, control, rules)
        after = jsonpatch.apply_patch(request.object, list(self.decision.patch))
        again = decide(request._replace(object=after), control, rules)
        assert again.patch == (), "idempotent"
        if self.object and after["spec"]["template"] != self.object["spec"]["template"]:
            self.rollouts += 1
        self.object = after
        return self

    def apply(self, sent: dict[str, Any], control: ControlValues, rules: Rules = RULES) -> Stored:
        """As a patch: annotations stay."""
        annotations = self.object.get("metadata", {}).get("annotations")
        merged = copy.deepcopy(sent)
        if annotations:
            merged["metadata"]["annotations"] = {**annotations, **sent["metadata"].get("annotations", {})}
        return self.put(merged, control, rules)

    @property
    def asked(self) -> str | None:
        found: str | None = self.object["metadata"].get("annotations", {}).get(ANNOTATION)
        return found

    @property
    def runs(self) -> Mapping[str, str]:
        return requirements(self.object)["app"]


def released() -> Stored:
    return Stored().put(manifest(), values())


def test_a_creation_remembers_what_was_asked() -> None:
    stored = released()
    assert stored.asked == "app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1"
    assert stored.runs == {"requests.cpu": "120m", "requests.memory": "256Mi", "limits.cpu": "1"}


@pytest.mark.parametrize("way", ["put", "apply"])
def test_an_unchanged_manifest_changes_nothing_whatever_the_control_values_are(way: str) -> None:
    stored = released()
    before = copy.deepcopy(stored.object)
    for control in (values(), values(cpu=130), values(cpu=70, memory=900), values(memory=100)):
        for _ in range(2):
            getattr(stored, way)(manifest(replicas=3), control)
            assert stored.object == before
            assert (stored.decision.outcome, stored.decision.reason) == (Outcome.UNCHANGED, "unchanged manifest")
            assert stored.decision.warnings == (KEPT,)
    assert stored.rollouts == 0


def test_an_unchanged_manifest_gets_the_control_value_of_replicas_without_a_restart() -> None:
    stored = released().put(manifest(replicas=10), values(cpu=130, replicas=5))
    assert (replicas_of(stored.object), stored.rollouts, stored.runs["requests.cpu"]) == (5, 0, "120m")
    assert stored.decision.outcome is Outcome.PATCHED
    assert KEPT in stored.decision.warnings


def test_the_setting_restart_makes_it_a_restart_as_before() -> None:
    stored = released().apply(manifest(replicas=3), values(cpu=130), Rules(keep_unchanged_manifests=False))
    assert (stored.rollouts, stored.runs["requests.cpu"]) == (1, "130m")
    assert stored.asked == "app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1"


def test_a_new_wish_is_a_restart_and_is_remembered() -> None:
    stored = released().apply(manifest(cpu="600m"), values(cpu=130))
    assert stored.asked == "app:requests.cpu=600m,requests.memory=512Mi,limits.cpu=1"
    assert (stored.runs["requests.cpu"], stored.rollouts) == ("130m", 1)


def test_a_new_release_takes_the_control_values_of_now() -> None:
    changed = make_deployment(
        containers=[
            make_container(
                image="registry.test/app:2", requests={"cpu": "500m", "memory": "512Mi"}, limits={"cpu": "1"}
            )
        ]
    )
    stored = released().put(changed, values(cpu=130))
    assert stored.runs["requests.cpu"] == "130m"
    assert stored.asked == "app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1"


def test_a_restart_that_speaks_of_no_number_keeps_what_was_asked() -> None:
    stored = released()
    live = copy.deepcopy(stored.object)
    live["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}
    stored.put(live, values(cpu=130))
    assert stored.asked == "app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1"
    assert (stored.runs["requests.cpu"], stored.rollouts) == ("130m", 1)


def test_removed_resources_are_a_new_wish() -> None:
    stored = released().put(make_deployment(), values())
    assert stored.asked == "app:"
    assert stored.runs == {"requests.cpu": "120m", "requests.memory": "256Mi"}


def test_a_field_that_was_never_asked_and_arrives_absent_is_unchanged() -> None:
    bare = make_deployment(replicas=3)
    stored = Stored().put(bare, values())
    assert stored.asked == "app:"
    before = copy.deepcopy(stored.object)
    assert stored.put(bare, values(cpu=130)).object == before


def test_the_spelling_of_what_runs_and_of_what_was_asked_does_not_matter() -> None:
    stored = released()
    before = copy.deepcopy(stored.object)
    assert stored.put(manifest(cpu="0.5", memory="536870912", replicas=3), values(cpu=130)).object == before


def test_other_resources_of_a_container_count_as_other_differences() -> None:
    stored = released()
    with_gpu = manifest(replicas=3)
    with_gpu["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] = "1"
    stored.put(with_gpu, values(cpu=130))
    assert (stored.rollouts, stored.runs["requests.cpu"]) == (1, "130m")
    before = copy.deepcopy(stored.object)
    assert stored.put(with_gpu, values(cpu=140)).object == before, "and are kept afterwards"


def test_claims_of_a_container_are_kept_and_count_as_other_differences() -> None:
    def claiming(name: str) -> dict[str, Any]:
        sent = manifest(replicas=3)
        sent["spec"]["template"]["spec"]["containers"][0]["resources"]["claims"] = [{"name": name}]
        return sent

    stored = Stored().put(claiming("gpu"), values())
    before = copy.deepcopy(stored.object)
    assert stored.put(claiming("gpu"), values(cpu=130)).object == before
    assert stored.put(claiming("nic"), values(cpu=130)).rollouts == 1


def test_the_annotation_goes_when_nothing_of_the_doors_is_left() -> None:
    stored = released().apply(manifest(cpu="700m"), values(replicas=None, mode=Mode.ENFORCE, cpu=700, memory=512))
    assert stored.runs == {"requests.cpu": "700m", "requests.memory": "512Mi", "limits.cpu": "1"}
    assert stored.asked == "app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1", "it may be the door's own number"
    stored = released().put(manifest(cpu="700m"), values(replicas=None, cpu=700, memory=512))
    assert stored.asked is None


def test_a_container_that_is_added_or_renamed_asks_anew() -> None:
    proxy = make_container("proxy", requests={"cpu": "50m"})
    both = make_deployment(containers=[*manifest()["spec"]["template"]["spec"]["containers"], proxy], replicas=3)
    stored = released().put(both, values(cpu=130))
    assert stored.asked == "app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1;proxy:requests.cpu=50m"
    assert requirements(stored.object)["proxy"] == {"requests.cpu": "50m"}, "no control value: left alone"
    before = copy.deepcopy(stored.object)
    assert stored.put(both, values(cpu=140)).object == before
    renamed = copy.deepcopy(both)
    renamed["spec"]["template"]["spec"]["containers"][1]["name"] = "envoy"
    assert str(stored.put(renamed, values(cpu=140)).asked).endswith(";envoy:requests.cpu=50m")


def test_a_new_wish_of_an_unknown_container_is_stored_as_it_is() -> None:
    proxy = make_container("proxy", requests={"cpu": "50m"})
    both = make_deployment(containers=[*manifest()["spec"]["template"]["spec"]["containers"], proxy], replicas=3)
    stored = Stored().put(both, values())
    both["spec"]["template"]["spec"]["containers"][1]["resources"]["requests"]["cpu"] = "60m"
    stored.put(both, values(cpu=130))
    assert requirements(stored.object)["proxy"] == {"requests.cpu": "60m"}
    assert stored.runs["requests.cpu"] == "130m"


@pytest.mark.parametrize("edited", [None, "", "nonsense"])
def test_a_person_who_drops_the_annotation_or_breaks_it_gets_it_back(edited: str | None) -> None:
    stored = released()
    before = copy.deepcopy(stored.object)
    live = copy.deepcopy(stored.object)
    live["metadata"]["annotations"] = {} if edited is None else {ANNOTATION: edited}
    assert stored.put(live, values(cpu=130)).object == before
    assert stored.decision.reason == "the annotation of what was asked was put back"


def test_a_person_who_edits_the_annotation_readably_says_what_was_asked() -> None:
    stored = released()
    live = copy.deepcopy(stored.object)
    live["metadata"]["annotations"][ANNOTATION] = "app:requests.cpu=700m,requests.memory=512Mi,limits.cpu=1"
    assert stored.put(live, values(cpu=130)).object == live
    stored.apply(manifest(replicas=3), values(cpu=130))
    assert (stored.rollouts, stored.asked) == (1, "app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1")


def test_a_manifest_that_was_exported_with_its_annotation_settles() -> None:
    """It sends the door's old numbers with what was asked when they were set, night after night."""
    stored = released()
    exported = copy.deepcopy(stored.object)
    for one in (exported, stored.object):
        one["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.test/app:2"
    stored.put(manifest(cpu="600m"), values(cpu=130))
    stored.put(exported, values(cpu=130)).rollouts = 0
    for night in range(6):
        stored.apply(exported, values(cpu=140 + night))
    assert stored.rollouts <= 1
    assert stored.put(exported, values(cpu=90)).rollouts <= 1


def test_a_manifest_with_an_annotation_of_its_own_is_an_unchanged_one() -> None:
    stored = released()
    before = copy.deepcopy(stored.object)
    copied = manifest(replicas=3)
    copied["metadata"]["annotations"] = {ANNOTATION: "app:requests.cpu=9"}
    for night in range(3):
        assert stored.put(copied, values(cpu=130 + night)).object == before


def test_an_annotation_that_was_edited_while_the_door_was_off_costs_one_rollout() -> None:
    stored = released()
    stored.object["metadata"]["annotations"][ANNOTATION] = "nonsense"
    stored.apply(manifest(replicas=3), values(cpu=130))
    assert (stored.rollouts, stored.asked) == (1, "app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1")
    assert stored.apply(manifest(replicas=3), values(cpu=140)).rollouts == 1


def test_an_annotation_that_comes_along_on_a_creation_is_not_believed() -> None:
    copied = manifest()
    copied["metadata"]["annotations"] = {ANNOTATION: "app:requests.cpu=9"}
    assert Stored().put(copied, values()).asked == "app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1"


def test_an_undo_across_a_sizing_gets_the_control_values_of_now() -> None:
    first = manifest()
    stored = Stored().put(first, values(mode=Mode.OFF))
    assert stored.asked is None
    second = copy.deepcopy(first)
    second["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.test/app:2"
    stored.put(second, values())
    undone = copy.deepcopy(stored.object)
    undone["spec"]["template"] = copy.deepcopy(first["spec"]["template"])
    stored.put(undone, values(cpu=130))
    assert stored.runs["requests.cpu"] == "130m"
    assert stored.asked == "app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1"


def test_an_undo_brings_the_annotation_of_its_revision_along() -> None:
    """As kubectl does it: the template and the annotations of the ReplicaSet."""
    stored = released()
    first = copy.deepcopy(stored.object)
    second = manifest(cpu="600m")
    second["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.test/app:2"
    stored.put(second, values(cpu=130))
    undone = copy.deepcopy(stored.object)
    undone["spec"]["template"], undone["metadata"] = first["spec"]["template"], first["metadata"]
    stored.put(undone, values(cpu=140))
    assert stored.runs["requests.cpu"] == "140m"
    assert stored.asked == "app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1"
    assert stored.apply(manifest(replicas=3), values(cpu=150)).rollouts == 2, "the manifest of then is an unchanged one"


def test_an_undo_of_nothing_but_a_sizing_changes_nothing() -> None:
    stored = released()
    first = copy.deepcopy(stored.object)
    live = copy.deepcopy(stored.object)
    live["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}
    stored.put(live, values(cpu=130))
    before = copy.deepcopy(stored.object)
    undone = copy.deepcopy(stored.object)
    undone["spec"]["template"]["spec"] = first["spec"]["template"]["spec"]
    undone["metadata"]["annotations"] = {**first["metadata"]["annotations"], "more": "x"}
    stored.put(undone, values(cpu=130))
    assert stored.object["spec"] == before["spec"]


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.OBSERVE])
def test_where_nothing_is_enforced_the_owner_gets_the_manifest(mode: Mode) -> None:
    stored = released().apply(manifest(replicas=3), values(mode=mode))
    assert stored.runs == requirements(manifest())["app"]
    assert stored.decision.patch == ()
    expected = Outcome.IGNORED if mode is Mode.OFF else Outcome.OBSERVED
    assert stored.decision.outcome is expected


def limited_by_the_door() -> tuple[Stored, dict[str, Any]]:
    """A Deployment that runs with a limit which its owner never set; and its owner's next release, as a patch sends it."""
    bare = make_deployment(containers=[make_container(requests={"memory": "1Gi"})], replicas=3)
    app = ControlContainer(memory_request_bytes=collected(256 * MI), memory_limit_bytes=collected(512 * MI))
    stored = Stored().put(bare, make_values(replicas=collected(3), containers={"app": app}))
    assert stored.runs == {"requests.memory": "256Mi", "limits.memory": "512Mi"}
    sent = copy.deepcopy(stored.object)
    sent["spec"]["template"]["spec"]["containers"] = [
        make_container(image="registry.test/app:2", requests={"memory": "1Gi"}, limits={"memory": "512Mi"})
    ]
    return stored, sent


DROPPED = "KubeDoor: memory limit of app dropped: the door had set it, and 1Gi is more"


@pytest.mark.parametrize(
    "control",
    [values(mode=Mode.OFF), values(mode=Mode.OBSERVE), UNKNOWN, make_values(containers={"app": ControlContainer()})],
    ids=["off", "observe", "unknown", "withheld"],
)
def test_a_limit_that_only_the_door_has_set_refuses_no_release(control: ControlValues) -> None:
    stored, sent = limited_by_the_door()
    stored.put(sent, control)
    assert stored.runs == {"requests.memory": "1Gi"}
    assert DROPPED in stored.decision.warnings


def test_a_limit_that_only_the_door_has_set_refuses_no_release_without_the_store() -> None:
    stored, sent = limited_by_the_door()
    request = make_request(sent, stored.object)
    decision = without_values(request, due_of_request(request, RULES))
    after = jsonpatch.apply_patch(request.object, list(decision.patch))
    assert requirements(after)["app"] == {"requests.memory": "1Gi"}
    assert decision.warnings == (DROPPED,)


def test_a_limit_that_leaves_room_or_that_the_owner_set_stays() -> None:
    stored, sent = limited_by_the_door()
    sent["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["memory"] = "512Mi"
    assert stored.put(sent, values(mode=Mode.OFF)).runs["limits.memory"] == "512Mi"
    too_much = manifest(cpu="2")
    too_much["metadata"]["annotations"] = dict(released().object["metadata"]["annotations"])
    assert released().put(too_much, values(mode=Mode.OFF)).runs["limits.cpu"] == "1", (
        "the API server says what is wrong"
    )


def test_observe_leaves_an_edited_annotation() -> None:
    stored = released()
    live = copy.deepcopy(stored.object)
    del live["metadata"]["annotations"]
    assert stored.put(live, values(mode=Mode.OBSERVE)).asked is None
    assert stored.decision.outcome is Outcome.UNCHANGED


def test_an_unknown_workload_keeps_what_runs() -> None:
    stored = released()
    before = copy.deepcopy(stored.object)
    stored.put(manifest(replicas=3), UNKNOWN, Rules(deny_unknown=True))
    assert (stored.object, stored.decision.outcome) == (before, Outcome.UNCHANGED)
    stored.put(manifest(replicas=9), UNKNOWN)
    assert (stored.runs, replicas_of(stored.object)) == (requirements(before)["app"], 9)
    assert stored.decision.outcome == "unknown"
    stored.put(manifest(replicas=4), UNKNOWN, Rules(deny_unknown=True))
    assert stored.decision.outcome == "denied"


def test_without_the_store_what_runs_is_put_back() -> None:
    before = released().object
    request = make_request(manifest(replicas=9), before)
    due = due_of_request(request, RULES)
    assert needs_values(request, RULES, due), "for the replicas"
    after = jsonpatch.apply_patch(request.object, list(without_values(request, due).patch))
    assert after["spec"]["template"] == before["spec"]["template"]
    assert after["metadata"] == before["metadata"]
    request = make_request(manifest(replicas=3), before)
    assert not needs_values(request, RULES, due_of_request(request, RULES))
    labelled = make_request(manifest(labels={"kubedoor.io/control": "off"}), before)
    assert without_values(labelled, due_of_request(labelled, RULES)).patch == ()
    released_again = make_request(manifest(cpu="700m"), before)
    assert without_values(released_again, due_of_request(released_again, RULES)).patch == ()


def test_a_native_sidecar_is_kept_too() -> None:
    sidecar = make_container("proxy", restartPolicy="Always", requests={"cpu": "300m"})
    control = values()
    control = replace(control, containers={**control.containers, "proxy": control.containers["app"]})
    sent = manifest(replicas=3, initContainers=[make_container("migrate", requests={"cpu": "1"}), sidecar])
    stored = Stored().put(sent, control)
    assert str(stored.asked).endswith(";proxy:requests.cpu=300m")
    before = copy.deepcopy(stored.object)
    assert stored.put(sent, control).object == before
    migrates_more = copy.deepcopy(sent)
    migrates_more["spec"]["template"]["spec"]["initContainers"][0]["resources"]["requests"]["cpu"] = "2"
    assert stored.put(migrates_more, control).rollouts == 1, "the door does not control a plain init container"


def test_another_webhook_that_runs_later_does_not_change_what_was_asked() -> None:
    """The API server then calls the door again, with its own numbers in the object."""
    request = make_request(manifest(), None)
    control = values()
    first = jsonpatch.apply_patch(request.object, list(decide(request, control, RULES).patch))
    first["spec"]["template"]["spec"]["containers"].append(make_container("injected"))
    again = jsonpatch.apply_patch(first, list(decide(request._replace(object=first), control, RULES).patch))
    assert again["metadata"]["annotations"][ANNOTATION] == (
        "app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1;injected:"
    )


def test_an_annotation_that_says_the_same_as_the_stored_one_in_fewer_words_is_read_once() -> None:
    """What is stored has the stored text then: whoever decided once more would take 500m for a new wish."""
    text, asked = "app:requests.cpu=2,limits.cpu=2", {"cpu": "2"}
    before = make_deployment(containers=[make_container(requests=asked, limits=asked)])
    before["metadata"]["annotations"] = {ANNOTATION: text}
    limits = {"cpu": "2", "memory": "1Gi"}
    sent = make_deployment(containers=[make_container(image="app:2", requests={"cpu": "500m"}, limits=limits)])
    sent["metadata"]["annotations"] = {ANNOTATION: "app:requests.cpu=2"}
    uncontrolled = make_values(replicas=collected(3))
    patch = decide(make_request(sent, before), uncontrolled, RULES).patch
    assert jsonpatch.apply_patch(sent, list(patch))["metadata"]["annotations"] == {ANNOTATION: text}


def test_annotations_that_leave_no_room_lose_the_claim_and_nothing_else() -> None:
    containers = [make_container(f"c{number:02d}", requests={"cpu": "500m"}) for number in range(40)]
    app = values().containers["app"]
    control = make_values(containers={one["name"]: app for one in containers})
    full = make_deployment(containers=containers)
    room = sum(map(len, ("note", ANNOTATION))) + len(str(Stored().put(full, control).asked))
    full["metadata"]["annotations"] = {"note": "x" * (MAX_ANNOTATIONS_BYTES - room)}
    assert Stored().put(full, control).asked
    full["metadata"]["annotations"]["note"] += "x"
    stored = Stored().put(full, control)
    assert stored.asked is None
    assert requirements(stored.object)["c00"]["requests.cpu"] == "120m"
    assert "KubeDoor: no room in the annotations to remember what was asked (256 KiB)" in stored.decision.warnings


amounts = st.one_of(st.none(), st.integers(min_value=1, max_value=4).map(lambda number: f"{number}00m"))
containers = st.dictionaries(st.sampled_from(["app", "proxy"]), st.lists(amounts, min_size=4, max_size=4), min_size=1)
controls = st.dictionaries(
    st.sampled_from(["app", "proxy"]), st.lists(st.one_of(st.none(), st.integers(10, 400)), min_size=4, max_size=4)
)


def deployment_of(numbers: dict[str, list[str | None]], image: str = "1") -> dict[str, Any]:
    found = []
    for name, of in numbers.items():
        asked = {field: text for field, text in zip(FIELDS, of, strict=True) if text}
        parts = {
            part: {field.partition(".")[2]: text for field, text in asked.items() if field.startswith(part)}
            for part in ("requests", "limits")
        }
        found.append(make_container(name, image=image, **{part: amounts or None for part, amounts in parts.items()}))
    return make_deployment(replicas=3, containers=found)


def control_of(numbers: dict[str, list[int | None]]) -> ControlValues:
    def value(amount: int | None) -> Value | None:
        return collected(amount) if amount else None

    containers = {
        name: ControlContainer(value(of[0]), value(of[1]), value(of[2]), value(of[3])) for name, of in numbers.items()
    }
    return make_values(replicas=collected(3), containers=containers)


@given(containers, st.lists(controls, min_size=2, max_size=4), st.booleans())
def test_the_same_manifest_again_never_restarts(
    numbers: dict[str, list[str | None]], nights: list[dict[str, list[int | None]]], is_put: bool
) -> None:
    sent = deployment_of(numbers)
    stored = Stored().put(sent, control_of(nights[0]))
    before = copy.deepcopy(stored.object)
    for night in nights[1:]:
        (stored.put if is_put else stored.apply)(sent, control_of(night))
        assert stored.object == before


@given(containers, controls, controls)
def test_what_was_asked_survives_a_release(
    numbers: dict[str, list[str | None]], first: dict[str, list[int | None]], then: dict[str, list[int | None]]
) -> None:
    stored = Stored().put(deployment_of(numbers), control_of(first))
    stored.put(deployment_of(numbers, image="2"), control_of(then))
    again = copy.deepcopy(stored.object)
    assert stored.put(deployment_of(numbers, image="2"), control_of(first)).object == again
    asked = requirements(deployment_of(numbers))
    if stored.asked is None:
        assert requirements(stored.object) == asked
