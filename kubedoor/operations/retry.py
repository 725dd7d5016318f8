"""Asks the API server again when it is away, slow or just starting: for half a minute, and not what it has refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kubedoor.errors import ClusterError, Forbidden

Answer = TypeVar("Answer")

REQUEST_ATTEMPTS = 6
"""With twice the pause before each further one, half a minute in all: an API server that restarts is back by then."""
FORBIDDEN_ATTEMPTS = 5
"""An API server that is just starting forbids everything for some seconds: its roles are not loaded yet."""


def insist(request: Callable[[], Answer], *, wait: Callable[[float], bool]) -> Answer:
    """Requests have to be idempotent, so that one that may have got lost can be sent again. `wait` is true to give up."""
    for attempt in range(REQUEST_ATTEMPTS):
        try:
            return request()
        except (ClusterError, Forbidden) as error:
            is_refusal = 400 <= error.details.get("status", 0) < 500
            attempts = FORBIDDEN_ATTEMPTS if isinstance(error, Forbidden) else REQUEST_ATTEMPTS
            if is_refusal or attempt == attempts - 1 or wait(2.0**attempt):
                raise
    raise AssertionError("unreachable")
