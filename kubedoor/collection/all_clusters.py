"""Collects several clusters one after the other, so that neither the store nor a shared Prometheus serves two at once.

Stateless: whatever does not fit into the time budget of one request is described by `next` in its last step, including
the clusters that are still to do. A cluster that fails is reported; the clusters after it are collected nevertheless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kubedoor.collection.collector import Collector, Progress
from kubedoor.collection.request import CollectRequest
from kubedoor.errors import InvalidInput, KubeDoorError, StoreError
from kubedoor.sentences import sentence, with_said


@dataclass(frozen=True)
class AllClusters:
    """`collectors` has one entry per cluster, the home cluster first; a collector is built when it is first needed."""

    collectors: Mapping[str, Callable[[], Collector]]
    monotonic: Callable[[], float]

    def home(self) -> Collector:
        """The home cluster's collector; opens its store and migrates the schema. Raises StoreError."""
        return next(iter(self.collectors.values()))()

    def check(self, request: CollectRequest) -> None:
        """Fail before the response starts: InvalidInput for the request, StoreError if the store is unavailable."""
        named = (("cluster", _as_tuple(request.cluster)), ("then", request.then), ("failed", request.failed))
        for field, names in named:
            if unknown := [name for name in names if name not in self.collectors]:
                known = ", ".join(self.collectors)
                raise InvalidInput(
                    sentence("collection.unknown_cluster", cluster=repr(unknown[0]), clusters=known), field=field
                )
        if request.cluster is None and len(self.collectors) > 1:
            for field, given in (("before", request.before), ("then", request.then), ("failed", request.failed)):
                if given:
                    raise InvalidInput(sentence("collection.of_one_cluster", field=field), field=field)
        self.collectors[self._clusters_of(request)[0]]().check(request)

    def run(self, request: CollectRequest, *, collection: str, budget_seconds: float) -> Iterator[Progress]:
        """As Collector.run, with `cluster` in each step. Over several clusters, a final `round` step sums them up.

        An unavailable store ends the run, because no further cluster could be collected.
        """
        clusters = self._clusters_of(request)
        has_summary = len(clusters) > 1 or bool(request.failed)
        started = self.monotonic()
        failed = list(request.failed)
        for index, cluster in enumerate(clusters):
            left = budget_seconds - (self.monotonic() - started)
            cluster_request = self._request_for(request, clusters[index:], failed)
            if index and left <= 0:
                yield {"event": "next", "complete": False, "cluster": cluster, "next": cluster_request.as_json()}
                return
            last: Progress = {}
            for last in self._run_one(cluster, cluster_request, collection, max(left, 0.0)):
                yield last
            if last["event"] in ("next", "cancelled") or last.get("error", {}).get("code") == StoreError.code:
                return
            if not last["complete"]:
                failed.append(cluster)
        if has_summary:
            yield _summary(failed)

    def _request_for(self, request: CollectRequest, clusters: list[str], failed: list[str]) -> CollectRequest:
        """The request for `clusters[0]`; it carries the rest, so that its `next` step resumes the whole run."""
        if len(self.collectors) == 1:
            return request
        is_first = request.cluster in (None, clusters[0])
        before = request.before if is_first else None
        return replace(request, cluster=clusters[0], then=tuple(clusters[1:]), failed=tuple(failed), before=before)

    def _run_one(
        self, cluster: str, request: CollectRequest, collection: str, budget_seconds: float
    ) -> Iterator[Progress]:
        """The steps of one cluster. An error that prevents its start becomes a `failed` step."""
        try:
            for step in self.collectors[cluster]().run(request, collection=collection, budget_seconds=budget_seconds):
                yield {**step, "cluster": cluster}
        except KubeDoorError as error:
            yield {"event": "failed", "complete": False, "cluster": cluster, **error.as_json()}

    def _clusters_of(self, request: CollectRequest) -> list[str]:
        if request.cluster is None:
            return list(self.collectors)
        return list(dict.fromkeys((request.cluster, *request.then)))


def _as_tuple(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)


def _summary(failed: list[str]) -> dict[str, Any]:
    names = list(dict.fromkeys(failed))
    message = sentence("collection.every_cluster")
    if names:
        message = sentence("collection.incomplete_clusters", clusters=", ".join(names))
    return with_said({"event": "round", "complete": not names, "failed_clusters": names, "message": message})
