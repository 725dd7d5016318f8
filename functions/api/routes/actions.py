"""Actions (scale, restart, apply, restore): dry run, start, progress, stream, cancel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from kubedoor.errors import Forbidden, StoreError, Unauthorized
from kubedoor.operations.actions import Actions
from kubedoor.operations.planned import Planned
from kubedoor.operations.request import ActionRequest, parse
from kubedoor.schedules.rules import temporary_until
from kubedoor.store.operations import ActionFilter

from ..schemas.base import Id, ObjectName, SaidAnswer, Speaking, Strict, may_fail
from ..security.access import EditorIn, HomeServicesIn, LoginIn, ServicesIn, login_of

log = logging.getLogger(__name__)
router = APIRouter(prefix="/actions", tags=["actions"])

STREAM_SECONDS = 3600
STREAM_POLL_SECONDS = 1.0
STREAM_LOGIN_SECONDS = 30
"""How often a stream checks that its login is still valid."""
Kind = Literal["scale", "restart", "apply", "restore"]
State = Literal["running", "cancelling", "finished", "failed", "cancelled", "skipped", "interrupted"]
ItemState = Literal["untouched", "running", "done", "failed", "skipped", "interrupted"]


class ActionTarget(Strict):
    namespace: ObjectName
    deployment: ObjectName
    replicas: int | None = Field(
        default=None, ge=0, le=100_000, description="Of this workload; null: as for the others."
    )


class ActionFields(Strict):
    """The fields of an action, which a schedule has as well."""

    kind: Kind
    workloads: list[ActionTarget] = Field(min_length=1, max_length=500)
    replicas: int | None = Field(
        default=None, ge=0, le=100_000, description="scale: becomes the manual value; null: to the control values."
    )
    interval_seconds: float = Field(default=0, ge=0, le=3600, description="Pause before each further workload.")
    at_once: int = Field(default=1, ge=1, le=20, description="How many workloads may be rolled out at the same time.")
    order: Literal["given", "name", "fewest_pods_first", "most_pods_first"] = "given"
    stop_on_failure: bool = True
    deadline_seconds: float = Field(default=600, ge=5, le=7200, description="Timeout of each rollout.")
    note: str = Field(default="", max_length=1000)

    def action_request(self) -> ActionRequest:
        """Raises InvalidInput."""
        body = self.model_dump(include=set(ActionFields.model_fields))
        return parse({**body, "targets": body.pop("workloads")})


class ActionBody(ActionFields):
    dry_run: bool = Field(default=False, description="Only return the plan; change nothing.")
    return_after_minutes: int = Field(
        default=0, ge=0, le=43_200, description="A scale to a number is reverted after this time; 0: it is not."
    )
    return_at: str = Field(
        default="", max_length=40, description="Instead: when it is reverted, in ISO 8601, to the minute."
    )
    time_zone: str = Field(default="", max_length=64, description="Of `return_at`; empty: that of the settings.")
    skip_refused: bool = Field(
        default=False, description="Run the action without the workloads that are refused, or busy."
    )

    def until(self, time_zone: str, now: datetime) -> datetime | None:
        """When a temporary scale ends; None: it is not temporary. Raises InvalidInput."""
        minutes, at = self.return_after_minutes, self.return_at
        if not (minutes or at):
            return None
        return temporary_until(self.action_request(), minutes=minutes, at=at, time_zone=time_zone, now=now)


class FieldChangeAnswer(BaseModel):
    container: str
    field: str
    before: str | None
    after: str | None


class PlannedAnswer(Speaking):
    namespace: str
    deployment: str
    verdict: Literal["will", "nothing", "refused"]
    reason: str
    reason_said: SaidAnswer
    replicas_before: int | None
    replicas_after: int | None
    restarts: bool
    changes: list[FieldChangeAnswer] = Field(description="Requests and limits that the new pods will have.")
    warnings: list[str]
    warnings_said: list[SaidAnswer]
    kills: bool = Field(description="Pods end, or would be killed, by what is set.")
    busy_with: str | None = Field(description="Refused because this action is at work on it; null: it is not.")


class NamedWorkload(BaseModel):
    namespace: str
    deployment: str


class Restorable(NamedWorkload):
    """A workload whose requests or limits the door has replaced."""


class ActionStarted(BaseModel):
    action: str | None = Field(description="null: a dry run.")
    planned: list[PlannedAnswer]
    ends_at: datetime | None = Field(description="When a temporary scale is reverted; null: it is not temporary.")


class ActionAnswer(Speaking):
    action: str
    number: int = Field(description="Sequence number; pass it as `before` to get the next page.")
    kind: Kind
    workloads: list[NamedWorkload] = Field(description="The first three, in the order of the request.")
    replicas: int | None
    interval_seconds: float
    at_once: int
    order: str
    stop_on_failure: bool
    deadline_seconds: float
    note: str
    state: State = Field(
        description="interrupted: its process ended before it was done; the items show how far it got."
    )
    who: str
    via: str
    asked_at: datetime
    last_at: datetime
    message: str = Field(description="The first failure.")
    message_said: SaidAnswer
    cancelled_by: str | None
    total: int
    untouched: int
    running: int
    done: int
    failed: int
    skipped: int
    interrupted: int


class ItemAnswer(Speaking):
    namespace: str
    deployment: str
    state: ItemState
    message: str
    message_said: SaidAnswer
    was_changed: bool
    replicas_before: int | None
    manual_replicas_before: int | None
    replicas_after: int | None
    started_at: datetime | None
    ended_at: datetime | None


class ActionDetail(ActionAnswer):
    next_at: datetime | None = Field(description="When the pause before its next workload ends; null: there is none.")
    items: list[ItemAnswer]


_DRY_RUN: dict[int | str, dict[str, Any]] = {200: {"model": ActionStarted, "description": "A dry run."}}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One JSON object per line.",
        "content": {"application/x-ndjson": {"schema": {"$ref": "#/components/schemas/ActionDetail"}}},
    }
}


def planned_answer(planned: Planned) -> PlannedAnswer:
    inner = ("target", "is_forbidden", "is_enforced", "manual_version", "mismatch", "kept")
    fields = {name: value for name, value in asdict(planned).items() if name not in inner}
    fields["busy_with"] = planned.busy_with or None
    return PlannedAnswer(namespace=planned.target.namespace, deployment=planned.target.deployment, **fields)


@router.post("", operation_id="start_action", status_code=202, responses=_DRY_RUN | may_fail(409))
def start_action(body: ActionBody, services: ServicesIn, editor: EditorIn, response: Response) -> ActionStarted:
    """Start an action (202), or with `dry_run` return its plan (200)."""
    request, skips = body.action_request(), body.skip_refused
    zone = body.time_zone or services.settings.time_zone
    ends_at = body.until(zone, services.now())
    action: str | None = None
    if body.dry_run:
        response.status_code = 200
        planned = services.actions.preview(request)
    elif ends_at:
        action, planned = services.schedules.scale_for_a_while(request, ends_at, zone, editor, skips=skips)
    else:
        action, planned = services.actions.start(request, editor, skip_refused=skips, skip_busy=skips)
    return ActionStarted(action=action, planned=[planned_answer(each) for each in planned], ends_at=ends_at)


@router.get("", operation_id="list_actions")
def list_actions(
    services: ServicesIn,
    login: LoginIn,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[int | None, Query(ge=1, le=4_294_967_295)] = None,
    state: State | None = None,
    kind: Kind | None = None,
    who: Annotated[str, Query(max_length=253)] = "",
    target: Annotated[str, Query(max_length=300, description="A part of namespace/deployment.")] = "",
    namespace: Annotated[str, Query(max_length=63)] = "",
    deployment: Annotated[str, Query(max_length=253)] = "",
) -> list[ActionAnswer]:
    """Newest first; the next page: `before` with the last `number`."""
    wanted = ActionFilter(state or "", kind or "", who, target, namespace, deployment)
    rows = services.actions.recent(limit=limit, before=before, wanted=wanted)
    return [ActionAnswer(**row) for row in rows]


@router.get("/restorable", operation_id="list_restorable")
def list_restorable(services: ServicesIn, login: LoginIn) -> list[Restorable]:
    """All workloads that `restore` can give back what their owners asked for, as last seen in the cluster."""
    current = services.deployments.current()
    return [
        Restorable(namespace=namespace, deployment=name) for (namespace, name), one in current.items() if one.is_sized
    ]


@router.get("/{action}", operation_id="get_action")
def get_action(action: Id, services: ServicesIn, login: LoginIn) -> ActionDetail:
    return ActionDetail(**services.actions.progress(action))


@router.get("/{action}/stream", operation_id="stream_action", response_class=StreamingResponse, responses=_STREAM)
def stream_action(
    action: Id, request: Request, services: ServicesIn, home: HomeServicesIn, login: LoginIn
) -> StreamingResponse:
    """One line of JSON (as GET returns it) after each change of the action, until it ends."""
    first = services.actions.progress(action)
    lines = _lines(services.actions, first, lambda: login_of(request, home))
    return StreamingResponse(lines, media_type="application/x-ndjson")


async def _lines(actions: Actions, shown: dict[str, Any], check_login: Callable[[], object]) -> AsyncIterator[str]:
    """Asynchronous, so that a stream of an hour does not occupy a thread of the pool."""
    yield ActionDetail(**shown).model_dump_json() + "\n"
    for number in range(1, int(STREAM_SECONDS / STREAM_POLL_SECONDS) + 1):
        if shown["state"] not in ("running", "cancelling"):
            return
        await asyncio.sleep(STREAM_POLL_SECONDS)
        try:
            if number % int(STREAM_LOGIN_SECONDS / STREAM_POLL_SECONDS) == 0:
                await run_in_threadpool(check_login)
            now = await run_in_threadpool(actions.progress, shown["action"])
        except (StoreError, Unauthorized, Forbidden) as error:
            # The status is already sent: the client reconnects and gets the error as the status of that request.
            log.warning("the stream of action %s ends: %s", shown["action"], error)
            return
        if now != shown:
            yield ActionDetail(**now).model_dump_json() + "\n"
        shown = now


@router.post("/{action}/cancel", operation_id="cancel_action", status_code=202)
def cancel_action(action: Id, services: ServicesIn, editor: EditorIn) -> ActionDetail:
    """No further workload is started; started rollouts go on, but the action no longer waits for them."""
    services.actions.cancel(action, editor)
    return ActionDetail(**services.actions.progress(action))
