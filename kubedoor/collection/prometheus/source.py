"""Prometheus as a source of usage: which questions a day takes, and what happens to those that are too large.

A day of W windows takes 3 W + 1 questions, at most two at once, whatever the number of workloads. A question that
Prometheus calls too large is asked again in halves, of the namespaces first and then of the time, down to one step of
one namespace; halves write into the same reading, so the answer does not depend on how it was split.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol, Self

from kubedoor.collection.prometheus import queries as promql
from kubedoor.collection.prometheus.checks import prometheus_checks
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.json_stream import Answer, instant_value
from kubedoor.collection.prometheus.queries import Scope
from kubedoor.collection.readings import ContainerKey, DayReading, Fact, Grid, Metric, Stretch
from kubedoor.collection.usage_days import day_usage
from kubedoor.errors import InvalidInput, PrometheusNotUnderstood, QueryTooLarge
from kubedoor.model.checks import Check
from kubedoor.model.usage import DayUsage, PeakDay, TimeRange

MOST_WARNINGS = 20
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ABOUT_THE_QUESTION = ("PromQL warning", "PromQL info")
"""How Prometheus begins what it says of a query's form; anything else is about data it could not get."""


class PrometheusSource:
    """A UsageSource. `cluster` is the value of `cluster_label`; without a label everything there is one cluster."""

    is_sample = False

    def __init__(
        self,
        client: PrometheusClient,
        *,
        cluster_label: str = "",
        cluster: str = "default",
        namespaces: Sequence[str] = (),
        excluded_namespaces: Sequence[str] = (),
        rate_seconds: int = 300,
        concurrency: int = 2,
        places: AbstractContextManager[Any] | None = None,
    ) -> None:
        """`places`: entered for every question, where several sources share a server. Raises InvalidInput for a label
        that can be none."""
        if cluster_label and not _LABEL.fullmatch(cluster_label):
            raise InvalidInput(f"{cluster_label!r} is not a Prometheus label: write it like env", field="cluster_label")
        self._client = client
        self._scope = Scope(cluster_label, cluster, tuple(namespaces), tuple(excluded_namespaces))
        self._rate_seconds = rate_seconds
        self._concurrency = concurrency
        self._places = places or nullcontext()

    @property
    def mark(self) -> str:
        """A digest of which series are asked for, and where; the address has no credentials in it."""
        asked = "\n".join([self._client.address, *self._scope.matchers()])
        return f"prometheus-{hashlib.sha256(asked.encode()).hexdigest()[:12]}"

    def read_day(self, peak_day: PeakDay, *, step_seconds: int) -> DayUsage:
        """Raises a PrometheusError when any question stays unanswered: half a day is never given out for a whole."""
        day = _Day(self._client, peak_day, DayReading(Grid.of(peak_day.ranges, step_seconds)), self._places)
        day.ask_all(self._questions(peak_day, day.reading.grid), self._concurrency)
        usage = day_usage(day.reading, peak_day)
        warnings = (*usage.warnings, *[f"Prometheus: {warning}" for warning in day.warnings])
        # What is not in half an answer may be in the other half.
        rows = tuple(replace(row, hpa=row.hpa or None) for row in usage.rows) if day.is_partial else usage.rows
        return replace(usage, rows=rows, warnings=warnings, is_partial=day.is_partial, queries=day.queries)

    def checks(self) -> Iterable[Check]:
        return prometheus_checks(self._client, self._scope)

    def _questions(self, peak_day: PeakDay, grid: Grid) -> list[Question]:
        questions: list[Question] = []
        for stretch in grid.stretches:
            questions.append(CurveQuestion(self._scope, Metric.CPU, stretch, self._rate_seconds))
            questions.append(CurveQuestion(self._scope, Metric.MEMORY, stretch, self._rate_seconds))
        if grid.stretches:
            questions.append(StateQuestion(self._scope, peak_day.ranges, grid.stretches[0].step_seconds))
            questions += [
                FactsQuestion(self._scope, piece, grid.stretches[0].step_seconds) for piece in peak_day.ranges
            ]
        return questions


