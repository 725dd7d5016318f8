"""Background tasks that run after the response of a change."""

from __future__ import annotations

from fastapi import BackgroundTasks, Depends

from .security.access import ServicesIn


def _publish(services: ServicesIn, tasks: BackgroundTasks) -> None:
    tasks.add_task(services.publication.publish_or_warn)


PUBLISH_SNAPSHOT = Depends(_publish)
"""Dependency of routes that change control values: publishes the snapshot that the webhook uses without a store."""
