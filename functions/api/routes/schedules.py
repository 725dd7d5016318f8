"""Schedules: actions that run at a time, repeatedly (cron) or once; and the ping of their CronJobs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from kubedoor.operations.request import Target
from kubedoor.schedules.cron import Cron, zone_named
from kubedoor.schedules.return_items import ReturnItem
from kubedoor.schedules.rules import ScheduleRequest

from ..schemas.base import Id, SaidAnswer, Speaking, Strict, may_fail
from ..security.access import EditorIn, LoginIn, ServicesIn
from .actions import ActionFields, Kind, State

router = APIRouter(prefix="/schedules", tags=["schedules"])


class ScheduleBody(ActionFields):
    name: str = Field(min_length=1, max_length=100)
    cron: str = Field(default="", max_length=200, description="Five fields, as in a CronJob; exclusive with `at`.")
    at: str = Field(
        default="", max_length=40, description="Once: ISO 8601 to the minute, in the time zone; exclusive with `cron`."
    )
    time_zone: str = Field(default="", max_length=64, description="IANA name; empty: the time zone of the settings.")
    return_after_minutes: int = Field(
        default=0, ge=0, le=43_200, description="A scale to a number is reverted after this time; 0: never."
    )

    def schedule_request(self, default_zone: str) -> ScheduleRequest:
        """Raises InvalidInput."""
        return ScheduleRequest(
            name=self.name,
            action=self.action_request(),
            time_zone=self.time_zone or default_zone,
            cron=self.cron,
            at=self.at,
            return_after_minutes=self.return_after_minutes,
        )


class ScheduleChange(ScheduleBody):
    version: int = Field(ge=1, description="The version that this change is based on.")


class ScheduleTarget(Speaking):
    namespace: str
    deployment: str
    replicas: int | None
    temporary_replicas: int | None = Field(description="Of a return: the replicas until then.")
    returns_to: int | None = Field(description="Of a return: the replicas it will restore, as known now.")
    return_state: Literal["waiting", "due", "under_way", "failed", "done"] | None = Field(
        default=None,
        description="Of a return; failed: the last attempt did not bring it back, and there will be another.",
    )
    due_at: datetime | None = Field(
        default=None, description="Of a return: counted from when this workload was scaled."
    )
    message: str = Field(default="", description="Of its last attempt.")
    message_said: SaidAnswer


class RunAnswer(Speaking):
    due: datetime
    begun_at: datetime
    begun_by: str = Field(description="cronjob, clock, or the person who ran it now.")
    action: str | None = Field(description="The action that it started; null: none, and `message` says why.")
    message: str | None = Field(
        description="null: not known yet. A run whose end is never recorded counts as interrupted."
    )
    message_said: SaidAnswer | None


class ScheduleAnswer(Speaking):
    schedule: str
    version: int
    name: str
    state: Literal["active", "paused", "over"]
    kind: Kind
    workloads: list[ScheduleTarget]
    replicas: int | None
    interval_seconds: float
    at_once: int
    order: str
    stop_on_failure: bool
    deadline_seconds: float
    note: str
    cron: str | None
    at: datetime | None
    time_zone: str
    return_after_minutes: int | None
    parent: str | None = Field(description="The schedule whose temporary scale this one ends.")
    made_by: str
    changed_by: str
    changed_at: datetime | None
    next_at: datetime | None
    runs: list[RunAnswer] = Field(description="The newest runs of the last 30 days.")
    last_action_state: State | None = Field(description="State of the action that the newest run started.")
    missed: list[datetime] = Field(description="Due times at which no run was started, newest first.")
    missed_count: int
    runs_in: Literal["cluster", "process"] = Field(
        description="cluster: a CronJob pings `api`; process: `api` starts the runs itself."
    )
    warnings: list[str] = Field(
        description="After creating or changing: what a run would skip if it came now, and why."
    )
    warnings_said: list[SaidAnswer]


class SchedulePreview(Strict):
    cron: str = Field(min_length=1, max_length=200)
    time_zone: str = Field(default="", max_length=64)


class EndAnswer(BaseModel):
    action: str | None = Field(
        description="The action that brings the workloads back; null: none, since a newer temporary scale is on top."
    )


class PingAnswer(BaseModel):
    started: bool = Field(
        description="False: this run was started before, or was due before the last change of the schedule."
    )


def _target(target: Target, row: dict[str, Any]) -> ScheduleTarget:
    key = (target.namespace, target.deployment)
    item: ReturnItem | None = row["items"].get(key)
    fields: dict[str, Any] = {"message": ""}
    if item:
        fields = {"return_state": str(item.state), "due_at": item.due_at, "message": item.message}
    return ScheduleTarget(
        namespace=target.namespace,
        deployment=target.deployment,
        replicas=target.replicas,
        temporary_replicas=target.back_to.temporary if target.back_to else None,
        returns_to=row["returns_to"].get(key),
        **fields,
    )


def _answer(row: dict[str, Any]) -> ScheduleAnswer:
    request = row["wish"]
    targets = [_target(target, row) for target in request.targets]
    options = {name: value for name, value in asdict(request).items() if name != "targets"}
    return ScheduleAnswer(**{**options, **row}, workloads=targets)


@router.get("", operation_id="list_schedules")
def list_schedules(
    services: ServicesIn,
    login: LoginIn,
    namespace: Annotated[str, Query(max_length=63, description="Only those for workloads of this namespace.")] = "",
    deployment: Annotated[str, Query(max_length=253)] = "",
) -> list[ScheduleAnswer]:
    return [_answer(row) for row in services.schedules.all(namespace=namespace, deployment=deployment)]


@router.post("", operation_id="create_schedule", status_code=201, responses=may_fail(409))
def create_schedule(body: ScheduleBody, services: ServicesIn, editor: EditorIn) -> ScheduleAnswer:
    row = services.schedules.create(body.schedule_request(services.settings.time_zone), editor)
    return _answer(row)


@router.post("/preview", operation_id="preview_schedule")
def preview_schedule(
    body: SchedulePreview, services: ServicesIn, login: LoginIn, count: Annotated[int, Query(ge=1, le=20)] = 5
) -> list[datetime]:
    """The next times of a cron expression; 422 if it is invalid or never due."""
    cron = Cron.parse(body.cron, zone_named(body.time_zone or services.settings.time_zone))
    return list(islice(cron.following(services.now()), count))


@router.get("/{schedule}", operation_id="get_schedule")
def get_schedule(schedule: Id, services: ServicesIn, login: LoginIn) -> ScheduleAnswer:
    return _answer(services.schedules.one(schedule))


@router.put("/{schedule}", operation_id="change_schedule", responses=may_fail(409))
def change_schedule(schedule: Id, body: ScheduleChange, services: ServicesIn, editor: EditorIn) -> ScheduleAnswer:
    """Replace all fields; a return keeps its action. 409: `version` is stale."""
    request = body.schedule_request(services.settings.time_zone)
    row = services.schedules.change(schedule, request, editor, based_on=body.version)
    return _answer(row)


@router.delete("/{schedule}", operation_id="delete_schedule", status_code=204, responses=may_fail(409))
def delete_schedule(schedule: Id, services: ServicesIn, editor: EditorIn) -> None:
    services.schedules.delete(schedule, editor)


@router.post("/{schedule}/pause", operation_id="pause_schedule", responses=may_fail(409))
def pause_schedule(schedule: Id, services: ServicesIn, editor: EditorIn) -> ScheduleAnswer:
    row = services.schedules.pause(schedule, editor, paused=True)
    return _answer(row)


@router.post("/{schedule}/resume", operation_id="resume_schedule", responses=may_fail(409))
def resume_schedule(schedule: Id, services: ServicesIn, editor: EditorIn) -> ScheduleAnswer:
    row = services.schedules.pause(schedule, editor, paused=False)
    return _answer(row)


@router.post("/{schedule}/run", operation_id="run_schedule", status_code=202, responses=may_fail(409))
def run_schedule(schedule: Id, services: ServicesIn, editor: EditorIn) -> ScheduleAnswer:
    """Run it now, in addition to its times; the newest entry of `runs` is this run."""
    return _answer(services.schedules.run_now(schedule, editor))


@router.post("/{schedule}/end", operation_id="end_schedule", status_code=202, responses=may_fail(409))
def end_schedule(schedule: Id, services: ServicesIn, editor: EditorIn) -> EndAnswer:
    """End a temporary scale now, by its return: what is left of it is brought back, and it does not come again."""
    return EndAnswer(action=services.schedules.end(schedule, editor) or None)


@router.post("/{schedule}/keep", operation_id="keep_schedule", status_code=204, responses=may_fail(409))
def keep_schedule(schedule: Id, services: ServicesIn, editor: EditorIn) -> None:
    """Keep the number of a temporary scale: its return is deleted. 409: it is being ended at this moment."""
    services.schedules.keep(schedule, editor)


@router.post("/{schedule}/ping", operation_id="ping_schedule", responses=may_fail(409))
def ping_schedule(
    schedule: Id,
    services: ServicesIn,
    response: Response,
    authorization: Annotated[str, Header(max_length=300, include_in_schema=False)] = "",
) -> PingAnswer:
    """Sent by its CronJob, with the token of the schedule. Idempotent: a run that is due is started once.

    202: workloads of a return are left, so it has to be sent again.
    """
    started = services.schedules.ping(schedule, authorization.removeprefix("Bearer ").strip())
    if services.schedules.is_to_be_asked_again(schedule):
        response.status_code = 202
    return PingAnswer(started=started)
