"""Usage days: what a source reads of the peak window of one day, and what is stored of it.

CPU is in integer millicores, memory in bytes, instants in UTC; a `day` is the local date of the peak window. None means
"not known", never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from kubedoor.model.checks import Check
from kubedoor.model.peak_day import PeakDay
from kubedoor.model.values import Resources
from kubedoor.sentences import Sentence

QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1.0)
"""The quantiles of the window's curve that a usage day has; the last one is the maximum."""
SAMPLE_MARK = "sample"
"""The `mark` of sample data."""
ORIGINAL_MARK = "original-kubedoor"
"""The `mark` of days that were taken over from an original KubeDoor: what it calls P95 is another quantile of another mean."""


@dataclass(frozen=True)
class UsageDay:
    """Usage, requests and limits of one container of one workload in the peak window of one day.

    The window's curve is, at each step, the mean over the workload's pods; `*_p95` is its 0.95 quantile and
    `*_quantiles_*` its QUANTILES. `*_p95_hottest` is the largest 0.95 quantile of a single pod. `pods` is how many
    pods ran, as Kubernetes says (docs/decisions/0014). Numbers are rounded up to a whole unit.
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
    """Requests and limits in the window; the largest where pods differ."""
    throttled_share: float | None = None
    """Share of CFS periods with throttling, 0 to 1; None without CFS metrics or without a limit."""
    oom_kills: int = 0
    coverage: float = 1.0
    """Share of the window's steps that have a sample, 0 to 1."""
    pods_with_container: int | None = None
    """How many of `pods` have this container; None: all of them."""
    pods_coverage: float = 1.0
    """Share of the listed pods that have samples, 0 to 1; 1 where nothing lists pods."""
    resources_known: bool = True
    """False: nothing listed the container, so that a missing request or limit in `found` is not known to be none."""
    dropped_samples: int = 0
    """Samples that no such container can have: see collection/plausibility.py."""
    is_partial: bool = False
    """The day is partial, as in DayUsage; set where rows are read from the store."""
    is_taken_over: bool = False
    """The day is an original KubeDoor's (ORIGINAL_MARK); set where rows are read from the store."""
    hpa: bool | None = None
    """Whether a HorizontalPodAutoscaler targets the workload; None: not known, e.g. without the HPA metric."""


@dataclass(frozen=True)
class Peak:
    """What one pod's container used at most in a look-back, and when: the greatest P95s, and the greatest sample of memory."""

    cpu_millicores: int
    cpu_day: date
    memory_bytes: int
    memory_day: date
    memory_max_bytes: int
    memory_max_day: date


@dataclass(frozen=True)
class Peaks:
    """Of one workload, by container; without usage days there are no pods and no day."""

    pods: int = 0
    pods_day: date | None = None
    containers: Mapping[str, Peak] = field(default_factory=dict)


@dataclass(frozen=True)
class DayUsage:
    """The result of reading one day from a usage source."""

    rows: tuple[UsageDay, ...]
    coverage: float
    """Share of the window's steps for which any container has a sample; 0 for a day without data."""
    warnings: tuple[Sentence, ...] = ()
    """Missing metrics by name, and Prometheus' own warnings."""
    is_partial: bool = False
    """Prometheus returned partial data: the day is stored, and the next collection reads it again."""
    queries: int = 0


@dataclass(frozen=True)
class StoredDay:
    """The record of one stored day. `windows` is the label of the peak windows it was collected with."""

    day: date
    windows: str
    row_count: int
    coverage: float
    is_partial: bool
    warnings: tuple[Sentence, ...]
    seconds: float
    finished_at: datetime
    source: str = ""
    """The `mark` of the source; empty: stored before marks existed."""

    @property
    def is_taken_over(self) -> bool:
        return self.source == ORIGINAL_MARK

    def is_covered(self, min_coverage: float) -> bool:
        """Whether it has rows, and samples of at least this share of the window's steps."""
        return self.row_count > 0 and self.coverage >= min_coverage


class UsageSource(Protocol):
    """Where usage comes from: Prometheus, or sample data."""

    is_sample: bool

    @property
    def mark(self) -> str:
        """Identifies the data, stored with every day. It changes with the server and the label matchers."""
        ...

    def read_day(self, peak_day: PeakDay, *, step_seconds: int) -> DayUsage:
        """Usage of every container of every Deployment. Raises PrometheusError; a day without data is not an error."""
        ...

    def checks(self) -> Iterable[Check]:
        """Checks that the source is reachable and has the metrics."""
        ...
