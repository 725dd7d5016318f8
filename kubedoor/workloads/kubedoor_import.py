"""Imports usage days and manual pod counts from the database of an original KubeDoor.

The tables `k8s_resources` and `k8s_res_control` are only read. Their rows have no containers: a row is assigned to the
only container of its Deployment. Rows of Deployments with several containers, and of unknown ones, are left out and
counted. A negative value means "not set". Recommended requests and limits are not imported: a collection computes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kubedoor.errors import KubeDoorError, NotFound
from kubedoor.identity.audit import Editor
from kubedoor.model.usage import QUANTILES, DayUsage, UsageDay
from kubedoor.model.values import Resources, WorkloadKey
from kubedoor.store.connection import Connection, Row
from kubedoor.store.usage import UsageStore
from kubedoor.workloads.edits import Edit
from kubedoor.workloads.service import Workloads

MEBIBYTE = 2**20
NOTE = "taken over from KubeDoor"
Containers = Mapping[tuple[str, str], tuple[str, ...]]
"""(namespace, deployment) -> the names of its containers."""


@dataclass
class ImportReport:
    """What was imported so far. `left_out` counts the skipped rows by reason."""

    days: int = 0
    rows: int = 0
    manual: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


class OriginalKubeDoor:
    """The tables of an original KubeDoor; its `env` is one cluster."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def envs(self) -> list[str]:
        rows = self._connection.rows("SELECT DISTINCT env FROM k8s_res_control ORDER BY env")
        return [row["env"] for row in rows]

    def days(self, env: str) -> list[date]:
        """Newest first."""
        rows = self._connection.rows(
            "SELECT DISTINCT toDate(date, 'Asia/Shanghai') AS day FROM k8s_resources WHERE env = {env:String}"
            " ORDER BY day DESC",
            env=env,
        )
        return [row["day"] for row in rows]

    def usage(self, env: str, day: date) -> list[Row]:
        """One row per workload, from the last run of the day."""
        return self._connection.rows(
            "SELECT namespace, deployment, pod_count, p95_pod_load, p95_pod_wss_mb,"
            " request_pod_cpu_m, request_pod_mem_mb, limit_pod_cpu_m, limit_pod_mem_mb FROM k8s_resources"
            " WHERE env = {env:String} AND toDate(date, 'Asia/Shanghai') = {day:Date}"
            " ORDER BY namespace, deployment, date DESC LIMIT 1 BY namespace, deployment",
            env=env,
            day=day,
        )

    def manual_pod_counts(self, env: str) -> list[Row]:
        return self._connection.rows(
            "SELECT namespace, deployment, pod_count_manual FROM k8s_res_control"
            " WHERE env = {env:String} AND pod_count_manual >= 0 ORDER BY namespace, deployment, update DESC"
            " LIMIT 1 BY namespace, deployment",
            env=env,
        )


class KubeDoorImport:
    """`run` is the version of the written usage days: it must be greater than that of every earlier collection."""

    def __init__(
        self,
        original: OriginalKubeDoor,
        *,
        usage: UsageStore,
        workloads: Workloads,
        cluster: str,
        windows: str,
        run: int,
    ) -> None:
        self._original = original
        self._usage = usage
        self._workloads = workloads
        self._cluster = cluster
        self._windows = windows
        self._run = run

    def check(self, env: str) -> None:
        """Raises NotFound with the known names if there is no such env, and StoreError if the tables do not exist."""
        if env not in (envs := self._original.envs()):
            raise NotFound(f"the original KubeDoor has no env {env!r}: it has {', '.join(envs) or 'none'}")

    def days(self, env: str, containers: Containers, done: ImportReport) -> Iterator[date]:
        """Import the days that are not stored here yet, newest first. Yields each day after it is stored."""
        stored = self._usage.days()
        for day in self._original.days(env):
            if day in stored:
                done.left_out["usage days that are here already"] += 1
                continue
            rows = [row for one in self._original.usage(env, day) if (row := _usage_day(one, day, containers, done))]
            if rows:
                usage = DayUsage(tuple(rows), 1.0, (f"{NOTE}: P95 only, one container each",))
                self._usage.replace_day(day, usage, run=self._run, windows=self._windows, seconds=0.0)
                done.days, done.rows = done.days + 1, done.rows + len(rows)
                yield day

    def manual(self, env: str, editor: Editor, done: ImportReport) -> None:
        """Import the manual pod counts of workloads without manual replicas here."""
        known = self._workloads.all_with_manual()
        for row in self._original.manual_pod_counts(env):
            key = WorkloadKey(self._cluster, row["namespace"], row["deployment"])
            _, before = known.get(key, ([], None))
            if before is None:
                done.left_out["pod counts of Deployments that are not in the control table"] += 1
            elif before.replicas is not None:
                done.left_out["pod counts where one is set here"] += 1
            else:
                self._set(key, before.version, int(row["pod_count_manual"]), editor, done)

    def _set(self, key: WorkloadKey, version: int, replicas: int, editor: Editor, done: ImportReport) -> None:
        try:
            self._workloads.edit(key, Edit(version, {"replicas": replicas, "note": NOTE}), editor)
            done.manual += 1
        except KubeDoorError as error:
            done.left_out[f"pod counts: {error.code}"] += 1


def _usage_day(row: Row, day: date, containers: Containers, done: ImportReport) -> UsageDay | None:
    names = containers.get((row["namespace"], row["deployment"]), ())
    if len(names) != 1:
        done.left_out["usage of Deployments with several containers" if names else "usage of unknown Deployments"] += 1
        return None
    cpu, memory = _amount(row["p95_pod_load"], 1000) or 0, _amount(row["p95_pod_wss_mb"], MEBIBYTE) or 0
    return UsageDay(
        namespace=row["namespace"],
        deployment=row["deployment"],
        container=names[0],
        day=day,
        pods=int(row["pod_count"]),
        cpu_p95_millicores=cpu,
        cpu_p95_hottest_millicores=cpu,
        memory_p95_bytes=memory,
        memory_p95_hottest_bytes=memory,
        memory_max_bytes=memory,
        # Only the P95 is known: every quantile gets it, so that no sizing percentile is below it.
        cpu_quantiles_millicores=(cpu,) * len(QUANTILES),
        memory_quantiles_bytes=(memory,) * len(QUANTILES),
        found=Resources(
            _amount(row["request_pod_cpu_m"], 1),
            _amount(row["request_pod_mem_mb"], MEBIBYTE),
            _amount(row["limit_pod_cpu_m"], 1),
            _amount(row["limit_pod_mem_mb"], MEBIBYTE),
        ),
    )


def _amount(value: Any, unit: int) -> int | None:
    """Rounded up to a whole number; None for "not set": negative, zero or NaN."""
    number = float(value)
    return int(-(-number * unit // 1)) if number > 0 else None
