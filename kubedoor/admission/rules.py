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
    left_alone_warning,
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
from kubedoor.sentences import NOTHING, Sentence, sentence

CONTROL_LABEL = "kubedoor.io/control"
HPA_USER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
CONTROLLER_MANAGER = "system:kube-controller-manager"
"""The HPA controller's user where controllers share one. No other controller of the controller manager scales."""
GKE_AUTOSCALER = "system:vpa-recommender"
"""The HPA controller's user on GKE, where one program scales horizontally and vertically."""
OPENSHIFT_HPA_USER = "system:serviceaccount:openshift-infra:horizontal-pod-autoscaler"
HPA_USERS_OF_SCALES = frozenset({CONTROLLER_MANAGER, GKE_AUTOSCALER, OPENSHIFT_HPA_USER})
_HPA_KEEPS = sentence("door.hpa_keeps")
UNCHANGED_MANIFEST = sentence("door.unchanged_manifest")
_KEPT = warning("door.kept")
_WOULD_KEEP = warning("door.would_keep")
_NOTHING_DUE = sentence("door.nothing_due")
_NOT_A_DEPLOYMENT = sentence("door.not_a_deployment")
_OPTED_OUT = sentence("door.opted_out", label=CONTROL_LABEL)
_OWNED = sentence("door.owned")
_OFF = sentence("door.mode_off")
_OBSERVED = sentence("door.mode_observe")
_VALUES_SET = sentence("door.values_set")
_ANNOTATION_BACK = sentence("door.annotation_back")
_NOT_IN_TABLE = sentence("door.not_in_table")
_REPLICAS = sentence("sizing.replicas")


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

    def leaves_out(self, namespace: str) -> Sentence:
        """Why nothing in the namespace is controlled; empty if it is."""
        if namespace in self.excluded_namespaces:
            return sentence("door.namespace_excluded", namespace=namespace)
        if self.namespaces and namespace not in self.namespaces:
            return sentence("door.namespace_not_controlled", namespace=namespace)
        return NOTHING


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
        return Decision(Outcome.UNCHANGED, _NOTHING_DUE)
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
        return _let_through(request, due, work, Decision(Outcome.FAILED, NOTHING))
    put_back(work, request.old_object)
    return Decision(Outcome.FAILED, NOTHING, patch=operations(work), warnings=(_KEPT,), keeps_running_numbers=True)


def _out_of_scope(request: AdmissionRequest, rules: Rules) -> Sentence:
    if (request.group, request.resource) != ("apps", "deployments") or request.subresource not in ("", "scale"):
        return _NOT_A_DEPLOYMENT
    if request.operation not in ("CREATE", "UPDATE"):
        return sentence("door.other_operation", operation=request.operation)
    return rules.leaves_out(request.namespace)


def _exemption(request: AdmissionRequest, values: ControlValues) -> Sentence:
    """Why a Deployment is not controlled; empty if it is. A Scale shows no labels and owners: `values` have them."""
    opted_out, owned = (values.opted_out, values.owned) if request.is_scale else object_facts(request.object)
    if opted_out:
        return _OPTED_OUT
    if owned:
        return _OWNED
    if values.mode is Mode.OFF:
        return _OFF
    return NOTHING


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
    return decision._replace(patch=operations(work), warnings=(*decision.warnings, *work.remarks))


def _unknown(request: AdmissionRequest, rules: Rules, due: Due, work: Work) -> Decision:
    name = f"{request.namespace}/{request.shown_name}"
    if rules.deny_unknown:
        # A Deployment that never runs is never collected, so the message names the ways to admit it.
        denied = sentence("door.denied_unknown", workload=name, label=CONTROL_LABEL)
        return Decision(Outcome.DENIED, denied, allowed=False)
    decision = Decision(
        Outcome.UNKNOWN,
        _NOT_IN_TABLE,
        patch=operations(work),
        warnings=(*_kept(due), warning("door.unknown", workload=name)),
        keeps_running_numbers=due.puts_back,
    )
    return decision if due.puts_back else _let_through(request, due, work, decision)


def is_hpa(request: AdmissionRequest) -> bool:
    """Whether the request is by the HPA controller."""
    return request.username == HPA_USER or (request.is_scale and request.username in HPA_USERS_OF_SCALES)


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
        work.left_alone.append(_REPLICAS)


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
        warnings = (*warnings, *_kept(due), *work.remarks, *_withheld_warnings(work), *_left_alone_warnings(work))
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
        warnings = (_WOULD_KEEP, *warnings)
    elif not work.changes:
        reason = _OBSERVED if due.keeps_annotation else _reason(due, work)
        return Decision(Outcome.UNCHANGED, reason, warnings=(*warnings, *_left_alone_warnings(work)))
    return Decision(Outcome.OBSERVED, _OBSERVED, changes=tuple(work.changes), warnings=warnings)


def _kept(due: Due) -> tuple[Sentence, ...]:
    return (_KEPT,) if due.puts_back else ()


def _reason(due: Due, work: Work) -> Sentence:
    for change in work.changes:
        if change.source is not Source.RUNNING:
            return _VALUES_SET
    if work.changes:
        return _HPA_KEEPS
    if due.puts_back:
        return UNCHANGED_MANIFEST
    if work.withheld:
        return withheld_reason(tuple(work.withheld))
    return _ANNOTATION_BACK if due.keeps_annotation else work.unchanged_reason


def _withheld_warnings(work: Work) -> tuple[Sentence, ...]:
    return (withheld_warning(tuple(work.withheld)),) if work.withheld else ()


def _left_alone_warnings(work: Work) -> tuple[Sentence, ...]:
    if not work.left_alone:
        return ()
    return (left_alone_warning(tuple(work.left_alone)),)
