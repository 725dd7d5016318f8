"""The list of clusters, with their collections, their switches and whether KubeDoor has access."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from kubedoor.admission.switch import SwitchState
from kubedoor.sentences import sentence

from ..schemas.base import SaidAnswer, Speaking
from ..schemas.collect import CollectionAnswer
from ..schemas.control import ControlAnswer
from ..security.access import ClustersIn, LoginIn
from ..services import Services

router = APIRouter(prefix="/clusters", tags=["clusters"])

AT_ONCE = 8
SWITCH_TIMEOUT_SECONDS = 3.0
"""Timeout for the API servers of all clusters together: one that does not answer must not delay the list."""
NO_ANSWER = SwitchState(None, sentence("cluster.slow", seconds=SWITCH_TIMEOUT_SECONDS))


class ClusterAnswer(Speaking):
    name: str
    is_home: bool = Field(description="KubeDoor runs in this cluster; requests without a cluster are for it.")
    is_sample: bool = Field(description="Usage is sample data: no Prometheus is configured.")
    has_access: bool = Field(description="False: the cluster is only collected and shown; `reason` says why.")
    reason: str
    reason_said: SaidAnswer
    workloads: int = Field(description="Workloads in the control table.")
    refreshed_at: datetime | None = Field(description="When the collected values were last computed.")
    last_collection: CollectionAnswer | None
    door: ControlAnswer


@router.get("", operation_id="list_clusters")
def list_clusters(clusters: ClustersIn, login: LoginIn) -> list[ClusterAnswer]:
    """The home cluster first, then the others in the order of the settings."""
    services = clusters.all()
    # Not a `with` block: a call without an answer in time keeps its thread until its own timeout.
    pool = ThreadPoolExecutor(max_workers=len(services), thread_name_prefix="switches")
    switch_states = [pool.submit(one.switch.state) for one in services]
    pool.shutdown(wait=False)
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="clusters") as readers:
        stored = list(readers.map(_stored, services))
    return [
        ClusterAnswer.model_validate(
            {
                "name": one.settings.cluster,
                "is_home": one.settings.is_home,
                "is_sample": one.settings.uses_sample,
                "has_access": not one.settings.no_access,
                "reason": one.settings.no_access,
                **facts,
                "door": ControlAnswer(**asdict(switch_state), switched=None),
            }
        )
        for one, facts, switch_state in zip(services, stored, _answers_in_time(switch_states), strict=True)
    ]


def _stored(services: Services) -> dict[str, Any]:
    recent = services.collections.recent(limit=1)
    return {
        "workloads": services.control.workload_count(),
        "refreshed_at": services.control.refreshed_at(),
        "last_collection": CollectionAnswer(**recent[0]) if recent else None,
    }


def _answers_in_time(switch_states: Sequence[Future[SwitchState]]) -> list[SwitchState]:
    wait(switch_states, timeout=SWITCH_TIMEOUT_SECONDS)
    return [state.result() if state.done() else NO_ANSWER for state in switch_states]
