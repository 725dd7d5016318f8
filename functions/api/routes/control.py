"""The switch (control on/off) and the preview of an admission."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body

from kubedoor.admission.preview import PreviewResult, missing_containers
from kubedoor.admission.switch import SwitchState
from kubedoor.errors import Conflict, StoreError
from kubedoor.identity.audit import audited
from kubedoor.model.values import WorkloadKey
from kubedoor.sentences import sentence
from kubedoor.workloads.edits import Edit

from ..after_response import PUBLISH_SNAPSHOT
from ..schemas.base import Name, may_fail
from ..schemas.control import ControlAnswer, ControlBody, PendingPreview, PreviewAnswer, SwitchedAnswer
from ..security.access import EditorIn, LoginIn, ServicesIn
from ..services import Services

router = APIRouter(tags=["door"])
ON, OFF = "control.on", "control.off"
_PREVIEWED: dict[str, Any] = {
    "required": ["apiVersion", "kind"],
    "properties": {
        "apiVersion": {"enum": ["apps/v1", "admission.k8s.io/v1"]},
        "kind": {"enum": ["Deployment", "AdmissionReview"]},
    },
}


@router.get("/control", operation_id="get_control")
def get_control(services: ServicesIn, login: LoginIn) -> ControlAnswer:
    """Whether control is on, read from the API server; where it is off, who switched it off, when and why."""
    return _control_answer(services, services.switch.state())


@router.put("/control", operation_id="set_control", dependencies=[PUBLISH_SNAPSHOT], responses=may_fail(409))
def set_control(body: ControlBody, services: ServicesIn, editor: EditorIn) -> ControlAnswer:
    """On: create the webhook configuration, the native policies, or both, as the setting wants. Off: delete them."""
    services.cluster.check_access()
    before = services.switch.state()
    action, after = (ON if body.enabled else OFF), {"enabled": body.enabled, "note": body.note.strip()}
    with (
        suppress(_StillOn),
        audited(
            services.records, editor, action, services.settings.cluster, before={"enabled": before.enabled}, after=after
        ),
    ):
        state = services.switch.turn_on() if body.enabled else services.switch.turn_off()
        if not body.enabled and state.enabled is not False:
            raise _StillOn(sentence("cluster.still_on", reason=state.reason))
    return _control_answer(services, state)


class _StillOn(Conflict):
    """For the audit log, which must not say "done": something is left of what was to be switched off."""


def _control_answer(services: Services, state: SwitchState) -> ControlAnswer:
    switched = _switched_off(services) if state.enabled is False else None
    return ControlAnswer(**asdict(state), switched=switched)


def _switched_off(services: Services) -> SwitchedAnswer | None:
    """None: nobody did it here, or the store cannot tell now."""
    cluster = services.settings.cluster
    try:
        newest = services.records.newest_done((ON, OFF), target=cluster)
    except StoreError:
        return None
    # It was switched on here: somebody has taken the configuration away past KubeDoor since.
    if newest is None or newest["action"] == ON:
        return None
    return SwitchedAnswer(at=newest["at"], who=newest["who"], note=newest["after"].get("note", ""))


def _as_text(quantity: Any) -> str | None:
    """A manifest may have numbers for quantities, as the API server takes them."""
    return None if quantity is None else str(quantity)


@router.post("/admission/preview", operation_id="preview_admission")
def preview_admission(
    services: ServicesIn, login: LoginIn, body: Annotated[dict[str, Any], Body(json_schema_extra=_PREVIEWED)]
) -> PreviewAnswer:
    """How the webhook would answer a new Deployment or an AdmissionReview. Nothing is changed or recorded."""
    return _preview_answer(services.preview.show(body))


@router.post(
    "/workloads/{cluster}/{namespace}/{deployment}/preview", operation_id="preview_edit", responses=may_fail(409)
)
def preview_edit(
    cluster: Name, namespace: Name, deployment: Name, body: PendingPreview, services: ServicesIn, login: LoginIn
) -> PreviewAnswer:
    """As `preview_admission`, with the control values as an edit would make them. Nothing is changed or recorded."""
    key = WorkloadKey(cluster, namespace, deployment)
    values = services.workloads.pending(key, Edit(body.edit.version, body.edit.changes()))
    shown, named = services.preview.show(body.object, lambda _key: values), body.edit.changes().get("containers") or {}
    return _preview_answer(shown, missing=missing_containers(shown.before, named))


def _preview_answer(shown: PreviewResult, *, missing: list[str] | None = None) -> PreviewAnswer:
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
            "missing_containers": missing or [],
        }
    )
