"""What the routes work with: the use cases of one cluster, and what all clusters share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubedoor.admission.preview import Preview
from kubedoor.admission.snapshot.publisher import Publisher
from kubedoor.admission.switch import Switch
from kubedoor.collection.background import Collections
from kubedoor.collection.sample.source import sample_deployments
from kubedoor.config.settings import Settings
from kubedoor.errors import NotFound
from kubedoor.identity import sessions as people
from kubedoor.identity.accounts import Tokens, Users
from kubedoor.identity.oidc import Oidc
from kubedoor.kube.client import Cluster
from kubedoor.model.values import WorkloadKey
from kubedoor.notifications.notifications import Notifications
from kubedoor.operations.actions import Actions
from kubedoor.runtime.checkup import Checkup
from kubedoor.schedules.schedules import Schedules
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.records import RecordStore
from kubedoor.store.usage import UsageStore
from kubedoor.workloads.csv_import import Importing
from kubedoor.workloads.metrics import WorkloadMetrics
from kubedoor.workloads.overview import Overview
from kubedoor.workloads.redaction import showable
from kubedoor.workloads.service import Workloads


@dataclass(frozen=True)
class Common:
    """What all clusters share."""

    connection: Connection
    people: people.People
    users: Users
    tokens: Tokens
    oidc: Oidc | None
    notifications: Notifications
    home_cluster: Cluster
    """Where KubeDoor itself is, and with it the CronJobs of schedules."""
    home_namespace: str


@dataclass(frozen=True)
class Services:
    """What is to be had of one cluster."""

    settings: Settings
    people: people.People
    users: Users
    tokens: Tokens
    oidc: Oidc | None
    workloads: Workloads
    importing: Importing
    collections: Collections
    usage: UsageStore
    control: ControlStore
    records: RecordStore
    switch: Switch
    preview: Preview
    overview: Overview
    checkup: Checkup
    cluster: Cluster
    publisher: Publisher
    actions: Actions
    schedules: Schedules
    notifications: Notifications
    now: Callable[[], datetime]
    metrics: WorkloadMetrics

    def live(self, namespace: str, deployment: str) -> dict[str, Any]:
        """The Deployment as the cluster has it now, showable; with sample data, the sample's.

        Raises NotFound for what is not controlled here: KubeDoor can read every Deployment, whoever may look here not.
        """
        key = WorkloadKey(self.settings.cluster, namespace, deployment)
        if namespace in self.settings.all_excluded_namespaces or not self.control.control_rows_of(key):
            raise NotFound(f"{namespace}/{deployment} is not in the control table, or its namespace is excluded")
        return showable(self._live(namespace, deployment))

    def _live(self, namespace: str, deployment: str) -> dict[str, Any]:
        if self.settings.uses_sample:
            for manifest in sample_deployments():
                if (manifest["metadata"]["namespace"], manifest["metadata"]["name"]) == (namespace, deployment):
                    return manifest
        found = self.cluster.deployment(namespace, deployment)
        if found is None:
            raise NotFound(f"the cluster has no Deployment {namespace}/{deployment}")
        return found
