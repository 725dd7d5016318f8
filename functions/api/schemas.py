"""What goes over the wire, for validation and for the OpenAPI document that the web's types are made from."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from kubedoor.passwords import MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS
from kubedoor.workloads import MAX_REPLICAS

Mode = Literal["enforce", "observe", "off"]
RoleName = Literal["viewer", "operator", "admin"]
Millicores = int | None
Bytes = int | None
# Said here, and refused by the library in words for people.
NewPassword = Annotated[
    str, Field(max_length=MAX_PASSWORD_CHARACTERS, json_schema_extra={"minLength": MIN_PASSWORD_CHARACTERS})
]
Quantity = Annotated[
    str,
    Field(max_length=64, json_schema_extra={"format": "kubernetes-quantity", "examples": ["250m", "512Mi"]}),
]
# DNS names (RFC 1123): a label, and a subdomain as names of Deployments may be.
CONTAINER_NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
Id = Annotated[str, Path(min_length=1, max_length=64)]
Name = Annotated[str, Path(min_length=1, max_length=253)]


class Strict(BaseModel):
    """A request body: an unknown field is an error, and 3 is not "3"."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _whole_numbers(cls, body: Any) -> Any:
        """JSON knows one kind of number: 3.0 is 3 to whoever wrote it, and to the document."""
        if not isinstance(body, dict):
            return body
        return {
            name: int(value) if isinstance(value, float) and value.is_integer() else value
            for name, value in body.items()
        }


class ErrorBody(BaseModel):
    code: str
    message: str
    details: dict[str, Any]


class ErrorAnswer(BaseModel):
    error: ErrorBody


