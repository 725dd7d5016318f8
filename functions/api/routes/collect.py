"""Collections: start one, follow it, and which days there are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from kubedoor.collection.request import parse_wish
from kubedoor.identity.audit import recorded

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
def start_collection(body: CollectBody, found: ServicesIn, editor: EditorIn) -> CollectStarted:
    wish = parse_wish(body.model_dump(exclude_none=True))
    if wish.day is not None:
        found.settings.windows.collectable(wish.day, found.now())
    with recorded(found.records, editor, "collection.start", found.settings.cluster, after=wish.as_json()):
        return CollectStarted(collection=found.collections.start(wish))


@router.get("/runs", operation_id="list_collections")
def list_collections(
    found: ServicesIn, login: LoginIn, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> list[CollectionAnswer]:
    return [CollectionAnswer(**row) for row in found.collections.recent(limit=limit)]


@router.get("/runs/{collection}", operation_id="get_collection")
def get_collection(collection: Id, found: ServicesIn, login: LoginIn) -> CollectionDetail:
    return CollectionDetail(**found.collections.progress(collection))


@router.post("/runs/{collection}/cancel", operation_id="cancel_collection", status_code=202)
def cancel_collection(collection: Id, found: ServicesIn, editor: EditorIn) -> CollectionDetail:
    found.collections.progress(collection)
    with recorded(found.records, editor, "collection.cancel", collection):
        found.collections.cancel(collection)
    return CollectionDetail(**found.collections.progress(collection))


@router.get("/days", operation_id="list_days")
def list_days(found: ServicesIn, login: LoginIn) -> DaysAnswer:
    """Every usage day there is, newest first, and the settings they are collected with."""
    days: list[dict[str, Any]] = [asdict(day) for day in found.usage.days().values()]
    settings = found.settings
    return DaysAnswer(
        days=[StoredDayAnswer(**{**day, "warnings": list(day["warnings"])}) for day in reversed(days)],
        settings=CollectSettings(
            peak_windows=settings.peak_windows,
            time_zone=settings.time_zone,
            weekdays_only=settings.weekdays_only,
            look_back_days=settings.look_back_days,
            sizing_rule=settings.sizing_rule,
            peak_day_scope=settings.peak_day_scope,
            is_sample=settings.uses_sample,
        ),
    )
