"""One collection: reads the missing days, newest first, then computes collected values from the look-back.

Stateless and resumable. Each day is replaced atomically: a reader never sees half a day, and a stored day stays stored
when a later step fails.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from kubedoor.collection.refresh import CollectedRefresh, CollectOptions, next_run_number
from kubedoor.collection.request import CollectRequest
from kubedoor.collection.sample.cluster import PERMANENT_DEPLOYMENTS
from kubedoor.collection.stored_days import Provenance, missing_days, reason_to_keep
from kubedoor.errors import (
    Conflict,
    KubeDoorError,
    PrometheusError,
    PrometheusRefused,
    PrometheusUnreachable,
    StoreError,
)
from kubedoor.model.cluster_facts import ClusterFacts
from kubedoor.model.peak_day import PeakDay
from kubedoor.model.usage import SAMPLE_MARK, DayUsage, StoredDay, UsageSource
from kubedoor.peak_windows import PeakWindows
from kubedoor.sentences import Sentence, joined, sentence, with_said
from kubedoor.store.control import ControlStore
from kubedoor.store.usage import CollectionEvent, UsageStore

log = logging.getLogger(__name__)

Progress = dict[str, Any]
"""One step of a collection, JSON-ready: a line of the NDJSON response."""
_NO_USAGE = sentence("collection.no_usage")


class Collector:
    def __init__(
        self,
        *,
        source: UsageSource,
        usage: UsageStore,
        control: ControlStore,
        windows: PeakWindows,
        options: CollectOptions,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        run_number: Callable[[], int],
        read_facts: Callable[[], ClusterFacts] = ClusterFacts,
        on_finish: Callable[[], None] = lambda: None,
    ) -> None:
        """`read_facts` never raises: what it cannot read is unknown. `on_finish` is called when values are refreshed."""
        self._source = source
        self._usage = usage
        self._control = control
        self._windows = windows
        self._options = options
        self._now = now
        self._monotonic = monotonic
        self._run_number = run_number
        self._on_finish = on_finish
        self._refresh = CollectedRefresh(
            usage=usage,
            control=control,
            windows=windows,
            options=options,
            now=now,
            run_number=run_number,
            read_facts=read_facts,
        )
        self._provenance = Provenance(windows.label, source.mark)

    def days_to_collect(self, request: CollectRequest) -> list[PeakDay]:
        """The days that `request` covers, newest first.

        Raises InvalidInput for a day that cannot be collected. Raises Conflict if the source is sample data and the
        store already holds real usage.
        """
        now, stored = self._now(), self._usage.days()
        self._refuse_sample_among_real(stored.values())
        sample_days = self._sample_days(stored)
        if request.day is not None:
            return [self._windows.collectable(request.day, now)]
        days = self._windows.days_back(now, request.days or self._options.look_back_days)
        if not request.refresh:
            real = {day: known for day, known in stored.items() if day not in sample_days}
            days = missing_days(days, real, self._provenance, min_coverage=self._options.sizing.min_coverage)
        # Last: which days are the newest is not a matter of where a collection goes on.
        return [day for day in days if request.before is None or day.day < request.before]

    def _refuse_sample_among_real(self, stored: Collection[StoredDay]) -> None:
        if self._source.is_sample and any(day.row_count and day.source not in ("", SAMPLE_MARK) for day in stored):
            raise Conflict(sentence("collection.sample_among_real"))

    def check(self, request: CollectRequest) -> None:
        """Fail before the response starts: as `days_to_collect`, and StoreError if the store is unavailable."""
        self.days_to_collect(request)

    def run(self, request: CollectRequest, *, collection: str, budget_seconds: float) -> Iterator[Progress]:
        """Collect as many days as fit into the budget, at least one. Every step is yielded and recorded.

        The last step has `complete`. If the budget ran out, it also has `next`, the body of the request that resumes
        the collection. An error is not raised, because the response is already being streamed: it becomes a last step
        `failed`.
        """
        try:
            yield from self._steps(request, collection, budget_seconds)
        except KubeDoorError as error:
            log.warning("collection %s failed: %s", collection, error)
            self._record_failure(collection, error)
            yield {"event": "failed", "complete": False, **error.as_json()}

    def _record_failure(self, collection: str, error: KubeDoorError) -> None:
        try:
            self._usage.record(CollectionEvent(collection, "failed", _failure(error)))
        except StoreError:
            log.warning("the failure of collection %s could not be recorded", collection)

    def _steps(self, request: CollectRequest, collection: str, budget_seconds: float) -> Iterator[Progress]:
        started = self._monotonic()
        sample_days = self._sample_days(self._usage.days())
        days = self.days_to_collect(request)
        if not days:
            self._drop_sample_days(sample_days)
        yield {
            "event": "started",
            "collection": collection,
            "days": [str(day.day) for day in days],
            "is_sample": self._source.is_sample,
        }
        if not any(event["event"] == "started" for event in self._usage.events(collection)):
            message = sentence("collection.days", days=len(days))
            self._usage.record(CollectionEvent(collection, "started", message, row_count=len(days)))
        slowest = 0.0
        for index, peak_day in enumerate(days):
            elapsed = self._monotonic() - started
            if index and elapsed + slowest > budget_seconds:
                yield self._stop_at_budget(request, days[index:], collection)
                return
            if self._is_cancelled(collection):
                message = sentence("collection.days_left", days=len(days) - index)
                self._usage.record(CollectionEvent(collection, "cancelled", message))
                yield {"event": "cancelled", "complete": False}
                return
            yield self._collect_day(peak_day, collection, sample_days)
            slowest = max(slowest, self._monotonic() - started - elapsed)
        yield self._finish(request, collection)
        # Last: it takes long where there is much to delete, and nobody has to wait for it.
        self._prune()

    def _sample_days(self, stored: Mapping[date, StoredDay]) -> set[date]:
        """The stored days of sample data, which real usage replaces. Empty if the source itself is sample data."""
        if self._source.is_sample:
            return set()
        unmarked = [day for day, known in stored.items() if not known.source and known.row_count]
        marked = {day for day, known in stored.items() if known.source == SAMPLE_MARK}
        return marked | (self._usage.days_of(PERMANENT_DEPLOYMENTS, days=unmarked) if unmarked else set())

    def _drop_sample_days(self, sample_days: set[date]) -> None:
        """Delete these days and the collected values computed from them; clears `sample_days`, so it happens once."""
        if not sample_days:
            return
        log.info("%d days of sample data are replaced by usage from Prometheus", len(sample_days))
        # Idempotent in this order: a crash between the two steps is repaired by the next run.
        self.refresh_collected(without=sample_days)
        self._usage.drop_days(sample_days)
        sample_days.clear()

    def _stop_at_budget(self, request: CollectRequest, left: list[PeakDay], collection: str) -> Progress:
        following = replace(request, day=None, before=date.fromordinal(left[0].day.toordinal() + 1))
        message = sentence("collection.days_left", days=len(left))
        self._usage.record(CollectionEvent(collection, "next", message, day=left[0].day))
        return {"event": "next", "complete": False, "next": following.as_json(), "days_left": len(left)}

    def _is_cancelled(self, collection: str) -> bool:
        return any(event["event"] == "cancel_asked" for event in self._usage.events(collection))

    def _collect_day(self, peak_day: PeakDay, collection: str, sample_days: set[date]) -> Progress:
        """Read one day and replace it in the store; the first day read also drops the sample days.

        An error of one day becomes a step `failed_day`, so that the other days are still collected. Raises only if
        Prometheus is unreachable or refuses the credentials.
        """
        started = self._monotonic()
        # Chosen before reading: of two concurrent collections, the one that started to read later wins.
        run = next_run_number(self._run_number, self._usage.newest_run(peak_day.day))
        try:
            usage = self._source.read_day(peak_day, step_seconds=self._options.step_seconds)
        except (PrometheusUnreachable, PrometheusRefused):
            raise
        except PrometheusError as error:
            return self._failed_day(peak_day.day, error, collection)
        seconds = self._monotonic() - started
        self._drop_sample_days(sample_days)
        known = self._usage.days().get(peak_day.day)
        if known and (reason := self._reason_to_keep(known, usage)):
            return self._keep_stored_day(known, usage, reason, collection)
        windows, source = self._provenance.windows, self._provenance.source
        try:
            self._usage.replace_day(peak_day.day, usage, run=run, windows=windows, seconds=seconds, source=source)
        except StoreError as error:
            # Refused rows are this day's failure. If the store is unavailable, recording that raises.
            return self._failed_day(peak_day.day, error, collection)
        event = CollectionEvent(
            collection, "day", joined(*usage.warnings), peak_day.day, len(usage.rows), usage.coverage, seconds
        )
        self._usage.record(event)
        return with_said(
            {
                "event": "day",
                "day": str(peak_day.day),
                "rows": len(usage.rows),
                "coverage": round(usage.coverage, 4),
                "seconds": round(seconds, 3),
                "queries": usage.queries,
                "is_partial": usage.is_partial,
                "warnings": list(usage.warnings),
            }
        )

    def _failed_day(self, day: date, error: KubeDoorError, collection: str) -> Progress:
        self._usage.record(CollectionEvent(collection, "failed_day", _failure(error), day=day))
        return {"event": "failed_day", "day": str(day), **error.as_json()}

    def _reason_to_keep(self, known: StoredDay, usage: DayUsage) -> Sentence:
        return reason_to_keep(known, usage, self._provenance, min_coverage=self._options.sizing.min_coverage)

    def _keep_stored_day(self, known: StoredDay, usage: DayUsage, reason: Sentence, collection: str) -> Progress:
        """Keep the stored day, because Prometheus now has less data of it."""
        self._usage.record(CollectionEvent(collection, "kept", reason, known.day, known.row_count, known.coverage))
        return with_said(
            {
                "event": "kept",
                "day": str(known.day),
                "queries": usage.queries,
                "is_partial": usage.is_partial,
                "warnings": [reason, *usage.warnings],
            }
        )

    def refresh_collected(self, *, without: Collection[date] = ()) -> int:
        """As CollectedRefresh.run."""
        return self._refresh.run(without=without)

    def _failed_days(self, request: CollectRequest, collection: str) -> list[date]:
        """The days of this collection that failed or are missing, over all of its requests; newest first."""
        outcomes: dict[date, str] = {}
        for event in self._usage.events(collection):
            if event["event"] in ("day", "kept", "failed_day"):
                outcomes[event["day"]] = event["event"]
        failed = {day for day, event in outcomes.items() if event == "failed_day"}
        if request.day is None:
            missing = self.days_to_collect(replace(request, before=None, refresh=False))
            failed |= {peak_day.day for peak_day in missing if outcomes.get(peak_day.day) not in ("day", "kept")}
        return sorted(failed, reverse=True)

    def _finish(self, request: CollectRequest, collection: str) -> Progress:
        workloads = self.refresh_collected()
        self._on_finish()
        failed = self._failed_days(request, collection)
        message = sentence("collection.workloads", workloads=workloads) if workloads else _NO_USAGE
        if failed:
            message = joined(message, sentence("collection.days_failed", days=len(failed)))
        self._usage.record(CollectionEvent(collection, "finished", message, row_count=workloads))
        return with_said(
            {
                "event": "finished",
                "complete": not failed,
                "workloads": workloads,
                "message": message,
                "failed_days": [str(day) for day in failed],
            }
        )

    def _prune(self) -> None:
        try:
            self._usage.prune()
            self._control.prune()
        except StoreError as error:
            # No reader sees these rows, and the next collection deletes them.
            log.warning("superseded rows could not be deleted: %s", error)


def _failure(error: KubeDoorError) -> Sentence:
    return sentence("collection.failed", code=error.code, error=error.message)
