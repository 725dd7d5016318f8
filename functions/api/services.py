"""The use cases that the routes call: those of one cluster, and those that all clusters share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubedoor.admission.look import Look
from kubedoor.admission.preview import Preview
from kubedoor.admission.publication import Publication
from kubedoor.admission.switch import Switch
from kubedoor.collection.background import Collections
from kubedoor.collection.sample.source import sample_deployments
from kubedoor.config.settings import Settings
from kubedoor.errors import NotFound
from kubedoor.identity.accounts import Tokens, Users
from kubedoor.identity.authentication import Authenticator
from kubedoor.identity.oidc import OidcClient
from kubedoor.kube.client import Cluster
from kubedoor.model.values import WorkloadKey
from kubedoor.notifications.notifications import Notifications
from kubedoor.operations.actions import Actions
from kubedoor.runtime.checkup import Checkup
from kubedoor.schedules.schedules import Schedules
from kubedoor.sentences import sentence
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.marks import MarkStore
from kubedoor.store.own_changes import OwnChanges
from kubedoor.store.records import RecordStore
from kubedoor.store.usage import UsageStore
from kubedoor.workloads.acceptances import Acceptances
from kubedoor.workloads.additions import Additions
from kubedoor.workloads.csv_import import CsvImport
from kubedoor.workloads.metrics import WorkloadMetrics
from kubedoor.workloads.overview import Overview
from kubedoor.workloads.redaction import redacted
from kubedoor.workloads.service import Workloads


@dataclass(frozen=True)
class SharedServices:
    """Shared by all clusters."""

    connection: Connection
    authenticator: Authenticator
    users: Users
    tokens: Tokens
    oidc: OidcClient | None
    notifications: Notifications
    home_cluster: Cluster
    """The cluster in which KubeDoor runs; it also has the CronJobs of the schedules of all clusters."""
    home_namespace: str
    is_alone: bool
    """There is no further cluster."""


@dataclass(frozen=True)
class Services:
    """The use cases of one cluster, with the shared ones."""

    settings: Settings
    authenticator: Authenticator
    users: Users
    tokens: Tokens
    oidc: OidcClient | None
    workloads: Workloads
    additions: Additions
    acceptances: Acceptances
    csv_import: CsvImport
    collections: Collections
    usage: UsageStore
    control: ControlStore
    deployments: DeploymentStore
    records: RecordStore
    marks: MarkStore
    own_changes: OwnChanges
    switch: Switch
    look: Look
    preview: Preview
    overview: Overview
    checkup: Checkup
    cluster: Cluster
    publication: Publication
    actions: Actions
    schedules: Schedules
    notifications: Notifications
    now: Callable[[], datetime]
    metrics: WorkloadMetrics

    def live(self, namespace: str, deployment: str) -> dict[str, Any]:
        """The current Deployment, redacted; with sample data, the manifest of the sample.

        Raises NotFound for a Deployment that is not in the control table: KubeDoor may read every Deployment, viewers
        must not.
        """
        key = WorkloadKey(self.settings.cluster, namespace, deployment)
        if not self.settings.controls(namespace) or not self.control.control_rows_of(key):
            raise NotFound(sentence("workloads.not_shown", workload=f"{namespace}/{deployment}"))
        return redacted(self._live(namespace, deployment))

    def _live(self, namespace: str, deployment: str) -> dict[str, Any]:
        if self.settings.uses_sample:
            for manifest in sample_deployments():
                if (manifest["metadata"]["namespace"], manifest["metadata"]["name"]) == (namespace, deployment):
                    return manifest
        live = self.cluster.deployment(namespace, deployment)
        if live is None:
            raise NotFound(sentence("cluster.no_deployment", workload=f"{namespace}/{deployment}"))
        return live
