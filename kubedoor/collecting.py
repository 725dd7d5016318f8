"""One collection: read the missing days, newest first, then turn the look-back into collected values.

Stateless and resumable. Days that are done stay done, whatever happens to the rest; nothing partial is ever visible.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from kubedoor.collectwishes import Wish
from kubedoor.errors import (
    KubeDoorError,
    PrometheusError,
    PrometheusRefused,
    PrometheusUnreachable,
    StoreError,
)
from kubedoor.model import PeakDay, UsageSource, WorkloadKey
from kubedoor.recommend import SizingOptions, collected_values
from kubedoor.store.control import FACTS, ControlStore
from kubedoor.store.usage import CollectionEvent, UsageStore
from kubedoor.windows import PeakWindows

log = logging.getLogger(__name__)

FORGET_AFTER = timedelta(days=30)
Progress = dict[str, Any]


@dataclass(frozen=True)
class CollectOptions:
    """How days are read and sized."""

    look_back_days: int
    step_seconds: int
    sizing_rule: str
    sizing: SizingOptions
    whole_cluster: bool
    cluster: str


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
    ) -> None:
        self._source = source
        self._usage = usage
        self._control = control
        self._windows = windows
        self._options = options
        self._now = now
        self._monotonic = monotonic
        self._run_number = run_number

    def days_wanted(self, wish: Wish) -> list[PeakDay]:
        """The days this wish means, newest first. Raises InvalidInput for a day that cannot be collected."""
        now = self._now()
        if wish.day is not None:
            return [self._windows.collectable(wish.day, now)]
        days = self._windows.days_back(now, wish.days or self._options.look_back_days)
        if wish.before is not None:
            days = [day for day in days if day.day < wish.before]
        if wish.refresh:
            return days
        stored = self._usage.days()
        return [
            day
            for day in days
            if (known := stored.get(day.day)) is None or known.is_partial or known.windows != self._windows.label
        ]

    def check(self, wish: Wish) -> None:
        """Raises what `run` could only stream: InvalidInput for the wish, StoreError when the store is away."""
        self.days_wanted(wish)

    def run(self, wish: Wish, *, collection: str, budget_seconds: float) -> Iterator[Progress]:
        """Do as much as fits into the budget, at least one day; every step is yielded and recorded.

        The last step says `complete` true or false, in which case `next` is the body to go on with. A fault ends the
        run with a step `failed` that carries the error; it is not raised, since an answer is being streamed by then.
        """
        try:
            yield from self._steps(wish, collection, budget_seconds)
        except KubeDoorError as error:
            log.warning("collection %s failed: %s", collection, error)
            self._record_failure(collection, error)
            yield {"event": "failed", "complete": False, **error.as_json()}

    def _record_failure(self, collection: str, error: KubeDoorError) -> None:
        try:
            self._usage.record(CollectionEvent(collection, "failed", f"{error.code}: {error.message}"))
        except StoreError:
            log.warning("the end of collection %s could not be recorded", collection)

    def _steps(self, wish: Wish, collection: str, budget_seconds: float) -> Iterator[Progress]:
        started = self._monotonic()
        days = self.days_wanted(wish)
        yield {
            "event": "started",
            "collection": collection,
            "days": [str(day.day) for day in days],
            "is_sample": self._source.is_sample,
        }
        if not any(event["event"] == "started" for event in self._usage.events(collection)):
            self._usage.record(CollectionEvent(collection, "started", f"{len(days)} days", row_count=len(days)))
        slowest = 0.0
        for index, peak_day in enumerate(days):
            elapsed = self._monotonic() - started
            if index and elapsed + slowest > budget_seconds:
                yield self._stopped(wish, days[index:], collection)
                return
            if self._is_cancelled(collection):
                self._usage.record(CollectionEvent(collection, "cancelled", f"{len(days) - index} days left"))
                yield {"event": "cancelled", "complete": False}
                return
            yield self._day(peak_day, collection)
            slowest = max(slowest, self._monotonic() - started - elapsed)
        yield self._finished(wish, collection)

    def _stopped(self, wish: Wish, left: list[PeakDay], collection: str) -> Progress:
        following = replace(wish, day=None, before=date.fromordinal(left[0].day.toordinal() + 1))
        self._usage.record(CollectionEvent(collection, "next", f"{len(left)} days left", day=left[0].day))
        return {"event": "next", "complete": False, "next": following.as_json(), "days_left": len(left)}

    def _is_cancelled(self, collection: str) -> bool:
        return any(event["event"] == "cancel_asked" for event in self._usage.events(collection))

    def _day(self, peak_day: PeakDay, collection: str) -> Progress:
        """Read one day and replace it. One day's trouble is its own, unless Prometheus is not to be had at all."""
        started = self._monotonic()
        # Taken before reading: of two collections at once, the one that read later counts. Never below what is there,
        # or a clock that runs behind would collect for nothing.
        run = max(self._run_number(), self._usage.newest_run(peak_day.day) + 1)
        try:
            usage = self._source.read_day(peak_day, step_seconds=self._options.step_seconds)
        except (PrometheusUnreachable, PrometheusRefused):
            raise
        except PrometheusError as error:
            self._usage.record(
                CollectionEvent(collection, "failed_day", f"{error.code}: {error.message}", day=peak_day.day)
            )
            return {"event": "failed_day", "day": str(peak_day.day), **error.as_json()}
        seconds = self._monotonic() - started
        self._usage.replace_day(peak_day.day, usage, run=run, windows=self._windows.label, seconds=seconds)
        event = CollectionEvent(
            collection, "day", "; ".join(usage.warnings), peak_day.day, len(usage.rows), usage.coverage, seconds
        )
        self._usage.record(event)
        return {
            "event": "day",
            "day": str(peak_day.day),
            "rows": len(usage.rows),
            "coverage": round(usage.coverage, 4),
            "seconds": round(seconds, 3),
            "queries": usage.queries,
            "is_partial": usage.is_partial,
            "warnings": list(usage.warnings),
        }

    def _failed_days(self, wish: Wish, collection: str) -> list[date]:
        """What this wish leaves undone, whichever request it was that failed at it."""
        course: dict[date, str] = {}
        for event in self._usage.events(collection):
            if event["event"] in ("day", "failed_day"):
                course[event["day"]] = event["event"]
        failed = {day for day, event in course.items() if event == "failed_day"}
        if wish.day is None:
            missing = self.days_wanted(replace(wish, before=None, refresh=False))
            failed |= {peak_day.day for peak_day in missing if course.get(peak_day.day) != "day"}
        return sorted(failed, reverse=True)

    def _finished(self, wish: Wish, collection: str) -> Progress:
        workloads = self.refresh_collected()
        self._prune()
        failed = self._failed_days(wish, collection)
        message = (
            f"{workloads} workloads" if workloads else "no usage in the look-back: collected values kept as they were"
        )
        if failed:
            message += f"; {len(failed)} days failed"
        self._usage.record(CollectionEvent(collection, "finished", message, row_count=workloads))
        return {
            "event": "finished",
            "complete": not failed,
            "workloads": workloads,
            "message": message,
            "failed_days": [str(day) for day in failed],
        }

    def _prune(self) -> None:
        try:
            self._usage.prune()
            self._control.prune()
        except StoreError as error:
            # What is not deleted now is deleted the next time; it is not seen by anybody.
            log.warning("rows that no longer count could not be deleted: %s", error)

    def refresh_collected(self) -> int:
        """Make collected values from the look-back; the number of workloads.

        0 when there is no usage at all: values that stand are better than none, so they are kept.
        """
        days = self._windows.days_back(self._now(), self._options.look_back_days)
        run = max(self._run_number(), self._control.revision().collected_run + 1)
        history = self._usage.history([day.day for day in days])
        values = collected_values(
            history,
            rule=self._options.sizing_rule,
            options=self._options.sizing,
            whole_cluster=self._options.whole_cluster,
        )
        if values:
            self._control.replace_collected(values, run=run, rule=self._options.sizing_rule)
            newest = max(row.day for row in history)
            seen_until = next(day.ranges[-1].end for day in days if day.day == newest)
            self._forget_gone_hpas({(value.namespace, value.deployment): value.hpa for value in values}, seen_until)
        self._forget_strangers()
        return len(values)

    def _forget_strangers(self) -> None:
        """Drop what was once learnt of Deployments that have long been neither seen nor in the control table.

        Else every Knative revision there ever was would stay in the door's memory.
        """
        before = self._now() - FORGET_AFTER
        old = [row for row in self._control.known_facts() if row["seen_at"] < before]
        known = self._control.workloads() if old else set()
        gone = [
            (WorkloadKey(self._options.cluster, row["namespace"], row["deployment"]), fact, False)
            for row in old
            if (row["namespace"], row["deployment"]) not in known
            for fact in FACTS
            if row[fact]
        ]
        self._control.learn(gone, seen_by="collect")

    def _forget_gone_hpas(self, has_hpa: Mapping[tuple[str, str], bool], seen_until: datetime) -> None:
        """An HPA that the newest window no longer has is gone, unless the door saw it after that window.

        Without any HPA in the metrics nobody can say whether there are none or whether they are not exported.
        """
        if not any(has_hpa.values()):
            return
        gone = [
            (WorkloadKey(self._options.cluster, row["namespace"], row["deployment"]), "hpa", False)
            for row in self._control.known_facts()
            if row["hpa"]
            and row["hpa_seen_at"] < seen_until
            and has_hpa.get((row["namespace"], row["deployment"])) is False
        ]
        self._control.learn(gone, seen_by="collect")
