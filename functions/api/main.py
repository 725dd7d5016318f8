"""The API: what operators and the web UI talk to."""

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

from kubedoor.config import settings
from kubedoor.errors import KubeDoorError
from kubedoor.runtime import logs
from kubedoor.runtime.http import error_response, housekeeping
from kubedoor.runtime.lazy import once
from kubedoor.workloads.metrics import merged

from .app import create_app
from .assembly import build
from .clock import start_clock
from .clusters import Clusters


@once
def _clusters() -> Clusters:
    config = settings.load(os.environ)
    logs.configure(config.log_level)
    found = build(config)
    start_clock(found)
    return found


@once
def _app() -> ASGIApp:
    return create_app(_clusters)


class Metrics(Collector):
    """What the use cases say of workloads; they are built by the first scrape if nobody was here before."""

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        return merged(one.metrics.collect() for one in _clusters().all())


@once
def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Metrics())
    return registry


class Handover(Response):
    """An answer that an inner ASGI application gives: routing, validation and streaming are its."""

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
        if answer := await housekeeping(
            request,
            registry=_registry(),
            is_ready=_ready,
            metrics_token=lambda: _clusters().home.settings.metrics_token,
        ):
            return answer
        # The use cases are built in a worker thread: the embedded store blocks for a second when it opens.
        await run_in_threadpool(lambda: _clusters().home)
        return Handover(_app(), request.receive)
    except KubeDoorError as error:
        return error_response(error)
