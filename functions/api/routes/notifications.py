"""Notification channels and sent messages. The URL of a channel is a secret: no response contains it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from kubedoor.store.channels import Channel

from ..schemas.base import Id, SaidAnswer, Speaking, Strict, may_fail
from ..security.access import EditorIn, HomeServicesIn, LoginIn

router = APIRouter(prefix="/notifications", tags=["notifications"])

EventName = Literal[
    "door_overrode",
    "clamped",
    "unknown_workload",
    "door_failed",
    "collection_failed",
    "collection_incomplete",
    "values_waiting",
    "action_finished",
    "action_failed",
    "switch_used",
    "certificate_ends",
]
Language = Literal["en", "zh-CN"]
_URL = "As apprise writes it: slack://…, wecombot://…, dingtalk://…, feishu://…, msteams://…, mailtos://…, jsons://…"


class ChannelBody(Strict):
    name: str = Field(min_length=1, max_length=100)
    url: str = Field(min_length=1, max_length=2000, description=_URL)
    events: list[EventName] = Field(min_length=1)
    min_minutes: int = Field(
        default=15,
        ge=1,
        le=1440,
        description="Pause after a message, in minutes; it grows while the webhook causes many events.",
    )
    language: Language = "en"
    enabled: bool = True
    keyword: str = Field(
        default="", max_length=50, description="Put into every message, for a robot that refuses messages without it."
    )


class ChannelChange(Strict):
    """An absent field stays unchanged."""

    name: str = Field(default="", min_length=1, max_length=100)
    url: str = Field(default="", min_length=1, max_length=2000, description=_URL)
    events: list[EventName] = Field(default=[], min_length=1)
    min_minutes: int = Field(default=15, ge=1, le=1440)
    language: Language = "en"
    enabled: bool = True
    keyword: str = Field(default="", max_length=50, description="Empty: none.")
    version: int | None = Field(default=None, ge=1, description="The version this change is based on; null: any.")


class ChannelAnswer(BaseModel):
    channel: str
    version: int
    name: str
    service: str = Field(description="The service of the URL; the URL itself is not shown.")
    events: list[EventName]
    min_minutes: int
    language: Language
    enabled: bool
    keyword: str
    changed_by: str
    changed_at: datetime | None


class MessageAnswer(Speaking):
    channel: str
    name: str
    stream: Literal["door", "operations", "certificate"]
    number: int
    since: datetime
    until: datetime
    notices: int
    title: str
    begun_at: datetime
    ok: bool | None = Field(description="null: not known.")
    detail: str | None
    detail_said: SaidAnswer | None


def _answer(channel: Channel) -> ChannelAnswer:
    fields: dict[str, Any] = asdict(channel)
    return ChannelAnswer(**{name: fields[name] for name in ChannelAnswer.model_fields})


@router.get("/channels", operation_id="list_channels")
def list_channels(services: HomeServicesIn, login: LoginIn) -> list[ChannelAnswer]:
    return [_answer(channel) for channel in services.notifications.all()]


@router.post("/channels", operation_id="create_channel", status_code=201, responses=may_fail(409))
def create_channel(body: ChannelBody, services: HomeServicesIn, editor: EditorIn) -> ChannelAnswer:
    return _answer(services.notifications.create(body.model_dump(), editor))


@router.patch("/channels/{channel}", operation_id="change_channel", responses=may_fail(409))
def change_channel(channel: Id, body: ChannelChange, services: HomeServicesIn, editor: EditorIn) -> ChannelAnswer:
    """With a stale `version`: 409."""
    fields = body.model_dump(exclude_unset=True, exclude={"version"})
    return _answer(services.notifications.change(channel, fields, editor, based_on=body.version))


@router.delete("/channels/{channel}", operation_id="delete_channel", status_code=204, responses=may_fail(409))
def delete_channel(channel: Id, services: HomeServicesIn, editor: EditorIn) -> None:
    services.notifications.delete(channel, editor)


@router.post("/channels/{channel}/test", operation_id="test_channel", status_code=204, responses=may_fail(502))
def test_channel(channel: Id, services: HomeServicesIn, editor: EditorIn) -> None:
    """Send a test message now; 502 if it is not accepted."""
    services.notifications.test(channel)


@router.get("/messages", operation_id="list_messages")
def list_messages(
    services: HomeServicesIn, login: LoginIn, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> list[MessageAnswer]:
    """Sent messages, newest first."""
    return [MessageAnswer(**row) for row in services.notifications.messages(limit=limit)]
