"""Samples that cannot be true: dropped before anything is computed, counted, and named. Pure.

Two kinds. A value above what the container can have: its CPU limit or quota with slack, else the largest node, else a
setting. And, where a counter went back without a restart, the rates around it: Prometheus takes any decrease for a restart
from zero, so that one sample that is 10 ms too small reads as the whole counter used within one rate range
(https://prometheus.io/docs/prometheus/latest/querying/functions/#rate; google/cadvisor#3611).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from kubedoor.collection.curve_statistics import extremes
from kubedoor.collection.grid import Curve, Grid
from kubedoor.collection.readings import ContainerKey, DayReading, Fact
from kubedoor.sentences import Sentence, sentence

CPU_LIMIT_SLACK = 2.0
"""A container may run above its limit for a moment (cpu.cfs_burst_us), and `rate` extrapolates."""
MEMORY_LIMIT_SLACK = 1.25
RESET_SHARE = 0.9
"""A rate of at least this share of the counter in one rate range can only come from the counter itself."""
MAX_NAMED = 3
_ITS_LIMIT = sentence("collection.its_limit")
_CORES, _BYTES = sentence("collection.cores"), sentence("collection.bytes")


@dataclass(frozen=True)
class Bounds:
    """What a container can have where neither a limit nor a node is known. CPU in cores, memory in bytes."""

    cpu_cores: float = 4096.0
    memory_bytes: float = float(2**46)


@dataclass
class Dropped:
    """How many samples of each container were dropped, and above which bound."""

    samples: dict[ContainerKey, int] = field(default_factory=dict)
    above: dict[ContainerKey, Sentence] = field(default_factory=dict)

    def add(self, key: ContainerKey, samples: int, why: Sentence) -> None:
        self.samples[key] = self.samples.get(key, 0) + samples
        self.above.setdefault(key, why)

    def warnings(self) -> list[Sentence]:
        """One line, naming the containers with most of them."""
        if not self.samples:
            return []
        ranked = sorted(self.samples, key=lambda key: (-self.samples[key], key))
        named = self._named(ranked[:MAX_NAMED])
        if len(ranked) > MAX_NAMED:
            named = sentence("collection.further_containers", first=named, more=len(ranked) - MAX_NAMED)
        return [sentence("collection.implausible", samples=sum(self.samples.values()), containers=named)]

    def _named(self, keys: Sequence[ContainerKey]) -> Sentence:
        each = [
            sentence("collection.dropped_of", container="/".join(key), samples=self.samples[key], why=self.above[key])
            for key in keys
        ]
        return reduce(lambda first, then: sentence("collection.dropped_and", first=first, then=then), each)


def drop_implausible(reading: DayReading, bounds: Bounds, *, rate_seconds: int) -> Dropped:
    """Make implausible samples missing ones, in place; and say which. A curve that has no others is taken out."""
    dropped = Dropped()
    cpu_bound, memory_bound = _bounds(reading, bounds)
    for key, curve, low, high in _with_extremes(reading.cpu):
        limit = reading.state.limits.get((key, "cpu")) or reading.state.cpu_quotas.get(key)
        bound, why = _lower(cpu_bound, limit, CPU_LIMIT_SLACK, low)
        if (high > bound or low < 0) and (samples := _drop(curve, bound)):
            dropped.add(key, samples, _above(why, bound, _CORES))
        floor = reading.fact(Fact.COUNTER_FLOOR, key)
        if floor and (samples := _drop_counter(curve, floor, rate_seconds, reading.grid)):
            dropped.add(key, samples, sentence("collection.counter_went_back"))
    for key, curve, low, high in _with_extremes(reading.memory):
        bound, why = _lower(memory_bound, reading.state.limits.get((key, "memory")), MEMORY_LIMIT_SLACK, low)
        if (high > bound or low < 0) and (samples := _drop(curve, bound)):
            dropped.add(key, samples, _above(why, bound, _BYTES))
        if reading.fact(Fact.MEMORY_MAX, key) > bound:
            del reading.facts[Fact.MEMORY_MAX, key]
            dropped.add(key, 1, _above(why, bound, _BYTES))
    for curves in (reading.cpu, reading.memory):
        for key in dropped.samples:
            if key in curves and all(map(math.isnan, curves[key])):
                del curves[key]
    return dropped


def _bounds(reading: DayReading, bounds: Bounds) -> tuple[tuple[float, Sentence], tuple[float, Sentence]]:
    node, possible = sentence("collection.largest_node"), sentence("collection.possible")
    cores, memory = reading.state.largest_node_cores, reading.state.largest_node_bytes
    return (
        (cores, node) if cores else (bounds.cpu_cores, possible),
        (memory, node) if memory else (bounds.memory_bytes, possible),
    )


def _above(what: Sentence, bound: float, unit: Sentence) -> Sentence:
    return sentence("collection.above", bound=what, number=f"{bound:g}", unit=unit)


def _with_extremes(curves: Mapping[ContainerKey, Curve]) -> Iterator[tuple[ContainerKey, Curve, float, float]]:
    """With the smallest and the largest sample of each."""
    for (key, curve), (low, high) in zip(curves.items(), extremes(list(curves.values())), strict=True):
        yield key, curve, low, high


def _lower(bound: tuple[float, Sentence], limit: float | None, slack: float, low: float) -> tuple[float, Sentence]:
    """The limit's bound, if it is the lower one; not of a limit that every sample exceeds, for nothing enforces that.

    `low` is the smallest sample.
    """
    if limit and limit * slack < bound[0] and low <= limit * slack:
        return limit * slack, _ITS_LIMIT
    return bound


def _drop(curve: Curve, bound: float) -> int:
    """How many values were above the bound, or below zero; they are NaN now."""
    dropped = 0
    for index, value in enumerate(curve):
        if value > bound or value < 0:
            curve[index] = math.nan
            dropped += 1
    return dropped


def _drop_counter(curve: Curve, floor: float, rate_seconds: int, grid: Grid) -> int:
    """Of a container whose counter went back: rates that contain the whole counter.

    The counter is at least `floor`, and grows by what is used: in a young container the rates of its first minutes contain
    nearly all of it, and are dropped too.
    """
    usual = _median(curve)
    dropped = 0
    for segment in grid.segments:
        counter, has_begun = floor, False
        for index in range(segment.offset, segment.offset + segment.steps):
            value = curve[index]
            has_begun = has_begun or not math.isnan(value)
            if value >= RESET_SHARE * counter / rate_seconds:
                curve[index] = value = math.nan
                dropped += 1
            # What a missing sample hides is as usual; before the first one, nothing is above `floor`.
            counter += has_begun * (usual if math.isnan(value) else value) * segment.step_seconds
    return dropped


def _median(curve: Curve) -> float:
    ordered = sorted(value for value in curve if not math.isnan(value))
    return ordered[len(ordered) // 2] if ordered else 0.0
