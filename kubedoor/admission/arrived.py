"""A request as it arrived, where policies of the API server have changed it before the webhook sees it. Pure.

Where both enforce, the policies leave a trace of what they have changed: a condition in the status of a Deployment, an
annotation of a Scale. The API server stores neither with a change of spec, so nobody ever meets a trace in the cluster.
The webhook decides about what arrived, so that it tells and records what it would without the policies, and changes only
what the policies have left different from that. What another webhook has changed between the two stays, and arrives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kubedoor import quantities
from kubedoor.admission.decision import Decision, Outcome
from kubedoor.admission.json_patch import Operation, applied
from kubedoor.admission.review import AdmissionRequest
from kubedoor.asked import ANNOTATION, FIELDS, Asked, controllable, parse_asked, requirements_in, requirements_of

TRACE = "kubedoor.io/arrived"
"""The type of the condition. Its message: replicas and numbers (as in the annotation `kubedoor.io/asked`) that arrived, those
that the policies have set, and the annotation that arrived. Of a Scale: both replicas.
"""
_KINDS = ("containers", "initContainers")


class _Trace(NamedTuple):
    """What arrived, and what the policies have made of it."""

    replicas: int
    numbers: Asked
    set_replicas: int
    set_numbers: Asked
    annotation: str


def as_arrived(request: AdmissionRequest) -> AdmissionRequest:
    """`request` itself where no policy has changed anything, or the trace cannot be read."""
    if request.is_scale:
        return _scale_as_arrived(request)
    trace = _trace_of(request)
    return request._replace(object=_rebuilt(request.object, trace)) if trace else request


def correction(received: AdmissionRequest, arrived: AdmissionRequest, decision: Decision) -> tuple[Operation, ...]:
    """The patch for what the API server has sent. `arrived`: of `as_arrived`, which `decision` is about.

    Where the decision failed, what the policies have set stands.
    """
    if received is arrived:
        return decision.patch
    if decision.outcome is Outcome.FAILED or not decision.allowed:
        return ()
    wanted = applied(arrived.object, decision.patch)
    return (*_difference(received.object, wanted), _without_trace(received))


def _scale_as_arrived(request: AdmissionRequest) -> AdmissionRequest:
    text = ((request.object.get("metadata") or {}).get("annotations") or {}).get(TRACE)
    replicas, _, set_replicas = str(text).partition(" ")
    if not _is_count(replicas) or not _is_count(set_replicas):
        return request
    spec = dict(request.object.get("spec") or {})
    if (spec.get("replicas") or 0) == int(set_replicas):
        spec["replicas"] = int(replicas)
    return request._replace(object={**request.object, "spec": spec})


def _without_trace(request: AdmissionRequest) -> Operation:
    """What comes later is about what is set now."""
    if request.is_scale:
        return {"op": "remove", "path": f"/metadata/annotations/{TRACE.replace('/', '~1')}"}
    types = [condition.get("type") for condition in _conditions(request.object)]
    return {"op": "remove", "path": f"/status/conditions/{types.index(TRACE)}"}


def _trace_of(request: AdmissionRequest) -> _Trace | None:
    """The first one: the policies put theirs before any other condition.

    One that is stored, by whoever may write the status of Deployments, comes with every update and tells nothing.
    """
    found, stored = (
        [str(one.get("message")) for one in _conditions(manifest) if one.get("type") == TRACE]
        for manifest in (request.object, request.old_object)
    )
    is_new = len(found) > len(stored) or (found and found[0] not in stored)
    return _read(found[0]) if is_new else None


def _conditions(manifest: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return (manifest.get("status") or {}).get("conditions") or ()


def _read(message: str) -> _Trace | None:
    replicas, numbers, set_replicas, set_numbers, annotation = (*message.split(" ", 4), *[""] * 5)[:5]
    asked, made = parse_asked(numbers), parse_asked(set_numbers)
    if asked is None or made is None or not _is_count(replicas) or not _is_count(set_replicas):
        return None
    return _Trace(int(replicas), asked, int(set_replicas), made, annotation)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10


def _rebuilt(manifest: Mapping[str, Any], trace: _Trace) -> dict[str, Any]:
    metadata, spec = dict(manifest.get("metadata") or {}), manifest.get("spec") or {}
    annotations = {name: text for name, text in (metadata.get("annotations") or {}).items() if name != ANNOTATION}
    if trace.annotation:
        annotations[ANNOTATION] = trace.annotation
    metadata["annotations"] = annotations
    template = spec.get("template") or {}
    pod = dict(template.get("spec") or {})
    ours = {id(one) for one in controllable(template)}
    for kind in _KINDS:
        if found := pod.get(kind):
            pod[kind] = [_with_numbers(one, trace) if id(one) in ours else one for one in found]
    spec = {**spec, "template": {**template, "spec": pod}}
    if spec.get("replicas", 1) == trace.set_replicas:
        spec["replicas"] = trace.replicas
    return {**manifest, "metadata": metadata, "spec": spec}


def _with_numbers(container: dict[str, Any], trace: _Trace) -> dict[str, Any]:
    """A container that another webhook has added since has none in the trace, and stays as it is."""
    name = str(container.get("name", ""))
    if name not in trace.numbers or name not in trace.set_numbers:
        return container
    asked = _unless_changed(requirements_of(container), trace.set_numbers[name], trace.numbers[name])
    resources = dict(container.get("resources") or {})
    for part in ("requests", "limits"):
        amounts = {name: one for name, one in (resources.get(part) or {}).items() if f"{part}.{name}" not in FIELDS}
        wanted = {field.partition(".")[2]: text for field, text in asked.items() if field.startswith(part)}
        resources.pop(part, None)
        if amounts or wanted:
            resources[part] = amounts | wanted
    return {**container, "resources": resources}


def _unless_changed(found: Mapping[str, str], made: Mapping[str, str], arrived: Mapping[str, str]) -> dict[str, str]:
    """The fields that arrived; as they are now where another webhook has changed them since the policies `made` them."""
    result: dict[str, str] = {}
    for field in FIELDS:
        text = (arrived if _is_equal(found.get(field), made.get(field)) else found).get(field)
        if text is not None:
            result[field] = text
    return result


def _is_equal(one: str | None, other: str | None) -> bool:
    return one == other or (one is not None and other is not None and quantities.are_equal(one, other))


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Operation]:
    """In what the door sets. An `add` also replaces."""
    spec, wanted_spec = found.get("spec") or {}, wanted.get("spec") or {}
    if wanted_spec.get("replicas") != spec.get("replicas"):
        yield {"op": "add", "path": "/spec/replicas", "value": wanted_spec.get("replicas")}
    pod, wanted_pod = ((one.get("template") or {}).get("spec") or {} for one in (spec, wanted_spec))
    for kind in _KINDS:
        for number, (one, other) in enumerate(zip(pod.get(kind) or (), wanted_pod.get(kind) or (), strict=True)):
            if not _is_same(one.get("resources") or {}, other.get("resources") or {}):
                path = f"/spec/template/spec/{kind}/{number}/resources"
                yield {"op": "add", "path": path, "value": other.get("resources") or {}}
    yield from _annotation(found.get("metadata") or {}, wanted.get("metadata") or {})


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whatever the spelling of quantities."""
    if one == other:
        return True
    numbers = requirements_in(one), requirements_in(other)
    if numbers[0].keys() != numbers[1].keys():
        return False
    return all(quantities.parse(text) == quantities.parse(numbers[1][field]) for field, text in numbers[0].items())


def _annotation(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Operation]:
    text, wanted_text = ((one.get("annotations") or {}).get(ANNOTATION) for one in (found, wanted))
    path = f"/metadata/annotations/{ANNOTATION.replace('/', '~1')}"
    if text == wanted_text:
        return
    if wanted_text is None:
        yield {"op": "remove", "path": path}
    elif found.get("annotations"):
        yield {"op": "add", "path": path, "value": wanted_text}
    else:
        yield {"op": "add", "path": "/metadata/annotations", "value": {ANNOTATION: wanted_text}}
