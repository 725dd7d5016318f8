"""A collection of several clusters: one after the other, so that no store and no Prometheus has to serve two at once.

Stateless like a single collection: what a request had no time for is in its answer's `next`, clusters and all. A cluster
whose Prometheus fails is named, and the next one is begun all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kubedoor.collection.collector import Collector, Progress
from kubedoor.collection.request import Wish
from kubedoor.errors import InvalidInput, KubeDoorError, StoreError


@dataclass(frozen=True)
class Rounds:
    """`collectors` has every cluster, the home cluster first; each is built when its turn comes."""

    collectors: Mapping[str, Callable[[], Collector]]
    monotonic: Callable[[], float]

    def home(self) -> Collector:
        """The home cluster's, with the store behind it opened and its schema up to date. Raises StoreError."""
        return next(iter(self.collectors.values()))()

    def check(self, wish: Wish) -> None:
        """Raises what `run` could only stream: InvalidInput for the wish, StoreError when the store is away."""
        for field, names in (("cluster", _some(wish.cluster)), ("then", wish.then), ("failed", wish.failed)):
            if unknown := [name for name in names if name not in self.collectors]:
                raise InvalidInput(
                    f"there is no cluster {unknown[0]!r}: there are {', '.join(self.collectors)}", field=field
                )
        if wish.cluster is None and len(self.collectors) > 1:
            for field, given in (("before", wish.before), ("then", wish.then), ("failed", wish.failed)):
                if given:
                    raise InvalidInput(f"{field} is about one of several clusters: name it in cluster", field=field)
        self.collectors[self._turns(wish)[0]]().check(wish)

    def run(self, wish: Wish, *, collection: str, budget_seconds: float) -> Iterator[Progress]:
        """As Collector.run, each step with its cluster; the last step of several clusters is `round`, which sums them up.

        A store that is away ends it all: no cluster could be collected.
        """
        turns = self._turns(wish)
        is_round = len(turns) > 1 or bool(wish.failed)
        started = self.monotonic()
        failed = list(wish.failed)
        for place, name in enumerate(turns):
            left = budget_seconds - (self.monotonic() - started)
            its = self._wish_of(wish, turns[place:], failed)
            if place and left <= 0:
                yield {"event": "next", "complete": False, "cluster": name, "next": its.as_json()}
                return
            last: Progress = {}
            for last in self._one(name, its, collection, max(left, 0.0)):
                yield last
            if last["event"] in ("next", "cancelled") or last.get("error", {}).get("code") == StoreError.code:
                return
            if not last["complete"]:
                failed.append(name)
        if is_round:
            yield _ended(failed)

    def _wish_of(self, wish: Wish, turns: list[str], failed: list[str]) -> Wish:
        """What is asked of the first of `turns`: its `next` has to say what comes after it."""
        if len(self.collectors) == 1:
            return wish
        is_first = wish.cluster in (None, turns[0])
        before = wish.before if is_first else None
        return replace(wish, cluster=turns[0], then=tuple(turns[1:]), failed=tuple(failed), before=before)

    def _one(self, name: str, wish: Wish, collection: str, budget_seconds: float) -> Iterator[Progress]:
        """One cluster's steps; what keeps it from even beginning is its last step."""
        try:
            for step in self.collectors[name]().run(wish, collection=collection, budget_seconds=budget_seconds):
                yield {**step, "cluster": name}
        except KubeDoorError as error:
            yield {"event": "failed", "complete": False, "cluster": name, **error.as_json()}

    def _turns(self, wish: Wish) -> list[str]:
        return list(self.collectors) if wish.cluster is None else list(dict.fromkeys((wish.cluster, *wish.then)))


def _some(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)


def _ended(failed: list[str]) -> dict[str, Any]:
    names = list(dict.fromkeys(failed))
    message = f"not complete: {', '.join(names)}" if names else "every cluster is complete"
    return {"event": "round", "complete": not names, "failed_clusters": names, "message": message}
