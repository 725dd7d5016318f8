"""Admission records and the audit log: filtered pages, and full exports as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BeforeValidator
from starlette.responses import StreamingResponse

from kubedoor.store.records import RecordFilter
from kubedoor.workloads.csv_stream import csv_lines

from ..schemas.control import AdmissionAnswer, AuditAnswer
from ..security.access import ClusterName, LoginIn, ServicesIn

router = APIRouter(tags=["records"])

_AUDIT_COLUMNS = ("at", "cluster", "who", "via", "address", "action", "target", "outcome", "before", "after", "id")
_ADMISSION_COLUMNS = (
    "at",
    "namespace",
    "deployment",
    "operation",
    "subresource",
    "username",
    "outcome",
    "reason",
    "before",
    "after",
    "warnings",
    "version",
    "snapshot_age_seconds",
    "uid",
    "id",
    "by",
    "by_via",
    "action",
)
Text = Annotated[str, Query(max_length=253)]
Limit = Annotated[int, Query(ge=1, le=1000)]
ExportLimit = Annotated[int | None, Query(ge=1, le=4_294_967_295, description="At most this many rows; null: all.")]


def _not_a_timestamp(text: Any) -> Any:
    """Refuses Unix timestamps: pydantic accepts them, the OpenAPI document (RFC 3339) does not."""
    if isinstance(text, str) and "-" not in text[1:]:
        raise ValueError("write it like 2026-11-24T18:00:00Z")
    return text


Instant = Annotated[datetime, BeforeValidator(_not_a_timestamp)]
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


def _filter(
    who: Text = "",
    action: Text = "",
    target: Text = "",
    namespace: Annotated[str, Query(max_length=63)] = "",
    deployment: Text = "",
    outcome: Annotated[str, Query(max_length=20)] = "",
    since: Instant | None = None,
    until: Instant | None = None,
    before: Annotated[Instant | None, Query(description="`at` of the last row of the previous page.")] = None,
    before_id: Annotated[UUID | None, Query(description="`id` of that row.")] = None,
    cluster: ClusterName = "",
) -> RecordFilter:
    return RecordFilter(who, action, target, namespace, deployment, outcome, since, until, before, before_id, cluster)


FilterIn = Annotated[RecordFilter, Depends(_filter)]


@router.get("/admissions", operation_id="list_admissions")
def list_admissions(
    services: ServicesIn, login: LoginIn, filters: FilterIn, limit: Limit = 100
) -> list[AdmissionAnswer]:
    """Admissions, newest first. The next page: `before` and `before_id` of the last row."""
    rows = services.own_changes.named(services.records.find_admissions(filters, limit=limit))
    return [AdmissionAnswer(**row) for row in rows]


@router.get("/admissions/export", operation_id="export_admissions", response_class=StreamingResponse, responses=_CSV)
def export_admissions(
    services: ServicesIn, login: LoginIn, filters: FilterIn, limit: ExportLimit = None
) -> StreamingResponse:
    """All matching admissions as CSV, newest first."""
    pages = services.records.all_admissions(filters, limit=limit)
    return _csv("admissions", _ADMISSION_COLUMNS, map(services.own_changes.named, pages))


@router.get("/audit", operation_id="list_audit")
def list_audit(services: ServicesIn, login: LoginIn, filters: FilterIn, limit: Limit = 100) -> list[AuditAnswer]:
    """Changes by people, newest first: of all clusters, or with `cluster` of that one and of what all clusters share.

    The next page: `before` and `before_id` of the last row.
    """
    return [AuditAnswer(**row) for row in services.records.find_audit(filters, limit=limit)]


@router.get("/audit/export", operation_id="export_audit", response_class=StreamingResponse, responses=_CSV)
def export_audit(
    services: ServicesIn, login: LoginIn, filters: FilterIn, limit: ExportLimit = None
) -> StreamingResponse:
    """All matching audit entries as CSV, newest first."""
    return _csv("audit", _AUDIT_COLUMNS, services.records.all_audit(filters, limit=limit))


def _csv(name: str, columns: Sequence[str], pages: Iterator[Iterable[dict[str, Any]]]) -> StreamingResponse:
    # The first page is read before the response starts, so that a store error still sets its status. A later error
    # aborts the connection, so that the client notices the incomplete response.
    first = list(islice(pages, 1))
    return StreamingResponse(
        csv_lines(columns, chain(first, pages)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="kubedoor-{name}.csv"'},
    )
