"""The periodic jobs of `api`: notifications, schedules that no CronJob starts, looks at the clusters, what enforces there."""

from __future__ import annotations

from collections.abc import Iterator

from kubedoor.kube.kubeconfig import NO_CLUSTER
from kubedoor.runtime import timer

from .clusters import Clusters
from .door_setting import DoorSetting
from .services import Services

NOTIFICATION_SECONDS = 15.0
MISSED_RETURN_SECONDS = 60.0
RECONCILE_SECONDS = 3600.0
DOOR_SETTING_SECONDS = 300.0
"""How soon a change of what enforces is tried again where it has failed at the start."""
PARAMETER_SECONDS = 30.0
"""How long what somebody has changed of the parameters in a cluster may be in force."""


def start_background_jobs(clusters: Clusters) -> None:
    """They run until the process ends; with KUBEDOOR_CLOCK_SECONDS=0 none is started."""
    seconds = clusters.settings.home.clock_seconds
    home = clusters.home
    jobs = {"notifications": (home.notifications.tick, max(seconds, NOTIFICATION_SECONDS))}
    # CronJobs ping at due times: then this job only repairs an end of a temporary scale that no ping has done.
    schedule_seconds = max(seconds, MISSED_RETURN_SECONDS) if home.schedules.is_in_cluster else seconds
    jobs |= {f"schedules {one.settings.cluster}": (one.schedules.tick, schedule_seconds) for one in clusters.all()}
    looks = {
        f"look {one.settings.cluster}": (one.look.run_or_warn, one.settings.look_seconds)
        for one in _reached(clusters)
        if one.settings.look_seconds
    }
    doors = {
        f"door {one.settings.cluster}": (DoorSetting(one).follow, DOOR_SETTING_SECONDS) for one in _reached(clusters)
    }
    policies = {
        f"control values {one.settings.cluster}": (one.publication.keep_parameters, PARAMETER_SECONDS)
        for one in clusters.all()
        if one.publication.parameters is not None
    }
    # After an upgrade the CronJobs of schedules have the image of the version before.
    cronjobs = {
        f"CronJobs of schedules {one.settings.cluster}": (one.schedules.reconcile, RECONCILE_SECONDS)
        for one in clusters.all()
        if one.schedules.is_in_cluster
    }
    if seconds:
        timer.start(jobs | looks | doors | policies | cronjobs, at_once=[*looks, *doors, *policies, *cronjobs])


def _reached(clusters: Clusters) -> Iterator[Services]:
    for one in clusters.all():
        if not one.settings.no_access and one.settings.kubeconfig != NO_CLUSTER:
            yield one
