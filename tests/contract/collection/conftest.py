"""Days read from a real Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.source import PrometheusSource
from kubedoor.model.usage import DayUsage
from kubedoor.model.values import Resources
from kubedoor.peak_windows import PeakWindows
from tests.contract.conftest import PrometheusOf
from tests.toolbox.series import Container, Fleet, Shape

Read = Callable[..., DayUsage]
STEP_SECONDS = 60
WINDOWS = PeakWindows.parse("10:00-11:30", "UTC")
MONDAY = date(2026, 3, 2)
PLAIN = Container("app", Shape(0.1, noise=0.1), Shape(100 * 2**20, noise=0.1), Resources(100, 128 * 2**20))


def at(clock: str, day: int = 0) -> datetime:
    """So many days after MONDAY."""
    return datetime.combine(MONDAY + timedelta(days=day), time.fromisoformat(clock), UTC)


@pytest.fixture
def read(prometheus_of: PrometheusOf) -> Iterator[Read]:
    """`read(fleet, ..., day=, windows=, max_samples=, **options of the source)`; the fleet's first day unless `day` says."""
    clients: list[PrometheusClient] = []

    def read_day(
        *fleets: Fleet,
        day: date | None = None,
        windows: PeakWindows = WINDOWS,
        max_samples: int | None = None,
        **options: Any,
    ) -> DayUsage:
        clients.append(PrometheusClient(prometheus_of(*fleets, max_samples=max_samples).url))
        source = PrometheusSource(clients[-1], **options)
        return source.read_day(windows.peak_day(day or fleets[0].first_day), step_seconds=STEP_SECONDS)

    yield read_day
    for client in clients:
        client.close()
