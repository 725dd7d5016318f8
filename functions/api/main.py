"""The HTTP function `api`: the REST API, the web UI, health checks and metrics.

The store is opened, and the application imported, by the first request or scrape that needs them.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import functions_framework.aio
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kubedoor.config.clusters import ClusterSettings
from kubedoor.errors import KubeDoorError
from kubedoor.runtime.http import error_response, health_or_metrics
from kubedoor.runtime.lazy import once
from kubedoor.runtime.startup import load_settings, log_failure
from kubedoor.store.opening import open_migrated_store

if TYPE_CHECKING:
    from .clusters import Clusters


@once
def _config() -> ClusterSettings:
    return load_settings(os.environ)


@once
def _clusters() -> Clusters:
    from .assembly import build
    from .background_jobs import start_background_jobs

    clusters = build(_config())
    start_background_jobs(clusters)
    return clusters


@once
def _app() -> ASGIApp:
    # Nothing that is imported is garbage, and the collector would go through all of it again and again.
    gc.disable()
    try:
        from .app import create_app

        return create_app(_clusters)
    finally:
        gc.freeze()
        gc.enable()


def import_all() -> None:
    """Import what the first request would. Where one process has several functions: see serving.load_function."""
    from . import app, assembly, background_jobs  # noqa: F401


_built: list[ASGIApp] = []
"""The application, once the store is open."""


async def _built_app() -> ASGIApp:
    """By the first call it is imported while the store is opened. Raises StoreError."""
    if not _built:
        # In worker threads: either takes a second.
        await asyncio.gather(asyncio.to_thread(lambda: open_migrated_store(_config().home)), asyncio.to_thread(_app))
        await asyncio.to_thread(lambda: _clusters().home)
        _built[:] = [_app()]
    return _built[0]


class Metrics(Collector):
    """The workload metrics of all clusters, read at each scrape."""

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        from kubedoor.workloads.metrics import merge_families

        return merge_families(one.metrics.collect() for one in _clusters().all())


@once
def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Metrics())
    return registry


class AsgiResponse(Response):
    """A response written by an inner ASGI application: functions-framework expects a function to return a Response."""

    def __init__(self, app: ASGIApp, receive: Receive) -> None:
        self._app = app
        self._receive = receive
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, self._receive, send)


async def _ready() -> bool:
    await _built_app()
    return True


@functions_framework.aio.http
async def api(request: Request) -> Response:
    try:
        if answer := await health_or_metrics(
            request,
            registry=_registry(),
            is_ready=_ready,
            check_settings=_config,
            metrics_token=lambda: _config().home.metrics_token,
        ):
            return answer
        return AsgiResponse(await _built_app(), request.receive)
    except KubeDoorError as error:
        log_failure(error)
        return error_response(error)
