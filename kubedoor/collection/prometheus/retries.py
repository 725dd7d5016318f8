"""How often, and for how long, a failed request is tried again."""

from __future__ import annotations

from collections.abc import Callable

RETRY_PAUSES_SECONDS = (1.0, 4.0)
"""Backoff before the second and the third attempt; the third is the last."""
MAX_RETRY_AFTER_SECONDS = 60.0
"""Bound for what a server may ask for by the header Retry-After."""
MAX_RETRY_SECONDS = 90.0
"""No attempt begins later than this after the first one: a collection has a budget, and other days to read."""


class Retries:
    """The attempts of one request."""

    def __init__(self, *, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._sleep = sleep
        self._clock = clock
        self._pauses = iter(RETRY_PAUSES_SECONDS)
        self._began = clock()
        self._paused = 0.0
        self.attempts = 1

    def wait(self, *, at_least: float = 0.0) -> bool:
        """Sleep until the next attempt; False: there is none. `at_least` is what the server asked for, in seconds."""
        pause = next(self._pauses, None)
        if pause is None:
            return False
        pause = max(pause, min(at_least, MAX_RETRY_AFTER_SECONDS))
        if max(self._clock() - self._began, self._paused) + pause > MAX_RETRY_SECONDS:
            return False
        self._sleep(pause)
        self._paused += pause
        self.attempts += 1
        return True
