"""Keeps what is to be written after an answer: rows of `admissions`, facts and states of Deployments, the snapshot's file.

A request never waits for a write. What the store does not take waits in memory, within bounds, and is tried again.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from kubedoor.admission.decision import Decision
from kubedoor.admission.deployment_state import generation_of, outline, state_of
from kubedoor.admission.due import replicas_of
from kubedoor.admission.journal_writer import JournalWriter
from kubedoor.admission.json_patch import applied
from kubedoor.admission.metrics import AdmissionMetrics
from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.errors import StoreError, UnstorableRow
from kubedoor.model.deployments import DeploymentState
from kubedoor.model.facts import Observation, ObservationKind
from kubedoor.model.values import ControlValues, WorkloadKey
from kubedoor.store.admissions import AdmissionRecord, AdmissionStore, admission_line
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.said import said_column, said_columns

log = logging.getLogger(__name__)

MAX_PENDING_RECORDS = 20_000
"""Beyond this, rows in the hands of the store included, the oldest rows are dropped. Facts need no bound: one per
Deployment and kind."""
MAX_PENDING_STATES = 2_000
"""Beyond this, the states seen first are dropped: `api` sees them at its next look at the cluster."""
STATES_SECONDS = 5.0
"""How often states are written at most: the newest of a Deployment counts, and each insert makes a part in ClickHouse."""


class _Batch(NamedTuple):
    """Rows of one insert. `token`: the store takes a batch once, also if its answer to the first try was lost."""

    rows: Sequence[bytes]
    token: str


class _Admitted(NamedTuple):
    """`manifest`: its outline. `generation`: of what it replaces. `replicas`: what that had, if at most they change."""

    manifest: Mapping[str, Any]
    patch: Sequence[Mapping[str, Any]]
    at: datetime
    generation: int
    replicas: int | None


class AdmissionJournal:
    """Collects on the handler's event loop; one thread writes."""

    def __init__(
        self,
        *,
        snapshot: Snapshot,
        control: ControlStore,
        records: AdmissionStore,
        deployments: DeploymentStore,
        metrics: AdmissionMetrics,
        cluster: str,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._snapshot = snapshot
        self._control = control
        self._records = records
        self._deployments = deployments
        self._metrics = metrics
        self._cluster = cluster
        self._now = now
        self._monotonic = monotonic
        self._states_due = monotonic()
        self._rows: deque[bytes] = deque()
        """Encoded by `admission_line`: the thread that writes would take the event loop's time for it."""
        self._batch: _Batch | None = None
        """Handed to the store, which has not confirmed it yet."""
        self._facts: dict[tuple[WorkloadKey, ObservationKind, str], Observation] = {}
        self._admitted: dict[WorkloadKey, _Admitted] = {}
        self._states: list[tuple[DeploymentState, datetime]] = []
        self._writing = threading.Lock()
        self.writer = JournalWriter(self)

    def record(
        self, request: AdmissionRequest, decision: Decision, values: ControlValues, *, is_release: bool = False
    ) -> None:
        """Queue a decision until the store takes it."""
        if self._pending_count() >= MAX_PENDING_RECORDS:
            self._drop_oldest()
        before, after = {}, {}
        for change in decision.changes:
            name = f"{change.container} {change.field}" if change.container else change.field
            before[name], after[name] = change.before, change.after
        record = AdmissionRecord(
            at=self._now(),
            cluster=self._cluster,
            namespace=request.namespace,
            deployment=request.shown_name,
            uid=request.uid,
            operation=request.operation,
            subresource=request.subresource,
            username=request.username,
            outcome=decision.outcome.value,
            reason=decision.reason,
            before=before,
            after=after,
            warnings=decision.warnings,
            version=values.version,
            snapshot_age_seconds=min(self._snapshot.age_seconds, 3e9),
            reason_said=said_column(decision.reason),
            warnings_said=said_columns(decision.warnings),
            is_release=is_release,
        )
        self._rows.append(admission_line(record))

    def _pending_count(self) -> int:
        batch = self._batch
        return len(self._rows) + (len(batch.rows) if batch else 0)

    def _drop_oldest(self) -> None:
        try:
            self._rows.popleft()
        except IndexError:
            # All are in the hands of the store: this one more does no harm.
            return
        self._metrics.dropped.inc()

    def record_facts(self, observations: Collection[Observation]) -> None:
        """Put what was seen of Deployments into the snapshot at once, and queue it for the store."""
        self._snapshot.add_facts(observations)
        self._facts.update({(one.key, one.kind, one.uid): one for one in observations})

    def record_state(
        self, key: WorkloadKey, request: AdmissionRequest, decision: Decision, *, is_release: bool = True
    ) -> None:
        """Queue the Deployment as it is admitted; of several admissions of one Deployment the newest counts."""
        self._admitted.pop(key, None)
        while len(self._admitted) >= MAX_PENDING_STATES:
            self._admitted.pop(next(iter(self._admitted)), None)
        try:
            kept, stored = outline(request.object), request.old_object
            replicas = None if is_release else replicas_of(stored)
        except (AttributeError, TypeError):
            # Validation comes after the door: what is no Deployment is not stored either.
            return
        self._admitted[key] = _Admitted(kept, decision.patch, self._now(), generation_of(stored), replicas)

    def has_work(self) -> bool:
        return bool(
            self._rows or self._batch or self._facts or self._admitted or self._states or self._snapshot.needs_save
        )

    @property
    def pending_rows(self) -> int:
        return len(self._rows)

    def flush(self, *, leaves_states: bool = False) -> bool:
        """Write what is pending; whether that went well. Never raises.

        What comes meanwhile waits for the next call: under load there would be no end, and each row an insert. The first
        caller writes for all and the others return at once. What the store does not take is kept. `leaves_states`: for
        another time if they were written a moment ago.
        """
        if not self._writing.acquire(blocking=False):
            return True
        try:
            self._write_snapshot()
            self._write_facts()
            if not leaves_states or self._monotonic() >= self._states_due:
                self._write_states()
            self._write_rows()
        except StoreError as error:
            self._metrics.failures.labels("records").inc()
            log.warning("records could not be written: %s", error)
            return False
        finally:
            self._writing.release()
        return True

    def _write_snapshot(self) -> None:
        try:
            self._snapshot.save()
        except OSError as error:
            self._metrics.failures.labels("snapshot_file").inc()
            log.warning("the snapshot file could not be written: %s", error)

    def _write_facts(self) -> None:
        # The event loop may add meanwhile: take the entries one by one, never replace the container.
        popped = dict(self._facts.popitem() for _ in range(len(self._facts)))
        try:
            self._control.record_facts(popped.values(), seen_by="door")
        except Exception as error:
            if _is_temporary(error):
                for name, observation in popped.items():
                    # One that was queued meanwhile is newer.
                    self._facts.setdefault(name, observation)
                raise
            log.exception("%d facts cannot be written and are dropped", len(popped))
        # Marked as stored, the facts expire from the snapshot's overlay.
        self._snapshot.mark_stored(popped.values())

    def _write_states(self) -> None:
        if self._admitted:
            self._states_due = self._monotonic() + STATES_SECONDS
        for key in list(self._admitted):
            admitted = self._admitted.pop(key, None)
            if admitted:
                self._read_state(key, admitted)
        states, self._states = self._states[-MAX_PENDING_STATES:], []
        try:
            self._deployments.record_each(states, seen_by="door")
        except Exception as error:
            if _is_temporary(error):
                self._states = states
                raise
            log.exception("%d states of Deployments cannot be written and are dropped", len(states))

    def _read_state(self, key: WorkloadKey, admitted: _Admitted) -> None:
        try:
            stored = applied(admitted.manifest, admitted.patch)
            # The API server counts what changes `spec`: not a scale that is put back to what runs.
            generation = admitted.generation + (replicas_of(stored) != admitted.replicas)
            named = {"name": key.deployment, "namespace": key.namespace, "generation": generation}
            self._states.append((state_of({**stored, "metadata": {**stored["metadata"], **named}}), admitted.at))
        except Exception:
            # Validation comes after the door: what is no Deployment is not stored either.
            log.info("the state of %s cannot be read", key, exc_info=True)

    def _write_rows(self) -> None:
        if self._batch:
            self._write(self._batch)
            self._batch = None
        if self._rows:
            self._batch = _Batch([self._rows.popleft() for _ in range(len(self._rows))], uuid.uuid4().hex)
            self._write(self._batch)
            self._batch = None

    def _write(self, batch: _Batch) -> None:
        """A row that can never be stored is dropped alone: it is found by halving. Raises StoreError."""
        try:
            self._records.add_admission_lines(batch.rows, token=batch.token)
        except Exception as error:
            if _is_temporary(error):
                raise
            if len(batch.rows) == 1:
                self._metrics.dropped.inc()
                log.exception("a row of admissions cannot be written and is dropped")
                return
            middle = len(batch.rows) // 2
            self._write(_Batch(batch.rows[:middle], f"{batch.token}-1"))
            self._write(_Batch(batch.rows[middle:], f"{batch.token}-2"))


def _is_temporary(error: Exception) -> bool:
    """Whether the same rows may be taken later: the store is away, not the rows wrong."""
    return isinstance(error, StoreError) and not isinstance(error, UnstorableRow)
