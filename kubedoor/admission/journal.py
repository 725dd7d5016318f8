"""What the door writes after its answers are out: rows of `admissions`, facts about Deployments, its snapshot's file."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime

from kubedoor.admission.decision import Decision
from kubedoor.admission.metrics import DoorMetrics
from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.errors import StoreError
from kubedoor.model.values import ControlValues, WorkloadKey
from kubedoor.store.control import ControlStore
from kubedoor.store.records import AdmissionRecord, RecordStore

log = logging.getLogger(__name__)

MAX_PENDING_RECORDS = 10_000
"""While the store is away, older rows than these are lost; facts are one per workload and kind, so they stay few."""


class DoorLog:
    """Gathers on the door's event loop and writes in worker threads."""

    def __init__(
        self,
        *,
        snapshot: Snapshot,
        control: ControlStore,
        records: RecordStore,
        metrics: DoorMetrics,
        cluster: str,
        now: Callable[[], datetime],
    ) -> None:
        self._snapshot = snapshot
        self._control = control
        self._records = records
        self._metrics = metrics
        self._cluster = cluster
        self._now = now
        self._pending: deque[AdmissionRecord] = deque()
        self._learnt: dict[tuple[WorkloadKey, str], bool] = {}
        self._lock = threading.Lock()

    def remember(self, request: AdmissionRequest, decision: Decision, values: ControlValues) -> None:
        """Keep a decision until the store takes it."""
        if len(self._pending) >= MAX_PENDING_RECORDS:
            self._pending.popleft()
            self._metrics.dropped.inc()
        names = [f"{change.container} {change.field}".strip() for change in decision.changes]
        self._pending.append(
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

    def learn(self, key: WorkloadKey, news: Mapping[str, bool]) -> None:
        """Facts about a Deployment: the snapshot has them at once, the store later."""
        self._snapshot.note(key, dict(news))
        self._learnt.update({(key, fact): holds for fact, holds in news.items()})

    def has_work(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._pending or self._learnt or self._snapshot.is_changed)

    def flush(self) -> None:
        """Write what has gathered: called in a worker thread after an answer is out.

        Whoever comes first writes for all (the others return at once), so that a burst becomes a few inserts. What the
        store does not take stays for the next time, up to MAX_PENDING_RECORDS.
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
        # The event loop may add meanwhile, so each is taken out by itself and never the whole replaced.
        learnt = dict(self._learnt.popitem() for _ in range(len(self._learnt)))
        facts = [(key, fact, holds) for (key, fact), holds in learnt.items()]
        rows = [self._pending.popleft() for _ in range(len(self._pending))]
        try:
            self._control.learn(facts, seen_by="door")
            self._snapshot.stored(facts)
            learnt = {}
            self._records.add_admissions(rows)
        except StoreError:
            for about, holds in learnt.items():
                # What has been learnt since is newer.
                self._learnt.setdefault(about, holds)
            self._pending.extendleft(reversed(rows))
            raise
        except Exception:
            # It would fail again for ever; and what is not kept must not be believed for ever.
            self._snapshot.stored(facts)
            self._metrics.dropped.inc(len(rows))
            log.exception("%d rows cannot be written and are dropped", len(rows))
