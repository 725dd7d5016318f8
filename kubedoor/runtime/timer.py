"""A clock inside the process, for what is done again and again: one thread, never two of the same at once."""

from __future__ import annotations

import logging
from collections.abc import Callable

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

_GRACE_SECONDS = 60


def start(chores: dict[str, tuple[Callable[[], None], float]]) -> BackgroundScheduler:
    """Call each chore every so many seconds, by name: (what, seconds). Daemonic; ends with the process."""
    # It logs every call of every chore.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(max(1, len(chores)))})
    for name, (chore, seconds) in chores.items():
        scheduler.add_job(
            chore,
            "interval",
            seconds=seconds,
            id=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=_GRACE_SECONDS,
        )
    scheduler.start()
    return scheduler
