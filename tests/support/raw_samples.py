"""Computes the usage of a container from the raw samples, independently of KubeDoor and PromQL."""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from kubedoor.model.peak_day import TimeRange
from tests.toolbox.exposition import series_of
from tests.toolbox.series import Fleet

LOOK_BACK_SECONDS = 300


class RawSamples:
    """One container of one Deployment in one window."""

    def __init__(
        self, fleet: Fleet, deployment: str, container: str, window: TimeRange, *, step_seconds: int = 60
    ) -> None:
        self.fleet, self.deployment, self.container = fleet, deployment, container
        self.start, self.end = int(window.start.timestamp()), int(window.end.timestamp())
        self.steps = range(self.start, self.end + 1, step_seconds)

    def _series(self, metric: str) -> Iterator[list[tuple[int, float]]]:
        for series in series_of(self.fleet, metric):
            is_of_it = series.labels.get("pod", "").startswith(f"{self.deployment}-")
            if is_of_it and series.labels.get("container") == self.container:
                yield series.samples()

    def cores(self) -> list[list[float | None]]:
        """Per pod and step: the rate over the last 5 minutes, with counter resets; None: fewer than two samples."""
        return [
            [_growth(samples, step) for step in self.steps]
            for samples in self._series("container_cpu_usage_seconds_total")
        ]

    def memory(self) -> list[list[float | None]]:
        """Per pod and step: the newest sample of the last 5 minutes; None: no sample."""
        return [
            [_newest(samples, step) for step in self.steps]
            for samples in self._series("container_memory_working_set_bytes")
        ]

    def highest_memory(self) -> float:
        series = self._series("container_memory_working_set_bytes")
        return max(value for samples in series for moment, value in samples if self.start <= moment <= self.end)


def _between(samples: Sequence[tuple[int, float]], start: float, end: float) -> Sequence[tuple[int, float]]:
    """The samples in (start, end]."""
    moments = [moment for moment, _ in samples]
    return samples[bisect_right(moments, start) : bisect_right(moments, end)]


def _growth(samples: Sequence[tuple[int, float]], step: int) -> float | None:
    found = _between(samples, step - LOOK_BACK_SECONDS, step)
    if len(found) < 2:
        return None
    grown = sum(later - (earlier if later >= earlier else 0) for (_, earlier), (_, later) in pairwise(found))
    return grown / (found[-1][0] - found[0][0])


def _newest(samples: Sequence[tuple[int, float]], step: int) -> float | None:
    found = _between(samples, step - LOOK_BACK_SECONDS, step)
    return found[-1][1] if found else None


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[94]


def mean_at_each_step(pods: Sequence[Sequence[float | None]]) -> list[float]:
    columns = ([value for value in column if value is not None] for column in zip(*pods, strict=True))
    return [statistics.fmean(column) for column in columns if column]


def present(pod: Sequence[float | None]) -> list[float]:
    return [value for value in pod if value is not None]
