"""The function `mutate` (the door): answers the API server's AdmissionReviews. Has no rights in the cluster."""

from __future__ import annotations

from kubedoor.runtime import import_pause  # isort: skip

import asyncio
import atexit
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import functions_framework.aio
import orjson
from starlette.requests import Request
from starlette.responses import Response

from kubedoor.admission.handler import STORE_TIMEOUT_SECONDS, AdmissionHandler
from kubedoor.admission.journal import AdmissionJournal
from kubedoor.admission.options import options_of, rules_of
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.errors import KubeDoorError
from kubedoor.runtime.http import error_response, health_or_metrics, not_found, parse_json, read_body
from kubedoor.runtime.lazy import once
from kubedoor.runtime.startup import load_settings
from kubedoor.store.admissions import AdmissionStore
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.opening import open_store

import_pause.end()


def _now() -> datetime:
    return datetime.now(UTC)


@once
def _handler() -> AdmissionHandler:
    # Built by the first request, not at import: the framework imports this module before it forks.
    config = load_settings(os.environ, collects=False).home
    connection = open_store(config)
    handler = AdmissionHandler(
        snapshot=Snapshot(
            ControlStore(open_store(config, at_most_seconds=STORE_TIMEOUT_SECONDS), config.cluster),
            cluster=config.cluster,
            path=config.snapshot_path,
            monotonic=time.monotonic,
            now=_now,
            folder=Path(config.snapshot_folder) if config.snapshot_folder else None,
        ),
        control=ControlStore(connection, config.cluster),
        records=AdmissionStore(connection, config.cluster),
        deployments=DeploymentStore(connection, config.cluster),
        rules=rules_of(config),
        options=options_of(config),
        now=_now,
        later=lambda call: asyncio.get_running_loop().call_soon(call),
    )
    handler.metrics.timeout.set(config.webhook_timeout_seconds)
    # What was admitted in the last second before the process ends.
    atexit.register(handler.journal.writer.close)
    return handler


@functions_framework.aio.http
async def mutate(request: Request) -> Response:
    try:
        handler = _handler()
        handler.start_background_refresh()
        if health := await health_or_metrics(request, registry=handler.metrics.registry, is_ready=handler.warm_up):
            return health
        if request.method != "POST":
            return not_found(request, allowed="POST an AdmissionReview")
        return Response(await answer(await read_body(request)), media_type="application/json")
    except KubeDoorError as error:
        return error_response(error)


async def answer(body: bytes | bytearray) -> bytes:
    """The AdmissionReview that answers the one in `body`, both as JSON. Raises KubeDoorError."""
    handler = _handler()
    handler.start_background_refresh()
    answered = orjson.dumps(await handler.admit(parse_json(body)))
    # When the answer is on its way, and after what the handler does later.
    asyncio.get_running_loop().call_soon(_write_journal, handler.journal)
    return answered


def _write_journal(journal: AdmissionJournal) -> None:
    if journal.has_work():
        journal.writer.wake()
