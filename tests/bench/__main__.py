"""Runs the benches one after the other: `python -m tests.bench [--quick] [--runs N] [--tiny] [BENCH …]`.

Each is a process of its own. Prints a table of all lines, writes build/bench.json beside it, and exits with 1 if a budget
of budgets.py is missed. With `--quick` only the door's, in two minutes, into build/bench-quick.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench import budgets
from tests.bench.judging import Judged, is_good, judge, table
from tests.bench.running import RUNS

BUILD = Path(__file__).parents[2] / "build"
QUICK = ("door_throughput", "door_latency", "door_burst")
QUICK_RUNS = 3
BENCHES = tuple(dict.fromkeys(line.bench for line in budgets.LINES))


def machine() -> dict[str, Any]:
    """What the figures are of."""
    information = Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in information.splitlines() if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def measure(benches: Sequence[str], *, runs: int, tiny: bool) -> dict[str, list[float]]:
    """Figures of all lines. A bench that fails has none, so that its lines count as not measured."""
    figures: dict[str, list[float]] = {}
    for name in benches:
        print(f"\n{name}", flush=True)
        into = BUILD / "bench" / f"{name}.json"
        into.parent.mkdir(parents=True, exist_ok=True)
        into.unlink(missing_ok=True)
        words = ["--runs", str(runs), "--into", str(into), *(["--tiny"] if tiny else [])]
        started = time.monotonic()
        done = subprocess.run([sys.executable, "-m", f"tests.bench.{name}", *words], check=False)
        print(f"({time.monotonic() - started:.0f} s)", flush=True)
        if done.returncode == 0:
            figures |= json.loads(into.read_text())
    return figures


def report(judged: Sequence[Judged], machine_before: dict[str, Any], *, command: str, runs: int) -> dict[str, Any]:
    return {
        "command": command,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "runs": runs,
        "machine": machine_before,
        "lines": [one.as_json() for one in judged],
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("benches", nargs="*", metavar="BENCH", help=f"some of {', '.join(BENCHES)}; else all")
    parser.add_argument("--quick", action="store_true", help="the door alone, in two minutes")
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--tiny", action="store_true", help="small sizes, to try the benches themselves")
    words = parser.parse_args()
    benches = words.benches or (QUICK if words.quick else BENCHES)
    if unknown := set(benches) - set(BENCHES):
        parser.error(f"there is no bench {', '.join(sorted(unknown))}")
    runs = words.runs or (QUICK_RUNS if words.quick else RUNS)
    before = machine()
    figures = measure(benches, runs=runs, tiny=words.tiny)
    judged = judge([line for line in budgets.LINES if line.bench in benches], figures)
    is_whole = set(benches) == set(BENCHES) and not words.tiny
    name = "bench.json" if is_whole else "bench-quick.json"
    command = "make bench" if is_whole else f"python -m tests.bench {' '.join(sys.argv[1:])}"
    (BUILD / name).write_text(json.dumps(report(judged, before, command=command, runs=runs), indent=2) + "\n")
    print(f"\n{table(judged)}\n\n{BUILD / name}")
    return 0 if is_good(judged) else 1


if __name__ == "__main__":
    sys.exit(main())
