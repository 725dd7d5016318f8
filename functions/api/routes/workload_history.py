"""What was of a workload: usage days, what happened, edits, accepted conditions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response

from kubedoor.config.metrics_link import filled
from kubedoor.model.values import WorkloadKey

from ..encoding import encoded
from ..schemas.base import Name
from ..schemas.conditions import AcceptanceAnswer
from ..schemas.edits import ManualAnswer
from ..schemas.workloads import HistoryAnswer, MarkAnswer
from ..security.access import LoginIn, ServicesIn
from ..services import Services

router = APIRouter(prefix="/workloads/{cluster}/{namespace}/{deployment}", tags=["workloads"])


@router.get("/history", operation_id="get_history", response_model=HistoryAnswer)
def get_history(
    cluster: Name,
    namespace: Name,
    deployment: Name,
    services: ServicesIn,
    login: LoginIn,
    days: Annotated[int, Query(ge=1, le=365)] = 30,
) -> Response:
    key = WorkloadKey(cluster, namespace, deployment)
    today = services.now().astimezone(ZoneInfo(services.settings.time_zone)).date()
    found = services.workloads.history(key, since=today - timedelta(days=days - 1))
    return encoded(
        days=found.usage,
        peak_day=found.peak_day,
        memory_peak_day=found.memory_peak_day,
        min_coverage=services.settings.min_coverage,
        first_day=min([today - timedelta(days=days - 1), *(row["day"] for row in found.usage[:1])]),
        last_day=max([today, *(row["day"] for row in found.usage[-1:])]),
        metrics_links=_metrics_links(services, key, {row["container"] for row in found.usage}, days=days),
    )


def _metrics_links(services: Services, key: WorkloadKey, containers: Iterable[str], *, days: int) -> dict[str, str]:
    link, end = services.settings.metrics_link, services.now()
    if not link:
        return {}
    return {name: filled(link, key, name, end - timedelta(days=days), end) for name in sorted(containers)}


@router.get("/marks", operation_id="list_marks")
def list_marks(
    cluster: Name,
    namespace: Name,
    deployment: Name,
    services: ServicesIn,
    login: LoginIn,
    days: Annotated[int, Query(ge=1, le=365)] = 30,
) -> list[MarkAnswer]:
    """What happened to the workload: edits, releases that the webhook saw, and collections; newest first."""
    key = WorkloadKey(cluster, namespace, deployment)
    services.workloads.must_exist(key)
    zone = ZoneInfo(services.settings.time_zone)
    first_day = services.now().astimezone(zone) - timedelta(days=days - 1)
    found = services.marks.since(key, first_day.replace(hour=0, minute=0, second=0, microsecond=0))
    return [MarkAnswer(**vars(one), day=one.at.astimezone(zone).date()) for one in found]


@router.get("/edits", operation_id="list_edits")
def list_edits(
    cluster: Name,
    namespace: Name,
    deployment: Name,
    services: ServicesIn,
    login: LoginIn,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[ManualAnswer]:
    found = services.workloads.edits(WorkloadKey(cluster, namespace, deployment), limit=limit)
    return [ManualAnswer.model_validate(asdict(edit)) for edit in found]


@router.get("/acceptances", operation_id="list_acceptances")
def list_acceptances(
    cluster: Name, namespace: Name, deployment: Name, services: ServicesIn, login: LoginIn
) -> list[AcceptanceAnswer]:
    """The newest word about each condition, newest first."""
    acceptances = services.workloads.acceptances(WorkloadKey(cluster, namespace, deployment))
    return [AcceptanceAnswer.model_validate(asdict(one)) for one in acceptances]
