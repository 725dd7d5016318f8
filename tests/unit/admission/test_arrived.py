"""What the webhook makes of a request that policies have changed before it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import jsonpatch
import pytest

from kubedoor.admission.arrived import TRACE, as_arrived, correction
from kubedoor.admission.decision import Decision, Outcome
from kubedoor.admission.json_patch import applied
from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.rules import Rules, decide
from kubedoor.asked import ANNOTATION, format_asked, requirements
from kubedoor.model.values import ControlContainer, ControlValues
from kubedoor.sentences import NOTHING
from tests.support.builders import (
    collected,
    make_container,
    make_deployment,
    make_request,
    make_scale,
    make_values,
)
from tests.support.native_cases import random_case

APP = ControlContainer(cpu_request_millicores=collected(120), memory_limit_bytes=collected(2**30))
VALUES = make_values(replicas=collected(3), containers={"app": APP, "mesh": APP})
ASKED_NUMBERS: dict[str, Any] = {
    "requests": {"cpu": "500m", "example.com/gpu": "1"},
    "limits": {"example.com/gpu": "1"},
}


def sent(**fields: Any) -> dict[str, Any]:
    containers = [make_container(**ASKED_NUMBERS), make_container("other")]
    mesh = make_container("mesh", restartPolicy="Always")
    setup = make_container("setup", requests={"cpu": "1"})
    return make_deployment(replicas=10, containers=containers, initContainers=[setup, mesh], **fields)


def enforced(request: AdmissionRequest, values: ControlValues = VALUES) -> AdmissionRequest:
    """As the policies leave it."""
    return traced(request, decide(request, values, Rules()).patch)


def traced(request: AdmissionRequest, patch: Iterable[Mapping[str, Any]]) -> AdmissionRequest:
    arrived = request.object
    changed = copy.deepcopy(applied(arrived, patch))
    text = (arrived["metadata"].get("annotations") or {}).get(ANNOTATION, "")
    message = " ".join((*map(numbers_of, (arrived, changed)), text))
    conditions = [{"type": "Available"}, {"type": TRACE, "status": "True", "message": message}]
    return request._replace(object={**changed, "status": {"conditions": conditions}})


def numbers_of(manifest: dict[str, Any]) -> str:
    return f"{manifest['spec'].get('replicas', 1)} {format_asked(requirements(manifest))}"


def stored(request: AdmissionRequest, patch: Any) -> dict[str, Any]:
    found: dict[str, Any] = jsonpatch.apply_patch(copy.deepcopy(request.object), list(patch))
    status = found.pop("status", {})
    assert TRACE not in {one["type"] for one in status.get("conditions", ())}
    return found


def relevant(manifest: dict[str, Any]) -> Any:
    """Replicas, resources and annotations, whatever is empty left out."""
    spec = manifest["spec"]
    pod = spec["template"]["spec"]
    resources = [
        {part: amounts for part, amounts in (one.get("resources") or {}).items() if amounts}
        for kind in ("containers", "initContainers")
        for one in pod.get(kind) or ()
    ]
    annotations = manifest["metadata"].get("annotations") or {}
    return spec.get("replicas", 1), resources, {name: text for name, text in annotations.items() if text}


def without_empty(manifest: dict[str, Any]) -> dict[str, Any]:
    found = copy.deepcopy(manifest)
    found.pop("status", None)
    if not found["metadata"].get("annotations"):
        found["metadata"].pop("annotations", None)
    for kind in ("containers", "initContainers"):
        for one in found["spec"]["template"]["spec"][kind]:
            if not one.get("resources"):
                one.pop("resources", None)
    return found


@pytest.mark.parametrize(
    "annotations", [None, {"note": "a b"}, {ANNOTATION: "app:requests.cpu=1"}, {ANNOTATION: "a b c"}]
)
def test_what_arrived_is_built_again(annotations: dict[str, str] | None) -> None:
    request = make_request(sent(annotations=annotations))
    found = as_arrived(enforced(request))
    assert without_empty(found.object) == without_empty(request.object)


@pytest.mark.parametrize(
    "knows", [VALUES, replace(VALUES, replicas=collected(7)), make_values(containers={}), ControlValues()]
)
@pytest.mark.parametrize("annotations", [None, {"note": "x"}, {ANNOTATION: "app:requests.cpu=1"}])
def test_the_webhook_has_the_last_word(knows: ControlValues, annotations: dict[str, str] | None) -> None:
    """Also where it knows other values than the policies."""
    request = make_request(sent(annotations=annotations))
    received = enforced(request)
    arrived = as_arrived(received)
    decision = decide(arrived, knows, Rules())
    alone = decide(request, knows, Rules())
    assert (decision.outcome, decision.changes, decision.warnings) == (alone.outcome, alone.changes, alone.warnings)
    patch = correction(received, arrived, decision)
    assert without_empty(stored(received, patch)) == without_empty(applied(request.object, alone.patch))
    if knows is VALUES:
        assert [one["path"] for one in patch] == ["/status/conditions/1"], "the policies have set all of it"


def test_an_annotation_is_put_where_there_is_none() -> None:
    request = make_request(sent())
    received = enforced(request, make_values(replicas=collected(3)))
    assert "annotations" not in received.object["metadata"]
    patch = correction(received, as_arrived(received), decide(request, VALUES, Rules()))
    assert stored(received, patch)["metadata"]["annotations"] == {ANNOTATION: "app:requests.cpu=500m;other:;mesh:"}


def test_another_spelling_of_a_quantity_is_no_difference() -> None:
    request = make_request(sent())
    received = enforced(request)
    received.object["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "0.12"
    patch = correction(received, as_arrived(received), decide(request, VALUES, Rules()))
    assert [one["op"] for one in patch] == ["remove"]


def test_a_container_that_was_added_since_arrives_as_it_is() -> None:
    received = enforced(make_request(sent()))
    added = make_container("late", requests={"cpu": "70m"})
    received.object["spec"]["template"]["spec"]["containers"].append(added)
    assert as_arrived(received).object["spec"]["template"]["spec"]["containers"][-1] == added


def test_what_another_webhook_has_changed_since_stays_and_arrives() -> None:
    """Its name is before the webhook's: it runs between the two."""
    request = make_request(sent())
    received = enforced(request)
    received.object["spec"]["replicas"] = 4
    app, other = received.object["spec"]["template"]["spec"]["containers"]
    app["resources"]["limits"]["cpu"] = "1"
    app["resources"]["requests"]["cpu"] = "900m"
    other["resources"] = {"limits": {"memory": "1Gi"}}
    arrived = as_arrived(received)
    assert (arrived.object["spec"]["replicas"], requirements(arrived.object)) == (
        4,
        {
            "app": {"requests.cpu": "900m", "limits.cpu": "1"},
            "other": {"limits.memory": "1Gi"},
            "mesh": {},
        },
    )
    made = stored(received, correction(received, arrived, decide(arrived, VALUES, Rules())))
    assert (made["spec"]["replicas"], requirements(made)) == (
        3,
        {
            "app": {"requests.cpu": "120m", "limits.cpu": "1", "limits.memory": "1Gi"},
            "other": {"limits.memory": "1Gi"},
            "mesh": {"requests.cpu": "120m", "limits.memory": "1Gi"},
        },
    )


