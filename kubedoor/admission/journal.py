"""Writes after the answer: rows of `admissions`, facts about Deployments, the snapshot's file.

What the store does not take waits in memory and is retried, so that a request never waits for a write.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime

from kubedoor.admission.decision import Decision
from kubedoor.admission.metrics import AdmissionMetrics
from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.errors import StoreError
from kubedoor.model.values import ControlValues, WorkloadKey
from kubedoor.store.control import ControlStore
from kubedoor.store.records import AdmissionRecord, RecordStore

log = logging.getLogger(__name__)

MAX_PENDING_RECORDS = 10_000
"""While the store is away, the oldest rows beyond this are dropped. Facts need no bound: one per workload and kind."""


class AdmissionJournal:
    """Collects on the handler's event loop and writes in worker threads."""

    def __init__(
        self,
        *,
        snapshot: Snapshot,
        control: ControlStore,
        records: RecordStore,
        metrics: AdmissionMetrics,
        cluster: str,
        now: Callable[[], datetime],
    ) -> None:
        self._snapshot = snapshot
        self._control = control
        self._records = records
        self._metrics = metrics
        self._cluster = cluster
        self._now = now
        self._pending_rows: deque[AdmissionRecord] = deque()
        self._pending_facts: dict[tuple[WorkloadKey, str], bool] = {}
        self._lock = threading.Lock()

    def record(self, request: AdmissionRequest, decision: Decision, values: ControlValues) -> None:
        """Queue a decision until the store takes it; drops the oldest one beyond MAX_PENDING_RECORDS."""
        if len(self._pending_rows) >= MAX_PENDING_RECORDS:
            self._pending_rows.popleft()
            self._metrics.dropped.inc()
        names = [f"{change.container} {change.field}".strip() for change in decision.changes]
        self._pending_rows.append(
            AdmissionRecord(
                at=self._now(),
                cluster=self._cluster,
                namespace=request.namespace,
                deployment=request.shown_name,
                uid=request.uid,
                operation=request.operation,
                subresource=request.subresource,
                username=request.username,
                outcome=str(decision.outcome),
                reason=decision.reason,
                before=dict(zip(names, (change.before for change in decision.changes), strict=True)),
                after=dict(zip(names, (change.after for change in decision.changes), strict=True)),
                warnings=decision.warnings,
                version=values.version,
                snapshot_age_seconds=min(self._snapshot.age_seconds, 3e9),
            )
        )

    def record_facts(self, key: WorkloadKey, facts: Mapping[str, bool]) -> None:
        """Put facts about a Deployment into the snapshot at once, and queue them for the store."""
        self._snapshot.add_facts(key, dict(facts))
        self._pending_facts.update({(key, fact): holds for fact, holds in facts.items()})

    def has_work(self) -> bool:
        return bool(self._pending_rows or self._pending_facts or self._snapshot.needs_save)

    def flush(self) -> None:
        """Write everything that is pending; for a worker thread, after the answer.

        The first caller writes for all and the others return at once, so that a burst becomes a few inserts. What the
        store does not take is retried by the next call. Does not raise StoreError.
        """
        while self.has_work() and self._lock.acquire(blocking=False):
            try:
                self._write_snapshot()
                self._write_rows()
            except StoreError as error:
                self._metrics.failures.labels("records").inc()
                log.warning("records could not be written: %s", error)
                return
            finally:
                self._lock.release()

    def _write_snapshot(self) -> None:
        try:
            self._snapshot.save()
        except OSError as error:
            self._metrics.failures.labels("snapshot_file").inc()
            log.warning("the snapshot file could not be written: %s", error)

    def _write_rows(self) -> None:
        # The event loop may append meanwhile: pop the entries one by one, never replace the container.
        popped = dict(self._pending_facts.popitem() for _ in range(len(self._pending_facts)))
        facts = [(key, fact, holds) for (key, fact), holds in popped.items()]
        rows = [self._pending_rows.popleft() for _ in range(len(self._pending_rows))]
        try:
            self._control.record_facts(facts, seen_by="door")
            self._snapshot.mark_stored(facts)
            popped = {}
            self._records.add_admissions(rows)
        except StoreError:
            for fact, holds in popped.items():
                # A fact that was queued meanwhile is newer.
                self._pending_facts.setdefault(fact, holds)
            self._pending_rows.extendleft(reversed(rows))
            raise
        except Exception:
            # A permanent error, so no retry. Marked as stored, the facts expire from the snapshot's overlay.
            self._snapshot.mark_stored(facts)
            self._metrics.dropped.inc(len(rows))
            log.exception("%d rows cannot be written and are dropped", len(rows))
