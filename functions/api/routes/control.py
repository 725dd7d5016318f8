"""The switch (control on/off) and the preview of an admission."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body

from kubedoor.identity.audit import audited

from ..after_response import PUBLISH_SNAPSHOT
from ..schemas.base import may_fail
from ..schemas.control import ControlAnswer, ControlBody, PreviewAnswer
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
def get_control(services: ServicesIn, login: LoginIn) -> ControlAnswer:
    """Whether control is on, read from the API server."""
    return ControlAnswer(**asdict(services.switch.state()))


@router.put("/control", operation_id="set_control", dependencies=[PUBLISH_SNAPSHOT], responses=may_fail(409))
def set_control(body: ControlBody, services: ServicesIn, editor: EditorIn) -> ControlAnswer:
    """On: create the webhook configuration, the native policies, or both, as the setting wants. Off: delete them."""
    services.cluster.check_access()
    before = services.switch.state()
    action, after = ("control.on" if body.enabled else "control.off"), {"enabled": body.enabled}
    with audited(
        services.records, editor, action, services.settings.cluster, before={"enabled": before.enabled}, after=after
    ):
        state = services.switch.turn_on() if body.enabled else services.switch.turn_off()
    return ControlAnswer(**asdict(state))


def _as_text(quantity: Any) -> str | None:
    """A manifest may have numbers for quantities, as the API server takes them."""
    return None if quantity is None else str(quantity)


@router.post("/admission/preview", operation_id="preview_admission")
def preview_admission(
    services: ServicesIn, login: LoginIn, body: Annotated[dict[str, Any], Body(json_schema_extra=_PREVIEWED)]
) -> PreviewAnswer:
    """How the webhook would answer a new Deployment or an AdmissionReview. Nothing is changed or recorded."""
    shown = services.preview.show(body)
    decision = shown.decision
    return PreviewAnswer.model_validate(
        {
            "outcome": decision.outcome,
            "reason": decision.reason,
            "allowed": decision.allowed,
            "warnings": list(decision.warnings),
            "changes": [{**change._asdict(), "before": _as_text(change.before)} for change in decision.changes],
            "before": shown.before,
            "after": shown.after,
        }
    )
