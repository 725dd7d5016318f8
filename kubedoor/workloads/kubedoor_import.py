"""Imports usage days and pod counts from the database of an original KubeDoor.

The tables `k8s_resources` and `k8s_res_control` are only read. Their rows have no containers: a row is assigned to the
only container of its Deployment. Rows of Deployments with several containers, and of unknown ones, are left out and
counted. A negative value means "not set". Recommended requests and limits are not imported: a collection computes them.

What the original calls P95 is a 0.80 quantile of the mean over all containers, injected ones included. So these days are
marked (ORIGINAL_MARK), shown as what they are, and set no values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kubedoor.errors import KubeDoorError, NotFound
from kubedoor.identity.audit import Editor
from kubedoor.model.usage import ORIGINAL_MARK, QUANTILES, DayUsage, UsageDay
from kubedoor.model.values import ManualValues, Resources, WorkloadKey
from kubedoor.sentences import sentence
from kubedoor.store.connection import Connection, Row
from kubedoor.store.usage import UsageStore
from kubedoor.workloads.additions import Addition, Additions
from kubedoor.workloads.edits import Edit
from kubedoor.workloads.service import Workloads

MEBIBYTE = 2**20
NOTE = "taken over from KubeDoor"
AI_NOTE = "taken over from KubeDoor: the pod count of its AI"
Containers = Mapping[tuple[str, str], tuple[str, ...]]
"""(namespace, deployment) -> the names of its containers."""
Known = Mapping[WorkloadKey, tuple[list[Row], ManualValues]]
"""The control table."""


@dataclass
class ImportReport:
    """What was imported so far. `left_out` counts the skipped rows by reason."""

    days: int = 0
    rows: int = 0
    manual: int = 0
    ai: int = 0
    """Pod counts of its AI that were set, or might be: see KubeDoorImport.pod_counts."""
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
        return self._pod_counts(env, "pod_count_manual", at_least=0)

    def ai_pod_counts(self, env: str) -> list[Row]:
        """Empty for a version that has none."""
        columns = self._connection.rows("DESCRIBE TABLE k8s_res_control")
        if "pod_count_ai" not in {column["name"] for column in columns}:
            return []
        return self._pod_counts(env, "pod_count_ai", at_least=1)

    def _pod_counts(self, env: str, column: str, *, at_least: int) -> list[Row]:
        """The rows `namespace`, `deployment`, `pod_count` where `column` is set, the newest of each workload."""
        return self._connection.rows(
            f"SELECT namespace, deployment, {column} AS pod_count FROM k8s_res_control"
            f" WHERE env = {{env:String}} AND {column} >= {{least:Int32}} ORDER BY namespace, deployment, update DESC"
            " LIMIT 1 BY namespace, deployment",
            env=env,
            least=at_least,
        )


class KubeDoorImport:
    """`run` is the version of the written usage days: it must be greater than that of every earlier collection."""

    def __init__(
        self,
        original: OriginalKubeDoor,
        *,
        usage: UsageStore,
        workloads: Workloads,
        additions: Additions,
        cluster: str,
        windows: str,
        run: int,
    ) -> None:
        self._original = original
        self._usage = usage
        self._workloads = workloads
        self._additions = additions
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
                self._store(day, DayUsage(tuple(rows), 1.0, (sentence("collection.imported_day"),)))
                done.days, done.rows = done.days + 1, done.rows + len(rows)
                yield day

    def _store(self, day: date, usage: DayUsage) -> None:
        self._usage.replace_day(day, usage, run=self._run, windows=self._windows, seconds=0.0, source=ORIGINAL_MARK)

    def pod_counts(
        self, env: str, containers: Containers, editor: Editor, done: ImportReport, *, with_ai: bool = False
    ) -> None:
        """Set the pod counts that people set there, of workloads without manual replicas here.

        Those of its AI are counted, and set only `with_ai`; a person's goes before. A Deployment that is known, but not in
        the control table, is put there.
        """
        known = self._workloads.all_with_manual()
        by_people, by_ai = self._original.manual_pod_counts(env), self._original.ai_pod_counts(env)
        chosen = {_name(row) for row in by_people}
        for row in by_people:
            done.manual += self._set(row, known, containers, editor, done, note=NOTE)
        for row in by_ai:
            if _name(row) in chosen:
                continue
            if with_ai:
                done.ai += self._set(row, known, containers, editor, done, note=AI_NOTE)
            else:
                done.ai += not self._reason_to_skip(row, known, containers)

    def _reason_to_skip(self, row: Row, known: Known, containers: Containers) -> str:
        key = WorkloadKey(self._cluster, *_name(row))
        if key not in known:
            return "" if _name(row) in containers else "pod counts of unknown Deployments"
        return "pod counts where one is set here" if known[key][1].replicas is not None else ""

    def _set(
        self, row: Row, known: Known, containers: Containers, editor: Editor, done: ImportReport, *, note: str
    ) -> bool:
        if reason := self._reason_to_skip(row, known, containers):
            done.left_out[reason] += 1
            return False
        key, changes = WorkloadKey(self._cluster, *_name(row)), {"replicas": int(row["pod_count"]), "note": note}
        try:
            if key in known:
                self._workloads.edit(key, Edit(known[key][1].version, changes), editor)
            else:
                self._additions.add(key, Addition(changes), editor)
        except KubeDoorError as error:
            done.left_out[f"pod counts: {error.code}"] += 1
            return False
        return True


def _name(row: Row) -> tuple[str, str]:
    return row["namespace"], row["deployment"]


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
        # Only one quantile is known, and these days set no values: every field gets it.
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
