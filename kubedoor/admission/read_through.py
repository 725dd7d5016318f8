"""Reads workloads past the snapshot: all requests that wait at one moment share one question to the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from kubedoor.errors import StoreError
from kubedoor.model.values import ControlValues, WorkloadKey

Read = Callable[[Collection[WorkloadKey]], dict[WorkloadKey, ControlValues]]


class ReadThrough:
    """Lives on one event loop. At most one question is under way, so that none waits in our own threads for another."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._waiting: dict[WorkloadKey, asyncio.Future[ControlValues]] = {}
        self._task: asyncio.Task[None] | None = None

    async def ask(self, key: WorkloadKey, timeout_seconds: float) -> ControlValues:
        """Raises StoreError, and TimeoutError after `timeout_seconds`."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._answer_all())
        # Shielded: others wait for the same answer.
        return await asyncio.wait_for(asyncio.shield(future), timeout_seconds)

    async def _answer_all(self) -> None:
        while self._waiting:
            # What is asked from here on was perhaps edited after the question: it needs the next one.
            asked, self._waiting = self._waiting, {}
            try:
                found = await asyncio.to_thread(self._read, tuple(asked))
            except Exception as error:
                failure = error if isinstance(error, StoreError) else StoreError(f"the store was not read: {error}")
                for future in asked.values():
                    if not future.done():
                        future.set_exception(failure)
                        # Nobody may be waiting any more.
                        future.exception()
            else:
                for key, future in asked.items():
                    if not future.done():
                        future.set_result(found[key])
