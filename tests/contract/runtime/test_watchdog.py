"""A process whose event loop stands still, or does not."""

from __future__ import annotations

import subprocess
import sys

from tests.toolbox.running import ROOT

PROGRAM = """
import asyncio, time
from kubedoor.runtime.serving import run_until_signal

async def serve():
    await asyncio.sleep(2)
    {then}

def hang_for_ever():
    time.sleep(60)

run_until_signal(serve(), stuck_seconds=1)
time.sleep(2)
"""


def ran(then: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM.format(then=then)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_a_stuck_loop_ends_the_process_and_says_where_it_hung() -> None:
    done = ran("hang_for_ever()")
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert "in hang_for_ever" in done.stderr


def test_a_loop_that_runs_is_left_alone_and_so_is_what_comes_after_it() -> None:
    done = ran("pass")
    assert (done.returncode, done.stderr) == (0, "")
