"""Memory, file handles and threads of a process (Linux), as they are while it works."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLES, EVERY_SECONDS = 12, 0.25


@dataclass(frozen=True)
class Held:
    """By a process: memory, and what it has open."""

    memory_mib: float
    handles: int
    threads: int


def held(pid: int) -> Held:
    """Medians of some seconds: connections come and go."""
    samples = []
    for _ in range(SAMPLES):
        samples.append(_now(pid))
        time.sleep(EVERY_SECONDS)
    return Held(
        statistics.median(one.memory_mib for one in samples),
        _median([one.handles for one in samples]),
        _median([one.threads for one in samples]),
    )


def _median(figures: Sequence[int]) -> int:
    return int(statistics.median_low(figures))


def _now(pid: int) -> Held:
    words = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    memory = int(words["VmRSS"].split()[0]) / 1024
    return Held(memory, len(os.listdir(f"/proc/{pid}/fd")), int(words["Threads"]))
