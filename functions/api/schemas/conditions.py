"""Request and response models of conditions, and of what people accept of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from kubedoor.model.conditions import ACCEPTABLE, ConditionType

from .base import ObjectName, SaidAnswer, Speaking, Strict


class WithheldAnswer(BaseModel):
    container: str = Field(description="Empty: the replicas.")
    field: str


class ConditionAnswer(BaseModel):
    """Why a collected value is not to be trusted, or not enforced now."""

    type: ConditionType
    status: str
    reason: str
    message: str = Field(description="One sentence, with the numbers.")
    parameters: dict[str, str | int | float] = Field(description="The numbers, for translations and programs.")
    since: datetime | None
    withholds: list[WithheldAnswer]
    is_acceptable: bool = Field(description="A person may accept it, so that the door enforces what it withholds.")
    is_accepted: bool
    accepted_until: datetime | None = Field(description="null: for good, or not accepted.")


class AcceptanceWorkload(Strict):
    namespace: ObjectName
    deployment: ObjectName


class AcceptanceBody(Strict):
    workloads: list[AcceptanceWorkload] = Field(min_length=1, max_length=500)
    conditions: list[Annotated[str, Field(max_length=64)]] = Field(
        default_factory=list,
        max_length=100,
        description=f"Of {', '.join(sorted(ACCEPTABLE))}. Empty: all of these that the workload has.",
    )
    until: str | None = Field(
        default=None,
        max_length=40,
        json_schema_extra={"format": "date-time"},
        description="An instant, with its offset from UTC; null: for good.",
    )
    note: str = Field(default="", max_length=500)
    accepted: bool = Field(default=True, description="false: takes the acceptance back.")


class AcceptedWorkload(BaseModel):
    namespace: str
    deployment: str
    conditions: list[ConditionType]


class SkippedWorkload(Speaking):
    namespace: str
    deployment: str
    reason: str
    reason_said: SaidAnswer


class AcceptanceResult(BaseModel):
    accepted: list[AcceptedWorkload] = Field(description="With `accepted: false`: what was taken back.")
    skipped: list[SkippedWorkload]


class AcceptanceAnswer(BaseModel):
    """The newest word about one condition of a workload."""

    condition: str
    is_accepted: bool = Field(description="false: it was taken back, or `until` is over.")
    until: datetime | None
    note: str
    who: str
    at: datetime
