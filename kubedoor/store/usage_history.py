"""Usage days of one workload, as people are shown them: a year of them for each page of a workload. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from operator import itemgetter
from typing import Any

from kubedoor.store.connection import Connection, Row
from kubedoor.store.usage import OF_ORIGINAL

_AS_STORED = (
    *("day", "container", "pods", "cpu_p95_millicores", "cpu_p95_hottest_millicores", "memory_p95_bytes"),
    *("memory_p95_hottest_bytes", "memory_max_bytes", "cpu_quantiles_millicores", "memory_quantiles_bytes"),
    *("cpu_request_millicores", "memory_request_bytes", "cpu_limit_millicores", "memory_limit_bytes"),
    *("throttled_share", "oom_kills", "coverage"),
)
_SHOWN = ("namespace", "deployment", *_AS_STORED, "hpa", "is_taken_over")
_SELECT = f"SELECT {', '.join(_AS_STORED)}, CAST(u.hpa AND u.hpa_known AS Bool) AS hpa, run FROM"
_WHERE = "WHERE cluster = {cluster:String} AND namespace = {namespace:String} AND deployment = {deployment:String}"
# Neither sorted nor joined with the runs that count: that takes the store longer than these few rows take here.
_BY_WORKLOAD = f"{_SELECT} usage_by_workload AS u {_WHERE} AND day >= {{since:Date}}"
_BY_DAY = f"{_SELECT} usage_daily AS u {_WHERE} AND day IN {{days:Array(Date)}}"
_CURRENT_RUNS = (
    f"SELECT day, max(run), argMax(is_by_workload, run), argMax({OF_ORIGINAL}, run) FROM usage_days"
    " WHERE cluster = {cluster:String} AND day >= {since:Date} GROUP BY day"
)
_DAY, _CONTAINER, _RUN = 0, 1, -1

_Rows = list[tuple[Any, ...]]


class UsageHistory:
    """Of one cluster. All methods raise StoreError."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def of(self, namespace: str, deployment: str, *, since: date) -> list[Row]:
        """Oldest first, by container; `hpa` is false where it is not known, and `is_taken_over` is as in UsageDay."""
        where = {"cluster": self._cluster, "namespace": namespace, "deployment": deployment}
        # Two questions at once: the store has a core for each.
        with ThreadPoolExecutor(1) as other:
            asked = other.submit(self._connection.table, _CURRENT_RUNS, cluster=self._cluster, since=since)
            found = self._rows(_BY_WORKLOAD, **where, since=since)
            _, days = asked.result()
        if _is_older(found, {day: run for day, run, *_ in days}):
            found = self._rows(_BY_WORKLOAD, **where, since=since)
        # Stored by an earlier version, which did not say that the rows are in `usage_by_workload` too.
        if elsewhere := {day for day, _, is_by_workload, _ in days if not is_by_workload}:
            found = [row for row in found if row[_DAY] not in elsewhere]
            found += self._rows(_BY_DAY, **where, days=sorted(elsewhere))
        current = {(day, run): bool(is_taken_over) for day, run, _, is_taken_over in days}
        return _shown((namespace, deployment), found, current)

    def _rows(self, sql: str, **parameters: Any) -> _Rows:
        return self._connection.table(sql, **parameters)[1]


def _is_older(found: _Rows, current: Mapping[date, int]) -> bool:
    """Whether a day may have become another run's after its rows were read: there are only rows that it has replaced."""
    newest: dict[date, int] = {}
    for row in found:
        newest[row[_DAY]] = max(row[_RUN], newest.get(row[_DAY], 0))
    return any(run < current.get(day, 0) for day, run in newest.items())


def _shown(name: tuple[str, str], found: _Rows, current: Mapping[tuple[date, int], bool]) -> list[Row]:
    """The rows of runs that count, with the workload's `name` and without their run."""
    found.sort(key=itemgetter(_DAY, _CONTAINER))
    return [
        dict(zip(_SHOWN, (*name, *row[:_RUN], current[run]), strict=True))
        for row in found
        if (run := (row[_DAY], row[_RUN])) in current
    ]
