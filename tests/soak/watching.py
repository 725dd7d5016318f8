"""Memory, what is open, and threads of a process that serves a port (Linux), as they are while it works."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLES, EVERY_SECONDS = 12, 0.25
_LISTENS = "0A"


@dataclass(frozen=True)
class Held:
    """By a process: memory, and what it has open.

    `clients`: connections to its own port. `connections`: to others, for the door the store alone. `handles`: all else.
    """

    memory_mib: float
    clients: int
    connections: int
    handles: int
    threads: int


def held(pid: int, port: int) -> Held:
    """Medians of some seconds: connections come and go. `port`: its own, whose clients are counted."""
    samples = []
    for _ in range(SAMPLES):
        samples.append(held_now(pid, port))
        time.sleep(EVERY_SECONDS)
    return Held(
        statistics.median(one.memory_mib for one in samples),
        _median([one.clients for one in samples]),
        _median([one.connections for one in samples]),
        _median([one.handles for one in samples]),
        _median([one.threads for one in samples]),
    )


def _median(figures: Sequence[int]) -> int:
    return int(statistics.median_low(figures))


def held_now(pid: int, port: int) -> Held:
    words = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    opened = _opened(pid)
    ports = [found for inode, found in _connected(pid).items() if f"socket:[{inode}]" in opened]
    clients = ports.count(port)
    return Held(
        memory_mib=int(words["VmRSS"].split()[0]) / 1024,
        clients=clients,
        connections=len(ports) - clients,
        handles=len(opened) - len(ports),
        threads=int(words["Threads"]),
    )


def _opened(pid: int) -> list[str]:
    """What each handle leads to; one that was closed meanwhile leads nowhere, and is left out."""
    found = []
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(os.readlink(handle))
        except FileNotFoundError:
            continue
    return found


def _connected(pid: int) -> Mapping[str, int]:
    """Inode -> local port of each TCP connection in the process's network (proc_pid_net(5))."""
    lines = [line for name in ("tcp", "tcp6") for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]]
    rows = [line.split() for line in lines]
    return {row[9]: int(row[1].rpartition(":")[2], 16) for row in rows if row[3] != _LISTENS}
