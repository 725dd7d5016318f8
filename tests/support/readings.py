"""Builds readings of one day as Prometheus answers them, pod by pod."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from kubedoor.collection.grid import Curve, Grid
from kubedoor.collection.plausibility import Bounds, Dropped, drop_implausible
from kubedoor.collection.readings import DayReading, Fact, Metric
from kubedoor.collection.usage_days import day_usage
from kubedoor.model.peak_day import PeakDay, TimeRange
from kubedoor.model.usage import DayUsage, UsageDay

MIB = 2**20
STEPS = 91
"""A window of 90 minutes, in steps of a minute."""
RATE_SECONDS = 300
Samples = float | Sequence[float | None]
"""One number for all steps, or one for each step, None for missing."""


def peak_day(day: date, steps: int = STEPS) -> PeakDay:
    start = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
    return PeakDay(day, (TimeRange(start, start + timedelta(minutes=steps - 1)),))


def between(start: int, end: int, value: float = 1.0, steps: int = STEPS) -> list[float | None]:
    """`value` from step `start` to before `end`, and nothing elsewhere."""
    return [value if start <= step < end else None for step in range(steps)]


class Day:
    """One window. Namespace `shop`, container `app`, unless said otherwise."""

    def __init__(self, steps: int = STEPS, day: date = date(2026, 11, 20)) -> None:
        self.peak_day = peak_day(day, steps)
        self.reading = DayReading(Grid.of(self.peak_day.ranges, 60))
        self.steps = steps
        self.dropped = Dropped()

    def curve(self, samples: Samples) -> Curve:
        series = [samples] * self.steps if isinstance(samples, int | float) else samples
        return array("d", (math.nan if value is None else value for value in series))

    def seen(
        self,
        pod: str,
        *,
        cpu: Samples | None = 0.2,
        memory: Samples | None = 100.0 * MIB,
        container: str = "app",
        namespace: str = "shop",
    ) -> Day:
        """Usage of one container."""
        for metric, samples in ((Metric.CPU, cpu), (Metric.MEMORY, memory)):
            if samples is not None:
                self.reading.add_curve(metric, (namespace, pod, container), self.curve(samples), 0)
        return self

    def listed(
        self, pod: str, steps: Samples = 1.0, *, containers: Sequence[str] = ("app",), namespace: str = "shop"
    ) -> Day:
        """kube_pod_container_info, at these steps."""
        for container in containers:
            self.state(Metric.CONTAINER_INFO, pod=pod, container=container, namespace=namespace)
        self.reading.add_pod((namespace, pod), self.curve(steps), 0)
        return self

    def deployment(self, name: str, metrics: Mapping[str, Samples] | None = None, /, **more: Samples) -> Day:
        """`spec`, `ready`, `existing` replicas."""
        names = {
            "spec": Metric.DEPLOYMENT_SPEC,
            "ready": Metric.DEPLOYMENT_READY,
            "existing": Metric.DEPLOYMENT_REPLICAS,
        }
        for metric, samples in {**(metrics or {}), **more}.items():
            self.reading.add_deployment(("shop", name), names[metric], self.curve(samples), 0)
        return self

    def state(self, metric: Metric, value: float = 1.0, **labels: str) -> Day:
        self.reading.state.add(metric, {"namespace": "shop", "container": "app", **labels}, value)
        return self

    def node(self, cores: float, memory: float) -> Day:
        self.state(Metric.NODE_ALLOCATABLE, cores, resource="cpu")
        return self.state(Metric.NODE_ALLOCATABLE, memory, resource="memory")

    def fact(self, fact: Fact, pod: str, value: float) -> Day:
        self.reading.add_fact(fact, ("shop", pod, "app"), value)
        return self

    def usage(self, bounds: Bounds | None = None) -> DayUsage:
        """What the day comes to, without what is implausible. To be called once."""
        self.dropped = drop_implausible(self.reading, bounds or Bounds(), rate_seconds=RATE_SECONDS)
        return day_usage(self.reading, self.peak_day, dropped=self.dropped)

    def row(self) -> UsageDay:
        (row,) = self.usage().rows
        return row
