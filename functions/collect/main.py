"""HTTP function `collect`: one POST collects as many missing days as fit into its time budget and streams the steps."""

from __future__ import annotations

from kubedoor.runtime import import_pause  # isort: skip

import asyncio
import hmac
import ipaddress
import json
import os
import uuid
from collections.abc import Iterator, Mapping

import functions_framework.aio
from prometheus_client import CollectorRegistry, Counter, Gauge
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kubedoor.admission.publication import Publication
from kubedoor.collection.all_clusters import AllClusters
from kubedoor.collection.collector import Progress
from kubedoor.collection.request import CollectRequest, parse_collect_request
from kubedoor.config.clusters import ClusterSettings
from kubedoor.errors import KubeDoorError, Unauthorized
from kubedoor.runtime.assembly import build_all_clusters, build_publication
from kubedoor.runtime.http import error_response, has_bearer_token, health_or_metrics, not_found, read_json
from kubedoor.runtime.lazy import once
from kubedoor.runtime.sources import build_cluster
from kubedoor.runtime.startup import load_settings, log_failure
from kubedoor.store.control import ControlStore
from kubedoor.store.opening import open_store

import_pause.end()

EVENT_HEADER = "ce-kubedoortoken"
"""Carries the token of a PingSource, which can send no headers except CloudEvent extensions."""


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

    def observe(self, step: Progress) -> None:
        """A step over all clusters has an empty `cluster` label."""
        cluster = step.get("cluster", "")
        self.steps.labels(cluster, step["event"]).inc()
        if rows := step.get("rows", 0):
            self.rows.labels(cluster).inc(rows)
        if step["event"] == "finished":
            self.finished_at.labels(cluster).set_to_current_time()


@once
def _config() -> ClusterSettings:
    return load_settings(os.environ)


@once
def _all_clusters() -> AllClusters:
    return build_all_clusters(_config())


@once
def _publishers() -> Mapping[str, Publication]:
    return {
        one.cluster: build_publication(one, ControlStore(open_store(one), one.cluster), build_cluster(one))
        for one in _config().every_cluster
    }


@once
def _metrics() -> Metrics:
    return Metrics()


def _check_token(request: Request) -> None:
    """Require the token of the settings. Without one, allow loopback only, and refuse browsers and proxied requests."""
    token = _config().home.collect_token
    if not token:
        host = request.client.host if request.client else ""
        if "origin" in request.headers or "sec-fetch-site" in request.headers:
            raise Unauthorized("collect serves no web pages: use POST /api/v1/collect")
        if _is_loopback(host) and "x-forwarded-for" not in request.headers:
            return
        raise Unauthorized("collect serves loopback only until KUBEDOOR_COLLECT_TOKEN is set")
    event = request.headers.get(EVENT_HEADER, "")
    if not (has_bearer_token(request, token) or hmac.compare_digest(event.encode(), token.encode())):
        raise Unauthorized("the bearer token is missing or wrong (KUBEDOOR_COLLECT_TOKEN)")


def _is_loopback(host: str) -> bool:
    """False for what is no IP address: a server on a Unix socket has a client without one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _ndjson(collect_request: CollectRequest, collection: str) -> Iterator[bytes]:
    try:
        for step in _all_clusters().run(
            collect_request, collection=collection, budget_seconds=_config().home.collect_budget_seconds
        ):
            _metrics().observe(step)
            if step["event"] == "finished":
                _publishers()[step["cluster"]].publish_or_warn()
            yield json.dumps(step, default=str).encode() + b"\n"
    except KubeDoorError as error:
        yield json.dumps({"event": "failed", "complete": False, **error.as_json()}).encode() + b"\n"


async def _ready() -> bool:
    await asyncio.to_thread(lambda: _all_clusters().home())
    return True


@functions_framework.aio.http
async def collect(request: Request) -> Response:
    try:
        if answer := await health_or_metrics(
            request, registry=_metrics().registry, is_ready=_ready, check_settings=_config
        ):
            return answer
        if request.method != "POST":
            return not_found(request, allowed="POST {} or {days}, {day}, {refresh}, {cluster}")
        _check_token(request)
        # A CloudEvent in binary mode has its attributes in ce-* headers; its data is the plain body.
        collect_request = parse_collect_request(await read_json(request))
        collection = request.headers.get("kubedoor-collection") or uuid.uuid4().hex
        await asyncio.to_thread(lambda: _all_clusters().check(collect_request))
        return StreamingResponse(
            iterate_in_threadpool(_ndjson(collect_request, collection)), media_type="application/x-ndjson"
        )
    except KubeDoorError as error:
        log_failure(error)
        return error_response(error)
