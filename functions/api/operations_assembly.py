"""Actions, schedules and notifications, put together."""

from __future__ import annotations

import logging
import ssl
import urllib.request
from pathlib import Path

from cryptography import x509

from kubedoor.admission.certificates import self_signed
from kubedoor.admission.handler import rules_of
from kubedoor.admission.snapshot.publisher import Publisher
from kubedoor.admission.switch import Switch
from kubedoor.config.settings import Settings
from kubedoor.kube.client import Cluster
from kubedoor.notifications.notifications import Notifications
from kubedoor.operations.actions import Actions
from kubedoor.operations.batch import Tools
from kubedoor.operations.plan import Planner
from kubedoor.runtime.assembly import utc_now
from kubedoor.schedules.cronjob import CronJobOptions
from kubedoor.schedules.cronjob_client import CronJobs
from kubedoor.schedules.missed_runs import missed_runs
from kubedoor.schedules.schedules import Schedules
from kubedoor.store.channels import ChannelStore
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.notices import NoticeStore
from kubedoor.store.operations import OperationStore
from kubedoor.store.records import RecordStore
from kubedoor.store.schedules import ScheduleStore

log = logging.getLogger(__name__)

PROBE_SECONDS = 3.0


def build_actions(
    settings: Settings, connection: Connection, cluster: Cluster, switch: Switch, publisher: Publisher
) -> Actions:
    control = ControlStore(connection, settings.cluster)
    planner = Planner(
        cluster=cluster, cluster_name=settings.cluster, control=control, switch=switch, rules=rules_of(settings)
    )
    tools = Tools(
        cluster=cluster,
        cluster_name=settings.cluster,
        control=control,
        store=OperationStore(connection, settings.cluster),
        records=RecordStore(connection, settings.cluster),
        planner=planner,
        now=utc_now,
        keep_awake=lambda: _keep_awake(settings),
    )
    return Actions(tools=tools, publish=publisher.publish_or_warn)


def _keep_awake(settings: Settings) -> None:
    """A request to ourselves, the way others come: whoever counts requests sees that this pod is needed."""
    if not settings.schedule_api_url:
        return
    try:
        with urllib.request.urlopen(f"{settings.schedule_api_url.rstrip('/')}/healthz", timeout=PROBE_SECONDS):  # noqa: S310
            return
    except OSError as error:
        log.warning("api cannot be reached from itself, so that it may be scaled to nothing at work: %s", error)


def build_schedules(
    settings: Settings, connection: Connection, home: Cluster, actions: Actions, *, home_namespace: str
) -> Schedules:
    """With CronJobs where the settings name their image, else by the clock of this process.

    CronJobs of every cluster are in the home cluster: there is the API that they ping, and nothing leads to it from
    elsewhere.
    """
    cronjobs = None
    if settings.schedule_image:
        options = CronJobOptions(
            home_namespace,
            settings.schedule_image,
            settings.schedule_api_url,
            settings.schedule_pull_secret,
            "" if settings.is_home else settings.cluster,
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


def build_notifications(settings: Settings, connection: Connection, records: RecordStore) -> Notifications:
    """For all clusters: the channels are the home cluster's."""
    return Notifications(
        cluster_name=settings.cluster,
        store=ChannelStore(connection, settings.cluster),
        notices={
            one.cluster: NoticeStore(
                connection,
                one.cluster,
                own_username=one.service_account,
                missed=missed_runs(ScheduleStore(connection, one.cluster)),
            )
            for one in settings.every_cluster
        },
        records=records,
        certificate_days=lambda: _certificate_days(settings),
        now=utc_now,
    )


def _certificate_days(settings: Settings) -> int | None:
    """Until the door's certificate ends: of its file where it is here, else of the door itself; None: neither."""
    file = Path(settings.tls_cert_file) if settings.tls_cert_file else settings.data_dir / "tls" / "tls.crt"
    try:
        if file.is_file():
            return self_signed.days_left(file, now=utc_now())
        door = (f"{settings.webhook_service}.{settings.namespace}.svc", settings.webhook_port)
        served = x509.load_pem_x509_certificate(ssl.get_server_certificate(door, timeout=PROBE_SECONDS).encode())
    except (OSError, ValueError):
        return None
    return (served.not_valid_after_utc - utc_now()).days
