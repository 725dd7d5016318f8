"""The door's rules: a request, the workload's control values and the settings in, a decision out.

Pure: no client, no clock, no environment, so that the same table of cases can be run against any other enforcer.
It works on the JSON as it came, never on typed models, so that fields this version does not know survive.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kubedoor import quantities
from kubedoor.errors import BadRequest
from kubedoor.model import ControlContainer, ControlValues, Mode, Source, Value
from kubedoor.patching import difference

CONTROL_LABEL = "kubedoor.io/control"
HPA_USER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
MAX_WARNING_CHARACTERS = 120
MAX_CONTAINER_WARNINGS = 8
_SOURCE_WORDS = {Source.MANUAL: "set in KubeDoor", Source.COLLECTED: "collected"}


class Outcome(StrEnum):
    """What became of one admission."""

    PATCHED = "patched"
    UNCHANGED = "unchanged"
    """Controlled, and already as it should be, or nothing was due."""
    OBSERVED = "observed"
    """Mode observe: what would have been patched is in the changes."""
    IGNORED = "ignored"
    """Not KubeDoor's business: another kind, excluded, opted out, owned, mode off."""
    UNKNOWN = "unknown"
    DENIED = "denied"
    FAILED = "failed"
    """KubeDoor's own fault."""


@dataclass(frozen=True)
class Rules:
    """The settings that decisions depend on."""

    excluded_namespaces: frozenset[str] = frozenset()
    deny_unknown: bool = False
    deny_on_error: bool = False
    keep_hpa_replicas: bool = True
    min_cpu_millicores: int = 10
    min_memory_bytes: int = 2**20


@dataclass(frozen=True)
class AdmissionRequest:
    """The part of an AdmissionReview's request that decisions need."""

    uid: str
    operation: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    username: str
    dry_run: bool
    object: dict[str, Any]
    old_object: dict[str, Any]

    @property
    def is_scale(self) -> bool:
        return self.subresource == "scale"


@dataclass(frozen=True)
class Change:
    """One number that differs: `before` and `after` as Kubernetes writes them, None where there is none."""

    field: str
    container: str
    before: str | None
    after: str
    source: Source
    clamped: bool = False
    """A request that was cut down to its limit."""


@dataclass(frozen=True)
class Decision:
    """What to answer and what to remember. `patch` is empty unless the outcome is PATCHED."""

    outcome: Outcome
    reason: str
    allowed: bool = True
    patch: tuple[dict[str, Any], ...] = ()
    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass
class _Work:
    """The object as it is being changed, and what was changed and left on the way."""

    object: dict[str, Any]
    changes: list[Change] = field(default_factory=list)
    left_alone: list[str] = field(default_factory=list)
    unchanged_because: str = "already as it should be"


def parse_review(body: Any) -> AdmissionRequest:
    """Read an AdmissionReview v1.

    Raises BadRequest, naming the field, on whatever is not one; a review of another kind of object is fine.
    """
    if not isinstance(body, dict) or body.get("kind") != "AdmissionReview":
        raise BadRequest("the body is not an AdmissionReview", field="kind")
    if body.get("apiVersion") != "admission.k8s.io/v1":
        raise BadRequest(
            f"AdmissionReview {body.get('apiVersion')!r} is not spoken here: admission.k8s.io/v1 is", field="apiVersion"
        )
    request = _mapping(body, "request")
    uid = request.get("uid")
    if not isinstance(uid, str) or not uid:
        raise BadRequest("request.uid is missing", field="request.uid")
    resource, user = _mapping(request, "resource"), _mapping(request, "userInfo")
    if not isinstance(request.get("operation"), str):
        raise BadRequest("request.operation is missing", field="request.operation")
    changed = _mapping(request, "object")
    return AdmissionRequest(
        uid=uid,
        operation=request["operation"],
        group=str(resource.get("group") or ""),
        resource=str(resource.get("resource") or ""),
        subresource=str(request.get("subResource") or ""),
        namespace=str(request.get("namespace") or ""),
        name=str(request.get("name") or _mapping(changed, "metadata").get("name") or ""),
        username=str(user.get("username") or ""),
        dry_run=request.get("dryRun") is True,
        object=changed,
        old_object=_mapping(request, "oldObject"),
    )


