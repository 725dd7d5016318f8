"""Caches the list of workloads until the revision of the store changes."""

from __future__ import annotations

import threading
from datetime import date, datetime

from kubedoor.store.listing import ListingStore, ListRevision
from kubedoor.workloads.listing import Key, Listing, Row, Table


class ListingCache:
    """The cached list of one cluster. Its queries take half a second with 10,000 workloads; reading the revision is cheap.

    The states of Deployments have a revision of their own: each rollout changes it.
    """

    def __init__(self, store: ListingStore) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._cached: tuple[object, Listing] | None = None
        self._states_revision: object = None
        self._by_day: tuple[object, list[Row]] | None = None

    def current(self, *, since: date) -> Listing:
        """The list at the current revision; usage days before `since` are ignored. Raises StoreError."""
        return self._current(since)[1]

    def with_days(self, *, since: date) -> tuple[Listing, list[Row]]:
        """The same list, and requests and usage of the whole cluster for each of its days. Raises StoreError."""
        revision, listing = self._current(since)
        with self._lock:
            wanted = since, revision.days
            if self._by_day is None or self._by_day[0] != wanted:
                self._by_day = wanted, self.store.by_day(since=since)
            return listing, self._by_day[1]

    def _current(self, since: date) -> tuple[ListRevision, Listing]:
        with self._lock:
            # The revision is read before the rows: a change in between causes one more read later and is never missed.
            revision = self.store.revision()
            wanted = since, revision.values
            if self._cached is None or self._cached[0] != wanted:
                self._cached = wanted, self._read(since)
                self._states_revision = None
            self._cached = wanted, self._lay_states(self._cached[1], revision)
            return revision, self._cached[1]

    def _lay_states(self, listing: Listing, revision: ListRevision) -> Listing:
        """`listing` with the states at their current revision."""
        if self._states_revision == revision.states:
            return listing
        states = _by_key(Table(*self.store.deployments.workloads()), revision.looked_at)
        self._states_revision = revision.states
        return listing.with_states(states, revision=revision.states, looked_at=revision.looked_at)

    def _read(self, since: date) -> Listing:
        store = self.store
        return Listing(
            Table(*store.workloads(since=since)), Table(*store.containers()), store.newest_usage(since=since)
        )


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
