"""Handles one AdmissionReview: reads control values, decides, answers. The journal is kept afterwards.

A failure of KubeDoor never blocks a release: the request is allowed unchanged, with a warning (or denied, if
KUBEDOOR_ON_INTERNAL_ERROR says so). A request waits for the store at most `wait_seconds`, and only for the refresh of a
stale snapshot or for a read-through; everything else is decided from memory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from kubedoor.admission.arrived import as_arrived, correction
from kubedoor.admission.decision import Decision, Outcome, annotations_of, warning
from kubedoor.admission.due import Due
from kubedoor.admission.facts import exemptions_at_scale, is_full_deployment, observations, shows_facts
from kubedoor.admission.freshness import Freshness
from kubedoor.admission.journal import AdmissionJournal
from kubedoor.admission.metrics import AdmissionMetrics
from kubedoor.admission.options import HandlerOptions
from kubedoor.admission.read_through import ReadThrough
from kubedoor.admission.review import AdmissionRequest, parse_review, review_response
from kubedoor.admission.rules import (
    Rules,
    decide,
    due_of_request,
    needs_values,
    without_values,
)
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.control_values import UNKNOWN
from kubedoor.errors import KubeDoorError, StoreError
from kubedoor.model.values import ControlValues, WorkloadKey
from kubedoor.sentences import NOTHING, sentence
from kubedoor.store.admissions import AdmissionStore
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore

log = logging.getLogger(__name__)

BACKGROUND_REFRESH_SECONDS = 10.0
"""How often an idle handler refreshes, so that its last good snapshot is not as old as its last request."""
STORE_TIMEOUT_SECONDS = 10.0
"""Query timeout of the snapshot's store connection: a query that hangs blocks every further refresh until it ends."""
_INTERNAL = sentence("door.internal")
Later = Callable[[Callable[[], None]], object]
"""Calls what needs not be done before the answer."""


def at_once(call: Callable[[], None]) -> None:
    call()


