"""Opens the store that the settings name, once per process.

The functions of one process share it: the embedded engine allows one path per process, and one process per path.
"""

from __future__ import annotations

import threading

from kubedoor.settings import Settings
from kubedoor.store.connection import Connection
from kubedoor.store.migrations import migrate

_lock = threading.Lock()
_opened: dict[str, Connection] = {}
_migrated: set[str] = set()


def opened(settings: Settings) -> Connection:
    """The process's connection to this store; nothing is sent yet."""
    with _lock:
        if settings.dsn not in _opened:
            _opened[settings.dsn] = Connection(
                settings.dsn, timeout_seconds=settings.store_timeout_seconds, ca_file=settings.store_ca_file
            )
        return _opened[settings.dsn]


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
