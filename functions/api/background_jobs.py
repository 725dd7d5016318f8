"""The periodic jobs of `api`: sending notifications, and running schedules that no CronJob starts."""

from __future__ import annotations

from kubedoor.runtime import timer

from .clusters import Clusters

NOTIFICATION_SECONDS = 15.0
MISSED_RETURN_SECONDS = 60.0


def start_background_jobs(clusters: Clusters) -> None:
    """They run until the process ends; with KUBEDOOR_CLOCK_SECONDS=0 none is started."""
    seconds = clusters.settings.home.clock_seconds
    home = clusters.home
    jobs = {"notifications": (home.notifications.tick, max(seconds, NOTIFICATION_SECONDS))}
    # CronJobs ping at due times: then this job only repairs an end of a temporary scale that no ping has done.
    schedule_seconds = max(seconds, MISSED_RETURN_SECONDS) if home.schedules.is_in_cluster else seconds
    jobs |= {f"schedules {one.settings.cluster}": (one.schedules.tick, schedule_seconds) for one in clusters.all()}
    if seconds:
        timer.start(jobs)
