"""Values that are built by whoever needs them first, and never at import."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def once(build: Callable[[], T]) -> Callable[[], T]:
    """Make `build` run once, even when threads ask at the same time; what it raises is raised and tried again.

    functools.cache would let two threads build two.
    """
    lock = threading.Lock()
    built: list[T] = []

    def get() -> T:
        if not built:
            with lock:
                if not built:
                    built.append(build())
        return built[0]

    return get
