"""The switch, the preview, and the records of the door and of people."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query

from kubedoor.recording import recorded

from .aftermath import PUBLISHES
from .schemas import AdmissionAnswer, AuditAnswer, Change, ControlAnswer, ControlBody, PreviewAnswer
from .security import EditorIn, LoginIn, ServicesIn

router = APIRouter(tags=["door"])


@router.get("/control", operation_id="get_control")
def get_control(found: ServicesIn, login: LoginIn) -> ControlAnswer:
    """The switch as the cluster has it."""
    return ControlAnswer(**asdict(found.switch.state()))


@router.put("/control", operation_id="set_control", dependencies=[PUBLISHES])
def set_control(body: ControlBody, found: ServicesIn, editor: EditorIn) -> ControlAnswer:
    """Control on: create the webhook configuration. Off: delete it."""
    before = found.switch.state()
    action, after = ("control.on" if body.enabled else "control.off"), {"enabled": body.enabled}
    with recorded(
        found.records, editor, action, found.settings.cluster, before={"enabled": before.enabled}, after=after
    ):
        state = found.switch.turn_on() if body.enabled else found.switch.turn_off()
    return ControlAnswer(**asdict(state))


@router.post("/admission/preview", operation_id="preview_admission")
def preview_admission(found: ServicesIn, login: LoginIn, body: Annotated[dict[str, Any], Body()]) -> PreviewAnswer:
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


@router.get("/admissions", operation_id="list_admissions")
def list_admissions(
    found: ServicesIn,
    login: LoginIn,
    namespace: Annotated[str, Query(max_length=63)] = "",
    deployment: Annotated[str, Query(max_length=253)] = "",
    outcome: Annotated[str, Query(max_length=20)] = "",
    before: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[AdmissionAnswer]:
    """What the door did, newest first; `before` pages on."""
    rows = found.records.admissions(
        namespace=namespace, deployment=deployment, outcome=outcome, before=before, limit=limit
    )
    return [AdmissionAnswer(**row) for row in rows]


@router.get("/audit", operation_id="list_audit")
def list_audit(
    found: ServicesIn, login: LoginIn, before: datetime | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[AuditAnswer]:
    """What people changed, newest first."""
    return [AuditAnswer(**row) for row in found.records.audit(before=before, limit=limit)]
