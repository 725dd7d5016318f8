"""The control table in memory, for the door: fresh while the store answers, the last good one while it does not.

A refresh is one small query unless something changed. The snapshot is also kept in a file, from which a restarted door
starts before it has reached the store.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from kubedoor import shards
from kubedoor.control import UNKNOWN, compile_rows, with_facts
from kubedoor.errors import StoreError
from kubedoor.model import ControlValues, WorkloadKey
from kubedoor.store.control import ControlStore, Revision

FILE_FORMAT = 1
RETRY_SAVE_SECONDS = 30.0
NOTED_SECONDS = 10.0
"""How long a fact that an admission has shown holds against a store that may not have it yet."""
_RESOURCES = ("cpu_request_millicores", "memory_request_bytes", "cpu_limit_millicores", "memory_limit_bytes")
_COLUMNS = (
    *("namespace", "deployment", "container", "mode", "version", "replicas", "manual_replicas", "peak_day"),
    *("hpa", "opted_out", "owned", *_RESOURCES, *(f"manual_{name}" for name in _RESOURCES)),
)


@dataclass(frozen=True)
class State:
    """What the snapshot holds; swapped as a whole, so that a reader never sees half of it."""

    values: Mapping[WorkloadKey, ControlValues]
    revision: Revision | None
    """None: read from the file."""
    checked_at: float
    """On the monotonic clock: when the store last said that this is how things are."""
    saved_at: datetime
    rows: tuple[Mapping[str, Any], ...] = field(repr=False, default=())
    facts: tuple[Mapping[str, Any], ...] = field(repr=False, default=())


class Snapshot:
    """Control values of one cluster. Every method may be called from any thread."""

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
        """`path`: the file. `folder`: where the pieces of a published snapshot are mounted, if they are."""
        self._control = control
        self._cluster = cluster
        self._path = path
        self._folder = folder
        self._monotonic = monotonic
        self._now = now
        self._refreshing = threading.Lock()
        # Never held while the store is asked: `note` is called on the event loop.
        self._lock = threading.Lock()
        self._noted: dict[WorkloadKey, tuple[float, dict[str, bool]]] = {}
        self._state: State | None = None
        self._is_saved = True
        self._save_after = float("-inf")

    @property
    def is_loaded(self) -> bool:
        return self._state is not None

    @property
    def age_seconds(self) -> float:
        """How long ago the store confirmed the snapshot; infinite when there is none."""
        state = self._state
        if state is None:
            return float("inf")
        if state.revision is None:
            return max(0.0, (self._now() - state.saved_at).total_seconds())
        return max(0.0, self._monotonic() - state.checked_at)

    @property
    def is_changed(self) -> bool:
        """Whether `save` has anything to write now."""
        return not self._is_saved and self._monotonic() >= self._save_after

    @property
    def workload_count(self) -> int:
        state = self._state
        return sum(values.known for values in state.values.values()) if state else 0

    def values_of(self, key: WorkloadKey) -> ControlValues:
        """What is in memory; UNKNOWN for a workload that is not."""
        state = self._state
        return state.values.get(key, UNKNOWN) if state else UNKNOWN

    def refresh(self) -> None:
        """Ask the store whether anything changed, and read it if so. Raises StoreError; then nothing has changed."""
        with self._refreshing:
            if self._state is None:
                self._load()
            checked_at = self._monotonic()
            revision = self._control.revision()
            with self._lock:
                if self._state is not None and self._state.revision == revision and not self._has_expired(checked_at):
                    self._state = replace(self._state, checked_at=checked_at)
                    return
            rows = tuple({name: row[name] for name in _COLUMNS} for row in self._control.control_rows())
            collected = sum(row["container"] != "" for row in rows)
            if collected < self._control.collected_row_count():
                raise StoreError("the control table is being replaced: it has fewer rows than its writer said")
            facts = tuple(self._control.known_facts())
            values = self._compiled(rows, facts)
            with self._lock:
                # What was noted while the store was being asked may not have been in it yet.
                recent = {key: noted for key, noted in self._noted.items() if noted[0] > checked_at - NOTED_SECONDS}
                self._noted = recent
                values |= {key: with_facts(values.get(key, UNKNOWN), seen) for key, (_, seen) in recent.items()}
                self._state = State(values, revision, checked_at, self._now(), rows, facts)
                self._is_saved = False

    def _has_expired(self, now: float) -> bool:
        """Whether a fact was noted so long ago that the store has the last word again."""
        return any(at <= now - NOTED_SECONDS for at, _ in self._noted.values())

    def read_through(self, key: WorkloadKey) -> ControlValues:
        """One workload straight from the store. Raises StoreError."""
        return self._control.values_of(key)

    def note(self, key: WorkloadKey, facts: Mapping[str, bool]) -> None:
        """Take in what an admission has just shown, before the store has it."""
        with self._lock:
            self._noted[key] = (self._monotonic(), {**self._noted.get(key, (0.0, {}))[1], **facts})
            if self._state is not None:
                changed = with_facts(self.values_of(key), facts)
                self._state = replace(self._state, values={**self._state.values, key: changed})

    def save(self) -> None:
        """Write the file if the snapshot has changed since; whole or not at all.

        Raises OSError when that cannot be done; it is tried again half a minute later.
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
        """What the file holds. Raises StoreError before the first refresh."""
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
        """The newer of the file and the published pieces."""
        self._load_document(self._read_file())
        if self._folder is not None:
            self._load_document(shards.read_folder(self._folder))

    def _read_file(self) -> Any:
        try:
            return json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def _load_document(self, content: Any) -> None:
        # What is broken or of another cluster is as good as none: the store is asked next.
        try:
            if content["format"] != FILE_FORMAT or content["cluster"] != self._cluster:
                return
            rows = tuple(
                {**row, "peak_day": date.fromisoformat(row["peak_day"]) if row["peak_day"] else None}
                for row in content["rows"]
            )
            facts = tuple(content["facts"])
            saved_at = datetime.fromisoformat(content["saved_at"]).astimezone(UTC)
            if self._state is not None and saved_at <= self._state.saved_at:
                return
            self._state = State(self._compiled(rows, facts), None, 0.0, saved_at, rows, facts)
        except (ValueError, KeyError, TypeError):
            return

    def _compiled(
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
