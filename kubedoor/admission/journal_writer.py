"""The one thread that writes the journal: it lingers, so that a burst becomes one insert, and backs off after a failure."""

from __future__ import annotations

import logging
import threading
from typing import Protocol

log = logging.getLogger(__name__)

LINGER_SECONDS = 1.0
"""How long rows wait for further ones. Each insert makes a part in ClickHouse, which merges only so many."""
FULL_BATCH_ROWS = 2_500
"""So many rows are written without waiting for more: an insert holds them three times, as rows, as one body, and as it is sent."""
_LINGER_STEP_SECONDS = 0.05
BACKOFF_SECONDS = (1.0, 30.0)
"""First and longest pause after a write that failed; each failure doubles it."""


class Journal(Protocol):
    """What is written: see `kubedoor.admission.journal`."""

    @property
    def pending_rows(self) -> int: ...

    def has_work(self) -> bool: ...

    def flush(self, *, leaves_states: bool = False) -> bool: ...


class JournalWriter:
    """Writes one journal from a thread of its own."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """There is something to write. Starts the thread at the first call: the server forks before that."""
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
                    self._thread.start()
        self._wake.set()

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Write what is pending without lingering, and end the thread."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_seconds)
        elif self._journal.has_work():
            self._journal.flush()

    def _run(self) -> None:
        backoff = 0.0
        while True:
            self._wake.wait()
            self._linger()
            self._wake.clear()
            try:
                is_written = self._journal.flush(leaves_states=not self._stopping.is_set())
            except Exception:
                log.exception("the journal could not be written")
                is_written = False
            if self._stopping.is_set():
                if is_written:
                    # What came while the others were written.
                    self._journal.flush()
                return
            if is_written:
                backoff = 0.0
                if self._journal.has_work():
                    self._wake.set()
                continue
            backoff = min(max(backoff * 2, BACKOFF_SECONDS[0]), BACKOFF_SECONDS[1])
            self._stopping.wait(backoff)
            self._wake.set()

    def _linger(self) -> None:
        waited = 0.0
        while waited < LINGER_SECONDS and self._journal.pending_rows < FULL_BATCH_ROWS:
            if self._stopping.wait(_LINGER_STEP_SECONDS):
                return
            waited += _LINGER_STEP_SECONDS
