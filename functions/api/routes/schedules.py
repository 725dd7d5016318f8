"""Schedules: actions at a time, again and again or once."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, Field

from kubedoor.schedules.cron import Cron, zone_named
from kubedoor.schedules.rules import ScheduleWish

from ..schemas.base import Id, Strict, may_fail
from ..security.access import EditorIn, LoginIn, ServicesIn
from .actions import ActionFields, Kind, State

router = APIRouter(prefix="/schedules", tags=["schedules"])


class ScheduleBody(ActionFields):
    name: str = Field(min_length=1, max_length=100)
    cron: str = Field(default="", max_length=200, description="Five fields, as a CronJob has; or `at`.")
    at: str = Field(default="", max_length=40, description="Once: ISO 8601 to the minute, local to the time zone.")
    time_zone: str = Field(default="", max_length=64, description="IANA name; empty: that of the settings.")
    return_after_minutes: int = Field(
        default=0, ge=0, le=43_200, description="A scale to a number goes back by itself; 0: it does not."
    )

    def asked(self, default_zone: str) -> ScheduleWish:
        """Raises InvalidInput."""
        return ScheduleWish(
            name=self.name,
            wish=self.wish(),
            time_zone=self.time_zone or default_zone,
            cron=self.cron,
            at=self.at,
            return_after_minutes=self.return_after_minutes,
        )


class ScheduleChange(ScheduleBody):
    version: int = Field(ge=1, description="The version that this change is based on.")


class ScheduleTarget(BaseModel):
    namespace: str
    deployment: str
    replicas: int | None
    returns_to: int | None = Field(description="Of a return: the number that it sets back to, as it looks now.")


class RunAnswer(BaseModel):
    due: datetime
    begun_at: datetime
    begun_by: str = Field(description="cronjob, clock, or who said: run now.")
    action: str | None = Field(description="What it started; null: nothing, and `message` says why.")
    message: str | None = Field(description="null: not known yet; a run that nobody tells the end of is interrupted.")


class ScheduleAnswer(BaseModel):
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
    runs: list[RunAnswer] = Field(description="The newest, of the last 30 days.")
    last_action_state: State | None = Field(description="Of the action that the newest run has started.")
    missed: list[datetime] = Field(description="Runs that nobody began, newest first.")
    missed_count: int
    runs_in: Literal["cluster", "process"] = Field(description="A CronJob pings, or `api` has a clock of its own.")


class SchedulePreview(Strict):
    cron: str = Field(min_length=1, max_length=200)
    time_zone: str = Field(default="", max_length=64)


class PingAnswer(BaseModel):
    started: bool = Field(
        description="False: this run has been done already, or was due before the schedule was changed."
    )


def _answer(row: dict[str, Any]) -> ScheduleAnswer:
    wish = row["wish"]
    targets = [
        ScheduleTarget(
            namespace=target.namespace,
            deployment=target.deployment,
            replicas=target.replicas,
            returns_to=row["returns_to"].get((target.namespace, target.deployment)),
        )
        for target in wish.targets
    ]
    how = {name: value for name, value in asdict(wish).items() if name != "targets"}
    return ScheduleAnswer(**{**how, **row}, workloads=targets)


@router.get("", operation_id="list_schedules")
def list_schedules(found: ServicesIn, login: LoginIn) -> list[ScheduleAnswer]:
    return [_answer(row) for row in found.schedules.all()]


@router.post("", operation_id="create_schedule", status_code=201, responses=may_fail(409))
def create_schedule(body: ScheduleBody, found: ServicesIn, editor: EditorIn) -> ScheduleAnswer:
    row = found.schedules.create(body.asked(found.settings.time_zone), editor)
    return _answer(row)


@router.post("/preview", operation_id="preview_schedule")
def preview_schedule(
    body: SchedulePreview, found: ServicesIn, login: LoginIn, count: Annotated[int, Query(ge=1, le=20)] = 5
) -> list[datetime]:
    """When a cron expression would come next; 422 when it is none or never comes."""
    cron = Cron.parse(body.cron, zone_named(body.time_zone or found.settings.time_zone))
    return list(islice(cron.following(found.now()), count))


@router.get("/{schedule}", operation_id="get_schedule")
def get_schedule(schedule: Id, found: ServicesIn, login: LoginIn) -> ScheduleAnswer:
    return _answer(found.schedules.one(schedule))


@router.put("/{schedule}", operation_id="change_schedule", responses=may_fail(409))
def change_schedule(schedule: Id, body: ScheduleChange, found: ServicesIn, editor: EditorIn) -> ScheduleAnswer:
    """All of it anew; what ends a temporary scale keeps what it does. 409: somebody has changed it meanwhile."""
    asked = body.asked(found.settings.time_zone)
    row = found.schedules.change(schedule, asked, editor, based_on=body.version)
    return _answer(row)


@router.delete("/{schedule}", operation_id="delete_schedule", status_code=204, responses=may_fail(409))
def delete_schedule(schedule: Id, found: ServicesIn, editor: EditorIn) -> None:
    found.schedules.delete(schedule, editor)


@router.post("/{schedule}/pause", operation_id="pause_schedule", responses=may_fail(409))
def pause_schedule(schedule: Id, found: ServicesIn, editor: EditorIn) -> ScheduleAnswer:
    row = found.schedules.pause(schedule, editor, paused=True)
    return _answer(row)


@router.post("/{schedule}/resume", operation_id="resume_schedule", responses=may_fail(409))
def resume_schedule(schedule: Id, found: ServicesIn, editor: EditorIn) -> ScheduleAnswer:
    row = found.schedules.pause(schedule, editor, paused=False)
    return _answer(row)


@router.post("/{schedule}/run", operation_id="run_schedule", status_code=202, responses=may_fail(409))
def run_schedule(schedule: Id, found: ServicesIn, editor: EditorIn) -> ScheduleAnswer:
    """Now, out of turn; the newest of its runs says what became of it."""
    return _answer(found.schedules.run_now(schedule, editor))


@router.post("/{schedule}/ping", operation_id="ping_schedule", responses=may_fail(409))
def ping_schedule(
    schedule: Id, found: ServicesIn, authorization: Annotated[str, Header(max_length=300, include_in_schema=False)] = ""
) -> PingAnswer:
    """What its CronJob sends, with a token of the schedule's own. Sent twice, it runs once."""
    return PingAnswer(started=found.schedules.ping(schedule, authorization.removeprefix("Bearer ").strip()))
