"""Collections from a real Prometheus into a real store, as a cluster's nightly run makes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from kubedoor.collection.collector import Collector
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.source import PrometheusSource
from kubedoor.collection.refresh import CollectOptions
from kubedoor.collection.request import CollectRequest
from kubedoor.model.cluster_facts import ClusterFacts
from kubedoor.model.usage import UsageSource
from kubedoor.peak_windows import PeakWindows
from kubedoor.sizing.options import SizingOptions
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.usage import UsageStore
from tests.toolbox.prometheus import Prometheus

WINDOW = "10:00-10:30"


@dataclass
class Bench:
    """A collector for one fleet and one cluster name."""

    connection: Connection
    cluster: str
    prometheus: Prometheus
    now: datetime
    window: str = WINDOW
    look_back_days: int = 10
    source: UsageSource | None = None
    sizing: SizingOptions = SizingOptions()
    read_facts: Callable[[], ClusterFacts] = ClusterFacts
    usage: UsageStore = field(init=False)
    control: ControlStore = field(init=False)

    def __post_init__(self) -> None:
        self.usage = UsageStore(self.connection, self.cluster)
        self.control = ControlStore(self.connection, self.cluster)

    def collector(self) -> Collector:
        return Collector(
            source=self.source or PrometheusSource(PrometheusClient(self.prometheus.url)),
            usage=self.usage,
            control=self.control,
            windows=PeakWindows.parse(self.window, "UTC"),
            options=CollectOptions(self.look_back_days, 60, "peak-day", self.sizing, False, self.cluster),
            now=lambda: self.now,
            monotonic=time.monotonic,
            run_number=time.time_ns,
            read_facts=self.read_facts,
        )

    def collect(self, wish: CollectRequest, *, budget_seconds: float = 3600) -> list[dict[str, Any]]:
        return list(self.collector().run(wish, collection="c", budget_seconds=budget_seconds))

    def table(self) -> list[dict[str, Any]]:
        """All usage days and control values, in a fixed order."""
        days = [self.now.date() - timedelta(days=back) for back in range(60)]
        return [asdict(row) for row in self.usage.history(days)] + [
            {name: value for name, value in row.items() if name not in ("edited_at",)}
            for row in self.control.control_rows()
        ]


def evening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 20, tzinfo=UTC)
