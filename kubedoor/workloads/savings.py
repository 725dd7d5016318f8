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
_ASKED = ("cpu_asked_millicores", "memory_asked_bytes")


class Savings:
    """The savings of one cluster, read again only when the states of its Deployments have changed.

    Days that are over are read once a day: that reads all that is recorded.
    """

    def __init__(self, deployments: DeploymentStore, *, time_zone: str, now: Callable[[], datetime]) -> None:
        self._deployments = deployments
        self._zone = ZoneInfo(time_zone)
        self._now = now
        self._lock = threading.Lock()
        self._cached: tuple[object, list[Row]] | None = None
        self._past: tuple[date, list[Row]] | None = None
        self._asked: tuple[date, list[Row]] | None = None

    def show(self) -> dict[str, Any]:
        """For the overview: sums, namespaces, and the last days. Raises StoreError."""
        namespaces = self.by_namespace()
        sums = {name: sum(row[name] for row in namespaces) for name in _AMOUNTS}
        since = self._today() - timedelta(days=CHART_DAYS - 1)
        days = _over_namespaces(self.by_day(days=CHART_DAYS), since=since, until=self._today())
        return {**sums, "observed_at": self._observed_at(), "namespaces": namespaces, "days": days}

    def by_namespace(self) -> list[Row]:
        """What is saved now, most CPU first; also namespaces in which nothing was sized. Raises StoreError."""
        with self._lock:
            # The revision is read before the rows: a change in between causes one more read later.
            revision = self._deployments.revision()
            if self._cached is None or self._cached[0] != revision:
                rows = self._deployments.savings()
                self._cached = revision, sorted(rows, key=lambda row: (-row["cpu_millicores"], row["namespace"]))
            return self._cached[1]

    def by_day(self, *, days: int) -> list[Row]:
        """What was saved at the end of each of the last days by namespace, and what is saved now. Raises StoreError."""
        today = self._today()
        past = [row for row in self._past_days(today) if row["day"] > today - timedelta(days=days)]
        now = [{"day": today, **{name: row[name] for name in ("namespace", *_SAVED)}} for row in self.by_namespace()]
        return past + [row for row in now if any(row[name] for name in _SAVED)]

    def asked_by_day(self) -> list[Row]:
        """What owners asked at the end of each of the last CHART_DAYS days, and what they ask now. Raises StoreError."""
        today, since = self._today(), self._today() - timedelta(days=CHART_DAYS - 1)
        now = {name: sum(row[name] for row in self.by_namespace()) for name in _ASKED}
        with self._lock:
            if self._asked is None or self._asked[0] != today:
                until, zone = today - timedelta(days=1), str(self._zone)
                self._asked = today, self._deployments.asked_by_day(since, until=until, time_zone=zone)
            return [*self._asked[1], {"day": today, **now}]

    def _past_days(self, today: date) -> list[Row]:
        with self._lock:
            if self._past is None or self._past[0] != today:
                since, until = today - timedelta(days=HISTORY_DAYS - 1), today - timedelta(days=1)
                days = self._deployments.savings_by_day(since, until=until, time_zone=str(self._zone))
                self._past = today, list(days)
            return self._past[1]

    def _observed_at(self) -> datetime | None:
        instants = (self._deployments.looked_at(), self._deployments.revision()[1])
        return max((at for at in instants if at), default=None)

    def _today(self) -> date:
        return self._now().astimezone(self._zone).date()


def _over_namespaces(rows: list[Row], *, since: date, until: date) -> list[Row]:
    """One row for each day, also for one without savings."""
    days = {since + timedelta(days=ahead): dict.fromkeys(_SAVED, 0) for ahead in range((until - since).days + 1)}
    for row in rows:
        if (day := days.get(row["day"])) is not None:
            for name in _SAVED:
                day[name] += row[name]
    return [{"day": day, **amounts} for day, amounts in days.items()]
