"""The overview and the checkup."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request

from ..schemas.collect import CollectionAnswer
from ..schemas.overview import CheckAnswer, CheckupAnswer, NamespaceSavedDay, OverviewAnswer, SavingsHistory
from ..security import request_checks
from ..security.access import LoginIn, ServicesIn
from .workloads import workload_answer

router = APIRouter(tags=["overview"])


@router.get("/overview", operation_id="get_overview")
def get_overview(services: ServicesIn, login: LoginIn) -> OverviewAnswer:
    shown = services.overview.show()
    last = shown["last_collection"]
    return OverviewAnswer(
        **{
            **shown,
            "most_wasteful": [workload_answer(row) for row in shown["most_wasteful"]],
            "most_at_risk": [workload_answer(row) for row in shown["most_at_risk"]],
            "last_collection": CollectionAnswer(**last) if last else None,
        }
    )


@router.get("/overview/savings", operation_id="get_savings")
def get_savings(services: ServicesIn, login: LoginIn, days: Annotated[int, Query(ge=1, le=365)] = 31) -> SavingsHistory:
    """What KubeDoor had taken off what owners asked for at the end of each day, by namespace."""
    rows = services.overview.savings.by_day(days=days)
    return SavingsHistory(days=[NamespaceSavedDay(**row) for row in rows])


@router.get("/checkup", operation_id="run_checkup")
def run_checkup(request: Request, services: ServicesIn, login: LoginIn) -> CheckupAnswer:
    """Check every dependency, metric and permission; a failed check has a remedy."""
    checks = [*services.checkup.run(), *request_checks.checks(request, services, login)]
    return CheckupAnswer(
        ok=all(check.ok for check in checks), checks=[CheckAnswer(**asdict(check)) for check in checks]
    )
