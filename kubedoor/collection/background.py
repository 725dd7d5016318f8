"""Collections that a person starts: they run on in a thread of their own and are followed through the store.

Where `collect` is a service of its own, the thread sends it one request after another; it keeps no state, so whatever
dies is simply asked to go on. The course of a collection is its events in the store: any pod can tell it.
"""

from __future__ import annotations

import http.client
import json
import logging
import ssl
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from kubedoor.collection.collector import Progress
from kubedoor.collection.request import Wish, parse_wish
from kubedoor.errors import Conflict, KubeDoorError, NotFound, StoreError
from kubedoor.store.connection import Row
from kubedoor.store.usage import CollectionEvent, UsageStore

log = logging.getLogger(__name__)

MAX_SLICES = 1000
MAX_BROKEN_OFF = 3
"""How often in a row the service may end without a last word, as it does when its pod goes, before that is an end."""
SILENT_AFTER = timedelta(minutes=15)
"""A collection that has said nothing for so long has been interrupted; no single day takes this long."""
_ENDS = {"finished": "finished", "failed": "failed", "cancelled": "cancelled"}
Slice = Callable[[Wish, str], Iterable[Progress]]


class Collections:
    """`run_slice` does as much of a wish as one request may."""

    def __init__(self, *, usage: UsageStore, run_slice: Slice, now: Callable[[], datetime]) -> None:
        self._usage = usage
        self._run_slice = run_slice
        self._now = now
        self._lock = threading.Lock()
        self._running: tuple[str, threading.Thread] | None = None

    def start(self, wish: Wish) -> str:
        """Start a collection; its id. Raises Conflict while another one that was started here is under way."""
        with self._lock:
            if self._running and self._running[1].is_alive():
                raise Conflict("a collection is under way: wait for it, or cancel it", collection=self._running[0])
            collection = uuid.uuid4().hex
            thread = threading.Thread(
                target=self._run, args=(wish, collection), name=f"collect-{collection}", daemon=True
            )
            self._running = (collection, thread)
            self._usage.record(CollectionEvent(collection, "asked", json.dumps(wish.as_json())))
            thread.start()
        return collection

    def _run(self, wish: Wish, collection: str) -> None:
        try:
            broken_off = 0
            for _ in range(MAX_SLICES):
                last: Progress = {}
                for step in self._run_slice(wish, collection):
                    last = step
                if last.get("event") in _ENDS:
                    return
                if last.get("event") == "next":
                    wish, broken_off = parse_wish(last["next"]), 0
                else:
                    broken_off += 1
                if broken_off > MAX_BROKEN_OFF:
                    raise KubeDoorError(f"the collect service broke off {broken_off} times in a row: see its log")
        except Exception as error:
            log.exception("collection %s ended", collection)
            message = error.message if isinstance(error, KubeDoorError) else "an internal error; the log says more"
            try:
                self._usage.record(CollectionEvent(collection, "failed", message))
            except StoreError:
                log.warning("the end of collection %s could not be recorded", collection)

    def cancel(self, collection: str) -> None:
        """Ask a collection to stop before its next day. Raises NotFound."""
        self.progress(collection)
        self._usage.record(CollectionEvent(collection, "cancel_asked"))

    def progress(self, collection: str) -> Row:
        """Where a collection is, with its steps. Raises NotFound."""
        events = self._usage.events(collection)
        if not events:
            raise NotFound(f"there is no collection {collection}")
        return {**self._summary(collection, events), "steps": [_step(event) for event in events]}

    def recent(self, *, limit: int) -> list[Row]:
        """The newest collections, without their steps."""
        courses = self._usage.newest_collections(limit=limit)
        return [self._summary(collection, events) for collection, events in courses.items()]

    def _summary(self, collection: str, events: list[Row]) -> Row:
        ends = [event for event in events if event["event"] in _ENDS]
        is_over = bool(ends)
        silent = self._now() - events[-1]["at"] > SILENT_AFTER
        state = _ENDS[ends[-1]["event"]] if is_over else ("interrupted" if silent else "running")
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
            "rows": sum(event["row_count"] for event in days),
            "message": (ends or events)[-1]["message"],
        }


def _step(event: Row) -> dict[str, Any]:
    return {**event, "coverage": round(event["coverage"], 4), "seconds": round(event["seconds"], 3)}


def remote_slice(
    url: str, *, token: str, timeout_seconds: float, ca_file: str = "", headers: Mapping[str, str] | None = None
) -> Slice:
    """A slice that the `collect` service does; its NDJSON is passed on line by line."""
    further = headers or {}

    def run(wish: Wish, collection: str) -> Iterator[Progress]:
        headers = {**further, "Content-Type": "application/json", "Kubedoor-Collection": collection}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = json.dumps(wish.as_json()).encode()
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 -- settings allow http and https only
        context = ssl.create_default_context(cafile=ca_file or None) if url.startswith("https") else None
        has_begun = False
        try:
            with urllib.request.urlopen(request, timeout=timeout_seconds, context=context) as answer:  # noqa: S310
                for line in answer:
                    yield json.loads(line)
                    has_begun = True
        except (OSError, ValueError, http.client.HTTPException) as error:
            if not has_begun:
                raise KubeDoorError("the collect service does not answer as it should: see its log") from error
            log.warning("the collect service broke off: %s", error)

    return run
