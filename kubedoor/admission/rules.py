"""The admission rules: from a request, the workload's control values and the settings to a decision.

Pure: no client, no clock, no environment, so that the same table of test cases can be run against any other enforcer.
Works on the JSON as received, never on typed models, so that fields which this version does not know survive.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from kubedoor import quantities
from kubedoor.admission.decision import Change, Decision, Outcome, change_warnings, warning
from kubedoor.admission.json_patch import difference
from kubedoor.admission.restarts import restarts, template_of
from kubedoor.admission.review import AdmissionRequest
from kubedoor.model.values import ControlContainer, ControlValues, Mode, Source, Value

CONTROL_LABEL = "kubedoor.io/control"
HPA_USER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
CONTROLLER_MANAGER = "system:kube-controller-manager"
"""The HPA controller's user where controllers share one. No other controller of the controller manager scales."""
GKE_AUTOSCALER = "system:vpa-recommender"
"""The HPA controller's user on GKE, where one program scales horizontally and vertically."""
OPENSHIFT_HPA_USER = "system:serviceaccount:openshift-infra:horizontal-pod-autoscaler"
_HPA_USERS_OF_SCALES = frozenset({CONTROLLER_MANAGER, GKE_AUTOSCALER, OPENSHIFT_HPA_USER})
_HPA_KEEPS = "replicas are the HPA's"


@dataclass(frozen=True)
class Rules:
    """The settings that decisions depend on."""

    excluded_namespaces: frozenset[str] = frozenset()
    deny_unknown: bool = False
    deny_on_error: bool = False
    keep_hpa_replicas: bool = True
    min_cpu_millicores: int = 10
    min_memory_bytes: int = 2**20


@dataclass
class _Work:
    """A copy of the object that is being changed, with its changes and the fields that have no control value."""

    object: dict[str, Any]
    changes: list[Change] = field(default_factory=list)
    left_alone: list[str] = field(default_factory=list)
    unchanged_reason: str = "already as it should be"


def decide(request: AdmissionRequest, values: ControlValues, rules: Rules) -> Decision:
    """Apply the rules.

    | request                                        | what is set                  |
    |------------------------------------------------|------------------------------|
    | CREATE                                         | replicas, requests, limits   |
    | UPDATE that restarts                           | replicas, requests, limits   |
    | UPDATE that changes replicas only, and `scale` | replicas                     |
    | anything else                                  | nothing                      |

    Idempotent: the patched object, decided again, gets no patch.
    """
    if reason := _out_of_scope(request, rules):
        return Decision(Outcome.IGNORED, reason)
    sets_replicas, sets_resources = _due(request)
    if not sets_replicas:
        return Decision(Outcome.UNCHANGED, "neither a restart nor a change of replicas")
    if reason := _exemption(request, values):
        return Decision(Outcome.IGNORED, reason)
    if _keeps_hpa_scale(request, rules):
        return Decision(Outcome.UNCHANGED, _HPA_KEEPS)
    if not values.known:
        return _unknown(request, rules)
    work = _Work(copy.deepcopy(request.object))
    _set_replicas(work, request, values, rules)
    if sets_resources:
        _set_resources(work, values, rules)
    return _conclude(request, work, values.mode)


def is_due(request: AdmissionRequest, rules: Rules) -> bool:
    """Whether the request is one that sets fields. If not, `decide` does not use the control values."""
    return not _out_of_scope(request, rules) and _due(request)[0]


def needs_values(request: AdmissionRequest, rules: Rules) -> bool:
    """Whether the decision on a due request depends on control values. False: the request alone decides."""
    is_exempt = not request.is_scale and any(object_facts(request.object))
    return not is_exempt and not _keeps_hpa_scale(request, rules)


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


def replicas_of(manifest: Mapping[str, Any]) -> int:
    """`spec.replicas` of a Deployment (absent: 1, the API server's default) or of a Scale (absent: 0)."""
    replicas = (manifest.get("spec") or {}).get("replicas")
    if replicas is None:
        return 0 if manifest.get("kind") == "Scale" else 1
    return int(replicas)


