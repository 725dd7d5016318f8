"""What `api` does by itself, again and again."""

from __future__ import annotations

from kubedoor.runtime import timer

from .clusters import Clusters

NOTIFY_SECONDS = 15.0
OVERDUE_SECONDS = 60.0


def start_clock(clusters: Clusters) -> None:
    """What `api` does by itself, until its process ends; nothing where the settings say so."""
    seconds = clusters.settings.clock_seconds
    home = clusters.home
    chores = {"notifications": (home.notifications.tick, max(seconds, NOTIFY_SECONDS))}
    # CronJobs ping; what is left to the clock then is a return that no ping has done.
    look = max(seconds, OVERDUE_SECONDS) if home.schedules.is_in_cluster else seconds
    chores |= {f"schedules {one.settings.cluster}": (one.schedules.tick, look) for one in clusters.all()}
    if seconds:
        timer.start(chores)
