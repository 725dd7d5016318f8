"""Opens the store that the settings name, once per process.

The functions of one process share it: the embedded engine allows one path per process, and one process per path.
"""

from __future__ import annotations

import math
import threading

from kubedoor.config.settings import Settings
from kubedoor.store.connection import Connection
from kubedoor.store.migrations import migrate

_lock = threading.Lock()
_opened: dict[tuple[str, float], Connection] = {}
_migrated: set[str] = set()


def opened(settings: Settings, *, at_most_seconds: float = math.inf) -> Connection:
    """The process's connection to this store; nothing is sent yet.

    `at_most_seconds`: for whoever cannot wait as long as the settings allow. The embedded store knows no such limit.
    """
    timeout_seconds = min(settings.store_timeout_seconds, at_most_seconds)
    key = (settings.dsn, math.inf if settings.is_embedded else timeout_seconds)
    with _lock:
        if key not in _opened:
            _opened[key] = Connection(settings.dsn, timeout_seconds=timeout_seconds, ca_file=settings.store_ca_file)
        return _opened[key]


def migrated(settings: Settings) -> Connection:
    """The same, with the schema brought up to date the first time. Raises StoreError."""
    connection = opened(settings)
    with _lock:
        if settings.dsn not in _migrated:
            migrate(connection, cluster=settings.store_cluster)
            _migrated.add(settings.dsn)
    return connection


def close_all() -> None:
    """Close every store of the process; for an orderly end and for tests."""
    with _lock:
        for connection in _opened.values():
            connection.close()
        _opened.clear()
        _migrated.clear()
