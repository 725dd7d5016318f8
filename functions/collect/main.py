"""Collection: one POST does as many missing days as fit its time budget, cluster by cluster, and says what is next."""

from __future__ import annotations

import hmac
import ipaddress
import json
import os
import uuid
from collections.abc import Iterator, Mapping

import functions_framework.aio
from prometheus_client import CollectorRegistry, Counter, Gauge
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kubedoor.admission.snapshot.publisher import Publisher
from kubedoor.collection.all_clusters import Rounds
from kubedoor.collection.collector import Progress
from kubedoor.collection.request import Wish, parse_wish
from kubedoor.config import settings
from kubedoor.config.settings import Settings
from kubedoor.errors import KubeDoorError, Unauthorized
from kubedoor.runtime import logs
from kubedoor.runtime.assembly import build_cluster, build_publisher, build_rounds
from kubedoor.runtime.http import bears, error_response, housekeeping, not_here, read_json
from kubedoor.runtime.lazy import once
from kubedoor.store.control import ControlStore
from kubedoor.store.opening import opened

EVENT_HEADER = "ce-kubedoortoken"
"""A PingSource sends no other header than those of its event's extensions."""


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.steps = Counter(
            "kubedoor_collection_steps", "Steps of collections.", ["cluster", "event"], registry=self.registry
        )
        self.rows = Counter("kubedoor_collected_rows", "Usage rows written.", ["cluster"], registry=self.registry)
        self.finished_at = Gauge(
            "kubedoor_collection_finished_timestamp_seconds",
            "When a collection last finished.",
            ["cluster"],
            registry=self.registry,
        )

    def note(self, step: Progress) -> None:
        """Steps of a whole round are of no cluster."""
        cluster = step.get("cluster", "")
        self.steps.labels(cluster, step["event"]).inc()
        if rows := step.get("rows", 0):
            self.rows.labels(cluster).inc(rows)
        if step["event"] == "finished":
            self.finished_at.labels(cluster).set_to_current_time()


@once
def _config() -> Settings:
    config = settings.load(os.environ)
    logs.configure(config.log_level)
    return config


@once
def _rounds() -> Rounds:
    return build_rounds(_config())


@once
def _publishers() -> Mapping[str, Publisher]:
    return {
        one.cluster: build_publisher(one, ControlStore(opened(one), one.cluster), build_cluster(one))
        for one in _config().every_cluster
    }


@once
def _metrics() -> Metrics:
    return Metrics()


def _check_token(request: Request) -> None:
    """The token of the settings; without one, loopback only, and nothing that a proxy passed on."""
    token = _config().collect_token
    if not token:
        host = request.client.host if request.client else ""
        if "origin" in request.headers or "sec-fetch-site" in request.headers:
            raise Unauthorized("collect serves no web pages: use POST /api/v1/collect")
        if host and ipaddress.ip_address(host).is_loopback and "x-forwarded-for" not in request.headers:
            return
        raise Unauthorized("collect serves loopback only until KUBEDOOR_COLLECT_TOKEN is set")
    event = request.headers.get(EVENT_HEADER, "")
    if not (bears(request, token) or hmac.compare_digest(event.encode(), token.encode())):
        raise Unauthorized("the bearer token is missing or wrong (KUBEDOOR_COLLECT_TOKEN)")


def _lines(wish: Wish, collection: str) -> Iterator[bytes]:
    try:
        for step in _rounds().run(wish, collection=collection, budget_seconds=_config().collect_budget_seconds):
            _metrics().note(step)
            if step["event"] == "finished":
                _publishers()[step["cluster"]].publish_or_warn()
            yield json.dumps(step, default=str).encode() + b"\n"
    except KubeDoorError as error:
        yield json.dumps({"event": "failed", "complete": False, **error.as_json()}).encode() + b"\n"


async def _ready() -> bool:
    await run_in_threadpool(lambda: _rounds().home())
    return True


@functions_framework.aio.http
async def collect(request: Request) -> Response:
    try:
        if answer := await housekeeping(request, registry=_metrics().registry, is_ready=_ready):
            return answer
        if request.method != "POST":
            return not_here(request, allowed="POST {} or {days}, {day}, {refresh}, {cluster}")
        _check_token(request)
        # A CloudEvent ping says when and what for in ce-* headers; its data is the same body.
        wish = parse_wish(await read_json(request))
        collection = request.headers.get("kubedoor-collection") or uuid.uuid4().hex
        await run_in_threadpool(lambda: _rounds().check(wish))
        return StreamingResponse(iterate_in_threadpool(_lines(wish, collection)), media_type="application/x-ndjson")
    except KubeDoorError as error:
        return error_response(error)
