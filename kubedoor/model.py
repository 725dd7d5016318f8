"""The values everything else speaks of. Frozen, without behaviour that needs a client, a clock or the environment.

Units are in the names: CPU in integer millicores, memory in bytes, instants in UTC; a `day` is the local date of the
peak window. None always means "not known" or "not set", never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1.0)
"""Which quantiles of the window's curve a usage day keeps; the last one is the maximum."""
SAMPLE_MARK = "sample"
"""The mark of days of sample data."""


class Mode(StrEnum):
    """What the door does for one workload."""

    ENFORCE = "enforce"
    OBSERVE = "observe"
    OFF = "off"


class Source(StrEnum):
    """Where a control value comes from."""

    MANUAL = "manual"
    COLLECTED = "collected"


@dataclass(frozen=True, order=True)
class WorkloadKey:
    """One Deployment."""

    cluster: str
    namespace: str
    deployment: str

    def __str__(self) -> str:
        return f"{self.cluster}/{self.namespace}/{self.deployment}"


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
class Resources:
    """Requests and limits of one container. None: not set."""

    cpu_request_millicores: int | None = None
    memory_request_bytes: int | None = None
    cpu_limit_millicores: int | None = None
    memory_limit_bytes: int | None = None


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


@dataclass(frozen=True)
class Check:
    """One line of the checkup: `remedy` says what to do when it is not ok."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


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


@dataclass(frozen=True)
class ManualValues:
    """What a person set for one workload; every field on its own, None: not set. `version` 0: never edited."""

    version: int = 0
    mode: Mode | None = None
    replicas: int | None = None
    containers: Mapping[str, Resources] = field(default_factory=dict)
    note: str = ""
    edited_by: str = ""
    edited_at: datetime | None = None


@dataclass(frozen=True)
class CollectedContainer:
    """What the peak day says of one container: requests, and the limits found."""

    container: str
    values: Resources
    cpu_usage_millicores: int = 0
    memory_usage_bytes: int = 0
    reasons: tuple[str, ...] = ()
    """How each number came about, in words: day, figure, clamps."""


@dataclass(frozen=True)
class CollectedValues:
    """What the peak days say of one workload. The memory peak day may differ from the CPU's."""

    namespace: str
    deployment: str
    replicas: int
    peak_day: date
    memory_peak_day: date
    containers: tuple[CollectedContainer, ...]
    days: int
    """How many usage days of the look-back there were."""
    hpa: bool | None = None
    """As the newest day says that knows; None: no day does."""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Value:
    """One control value and where it comes from."""

    amount: int
    source: Source


@dataclass(frozen=True)
class ControlContainer:
    """Control values of one container. None: KubeDoor has nothing to say, the field is left alone."""

    cpu_request_millicores: Value | None = None
    memory_request_bytes: Value | None = None
    cpu_limit_millicores: Value | None = None
    memory_limit_bytes: Value | None = None


@dataclass(frozen=True)
class ControlValues:
    """Everything the door needs to know of one workload, compiled: manual over collected, field by field."""

    mode: Mode = Mode.ENFORCE
    replicas: Value | None = None
    containers: Mapping[str, ControlContainer] = field(default_factory=dict)
    hpa: bool = False
    opted_out: bool = False
    """The Deployment carries `kubedoor.io/control: "off"`; known here because a Scale does not show its labels."""
    owned: bool = False
    """A controller owns the Deployment; known here for the same reason."""
    known: bool = True
    """False: the workload is not in the control table."""
    version: int = 0
    peak_day: date | None = None
