"""The admission rules: from a request, the workload's control values and the settings to a decision.

Pure: no client, no clock, no environment, so that the same table of test cases can be run against any other enforcer.
Works on the JSON as received, never on typed models, so that fields which this version does not know survive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubedoor.admission.asked import drop_leftovers, keep_annotation, put_back, remember
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
from kubedoor.admission.due import Due, due_of, replicas_of
from kubedoor.admission.json_patch import operations
from kubedoor.admission.resources import Floors, set_resources
from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.work import Work, work_on
from kubedoor.model.values import ControlValues, Mode, Source, Value

CONTROL_LABEL = "kubedoor.io/control"
HPA_USER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
CONTROLLER_MANAGER = "system:kube-controller-manager"
"""The HPA controller's user where controllers share one. No other controller of the controller manager scales."""
GKE_AUTOSCALER = "system:vpa-recommender"
"""The HPA controller's user on GKE, where one program scales horizontally and vertically."""
OPENSHIFT_HPA_USER = "system:serviceaccount:openshift-infra:horizontal-pod-autoscaler"
_HPA_USERS_OF_SCALES = frozenset({CONTROLLER_MANAGER, GKE_AUTOSCALER, OPENSHIFT_HPA_USER})
_HPA_KEEPS = "replicas are the HPA's"
UNCHANGED_MANIFEST = "unchanged manifest"
_KEPT_TEXT = "unchanged manifest, requests and limits stay as they run"
_KEPT = warning(_KEPT_TEXT)


@dataclass(frozen=True)
class Rules:
    """The settings that decisions depend on."""

    excluded_namespaces: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    """Only these are controlled; empty: all but the excluded ones."""
    deny_unknown: bool = False
    deny_on_error: bool = False
    hpa_replicas: str = "keep"
    """Replicas of a workload that an HPA scales: `keep` what runs, `pass` what is sent, `control` them all the same."""
    keep_unchanged_manifests: bool = True
    """False: an unchanged manifest is a restart like any other."""
    min_cpu_millicores: int = 10
    min_memory_bytes: int = 2**20

    def leaves_out(self, namespace: str) -> str:
        """Why nothing in the namespace is controlled; empty if it is."""
        if namespace in self.excluded_namespaces:
            return f"namespace {namespace} is excluded"
        if self.namespaces and namespace not in self.namespaces:
            return f"namespace {namespace} is not one of those that are controlled"
        return ""


def decide(request: AdmissionRequest, values: ControlValues, rules: Rules, due: Due | None = None) -> Decision:
    """Apply the rules. `due`: of `due_of`, if the caller has it already.

    | request                                        | what is set                                    |
    |------------------------------------------------|------------------------------------------------|
    | CREATE                                         | replicas, requests, limits                     |
    | UPDATE that restarts                           | replicas, requests, limits                     |
    | UPDATE, an unchanged manifest                  | requests and limits go back to what runs       |
    | UPDATE that changes replicas only, and `scale` | replicas                                       |
    | UPDATE that drops the annotation `kubedoor.io/asked` | the annotation goes back                     |
    | anything else                                  | nothing                                        |

    Where nothing is set, a limit that only the door has set, and that a request exceeds, is dropped.

    Idempotent: the patched object, decided again, gets no patch.
    """
    if reason := _out_of_scope(request, rules):
        return Decision(Outcome.IGNORED, reason)
    due = due or due_of_request(request, rules)
    if not due:
        return Decision(Outcome.UNCHANGED, "neither a restart nor a change of replicas")
    work = work_on(request.object)
    if reason := _exemption(request, values):
        return _let_through(request, due, work, Decision(Outcome.IGNORED, reason))
    if _keeps_hpa_scale(request, rules):
        return Decision(Outcome.UNCHANGED, _HPA_KEEPS)
    if due.puts_back:
        put_back(work, request.old_object)
    elif due.keeps_annotation:
        keep_annotation(work, request.old_object)
    if due.needs_values and not values.known:
        return _unknown(request, rules, due, work)
    if due.replicas:
        _set_replicas(work, request, values, rules)
    if due.resources and due.spoken:
        set_resources(work, values, Floors(rules.min_cpu_millicores, rules.min_memory_bytes))
        drop_leftovers(work, request.old_object)
        remember(work, due.spoken)
    if values.mode is Mode.OBSERVE:
        return _let_through(request, due, work_on(request.object), _observed(due, work))
    return _conclude(due, work)


def due_of_request(request: AdmissionRequest, rules: Rules) -> Due:
    """What the request asks of the door; nothing where it is out of scope."""
    if _out_of_scope(request, rules):
        return Due()
    return due_of(request, keeps_unchanged=rules.keep_unchanged_manifests)


def needs_values(request: AdmissionRequest, rules: Rules, due: Due) -> bool:
    """Whether the decision depends on control values. False: the request alone decides."""
    is_exempt = not request.is_scale and any(object_facts(request.object))
    return due.needs_values and not is_exempt and not _keeps_hpa_scale(request, rules)


def without_values(request: AdmissionRequest, due: Due) -> Decision:
    """For a request that needs control values which cannot be had: what runs is put back all the same."""
    work = work_on(request.object)
    if not due.puts_back or any(object_facts(request.object)):
        return _let_through(request, due, work, Decision(Outcome.FAILED, ""))
    put_back(work, request.old_object)
    return Decision(Outcome.FAILED, "", patch=operations(work), warnings=(_KEPT,), keeps_running_numbers=True)


