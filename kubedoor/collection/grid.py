"""The steps of a day, and curves on them: one number a step, NaN where there is no sample."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kubedoor.model.peak_day import TimeRange

Curve: TypeAlias = "array[float]"
"""One double per step, NaN where there is no sample."""


@dataclass(frozen=True)
class Segment:
    """Consecutive steps of a grid. `first` and `last` are unix seconds; `offset` is the grid index of `first`."""

    first: int
    last: int
    step_seconds: int
    offset: int = 0

    @property
    def steps(self) -> int:
        return (self.last - self.first) // self.step_seconds + 1

    def halves(self) -> tuple[Segment, ...]:
        """Two segments that together have the same steps; a segment of one step is returned unchanged."""
        if self.steps == 1:
            return (self,)
        half = self.steps // 2
        middle = self.first + half * self.step_seconds
        return (
            Segment(self.first, middle - self.step_seconds, self.step_seconds, self.offset),
            Segment(middle, self.last, self.step_seconds, self.offset + half),
        )

    def curve(self, points: Sequence[tuple[float, str | float]]) -> Curve:
        """Map [unix seconds, number] pairs, in order, to the steps. Values off the steps or not finite are missing."""
        if len(points) == self.steps and (points[0][0], points[-1][0]) == (self.first, self.last):
            curve = array("d", [float(value) for _, value in points])
            if math.isfinite(sum(curve)):
                return curve
        curve = empty_curve(self.steps)
        for instant, text in points:
            index, value = round((instant - self.first) / self.step_seconds), float(text)
            if math.isfinite(value) and 0 <= index < len(curve):
                curve[index] = value
        return curve

    def curve_of(self, numbers: Sequence[float]) -> Curve:
        """As `curve`, of a flat sequence: unix seconds, number, unix seconds, number."""
        if len(numbers) == 2 * self.steps and (numbers[0], numbers[-2]) == (self.first, self.last):
            curve = array("d", numbers[1::2])
            if math.isfinite(sum(curve)):
                return curve
        return self.curve(list(zip(numbers[::2], numbers[1::2], strict=True)))


def empty_curve(steps: int) -> Curve:
    return array("d", [math.nan]) * steps


@dataclass(frozen=True)
class Grid:
    """The steps of a day: the multiples of the step inside the day's ranges. VictoriaMetrics aligns to them anyway."""

    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, ranges: Sequence[TimeRange], step_seconds: int) -> Grid:
        segments: list[Segment] = []
        free_from = 0
        for piece in ranges:
            last = math.floor(piece.end.timestamp() / step_seconds) * step_seconds
            # A range shorter than a step gets the last step before its end.
            first = max(min(math.ceil(piece.start.timestamp() / step_seconds) * step_seconds, last), free_from)
            if first <= last:
                segments.append(Segment(first, last, step_seconds, sum(segment.steps for segment in segments)))
                free_from = last + step_seconds
        return cls(tuple(segments))

    @property
    def steps(self) -> int:
        return sum(segment.steps for segment in self.segments)
