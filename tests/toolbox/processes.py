"""Child processes with a log file, a wait with a deadline, and a stop by pid.

A child runs in its own session, so that Ctrl-C reaches only the parent, which stops its children in order.
`die_with_parent` ends the children of a killed parent.
"""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")
POLL_SECONDS = 0.05
TAIL_BYTES = 4000

# Below the ephemeral port range: a port stays free while its server is down, even if clients keep connecting.
FIRST_PORT, PORT_COUNT = 20000, 12000
_next_port = itertools.count(os.getpid() * 31)


class PartFailed(RuntimeError):
    """A process ended early, or was not ready in time; the message has the end of its log."""


@dataclass(frozen=True)
class Child:
    """One child process."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def log_tail(self) -> str:
        """The last lines of its log."""
        with self.log.open("rb") as handle:
            handle.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
            return handle.read().decode(errors="replace")

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        self._signal(signal.SIGTERM)

    def stop(self, timeout_seconds: float = 10) -> None:
        """SIGTERM, then SIGKILL; returns when the process has ended and its ports are free."""
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to it and its own children."""
        self._signal(signal.SIGKILL)
        self.process.wait(10)

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running:
            os.killpg(self.pid, number)


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Child:
    """Start `command` with its output appended to `log`. The child ends with the thread that calls this.

    `environment` None: this process's own.
    """
    wrapper = [sys.executable, "-I", "-S", str(DIE_WITH_PARENT), str(os.getpid())]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*wrapper, *(str(word) for word in command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            cwd=folder,
            start_new_session=True,
        )
    return Child(name, process, log)


def run_once(command: Sequence[str | Path], *, environment: Mapping[str, str], timeout_seconds: float = 60) -> str:
    """The output of `command`. Raises PartFailed with its errors."""
    done = subprocess.run(
        [str(word) for word in command],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
    if done.returncode:
        raise PartFailed(f"{command[0]} ended with status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def free_port() -> int:
    """An unused TCP port on loopback that this process has not used before."""
    for _ in range(PORT_COUNT):
        port = FIRST_PORT + next(_next_port) % PORT_COUNT
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise PartFailed(f"no free port on 127.0.0.1 from {FIRST_PORT} to {FIRST_PORT + PORT_COUNT}")


def wait_until(
    is_ready: Callable[[], bool], *, what: str, children: Sequence[Child] = (), timeout_seconds: float = 30
) -> None:
    """Poll until `is_ready()`. Raises PartFailed at the deadline, or as soon as one of `children` ends."""
    deadline = time.monotonic() + timeout_seconds
    while not is_ready():
        for child in children:
            if not child.is_running:
                status = child.process.returncode
                raise PartFailed(f"{child.name} ended with status {status}; its log ends:\n{child.log_tail()}")
        if time.monotonic() > deadline:
            logs = "".join(f"\nthe log of {child.name} ends:\n{child.log_tail()}" for child in children)
            raise PartFailed(f"{what}: not so after {timeout_seconds:g} s{logs}")
        time.sleep(POLL_SECONDS)


def answers(url: str, *, context: ssl.SSLContext | None = None, headers: Mapping[str, str] | None = None) -> bool:
    """Whether `url` answers 2xx within two seconds."""
    request = urllib.request.Request(url, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=2, context=context) as response:
            return response.status in range(200, 300)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return False
    except (OSError, http.client.HTTPException):
        return False
