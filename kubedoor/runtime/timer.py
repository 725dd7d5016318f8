"""Runs jobs at fixed intervals inside the process: one thread for each job, so a job never overlaps itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

_GRACE_SECONDS = 60


def start(jobs: dict[str, tuple[Callable[[], None], float]], *, at_once: Collection[str] = ()) -> BackgroundScheduler:
    """`jobs`: name -> (function, interval in seconds). The threads are daemons: they end with the process.

    `at_once`: jobs whose first run is now, not after the first interval.
    """
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler

    # It logs every call of every job.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(max(1, len(jobs)))})
    for name, (job, seconds) in jobs.items():
        scheduler.add_job(
            job,
            "interval",
            seconds=seconds,
            id=name,
            **({"next_run_time": datetime.now(UTC)} if name in at_once else {}),
            max_instances=1,
            coalesce=True,
            misfire_grace_time=_GRACE_SECONDS,
        )
    scheduler.start()
    return scheduler
