"""Values that are built by whoever needs them first, and never at import."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
FAILURE_HOLDS_SECONDS = 2.0


def once(build: Callable[[], T], *, monotonic: Callable[[], float] = time.monotonic) -> Callable[[], T]:
    """Make `build` run once, even when threads ask at the same time; what it raises is raised and tried again.

    Whoever waited while it failed, or asks a moment later, gets the same failure at once: else requests that wait for
    a store that hangs would wait one after the other. functools.cache would let two threads build two.
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
            if failed and monotonic() - failed[-1][0] < FAILURE_HOLDS_SECONDS:
                raise failed[-1][1]
            try:
                built.append(build())
            except Exception as error:
                failed[:] = [(monotonic(), error)]
                raise
        return built[0]

    return get
