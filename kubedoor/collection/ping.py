"""What the CronJob runs: asks `collect` to go on until it says that everything is complete.

A PingSource of Knative Eventing sends the same request, once a tick; `collect` keeps no state, so whichever sends the
next one goes on where the last one ended.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from kubedoor.collection.background import MAX_SLICES, remote_slice
from kubedoor.collection.collector import Progress
from kubedoor.collection.request import Wish, parse_wish
from kubedoor.errors import KubeDoorError

log = logging.getLogger(__name__)

ATTEMPTS = 4
WAIT_SECONDS = 5.0
"""Before the second attempt; twice as long before each further one. A cold start is over by then."""
EVENT_TYPE = "dev.knative.sources.ping"


class CollectionIncomplete(KubeDoorError):
    code = "collection_incomplete"


@dataclass(frozen=True)
class Ping:
    """`source` says who pings, in the CloudEvent's words."""

    url: str
    token: str
    timeout_seconds: float
    source: str
    now: Callable[[], datetime]
    sleep: Callable[[float], None]

    def run(self, wish: Wish, *, collection: str = "") -> Iterator[Progress]:
        """Every step of the collection. Raises CollectionIncomplete when it ends without being complete."""
        collection = collection or uuid.uuid4().hex
        for number in range(MAX_SLICES):
            last: Progress = {}
            for step in self._slice(wish, collection, number):
                last = step
                yield step
            if last.get("complete"):
                return
            if last.get("event") != "next":
                raise CollectionIncomplete(_words(last))
            wish = parse_wish(last["next"])
        raise CollectionIncomplete(f"not complete after {MAX_SLICES} requests")

    def _slice(self, wish: Wish, collection: str, number: int) -> Iterator[Progress]:
        """One request, again if it does not get through: days that are done stay done."""
        for attempt in range(1, ATTEMPTS + 1):
            ask = remote_slice(
                self.url,
                token=self.token,
                timeout_seconds=self.timeout_seconds,
                headers=self._event(collection, number),
            )
            try:
                yield from ask(wish, collection)
                return
            except KubeDoorError as error:
                if attempt == ATTEMPTS:
                    raise
                wait = WAIT_SECONDS * 2 ** (attempt - 1)
                log.warning("attempt %d: %s; the next one in %g s", attempt, error, wait)
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


def _words(last: Progress) -> str:
    of = f" of {last['cluster']}" if last.get("cluster") else ""
    if error := last.get("error"):
        return f"the collection{of} failed: {error['message']}"
    if last.get("event") == "round":
        return f"the collection ended: {last['message']}"
    if last.get("event") == "finished":
        return f"the collection{of} ended with days that failed: {', '.join(last.get('failed_days', ()))}"
    return f"the collection ended with {last.get('event', 'nothing')}"