class AdmissionHandler:
    """Lives on one event loop; blocking calls run in worker threads. `later` must call in order, and on that loop."""

    def __init__(
        self,
        *,
        snapshot: Snapshot,
        control: ControlStore,
        records: AdmissionStore,
        deployments: DeploymentStore,
        rules: Rules,
        options: HandlerOptions,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        later: Later = at_once,
    ) -> None:
        self._snapshot = snapshot
        self._rules = rules
        self._later = later
        self._options = options
        self._now = now
        self._monotonic = monotonic
        self._freshness = Freshness(snapshot, options, monotonic)
        self._background_task: asyncio.Task[None] | None = None
        self._read_through = ReadThrough(snapshot.read_through)
        self.metrics = AdmissionMetrics()
        self.journal = AdmissionJournal(
            snapshot=snapshot,
            control=control,
            records=records,
            deployments=deployments,
            metrics=self.metrics,
            cluster=options.cluster,
            now=now,
        )
        self.metrics.age.set_function(lambda: snapshot.age_seconds)
        self.metrics.workloads.set_function(lambda: snapshot.workload_count)

    async def warm_up(self) -> bool:
        """Load the snapshot from store, file or published shards; whether there is one to decide from.

        A store that nobody has set up yet is one without values: an installation must not wait for its first user.
        """
        await self._freshness.refresh()
        return self._snapshot.is_loaded or self._freshness.is_store_new

    def start_background_refresh(self) -> None:
        """Refresh periodically, also without requests, until the event loop ends. Idempotent."""
        if self._background_task is None or self._background_task.done():
            self._background_task = asyncio.create_task(self._refresh_periodically())

    async def _refresh_periodically(self) -> None:
        while True:
            await asyncio.sleep(BACKGROUND_REFRESH_SECONDS)
            try:
                if self._freshness.is_stale():
                    await self._freshness.refresh()
                if self.journal.has_work():
                    # Not only records: the snapshot's file too.
                    self.journal.writer.wake()
            except Exception:
                log.exception("the background refresh failed")

    async def admit(self, review: Any) -> dict[str, Any]:
        """The AdmissionReview that answers `review`. Raises BadRequest if that is not one, and nothing else."""
        started = self._monotonic()
        received = request = parse_review(review)
        due = Due()
        try:
            request = as_arrived(received) if self._options.reads_traces else received
            due = due_of_request(request, self._rules)
            decision = await self._decide(request, due, started)
        except Exception as error:
            decision = self._failure_decision(error, _kept(request, due), by_policies=request is not received)
            self._record_failure(request, decision)
        seconds, outcome = self._monotonic() - started, decision.outcome.value
        self._later(partial(self.metrics.answered, outcome, is_dry_run=request.dry_run, seconds=seconds))
        return review_response(
            request,
            allowed=decision.allowed,
            reason=decision.reason,
            patch=correction(received, request, decision),
            warnings=decision.warnings,
            annotations=annotations_of(decision),
        )

    async def _decide(self, request: AdmissionRequest, due: Due, started: float) -> Decision:
        key = WorkloadKey(self._options.cluster, request.namespace, request.name)
        if needs_values(request, self._rules, due):
            found, old_seconds = await self._values(key, request.username, started)
            values = self._at_scale(request, key, found)
            decision = decide(request, values, self._rules, due)
            if old_seconds is not None and decision.outcome is not Outcome.IGNORED:
                self.metrics.failures.labels("store").inc()
                age = warning("door.old_values", trouble=self._freshness.trouble, seconds=f"{old_seconds:.0f}")
                decision = decision._replace(warnings=(*decision.warnings, age))
        else:
            if shows_facts(request) and not request.dry_run:
                # `_record_facts` compares with the known facts, which another replica may have changed.
                await self._freshness.ensure(started)
            values = self._at_scale(request, key, self._snapshot.values_of(key))
            decision = decide(request, values, self._rules, due)
        if not request.dry_run:
            if due:
                self._later(partial(self._record, request, key, decision, values, due))
            # Not later: the next request must know.
            self._record_facts(request, key, values, started)
        return decision

    def _record(
        self, request: AdmissionRequest, key: WorkloadKey, decision: Decision, values: ControlValues, due: Due
    ) -> None:
        """Never raises: what is decided stands, and may have been answered."""
        try:
            self.journal.record(request, decision, values, is_release=due.resources)
            if _changes_state(request, due, decision):
                self.journal.record_state(key, request, decision, is_release=due.resources)
        except Exception:
            self.metrics.failures.labels("records").inc()
            log.exception("an admission could not be recorded")

    def _at_scale(self, request: AdmissionRequest, key: WorkloadKey, values: ControlValues) -> ControlValues:
        """With label and owner of the very Deployment whose Scale it is; of any other request, it shows them itself."""
        if not request.is_scale:
            return values
        opted_out, owned = exemptions_at_scale(request, self._snapshot.facts_of(key))
        return replace(values, opted_out=opted_out, owned=owned)

    async def _values(self, key: WorkloadKey, username: str, started: float) -> tuple[ControlValues, float | None]:
        """The values, and how many seconds old they are, if that is too old."""
        deadline = started + self._options.wait_seconds
        await self._freshness.ensure(started)
        if not self._snapshot.is_loaded:
            raise StoreError(f"{self._freshness.trouble}, and there is no snapshot yet")
        # Judged before they are read: a refresh that ends in between makes them newer than is said, never older.
        old_seconds = self._snapshot.age_seconds if self._freshness.is_stale(since=started) else None
        values = self._snapshot.values_of(key)
        # Even a fresh snapshot is too old for KubeDoor's own scale right after an edit. What a fresh one does not have
        # is unknown.
        if username == self._options.service_account or (not values.known and old_seconds is not None):
            values = await self._ask_store(key, values, deadline)
        return values, old_seconds

    async def _ask_store(self, key: WorkloadKey, cached: ControlValues, deadline: float) -> ControlValues:
        """One workload's values from the store; `cached` if it does not answer in time.

        Raises StoreError if `cached` is unknown: the workload may be in the control table all the same, so it must not
        be treated as one that is not.
        """
        try:
            if not self._freshness.may_ask:
                raise StoreError("the store failed a moment ago")
            return await self._read_through.ask(key, max(0.05, deadline - self._monotonic()))
        except (StoreError, TimeoutError) as error:
            if isinstance(error, TimeoutError):
                self._freshness.failed(error)
            if not cached.known:
                raise StoreError(f"{self._freshness.trouble}, and the snapshot does not have this workload") from error
            return cached

    def _failure_decision(self, error: Exception, kept: Decision, *, by_policies: bool) -> Decision:
        """`by_policies`: native policies have changed the request before, which stands."""
        part = "store" if isinstance(error, StoreError) else "decision"
        self.metrics.failures.labels(part).inc()
        log.error("an admission failed: %s", error, exc_info=not isinstance(error, KubeDoorError))
        trouble = self._freshness.trouble if part == "store" else _INTERNAL
        message = warning("door.nothing_set", trouble=trouble)
        if by_policies:
            message = warning("door.policies_stand", trouble=trouble)
        if self._rules.deny_on_error:
            denied = sentence("door.denied_by_setting", words=message)
            return Decision(Outcome.FAILED, denied, allowed=False)
        return kept._replace(reason=message, warnings=(*kept.warnings, message))

    def _record_failure(self, request: AdmissionRequest, decision: Decision) -> None:
        """Record a failed admission, so that people find it in the list and are notified. Never raises."""
        if request.dry_run:
            return
        key = WorkloadKey(self._options.cluster, request.namespace, request.name)
        try:
            self.journal.record(request, decision, UNKNOWN)
            self._record_facts(request, key, self._snapshot.values_of(key), self._monotonic())
        except Exception:
            # The journal may be what failed in the first place; the request must be answered all the same.
            log.exception("a failed admission could not be recorded")

    def _record_facts(self, request: AdmissionRequest, key: WorkloadKey, values: ControlValues, started: float) -> None:
        """Keep label, owner and HPA for later Scales, which do not show them.

        Workloads outside the control table are included: they may be added later.
        """
        if not (request.is_scale or shows_facts(request)):
            return
        # Another replica may have recorded the opposite since a stale snapshot: record the fact again.
        is_unsure = self._freshness.is_stale(since=started) and values.known
        known = self._snapshot.facts_of(key)
        if found := observations(request, key, known, at=self._now(), is_unsure=is_unsure):
            self.journal.record_facts(found)


def _kept(request: AdmissionRequest, due: Due) -> Decision:
    """What is decided without values. Never raises: the request may be what failed in the first place."""
    try:
        return without_values(request, due)
    except Exception:
        log.exception("what runs could not be kept")
        return Decision(Outcome.FAILED, NOTHING)


def _changes_state(request: AdmissionRequest, due: Due, decision: Decision) -> bool:
    """Whether replicas, requests, limits or what was asked may be others after an admission of a Deployment."""
    if not decision.allowed or not is_full_deployment(request):
        return False
    is_kept = decision.keeps_running_numbers or due.keeps_annotation
    return due.replicas or not is_kept
