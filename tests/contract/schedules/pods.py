"""Pods of `api` that share a store and a control plane, some of which are killed while they work."""

from __future__ import annotations

import base64
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubedoor.admission.rules import Rules
from kubedoor.admission.switch import Switch
from kubedoor.admission.webhook_configuration import WebhookOptions
from kubedoor.identity.audit import Editor
from kubedoor.kube.client import Cluster
from kubedoor.operations.actions import Actions
from kubedoor.operations.batch import ActionDependencies
from kubedoor.operations.plan import Planner
from kubedoor.operations.request import ActionRequest, Kind, Target
from kubedoor.schedules import cronjob as cronjobs
from kubedoor.schedules.cronjob import CronJobOptions
from kubedoor.schedules.cronjob_client import CronJobs
from kubedoor.schedules.rules import ScheduleRequest
from kubedoor.schedules.schedules import Schedules
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.operations import OperationStore
from kubedoor.store.records import RecordStore
from kubedoor.store.schedules import ScheduleStore
from tests.support.accounts import Clock
from tests.toolbox.running import NAMESPACE

ALICE = Editor("alice", "session", "192.0.2.7")
STUCK = 99
OPTIONS = CronJobOptions(NAMESPACE, "kubedoor:test", "http://api.test")


class Pod:
    """One pod of `api`, on a store that all pods share."""

    def __init__(
        self,
        connection: Connection,
        kubeconfig: str,
        cluster_name: str,
        clock: Callable[[], datetime],
        *,
        options: CronJobOptions | None = None,
    ) -> None:
        cluster = Cluster(kubeconfig=kubeconfig)
        self.control = ControlStore(connection, cluster_name)
        records = RecordStore(connection, cluster_name)
        webhook = WebhookOptions("kubedoor", "kubedoor-mutate", 443, 2, "Ignore", ())
        switch = Switch(cluster=cluster, look=lambda: None, options=lambda: webhook)
        planner = Planner(
            cluster=cluster,
            cluster_name=cluster_name,
            control=self.control,
            deployments=DeploymentStore(connection, cluster_name),
            switch=switch,
            rules=Rules(),
        )
        store = OperationStore(connection, cluster_name)
        dependencies = ActionDependencies(cluster, cluster_name, self.control, store, records, planner, clock)
        self.actions = Actions(dependencies=dependencies, publish=lambda: None)
        self.schedules = Schedules(
            store=ScheduleStore(connection, cluster_name),
            actions=self.actions,
            control=self.control,
            records=records,
            cronjobs=CronJobs(cluster, options) if options else None,
            now=clock,
        )


@dataclass(frozen=True)
class Doomed:
    """What a pod does until it is killed with SIGKILL before its write number `kill_at`, to the store or the API server.

    `what`: create or delete `schedule`, which has a CronJob; or tick, without CronJobs. It ends with 0 if it is done before.
    """

    dsn: str
    kubeconfig: str
    cluster: str
    namespace: str
    deployment: str
    now: datetime
    what: str
    kill_at: int
    schedule: str = ""


def exit_codes(pods: Sequence[Doomed], *, at_once: int = 7) -> list[int]:
    """Each in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.contract.schedules.pods", "kubernetes.client"])
    codes: list[int] = []
    for first in range(0, len(pods), at_once):
        running = [context.Process(target=_live, args=(pod,), daemon=True) for pod in pods[first : first + at_once]]
        for process in running:
            process.start()
        for process in running:
            process.join(60)
            codes.append(process.exitcode if process.exitcode is not None else STUCK)
            process.kill()
    return codes


def _live(doomed: Doomed) -> None:
    counter = _Counter(doomed.kill_at)
    connection = Connection(doomed.dsn)
    counter.watch(connection)
    options = None if doomed.what == "tick" else OPTIONS
    pod = Pod(connection, doomed.kubeconfig, doomed.cluster, Clock(doomed.now), options=options)
    if doomed.what == "create":
        wish = ActionRequest(Kind.RESTART, (Target(doomed.namespace, doomed.deployment),))
        pod.schedules.create(ScheduleRequest("nightly", wish, "UTC", cron="0 3 * * *"), ALICE)
    elif doomed.what == "delete":
        pod.schedules.delete(doomed.schedule, ALICE)
    else:
        pod.schedules.tick()
        while any(thread.name.startswith("action-") for thread in threading.enumerate()):
            time.sleep(0.05)


@dataclass
class _Counter:
    """Heartbeats and progress do not count: they come by time. Neither does the audit, which decides nothing."""

    kill_at: int
    writes: int = 0

    def watch(self, connection: Connection) -> None:
        insert, request = connection.insert, Cluster.request

        def counted_insert(table: str, rows: Any, **options: Any) -> None:
            if table not in ("action_beats", "audit") and "item_progress" not in str(rows):
                self.count()
            insert(table, rows, **options)

        def counted_request(cluster: Cluster, method: str, path: str, **options: Any) -> Any:
            if method != "GET" and "dryRun" not in (options.get("query") or {}):
                self.count()
            return request(cluster, method, path, **options)

        connection.insert = counted_insert  # type: ignore[method-assign]
        Cluster.request = counted_request  # type: ignore[method-assign, assignment]

    def count(self) -> None:
        self.writes += 1
        if self.writes == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def decoded_token(secret: dict[str, Any]) -> str:
    return base64.b64decode(secret["data"]["token"]).decode()


def name_of(schedule: str) -> str:
    return cronjobs.name_of(schedule)
