"""A door that answers for minutes while values, certificates and the store change, and what is said of it then."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from kubedoor.model.values import WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from tests.bench.filling import key
from tests.soak.asking import Asker
from tests.soak.disturbing import Disturber
from tests.soak.expected import InForce
from tests.soak.report import Report
from tests.soak.templates import teaching, templates
from tests.soak.watching import held, held_now
from tests.support.clickhouse import ClickHouse
from tests.toolbox import processes
from tests.toolbox.processes import Child, PartFailed
from tests.toolbox.running import ROOT

CLUSTER = "soak"
ASKED, EDITED = 40, 12
"""Workloads that are asked for, and those of them whose values are edited."""
DRAIN_SECONDS = 90
ASKING_ENDS_SECONDS = 30
CLOSED_SECONDS = 5
LOG_BEFORE, LOG_AFTER = 500, 3000
"""Characters of the door's log around an error."""
Say = Callable[[str], None]
STORE_TIMEOUT_SECONDS = 60
"""Longer than the store is in trouble."""


@dataclass(frozen=True)
class Plan:
    """`seconds`: how long cycles begin. `warm_cycles`: those before the process has what it needs.

    `max_growth`: of memory after these. After one short cycle neither its caches nor the garbage collector's oldest
    generation are full.
    """

    seconds: float
    workloads: int
    measure_seconds: float
    trouble_seconds: float
    calm_seconds: float
    warm_cycles: int
    patience_seconds: float
    share_of_throughput: float = 0.5
    max_growth: float = 0.05


LONG = Plan(600, 10_000, 10, 12, 6, 2, patience_seconds=2.0)
SHORT = Plan(40, 2_000, 2, 3.5, 1, 1, patience_seconds=10.0, max_growth=0.25)


@contextmanager
def door(folder: Path, dsn: str) -> Iterator[tuple[Child, int]]:
    """`kubedoor mutate` with the settings of production, and those of the image."""
    port = processes.free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "KUBEDOOR_STORE_DSN": dsn,
        "KUBEDOOR_CLUSTER": CLUSTER,
        "KUBEDOOR_SOURCE": "sample",
        "KUBEDOOR_KUBECONFIG": "none",
        "KUBEDOOR_DATA_DIR": str(folder),
        "KUBEDOOR_DOOR_PORT": str(port),
        "MALLOC_ARENA_MAX": "1",
    }
    command = [sys.executable, "-m", "kubedoor", "mutate"]
    child = processes.start("mutate", command, log=folder / "mutate.log", environment=environment, folder=ROOT)
    try:
        processes.wait_until(
            lambda: "door: https" in child.log_tail(), what="the door is open", children=[child], timeout_seconds=60
        )
        yield child, port
    finally:
        child.stop()


def _tracebacks(log: Path) -> str:
    """The first of them, with what is around it; empty if there are none."""
    text = log.read_text(errors="replace")
    found = text.find("Traceback")
    return "" if found < 0 else text[max(0, found - LOG_BEFORE) : found + LOG_AFTER]


