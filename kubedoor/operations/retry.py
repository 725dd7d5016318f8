"""Retries requests to the API server with exponential backoff, for half a minute. Never retries a refusal (4xx).

Forbidden is retried too: an API server that is starting forbids everything until it has loaded its roles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kubedoor.errors import ClusterError, Forbidden

Response = TypeVar("Response")

REQUEST_ATTEMPTS = 6
"""31 s of backoff in all: longer than a restart of the API server takes."""
FORBIDDEN_ATTEMPTS = 5
"""15 s of backoff in all: longer than an API server needs to load its roles."""


def retry(request: Callable[[], Response], *, wait: Callable[[float], bool]) -> Response:
    """`request` has to be idempotent: an attempt without a response may have succeeded. `wait` returns true to give up.

    Raises the ClusterError or Forbidden of the last attempt.
    """
    for attempt in range(REQUEST_ATTEMPTS):
        try:
            return request()
        except (ClusterError, Forbidden) as error:
            is_refusal = 400 <= error.details.get("status", 0) < 500
            attempts = FORBIDDEN_ATTEMPTS if isinstance(error, Forbidden) else REQUEST_ATTEMPTS
            if is_refusal or attempt == attempts - 1 or wait(2.0**attempt):
                raise
    raise AssertionError("unreachable")
