"""Response models of workloads: control values, usage days, the live Deployment, what happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from pydantic import BaseModel, Field

from kubedoor.live.standing import State
from kubedoor.model.values import Source
from kubedoor.store.marks import MarkKind

from .base import Bytes, Millicores, Mode, SaidAnswer, Speaking
from .conditions import ConditionAnswer
from .edits import ManualAnswer, ValueWarning


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
    is_taken_over: bool = Field(
        description="Of an original KubeDoor: usage is its 0.80 quantile of the mean over all containers, and sets no values."
    )


class ContainerAnswer(BaseModel):
    """Control values of one container: the manual value if set, else the collected one; null: none."""

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
    cpu_usage_millicores: int = Field(description="Usage per pod: the P95 of the peak day.")
    memory_usage_bytes: int
    is_observed: bool = Field(description="Whether anything is known of the Deployment as it is in the cluster.")
    in_deployment: bool | None = Field(description="Whether the Deployment has this container; null: not known.")
    is_sidecar: bool = Field(description="A native sidecar: it stands under `initContainers`.")
    asked_cpu_request_millicores: Millicores = Field(
        description="What the owner's manifest asks for; null: nothing, or not known. All of `asked_*` and `running_*`."
    )
    asked_memory_request_bytes: Bytes
    asked_cpu_limit_millicores: Millicores
    asked_memory_limit_bytes: Bytes
    running_cpu_request_millicores: Millicores = Field(
        description="What the Deployment's template says now; as asked where the door has changed nothing."
    )
    running_memory_request_bytes: Bytes
    running_cpu_limit_millicores: Millicores
    running_memory_limit_bytes: Bytes
    reasons: list[str]
    withheld: dict[str, list[str]] = Field(
        description="Field -> the conditions that withhold its collected value; not what is accepted or set by hand."
    )
    newest: UsageDayAnswer | None = Field(description="The newest usage day; null: none for 31 days.")


class ContainerDetail(Speaking, ContainerAnswer):
    reasons_said: list[SaidAnswer]


class LiveChange(BaseModel):
    """What the next restart would bring of one field; quantities as Kubernetes writes them."""

    container: str = Field(description="Empty: replicas.")
    field: str
    before: str | None = Field(description="As it is in the cluster; null: not set.")
    after: str
    source: Source
    clamped: bool
    is_drifted: bool = Field(description="It ran as `after` says, and has been changed past KubeDoor since.")


class LiveAnswer(BaseModel):
    """The Deployment as it is in the cluster, and how it stands to its control values."""

    state: State = Field(
        description="`applied`: it runs as its control values say. `pending`: its next release brings them. `drifted`: it ran"
        " so, and has been changed past KubeDoor. `withheld`: conditions withhold what is left. `not_enforced`: KubeDoor leaves"
        " it alone. `absent`: not in the cluster. `unknown`: nobody has seen it."
    )
    is_current: bool = Field(description="Read from the cluster now; false: as it was last seen.")
    as_of: datetime | None = Field(description="When it was so; null: never seen.")
    replicas: int | None
    ready: int | None = Field(description="Ready pods; null: not known, as all of it is that only the cluster tells.")
    updated: int | None = Field(description="Pods of the newest template.")
    is_settled: bool | None = Field(
        description="No rollout is under way: all pods are of the newest template and ready."
    )
    changes: list[LiveChange] = Field(description="What the next restart would bring.")


class WorkloadAnswer(BaseModel):
    namespace: str
    deployment: str
    live: LiveAnswer
    mode: Mode
    version: int
    edited_at: datetime | None
    edited_by: str
    replicas: int | None
    collected_replicas: int | None
    manual_replicas: int | None
    is_collected: bool = Field(description="false: it was put into the control table by hand, and has no usage yet.")
    peak_day: date | None
    days: int = Field(description="Number of usage days that the collected values are based on.")
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
    memory_used_bytes: int = Field(description="Used by all pods at the peak of the memory peak day.")
    memory_pods: int | None = Field(description="Pods on the memory peak day.")
    memory_control_bytes: int
    observed_at: datetime | None = Field(
        description="When the Deployment was last seen in the cluster; null: it is not there, or was never seen."
    )
    is_sized: bool = Field(description="The door has replaced requests or limits, and keeps what the owner asked.")
    running_replicas: int | None
    cpu_asked_millicores: int | None = Field(
        description="What the owner's manifest asks for, over all pods; a request that is not set is the limit."
    )
    memory_asked_bytes: int | None
    cpu_running_millicores: int | None = Field(description="What runs, summed as what is asked.")
    memory_running_bytes: int | None
    unasked: int = Field(description="Containers without a CPU or memory request.")
    has_manual: bool
    is_over_asked: bool
    is_under_asked: bool
    conditions: list[ConditionAnswer]
    withheld_replicas: list[str] = Field(description="The conditions that withhold the collected replicas.")
    withheld_count: int = Field(description="Withheld fields, the replicas included.")
    is_waiting: bool = Field(description="A withheld field would be enforced if a person accepted its conditions.")
    warnings: list[ValueWarning] = Field(description="What values that are set by hand do, as long as they stand.")
    containers: Sequence[ContainerAnswer]


class WorkloadDetail(WorkloadAnswer):
    containers: list[ContainerDetail]
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
    min_coverage: float = Field(description="Share, 0 to 1, from which a day counts as covered.")
    first_day: date = Field(description="Of the days that were asked for; there need not be usage of all of them.")
    last_day: date
    metrics_links: dict[str, str] = Field(
        description="By container: the same time in the Grafana or Prometheus of KUBEDOOR_METRICS_LINK."
    )


class MarkAnswer(BaseModel):
    """Something that happened to a workload; `what` is the note of an edit, or the outcome of a release."""

    at: datetime
    day: date = Field(description="The local date in the time zone of the peak windows.")
    kind: MarkKind
    who: str
    what: str
