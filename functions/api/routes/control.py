"""The switch and the preview."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body

from kubedoor.identity.audit import recorded

from ..after_response import PUBLISHES
from ..schemas.base import may_fail
from ..schemas.control import Change, ControlAnswer, ControlBody, PreviewAnswer
from ..security.access import EditorIn, LoginIn, ServicesIn

router = APIRouter(tags=["door"])
_PREVIEWED: dict[str, Any] = {
    "required": ["apiVersion", "kind"],
    "properties": {
        "apiVersion": {"enum": ["apps/v1", "admission.k8s.io/v1"]},
        "kind": {"enum": ["Deployment", "AdmissionReview"]},
    },
}


@router.get("/control", operation_id="get_control")
def get_control(found: ServicesIn, login: LoginIn) -> ControlAnswer:
    """The switch as the cluster has it."""
    return ControlAnswer(**asdict(found.switch.state()))


@router.put("/control", operation_id="set_control", dependencies=[PUBLISHES], responses=may_fail(409))
def set_control(body: ControlBody, found: ServicesIn, editor: EditorIn) -> ControlAnswer:
    """Control on: create the webhook configuration. Off: delete it."""
    found.cluster.check_access()
    before = found.switch.state()
    action, after = ("control.on" if body.enabled else "control.off"), {"enabled": body.enabled}
    with recorded(
        found.records, editor, action, found.settings.cluster, before={"enabled": before.enabled}, after=after
    ):
        state = found.switch.turn_on() if body.enabled else found.switch.turn_off()
    return ControlAnswer(**asdict(state))


@router.post("/admission/preview", operation_id="preview_admission")
def preview_admission(
    found: ServicesIn, login: LoginIn, body: Annotated[dict[str, Any], Body(json_schema_extra=_PREVIEWED)]
) -> PreviewAnswer:
    """What the door would do to a Deployment (as if created) or to an AdmissionReview. Leaves no trace."""
    shown = found.preview.show(body)
    decision = shown.decision
    return PreviewAnswer(
        outcome=decision.outcome,
        reason=decision.reason,
        allowed=decision.allowed,
        warnings=list(decision.warnings),
        changes=[Change(**asdict(change)) for change in decision.changes],
        before=shown.before,
        after=shown.after,
    )
