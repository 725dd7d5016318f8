"""What KubeDoor has taken off what owners asked for: now, by namespace, and over time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kubedoor.store.connection import Row
from kubedoor.store.deployments import DeploymentStore

HISTORY_DAYS = 365
CHART_DAYS = 31
_AMOUNTS = ("cpu_millicores", "memory_bytes", "cpu_asked_millicores", "memory_asked_bytes", "workloads")
_SAVED = ("cpu_millicores", "memory_bytes")


class Savings:
    """The savings of one cluster, read again only when the states of its Deployments or the day have changed."""

    def __init__(self, deployments: DeploymentStore, *, time_zone: str, now: Callable[[], datetime]) -> None:
        self._deployments = deployments
        self._zone = ZoneInfo(time_zone)
        self._now = now
        self._lock = threading.Lock()
        self._cached: tuple[object, list[Row], list[Row]] | None = None

    def show(self) -> dict[str, Any]:
        """For the overview: sums, namespaces, and the last days. Raises StoreError."""
        namespaces, days = self._read()
        sums = {name: sum(row[name] for row in namespaces) for name in _AMOUNTS}
        return {
            **sums,
            "observed_at": self._observed_at(),
            "namespaces": namespaces,
            "days": _over_namespaces(days, since=self._today() - timedelta(days=CHART_DAYS - 1), until=self._today()),
        }

    def by_namespace(self) -> list[Row]:
        """What is saved now, most CPU first; namespaces in which nothing was sized are there too. Raises StoreError."""
        return self._read()[0]

    def by_day(self, *, days: int) -> list[Row]:
        """What was saved at the end of each of the last days, today included, by namespace. Raises StoreError."""
        since = self._today() - timedelta(days=days - 1)
        return [row for row in self._read()[1] if row["day"] >= since]

    def _observed_at(self) -> datetime | None:
        instants = (self._deployments.looked_at(), self._deployments.revision()[1])
        return max((at for at in instants if at), default=None)

    def _today(self) -> date:
        return self._now().astimezone(self._zone).date()

    def _read(self) -> tuple[list[Row], list[Row]]:
        with self._lock:
            today = self._today()
            revision = (today, self._deployments.revision())
            if self._cached is None or self._cached[0] != revision:
                since = today - timedelta(days=HISTORY_DAYS - 1)
                days = self._deployments.savings_by_day(since, until=today, time_zone=str(self._zone))
                namespaces = sorted(
                    self._deployments.savings(), key=lambda row: (-row["cpu_millicores"], row["namespace"])
                )
                self._cached = revision, namespaces, list(days)
            return self._cached[1], self._cached[2]


def _over_namespaces(rows: list[Row], *, since: date, until: date) -> list[Row]:
    """One row for each day, also for one without savings."""
    days = {since + timedelta(days=ahead): dict.fromkeys(_SAVED, 0) for ahead in range((until - since).days + 1)}
    for row in rows:
        if (day := days.get(row["day"])) is not None:
            for name in _SAVED:
                day[name] += row[name]
    return [{"day": day, **amounts} for day, amounts in days.items()]
