"""The clusters there are: what each has, and what can be done there."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from kubedoor.admission.switch import SwitchState

from ..schemas.collect import CollectionAnswer
from ..schemas.control import ControlAnswer
from ..security.access import ClustersIn, LoginIn
from ..services import Services

router = APIRouter(prefix="/clusters", tags=["clusters"])

AT_ONCE = 8
DOOR_SECONDS = 3.0
"""Longest wait for the API servers of all clusters together: one that is away must not hold up the list."""
LATE = SwitchState(None, f"its API server has not answered within {DOOR_SECONDS:g} s")


class ClusterAnswer(BaseModel):
    name: str
    is_home: bool = Field(description="KubeDoor itself runs here; what names no cluster is about this one.")
    is_sample: bool = Field(description="Usage is made up: there is no Prometheus.")
    has_access: bool = Field(description="False: it is collected and shown only, and `reason` says why.")
    reason: str
    workloads: int = Field(description="Workloads in the control table.")
    refreshed_at: datetime | None = Field(description="When the collected values were last made.")
    last_collection: CollectionAnswer | None
    door: ControlAnswer


@router.get("", operation_id="list_clusters")
def list_clusters(clusters: ClustersIn, login: LoginIn) -> list[ClusterAnswer]:
    """The home cluster first, then the others in the order of the settings."""
    found = clusters.all()
    # Whoever has not answered in time goes on in a thread of its own until its timeout.
    pool = ThreadPoolExecutor(max_workers=len(found), thread_name_prefix="doors")
    doors = [pool.submit(one.switch.state) for one in found]
    pool.shutdown(wait=False)
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="clusters") as readers:
        stored = list(readers.map(_stored, found))
    return [
        ClusterAnswer(
            name=one.settings.cluster,
            is_home=one.settings.is_home,
            is_sample=one.settings.uses_sample,
            has_access=not one.settings.no_access,
            reason=one.settings.no_access,
            **facts,
            door=ControlAnswer.model_validate(door, from_attributes=True),
        )
        for one, facts, door in zip(found, stored, _states(doors), strict=True)
    ]


def _stored(found: Services) -> dict[str, Any]:
    recent = found.collections.recent(limit=1)
    return {
        "workloads": found.control.workload_count(),
        "refreshed_at": found.control.refreshed_at(),
        "last_collection": CollectionAnswer(**recent[0]) if recent else None,
    }


def _states(doors: Sequence[Future[SwitchState]]) -> list[SwitchState]:
    wait(doors, timeout=DOOR_SECONDS)
    return [door.result() if door.done() else LATE for door in doors]
