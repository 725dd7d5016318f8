"""Plans each item of an action once more right before it is done: the world may have changed since the action was planned."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kubedoor.errors import Conflict, Forbidden
from kubedoor.operations.plan import Planned, Planner, Surroundings
from kubedoor.operations.request import Target, Wish
from kubedoor.operations.retry import insist

LOOK_SECONDS = 1.0
"""Whether the door is on, and what HPAs scale, is looked at again for each item; items of one second share a look."""
ATTEMPTS = 3


class Replanner:
    """Of one action. `wait` is true to give up."""

    def __init__(
        self, planner: Planner, wish: Wish, *, wait: Callable[[float], bool], monotonic: Callable[[], float]
    ) -> None:
        self._planner = planner
        self._wish = wish
        self._wait = wait
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._around: tuple[float, Surroundings] | None = None

    def plan(self, target: Target) -> Planned:
        """A door that remembers older values is waited for. Raises ClusterError and Forbidden after half a minute, and
        Conflict when the action is cancelled meanwhile."""
        for attempt in range(ATTEMPTS):
            fresh = insist(lambda: self._plan(target), wait=self._wait)
            if not fresh.unlike or attempt == ATTEMPTS - 1:
                break
            if self._wait(2.0**attempt):
                raise Conflict("not touched: cancelled while the door still remembered older values")
        return fresh

    def _plan(self, target: Target) -> Planned:
        fresh = self._planner.plan(self._wish, target, self._surroundings())
        if fresh.is_forbidden:
            raise Forbidden(f"not touched: {fresh.reason}")
        return fresh

    def _surroundings(self) -> Surroundings:
        with self._lock:
            now = self._monotonic()
            if self._around is None or now - self._around[0] > LOOK_SECONDS:
                self._around = now, self._planner.look()
            return self._around[1]
