"""From the start of a process to its first answer: the three functions against functions that do nothing.

`python -m tests.bench.cold_start`. All are run by functions-framework, one after the other, in turns; the store is behind
HTTP in another process and has its schema. To `/healthz`, over a function that only allows a review; and to the first
answer that needs all parts, over one that asks the store `SELECT 1` before.
"""

from __future__ import annotations

import compileall
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from kubedoor.store.connection import Connection
from kubedoor.store.migrations import migrate
from tests.bench import running
from tests.bench.judging import Figures, ratios
from tests.bench.running import Effort
from tests.support.builders import make_deployment, make_request, make_review
from tests.support.clickhouse import running_clickhouse
from tests.toolbox import processes

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 60
POLL_SECONDS = 0.005
ROUNDS = 5
"""Starts in a run, of which the median counts: a start is short, and what else the machine does is not."""
NO_OP = """
import functions_framework.aio
import json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

@functions_framework.aio.http
async def nothing(request: Request) -> Response:
    body = await request.body()
    return JSONResponse({"response": {"allowed": True, "uid": json.loads(body)["request"]["uid"] if body else ""}})
"""
ASKS_STORE = """
import functions_framework.aio
import os
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

@functions_framework.aio.http
async def asking(request: Request) -> Response:
    import clickhouse_connect

    client = clickhouse_connect.get_client(dsn=os.environ["KUBEDOOR_STORE_DSN"])
    return JSONResponse({"rows": client.query("SELECT 1").result_rows})
"""


@dataclass(frozen=True)
class Start:
    """A function, and the request whose answer is waited for."""

    function: str
    line: str
    method: str = "GET"
    path: str = "/healthz"
    body: bytes = b""

    def seconds(self, folder: Path, dsn: str) -> float:
        own = folder / f"{self.function}.py"
        source = own if own.is_file() else ROOT / "functions" / self.function / "main.py"
        port = processes.free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KUBEDOOR_")} | {
            "KUBEDOOR_STORE_DSN": dsn,
            "KUBEDOOR_SOURCE": "sample",
            "KUBEDOOR_KUBECONFIG": "none",
            "KUBEDOOR_DATA_DIR": str(folder / "data"),
            "KUBEDOOR_CLOCK_SECONDS": "0",
            "FUNCTION_TARGET": self.function,
            "FUNCTION_SOURCE": str(source),
            "WORKERS": "1",
            "HOST": "127.0.0.1",
            "PORT": str(port),
        }
        started = time.perf_counter()
        command = [Path(sys.executable).with_name("functions-framework")]
        child = processes.start(self.function, command, log=folder / "log", environment=environment, folder=ROOT)
        try:
            while not self._is_answered(port):
                if not child.is_running or time.perf_counter() - started > DEADLINE_SECONDS:
                    raise RuntimeError(child.log_tail())
                time.sleep(POLL_SECONDS)
            return time.perf_counter() - started
        finally:
            child.kill()

    def _is_answered(self, port: int) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
        try:
            connection.request(self.method, self.path, self.body, {"Content-Type": "application/json"})
            return connection.getresponse().status < 500
        except OSError:
            return False
        finally:
            connection.close()


REVIEW = json.dumps(make_review(make_request(make_deployment(replicas=2)))).encode()
STARTS = (
    Start("nothing", "cold_noop", "POST", "/", REVIEW),
    Start("asking", "cold_store"),
    Start("mutate", "cold_mutate_health"),
    Start("mutate", "cold_mutate", "POST", "/", REVIEW),
    Start("collect", "cold_collect_health"),
    Start("collect", "cold_collect", "POST", "/", b'{"day": "1970-01-01"}'),
    Start("api", "cold_api_health"),
    Start("api", "cold_api", path="/api/v1/session"),
)
"""`collect` refuses a day that cannot be; `api` says that nobody is logged in."""


def measure(effort: Effort) -> Figures:
    # As in the image; where Python may not write bytecode, it would compile what has changed at every start.
    for part in ("kubedoor", "functions"):
        compileall.compile_dir(ROOT / part, quiet=1)
    seconds: dict[str, list[float]] = {start.line: [] for start in STARTS}
    with tempfile.TemporaryDirectory() as name, running_clickhouse(Path(name) / "clickhouse") as clickhouse:
        folder = Path(name)
        (folder / "nothing.py").write_text(NO_OP)
        (folder / "asking.py").write_text(ASKS_STORE)
        connection = Connection(clickhouse.dsn)
        migrate(connection)
        connection.close()
        for start in STARTS:  # fills the caches of the file system
            start.seconds(folder, clickhouse.dsn)
        for _ in range(effort.runs):
            rounds = [{start.line: start.seconds(folder, clickhouse.dsn) for start in STARTS} for _ in range(ROUNDS)]
            for line, of_runs in seconds.items():
                of_runs.append(statistics.median(one[line] for one in rounds))
    floors = {"cold_noop", "cold_store"}
    return {
        line: taken
        if line in floors
        else ratios(taken, seconds["cold_noop" if line.endswith("_health") else "cold_store"])
        for line, taken in seconds.items()
    }


if __name__ == "__main__":
    running.run("cold_start", measure)
