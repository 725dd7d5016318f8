"""Keeps this pod of `api` awake: an autoscaler that counts requests scales a pod without any to zero, whatever it does."""

from __future__ import annotations

import logging
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

KEEP_AWAKE_SECONDS = 60.0
PROBE_SECONDS = 3.0


def ask_itself(url: str) -> None:
    """Sends a request to this API through its Service. Empty `url`: nothing. Never raises."""
    if not url:
        return
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/healthz", timeout=PROBE_SECONDS):  # noqa: S310 -- a setting
            return
    except OSError as error:
        log.warning("api cannot reach itself and may be scaled to zero while it works: %s", error)


@contextmanager
def kept_awake(ask: Callable[[], None], *, seconds: float = KEEP_AWAKE_SECONDS) -> Iterator[None]:
    """Call `ask` every so many seconds until the end, in a thread."""
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(seconds):
            ask()

    thread = threading.Thread(target=keep, name="keep-awake", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