class Soak:
    def __init__(self, plan: Plan, clickhouse: ClickHouse, folder: Path) -> None:
        self._plan = plan
        self._clickhouse = clickhouse
        self._folder = folder
        self._connection = Connection(clickhouse.dsn, timeout_seconds=STORE_TIMEOUT_SECONDS)
        self._in_force = InForce()
        keys = [WorkloadKey(CLUSTER, *key(number)) for number in range(ASKED + 1)]
        self._known, self._hands_off = keys[:-1], keys[-1]
        self._templates = templates(self._known, self._hands_off)

    def run(self, say: Say = lambda _: None) -> Report:
        """Raises PartFailed if something else than the door fails."""
        if self._clickhouse.child is None:
            raise PartFailed("a soak kills and stops ClickHouse: unset KUBEDOOR_TEST_CLICKHOUSE_URL for it")
        with closing(self._connection), door(self._folder, self._clickhouse.dsn) as (child, port):
            migrate(self._connection)
            disturber = self._disturber(port)
            disturber.collect()
            processes.wait_until(
                lambda: self._has_values(port), what="the door has values", children=[child], timeout_seconds=60
            )
            asker = self._asker(port, "s")
            report = Report(self._throughput(port), 0.0, asker.outcome, self._plan.max_growth)
            report.rate = report.throughput * self._plan.share_of_throughput
            say(f"{report.throughput:.0f} answers per second; now at {report.rate:.0f}")
            self._soak(asker, child, disturber, report, say)
            report.clients_left = self._clients_left(child.pid, port)
            report.edits, report.collections = disturber.edits, disturber.runs
            report.renewals = disturber.renewals
            self._count_rows(report, port)
            report.tracebacks = _tracebacks(child.log)
        return report

    def _disturber(self, port: int) -> Disturber:
        return Disturber(
            control=ControlStore(self._connection, CLUSTER),
            clickhouse=self._clickhouse,
            in_force=self._in_force,
            certificates=self._folder / "tls",
            door_port=port,
            cluster=CLUSTER,
            workloads=self._plan.workloads,
            asked=[*self._known, self._hands_off],
            edited=self._known[:EDITED],
        )

    def _asker(self, port: int, letter: str) -> Asker:
        ca, patience = self._folder / "tls" / "ca.crt", self._plan.patience_seconds
        return Asker(port, ca, self._templates, self._in_force, letter=letter, patience_seconds=patience)

    def _has_values(self, port: int) -> bool:
        """Whether it has those of the first collection. What is asked makes it look, and teaches it a label."""
        for one in teaching(self._hands_off):
            answer = requests.post(
                f"https://localhost:{port}/mutate",
                json=one.review,
                verify=str(self._folder / "tls" / "ca.crt"),
                timeout=10,
            )
            answer.raise_for_status()
        return self._metric(port, "kubedoor_snapshot_workloads") == self._plan.workloads

    def _throughput(self, port: int) -> float:
        asker, seconds = self._asker(port, "t"), self._plan.measure_seconds

        async def full_speed() -> None:
            asyncio.get_running_loop().call_later(seconds, asker.stop)
            await asker.run(per_second=0)

        asyncio.run(full_speed())
        return asker.outcome.answered / seconds

    def _soak(self, asker: Asker, child: Child, disturber: Disturber, report: Report, say: Say) -> None:
        # Here, not in the thread: a store that is started again ends with the thread that has started it.
        with ThreadPoolExecutor(1, thread_name_prefix="asking") as pool:
            asking = pool.submit(asyncio.run, asker.run(per_second=report.rate))
            try:
                self._disturb(child, disturber, report, say)
            finally:
                asker.stop()
            asking.result(ASKING_ENDS_SECONDS)

    def _disturb(self, child: Child, disturber: Disturber, report: Report, say: Say) -> None:
        plan, end = self._plan, time.monotonic() + self._plan.seconds
        while time.monotonic() < end or report.cycles <= plan.warm_cycles:
            disturber.edit_for(plan.calm_seconds)
            disturber.collect()
            disturber.renew_certificate()
            disturber.kill_store(plan.trouble_seconds)
            disturber.edit_for(plan.calm_seconds)
            disturber.hang_store(plan.trouble_seconds)
            disturber.slow_store(plan.trouble_seconds)
            time.sleep(plan.calm_seconds)
            report.cycles += 1
            report.end = held(child.pid, disturber.door_port)
            if report.cycles <= plan.warm_cycles:
                report.warm = report.end
            say(f"cycle {report.cycles}: {report.outcome.answered} answers, {report.outcome.wrong} wrong, {report.end}")

    @staticmethod
    def _clients_left(pid: int, port: int) -> int:
        """0 as soon as there are none."""
        deadline = time.monotonic() + CLOSED_SECONDS
        while (left := held_now(pid, port).clients) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left

    def _count_rows(self, report: Report, port: int) -> None:
        """Waits until all are written."""
        report.dropped = self._metric(port, "kubedoor_admission_records_dropped_total")
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline:
            (row,) = self._connection.rows(
                "SELECT count() AS stored, uniqExact(uid) AS distinct FROM admissions WHERE cluster = {cluster:String}"
                " AND startsWith(uid, 's')",
                cluster=CLUSTER,
            )
            report.stored, report.distinct = row["stored"], row["distinct"]
            if report.stored + report.dropped >= report.outcome.recorded:
                return
            time.sleep(0.5)

    def _metric(self, port: int, name: str) -> int:
        ca = str(self._folder / "tls" / "ca.crt")
        metrics = requests.get(f"https://localhost:{port}/metrics", verify=ca, timeout=10).text
        (line,) = (line for line in metrics.splitlines() if line.startswith(f"{name} "))
        return int(float(line.split()[1]))
