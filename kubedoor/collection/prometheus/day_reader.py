"""Runs the queries of one day: splits what is too large, repeats what broke, and adds the series to the reading."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from kubedoor.collection.prometheus import queries
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.day_queries import Query
from kubedoor.collection.prometheus.failures import AnswerLimited, GatewayTimeout, StoresAway
from kubedoor.collection.prometheus.granularity import Granularity, Part
from kubedoor.collection.prometheus.json_stream import QueryResult
from kubedoor.collection.prometheus.queries import Scope
from kubedoor.collection.readings import DayReading
from kubedoor.errors import PrometheusNotUnderstood, QueryTooLarge
from kubedoor.sentences import sentence

MAX_WARNINGS = 20
MAX_GATEWAY_TIMEOUTS = 4
"""How many in a row are taken for slow queries and split, before the server is taken for dead."""
Answer = TypeVar("Answer")


@dataclass
class DayReader:
    """Runs the queries of one day in several threads and adds their series to `reading` under `lock`."""

    client: PrometheusClient
    reading: DayReading
    query_slots: AbstractContextManager[Any]
    granularity: Granularity = field(default_factory=Granularity)
    query_count: int = 0
    warnings: list[str] = field(default_factory=list)
    is_partial: bool = False
    has_failed: bool = False
    """A query failed for good, so no further query of this day is sent."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    _namespaces: tuple[str, ...] | None = None
    _listing: threading.Lock = field(default_factory=threading.Lock)
    _gateway_timeouts: int = 0
    _accepts_limited: bool = False

    def run_all(self, queries: Sequence[Query], concurrency: int) -> None:
        """Raises the first error after the running queries have ended; queries that were not started are cancelled."""
        with ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="prometheus") as pool:
            futures = [pool.submit(self._run_or_abort, query) for query in queries]
            try:
                for future in as_completed(futures):
                    future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _run_or_abort(self, query: Query) -> None:
        try:
            for part in self.granularity.parts(query, lambda: self._known_namespaces(query.scope)):
                self._run(part)
        except BaseException:
            self.has_failed = True
            raise

    def _run(self, part: Part) -> None:
        """Split the part as often as needed. Does nothing once another query has failed."""
        if self.has_failed:
            return
        try:
            self._read(part.query)
            self._gateway_timeouts = 0
        except (QueryTooLarge, GatewayTimeout) as error:
            for smaller in self._split(part, error):
                self._run(smaller)

    def _split(self, part: Part, error: QueryTooLarge | GatewayTimeout) -> Sequence[Part]:
        """The halves of a part that was refused. Raises `error` if there are none."""
        if isinstance(error, GatewayTimeout):
            with self.lock:
                self._gateway_timeouts += 1
            if self._gateway_timeouts > MAX_GATEWAY_TIMEOUTS:
                raise error
        scope = part.query.scope
        if halves := self.granularity.split(part, scope.namespaces or self._known_namespaces(scope)):
            return halves
        if not isinstance(error, AnswerLimited):
            raise error
        # No query is small enough for this server, so its answers are taken as they are, all day.
        self._accepts_limited = True
        self._read(part.query)
        return []

    def _known_namespaces(self, scope: Scope) -> tuple[str, ...]:
        """Asked for once; empty if the server cannot list them."""
        with self._listing:
            if self._namespaces is None:
                self._namespaces = self._list_namespaces(scope)
            return self._namespaces

    def _list_namespaces(self, scope: Scope) -> tuple[str, ...]:
        match = queries.namespaces_of(scope)
        segments = self.reading.grid.segments
        first, last = segments[0].first, segments[-1].last
        try:
            values = self._ask(lambda client: client.label_values("namespace", match=match, start=first, end=last))
        except (PrometheusNotUnderstood, QueryTooLarge):
            values = []
        with self.lock:
            self.query_count += 1
            # The list itself does not say what is missing in it.
            self.is_partial |= self.client.allows_partial
        return tuple(sorted(value for value in values if value))

    def _read(self, query: Query) -> None:
        with self.lock:
            self.query_count += 1
        with self.query_slots:
            self._ask(lambda client: self._read_once(client, query))

    def _ask(self, read: Callable[[PrometheusClient], Answer]) -> Answer:
        """Repeats `read` if its connection breaks. If servers behind stay away, takes what the others have, all day."""
        client = self.client
        try:
            return client.repeat(lambda: read(client))
        except StoresAway:
            if client.allows_partial:
                raise
            partial = self.client = client.allowing_partial()
            return partial.repeat(lambda: read(partial))

    def _read_once(self, client: PrometheusClient, query: Query) -> None:
        """Add an answer that came whole. One that breaks off adds nothing that a repetition would add again.

        Curves and states are written while they come, because writing them twice changes nothing; facts add up, so they
        wait for the end of the answer.
        """
        part = replace(self.reading, facts={})
        with query.send(client) as result:
            for series in result.series():
                self._add(query, part, series)
        if result.is_limited and not self._accepts_limited:
            raise AnswerLimited(sentence("prometheus.left_out", address=client.address, warning=result.warnings[0]))
        with self.lock:
            for (fact, key), value in part.facts.items():
                self.reading.add_fact(fact, key, value)
            self._record_warnings(result)

    def _add(self, query: Query, part: DayReading, series: Mapping[str, Any]) -> None:
        try:
            with self.lock:
                query.add(part, series["metric"], series)
        except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
            raise PrometheusNotUnderstood(sentence("prometheus.malformed_series")) from error

    def _record_warnings(self, result: QueryResult) -> None:
        self.is_partial |= result.is_incomplete
        for warning in result.warnings:
            if warning not in self.warnings and len(self.warnings) < MAX_WARNINGS:
                self.warnings.append(warning)
