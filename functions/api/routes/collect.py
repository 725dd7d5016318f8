"""Collections: start, progress, cancel; and the list of stored usage days."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from kubedoor.collection.request import parse_collect_request
from kubedoor.identity.audit import audited

from ..schemas.base import Id, may_fail
from ..schemas.collect import (
    CollectBody,
    CollectionAnswer,
    CollectionDetail,
    CollectSettings,
    CollectStarted,
    DaysAnswer,
    StoredDayAnswer,
)
from ..security.access import EditorIn, LoginIn, ServicesIn

router = APIRouter(prefix="/collect", tags=["collect"])


@router.post("", operation_id="start_collection", status_code=202, responses=may_fail(409))
def start_collection(body: CollectBody, services: ServicesIn, editor: EditorIn) -> CollectStarted:
    request = parse_collect_request(body.model_dump(exclude_none=True))
    if request.day is not None:
        services.settings.windows.collectable(request.day, services.now())
    with audited(services.records, editor, "collection.start", services.settings.cluster, after=request.as_json()):
        return CollectStarted(collection=services.collections.start(request))


@router.get("/runs", operation_id="list_collections")
def list_collections(
    services: ServicesIn, login: LoginIn, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> list[CollectionAnswer]:
    return [CollectionAnswer(**row) for row in services.collections.recent(limit=limit)]


@router.get("/runs/{collection}", operation_id="get_collection")
def get_collection(collection: Id, services: ServicesIn, login: LoginIn) -> CollectionDetail:
    return CollectionDetail(**services.collections.progress(collection))


@router.post("/runs/{collection}/cancel", operation_id="cancel_collection", status_code=202)
def cancel_collection(collection: Id, services: ServicesIn, editor: EditorIn) -> CollectionDetail:
    services.collections.progress(collection)
    with audited(services.records, editor, "collection.cancel", collection):
        services.collections.cancel(collection)
    return CollectionDetail(**services.collections.progress(collection))


@router.get("/days", operation_id="list_days")
def list_days(services: ServicesIn, login: LoginIn) -> DaysAnswer:
    """All stored usage days, newest first, and the settings of the collection."""
    days: list[dict[str, Any]] = [
        {**asdict(day), "is_taken_over": day.is_taken_over} for day in services.usage.days().values()
    ]
    settings = services.settings
    return DaysAnswer(
        days=[StoredDayAnswer(**{**day, "warnings": list(day["warnings"])}) for day in reversed(days)],
        settings=CollectSettings(
            peak_windows=settings.peak_windows,
            time_zone=settings.time_zone,
            weekdays_only=settings.weekdays_only,
            look_back_days=settings.look_back_days,
            min_coverage=settings.min_coverage,
            sizing_rule=settings.sizing_rule,
            peak_day_scope=settings.peak_day_scope,
            is_sample=settings.uses_sample,
        ),
    )
