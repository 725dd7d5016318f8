"""The HTTP function `api`: the REST API, the web UI, health checks and metrics.

The store is opened by the first request or scrape, not at import.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import functions_framework.aio
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kubedoor.config.clusters import load as load_settings
from kubedoor.errors import KubeDoorError
from kubedoor.runtime import logs
from kubedoor.runtime.http import error_response, health_or_metrics
from kubedoor.runtime.lazy import once
from kubedoor.workloads.metrics import merge_families

from .app import create_app
from .assembly import build
from .background_jobs import start_background_jobs
from .clusters import Clusters


@once
def _clusters() -> Clusters:
    config = load_settings(os.environ)
    logs.configure(config.home.log_level)
    clusters = build(config)
    start_background_jobs(clusters)
    return clusters


@once
def _app() -> ASGIApp:
    return create_app(_clusters)


class Metrics(Collector):
    """The workload metrics of all clusters, read at each scrape."""

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
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
    await run_in_threadpool(lambda: _clusters().home)
    return True


@functions_framework.aio.http
async def api(request: Request) -> Response:
    try:
        if answer := await health_or_metrics(
            request,
            registry=_registry(),
            is_ready=_ready,
            metrics_token=lambda: _clusters().home.settings.metrics_token,
        ):
            return answer
        # In a worker thread: opening the embedded store blocks for a second.
        await run_in_threadpool(lambda: _clusters().home)
        return AsgiResponse(_app(), request.receive)
    except KubeDoorError as error:
        return error_response(error)