def test_a_trace_that_is_stored_tells_nothing() -> None:
    """Whoever may write the status of a Deployment could change all of its later updates by one."""
    request = make_request(sent(), sent())
    received = enforced(request)
    forged = [{"type": TRACE, "message": "1 app: 3 app: "}]
    old = {**request.old_object, "status": {"conditions": forged}}
    untouched = request._replace(object={**request.object, "status": {"conditions": forged}}, old_object=old)
    assert as_arrived(untouched) is untouched
    both = {**received.object, "status": {"conditions": received.object["status"]["conditions"] + forged}}
    for sent_by_put in (received.object, both):
        found = as_arrived(received._replace(object=sent_by_put, old_object=old))
        assert without_empty(found.object) == without_empty(request.object)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "x app: 1 app: ",
        "10",
        "10 app: ",
        "1 app:cpu=1 1 app: ",
        "99999999999 app: 1 app: ",
        "1² app: 1 app: ",
        None,
    ],
)
def test_a_trace_that_cannot_be_read_is_none(message: str | None) -> None:
    request = make_request(sent())
    conditions = [{"type": TRACE, "message": message}]
    received = request._replace(object={**request.object, "status": {"conditions": conditions}})
    assert as_arrived(received) is received


def test_a_scale_is_as_it_arrived() -> None:
    request = make_request(make_scale(3), make_scale(2))
    assert as_arrived(request) is request
    traced = {**request.object, "metadata": {**request.object["metadata"], "annotations": {TRACE: "10 3"}}}
    received = request._replace(object=traced)
    arrived = as_arrived(received)
    assert arrived.object["spec"]["replicas"] == 10
    patch = correction(received, arrived, decide(arrived, VALUES, Rules()))
    assert patch == ({"op": "remove", "path": "/metadata/annotations/kubedoor.io~1arrived"},)
    opted_out = decide(arrived, replace(VALUES, opted_out=True), Rules())
    assert {"op": "add", "path": "/spec/replicas", "value": 10} in correction(received, arrived, opted_out)
    for text in ("ten 3", "10", "10 three"):
        forged = {**traced, "metadata": {**traced["metadata"], "annotations": {TRACE: text}}}
        assert as_arrived(request._replace(object=forged)).object is forged
    since = {**traced, "spec": {"replicas": 5}}
    assert as_arrived(request._replace(object=since)).object["spec"]["replicas"] == 5, "as another webhook has it"


@pytest.mark.parametrize(
    "decision", [Decision(Outcome.FAILED, NOTHING), Decision(Outcome.DENIED, NOTHING, allowed=False)]
)
def test_what_the_policies_have_set_stands_where_the_webhook_fails(decision: Decision) -> None:
    received = enforced(make_request(sent()))
    assert correction(received, as_arrived(received), decision) == ()


def test_random_requests_are_decided_as_without_policies() -> None:
    """Also where the webhook knows other values than the policies."""
    tried = 0
    for seed in range(20_000, 20_400):
        request, values, rules = random_case(seed)
        alone = decide(request, values, rules)
        enforcing = decide(request, replace(values, replicas=collected(5)), rules)
        if not (enforcing.patch and request.object.get("kind") == "Deployment"):
            continue
        tried += 1
        received = traced(request, enforcing.patch)
        arrived = as_arrived(received)
        assert arrived is not received, seed
        decision = decide(arrived, values, rules)
        assert (decision.outcome, decision.changes, decision.warnings) == (alone.outcome, alone.changes, alone.warnings)
        if decision.allowed:
            found = relevant(stored(received, correction(received, arrived, decision)))
            assert found == relevant(applied(request.object, alone.patch)), seed
    assert tried > 60
