"""Computes the collected values from the look-back, with their conditions, and replaces those in the store."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kubedoor.collection.expiry import expire_removed_hpas, expire_stale_owned
from kubedoor.model.cluster_facts import ClusterFacts
from kubedoor.model.peak_day import PeakDay
from kubedoor.peak_windows import PeakWindows
from kubedoor.sizing.conditions import with_since
from kubedoor.sizing.options import SizingOptions
from kubedoor.sizing.rules import values_of_stream
from kubedoor.store.control import ControlStore
from kubedoor.store.usage import UsageStore

OWNED_FACTS_EXPIRE_AFTER = timedelta(days=30)
RUN_NUMBER_JITTER = 2**20
"""Range of the random part of a run number, so that two collections with slow clocks do not choose the same number."""


@dataclass(frozen=True)
class CollectOptions:
    look_back_days: int
    step_seconds: int
    sizing_rule: str
    sizing: SizingOptions
    whole_cluster: bool
    cluster: str


def next_run_number(clock: Callable[[], int], newest: int) -> int:
    """A run number above `newest` even if the clock is slow; otherwise readers would ignore the new run."""
    number = clock()
    return number if number > newest else newest + 1 + secrets.randbelow(RUN_NUMBER_JITTER)


class CollectedRefresh:
    """`read_facts` never raises: what it cannot read is unknown."""

    def __init__(
        self,
        *,
        usage: UsageStore,
        control: ControlStore,
        windows: PeakWindows,
        options: CollectOptions,
        now: Callable[[], datetime],
        run_number: Callable[[], int],
        read_facts: Callable[[], ClusterFacts],
    ) -> None:
        self._usage = usage
        self._control = control
        self._windows = windows
        self._options = options
        self._now = now
        self._run_number = run_number
        self._read_facts = read_facts

    def run(self, *, without: Collection[date] = ()) -> int:
        """Compute collected values from the look-back, except the days `without`; returns the number of workloads.

        Days that were taken over from an original KubeDoor set no values: what they call P95 is less than that.

        Without any usage it returns 0 and keeps the stored values, because old values are better than none. If days
        are excluded, the stored values may come from them, so they are replaced even then.
        """
        days = self._windows.days_back(self._now(), self._options.look_back_days)
        run = next_run_number(self._run_number, self._control.revision().collected_run)
        stored = self._usage.days()
        taken_over = {day for day, known in stored.items() if known.is_taken_over}
        wanted = [day.day for day in days if day.day not in without and day.day not in taken_over]
        values = values_of_stream(
            lambda: self._usage.stream(wanted),
            rule=self._options.sizing_rule,
            options=self._options.sizing,
            whole_cluster=self._options.whole_cluster,
            facts=self._read_facts(),
        )
        if values or without:
            values = with_since(values, self._control.conditions(), self._now())
            self._control.replace_collected(values, run=run, rule=self._options.sizing_rule)
        self._expire_facts([day for day in days if day.day in wanted])
        return len(values)

    def _expire_facts(self, days: list[PeakDay]) -> None:
        cluster, stored = self._options.cluster, self._usage.days()
        newest = next((day for day in days if day.day in stored and stored[day.day].row_count), None)
        if newest:
            rows = self._usage.stream([newest.day])
            expire_removed_hpas(self._control, cluster, rows, seen_until=newest.ranges[-1].end, at=self._now())
        expire_stale_owned(self._control, cluster, before=self._now() - OWNED_FACTS_EXPIRE_AFTER, at=self._now())