def _exemption(request: AdmissionRequest, values: ControlValues) -> str:
    """Why a Deployment is not controlled; empty if it is. A Scale shows no labels and owners: `values` have them."""
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
    message = warning(f"{request.namespace}/{request.shown_name} is not in the control table")
    if rules.deny_unknown:
        # A Deployment that never runs is never collected, so the message names the way to admit it.
        advice = f'label it {CONTROL_LABEL}: "off" until it has been collected'
        return Decision(Outcome.DENIED, f"{message}: {advice}", allowed=False)
    return Decision(Outcome.UNKNOWN, "not in the control table", warnings=(f"{message}, left as it is",))


def is_hpa(request: AdmissionRequest) -> bool:
    """Whether the request is by the HPA controller."""
    return request.username == HPA_USER or (request.is_scale and request.username in _HPA_USERS_OF_SCALES)


def _keeps_hpa_scale(request: AdmissionRequest, rules: Rules) -> bool:
    """Whether it is a scale by the HPA controller that passes unchanged, also for an unknown workload."""
    return rules.keep_hpa_replicas and request.is_scale and is_hpa(request)


def _set_replicas(work: _Work, request: AdmissionRequest, values: ControlValues, rules: Rules) -> None:
    if rules.keep_hpa_replicas and (values.hpa or is_hpa(request)):
        work.unchanged_reason = _HPA_KEEPS
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
    template = template_of(work.object)
    if (template.get("spec") or {}).get("resources"):
        # Container requests must fit into the pod-level ones, for which there are no control values.
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
    """CPU or memory: its unit, format and minimum request."""

    name: str
    per_unit: int
    """Units of the control value (millicores, bytes) in one unit of Kubernetes (cores, bytes)."""
    write: Callable[[int], str]
    floor: int


def _set_container(work: _Work, container: dict[str, Any], wanted: ControlContainer, rules: Rules) -> None:
    cpu = _Resource("cpu", 1000, quantities.format_cpu, rules.min_cpu_millicores)
    memory = _Resource("memory", 1, quantities.format_memory, rules.min_memory_bytes)
    _set_resource(work, container, cpu, wanted.cpu_request_millicores, wanted.cpu_limit_millicores)
    _set_resource(work, container, memory, wanted.memory_request_bytes, wanted.memory_limit_bytes)


def _set_resource(
    work: _Work, container: dict[str, Any], resource: _Resource, request: Value | None, limit: Value | None
) -> None:
    """Set limit and request of one resource so that the request never exceeds the limit.

    Quantities of the object are never rounded: a limit of `0.1Gi` is 107374182.4 bytes to the API server, which
    refuses a request of 107374183.
    """
    found_limit, found_request = (_found(container, part, resource) for part in ("limits", "requests"))
    new_limit = _limit(limit, found_limit)
    new_request = max(request.amount, resource.floor) if request else found_request
    clamped = False
    if new_limit is not None and new_request is not None and new_request > new_limit:
        new_request, clamped = math.floor(new_limit), True
    if limit and new_limit is not None and new_limit != found_limit:
        _write(work, container, "limits", resource, int(new_limit), limit.source)
    source = request or limit
    if source and new_request is not None and new_request != found_request:
        _write(work, container, "requests", resource, int(new_request), source.source, clamped=clamped)


def _limit(wanted: Value | None, found: Decimal | None) -> Decimal | None:
    """The resulting limit. Control values are whole numbers, so a limit that differs by less than one unit is kept."""
    if wanted is None or (found is not None and wanted.amount in (math.floor(found), math.ceil(found))):
        return found
    return Decimal(wanted.amount)


def _found(container: Mapping[str, Any], part: str, resource: _Resource) -> Decimal | None:
    quantity = ((container.get("resources") or {}).get(part) or {}).get(resource.name)
    return None if quantity is None else quantities.parse(quantity) * resource.per_unit


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
        return Decision(Outcome.UNCHANGED, work.unchanged_reason, warnings=_left_alone_warnings(work))
    if mode is Mode.OBSERVE:
        return Decision(
            Outcome.OBSERVED, "mode is observe", changes=changes, warnings=change_warnings(changes, would=True)
        )
    warnings = (*change_warnings(changes, would=False), *_left_alone_warnings(work))
    patch = tuple(difference(request.object, work.object))
    return Decision(Outcome.PATCHED, "control values were set", patch=patch, changes=changes, warnings=warnings)


def _left_alone_warnings(work: _Work) -> tuple[str, ...]:
    if not work.left_alone:
        return ()
    return (warning(f"no control value, left alone: {', '.join(work.left_alone)}"),)
