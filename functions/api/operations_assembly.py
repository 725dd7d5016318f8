"""Builds actions, schedules and notifications from the settings."""

from __future__ import annotations

import ssl
from pathlib import Path

from kubedoor.admission.options import rules_of
from kubedoor.admission.publication import Publication
from kubedoor.admission.switch import Switch
from kubedoor.config.clusters import ClusterSettings
from kubedoor.config.settings import Settings
from kubedoor.kube.client import Cluster
from kubedoor.notifications.notifications import Notifications
from kubedoor.notifications.targets import Targets
from kubedoor.operations.actions import Actions
from kubedoor.operations.batch import ActionDependencies
from kubedoor.operations.plan import Planner
from kubedoor.runtime.assembly import utc_now
from kubedoor.runtime.awake import ask_itself
from kubedoor.schedules.cronjob import CronJobOptions
from kubedoor.schedules.cronjob_client import CronJobs
from kubedoor.schedules.missed_runs import missed_runs
from kubedoor.schedules.schedules import Schedules
from kubedoor.store.channels import ChannelStore
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.events import EventStore
from kubedoor.store.operations import OperationStore
from kubedoor.store.records import RecordStore
from kubedoor.store.schedules import ScheduleStore
from kubedoor.workloads.value_warnings import ValueWarnings

PROBE_SECONDS = 3.0


def build_actions(
    settings: Settings,
    connection: Connection,
    cluster: Cluster,
    switch: Switch,
    publication: Publication,
    warnings: ValueWarnings,
) -> Actions:
    control = ControlStore(connection, settings.cluster)
    planner = Planner(
        cluster=cluster,
        cluster_name=settings.cluster,
        control=control,
        deployments=DeploymentStore(connection, settings.cluster),
        switch=switch,
        rules=rules_of(settings),
        dangers=warnings.of_each,
    )
    dependencies = ActionDependencies(
        cluster=cluster,
        cluster_name=settings.cluster,
        control=control,
        store=OperationStore(connection, settings.cluster),
        records=RecordStore(connection, settings.cluster),
        planner=planner,
        now=utc_now,
        keep_awake=lambda: ask_itself(settings.schedule_api_url),
    )
    return Actions(dependencies=dependencies, publish=publication.publish_or_warn)


def build_schedules(
    settings: Settings, connection: Connection, home: Cluster, actions: Actions, *, home_namespace: str
) -> Schedules:
    """With CronJobs if the settings name their image, else with the periodic job of this process.

    The CronJobs of all clusters are created in the home cluster: the API that they ping is reachable only there.
    """
    cronjobs = None
    if settings.schedule_image:
        options = CronJobOptions(
            home_namespace,
            settings.schedule_image,
            settings.schedule_api_url,
            settings.schedule_pull_secrets,
            "" if settings.is_home else settings.cluster,
            settings.schedule_pod,
        )
        cronjobs = CronJobs(home, options)
    return Schedules(
        store=ScheduleStore(connection, settings.cluster),
        actions=actions,
        control=ControlStore(connection, settings.cluster),
        records=RecordStore(connection, settings.cluster),
        cronjobs=cronjobs,
        now=utc_now,
    )


def build_notifications(clusters: ClusterSettings, connection: Connection, records: RecordStore) -> Notifications:
    """Notifications of all clusters; the channels are stored under the home cluster."""
    home = clusters.home
    return Notifications(
        cluster_name=home.cluster,
        store=ChannelStore(connection, home.cluster),
        events={
            one.cluster: EventStore(
                connection,
                one.cluster,
                own_username=one.service_account,
                missed=missed_runs(ScheduleStore(connection, one.cluster)),
                min_coverage=one.min_coverage,
            )
            for one in clusters.every_cluster
        },
        records=records,
        certificate_days=lambda: _certificate_days(home),
        now=utc_now,
        targets=Targets(home.notification_hosts),
    )


def _certificate_days(settings: Settings) -> int | None:
    """Days until the certificate of the webhook expires, read from its file, else from the webhook; None: unknown."""
    from cryptography import x509

    from kubedoor.admission.certificates import self_signed

    file = Path(settings.tls_cert_file) if settings.tls_cert_file else settings.data_dir / "tls" / "tls.crt"
    try:
        if file.is_file():
            return self_signed.days_left(file, now=utc_now())
        webhook = (f"{settings.webhook_service}.{settings.namespace}.svc", settings.webhook_port)
        served = x509.load_pem_x509_certificate(ssl.get_server_certificate(webhook, timeout=PROBE_SECONDS).encode())
    except (OSError, ValueError):
        return None
    return (served.not_valid_after_utc - utc_now()).days