def _mapping(parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"{key} is not an object", field=key)
    return value


def decide(request: AdmissionRequest, values: ControlValues, rules: Rules) -> Decision:
    """Apply the door's rules.

    | request                                        | what is set                  |
    |------------------------------------------------|------------------------------|
    | CREATE                                         | replicas, requests, limits   |
    | UPDATE that restarts                           | replicas, requests, limits   |
    | UPDATE that changes replicas only, and `scale` | replicas                     |
    | anything else                                  | nothing                      |

    Idempotent: the object after the patch, asked again, gives no patch.
    """
    if reason := _out_of_scope(request, rules):
        return Decision(Outcome.IGNORED, reason)
    sets_replicas, sets_resources = _due(request)
    if not sets_replicas:
        return Decision(Outcome.UNCHANGED, "neither a restart nor a change of replicas")
    if reason := _left_alone(request, values):
        return Decision(Outcome.IGNORED, reason)
    if not values.known:
        return _unknown(request, rules)
    work = _Work(copy.deepcopy(request.object))
    _set_replicas(work, request, values, rules)
    if sets_resources:
        _set_resources(work, values, rules)
    return _conclude(request, work, values.mode)


def is_due(request: AdmissionRequest, rules: Rules) -> bool:
    """Whether the decision depends on control values at all; if not, `decide` may be given none."""
    return not _out_of_scope(request, rules) and _due(request)[0]


def _out_of_scope(request: AdmissionRequest, rules: Rules) -> str:
    if (request.group, request.resource) != ("apps", "deployments") or request.subresource not in ("", "scale"):
        return "not a Deployment"
    if request.operation not in ("CREATE", "UPDATE"):
        return f"nothing is set on {request.operation}"
    if request.namespace in rules.excluded_namespaces:
        return f"namespace {request.namespace} is excluded"
    return ""


def _due(request: AdmissionRequest) -> tuple[bool, bool]:
    """Whether replicas, and whether requests and limits, are to be set."""
    if request.is_scale:
        return True, False
    if request.operation == "CREATE" or restarts(request.old_object, request.object):
        return True, True
    return replicas_of(request.object) != replicas_of(request.old_object), False


