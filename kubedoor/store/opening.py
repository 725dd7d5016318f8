"""Opens the store of the settings once for each process.

All functions of a process share it: the embedded engine allows one path per process and one process per path.
"""

from __future__ import annotations

import math
import threading

from kubedoor.config.settings import Settings
from kubedoor.store.connection import Connection

_lock = threading.Lock()
_opened: dict[tuple[str, float], Connection] = {}
_migrated: set[str] = set()


def open_store(settings: Settings, *, at_most_seconds: float = math.inf) -> Connection:
    """The shared connection to this store. Sends nothing yet.

    `at_most_seconds`: a shorter timeout than that of the settings. The embedded store has no timeout and ignores it.
    """
    timeout_seconds = min(settings.store_timeout_seconds, at_most_seconds)
    key = (settings.dsn, math.inf if settings.is_embedded else timeout_seconds)
    with _lock:
        if key not in _opened:
            _opened[key] = Connection(settings.dsn, timeout_seconds=timeout_seconds, ca_file=settings.store_ca_file)
        return _opened[key]


def open_migrated_store(settings: Settings) -> Connection:
    """As `open_store`, but the first call migrates the schema. Raises StoreError."""
    # Imported by who migrates: the door never does.
    from kubedoor.store.migrations import migrate

    connection = open_store(settings)
    with _lock:
        if settings.dsn not in _migrated:
            migrate(connection, cluster=settings.store_cluster)
            _migrated.add(settings.dsn)
    return connection


def close_all() -> None:
    """Close all stores of the process, at shutdown and between tests."""
    with _lock:
        for connection in _opened.values():
            connection.close()
        _opened.clear()
        _migrated.clear()