def _out_of_scope(request: AdmissionRequest, rules: Rules) -> str:
    if (request.group, request.resource) != ("apps", "deployments") or request.subresource not in ("", "scale"):
        return "not a Deployment"
    if request.operation not in ("CREATE", "UPDATE"):
        return f"nothing is set on {request.operation}"
    return rules.leaves_out(request.namespace)


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
    """Whether a Deployment is opted out by its label, and whether another object owns it.

    Operators that do not say `controller: true` in their owner references put back what they want all the same.
    """
    metadata = manifest.get("metadata") or {}
    labels = metadata.get("labels") or {}
    return labels.get(CONTROL_LABEL) == "off", bool(metadata.get("ownerReferences"))


def _let_through(request: AdmissionRequest, due: Due, work: Work, decision: Decision) -> Decision:
    """`decision`, which sets nothing, so that nothing of the door's stands in the request's way. `work`: nothing done yet."""
    if not request.old_object or not (due.resources or due.puts_back):
        return decision
    drop_leftovers(work, request.old_object)
    remarks = (warning(one) for one in work.remarks)
    return decision._replace(patch=operations(work), warnings=(*decision.warnings, *remarks))


def _unknown(request: AdmissionRequest, rules: Rules, due: Due, work: Work) -> Decision:
    message = warning(f"{request.namespace}/{request.shown_name} is not in the control table")
    if rules.deny_unknown:
        # A Deployment that never runs is never collected, so the message names the ways to admit it.
        name = f"{request.namespace}/{request.shown_name}"
        advice = f'add it there first (`kubedoor add {name}`), or label it {CONTROL_LABEL}: "off"'
        return Decision(Outcome.DENIED, f"{message}: {advice}", allowed=False)
    decision = Decision(
        Outcome.UNKNOWN,
        "not in the control table",
        patch=operations(work),
        warnings=(*_kept(due), f"{message}, left as it is"),
        keeps_running_numbers=due.puts_back,
    )
    return decision if due.puts_back else _let_through(request, due, work, decision)


def is_hpa(request: AdmissionRequest) -> bool:
    """Whether the request is by the HPA controller."""
    return request.username == HPA_USER or (request.is_scale and request.username in _HPA_USERS_OF_SCALES)


def _keeps_hpa_scale(request: AdmissionRequest, rules: Rules) -> bool:
    """Whether it is a scale by the HPA controller that passes unchanged, also for an unknown workload."""
    return rules.hpa_replicas != "control" and request.is_scale and is_hpa(request)


def _set_replicas(work: Work, request: AdmissionRequest, values: ControlValues, rules: Rules) -> None:
    before = replicas_of(work.object)
    if rules.hpa_replicas != "control" and (values.hpa or is_hpa(request)):
        work.unchanged_reason = _HPA_KEEPS
        if rules.hpa_replicas == "keep" and request.operation == "UPDATE" and not is_hpa(request):
            _keep_replicas(work, before, replicas_of(request.old_object))
    elif values.replicas is not None:
        _write_replicas(work, before, values.replicas)
    elif values.withheld_replicas:
        work.withheld.append(WithheldField("replicas", "", str(before), values.withheld_replicas))
    else:
        work.left_alone.append("replicas")


def _keep_replicas(work: Work, wanted: int, running: int) -> None:
    """Keep what runs, except that zero switches an HPA off, and from zero only a person switches it on again."""
    if wanted and running:
        _write_replicas(work, wanted, Value(running, Source.RUNNING))


def _write_replicas(work: Work, before: int, wanted: Value) -> None:
    if before != wanted.amount:
        work.replicas = wanted.amount
        work.changes.append(Change("replicas", "", str(before), str(wanted.amount), wanted.source))


def _conclude(due: Due, work: Work) -> Decision:
    changes = tuple(work.changes)
    warnings = change_warnings(changes, would=False)
    if due.puts_back or work.remarks or work.withheld or work.left_alone:
        remarks = (warning(one) for one in work.remarks)
        warnings = (*warnings, *_kept(due), *remarks, *_withheld_warnings(work), *_left_alone_warnings(work))
    return Decision(
        Outcome.PATCHED if changes else Outcome.UNCHANGED,
        _reason(due, work),
        patch=operations(work),
        changes=changes,
        warnings=warnings,
        keeps_running_numbers=due.puts_back,
    )


def _observed(due: Due, work: Work) -> Decision:
    """Nothing is patched, so that an unchanged manifest is what it is without the door: a restart."""
    warnings = (*change_warnings(tuple(work.changes), would=True), *_withheld_warnings(work))
    if due.puts_back:
        warnings = (warning(f"observed: {_KEPT_TEXT} where it is enforced"), *warnings)
    elif not work.changes:
        reason = "mode is observe" if due.keeps_annotation else _reason(due, work)
        return Decision(Outcome.UNCHANGED, reason, warnings=(*warnings, *_left_alone_warnings(work)))
    return Decision(Outcome.OBSERVED, "mode is observe", changes=tuple(work.changes), warnings=warnings)


def _kept(due: Due) -> tuple[str, ...]:
    return (_KEPT,) if due.puts_back else ()


def _reason(due: Due, work: Work) -> str:
    for change in work.changes:
        if change.source is not Source.RUNNING:
            return "control values were set"
    if work.changes:
        return _HPA_KEEPS
    if due.puts_back:
        return UNCHANGED_MANIFEST
    if work.withheld:
        return withheld_reason(work.withheld)
    return "the annotation of what was asked was put back" if due.keeps_annotation else work.unchanged_reason


def _withheld_warnings(work: Work) -> tuple[str, ...]:
    return (withheld_warning(work.withheld),) if work.withheld else ()


def _left_alone_warnings(work: Work) -> tuple[str, ...]:
    if not work.left_alone:
        return ()
    return (warning(f"no control value, left alone: {', '.join(work.left_alone)}"),)
