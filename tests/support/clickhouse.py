"""A ClickHouse HTTP server as a process, which tests may kill and restart."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.toolbox import processes
from tests.toolbox.processes import Child

ROOT = Path(__file__).parents[2]
USERNAME, PASSWORD = "kubedoor", "store-secret"


@dataclass
class ClickHouse:
    """`child` is None for an external server, which tests cannot kill."""

    dsn: str
    folder: Path
    command: list[str] = field(default_factory=list)
    child: Child | None = None

    def on(self, database: str) -> str:
        """The DSN of another database of this server."""
        return f"{self.dsn.rpartition('/')[0]}/{database}"

    def start(self) -> None:
        """Start or restart it on the same port and folder, and wait until it answers."""
        self.child = processes.start(
            "clickhouse", self.command, log=self.folder / "clickhouse.log", environment=dict(os.environ), folder=ROOT
        )
        port = urlsplit(self.dsn).port
        processes.wait_until(
            lambda: processes.answers(f"http://127.0.0.1:{port}/ping"),
            what="ClickHouse answers",
            children=[self.child],
            timeout_seconds=60,
        )

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()


@contextmanager
def running_clickhouse(folder: Path, *, yields: bool = False) -> Iterator[ClickHouse]:
    """$KUBEDOOR_TEST_CLICKHOUSE_URL, else `clickhouse` on PATH, else chDB behind the HTTP interface.

    `yields`: it gets the CPU time that others leave, like a store that runs elsewhere.
    """
    if url := os.environ.get("KUBEDOOR_TEST_CLICKHOUSE_URL"):
        yield ClickHouse(url, folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    port = processes.free_port()
    if binary := shutil.which("clickhouse"):
        command = [binary, "server", "--", f"--http_port={port}", f"--path={folder}/", "--listen_host=127.0.0.1"]
        server = ClickHouse(f"http://default@127.0.0.1:{port}/kubedoor", folder, command)
    else:
        command = [sys.executable, "-m", "tests.support.clickhouse_http", str(port), str(folder / "data")]
        server = ClickHouse(f"http://{USERNAME}:{PASSWORD}@127.0.0.1:{port}/kubedoor", folder, command)
    if yields:
        server.command = ["nice", "-n", "19", *server.command]
    server.start()
    try:
        yield server
    finally:
        server.kill()
