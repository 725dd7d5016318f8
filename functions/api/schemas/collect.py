"""Request and response models of collections."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from .base import SaidAnswer, Speaking, Strict


class CollectBody(Strict):
    days: int | None = Field(default=None, ge=1, le=365)
    day: str | None = Field(default=None, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", json_schema_extra={"format": "date"})
    refresh: bool = False


class CollectStarted(BaseModel):
    collection: str


class CollectionStep(Speaking):
    at: datetime
    event: str
    day: date | None
    row_count: int
    coverage: float
    seconds: float
    message: str
    message_said: SaidAnswer


class CollectionAnswer(Speaking):
    collection: str
    state: Literal["running", "finished", "failed", "cancelled", "interrupted"]
    started_at: datetime
    last_at: datetime
    days_total: int
    days_done: int
    days_failed: int
    days_empty: int = Field(description="Days of `days_done` that have no row: no usage of any Deployment was found.")
    rows: int
    message: str
    message_said: SaidAnswer


class CollectionDetail(CollectionAnswer):
    steps: list[CollectionStep]


class StoredDayAnswer(Speaking):
    day: date
    windows: str
    row_count: int
    coverage: float
    is_partial: bool
    warnings: list[str]
    warnings_said: list[SaidAnswer]
    seconds: float
    finished_at: datetime
    is_taken_over: bool = Field(description="Of an original KubeDoor: the day sets no values.")


class CollectSettings(BaseModel):
    peak_windows: str
    time_zone: str
    weekdays_only: bool
    look_back_days: int
    min_coverage: float = Field(description="Share, 0 to 1, from which a day counts as covered.")
    sizing_rule: str
    peak_day_scope: str
    is_sample: bool


class DaysAnswer(BaseModel):
    days: list[StoredDayAnswer]
    settings: CollectSettings
