"""Why an action on a workload is refused, and what its plan warns of. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubedoor.admission.rules import CONTROL_LABEL, Rules, object_facts
from kubedoor.model.values import ControlValues, Mode
from kubedoor.operations.planned import PlanContext, Planned, Refused, Verdict
from kubedoor.operations.request import ActionRequest, Kind, Target
from kubedoor.sentences import Sentence, sentence


def check_scope(request: ActionRequest, target: Target, context: PlanContext, rules: Rules) -> None:
    """Raises Refused for a namespace that KubeDoor leaves alone, except to give it back what was asked."""
    if request.kind is not Kind.RESTORE and (reason := _out_of_scope(target, context, rules)):
        raise Refused(reason)


def _out_of_scope(target: Target, context: PlanContext, rules: Rules) -> Sentence | None:
    if rules.leaves_out(target.namespace):
        return sentence("operations.namespace_excluded", namespace=target.namespace)
    if label := context.ignored.get(target.namespace):
        return sentence("operations.namespace_labelled", namespace=target.namespace, label=label)
    return None


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
        sentence("operations.being_deleted"): bool(manifest["metadata"].get("deletionTimestamp")),
        sentence("operations.opted_out", label=CONTROL_LABEL): opted_out and request.kind is not Kind.RESTORE,
        sentence("operations.owned"): owned,
    }
    if request.kind is Kind.SCALE:
        hpa = (target.namespace, target.deployment) in context.autoscaled or values.hpa
        reasons[sentence("operations.autoscaled")] = hpa
    else:
        reasons[sentence("operations.paused")] = bool(manifest["spec"].get("paused"))
    if request.kind is Kind.APPLY:
        reasons |= _nothing_would_be_set(values, context)
    if request.kind is Kind.RESTORE and not opted_out and not _out_of_scope(target, context, rules):
        reasons |= _would_be_set_again(values, context)
    for reason, holds in reasons.items():
        if holds:
            raise Refused(reason)


def _nothing_would_be_set(values: ControlValues, context: PlanContext) -> dict[Sentence, bool]:
    return {
        sentence("operations.door_is_off"): context.control_on is False,
        sentence("operations.not_in_table"): not values.known,
        sentence("operations.not_enforced", mode=mode_in_words(values.mode)): values.mode is not Mode.ENFORCE,
    }


def _would_be_set_again(values: ControlValues, context: PlanContext) -> dict[Sentence, bool]:
    # For a workload that is not in the control table, what was asked is an unchanged manifest: the door keeps what runs.
    is_on, is_unknown = sentence("operations.door_would_keep"), sentence("operations.door_unknown_would_keep")
    if values.known:
        is_on, is_unknown = sentence("operations.door_would_set"), sentence("operations.door_unknown_would_set")
    is_enforced = values.mode is Mode.ENFORCE
    return {
        is_on: is_enforced and context.control_on is True,
        is_unknown: is_enforced and context.control_on is None,
    }


def mode_in_words(mode: Mode) -> Sentence:
    words = {
        Mode.ENFORCE: sentence("common.mode_enforce"),
        Mode.OBSERVE: sentence("common.mode_observe"),
        Mode.OFF: sentence("common.mode_off"),
    }
    return words[mode]


def warnings(
    request: ActionRequest, planned: Planned, values: ControlValues, context: PlanContext
) -> Iterator[Sentence]:
    if context.control_on is None:
        yield sentence("operations.door_unknown")
    if planned.mismatch and planned.verdict is Verdict.WILL:
        yield planned.mismatch
    if planned.kept:
        yield planned.kept
    if request.kind is Kind.SCALE:
        if context.control_on is False:
            yield sentence("operations.nothing_keeps")
        if values.mode is not Mode.ENFORCE:
            yield sentence("operations.mode_does_not_keep", mode=mode_in_words(values.mode))
    if planned.replicas_after == 0 and planned.verdict is Verdict.WILL:
        yield sentence("operations.no_pods")
