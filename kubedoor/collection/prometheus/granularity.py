"""How finely the queries of one Prometheus have to be split: learned from refusals, and kept for the next query and day.

Without it, every query of every day would begin whole and be refused again, down to the size that worked before.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from kubedoor.collection.prometheus.day_queries import Query


@dataclass(frozen=True)
class Part:
    """A query or a part of one; `halvings` is how often its time range was halved."""

    query: Query
    halvings: int = 0


@dataclass
class _Known:
    cuts: list[str] = field(default_factory=list)
    """Sorted: a part never has namespaces on both sides of a cut. A new namespace falls between two of them."""
    halvings: dict[str, int] = field(default_factory=dict)
    """By namespace: how often the time range had to be halved. "": where the namespaces are not known."""


class Granularity:
    """Shared by the threads and days of one source. Queries of one kind are as large as each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Hashable, _Known] = {}

    def parts(self, query: Query, namespaces: Callable[[], Sequence[str]]) -> list[Part]:
        """The parts to begin with: the query itself until one of its kind was refused."""
        with self._lock:
            known = self._known.get(query.kind)
        if known is None:
            return [Part(query)]
        names = sorted(query.scope.namespaces or namespaces())
        with self._lock:
            groups = [list(group) for _, group in groupby(names, lambda name: bisect_right(known.cuts, name))]
            halvings = [known.halvings.get(group[0], 0) if len(group) == 1 else 0 for group in groups]
            unnamed = known.halvings.get("", 0)
        if not groups:
            return _halved(Part(query), unnamed)
        if len(groups) == 1:
            return _halved(Part(query), halvings[0])
        return [
            part
            for group, times in zip(groups, halvings, strict=True)
            for part in _halved(Part(query.within(group)), times)
        ]

    def split(self, part: Part, namespaces: Sequence[str]) -> list[Part]:
        """Two smaller parts, by namespaces or by time; empty if there are none. It is remembered."""
        names = sorted(namespaces)
        if len(names) > 1:
            half = len(names) // 2
            self._learn_cut(part.query.kind, names[half])
            return [Part(part.query.within(names[:half])), Part(part.query.within(names[half:]))]
        halves = [Part(half, part.halvings + 1) for half in part.query.time_halves()]
        if halves:
            self._learn_halvings(part.query.kind, names[0] if names else "", part.halvings + 1)
        return halves

    def _learn_cut(self, kind: Hashable, name: str) -> None:
        with self._lock:
            known = self._known.setdefault(kind, _Known())
            known.cuts = sorted({*known.cuts, name})

    def _learn_halvings(self, kind: Hashable, name: str, times: int) -> None:
        with self._lock:
            known = self._known.setdefault(kind, _Known())
            known.halvings[name] = max(times, known.halvings.get(name, 0))


def _halved(part: Part, times: int) -> list[Part]:
    """Every part halved `times` times, where it can be."""
    parts = [part]
    for _ in range(times):
        parts = [half for one in parts for half in _halves(one)]
    return parts


def _halves(part: Part) -> list[Part]:
    return [Part(half, part.halvings + 1) for half in part.query.time_halves()] or [part]
