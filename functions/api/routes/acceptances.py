"""Acceptances: people let the door enforce what conditions withhold."""

from __future__ import annotations

from fastapi import APIRouter

from kubedoor.workloads.acceptances import AcceptanceRequest

from ..after_response import PUBLISH_SNAPSHOT
from ..schemas.conditions import AcceptanceBody, AcceptanceResult, AcceptedWorkload, SkippedWorkload
from ..security.access import EditorIn, ServicesIn

router = APIRouter(prefix="/acceptances", tags=["workloads"])


@router.post("", operation_id="accept_conditions", dependencies=[PUBLISH_SNAPSHOT])
def accept_conditions(body: AcceptanceBody, services: ServicesIn, editor: EditorIn) -> AcceptanceResult:
    """Accept conditions of workloads, for good or until an instant, or take that back. Restarts nothing."""
    request = AcceptanceRequest(
        workloads=[(one.namespace, one.deployment) for one in body.workloads],
        conditions=body.conditions,
        until=body.until,
        note=body.note,
        is_accepted=body.accepted,
    )
    made = services.acceptances.accept(request, editor)
    return AcceptanceResult(
        accepted=[
            AcceptedWorkload(namespace=namespace, deployment=deployment, conditions=list(conditions))
            for (namespace, deployment), conditions in made.accepted.items()
        ],
        skipped=[
            SkippedWorkload.model_validate({"namespace": namespace, "deployment": deployment, "reason": reason})
            for (namespace, deployment), reason in made.skipped.items()
        ],
    )
