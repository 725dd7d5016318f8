"""Runs the benches one after the other: `python -m tests.bench [--quick]`.

Each prints its table. With `--quick` only the door's, in two minutes.
"""

from __future__ import annotations

import subprocess
import sys

QUICK = (("door_throughput", "3", "3"),)
ALL = (
    ("door_throughput",),
    ("door_latency",),
    ("collect_cost",),
    ("look_back_cost",),
    ("cold_start",),
    ("records",),
    ("web_latency",),
)


def main(*, quick: bool) -> None:
    for name, *arguments in QUICK if quick else ALL:
        print(f"\n{name}", flush=True)
        subprocess.run([sys.executable, "-m", f"tests.bench.{name}", *arguments], check=True)


if __name__ == "__main__":
    main(quick=sys.argv[1:] == ["--quick"])