def restarts(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the change rolls new pods out: the template differs by more than the spelling of quantities."""
    old, new = _template(before), _template(after)
    return old != new and _canonical(old) != _canonical(new)


def replicas_of(manifest: Mapping[str, Any]) -> int:
    """`spec.replicas` of a Deployment (absent: 1, the API server's default) or of a Scale (absent: 0)."""
    replicas = (manifest.get("spec") or {}).get("replicas")
    if replicas is None:
        return 0 if manifest.get("kind") == "Scale" else 1
    return int(replicas)


def _template(manifest: Mapping[str, Any]) -> dict[str, Any]:
    template: dict[str, Any] = (manifest.get("spec") or {}).get("template") or {}
    return template


def _canonical(template: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(template)
    spec = result.get("spec") or {}
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        for part in ("requests", "limits"):
            amounts = (container.get("resources") or {}).get(part) or {}
            for name in amounts:
                amounts[name] = str(quantities.parse(amounts[name]).normalize())
    return result


def _left_alone(request: AdmissionRequest, values: ControlValues) -> str:
    """Why a controllable request is nevertheless not KubeDoor's; a Scale shows neither labels nor owners."""
    opted_out, owned = (values.opted_out, values.owned) if request.is_scale else object_facts(request.object)
    if opted_out:
        return f'the Deployment is labelled {CONTROL_LABEL}: "off"'
    if owned:
        return "the Deployment is owned by a controller"
    if values.mode is Mode.OFF:
        return "mode is off"
    return ""


def object_facts(manifest: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether a Deployment is opted out by its label, and whether a controller owns it."""
    metadata = manifest.get("metadata") or {}
    opted_out = (metadata.get("labels") or {}).get(CONTROL_LABEL) == "off"
    owned = any(owner.get("controller") is True for owner in metadata.get("ownerReferences") or ())
    return opted_out, owned


def _unknown(request: AdmissionRequest, rules: Rules) -> Decision:
    told = _warning(f"{request.namespace}/{request.name} is not in the control table")
    if rules.deny_unknown:
        return Decision(Outcome.DENIED, f"{told}: collect it or add it in KubeDoor first", allowed=False)
    return Decision(Outcome.UNKNOWN, "not in the control table", warnings=(f"{told}, left as it is",))


def _set_replicas(work: _Work, request: AdmissionRequest, values: ControlValues, rules: Rules) -> None:
    if rules.keep_hpa_replicas and (values.hpa or request.username == HPA_USER):
        work.unchanged_because = "replicas are the HPA's"
        return
    if values.replicas is None:
        work.left_alone.append("replicas")
        return
    before = replicas_of(work.object)
    if before != values.replicas.amount:
        spec = work.object["spec"] = work.object.get("spec") or {}
        spec["replicas"] = values.replicas.amount
        work.changes.append(Change("replicas", "", str(before), str(values.replicas.amount), values.replicas.source))


def _controllable(template: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The containers that run as long as the pod: all regular ones and native sidecars."""
    spec = template.get("spec") or {}
    yield from spec.get("containers") or ()
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            yield container


def _set_resources(work: _Work, values: ControlValues, rules: Rules) -> None:
    template = _template(work.object)
    if (template.get("spec") or {}).get("resources"):
        # Container requests have to fit into the pod's own, which KubeDoor has no values for.
        work.left_alone.append("requests and limits (the pod template sets pod-level resources)")
        return
    for container in _controllable(template):
        wanted = values.containers.get(container.get("name", ""))
        if wanted is None:
            work.left_alone.append(f"container {container.get('name')}")
        else:
            _set_container(work, container, wanted, rules)


@dataclass(frozen=True)
class _Resource:
    """How one of the two controlled resources is read, written and bounded."""

    name: str
    read: Any
    write: Any
    floor: int


def _set_container(work: _Work, container: dict[str, Any], wanted: ControlContainer, rules: Rules) -> None:
    cpu = _Resource("cpu", quantities.cpu_millicores, quantities.format_cpu, rules.min_cpu_millicores)
    memory = _Resource("memory", quantities.memory_bytes, quantities.format_memory, rules.min_memory_bytes)
    _set_resource(work, container, cpu, wanted.cpu_request_millicores, wanted.cpu_limit_millicores)
    _set_resource(work, container, memory, wanted.memory_request_bytes, wanted.memory_limit_bytes)


def _set_resource(
    work: _Work, container: dict[str, Any], resource: _Resource, request: Value | None, limit: Value | None
) -> None:
    """Set limit and request of one resource so that the request never exceeds the limit."""
    found_limit, found_request = (_found(container, part, resource) for part in ("limits", "requests"))
    new_limit = limit.amount if limit else found_limit
    new_request = max(request.amount, resource.floor) if request else found_request
    clamped = new_limit is not None and new_request is not None and new_request > new_limit
    if clamped:
        new_request = new_limit
    if limit and new_limit != found_limit:
        _write(work, container, "limits", resource, limit.amount, limit.source)
    source = request or limit
    if source and new_request is not None and new_request != found_request:
        _write(work, container, "requests", resource, new_request, source.source, clamped=clamped)


def _found(container: Mapping[str, Any], part: str, resource: _Resource) -> int | None:
    quantity = ((container.get("resources") or {}).get(part) or {}).get(resource.name)
    return None if quantity is None else int(resource.read(quantity))


def _write(
    work: _Work,
    container: dict[str, Any],
    part: str,
    resource: _Resource,
    amount: int,
    source: Source,
    *,
    clamped: bool = False,
) -> None:
    # `resources`, `requests` and `limits` may each be absent or null; nothing else in them is touched.
    resources = container["resources"] = container.get("resources") or {}
    amounts = resources[part] = resources.get(part) or {}
    before = amounts.get(resource.name)
    amounts[resource.name] = resource.write(amount)
    name = f"{resource.name} {part.removesuffix('s')}"
    work.changes.append(Change(name, container["name"], before, amounts[resource.name], source, clamped))


def _conclude(request: AdmissionRequest, work: _Work, mode: Mode) -> Decision:
    changes = tuple(work.changes)
    if not changes:
        return Decision(Outcome.UNCHANGED, work.unchanged_because, warnings=_left_alone_warnings(work))
    if mode is Mode.OBSERVE:
        return Decision(
            Outcome.OBSERVED, "mode is observe", changes=changes, warnings=_change_warnings(changes, would=True)
        )
    warnings = (*_change_warnings(changes, would=False), *_left_alone_warnings(work))
    patch = tuple(difference(request.object, work.object))
    return Decision(Outcome.PATCHED, "control values were set", patch=patch, changes=changes, warnings=warnings)


def _change_warnings(changes: tuple[Change, ...], *, would: bool) -> tuple[str, ...]:
    """One line for the replicas, then one or two for each container, as many as a person reads."""
    prefix = "would set " if would else ""
    lines = [
        _warning(f"{prefix}replicas {change.before} -> {change.after} ({_SOURCE_WORDS[change.source]})")
        for change in changes
        if not change.container
    ]
    groups: dict[tuple[str, str, Source], list[Change]] = {}
    for change in changes:
        if change.container:
            part = change.field.rpartition(" ")[2]
            groups.setdefault((change.container, part, change.source), []).append(change)
    containers = [_container_warning(*key, group, prefix) for key, group in groups.items()]
    lines += containers[:MAX_CONTAINER_WARNINGS]
    if len(containers) > MAX_CONTAINER_WARNINGS:
        lines.append(_warning(f"{prefix}{len(containers) - MAX_CONTAINER_WARNINGS} more such lines left out"))
    return tuple(lines)


def _container_warning(name: str, part: str, source: Source, changes: list[Change], prefix: str) -> str:
    """`app requests: cpu 500m -> 120m, memory 1Gi -> 256Mi (collected)`."""
    parts = [
        f"{change.field.partition(' ')[0]} {change.before or 'none'} -> {change.after}{', its limit' if change.clamped else ''}"
        for change in changes
    ]
    return _warning(f"{prefix}{name} {part}s: {', '.join(parts)} ({_SOURCE_WORDS[source]})")


def _left_alone_warnings(work: _Work) -> tuple[str, ...]:
    if not work.left_alone:
        return ()
    return (_warning(f"no control value, left alone: {', '.join(work.left_alone)}"),)


def _warning(text: str) -> str:
    """Kubernetes advises 120 characters at most and may cut what is longer."""
    line = f"KubeDoor: {text}"
    return line if len(line) <= MAX_WARNING_CHARACTERS else line[: MAX_WARNING_CHARACTERS - 1] + "…"


def response(request: AdmissionRequest, decision: Decision) -> dict[str, Any]:
    """The AdmissionReview to answer with."""
    answer: dict[str, Any] = {"uid": request.uid, "allowed": decision.allowed}
    if decision.patch:
        # patchType without patch, and the other way round, is an error to the API server.
        answer["patchType"] = "JSONPatch"
        answer["patch"] = base64.b64encode(json.dumps(decision.patch).encode()).decode()
    if decision.warnings:
        answer["warnings"] = list(decision.warnings)
    if not decision.allowed:
        answer["status"] = {"code": 403, "reason": "Forbidden", "message": decision.reason}
    if decision.outcome not in (Outcome.IGNORED, Outcome.UNCHANGED):
        annotations = {"decision": str(decision.outcome), "reason": decision.reason}
        if decision.changes:
            annotations["changes"] = "; ".join(
                f"{change.container or 'deployment'} {change.field} {change.before} -> {change.after}"
                for change in decision.changes
            )
        answer["auditAnnotations"] = annotations
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
