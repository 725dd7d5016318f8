"""`kubedoor collect` when all is there already: the process, the store, and what it asks.

`python -m tests.bench.collect_idle`. Once on the embedded store, as on a person's own machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import running
from tests.bench.judging import Figures
from tests.bench.running import Effort

ROOT = Path(__file__).parents[2]


def collect(folder: Path) -> float:
    """Seconds."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KUBEDOOR_")} | {
        "KUBEDOOR_SOURCE": "sample",
        "KUBEDOOR_KUBECONFIG": "none",
        "KUBEDOOR_DATA_DIR": str(folder),
    }
    started = time.perf_counter()
    command = [sys.executable, "-m", "kubedoor", "collect"]
    subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, timeout=600)
    return time.perf_counter() - started


def measure(effort: Effort) -> Figures:
    with tempfile.TemporaryDirectory() as name:
        collect(Path(name))
        return {"collect_idle": [collect(Path(name)) for _ in range(effort.runs)]}


if __name__ == "__main__":
    running.run("collect_idle", measure)
