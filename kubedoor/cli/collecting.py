"""Collects inside the process of a command, on the store of the settings, as POST /collect would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubedoor.cli.api_client import IN_USE_HINT, account
from kubedoor.collection.request import parse_collect_request
from kubedoor.config.settings import Settings
from kubedoor.errors import StoreError
from kubedoor.identity.audit import Editor, audited
from kubedoor.identity.authentication import COMMAND_LINE
from kubedoor.runtime.assembly import build_collections, utc_now
from kubedoor.store.opening import open_migrated_store
from kubedoor.store.records import RecordStore
from kubedoor.store.usage import UsageStore


def states_of(settings: Settings, body: Mapping[str, Any], *, is_alone: bool) -> Iterator[Mapping[str, Any]]:
    """The state after each step, up to the end; as the API answers it. Raises KubeDoorError before the first step."""
    request = parse_collect_request(body)
    if request.day is not None:
        settings.windows.collectable(request.day, utc_now())
    try:
        connection = open_migrated_store(settings)
        collections = build_collections(settings, UsageStore(connection, settings.cluster), is_alone=is_alone)
        records, editor = RecordStore(connection, settings.cluster), Editor(account(), COMMAND_LINE, "")
        with audited(records, editor, "collection.start", settings.cluster, after=request.as_json()):
            collection = collections.begin(request)
    except StoreError as error:
        raise StoreError(f"{error.message}{IN_USE_HINT if settings.is_embedded else ''}") from error
    for _ in collections.steps(request, collection):
        yield collections.progress(collection)
    yield collections.progress(collection)
