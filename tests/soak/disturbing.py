"""What happens to a door while it answers: edits, collections, renewed certificates, and a store in trouble."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from kubedoor.admission.certificates import self_signed
from kubedoor.model.collected import CollectedContainer, CollectedValues
from kubedoor.model.values import ManualValues, Resources, WorkloadKey
from kubedoor.store.control import ControlStore
from tests.bench.filling import CONTAINERS, key
from tests.soak.expected import InForce, Sizing
from tests.support.builders import DAY
from tests.support.clickhouse import ClickHouse
from tests.toolbox import processes

EDIT_EVERY_SECONDS = 0.5
RELOAD_PATIENCE_SECONDS = 25.0
SLOW_STOPPED_SECONDS, SLOW_RUNNING_SECONDS = 0.3, 0.1
"""A slow store: it stands still for so long, and then works for so long."""


def collected(cluster: str, run: int, workloads: int) -> dict[WorkloadKey, Sizing]:
    """What the collection of this number finds."""
    sizing = Sizing(3 + run % 4, 100 + run % 400, 129 + run % 300)
    return {WorkloadKey(cluster, *key(number)): sizing for number in range(workloads)}


def _values(workload: WorkloadKey, sizing: Sizing) -> CollectedValues:
    found = Resources(sizing.cpu_millicores, sizing.memory_mi * 2**20, 1000, 2**31)
    containers = tuple(CollectedContainer(name, found, 90, 2**26) for name in CONTAINERS)
    return CollectedValues(workload.namespace, workload.deployment, sizing.replicas, DAY, DAY, containers, days=10)


@dataclass
class Disturber:
    """`edited` are the workloads with values set by hand; collections do not change those."""

    control: ControlStore
    clickhouse: ClickHouse
    in_force: InForce
    certificates: Path
    door_port: int
    cluster: str
    workloads: int
    asked: Sequence[WorkloadKey]
    edited: Sequence[WorkloadKey]
    runs: int = 0
    edits: int = 0
    renewals: int = 0
    _versions: dict[WorkloadKey, int] = field(default_factory=dict)

    def collect(self) -> None:
        self.runs += 1
        values = collected(self.cluster, self.runs, self.workloads)
        changed = {one: values[one] for one in self.asked if one not in self._versions}
        with self._changing(changed):
            rows = [_values(workload, sizing) for workload, sizing in values.items()]
            self.control.replace_collected(rows, run=time.time_ns(), rule="peak-day")

    def edit(self) -> None:
        """The next workload's values, by hand."""
        workload = self.edited[self.edits % len(self.edited)]
        self.edits += 1
        sizing = Sizing(10 + self.edits % 7, 500 + self.edits % 400, 513 + self.edits % 400)
        requests = Resources(sizing.cpu_millicores, sizing.memory_mi * 2**20)
        values = ManualValues(replicas=sizing.replicas, containers=dict.fromkeys(CONTAINERS, requests))
        with self._changing({workload: sizing}):
            based_on = self._versions.get(workload, 0)
            self._versions[workload] = self.control.edit(workload, values, based_on=based_on, who="soak").version

    @contextmanager
    def _changing(self, values: dict[WorkloadKey, Sizing]) -> Iterator[None]:
        self.in_force.change(values, began=time.monotonic())
        yield
        self.in_force.settle(values, time.monotonic())

    def edit_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.edit()
            time.sleep(EDIT_EVERY_SECONDS)

    def renew_certificate(self) -> None:
        """Returns when the door serves the new one."""
        before = self._served_certificate()
        for name in ("tls.crt", "tls.key"):
            (self.certificates / name).unlink()
        names = ["kubedoor-mutate.kubedoor.svc", "localhost", "127.0.0.1"]
        self_signed.ensure(self.certificates, names, now=datetime.now(UTC))
        processes.wait_until(
            lambda: self._served_certificate() != before,
            what="the new certificate is served",
            timeout_seconds=RELOAD_PATIENCE_SECONDS,
        )
        self.renewals += 1

    def _served_certificate(self) -> bytes:
        context = ssl.create_default_context(cafile=str(self.certificates / "ca.crt"))
        with (
            socket.create_connection(("localhost", self.door_port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            return secured.getpeercert(binary_form=True) or b""

    def kill_store(self, seconds: float) -> None:
        self.clickhouse.kill()
        time.sleep(seconds)
        self.clickhouse.start()

    def hang_store(self, seconds: float) -> None:
        with self._stopped():
            time.sleep(seconds)

    def slow_store(self, seconds: float) -> None:
        """Values are edited meanwhile."""
        over = threading.Event()
        slowing = threading.Thread(target=self._slow_until, args=(over.is_set,), name="slow-store")
        slowing.start()
        try:
            self.edit_for(seconds)
        finally:
            over.set()
            slowing.join()

    def _slow_until(self, is_over: Callable[[], bool]) -> None:
        while not is_over():
            with self._stopped():
                time.sleep(SLOW_STOPPED_SECONDS)
            time.sleep(SLOW_RUNNING_SECONDS)

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        store = self.clickhouse.child
        assert store is not None
        os.kill(store.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(store.pid, signal.SIGCONT)
