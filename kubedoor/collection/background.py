"""Collections that a person starts: each runs in a background thread and is followed through its events in the store.

A collection consists of slices: a slice is what one request to `collect` gets done within its time budget. `collect`
keeps no state, so an interrupted slice is resumed by sending the same request again. Progress is read from the events
in the store only, so every pod can report it.
"""

from __future__ import annotations

import http.client
import json
import logging
import ssl
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any

from kubedoor.collection.collector import Progress
from kubedoor.collection.request import CollectRequest, parse_collect_request
from kubedoor.errors import Conflict, KubeDoorError, NotFound, StoreError
from kubedoor.redirects import open_without_redirects
from kubedoor.sentences import Sentence, sentence
from kubedoor.store.connection import Row
from kubedoor.store.usage import CollectionEvent, UsageStore

log = logging.getLogger(__name__)

MAX_SLICES = 1000
MAX_INTERRUPTIONS = 3
"""How many slices in a row may end without a final step (for example, because the pod was deleted) before giving up."""
STALE_AFTER = timedelta(minutes=15)
"""A collection without an event for this long counts as interrupted. No single day takes longer."""
_FINAL_STATES = {"finished": "finished", "failed": "failed", "cancelled": "cancelled"}
Slice = Callable[[CollectRequest, str], Iterable[Progress]]


class Collections:
    """`awake`: within it the pod is not scaled to zero; nobody sends requests while a collection runs in its thread."""

    def __init__(
        self,
        *,
        usage: UsageStore,
        run_slice: Slice,
        now: Callable[[], datetime],
        awake: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._usage = usage
        self._awake = awake
        self._run_slice = run_slice
        self._now = now
        self._lock = threading.Lock()
        self._running: tuple[str, threading.Thread] | None = None

    def start(self, request: CollectRequest) -> str:
        """Start a collection and return its id. Raises Conflict while a collection of this process is running."""
        with self._lock:
            if self._running and self._running[1].is_alive():
                raise Conflict(sentence("collection.running"), collection=self._running[0])
            collection = self.begin(request)
            thread = threading.Thread(
                target=self._run, args=(request, collection), name=f"collect-{collection}", daemon=True
            )
            self._running = (collection, thread)
            thread.start()
        return collection

    def _run(self, request: CollectRequest, collection: str) -> None:
        with self._awake():
            for step in self.steps(request, collection):
                if step.get("event") in _FINAL_STATES:
                    # What it still deletes after that keeps nobody from starting another one.
                    self._let_others_start(collection)

    def begin(self, request: CollectRequest) -> str:
        """Record that somebody asked for a collection, and return its id. Raises StoreError."""
        collection = uuid.uuid4().hex
        self._usage.record(CollectionEvent(collection, "asked", Sentence(json.dumps(request.as_json()))))
        return collection

    def steps(self, request: CollectRequest, collection: str) -> Iterator[Progress]:
        """Collect slice by slice, in the thread that iterates. A failure ends it and is recorded, not raised."""
        try:
            yield from self._slices(request, collection)
        except Exception as error:
            log.exception("collection %s failed", collection)
            message = error.message if isinstance(error, KubeDoorError) else sentence("common.internal_error")
            try:
                self._usage.record(CollectionEvent(collection, "failed", message))
            except StoreError:
                log.warning("the failure of collection %s could not be recorded", collection)

    def _slices(self, request: CollectRequest, collection: str) -> Iterator[Progress]:
        interruptions = 0
        for _ in range(MAX_SLICES):
            last: Progress = {}
            for last in self._run_slice(request, collection):
                yield last
            if last.get("event") in _FINAL_STATES:
                return
            if last.get("event") == "next":
                request, interruptions = parse_collect_request(last["next"]), 0
            else:
                interruptions += 1
            if interruptions > MAX_INTERRUPTIONS:
                raise KubeDoorError(sentence("collection.broke_off", times=interruptions))

    def _let_others_start(self, collection: str) -> None:
        with self._lock:
            if self._running and self._running[0] == collection:
                self._running = None

    def cancel(self, collection: str) -> None:
        """Request a stop before the next day. Raises NotFound."""
        self.progress(collection)
        self._usage.record(CollectionEvent(collection, "cancel_asked"))

    def progress(self, collection: str) -> Row:
        """The state of a collection, with its steps. Raises NotFound."""
        events = self._usage.events(collection)
        if not events:
            raise NotFound(sentence("collection.none", collection=collection))
        return {**self._summary(collection, events), "steps": [_step(event) for event in events]}

    def recent(self, *, limit: int) -> list[Row]:
        """The newest collections, newest first, without their steps."""
        events_by_collection = self._usage.newest_collections(limit=limit)
        return [self._summary(collection, events) for collection, events in events_by_collection.items()]

    def _summary(self, collection: str, events: list[Row]) -> Row:
        ends = [event for event in events if event["event"] in _FINAL_STATES]
        is_stale = self._now() - events[-1]["at"] > STALE_AFTER
        state = _FINAL_STATES[ends[-1]["event"]] if ends else ("interrupted" if is_stale else "running")
        days = [event for event in events if event["event"] == "day"]
        kept = [event for event in events if event["event"] == "kept"]
        return {
            "collection": collection,
            "state": state,
            "started_at": events[0]["at"],
            "last_at": events[-1]["at"],
            "days_total": next((event["row_count"] for event in events if event["event"] == "started"), 0),
            "days_done": len({event["day"] for event in (*days, *kept)}),
            "days_failed": sum(event["event"] == "failed_day" for event in events),
            "days_empty": len({event["day"] for event in days if not event["row_count"]}),
            "rows": sum(event["row_count"] for event in days),
            "message": (ends or events)[-1]["message"],
        }


def _step(event: Row) -> dict[str, Any]:
    return {**event, "coverage": round(event["coverage"], 4), "seconds": round(event["seconds"], 3)}


def remote_slice(
    url: str, *, token: str, timeout_seconds: float, ca_file: str = "", headers: Mapping[str, str] | None = None
) -> Slice:
    """A slice run by the `collect` service. Yields its NDJSON lines as they arrive.

    Raises KubeDoorError when the service fails before the first line; a later failure only ends the slice.
    """
    extra_headers = headers or {}

    def run(request: CollectRequest, collection: str) -> Iterator[Progress]:
        headers = {**extra_headers, "Content-Type": "application/json", "Kubedoor-Collection": collection}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = json.dumps(request.as_json()).encode()
        post = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 -- settings allow http and https only
        context = ssl.create_default_context(cafile=ca_file or None) if url.startswith("https") else None
        has_begun = False
        try:
            with open_without_redirects(post, timeout_seconds=timeout_seconds, context=context) as response:
                for line in response:
                    yield json.loads(line)
                    has_begun = True
        except (OSError, ValueError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if not has_begun:
                raise KubeDoorError(sentence("collection.no_answer")) from error
            log.warning("the response of the collect service was interrupted: %s", error)

    return run
