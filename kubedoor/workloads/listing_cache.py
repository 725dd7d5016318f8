"""Caches the list of workloads until the revision of the store changes."""

from __future__ import annotations

import threading
from datetime import date

from kubedoor.store.listing import ListingStore
from kubedoor.workloads.listing import Listing, Table


class ListingCache:
    """The cached list of one cluster. Its queries take 250 ms with 10,000 workloads; reading the revision is cheap."""

    def __init__(self, store: ListingStore) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._cached: tuple[object, Listing] | None = None

    def current(self, *, since: date) -> Listing:
        """The list at the current revision; usage days before `since` are ignored. Raises StoreError."""
        with self._lock:
            # The revision is read before the rows: a change in between causes one more read later and is never missed.
            revision = (since, self.store.revision())
            if self._cached is None or self._cached[0] != revision:
                self._cached = revision, self._read(since)
            return self._cached[1]

    def _read(self, since: date) -> Listing:
        return Listing(Table(*self.store.workloads(since=since)), Table(*self.store.containers()))
