"""In-memory snapshot of the control table: fresh while the store answers, the last good one while it does not.

A refresh is one small query unless the revision has changed. An edit, a fact or an acceptance re-reads the buckets of
workloads that it changes, a collection re-reads everything. The snapshot is saved to a file, from which a restarted door
starts before it has reached the store. A snapshot published by `collect` or `api` is loaded too, if it is newer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kubedoor.admission.snapshot import shards, snapshot_file
from kubedoor.admission.snapshot.entry import Row, unpack, values_of, workloads_of
from kubedoor.admission.snapshot.overlay import Known, Overlay
from kubedoor.admission.snapshot.table import Table
from kubedoor.control_values import UNKNOWN, facts_of
from kubedoor.errors import StoreError
from kubedoor.model.facts import Facts, Observation
from kubedoor.model.values import ControlValues, WorkloadKey
from kubedoor.store.control import ControlStore
from kubedoor.store.control_table import Revision

FORMAT = 3
RETRY_SAVE_SECONDS = 30.0
SAVE_EVERY_SECONDS = 5.0
"""However often the snapshot changes, its file is not written more often."""
MAX_CHANGED_BUCKETS = 64
"""Where more have changed, reading everything is cheaper."""
CACHED_WORKLOADS = 4096
_NO_FACTS = Facts()
CLOCK_DIFFERENCE_SECONDS = 10.0
"""Between this machine and the publisher's: what the door has learnt outlives a published snapshot by so much."""


@dataclass(frozen=True)
class State:
    """Replaced as a whole, so that a reader never sees a partial update."""

    table: Table = field(repr=False)
    revision: Revision | None
    """None: loaded from the file or from published shards, not confirmed by the store."""
    checked_at: float
    """Monotonic clock: when the store was last asked and confirmed it, or when the document was loaded."""
    saved_at: datetime
    bucket_hashes: Mapping[int, int] = field(repr=False, default_factory=dict)
    cached: dict[str, Known] = field(repr=False, default_factory=dict)
    """`namespace/deployment` -> what is known of it: those asked for lately."""
    is_published: bool = False
    """Loaded from published shards: others of the same instant may still be on their way."""


