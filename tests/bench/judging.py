"""Judges what was measured against the budgets, and writes it as a table. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Figures = Mapping[str, Sequence[float]]
"""Key of a line -> one figure for each run."""
Verdict = Literal["ok", "missed", "shown", "not measured"]
_PLACES = {"": 2, "s": 2, "ms": 2, "MB": 0, "KB": 1, "/s": 0, "rows": 0, "samples": 0, "parts": 0, "errors": 0}
"""Units, and how many decimal places a figure of each has."""


@dataclass(frozen=True)
class Line:
    """One line of the table. Without a budget it is only shown: what the next lines are compared with.

    `bench`: the module that measures it. An empty `unit` is a ratio. The median of the runs is judged, or every run.
    """

    key: str
    bench: str
    what: str
    unit: str
    reason: str
    at_most: float | None = None
    at_least: float | None = None
    of_every_run: bool = False

    @property
    def budget(self) -> str:
        """As words; empty if the line is only shown."""
        if self.at_most is not None:
            return f"≤ {number(self.at_most, self.unit)}"
        return "" if self.at_least is None else f"≥ {number(self.at_least, self.unit)}"


@dataclass(frozen=True)
class Judged:
    line: Line
    figures: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.figures)

    @property
    def verdict(self) -> Verdict:
        if not self.figures:
            return "not measured"
        if not self.line.budget:
            return "shown"
        judged = self.figures if self.line.of_every_run else (self.median,)
        return "ok" if all(_holds(self.line, figure) for figure in judged) else "missed"

    @property
    def spread(self) -> str:
        """Median and, in brackets, the least and the greatest; one figure if all are the same."""
        if not self.figures:
            return ""
        shown = [number(one, self.line.unit) for one in (self.median, min(self.figures), max(self.figures))]
        return shown[0] if len(set(shown)) == 1 else f"{shown[0]} ({shown[1]} – {shown[2]})"

    def as_json(self) -> dict[str, Any]:
        line = self.line
        return {
            "key": line.key,
            "bench": line.bench,
            "what": line.what,
            "unit": line.unit,
            "budget": line.budget,
            "reason": line.reason,
            "figures": list(self.figures),
            "spread": self.spread,
            "verdict": self.verdict,
        }


def _holds(line: Line, figure: float) -> bool:
    return (line.at_most is None or figure <= line.at_most) and (line.at_least is None or figure >= line.at_least)


def number(figure: float, unit: str) -> str:
    """With the places of its unit, at least two digits of a small one, and the unit."""
    places = _PLACES[unit]
    if unit in ("s", "ms") and abs(figure) >= 10:
        places = 0 if abs(figure) >= 100 else 1
    return f"{figure:,.{places}f}{'' if unit in ('', '/s') else ' '}{unit}"


def judge(lines: Iterable[Line], figures: Figures) -> list[Judged]:
    """Each line with its figures. Raises KeyError for figures of no line: they would not be seen."""
    known = list(lines)
    if unknown := set(figures) - {line.key for line in known}:
        raise KeyError(f"no line in budgets.py for {', '.join(sorted(unknown))}")
    return [Judged(line, tuple(figures.get(line.key, ()))) for line in known]


def is_good(judged: Iterable[Judged]) -> bool:
    """Whether each budget was measured and holds."""
    return all(one.verdict in ("ok", "shown") for one in judged)


def table(judged: Sequence[Judged]) -> str:
    """For a terminal, in columns; verdicts last."""
    rows = [(one.line.what, one.spread, one.line.budget, one.verdict) for one in judged]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    return "\n".join(
        f"{what:{widths[0]}}  {spread:>{widths[1]}}  {budget:>{widths[2]}}  {verdict}".rstrip()
        for what, spread, budget, verdict in rows
    )


def ratios(figures: Sequence[float], floor: Sequence[float]) -> list[float]:
    """Of each run, this figure over the floor's of the same run."""
    return [one / other for one, other in zip(figures, floor, strict=True)]


def quantile(figures: Sequence[float], share: float) -> float:
    """The figure that this share of them does not exceed: one of them, never an interpolation."""
    ordered = sorted(figures)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
