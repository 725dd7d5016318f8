"""Workloads: list, details, live Deployment, and edits of manual values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from kubedoor.errors import InvalidInput, KubeDoorError
from kubedoor.live.standing import State
from kubedoor.model.conditions import ConditionType
from kubedoor.model.values import WorkloadKey
from kubedoor.sentences import sentence
from kubedoor.sizing.dangers import Danger
from kubedoor.workloads.additions import Addition
from kubedoor.workloads.edits import Edit
from kubedoor.workloads.filters import Filter
from kubedoor.workloads.service import Edited

from ..after_response import PUBLISH_SNAPSHOT
from ..schemas.base import ErrorBody, Name, may_fail
from ..schemas.edits import AddedWorkload, BulkBody, BulkResult, EditAnswer, NewWorkload, ValueWarning, WorkloadEdit
from ..schemas.workloads import ContainerAnswer, ContainerDetail, WorkloadAnswer, WorkloadDetail, WorkloadPage
from ..security.access import EditorIn, LoginIn, ServicesIn

router = APIRouter(prefix="/workloads", tags=["workloads"])
Sort = Literal[
    "name",
    "replicas",
    "cpu_requested",
    "cpu_used",
    "cpu_waste",
    "memory_requested",
    "memory_used",
    "memory_waste",
    "cpu_saved",
    "memory_saved",
    "oom_kills",
    "edited_at",
]


def _edit_answer(edited: Edited) -> EditAnswer:
    return EditAnswer.model_validate(
        {**asdict(edited.manual), "warnings": [warning_answer(one) for one in edited.warnings]}
    )


def warning_answer(danger: Danger) -> ValueWarning:
    # Not dataclasses.asdict: it takes a sentence for a plain text.
    return ValueWarning.model_validate(vars(danger))


def workload_answer(row: dict[str, Any]) -> WorkloadAnswer:
    containers = [ContainerAnswer(**container) for container in row["containers"]]
    warnings = [warning_answer(danger) for danger in row["warnings"]]
    return WorkloadAnswer(**{**row, "containers": containers, "warnings": warnings})


@router.get("", operation_id="list_workloads")
def list_workloads(
    services: ServicesIn,
    login: LoginIn,
    search: Annotated[str, Query(max_length=300)] = "",
    namespace: Annotated[str, Query(max_length=63)] = "",
    mode: Literal["", "enforce", "observe", "off"] = "",
    asked: Literal["", "over", "under", "none"] = "",
    has_manual: bool | None = None,
    hpa: bool | None = None,
    condition: ConditionType | None = None,
    withheld: Annotated[bool | None, Query(description="Whether a field is withheld.")] = None,
    waiting: Annotated[bool | None, Query(description="Whether a field waits for a person.")] = None,
    state: Annotated[State | None, Query(description="How it stands to its control values in the cluster.")] = None,
    sized: Annotated[
        bool | None, Query(description="Whether the door has replaced requests or limits of the Deployment.")
    ] = None,
    collected: Annotated[
        bool | None, Query(description="Whether a collection has found it; false: put into the table by hand.")
    ] = None,
    oom_killed: Annotated[
        bool | None, Query(description="Whether a container was OOM-killed in the look-back.")
    ] = None,
    dangerous: Annotated[bool | None, Query(description="Whether a value that is set by hand is warned of.")] = None,
    sort: Sort = "name",
    order: Literal["asc", "desc"] = "asc",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> WorkloadPage:
    filters = Filter(
        search=search,
        namespace=namespace,
        mode=mode,
        asked=asked,
        has_manual=has_manual,
        hpa=hpa,
        condition=condition or "",
        withheld=withheld,
        waiting=waiting,
        state=state or "",
        sized=sized,
        collected=collected,
        oom_killed=oom_killed,
        dangerous=dangerous,
    )
    found = services.workloads.page(filters, sort=sort, descending=order == "desc", page=page, page_size=page_size)
    return WorkloadPage(
        items=[workload_answer(row) for row in found.rows],
        total=found.total,
        page=page,
        page_size=page_size,
        namespaces=found.namespaces,
        is_sample=services.settings.uses_sample,
    )


@router.post("", operation_id="add_workload", status_code=201, dependencies=[PUBLISH_SNAPSHOT], responses=may_fail(409))
def add_workload(body: NewWorkload, services: ServicesIn, editor: EditorIn) -> AddedWorkload:
    """Put a workload into the control table that is not collected yet: the door enforces its values from its CREATE on.

    What a later collection finds lies under these values, as under any that are set by hand.
    """
    key = WorkloadKey(services.settings.cluster, body.namespace, body.deployment)
    template = body.template.key(key.cluster) if body.template else None
    added = services.additions.add(key, Addition(body.changes(), template), editor)
    return AddedWorkload.model_validate({**asdict(added), **asdict(key)})


@router.post("/bulk", operation_id="edit_workloads", dependencies=[PUBLISH_SNAPSHOT])
def edit_workloads(body: BulkBody, services: ServicesIn, editor: EditorIn) -> list[BulkResult]:
    """Each edit by itself: one that fails leaves the others done. Two edits of one workload are refused."""
    results = services.workloads.edit_many(_edits_by_workload(body, services.settings.cluster), editor)
    return [_bulk_result(key, result) for key, result in results]


@router.post("/check", operation_id="check_edits")
def check_edits(body: BulkBody, services: ServicesIn, login: LoginIn) -> list[BulkResult]:
    """What these edits would do: the manual values, and warnings; of one that would be refused, why. Nothing is changed."""
    results = services.workloads.check(_edits_by_workload(body, services.settings.cluster))
    return [_bulk_result(key, result) for key, result in results]


def _edits_by_workload(body: BulkBody, cluster: str) -> dict[WorkloadKey, Edit]:
    """Raises InvalidInput that names both edits of one workload: one of the two would be lost."""
    edits: dict[WorkloadKey, Edit] = {}
    numbers: dict[WorkloadKey, int] = {}
    for number, edit in enumerate(body.edits):
        key = WorkloadKey(cluster, edit.namespace, edit.deployment)
        if key in edits:
            message = sentence(
                "workloads.edited_twice",
                first=f"edits.{numbers[key]}",
                second=f"edits.{number}",
                workload=f"{edit.namespace}/{edit.deployment}",
            )
            raise InvalidInput(message, field=f"edits.{number}")
        changes = {name: value for name, value in edit.changes().items() if name not in ("namespace", "deployment")}
        edits[key], numbers[key] = Edit(edit.version, changes), number
    return edits


def _bulk_result(key: WorkloadKey, result: Edited | KubeDoorError) -> BulkResult:
    if isinstance(result, KubeDoorError):
        error = ErrorBody(**result.as_json()["error"])
        return BulkResult(namespace=key.namespace, deployment=key.deployment, error=error)
    return BulkResult(namespace=key.namespace, deployment=key.deployment, manual=_edit_answer(result))


@router.get("/{cluster}/{namespace}/{deployment}", operation_id="get_workload")
def get_workload(
    cluster: Name, namespace: Name, deployment: Name, services: ServicesIn, login: LoginIn
) -> WorkloadDetail:
    row = services.workloads.one(WorkloadKey(cluster, namespace, deployment))
    containers = [ContainerDetail(**container) for container in row["containers"]]
    warnings = [warning_answer(danger) for danger in row["warnings"]]
    return WorkloadDetail(**{**row, "containers": containers, "warnings": warnings})


@router.patch(
    "/{cluster}/{namespace}/{deployment}",
    operation_id="edit_workload",
    dependencies=[PUBLISH_SNAPSHOT],
    responses=may_fail(409),
)
def edit_workload(
    cluster: Name, namespace: Name, deployment: Name, body: WorkloadEdit, services: ServicesIn, editor: EditorIn
) -> EditAnswer:
    key = WorkloadKey(cluster, namespace, deployment)
    return _edit_answer(services.workloads.edit(key, Edit(body.version, body.changes()), editor))


@router.delete(
    "/{cluster}/{namespace}/{deployment}",
    operation_id="remove_workload",
    status_code=204,
    dependencies=[PUBLISH_SNAPSHOT],
    responses=may_fail(409),
)
def remove_workload(
    cluster: Name,
    namespace: Name,
    deployment: Name,
    services: ServicesIn,
    editor: EditorIn,
    version: Annotated[int, Query(ge=0, le=2**32 - 1, description="The version that is to be removed.")],
) -> None:
    """Take a workload out of the control table that is not collected: one that was added by mistake, or is gone."""
    services.additions.remove(WorkloadKey(cluster, namespace, deployment), version, editor)


@router.get("/{cluster}/{namespace}/{deployment}/live", operation_id="get_live", responses=may_fail(409))
def get_live(cluster: Name, namespace: Name, deployment: Name, services: ServicesIn, login: LoginIn) -> dict[str, Any]:
    """The current Deployment, without values of environment variables; with sample data, a sample manifest."""
    return services.live(namespace, deployment)
