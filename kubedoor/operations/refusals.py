"""Why an action on a workload is refused, and what its plan warns of. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubedoor.admission.rules import CONTROL_LABEL, Rules, object_facts
from kubedoor.admission.webhook_configuration import IGNORE_LABEL
from kubedoor.model.values import ControlValues, Mode
from kubedoor.operations.planned import PlanContext, Planned, Refused, Verdict
from kubedoor.operations.request import ActionRequest, Kind, Target


def check_scope(request: ActionRequest, target: Target, context: PlanContext, rules: Rules) -> None:
    """Raises Refused for a namespace that KubeDoor leaves alone, except to give it back what was asked."""
    if request.kind is not Kind.RESTORE and (reason := _out_of_scope(target, context, rules)):
        raise Refused(reason)


def _out_of_scope(target: Target, context: PlanContext, rules: Rules) -> str:
    if target.namespace in rules.excluded_namespaces:
        return f"namespace {target.namespace} is excluded from control"
    if target.namespace in context.ignored:
        return f"namespace {target.namespace} is labelled {IGNORE_LABEL}"
    return ""


def check(
    request: ActionRequest,
    target: Target,
    manifest: Mapping[str, Any],
    values: ControlValues,
    context: PlanContext,
    rules: Rules,
) -> None:
    """Raises Refused with the first reason that holds."""
    opted_out, owned = object_facts(manifest)
    reasons = {
        "it is being deleted": bool(manifest["metadata"].get("deletionTimestamp")),
        f'it is labelled {CONTROL_LABEL}: "off"': opted_out and request.kind is not Kind.RESTORE,
        "a controller owns it, which would undo this": owned,
    }
    if request.kind is Kind.SCALE:
        hpa = (target.namespace, target.deployment) in context.autoscaled or values.hpa
        reasons["an HPA scales it, which would undo this"] = hpa
    else:
        reasons["its rollout is paused, so that new pods would not come"] = bool(manifest["spec"].get("paused"))
    if request.kind is Kind.APPLY:
        reasons |= _nothing_would_be_set(values, context)
    if request.kind is Kind.RESTORE and not opted_out and not _out_of_scope(target, context, rules):
        reasons |= _would_be_set_again(values, context)
    for reason, holds in reasons.items():
        if holds:
            raise Refused(reason)


def _nothing_would_be_set(values: ControlValues, context: PlanContext) -> dict[str, bool]:
    return {
        "the door is off, so that a restart would set nothing: switch control on first": context.control_on is False,
        "it is not in the control table: collect first": not values.known,
        f"its mode is {values.mode}, so that a restart would set nothing": values.mode is not Mode.ENFORCE,
    }


def _would_be_set_again(values: ControlValues, context: PlanContext) -> dict[str, bool]:
    # For a workload that is not in the control table, what was asked is an unchanged manifest: the door keeps what runs.
    what = "would set control values again" if values.known else "would keep what runs"
    advice = "switch control off, or set its mode to off" if values.known else "switch control off"
    is_enforced = values.mode is Mode.ENFORCE
    return {
        f"the door is on and {what}: {advice}": is_enforced and context.control_on is True,
        f"the cluster does not say whether the door is on, which {what}: {advice}": (
            is_enforced and context.control_on is None
        ),
    }


def warnings(request: ActionRequest, planned: Planned, values: ControlValues, context: PlanContext) -> Iterator[str]:
    if context.control_on is None:
        yield "the cluster does not say whether the door is on"
    if planned.mismatch and planned.verdict is Verdict.WILL:
        yield planned.mismatch
    if planned.kept:
        yield planned.kept
    if request.kind is Kind.SCALE:
        if context.control_on is False:
            yield "the door is off: nothing keeps this number when others change it"
        if values.mode is not Mode.ENFORCE:
            yield f"its mode is {values.mode}: the door does not keep this number"
    if planned.replicas_after == 0 and planned.verdict is Verdict.WILL:
        yield "there will be no pods at all"