class Snapshot:
    """Control values of one cluster. Thread-safe."""

    def __init__(
        self,
        control: ControlStore,
        *,
        cluster: str,
        path: Path,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
        folder: Path | None = None,
    ) -> None:
        """`path`: the file. `folder`: where published shards are mounted; None if they are not."""
        self._control = control
        self._cluster = cluster
        self._path = path
        self._folder = folder
        self._monotonic = monotonic
        self._now = now
        self._refreshing = threading.Lock()
        # Never held during a query: `values_of` and `add_facts` are called on the event loop.
        self._lock = threading.Lock()
        self._overlay = Overlay()
        self._state: State | None = None
        self._published: shards.Fingerprint = ()
        self._is_saved = True
        self._save_after = float("-inf")
        """Monotonic clock: no save before."""

    @property
    def is_loaded(self) -> bool:
        return self._state is not None

    @property
    def age_seconds(self) -> float:
        """How long ago the store confirmed the snapshot (a loaded one: was saved); infinite if there is none."""
        state = self._state
        if state is None:
            return float("inf")
        since_checked = max(0.0, self._monotonic() - state.checked_at)
        if state.revision is None:
            # `saved_at` may be of another machine, whose clock may be ahead.
            return max(since_checked, (self._now() - state.saved_at).total_seconds())
        return since_checked

    @property
    def needs_save(self) -> bool:
        """Whether the snapshot has changed since the last save, and no retry delay is running."""
        return not self._is_saved and self._monotonic() >= self._save_after

    @property
    def workload_count(self) -> int:
        state = self._state
        return state.table.known_count if state else 0

    def values_of(self, key: WorkloadKey) -> ControlValues:
        """From memory only; UNKNOWN for a workload that is not there."""
        with self._lock:
            return self._overlay.apply(key, self._found(key))[0]

    def facts_of(self, key: WorkloadKey) -> Facts:
        """From memory only. Collections do not change them."""
        with self._lock:
            return self._overlay.apply(key, self._found(key))[1]

    def _found(self, key: WorkloadKey) -> Known:
        if (state := self._state) is None:
            return UNKNOWN, _NO_FACTS
        name = f"{key.namespace}/{key.deployment}"
        if (cached := state.cached.get(name)) is not None:
            return cached
        packed = state.table.packed(name)
        if packed is None:
            return UNKNOWN, _NO_FACTS
        workload = unpack(packed)
        found = values_of(workload), facts_of(key, workload.facts) if workload.facts else _NO_FACTS
        if len(state.cached) >= CACHED_WORKLOADS:
            state.cached.clear()
        state.cached[name] = found
        return found

    def refresh(self) -> None:
        """Query the store's revision, and read the control table if it changed.

        Raises StoreError; the snapshot then stays as it was, or becomes the published one if that is newer.
        """
        with self._refreshing:
            if self._state is None:
                self._load()
            try:
                self._refresh_from_store()
            except StoreError:
                self._load_published()
                raise

    def _refresh_from_store(self) -> None:
        checked_at = self._monotonic()
        revision = self._control.revision()
        state = self._state
        is_new = state is None or state.revision != revision
        if state is None or is_new:
            state = self._read(state, revision)
        with self._lock:
            self._state = replace(state, checked_at=checked_at)
            self._overlay.expire(checked_at)
            self._is_saved = self._is_saved and not is_new

    def _read(self, known: State | None, revision: Revision) -> State:
        # Asked for before the rows: what changes in between is read again by the next refresh.
        hashes = self._control.bucket_hashes()
        if known and known.revision and known.revision.is_same_collection(revision):
            changed = {
                number
                for number in hashes.keys() | known.bucket_hashes.keys()
                if hashes.get(number) != known.bucket_hashes.get(number)
            }
            if len(changed) <= MAX_CHANGED_BUCKETS:
                table = self._read_buckets(known.table, changed)
                # A collection that ended meanwhile may not be there as a whole yet.
                if self._control.revision().is_same_collection(revision):
                    return self._state_of(table, revision, self._now(), hashes)
        return self._state_of(self._read_all(), revision, self._now(), hashes)

    def _read_buckets(self, table: Table, numbers: set[int]) -> Table:
        facts = self._control.known_facts(numbers)
        with self._control.control_stream(numbers) as rows:
            return table.replaced(numbers, workloads_of(rows, facts))

    def _read_all(self) -> Table:
        facts, collected = self._control.known_facts(), 0

        def counted(rows: Iterator[Row]) -> Iterator[Row]:
            nonlocal collected
            for row in rows:
                collected += bool(row["is_collected"])
                yield row

        with self._control.control_stream() as rows:
            table = Table.of(workloads_of(counted(rows), facts))
        if collected < self._control.collected_row_count():
            raise StoreError("the control table is being replaced: it has fewer rows than its writer said")
        return table

    def read_through(self, keys: Collection[WorkloadKey]) -> dict[WorkloadKey, ControlValues]:
        """Workloads from the store in one query, kept in the overlay until the next refresh. Raises StoreError."""
        queried_at = self._monotonic()
        values, facts = self._control.values_of_each(keys), self._control.facts_of_each(keys)
        found: dict[WorkloadKey, Known] = {key: (values[key], facts[key]) for key in keys}
        with self._lock:
            if self._state is None or self._state.checked_at < queried_at:
                for key, known in found.items():
                    self._overlay.add_values(key, known, queried_at)
            return {key: self._overlay.apply_facts(key, known)[0] for key, known in found.items()}

    def add_facts(self, observations: Iterable[Observation]) -> None:
        """Add what an admission has just taught and the store does not have yet."""
        with self._lock:
            self._overlay.add_facts(observations)

    def mark_stored(self, observations: Iterable[Observation]) -> None:
        """The store has these, or will never have them: let them expire from the overlay."""
        with self._lock:
            self._overlay.mark_stored(observations, self._monotonic())

    def save(self) -> None:
        """Write the file atomically, if the snapshot has changed since the last save; `needs_save` says when it is due.

        Raises OSError; `needs_save` is then False for RETRY_SAVE_SECONDS.
        """
        with self._lock:
            state, is_due = self._state, self.needs_save
            self._is_saved = self._is_saved or is_due
            self._save_after = (
                max(self._save_after, self._monotonic() + SAVE_EVERY_SECONDS) if is_due else self._save_after
            )
        if state is None or not is_due:
            return
        try:
            snapshot_file.write(self._path, self._header(state), state.table)
        except OSError:
            with self._lock:
                self._is_saved = False
                self._save_after = self._monotonic() + RETRY_SAVE_SECONDS
            raise

    def _header(self, state: State) -> dict[str, Any]:
        return {"format": FORMAT, "cluster": self._cluster, "saved_at": state.saved_at.isoformat()}

    def document(self) -> dict[str, Any]:
        """What `shards` publishes. Raises StoreError if nothing is loaded yet."""
        if (state := self._state) is None:
            raise StoreError("there is no snapshot yet")
        workloads = sorted(state.table, key=lambda one: one[0].split("/"))
        return {
            **self._header(state),
            "rows": [row for _, workload in workloads for row in workload.rows],
            "facts": [workload.facts for _, workload in workloads if workload.facts],
        }

    def packed_workloads(self) -> Iterator[tuple[str, bytes]]:
        """`namespace/deployment` and the packed workload of all. Raises StoreError if nothing is loaded yet."""
        if (state := self._state) is None:
            raise StoreError("there is no snapshot yet")
        return state.table.packed_items()

    def _load(self) -> None:
        """Load the newer of the file and the published shards."""
        self._load_table(*snapshot_file.read(self._path))
        self._load_published()

    def _load_published(self) -> None:
        """Load the published shards if they have changed and the store has confirmed nothing newer."""
        if self._folder is None or (fingerprint := shards.fingerprint(self._folder)) == self._published:
            return
        self._published = fingerprint
        content = shards.read_folder(self._folder, cluster=self._cluster, version=FORMAT)
        try:
            table = Table.of(workloads_of(content["rows"], content["facts"])) if content else None
        except (KeyError, TypeError):
            return
        self._load_table(content or {}, table, is_published=True)

    def _load_table(self, header: Mapping[str, Any], table: Table | None, *, is_published: bool = False) -> None:
        # One that is broken or of another cluster is ignored: the store is queried next.
        try:
            if table is None or header["format"] != FORMAT or header["cluster"] != self._cluster:
                return
            saved_at = datetime.fromisoformat(header["saved_at"]).astimezone(UTC)
        except (ValueError, KeyError, TypeError):
            return
        if self._is_older(saved_at, is_published) or (self._is_confirmed and saved_at > self._now()):
            # A publisher whose clock is ahead must not override what the store has confirmed.
            return
        state = replace(self._state_of(table, None, saved_at), is_published=is_published)
        age_seconds = max(0.0, (self._now() - saved_at).total_seconds())
        with self._lock:
            self._state = state
            self._overlay.expire(state.checked_at - age_seconds - CLOCK_DIFFERENCE_SECONDS)

    def _is_older(self, saved_at: datetime, is_published: bool) -> bool:
        """Whether the snapshot is newer already. Shards are mounted one by one, also those of one publication."""
        if is_published and self._state is not None and self._state.is_published:
            return saved_at < self._state.saved_at
        return saved_at <= self._confirmed_at()

    @property
    def _is_confirmed(self) -> bool:
        return self._state is not None and self._state.revision is not None

    def _confirmed_at(self) -> datetime:
        """The instant of which the snapshot is known to be right."""
        if self._state is None:
            return datetime.min.replace(tzinfo=UTC)
        if self._state.revision is None:
            return self._state.saved_at
        return self._now() - timedelta(seconds=self.age_seconds)

    def _state_of(
        self,
        table: Table,
        revision: Revision | None,
        saved_at: datetime,
        bucket_hashes: Mapping[int, int] | None = None,
    ) -> State:
        return State(table, revision, self._monotonic(), saved_at, bucket_hashes or {})
