"""Lazy initialization: a value is built on first use, never at import."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
FAILURE_CACHE_SECONDS = 2.0


def once(build: Callable[[], T], *, monotonic: Callable[[], float] = time.monotonic) -> Callable[[], T]:
    """A thread-safe getter that calls `build` once and returns its value from then on.

    An exception of `build` is raised, and for FAILURE_CACHE_SECONDS raised again to waiting and later callers; then
    `build` is retried. Otherwise requests that wait for a hanging store would each wait for a timeout, one after another.
    (functools.cache is no alternative: it lets two threads build at the same time.)
    """
    lock = threading.Lock()
    built: list[T] = []
    failed: list[tuple[float, Exception]] = []

    def get() -> T:
        if built:
            return built[0]
        with lock:
            if built:
                return built[0]
            if failed and monotonic() - failed[-1][0] < FAILURE_CACHE_SECONDS:
                raise failed[-1][1]
            try:
                built.append(build())
            except Exception as error:
                failed[:] = [(monotonic(), error)]
                raise
        return built[0]

    return get
