"""The admission rules: from a request, the workload's control values and the settings to a decision.

Pure: no client, no clock, no environment, so that the same table of test cases can be run against any other enforcer.
Works on the JSON as received, never on typed models, so that fields which this version does not know survive.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubedoor.admission.decision import (
    Change,
    Decision,
    Outcome,
    WithheldField,
    change_warnings,
    warning,
    withheld_reason,
    withheld_warning,
)
from kubedoor.admission.json_patch import difference
from kubedoor.admission.resources import Floors, Work, set_resources
from kubedoor.admission.restarts import restarts
from kubedoor.admission.review import AdmissionRequest
from kubedoor.model.values import ControlValues, Mode

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
    work = Work(copy.deepcopy(request.object))
    _set_replicas(work, request, values, rules)
    if sets_resources:
        set_resources(work, values, Floors(rules.min_cpu_millicores, rules.min_memory_bytes))
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


def _set_replicas(work: Work, request: AdmissionRequest, values: ControlValues, rules: Rules) -> None:
    if rules.keep_hpa_replicas and (values.hpa or is_hpa(request)):
        work.unchanged_reason = _HPA_KEEPS
        return
    before = replicas_of(work.object)
    if values.replicas is None:
        if values.withheld_replicas:
            work.withheld.append(WithheldField("replicas", "", str(before), values.withheld_replicas))
        else:
            work.left_alone.append("replicas")
        return
    if before != values.replicas.amount:
        spec = work.object["spec"] = work.object.get("spec") or {}
        spec["replicas"] = values.replicas.amount
        work.changes.append(Change("replicas", "", str(before), str(values.replicas.amount), values.replicas.source))


def _conclude(request: AdmissionRequest, work: Work, mode: Mode) -> Decision:
    changes = tuple(work.changes)
    withheld = (withheld_warning(work.withheld),) if work.withheld else ()
    if not changes:
        reason = withheld_reason(work.withheld) if withheld else work.unchanged_reason
        return Decision(Outcome.UNCHANGED, reason, warnings=(*withheld, *_left_alone_warnings(work)))
    if mode is Mode.OBSERVE:
        warnings = (*change_warnings(changes, would=True), *withheld)
        return Decision(Outcome.OBSERVED, "mode is observe", changes=changes, warnings=warnings)
    warnings = (*change_warnings(changes, would=False), *withheld, *_left_alone_warnings(work))
    patch = tuple(difference(request.object, work.object))
    return Decision(Outcome.PATCHED, "control values were set", patch=patch, changes=changes, warnings=warnings)


def _left_alone_warnings(work: Work) -> tuple[str, ...]:
    if not work.left_alone:
        return ()
    return (warning(f"no control value, left alone: {', '.join(work.left_alone)}"),)
