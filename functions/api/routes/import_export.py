"""Export of control values; import of manual values from CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from kubedoor.control_values import compile_rows
from kubedoor.store.connection import Row
from kubedoor.workloads.csv_import import ImportResult
from kubedoor.workloads.csv_sheet import COLUMNS, has_manual_value, sheet_row
from kubedoor.workloads.csv_stream import csv_lines
from kubedoor.workloads.deployment_columns import with_states
from kubedoor.workloads.git_files import archive as archived
from kubedoor.workloads.git_patches import GitValues, git_values, helm_values, kustomize_patch, yaml_documents

from ..after_response import PUBLISH_SNAPSHOT
from ..schemas.base import may_fail
from ..schemas.import_export import ImportAnswer
from ..security.access import EditorIn, LoginIn, ServicesIn
from ..services import Services

router = APIRouter(prefix="/values", tags=["values"])
_SHEET_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
}


Adds = Annotated[
    bool,
    Query(
        description="Lines without a version put workloads into the control table that are not there; else a problem."
    ),
]


class ExportFormat(StrEnum):
    CSV = "csv"
    JSON = "json"
    KUSTOMIZE = "kustomize"
    HELM = "helm"


_MEDIA = {
    ExportFormat.CSV: ("text/csv; charset=utf-8", "kubedoor-values.csv"),
    ExportFormat.JSON: ("application/json", "kubedoor-values.json"),
    ExportFormat.KUSTOMIZE: ("application/yaml", "kubedoor-patches.yaml"),
    ExportFormat.HELM: ("application/yaml", "kubedoor-helm-values.yaml"),
}
_RENDERED = {ExportFormat.KUSTOMIZE: kustomize_patch, ExportFormat.HELM: helm_values}
_ARCHIVES = {ExportFormat.KUSTOMIZE: "kubedoor-patches.zip", ExportFormat.HELM: "kubedoor-helm-values.zip"}
_EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            media.partition(";")[0]: {"schema": {"type": "string"}}
            for media, _ in _MEDIA.values()
            if "json" not in media
        }
        | {
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
            "application/zip": {"schema": {"type": "string", "format": "binary"}},
        }
    }
}


@router.get("/export", operation_id="export_values", response_class=StreamingResponse, responses=_EXPORTED)
def export_values(
    services: ServicesIn,
    login: LoginIn,
    form: Annotated[ExportFormat, Query(alias="format")] = ExportFormat.CSV,
    namespace: Annotated[str, Query(max_length=63)] = "",
    deployment: Annotated[str, Query(max_length=253)] = "",
    manual: Annotated[bool, Query(description="Only workloads with manual values.")] = False,
    archive: Annotated[
        bool, Query(description="Of kustomize and helm: a ZIP with one file for each workload, and how to use them.")
    ] = False,
) -> Response:
    """Control values of all workloads, of a namespace or of one workload.

    kustomize: strategic-merge patches; helm: values of a chart made by `helm create`. Both have one YAML document per
    workload that the webhook would patch, with the containers of its Deployment only. Comments say what is left out.
    """
    rows = [
        row
        for row in services.control.control_rows()
        if namespace in ("", row["namespace"]) and deployment in ("", row["deployment"])
    ]
    if manual:
        with_manual = {(row["namespace"], row["deployment"]) for row in rows if has_manual_value(row)}
        rows = [row for row in rows if (row["namespace"], row["deployment"]) in with_manual]
    if archive and form in _ARCHIVES:
        content = archived(_git_values(services, rows), _RENDERED[form], is_kustomize=form is ExportFormat.KUSTOMIZE)
        headers = {"Content-Disposition": f'attachment; filename="{_ARCHIVES[form]}"'}
        return Response(content, media_type="application/zip", headers=headers)
    media, name = _MEDIA[form]
    return StreamingResponse(
        _exported(services, form, rows),
        media_type=media,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _exported(services: Services, form: ExportFormat, rows: list[Row]) -> Iterator[str]:
    if form in (ExportFormat.CSV, ExportFormat.JSON):
        lines = [sheet_row(row) for row in with_states(rows, services.deployments.current())]
        if form is ExportFormat.CSV:
            yield from csv_lines(COLUMNS, [lines])
        else:
            yield json.dumps(lines, ensure_ascii=False, indent=1)
    else:
        yield from yaml_documents(_git_values(services, rows), _RENDERED[form])


def _git_values(services: Services, rows: list[Row]) -> Iterator[GitValues]:
    keeps = services.settings.hpa_replicas != "control"
    states = services.deployments.current()
    for key, values in compile_rows(services.settings.cluster, rows).items():
        yield git_values(key, values, states.get((key.namespace, key.deployment)), keeps_hpa_replicas=keeps)


@router.post("/import/preview", operation_id="preview_import", openapi_extra=_SHEET_BODY)
async def preview_import(request: Request, services: ServicesIn, login: LoginIn, add: Adds = False) -> ImportAnswer:
    """The changes and the problems of a CSV of manual values, by line. Nothing is changed."""
    data = await request.body()
    return _answer(await run_in_threadpool(partial(services.csv_import.preview, data, adds=add)))


@router.post(
    "/import",
    operation_id="import_values",
    openapi_extra=_SHEET_BODY,
    dependencies=[PUBLISH_SNAPSHOT],
    responses=may_fail(409),
)
async def import_values(
    request: Request,
    services: ServicesIn,
    editor: EditorIn,
    fingerprint: Annotated[
        str,
        Query(max_length=64, description="`fingerprint` of a preview: the import is refused if its changes differ."),
    ] = "",
    add: Adds = False,
) -> ImportAnswer:
    """Set manual values from a CSV. If any line has a problem, nothing is changed."""
    data = await request.body()
    run = partial(services.csv_import.apply, data, editor, fingerprint=fingerprint, adds=add)
    return _answer(await run_in_threadpool(run))


def _answer(imported: ImportResult) -> ImportAnswer:
    warnings = [{**vars(one), **vars(one.danger)} for one in imported.warnings]
    return ImportAnswer.model_validate({**asdict(replace(imported, warnings=())), "warnings": warnings})
