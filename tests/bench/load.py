"""Sends reviews with `wrk` and reads what it measured."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONNECTIONS = 8
_SCRIPT = """
local bodies, number = {}, 0
function init()
  for line in io.lines(%(bodies)s) do bodies[#bodies + 1] = wrk.format("POST", nil, {["Content-Type"] = "application/json"}, line) end
end
function request()
  number = number %% #bodies + 1
  return bodies[number]
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\\nRESULT {"requests": %%d, "seconds": %%f, "p50_ms": %%f, "p99_ms": %%f, "max_ms": %%f, "errors": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


class ToolMissing(RuntimeError):
    """`wrk` is not installed."""


@dataclass(frozen=True)
class Measured:
    """Of one run: answers, seconds, latencies in ms, and requests that failed."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: int

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def send(url: str, reviews: Sequence[dict[str, Any]], *, seconds: float, folder: Path) -> Measured:
    """Send the reviews in turn over 8 connections. Raises ToolMissing."""
    tool = shutil.which("wrk")
    if tool is None:
        raise ToolMissing("wrk is missing: `make bench` installs it on Debian as root, else install the package wrk")
    bodies, script = folder / "bodies.jsonl", folder / "send.lua"
    bodies.write_text("".join(f"{json.dumps(review)}\n" for review in reviews))
    script.write_text(_SCRIPT % {"bodies": json.dumps(str(bodies))})
    done = subprocess.run(
        [tool, "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--timeout", "10s", "-s", script, url],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=True,
    )
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return Measured(**json.loads(line.removeprefix("RESULT ")))
