"""The door: answers the API server's AdmissionReviews."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import functions_framework.aio
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kubedoor.admission.handler import STORE_TIMEOUT_SECONDS, Door, options_of, rules_of
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.config import settings
from kubedoor.errors import KubeDoorError
from kubedoor.runtime import logs
from kubedoor.runtime.http import error_response, housekeeping, not_here, read_json
from kubedoor.runtime.lazy import once
from kubedoor.store.control import ControlStore
from kubedoor.store.opening import opened
from kubedoor.store.records import RecordStore


def _now() -> datetime:
    return datetime.now(UTC)


@once
def _door() -> Door:
    # Built by the first request and not at import: the framework imports this module before it forks.
    config = settings.load(os.environ)
    logs.configure(config.log_level)
    connection = opened(config)
    return Door(
        snapshot=Snapshot(
            ControlStore(opened(config, at_most_seconds=STORE_TIMEOUT_SECONDS), config.cluster),
            cluster=config.cluster,
            path=config.snapshot_path,
            monotonic=time.monotonic,
            now=_now,
            folder=Path(config.snapshot_folder) if config.snapshot_folder else None,
        ),
        control=ControlStore(connection, config.cluster),
        records=RecordStore(connection, config.cluster),
        rules=rules_of(config),
        options=options_of(config),
        now=_now,
    )


@functions_framework.aio.http
async def mutate(request: Request) -> Response:
    try:
        door = _door()
        door.keep_fresh()
        if answer := await housekeeping(request, registry=door.metrics.registry, is_ready=door.warm_up):
            return answer
        if request.method != "POST":
            return not_here(request, allowed="POST an AdmissionReview")
        review = await read_json(request)
        answer = JSONResponse(await door.admit(review))
        if door.log.has_work():
            answer.background = BackgroundTask(door.log.flush)
        return answer
    except KubeDoorError as error:
        return error_response(error)
