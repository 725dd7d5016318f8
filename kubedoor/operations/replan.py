"""Plans each item of an action again right before it is executed: the cluster may have changed since the first plan."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kubedoor.errors import Conflict, Forbidden
from kubedoor.operations.plan import Planner
from kubedoor.operations.planned import PlanContext, Planned
from kubedoor.operations.request import ActionRequest, Target
from kubedoor.operations.retry import retry
from kubedoor.sentences import sentence

CONTEXT_CACHE_SECONDS = 1.0
"""How long the PlanContext is cached between items."""
ATTEMPTS = 3


class Replanner:
    """For one action. `wait` returns true once the action is cancelled."""

    def __init__(
        self, planner: Planner, request: ActionRequest, *, wait: Callable[[float], bool], monotonic: Callable[[], float]
    ) -> None:
        self._planner = planner
        self._request = request
        self._wait = wait
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._context: tuple[float, PlanContext] | None = None

    def plan(self, target: Target) -> Planned:
        """Retries while the admission webhook answers with stale control values.

        Raises ClusterError and Forbidden after half a minute, Conflict when the action is cancelled meanwhile.
        """
        for attempt in range(ATTEMPTS):
            fresh = retry(lambda: self._plan(target), wait=self._wait)
            if not fresh.mismatch or attempt == ATTEMPTS - 1:
                break
            if self._wait(2.0**attempt):
                raise Conflict(sentence("operations.cancelled_waiting"))
        return fresh

    def _plan(self, target: Target) -> Planned:
        fresh = self._planner.plan(self._request, target, self.context())
        if fresh.is_forbidden:
            raise Forbidden(sentence("operations.not_touched", reason=fresh.reason))
        return fresh

    def context(self) -> PlanContext:
        """As it was a second ago at most. Raises ClusterError when the API server cannot be reached."""
        with self._lock:
            now = self._monotonic()
            if self._context is None or now - self._context[0] > CONTEXT_CACHE_SECONDS:
                self._context = now, self._planner.context()
            return self._context[1]
