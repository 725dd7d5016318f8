"""Caches the list of workloads until the revision of the store changes."""

from __future__ import annotations

import threading
from datetime import date, datetime

from kubedoor.store.listing import ListingStore
from kubedoor.workloads.listing import Key, Listing, Row, Table


class ListingCache:
    """The cached list of one cluster. Its queries take 250 ms with 10,000 workloads; reading the revisions is cheap.

    The states of Deployments have a revision of their own: each rollout changes it.
    """

    def __init__(self, store: ListingStore) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._cached: tuple[object, Listing] | None = None
        self._states_revision: object = None

    def current(self, *, since: date) -> Listing:
        """The list at the current revision; usage days before `since` are ignored. Raises StoreError."""
        with self._lock:
            # The revision is read before the rows: a change in between causes one more read later and is never missed.
            revision = (since, self.store.revision())
            if self._cached is None or self._cached[0] != revision:
                self._cached = revision, self._read(since)
                self._states_revision = None
            self._cached = self._cached[0], self._lay_states(self._cached[1])
            return self._cached[1]

    def _lay_states(self, listing: Listing) -> Listing:
        """`listing` with the states at their current revision."""
        deployments = self.store.deployments
        revision = (deployments.looked_at(), deployments.revision())
        if self._states_revision == revision:
            return listing
        states = _by_key(Table(*deployments.workloads()), revision[0])
        self._states_revision = revision
        return listing.with_states(states)

    def _read(self, since: date) -> Listing:
        return Listing(Table(*self.store.workloads(since=since)), Table(*self.store.containers()))


def _by_key(states: Table, looked_at: datetime | None) -> dict[Key, Row]:
    """What has no newer state than the last look was seen by it, unchanged."""
    rows = map(states.as_dict, states.rows)
    return {
        (row.pop("namespace"), row.pop("deployment")): {
            **row,
            "observed_at": max(row["observed_at"], looked_at or row["observed_at"]),
        }
        for row in rows
    }
