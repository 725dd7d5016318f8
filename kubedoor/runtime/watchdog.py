"""Ends a process whose event loop stands still: a door that accepts connections and answers none delays every release.

The timer is faulthandler's, a thread of C: it ends the process even while some library holds the interpreter's lock,
and writes to stderr first what every thread is doing.
"""

from __future__ import annotations

import asyncio
import faulthandler

BEATS_PER_TIMEOUT = 5


class Watchdog:
    """Inside the block, which runs on the loop, the process ends with exit code 1 after `seconds` without a beat; 0: never."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        if self._seconds:
            self._beat(asyncio.get_running_loop())

    def __exit__(self, *_error: object) -> None:
        if self._next is not None:
            self._next.cancel()
            faulthandler.cancel_dump_traceback_later()

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        faulthandler.dump_traceback_later(self._seconds, exit=True)
        self._next = loop.call_later(self._seconds / BEATS_PER_TIMEOUT, self._beat, loop)
