"""The collection CronJob: sends requests to `collect` until the collection is complete.

A PingSource of Knative Eventing can send the same request, one per tick. `collect` keeps no state, so any sender
resumes where the last request ended.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from kubedoor.collection.background import MAX_SLICES, remote_slice
from kubedoor.collection.collector import Progress
from kubedoor.collection.request import CollectRequest, parse_collect_request
from kubedoor.errors import KubeDoorError

log = logging.getLogger(__name__)

ATTEMPTS = 4
BACKOFF_SECONDS = 5.0
"""Backoff before the second attempt, doubled before each further one: long enough for a cold start."""
LAST_EVENTS = ("next", "finished", "failed", "cancelled", "round")
EVENT_TYPE = "dev.knative.sources.ping"


class CollectionIncomplete(KubeDoorError):
    code = "collection_incomplete"


@dataclass(frozen=True)
class Ping:
    """`source` is the CloudEvent attribute of the sender."""

    url: str
    token: str
    timeout_seconds: float
    source: str
    now: Callable[[], datetime]
    sleep: Callable[[float], None]

    def run(self, request: CollectRequest, *, collection: str = "") -> Iterator[Progress]:
        """Yields every step of the collection. Raises CollectionIncomplete if the collection ends incomplete."""
        collection = collection or uuid.uuid4().hex
        for number in range(MAX_SLICES):
            last: Progress = {}
            for step in self._slice(request, collection, number):
                last = step
                yield step
            if last.get("complete"):
                return
            if last.get("event") != "next":
                raise CollectionIncomplete(_failure_message(last))
            request = parse_collect_request(last["next"])
        raise CollectionIncomplete(f"not complete after {MAX_SLICES} requests")

    def _slice(self, request: CollectRequest, collection: str, number: int) -> Iterator[Progress]:
        """One request, retried with backoff until its last step has come. A retry is safe: days that were stored stay stored.

        Raises KubeDoorError when no attempt is answered; after one that broke off, what came ends it.
        """
        for attempt in range(1, ATTEMPTS + 1):
            run_slice = remote_slice(
                self.url,
                token=self.token,
                timeout_seconds=self.timeout_seconds,
                headers=self._event(collection, number),
            )
            last: Progress = {}
            try:
                for last in run_slice(request, collection):
                    yield last
                if _is_last(last) or attempt == ATTEMPTS:
                    return
                problem = "the answer was broken off"
            except KubeDoorError as error:
                if attempt == ATTEMPTS:
                    raise
                problem = error.message
            wait = BACKOFF_SECONDS * 2 ** (attempt - 1)
            log.warning("attempt %d failed: %s; retry in %g s", attempt, problem, wait)
            self.sleep(wait)

    def _event(self, collection: str, number: int) -> dict[str, str]:
        # https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md, binary mode
        return {
            "ce-specversion": "1.0",
            "ce-type": EVENT_TYPE,
            "ce-source": self.source,
            "ce-id": f"{collection}-{number}",
            "ce-time": self.now().isoformat(),
        }


def _is_last(step: Progress) -> bool:
    return bool(step.get("complete") or step.get("error")) or step.get("event") in LAST_EVENTS


def _failure_message(last: Progress) -> str:
    of = f" of {last['cluster']}" if last.get("cluster") else ""
    if error := last.get("error"):
        return f"the collection{of} failed: {error['message']}"
    if last.get("event") == "round":
        return f"the collection ended: {last['message']}"
    if last.get("event") == "finished":
        return f"the collection{of} ended with days that failed: {', '.join(last.get('failed_days', ()))}"
    return f"the collection ended with {last.get('event', 'nothing')}"
