"""Usage days: what a source read of one day's peak window, and what is stored of it.

CPU is in integer millicores, memory in bytes, instants in UTC; a `day` is the local date of the peak window. None means
"not known", never zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from kubedoor.model.checks import Check
from kubedoor.model.values import Resources

QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1.0)
"""Which quantiles of the window's curve a usage day keeps; the last one is the maximum."""
SAMPLE_MARK = "sample"
"""The mark of days of sample data."""


@dataclass(frozen=True, order=True)
class TimeRange:
    """A stretch of time in UTC, both ends included when it is sampled."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True)
class PeakDay:
    """One local day and the stretches of UTC time its peak windows cover (none where daylight saving skips them)."""

    day: date
    ranges: tuple[TimeRange, ...]


@dataclass(frozen=True)
class UsageDay:
    """What one container of one workload used and asked for in one day's peak window.

    The window's curve is, at each step, the mean over the workload's pods; `*_p95` is its 0.95 quantile and
    `*_quantiles_*` its QUANTILES. `*_p95_hottest` is the largest of the pods' own 0.95 quantiles. `pods` is how many
    pods of the largest ReplicaSet ran side by side (0.9 quantile over the window, so that neither a rollout's surge
    nor a replaced pod counts twice). Numbers are rounded up to a whole unit.
    """

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
    cpu_quantiles_millicores: tuple[int, ...]
    memory_quantiles_bytes: tuple[int, ...]
    found: Resources = Resources()
    """Requests and limits as found in the window; the largest where pods differ."""
    throttled_share: float | None = None
    """CFS periods in which the container was throttled, 0 to 1; None without CFS metrics or without a limit."""
    oom_kills: int = 0
    coverage: float = 1.0
    """Share of the window's steps that have a sample, 0 to 1."""
    hpa: bool | None = None
    """A HorizontalPodAutoscaler targets the workload; None: nobody could say, such as while the metric is away."""


@dataclass(frozen=True)
class DayUsage:
    """What a usage source says of one day."""

    rows: tuple[UsageDay, ...]
    coverage: float
    """Share of the window's steps for which any container has a sample; 0 for a day without data."""
    warnings: tuple[str, ...] = ()
    """What was incomplete, in words: missing metrics by name, Prometheus' own warnings."""
    is_partial: bool = False
    """Prometheus answered with partial data: the day is kept, and asked for again the next time."""
    queries: int = 0


@dataclass(frozen=True)
class StoredDay:
    """What is on record of one day. `windows` is the label of the peak windows it was collected with."""

    day: date
    windows: str
    row_count: int
    coverage: float
    is_partial: bool
    warnings: tuple[str, ...]
    seconds: float
    finished_at: datetime
    source: str = ""
    """The `mark` of the source; empty: of before there were marks, or taken over."""


class UsageSource(Protocol):
    """Where usage comes from: Prometheus, or sample data."""

    is_sample: bool

    @property
    def mark(self) -> str:
        """Stored with every day. Another mark means that a day would be of other data: another server, other labels."""
        ...

    def read_day(self, peak_day: PeakDay, *, step_seconds: int) -> DayUsage:
        """Usage of every container of every Deployment. Raises PrometheusError; a day without data is not an error."""
        ...

    def checks(self) -> Iterable[Check]:
        """Can it be reached, and does it have the metrics?"""
        ...