def may_fail(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: errors of its own, beside those that document.py adds by rule."""
    return {status: {"model": ErrorAnswer} for status in statuses}


class LoginBody(Strict):
    username: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=200)


class PasswordBody(Strict):
    old_password: str = Field(max_length=200)
    new_password: NewPassword


class ClusterEntry(BaseModel):
    name: str
    is_sample: bool
    no_access: str = Field(description="Why nothing can be done there, but collect and show it; empty: it can.")


class SessionAnswer(BaseModel):
    username: str
    role: str = Field(description="viewer, operator or admin: which routes it may use is in docs/people.md.")
    via: str = Field(description="session or token.")
    source: str = Field(description="local, or oidc: then there is no password here to change.")
    expires_at: datetime
    must_change_password: bool = Field(description="The first password is still in use.")
    may_skip_change: bool = Field(description="True on loopback: the change is advised, not demanded.")
    cluster: str = Field(description="The home cluster.")
    is_sample: bool = Field(description="Usage is made up: there is no Prometheus.")
    clusters: list[ClusterEntry] = Field(description="Every cluster, the home cluster first.")


class LoginWays(BaseModel):
    password: bool
    oidc: bool = Field(description="There is an identity provider: GET /api/v1/session/oidc leads to it.")
    oidc_name: str


class UserBody(Strict):
    username: str = Field(min_length=1, max_length=128)
    password: NewPassword = Field(description="A first password: it has to be changed at the first log-in.")
    role: RoleName


class UserChange(Strict):
    role: RoleName
    version: int | None = Field(default=None, ge=0, description="The version this was decided on; null: any.")


class NewPasswordBody(Strict):
    password: NewPassword


class UserAnswer(BaseModel):
    username: str
    role: str
    source: str
    must_change_password: bool
    version: int


class UserEntryAnswer(UserAnswer):
    changed_at: datetime


class TokenBody(Strict):
    name: str = Field(min_length=1, max_length=64)
    role: RoleName
    expires_in_days: int = Field(default=90, ge=1, le=3650)


class TokenAnswer(BaseModel):
    name: str
    role: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="Some minutes behind at most; null: never used.")


class TokenMade(TokenAnswer):
    token: str = Field(description="Shown this once: only a hash of it is kept.")


class ContainerEdit(Strict):
    """Quantities as Kubernetes writes them (`250m`, `1.5`, `512Mi`); null unsets a field, an absent one stays."""

    cpu_request: Quantity | None = None
    memory_request: Quantity | None = None
    cpu_limit: Quantity | None = None
    memory_limit: Quantity | None = None


class WorkloadEdit(Strict):
    version: int = Field(ge=0, description="The version this edit is based on; 0: never edited.")
    mode: Mode | None = None
    replicas: int | None = Field(default=None, ge=0, le=MAX_REPLICAS)
    containers: dict[str, ContainerEdit] = Field(
        default_factory=dict, json_schema_extra={"propertyNames": {"pattern": f"^{CONTAINER_NAME}$"}}
    )
    note: str = Field(default="", max_length=1000)

    @field_validator("containers")
    @classmethod
    def _named_as_containers(cls, containers: dict[str, ContainerEdit]) -> dict[str, ContainerEdit]:
        if any(not re.fullmatch(CONTAINER_NAME, name) for name in containers):
            raise ValueError("that is not how a container can be named")
        return containers

    def changes(self) -> dict[str, Any]:
        """Only what the client wrote."""
        return self.model_dump(exclude_unset=True, exclude={"version"})


class BulkEdit(WorkloadEdit):
    namespace: ObjectName
    deployment: ObjectName


class BulkBody(Strict):
    edits: list[BulkEdit] = Field(min_length=1, max_length=1000)


class ManualResources(BaseModel):
    cpu_request_millicores: Millicores
    memory_request_bytes: Bytes
    cpu_limit_millicores: Millicores
    memory_limit_bytes: Bytes


class ManualAnswer(BaseModel):
    version: int
    mode: Mode | None
    replicas: int | None
    containers: dict[str, ManualResources]
    note: str
    edited_by: str
    edited_at: datetime | None


class BulkResult(BaseModel):
    namespace: str
    deployment: str
    manual: ManualAnswer | None = None
    error: ErrorBody | None = None


class UsageDayAnswer(BaseModel):
    namespace: str
    deployment: str
    container: str
    day: date
    pods: int
    cpu_p95_millicores: int
    cpu_p95_hottest_millicores: int
    memory_p95_bytes: int
    memory_p95_hottest_bytes: int
    memory_max_bytes: int
    cpu_quantiles_millicores: list[int]
    memory_quantiles_bytes: list[int]
    cpu_request_millicores: Millicores
    memory_request_bytes: Bytes
    cpu_limit_millicores: Millicores
    memory_limit_bytes: Bytes
    throttled_share: float | None
    oom_kills: int
    coverage: float
    hpa: bool


class ContainerAnswer(BaseModel):
    """One container's control values: `manual_*` over `collected_*`; null: nothing to say."""

    container: str
    cpu_request_millicores: Millicores
    collected_cpu_request_millicores: Millicores
    manual_cpu_request_millicores: Millicores
    memory_request_bytes: Bytes
    collected_memory_request_bytes: Bytes
    manual_memory_request_bytes: Bytes
    cpu_limit_millicores: Millicores
    collected_cpu_limit_millicores: Millicores
    manual_cpu_limit_millicores: Millicores
    memory_limit_bytes: Bytes
    collected_memory_limit_bytes: Bytes
    manual_memory_limit_bytes: Bytes
    cpu_usage_millicores: int = Field(description="Used at peak, a pod; the P95 of the peak day.")
    memory_usage_bytes: int
    reasons: list[str]
    newest: UsageDayAnswer | None = Field(description="The newest usage day; null when not seen for a month.")


class WorkloadAnswer(BaseModel):
    namespace: str
    deployment: str
    mode: Mode
    version: int
    edited_at: datetime | None
    edited_by: str
    replicas: int | None
    collected_replicas: int | None
    manual_replicas: int | None
    peak_day: date | None
    days: int = Field(description="Usage days the collected values rest on.")
    hpa: bool
    opted_out: bool
    owned: bool
    newest_day: date | None
    pods: int | None
    oom_kills: int
    throttled_share: float | None
    cpu_requested_millicores: int = Field(description="Requested by all pods on the newest day.")
    cpu_used_millicores: int = Field(description="Used by all pods at the peak of the peak day.")
    cpu_control_millicores: int
    memory_requested_bytes: int
    memory_used_bytes: int
    memory_control_bytes: int
    unasked: int = Field(description="Containers without a CPU or memory request.")
    has_manual: bool
    is_over_asked: bool
    is_under_asked: bool
    containers: list[ContainerAnswer]


class WorkloadDetail(WorkloadAnswer):
    manual: ManualAnswer


class WorkloadPage(BaseModel):
    items: list[WorkloadAnswer]
    total: int
    page: int
    page_size: int
    namespaces: list[str]
    is_sample: bool


class HistoryAnswer(BaseModel):
    days: list[UsageDayAnswer]
    peak_day: date | None
    memory_peak_day: date | None


class CollectBody(Strict):
    days: int | None = Field(default=None, ge=1, le=365)
    day: str | None = Field(default=None, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", json_schema_extra={"format": "date"})
    refresh: bool = False


class CollectStarted(BaseModel):
    collection: str


class CollectionStep(BaseModel):
    at: datetime
    event: str
    day: date | None
    row_count: int
    coverage: float
    seconds: float
    message: str


class CollectionAnswer(BaseModel):
    collection: str
    state: Literal["running", "finished", "failed", "cancelled", "interrupted"]
    started_at: datetime
    last_at: datetime
    days_total: int
    days_done: int
    days_failed: int
    rows: int
    message: str


class CollectionDetail(CollectionAnswer):
    steps: list[CollectionStep]


class StoredDayAnswer(BaseModel):
    day: date
    windows: str
    row_count: int
    coverage: float
    is_partial: bool
    warnings: list[str]
    seconds: float
    finished_at: datetime


class CollectSettings(BaseModel):
    peak_windows: str
    time_zone: str
    weekdays_only: bool
    look_back_days: int
    sizing_rule: str
    peak_day_scope: str
    is_sample: bool


class DaysAnswer(BaseModel):
    days: list[StoredDayAnswer]
    settings: CollectSettings


class ControlBody(Strict):
    enabled: bool


class ControlAnswer(BaseModel):
    enabled: bool | None = Field(description="null: the cluster does not say; `reason` says why.")
    reason: str
    failure_policy: str
    is_current: bool


class Change(BaseModel):
    field: str
    container: str
    before: str | None
    after: str
    source: str
    clamped: bool


class PreviewAnswer(BaseModel):
    outcome: str
    reason: str
    allowed: bool
    warnings: list[str]
    changes: list[Change]
    before: dict[str, Any] = Field(description="The object as it came.")
    after: dict[str, Any] = Field(description="The object as the API server would store it.")


class AdmissionAnswer(BaseModel):
    at: datetime
    id: UUID
    namespace: str
    deployment: str
    uid: str
    operation: str
    subresource: str
    username: str
    outcome: str
    reason: str
    before: dict[str, Any]
    after: dict[str, Any]
    warnings: list[str]
    version: int
    snapshot_age_seconds: float


class AuditAnswer(BaseModel):
    at: datetime
    id: UUID
    cluster: str = Field(description="Where it happened; empty: it is common to all clusters.")
    who: str
    via: str
    address: str
    action: str
    target: str
    namespace: str
    before: dict[str, Any]
    after: dict[str, Any]
    outcome: str = Field(description="done, or failed: then the change with the same words before it did not happen.")


class Sums(BaseModel):
    workloads: int
    over_asked: int
    under_asked: int
    unasked: int
    with_manual: int
    with_hpa: int
    enforced: int
    observed: int
    cpu_requested_millicores: int
    cpu_used_millicores: int
    cpu_control_millicores: int
    memory_requested_bytes: int
    memory_used_bytes: int
    memory_control_bytes: int
    cpu_spare_millicores: int = Field(description="Requested beyond what was used, over workloads that have spare.")
    cpu_missing_millicores: int = Field(
        description="Used beyond what was requested, over workloads that ask too little."
    )
    memory_spare_bytes: int
    memory_missing_bytes: int


class NamespaceSums(BaseModel):
    namespace: str
    workloads: int
    cpu_requested_millicores: int
    cpu_used_millicores: int
    memory_requested_bytes: int
    memory_used_bytes: int


class DaySums(BaseModel):
    day: date
    workloads: int
    cpu_requested_millicores: int
    cpu_used_millicores: int
    memory_requested_bytes: int
    memory_used_bytes: int


class OverviewAnswer(BaseModel):
    cluster: str
    is_sample: bool
    sums: Sums
    namespaces: list[NamespaceSums]
    days: list[DaySums]
    most_wasteful: list[WorkloadAnswer]
    most_at_risk: list[WorkloadAnswer]
    admissions_today: dict[str, int]
    last_collection: CollectionAnswer | None
    refreshed_at: datetime | None


class CheckAnswer(BaseModel):
    name: str
    ok: bool
    detail: str
    remedy: str


class CheckupAnswer(BaseModel):
    ok: bool
    checks: list[CheckAnswer]


class SheetProblem(BaseModel):
    line: int = Field(description="Line of the sheet; 1 is the header.")
    field: str
    message: str


class SheetChangeAnswer(BaseModel):
    line: int
    namespace: str
    deployment: str
    container: str
    field: str
    before: int | str | None
    after: int | str | None


class ImportAnswer(BaseModel):
    changes: list[SheetChangeAnswer]
    problems: list[SheetProblem] = Field(description="While there is one, nothing is changed.")
    applied: int = Field(description="How many workloads were changed; 0 for a preview.")
    fingerprint: str = Field(description="Of these changes: an import that names it makes these or none.")
