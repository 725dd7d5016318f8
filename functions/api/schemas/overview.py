"""Response models of the overview and the checkup."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, Field

from .base import SaidAnswer, Speaking
from .collect import CollectionAnswer
from .workloads import WorkloadAnswer


class Sums(BaseModel):
    workloads: int
    over_asked: int
    under_asked: int
    unasked: int
    oom_killed: int = Field(description="Workloads of which a container was OOM-killed in the look-back.")
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
    cpu_spare_millicores: int = Field(
        description="Sum of requested minus used, over workloads that request more than they use."
    )
    cpu_missing_millicores: int = Field(
        description="Sum of used minus requested, over workloads that use more than they request."
    )
    memory_spare_bytes: int
    memory_missing_bytes: int


class NetAnswer(BaseModel):
    """Over all Deployments of the cluster and all their pods as they are scheduled; null: none was ever seen."""

    cpu_asked_millicores: int | None = Field(description="What owners ask for.")
    cpu_enforced_millicores: int | None = Field(description="What runs.")
    cpu_would_be_millicores: int | None = Field(description="What would run if all control values were enforced.")
    memory_asked_bytes: int | None
    memory_enforced_bytes: int | None
    memory_would_be_bytes: int | None


class ValuesAnswer(BaseModel):
    enforced: int = Field(description="Fields with a control value, of workloads that are enforced.")
    withheld: int = Field(description="Fields whose collected value is withheld.")
    waiting: int = Field(description="Withheld fields that a person may accept.")
    workloads_waiting: int
    workloads_withheld: int


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


class Saved(BaseModel):
    """Negative: the door has given more than owners asked for."""

    cpu_millicores: int
    memory_bytes: int


class SavedDay(Saved):
    day: date


class NamespaceSavedDay(SavedDay):
    namespace: str


class SavingsSums(Saved):
    workloads: int = Field(description="Deployments of which the door has replaced requests or limits.")
    cpu_asked_millicores: int = Field(description="What owners ask for, of all Deployments.")
    memory_asked_bytes: int


class NamespaceSavings(SavingsSums):
    namespace: str


class SavingsAnswer(SavingsSums):
    """What KubeDoor has taken off what owners asked for, over all pods as they are scheduled."""

    observed_at: datetime | None = Field(description="When Deployments were last seen; null: never.")
    namespaces: list[NamespaceSavings]
    days: list[SavedDay] = Field(description="The end of each of the last 31 days.")


class SavingsHistory(BaseModel):
    days: list[NamespaceSavedDay] = Field(description="A namespace without savings on a day has no row.")


class Costs(BaseModel):
    """For a month of 730 hours."""

    asked: float = Field(description="What owners ask for.")
    enforced: float = Field(description="What runs.")
    saved: float = Field(description="Asked less enforced; negative: the door has given more.")


class NamespaceCosts(Costs):
    namespace: str


class CostsDay(Costs):
    day: date


class MoneyAnswer(Costs):
    """The savings at the prices of the settings; of a cluster with prices by node label, at their mean over its nodes."""

    currency: str
    core_hour: float
    gib_hour: float
    would_be: float | None = Field(description="If all control values were enforced.")
    namespaces: list[NamespaceCosts] = Field(description="Most saved first.")
    days: list[CostsDay] = Field(description="As of the end of each of the last 31 days.")


class OverviewAnswer(BaseModel):
    cluster: str
    is_sample: bool
    sums: Sums
    net: NetAnswer
    values: ValuesAnswer
    namespaces: list[NamespaceSums]
    days: list[DaySums]
    most_wasteful: list[WorkloadAnswer]
    most_at_risk: list[WorkloadAnswer]
    savings: SavingsAnswer
    money: MoneyAnswer | None = Field(description="Null: no price is set, or no Deployment was ever seen.")
    admissions_today: dict[str, int]
    last_collection: CollectionAnswer | None
    refreshed_at: datetime | None


class CheckAnswer(Speaking):
    name: str
    name_said: SaidAnswer
    ok: bool
    detail: str
    detail_said: SaidAnswer
    remedy: str
    remedy_said: SaidAnswer


class CheckupAnswer(BaseModel):
    ok: bool
    checks: list[CheckAnswer]
