"""One admission from review to answer: fresh values, a decision, an answer, and a record written afterwards.

The door never breaks a release by its own fault: whatever goes wrong here is answered *allowed, unchanged* with a
warning (or denied, by a setting), and nothing but reading one value in memory is on the path of a request while the
store answers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kubedoor.admission import review as reviews
from kubedoor.admission import rules as admission
from kubedoor.admission.decision import Decision, Outcome, annotations_of
from kubedoor.admission.journal import DoorLog
from kubedoor.admission.metrics import DoorMetrics
from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.rules import Rules
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.config.settings import Settings
from kubedoor.control_values import UNKNOWN
from kubedoor.errors import KubeDoorError, StoreError
from kubedoor.model.values import ControlValues, WorkloadKey
from kubedoor.store.control import ControlStore
from kubedoor.store.records import RecordStore

log = logging.getLogger(__name__)

RETRY_STORE_SECONDS = 2.0
"""After the store failed, requests are answered from the snapshot this long before it is asked again."""
KEEP_FRESH_SECONDS = 10.0
"""How often the store is asked while nobody asks the door, so that its last good snapshot is not its last admission's."""
STORE_TIMEOUT_SECONDS = 10.0
"""Longest wait for one answer to the snapshot's questions: until a question to a store that hung has ended, no other is asked."""


@dataclass(frozen=True)
class DoorOptions:
    cluster: str
    service_account: str
    max_age_seconds: float
    wait_seconds: float


def rules_of(settings: Settings) -> Rules:
    """The rules as the settings have them; the preview uses the same."""
    return Rules(
        excluded_namespaces=frozenset(settings.all_excluded_namespaces),
        deny_unknown=settings.unknown_workloads == "deny",
        deny_on_error=settings.on_internal_error == "deny",
        keep_hpa_replicas=settings.hpa_replicas == "keep",
        min_cpu_millicores=settings.min_cpu_millicores,
        min_memory_bytes=settings.min_memory_bytes,
    )


def options_of(settings: Settings) -> DoorOptions:
    return DoorOptions(
        cluster=settings.cluster,
        service_account=settings.service_account,
        max_age_seconds=settings.snapshot_max_age_seconds,
        wait_seconds=settings.snapshot_wait_seconds,
    )