class Question(Protocol):
    """One question, how to make it smaller, and where its answer goes."""

    @property
    def scope(self) -> Scope: ...

    def within(self, namespaces: Sequence[str]) -> Self: ...

    def time_halves(self) -> Sequence[Question]:
        """Empty when the time cannot be made shorter."""
        ...

    def ask(self, client: PrometheusClient) -> AbstractContextManager[Answer]: ...

    def add(self, reading: DayReading, labels: Mapping[str, str], series: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class CurveQuestion:
    """CPU or memory of every container at every step of a stretch."""

    scope: Scope
    metric: Metric
    stretch: Stretch
    rate_seconds: int

    def within(self, namespaces: Sequence[str]) -> CurveQuestion:
        return replace(self, scope=self.scope.within(namespaces))

    def time_halves(self) -> Sequence[CurveQuestion]:
        halves = self.stretch.halves()
        return [replace(self, stretch=half) for half in halves] if len(halves) > 1 else []

    def ask(self, client: PrometheusClient) -> AbstractContextManager[Answer]:
        if self.metric is Metric.CPU:
            text = promql.cpu_curve(self.scope, rate_seconds=self.rate_seconds)
        else:
            text = promql.memory_curve(self.scope)
        stretch = self.stretch
        return client.query_range(text, start=stretch.first, end=stretch.last, step_seconds=stretch.step_seconds)

    def add(self, reading: DayReading, labels: Mapping[str, str], series: Mapping[str, Any]) -> None:
        curve = self.stretch.curve(series["values"])
        reading.add_curve(self.metric, _key(labels), curve, self.stretch.offset)


@dataclass(frozen=True)
class FactsQuestion:
    """Maxima and increases of every container in one range."""

    scope: Scope
    piece: TimeRange
    step_seconds: int

    def within(self, namespaces: Sequence[str]) -> FactsQuestion:
        return replace(self, scope=self.scope.within(namespaces))

    def time_halves(self) -> Sequence[FactsQuestion]:
        return [replace(self, piece=half) for half in _time_halves(self.piece, self.step_seconds)]

    def ask(self, client: PrometheusClient) -> AbstractContextManager[Answer]:
        text = promql.facts(self.scope, seconds=round(self.piece.seconds))
        return client.query(text, time=self.piece.end.timestamp())

    def add(self, reading: DayReading, labels: Mapping[str, str], series: Mapping[str, Any]) -> None:
        reading.add_fact(Fact(labels[promql.FACT_LABEL]), _key(labels), instant_value(series))


@dataclass(frozen=True)
class StateQuestion:
    """Containers, what they ask for, and owners, in all ranges of the day."""

    scope: Scope
    ranges: tuple[TimeRange, ...]
    step_seconds: int

    def within(self, namespaces: Sequence[str]) -> StateQuestion:
        return replace(self, scope=self.scope.within(namespaces))

    def time_halves(self) -> Sequence[StateQuestion]:
        if len(self.ranges) > 1:
            return [replace(self, ranges=(piece,)) for piece in self.ranges]
        return [replace(self, ranges=(half,)) for half in _time_halves(self.ranges[0], self.step_seconds)]

    def ask(self, client: PrometheusClient) -> AbstractContextManager[Answer]:
        return client.query(promql.state(self.scope, self.ranges), time=self.ranges[-1].end.timestamp())

    def add(self, reading: DayReading, labels: Mapping[str, str], series: Mapping[str, Any]) -> None:
        reading.state.add(labels.get(promql.METRIC_LABEL, ""), labels, instant_value(series))


def _key(labels: Mapping[str, str]) -> ContainerKey:
    return (labels.get("namespace", ""), labels.get("pod", ""), labels.get("container", ""))


def _time_halves(piece: TimeRange, step_seconds: int) -> Sequence[TimeRange]:
    if piece.seconds < 2 * step_seconds:
        return []
    # Whole seconds, as durations are in the questions.
    middle = piece.start + timedelta(seconds=piece.seconds // 2)
    return [TimeRange(piece.start, middle), TimeRange(middle, piece.end)]


@dataclass
class _Day:
    """One day being read; its questions may be under way in several threads, which add series one at a time."""

    client: PrometheusClient
    peak_day: PeakDay
    reading: DayReading
    places: AbstractContextManager[Any]
    queries: int = 0
    warnings: list[str] = field(default_factory=list)
    is_partial: bool = False
    is_over: bool = False
    """A question has failed, so that nothing will come of this day."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    _namespaces: tuple[str, ...] | None = None

    def ask_all(self, questions: Sequence[Question], concurrency: int) -> None:
        """The first failure is raised, once those under way have ended; the rest is not begun."""
        with ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="prometheus") as pool:
            waiting = [pool.submit(self._ask_or_end, question) for question in questions]
            try:
                for done in as_completed(waiting):
                    done.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _ask_or_end(self, question: Question) -> None:
        try:
            self.ask(question)
        except BaseException:
            self.is_over = True
            raise

    def ask(self, question: Question) -> None:
        """In pieces if need be. Does nothing once another question has failed."""
        if self.is_over:
            return
        try:
            self._read(question)
        except QueryTooLarge:
            smaller = self._smaller(question)
            if not smaller:
                raise
            for part in smaller:
                self.ask(part)

    def _smaller(self, question: Question) -> Sequence[Question]:
        namespaces = question.scope.namespaces or self._known_namespaces(question.scope)
        if len(namespaces) < 2:
            return question.time_halves()
        half = len(namespaces) // 2
        return [question.within(namespaces[:half]), question.within(namespaces[half:])]

    def _known_namespaces(self, scope: Scope) -> tuple[str, ...]:
        """Asked for once a day at most. Two threads may both ask; the answer is the same."""
        if self._namespaces is None:
            match = promql.namespaces_of(scope)
            grid = self.reading.grid
            first, last = grid.stretches[0].first, grid.stretches[-1].last
            values = self.client.label_values("namespace", match=match, start=first, end=last)
            with self.lock:
                self.queries += 1
            self._namespaces = tuple(sorted(value for value in values if value))
        return self._namespaces

    def _read(self, question: Question) -> None:
        with self.lock:
            self.queries += 1
        with self.places, question.ask(self.client) as answer:
            for series in answer.series():
                self._add(question, series)
            with self.lock:
                self._note(answer)

    def _add(self, question: Question, series: Mapping[str, Any]) -> None:
        try:
            with self.lock:
                question.add(self.reading, series["metric"], series)
        except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
            raise PrometheusNotUnderstood("Prometheus' answer holds a series that is none") from error

    def _note(self, answer: Answer) -> None:
        self.is_partial |= answer.is_partial
        for warning in answer.warnings:
            self.is_partial |= not warning.startswith(_ABOUT_THE_QUESTION)
            if warning not in self.warnings and len(self.warnings) < MOST_WARNINGS:
                self.warnings.append(warning)
