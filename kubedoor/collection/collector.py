"""One collection: read the missing days, newest first, then turn the look-back into collected values.

Stateless and resumable. Days that are done stay done, whatever happens to the rest; nothing partial is ever visible.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from kubedoor.collection.expiry import forget_gone_hpas, forget_owned_strangers
from kubedoor.collection.request import Wish
from kubedoor.collection.sample.cluster import ALWAYS_THERE
from kubedoor.collection.stored_days import Made, missing, why_kept
from kubedoor.errors import (
    Conflict,
    KubeDoorError,
    PrometheusError,
    PrometheusRefused,
    PrometheusUnreachable,
    StoreError,
)
from kubedoor.model.usage import SAMPLE_MARK, DayUsage, PeakDay, StoredDay, UsageDay, UsageSource
from kubedoor.peak_windows import PeakWindows
from kubedoor.sizing.rules import SizingOptions, collected_values
from kubedoor.store.control import ControlStore
from kubedoor.store.usage import CollectionEvent, UsageStore

log = logging.getLogger(__name__)

FORGET_AFTER = timedelta(days=30)
RUN_SPREAD = 2**20
"""Among how many numbers two collections choose whose clocks are both behind the newest run."""
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
        self._made = Made(windows.label, source.mark)

    def days_wanted(self, wish: Wish) -> list[PeakDay]:
        """The days this wish means, newest first.

        Raises InvalidInput for a day that cannot be collected, and Conflict for sample data where there is real usage.
        """
        now, stored = self._now(), self._usage.days()
        self._check_source(stored.values())
        sample = self._sample_days(stored)
        if wish.day is not None:
            return [self._windows.collectable(wish.day, now)]
        days = self._windows.days_back(now, wish.days or self._options.look_back_days)
        if wish.before is not None:
            days = [day for day in days if day.day < wish.before]
        real = {day: known for day, known in stored.items() if day not in sample}
        return days if wish.refresh else missing(days, real, self._made)

    def _check_source(self, stored: Collection[StoredDay]) -> None:
        if self._source.is_sample and any(day.row_count and day.source not in ("", SAMPLE_MARK) for day in stored):
            raise Conflict(
                "the store holds usage of a Prometheus, among which sample data has no place: set"
                " KUBEDOOR_PROMETHEUS_URL, or another KUBEDOOR_DATA_DIR to try something out"
            )

    def check(self, wish: Wish) -> None:
        """Raises what `run` could only stream: as `days_wanted`, and StoreError when the store is away."""
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
        sample = self._sample_days(self._usage.days())
        days = self.days_wanted(wish)
        if not days:
            self._make_way(sample)
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
            yield self._day(peak_day, collection, sample)
            slowest = max(slowest, self._monotonic() - started - elapsed)
        yield self._finished(wish, collection)

    def _sample_days(self, stored: Mapping[date, StoredDay]) -> set[date]:
        """Days of sample data that must not stand among what a Prometheus says."""
        if self._source.is_sample:
            return set()
        unmarked = [day for day, known in stored.items() if not known.source and known.row_count]
        sample = {day for day, known in stored.items() if known.source == SAMPLE_MARK}
        return sample | (self._usage.days_of(ALWAYS_THERE, days=unmarked) if unmarked else set())

    def _make_way(self, sample: set[date]) -> None:
        """Drop these days, and what was made of them in the control table; once, and not before Prometheus answers."""
        if not sample:
            return
        log.info("%d days of sample data make way for usage of a Prometheus", len(sample))
        # In this order: who dies in between does all of it again the next time.
        self.refresh_collected(without=sample)
        self._usage.drop_days(sample)
        sample.clear()

    def _stopped(self, wish: Wish, left: list[PeakDay], collection: str) -> Progress:
        following = replace(wish, day=None, before=date.fromordinal(left[0].day.toordinal() + 1))
        self._usage.record(CollectionEvent(collection, "next", f"{len(left)} days left", day=left[0].day))
        return {"event": "next", "complete": False, "next": following.as_json(), "days_left": len(left)}

    def _is_cancelled(self, collection: str) -> bool:
        return any(event["event"] == "cancel_asked" for event in self._usage.events(collection))

    def _day(self, peak_day: PeakDay, collection: str, sample: set[date]) -> Progress:
        """Read one day and replace it; the first that is read makes the sample's days go.

        One day's trouble is its own, unless Prometheus is not to be had at all.
        """
        started = self._monotonic()
        # Taken before reading: of two collections at once, the one that read later counts.
        run = self._run_above(self._usage.newest_run(peak_day.day))
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
        self._make_way(sample)
        known = self._usage.days().get(peak_day.day)
        if known and (why := why_kept(known, usage, self._made)):
            return self._kept(known, usage, why, collection)
        made = self._made
        self._usage.replace_day(peak_day.day, usage, run=run, windows=made.windows, seconds=seconds, source=made.source)
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

    def _kept(self, known: StoredDay, usage: DayUsage, why: str, collection: str) -> Progress:
        """What Prometheus no longer has, or has only in part, is not lost here as well."""
        self._usage.record(CollectionEvent(collection, "kept", why, known.day, known.row_count, known.coverage))
        return {
            "event": "kept",
            "day": str(known.day),
            "queries": usage.queries,
            "is_partial": usage.is_partial,
            "warnings": [why, *usage.warnings],
        }

    def _run_above(self, newest: int) -> int:
        """A number for a run. Never below what is there, or a clock that runs behind would collect for nothing."""
        number = self._run_number()
        return number if number > newest else newest + 1 + secrets.randbelow(RUN_SPREAD)

    def _failed_days(self, wish: Wish, collection: str) -> list[date]:
        """What this wish leaves undone, whichever request it was that failed at it."""
        course: dict[date, str] = {}
        for event in self._usage.events(collection):
            if event["event"] in ("day", "kept", "failed_day"):
                course[event["day"]] = event["event"]
        failed = {day for day, event in course.items() if event == "failed_day"}
        if wish.day is None:
            missing = self.days_wanted(replace(wish, before=None, refresh=False))
            failed |= {peak_day.day for peak_day in missing if course.get(peak_day.day) not in ("day", "kept")}
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

    def refresh_collected(self, *, without: Collection[date] = ()) -> int:
        """Make collected values from the look-back, `without` some days; the number of workloads.

        0 when there is no usage at all: values that stand are better than none, so they are kept, unless they may be
        of the days that do not count.
        """
        days = self._windows.days_back(self._now(), self._options.look_back_days)
        run = self._run_above(self._control.revision().collected_run)
        history = self._usage.history([day.day for day in days if day.day not in without])
        values = collected_values(
            history,
            rule=self._options.sizing_rule,
            options=self._options.sizing,
            whole_cluster=self._options.whole_cluster,
        )
        if values or without:
            self._control.replace_collected(values, run=run, rule=self._options.sizing_rule)
        self._forget(history, days)
        return len(values)

    def _forget(self, history: list[UsageDay], days: list[PeakDay]) -> None:
        cluster = self._options.cluster
        if history:
            newest = max(row.day for row in history)
            seen_until = next(day.ranges[-1].end for day in days if day.day == newest)
            rows = (row for row in history if row.day == newest)
            forget_gone_hpas(self._control, cluster, rows, seen_until=seen_until)
        forget_owned_strangers(self._control, cluster, before=self._now() - FORGET_AFTER)
