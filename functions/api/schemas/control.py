"""Request and response models of the switch, the preview, admission records and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from .base import SaidAnswer, Speaking, Strict
from .edits import WorkloadEdit


class ControlBody(Strict):
    enabled: bool
    note: str = Field(default="", max_length=1000, description="Why; it is kept in the audit log, and shown.")


class SwitchedAnswer(BaseModel):
    at: datetime
    who: str
    note: str


class ControlAnswer(Speaking):
    enabled: bool | None = Field(description="null: unknown; `reason` says why.")
    reason: str
    reason_said: SaidAnswer
    failure_policy: str
    is_current: bool
    switched: SwitchedAnswer | None = Field(
        description="Where control is off: who has switched it off; null: nobody has, here."
    )
    door: str = Field(description="What enforcement is done by in this cluster: webhook, native or both.")
    wanted_door: str = Field(
        description="What the setting asks for: `both` is the webhook alone where the cluster cannot."
    )
    webhook: str = Field(
        description="Its real state: on, off, changed (not as this version would make it); empty: unknown."
    )
    policies: str = Field(
        description="Their real state: on, off, changed, partial (some are missing), unavailable (the cluster cannot); empty: not wanted and not known."
    )


class Change(BaseModel):
    field: str
    container: str
    before: str | None
    after: str
    source: str
    clamped: bool


class PendingPreview(Strict):
    object: dict[str, Any] = Field(description="A Deployment, or an AdmissionReview of one.")
    edit: WorkloadEdit = Field(description="What is about to be saved of the workload.")


class PreviewAnswer(Speaking):
    outcome: str
    reason: str
    reason_said: SaidAnswer
    allowed: bool
    warnings: list[str]
    warnings_said: list[SaidAnswer]
    changes: list[Change]
    before: dict[str, Any] = Field(description="The object of the request.")
    after: dict[str, Any] = Field(description="The object after the webhook's patch.")
    missing_containers: list[str] = Field(
        default_factory=list, description="Containers that the edit sets values of, and that the object does not have."
    )


class AdmissionAnswer(Speaking):
    at: datetime
    id: UUID
    namespace: str
    deployment: str
    uid: str
    operation: str
    subresource: str
    username: str
    by: str | None = Field(description="Of a request of KubeDoor's own: the person, or schedule, behind it.")
    by_via: str | None
    action: str | None = Field(description="Of a request of KubeDoor's own: the action that it was a step of.")
    outcome: str
    reason: str
    reason_said: SaidAnswer
    before: dict[str, Any]
    after: dict[str, Any]
    warnings: list[str]
    warnings_said: list[SaidAnswer]
    version: int
    snapshot_age_seconds: float


class AuditAnswer(BaseModel):
    at: datetime
    id: UUID
    cluster: str = Field(description="The cluster of the change; empty: it concerns all clusters.")
    who: str
    via: str
    address: str
    action: str
    target: str
    namespace: str
    before: dict[str, Any]
    after: dict[str, Any]
    outcome: str = Field(description="done, or failed: then nothing was changed, and `after` has the error.")
