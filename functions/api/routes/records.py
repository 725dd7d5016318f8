"""The records of the door and of people: filtered, paged, and whole as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BeforeValidator
from starlette.responses import StreamingResponse

from kubedoor.store.records import Wanted
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
)
Text = Annotated[str, Query(max_length=253)]
Limit = Annotated[int, Query(ge=1, le=1000)]
ExportLimit = Annotated[int | None, Query(ge=1, le=4_294_967_295, description="Only so many; else all.")]


def _written_out(text: Any) -> Any:
    """An instant as the document says, and not the seconds since 1970 that pydantic would take as well."""
    if isinstance(text, str) and "-" not in text[1:]:
        raise ValueError("write it like 2026-11-24T18:00:00Z")
    return text


Instant = Annotated[datetime, BeforeValidator(_written_out)]
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


def _wanted(
    who: Text = "",
    action: Text = "",
    target: Text = "",
    namespace: Annotated[str, Query(max_length=63)] = "",
    deployment: Text = "",
    outcome: Annotated[str, Query(max_length=20)] = "",
    since: Instant | None = None,
    until: Instant | None = None,
    before: Annotated[Instant | None, Query(description="`at` of the row after which to go on.")] = None,
    before_id: Annotated[UUID | None, Query(description="`id` of that row.")] = None,
    cluster: ClusterName = "",
) -> Wanted:
    return Wanted(who, action, target, namespace, deployment, outcome, since, until, before, before_id, cluster)


WantedIn = Annotated[Wanted, Depends(_wanted)]


@router.get("/admissions", operation_id="list_admissions")
def list_admissions(found: ServicesIn, login: LoginIn, wanted: WantedIn, limit: Limit = 100) -> list[AdmissionAnswer]:
    """What the door did, newest first. The next page: `before` and `before_id` of the last row."""
    return [AdmissionAnswer(**row) for row in found.records.find_admissions(wanted, limit=limit)]


@router.get("/admissions/export", operation_id="export_admissions", response_class=StreamingResponse, responses=_CSV)
def export_admissions(
    found: ServicesIn, login: LoginIn, wanted: WantedIn, limit: ExportLimit = None
) -> StreamingResponse:
    """All of them as CSV, newest first."""
    return _csv("admissions", _ADMISSION_COLUMNS, found.records.all_admissions(wanted, limit=limit))


@router.get("/audit", operation_id="list_audit")
def list_audit(found: ServicesIn, login: LoginIn, wanted: WantedIn, limit: Limit = 100) -> list[AuditAnswer]:
    """What people changed, newest first; without `cluster` in all clusters, with it there and in what is common to all.

    The next page: `before` and `before_id` of the last row."""
    return [AuditAnswer(**row) for row in found.records.find_audit(wanted, limit=limit)]


@router.get("/audit/export", operation_id="export_audit", response_class=StreamingResponse, responses=_CSV)
def export_audit(found: ServicesIn, login: LoginIn, wanted: WantedIn, limit: ExportLimit = None) -> StreamingResponse:
    """All of it as CSV, newest first."""
    return _csv("audit", _AUDIT_COLUMNS, found.records.all_audit(wanted, limit=limit))


def _csv(name: str, columns: Sequence[str], pages: Iterator[Iterable[dict[str, Any]]]) -> StreamingResponse:
    # The first rows are read before the answer begins, so that its status can still say that the store is away. A fault
    # further on breaks the connection off: the client sees an incomplete answer and no false end.
    first = list(islice(pages, 1))
    return StreamingResponse(
        csv_lines(columns, chain(first, pages)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="kubedoor-{name}.csv"'},
    )
