"""In-memory snapshot of the control table: fresh while the store answers, the last good one while it does not.

A refresh is one small query unless the revision changed. The snapshot is saved to a file, from which a restarted door
starts before it has reached the store. A snapshot published by `collect` or `api` is loaded too, if it is newer.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from kubedoor.admission.snapshot import shards
from kubedoor.admission.snapshot.overlay import Fact, Overlay
from kubedoor.control_values import UNKNOWN, compile_rows, with_facts
from kubedoor.errors import StoreError
from kubedoor.model.values import ControlValues, WorkloadKey
from kubedoor.store.control import ControlStore, Revision

FILE_FORMAT = 1
RETRY_SAVE_SECONDS = 30.0
_RESOURCES = ("cpu_request_millicores", "memory_request_bytes", "cpu_limit_millicores", "memory_limit_bytes")
_COLUMNS = (
    *(
        "namespace",
        "deployment",
        "container",
        "mode",
        "version",
        "replicas",
        "manual_replicas",
        "peak_day",
        "withheld",
        "withheld_replicas",
    ),
    *("hpa", "opted_out", "owned", *_RESOURCES, *(f"manual_{name}" for name in _RESOURCES)),
)


@dataclass(frozen=True)
class State:
    """Replaced as a whole, so that a reader never sees a partial update."""

    values: Mapping[WorkloadKey, ControlValues]
    revision: Revision | None
    """None: loaded from the file or from published shards, not confirmed by the store."""
    checked_at: float
    """Monotonic clock: when the store last confirmed the revision, or when the document was loaded."""
    saved_at: datetime
    rows: tuple[Mapping[str, Any], ...] = field(repr=False, default=())
    facts: tuple[Mapping[str, Any], ...] = field(repr=False, default=())
    hpa_facts: frozenset[WorkloadKey] = frozenset()
    """Workloads of which a recorded fact says that an HPA scales them; collections do not change it."""


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
        return sum(values.known for values in state.values.values()) if state else 0

    def values_of(self, key: WorkloadKey) -> ControlValues:
        """From memory only; UNKNOWN for a workload that is not there."""
        with self._lock:
            return self._overlay.apply(key, self._state.values.get(key, UNKNOWN) if self._state else UNKNOWN)

    def has_hpa_fact(self, key: WorkloadKey) -> bool:
        """Whether a fact says that an HPA scales the workload. Collections do not change it."""
        with self._lock:
            return self._overlay.facts_of(key).get("hpa", self._state is not None and key in self._state.hpa_facts)

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
            state = self._read(revision)
        with self._lock:
            self._state = replace(state, checked_at=checked_at)
            self._overlay.expire(checked_at)
            self._is_saved = self._is_saved and not is_new

    def _read(self, revision: Revision) -> State:
        table = self._control.control_rows()
        if sum(row["is_collected"] for row in table) < self._control.collected_row_count():
            raise StoreError("the control table is being replaced: it has fewer rows than its writer said")
        rows = tuple({name: row[name] for name in _COLUMNS} for row in table)
        return self._state_of(rows, tuple(self._control.known_facts()), revision, self._now())

    def read_through(self, key: WorkloadKey) -> ControlValues:
        """One workload from the store, kept in the overlay until the next refresh. Raises StoreError."""
        queried_at = self._monotonic()
        values = self._control.values_of(key)
        with self._lock:
            if self._state is None or self._state.checked_at < queried_at:
                self._overlay.add_values(key, values, queried_at)
            return self._overlay.apply_facts(key, values)

    def add_facts(self, key: WorkloadKey, facts: Mapping[str, bool]) -> None:
        """Add facts that an admission has just shown and the store does not have yet."""
        with self._lock:
            self._overlay.add_facts(key, facts)

    def mark_stored(self, facts: Iterable[Fact]) -> None:
        """The store has these facts, or will never have them: let them expire from the overlay."""
        with self._lock:
            self._overlay.mark_stored(facts, self._monotonic())

    def save(self) -> None:
        """Write the file atomically, if the snapshot has changed since the last save.

        Raises OSError; `needs_save` is then False for RETRY_SAVE_SECONDS.
        """
        with self._lock:
            state, is_saved = self._state, self._is_saved
            self._is_saved = True
        if state is None or is_saved:
            return
        try:
            _replace(self._path, json.dumps(self._document(state), default=shards.as_text))
        except OSError:
            with self._lock:
                self._is_saved = False
                self._save_after = self._monotonic() + RETRY_SAVE_SECONDS
            raise

    def document(self) -> dict[str, Any]:
        """The content of the file. Raises StoreError if nothing is loaded yet."""
        if self._state is None:
            raise StoreError("there is no snapshot yet")
        return self._document(self._state)

    def _document(self, state: State) -> dict[str, Any]:
        return {
            "format": FILE_FORMAT,
            "cluster": self._cluster,
            "saved_at": state.saved_at,
            "rows": state.rows,
            "facts": state.facts,
        }

    def _load(self) -> None:
        """Load the newer of the file and the published shards."""
        self._load_document(self._read_file())
        self._load_published()

    def _load_published(self) -> None:
        """Load the published shards if they have changed and the store has confirmed nothing newer."""
        if self._folder is None or (fingerprint := shards.fingerprint(self._folder)) == self._published:
            return
        self._published = fingerprint
        self._load_document(shards.read_folder(self._folder))

    def _read_file(self) -> Any:
        try:
            return json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def _load_document(self, content: Any) -> None:
        # A document that is broken or of another cluster is ignored: the store is queried next.
        try:
            if content["format"] != FILE_FORMAT or content["cluster"] != self._cluster:
                return
            rows = tuple(
                {**row, "peak_day": date.fromisoformat(row["peak_day"]) if row["peak_day"] else None}
                for row in content["rows"]
            )
            saved_at = datetime.fromisoformat(content["saved_at"]).astimezone(UTC)
            if saved_at <= self._confirmed_at() or (self._is_confirmed and saved_at > self._now()):
                # A publisher whose clock is ahead must not override what the store has confirmed.
                return
            state = self._state_of(rows, tuple(content["facts"]), None, saved_at)
        except (ValueError, KeyError, TypeError):
            return
        with self._lock:
            self._state = state
            self._overlay.expire(state.checked_at - max(0.0, (self._now() - saved_at).total_seconds()))

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
        rows: tuple[Mapping[str, Any], ...],
        facts: tuple[Mapping[str, Any], ...],
        revision: Revision | None,
        saved_at: datetime,
    ) -> State:
        hpas = (fact for fact in facts if fact["hpa"])
        return State(
            values=self._compile(rows, facts),
            revision=revision,
            checked_at=self._monotonic(),
            saved_at=saved_at,
            rows=rows,
            facts=facts,
            hpa_facts=frozenset(WorkloadKey(self._cluster, one["namespace"], one["deployment"]) for one in hpas),
        )

    def _compile(
        self, rows: Iterable[Mapping[str, Any]], facts: Iterable[Mapping[str, Any]]
    ) -> dict[WorkloadKey, ControlValues]:
        values = {
            WorkloadKey(self._cluster, fact["namespace"], fact["deployment"]): with_facts(UNKNOWN, fact)
            for fact in facts
        }
        return values | compile_rows(self._cluster, rows)


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as scratch:
        try:
            scratch.write(text)
            scratch.flush()
            os.replace(scratch.name, path)
        except OSError:
            Path(scratch.name).unlink(missing_ok=True)
            raise
