"""How each bench is run: `python -m tests.bench.NAME [--runs N] [--tiny] [--into FILE]`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench import budgets
from tests.bench.judging import Figures, judge, table

RUNS = 5


@dataclass(frozen=True)
class Effort:
    """`is_tiny`: small sizes, to try a bench itself. Its figures say nothing about KubeDoor."""

    runs: int = RUNS
    is_tiny: bool = False

    def size(self, full: int, tiny: int) -> int:
        return tiny if self.is_tiny else full


def run(bench: str, measure: Callable[[Effort], Figures]) -> None:
    """Measure, print the bench's lines, and write the figures as JSON into the file that was asked for."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.bench.{bench}")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--tiny", action="store_true", help="small sizes, to try the bench itself")
    parser.add_argument("--into", type=Path, help="a file for the figures, as JSON")
    words = parser.parse_args()
    figures = measure(Effort(words.runs, words.tiny))
    if words.into:
        words.into.write_text(json.dumps({key: list(values) for key, values in figures.items()}))
    print(table(judge([line for line in budgets.LINES if line.bench == bench], figures)), flush=True)
