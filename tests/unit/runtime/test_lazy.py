from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kubedoor.errors import StoreError
from kubedoor.runtime.lazy import FAILURE_CACHE_SECONDS, once


def test_concurrent_threads_get_one_value() -> None:
    built: list[int] = []

    def build() -> object:
        time.sleep(0.05)
        built.append(1)
        return object()

    get = once(build)
    with ThreadPoolExecutor(8) as pool:
        values = set(pool.map(lambda _: get(), range(8)))
    assert (len(values), len(built)) == (1, 1)


def test_a_failed_build_is_cached_briefly_and_then_retried() -> None:
    attempts: list[int] = []

    def build() -> int:
        attempts.append(1)
        if len(attempts) == 1:
            raise StoreError("away")
        return 7

    clock = [0.0]
    get = once(build, monotonic=lambda: clock[0])
    with pytest.raises(StoreError):
        get()
    with pytest.raises(StoreError):
        get()
    assert len(attempts) == 1, "whoever waited gets the same failure at once"
    clock[0] += FAILURE_CACHE_SECONDS
    assert get() == 7
