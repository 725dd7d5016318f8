"""Actions and schedules, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubedoor import ticking
from kubedoor.actionplans import Planner
from kubedoor.actions import Actions
from kubedoor.assembly import utc_now
from kubedoor.batches import Tools
from kubedoor.cluster import Cluster
from kubedoor.cronjobs import CronJobOptions
from kubedoor.cronjobs_in_cluster import CronJobs
from kubedoor.door import rules_of
from kubedoor.publishing import Publisher
from kubedoor.schedules import Schedules
from kubedoor.settings import Settings
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.operations import OperationStore
from kubedoor.store.records import RecordStore
from kubedoor.store.schedules import ScheduleStore
from kubedoor.switch import Switch

if TYPE_CHECKING:
    from .services import Services


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
    )
    return Actions(tools=tools, publish=publisher.publish_or_warn)


def build_schedules(settings: Settings, connection: Connection, cluster: Cluster, actions: Actions) -> Schedules:
    """With CronJobs in the cluster where the settings name their image, else by the clock of this process."""
    cronjobs = None
    if settings.schedule_image:
        options = CronJobOptions(
            settings.namespace, settings.schedule_image, settings.schedule_api_url, settings.schedule_pull_secret
        )
        cronjobs = CronJobs(cluster, options)
    return Schedules(
        store=ScheduleStore(connection, settings.cluster),
        actions=actions,
        control=ControlStore(connection, settings.cluster),
        records=RecordStore(connection, settings.cluster),
        cronjobs=cronjobs,
        now=utc_now,
    )


def start_clock(found: Services) -> None:
    """What `api` does by itself, until its process ends; nothing where the settings say so."""
    chores = {}
    if not found.schedules.is_in_cluster:
        chores["schedules"] = found.schedules.tick
    if found.settings.clock_seconds and chores:
        ticking.start({name: (chore, found.settings.clock_seconds) for name, chore in chores.items()})
