"""What is done after a change has been answered."""

from __future__ import annotations

from fastapi import BackgroundTasks, Depends

from .security.access import ServicesIn


def _publish(found: ServicesIn, tasks: BackgroundTasks) -> None:
    tasks.add_task(found.publisher.publish_or_warn)


PUBLISHES = Depends(_publish)
"""For routes that change control values: the snapshot that a door without ClickHouse starts from is kept up to date."""
