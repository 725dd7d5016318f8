"""When the snapshot is refreshed, how long a request waits for that, and what is said while the store is in trouble.

All requests share one refresh. A store that hangs makes one request wait, not every one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from kubedoor.admission.options import HandlerOptions
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.errors import KubeDoorError, SchemaMissing
from kubedoor.sentences import Sentence, sentence

log = logging.getLogger(__name__)

RETRY_STORE_SECONDS = 2.0
"""Backoff: for this long after a store failure, requests are answered from the snapshot without a query."""
REFRESH_AHEAD = 0.8
"""A request that finds a snapshot older than this part of its greatest age starts a refresh, without waiting for it."""
_SLOW, _AWAY = sentence("door.store_slow"), sentence("door.store_away")


class Freshness:
    """Lives on one event loop; the refresh itself runs in a worker thread."""

    def __init__(self, snapshot: Snapshot, options: HandlerOptions, monotonic: Callable[[], float]) -> None:
        self._snapshot = snapshot
        self._options = options
        self._monotonic = monotonic
        self.refreshing: asyncio.Task[None] | None = None
        """The newest refresh, running or done."""
        self._timed_out: asyncio.Task[None] | None = None
        self._retry_at = float("-inf")
        self.trouble: Sentence = _SLOW
        """What is said while the snapshot is stale: the store answers late, or not at all."""
        self.is_store_new = False
        """It answers, but nobody has created its tables yet."""

    @property
    def may_ask(self) -> bool:
        """Whether the store has not failed a moment ago."""
        return self._monotonic() >= self._retry_at

    def is_stale(self, *, since: float = float("inf")) -> bool:
        """Whether the snapshot is too old. One confirmed after `since` is not, however slow this machine is."""
        age_seconds = self._snapshot.age_seconds
        return age_seconds > self._options.max_age_seconds and age_seconds > self._monotonic() - since

    async def ensure(self, started: float) -> None:
        """Refresh the snapshot if it is too old for a request that came at this instant. Never raises."""
        deadline = started + self._options.wait_seconds
        if self.is_stale():
            await self.refresh(deadline)
            if self.is_stale(since=started):
                # A slow refresh that was asked for before the request came was under way.
                await self.refresh(deadline)
        elif self._snapshot.age_seconds > self._options.max_age_seconds * REFRESH_AHEAD and self.may_ask:
            # Under load, the requests of a whole refresh would wait for it once every `max_age_seconds`.
            self._start()

    async def refresh(self, deadline: float | None = None) -> None:
        """Refresh the snapshot, and wait for it until `deadline` at most (None: as long as a request). Never raises."""
        if not self.may_ask:
            return
        now = self._monotonic()
        deadline = now + self._options.wait_seconds if deadline is None else deadline
        refresh = self._start()
        if refresh is self._timed_out and self._snapshot.is_loaded:
            return
        # `asyncio.wait` does not cancel the task: a later request uses its result.
        _, pending = await asyncio.wait({refresh}, timeout=max(0.0, deadline - now))
        if pending:
            # With a store that hangs, only one request waits until the deadline, not every one.
            self._timed_out = refresh
            self.failed(TimeoutError("no answer in time"))

    def failed(self, error: BaseException) -> None:
        """The store has not answered a question: leave it alone for a moment."""
        self._retry_at = self._monotonic() + RETRY_STORE_SECONDS
        self.trouble = _SLOW if isinstance(error, TimeoutError) else _AWAY
        log.warning("%s: %s", self.trouble, error)

    def _start(self) -> asyncio.Task[None]:
        if self.refreshing is None or self.refreshing.done():
            self.refreshing = asyncio.create_task(self._refresh())
        return self.refreshing

    async def _refresh(self) -> None:
        try:
            await asyncio.to_thread(self._snapshot.refresh)
            # An answer ends the backoff, also one that came too late for the request that asked for it.
            self._retry_at = float("-inf")
            self.is_store_new = False
        except KubeDoorError as error:
            self.is_store_new = isinstance(error, SchemaMissing)
            self.failed(error)
        except Exception as error:
            log.exception("the snapshot could not be refreshed")
            self.failed(error)