class Door:
    """Answers reviews. Lives on one event loop; what blocks runs in worker threads."""

    def __init__(
        self,
        *,
        snapshot: Snapshot,
        control: ControlStore,
        records: RecordStore,
        rules: Rules,
        options: DoorOptions,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._snapshot = snapshot
        self._rules = rules
        self._options = options
        self._monotonic = monotonic
        self._refreshing: asyncio.Task[None] | None = None
        self._given_up: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._ask_store_after = float("-inf")
        self.metrics = DoorMetrics()
        self.log = DoorLog(
            snapshot=snapshot, control=control, records=records, metrics=self.metrics, cluster=options.cluster, now=now
        )
        self.metrics.age.set_function(lambda: snapshot.age_seconds)
        self.metrics.workloads.set_function(lambda: snapshot.workload_count)

    async def warm_up(self) -> bool:
        """Load what there is to load; whether the door has any values to decide from."""
        await self._refreshed(self._monotonic() + self._options.wait_seconds)
        return self._snapshot.is_loaded

    def keep_fresh(self) -> None:
        """From now on ask the store also while nobody asks the door; until the event loop ends. Once or often, it is one task."""
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep_fresh())

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(KEEP_FRESH_SECONDS)
            try:
                if self._is_stale():
                    await self._refreshed(self._monotonic() + self._options.wait_seconds)
                if self.log.has_work() and not self._is_stale():
                    # What could not be written while the store was away, and the snapshot's file.
                    await asyncio.to_thread(self.log.flush)
            except Exception:
                log.exception("the door could not look at the store")

    async def admit(self, review: Any) -> dict[str, Any]:
        """The AdmissionReview that answers `review`. Raises BadRequest when that is not one; nothing else."""
        started = self._monotonic()
        request = reviews.parse_review(review)
        try:
            decision = await self._decide(request, started)
        except Exception as error:
            decision = self._failed(error)
            self._remember_failure(request, decision)
        self.metrics.admissions.labels(str(decision.outcome), str(request.dry_run).lower()).inc()
        self.metrics.seconds.observe(self._monotonic() - started)
        return reviews.answer(
            request,
            allowed=decision.allowed,
            reason=decision.reason,
            patch=decision.patch,
            warnings=decision.warnings,
            annotations=annotations_of(decision),
        )

    async def _decide(self, request: AdmissionRequest, started: float) -> Decision:
        key = WorkloadKey(self._options.cluster, request.namespace, request.name)
        is_due = admission.is_due(request, self._rules)
        if is_due and admission.needs_values(request, self._rules):
            values = await self._values(key, request.username)
            decision = admission.decide(request, values, self._rules)
            if self._is_stale(since=started) and decision.outcome is not Outcome.IGNORED:
                self.metrics.failures.labels("store").inc()
                age = f"KubeDoor: the store is slow or away, decided from values {self._snapshot.age_seconds:.0f} s old"
                decision = replace(decision, warnings=(*decision.warnings, age))
        else:
            if _facts_shown(request) and not request.dry_run and self._is_stale():
                # What this request shows is compared with what is known, and another door may have learnt more.
                await self._refreshed(self._monotonic() + self._options.wait_seconds)
            values = self._snapshot.values_of(key)
            decision = admission.decide(request, values, self._rules)
        if not request.dry_run:
            if is_due:
                self.log.remember(request, decision, values)
            self._learn(key, _facts_shown(request), values)
        return decision

    def _is_stale(self, *, since: float = float("inf")) -> bool:
        """Whether the snapshot is too old; what the store confirmed after `since` is not, however slow this machine is."""
        age_seconds = self._snapshot.age_seconds
        return age_seconds > self._options.max_age_seconds and age_seconds > self._monotonic() - since

    async def _values(self, key: WorkloadKey, username: str) -> ControlValues:
        deadline = self._monotonic() + self._options.wait_seconds
        if self._is_stale():
            await self._refreshed(deadline)
        if not self._snapshot.is_loaded:
            raise StoreError("the store is slow or away, and there is no snapshot yet")
        values = self._snapshot.values_of(key)
        # KubeDoor's own scale follows an edit at once; a second is too long there, and for what has just been added.
        if username == self._options.service_account or not values.known:
            values = await self._read_through(key, values, deadline)
        return values

    async def _refreshed(self, deadline: float) -> None:
        """Bring the snapshot up to date if the store does it in time; never raises."""
        if self._monotonic() < self._ask_store_after:
            return
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())
        elif self._refreshing is self._given_up and self._snapshot.is_loaded:
            return
        # The task goes on when the wait is over: a later admission finds its result.
        _, pending = await asyncio.wait({self._refreshing}, timeout=max(0.0, deadline - self._monotonic()))
        if pending:
            # A store that hangs must not cost every admission the whole wait.
            self._given_up = self._refreshing
            self._store_failed(TimeoutError("no answer in time"))

    async def _refresh(self) -> None:
        try:
            await asyncio.to_thread(self._snapshot.refresh)
        except KubeDoorError as error:
            self._store_failed(error)
        except Exception as error:
            log.exception("the snapshot could not be refreshed")
            self._store_failed(error)

    async def _read_through(self, key: WorkloadKey, remembered: ControlValues, deadline: float) -> ControlValues:
        """The values in the store; what is remembered when it does not answer in time.

        Raises StoreError for a workload that nothing is remembered of: it may well have values, so it must not be taken
        for one that is not in the control table.
        """
        try:
            if self._monotonic() < self._ask_store_after:
                raise StoreError("the store failed a moment ago")
            reading = asyncio.to_thread(self._snapshot.read_through, key)
            return await asyncio.wait_for(reading, max(0.05, deadline - self._monotonic()))
        except (StoreError, TimeoutError) as error:
            if isinstance(error, TimeoutError):
                self._store_failed(error)
            if not remembered.known:
                raise StoreError("the store is slow or away, and the snapshot does not have this workload") from error
            return remembered

    def _store_failed(self, error: BaseException) -> None:
        self._ask_store_after = self._monotonic() + RETRY_STORE_SECONDS
        log.warning("the store does not answer the door: %s", error)

    def _failed(self, error: Exception) -> Decision:
        part = "store" if isinstance(error, StoreError) else "decision"
        self.metrics.failures.labels(part).inc()
        log.error("an admission failed: %s", error, exc_info=not isinstance(error, KubeDoorError))
        words = (
            "KubeDoor: the store is slow or away, nothing was set"
            if part == "store"
            else "KubeDoor: internal error, nothing was set"
        )
        if self._rules.deny_on_error:
            return Decision(Outcome.FAILED, f"{words} (KUBEDOOR_ON_INTERNAL_ERROR is deny)", allowed=False)
        return Decision(Outcome.FAILED, words, warnings=(words,))

    def _remember_failure(self, request: AdmissionRequest, decision: Decision) -> None:
        """Whoever looks for a change that did not come finds it on record, and is told of it."""
        if request.dry_run:
            return
        key = WorkloadKey(self._options.cluster, request.namespace, request.name)
        try:
            self.log.remember(request, decision, UNKNOWN)
            self._learn(key, _facts_shown(request), self._snapshot.values_of(key))
        except Exception:
            # It may be what failed in the first place, and the answer has to go out all the same.
            log.exception("a failed admission could not be noted")

    def _learn(self, key: WorkloadKey, seen: Mapping[str, bool], known: ControlValues) -> None:
        """Keep what a Scale will not show: label, owner, HPA."""
        # An HPA that a collection knows of is forgotten by the next one that does not; one that has asked here stays known.
        learnt = {"opted_out": known.opted_out, "owned": known.owned, "hpa": self._snapshot.has_learnt_hpa(key)}
        # Of workloads that are not in the control table too: they may be tomorrow.
        is_old = self._is_stale()
        news = {fact: holds for fact, holds in seen.items() if learnt[fact] is not holds or (is_old and known.known)}
        if news:
            self.log.learn(key, news)


def _facts_shown(request: AdmissionRequest) -> dict[str, bool]:
    """What is known of a Deployment after this request, whatever is decided."""
    seen: dict[str, bool] = {}
    if _is_whole(request):
        seen["opted_out"], seen["owned"] = admission.object_facts(request.object)
    if admission.is_hpa(request):
        seen["hpa"] = True
    return seen


def _is_whole(request: AdmissionRequest) -> bool:
    """Whether the request carries the whole Deployment, with its labels and owners."""
    return (
        (request.group, request.resource, request.subresource) == ("apps", "deployments", "")
        and request.operation in ("CREATE", "UPDATE")
        and bool(request.name)
    )
