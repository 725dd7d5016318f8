"""Runs test suites with coverage, each in a separate pytest process, in parallel.

python scripts/suites.py --jobs 2 tests/unit tests/contract/test_one.py,tests/contract/test_other.py

Files that are joined by a comma are one suite: they share what takes long to start, such as a control plane. Separate
processes, because a process can open only one embedded store and the browser's driver keeps an event loop
running. The output of a suite is printed when it ends; the exit code is 1 if any failed.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

SUITE_TIMEOUT_SECONDS = 3000
COMMAND = [sys.executable, "-m", "coverage", "run", "-m", "pytest"]
# Hundreds of processes of KubeDoor are started: those that may not keep bytecode compile all packages anew, a second each.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class SuiteResult:
    suite: str
    status: int
    seconds: float
    output: str


def _run(suite: str, folder: Path) -> SuiteResult:
    log = folder / suite.partition(",")[0].replace("/", "-")
    started = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen(
            [*COMMAND, *suite.split(",")],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            status = child.wait(SUITE_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            # As Ctrl-C, so that fixtures stop their processes.
            child.send_signal(signal.SIGINT)
            status = child.wait(60) or 1
    return SuiteResult(suite, status, time.monotonic() - started, log.read_text(encoding="utf-8", errors="replace"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python scripts/suites.py")
    parser.add_argument("--jobs", type=int, default=1, help="how many suites at once")
    parser.add_argument("suites", nargs="+", metavar="SUITE", help="a folder or files of tests; long ones first")
    arguments = parser.parse_args()
    results: list[SuiteResult] = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        for future in as_completed([pool.submit(_run, suite, Path(folder)) for suite in arguments.suites]):
            result = future.result()
            results.append(result)
            print(f"{result.output.rstrip()}\n{result.suite} took {result.seconds:.0f} s\n", flush=True)
    failed = sorted(result.suite for result in results if result.status)
    print(f"{len(results)} suites, failed: {', '.join(failed) or 'none'}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
