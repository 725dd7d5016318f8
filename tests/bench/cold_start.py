"""From the start of a process to its first answer: the three functions against a function that does nothing.

`python -m tests.bench.cold_start`. All are run by functions-framework, one after the other, in turns; the store is behind
HTTP in another process and has its schema. Prints a table and asserts nothing; the goals are 1.3 times for `mutate`, 1.6
for `collect` and 2.0 for `api`.
"""

from __future__ import annotations

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
from tests.support.builders import make_deployment, make_request, make_review
from tests.support.clickhouse import running_clickhouse
from tests.toolbox import processes

ROOT = Path(__file__).parents[2]
REPEATS = 7
DEADLINE_SECONDS = 60
POLL_SECONDS = 0.005
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


@dataclass(frozen=True)
class Start:
    """A function, and the request whose answer is waited for."""

    function: str
    request: str
    method: str = "GET"
    path: str = "/healthz"
    body: bytes = b""

    def seconds(self, folder: Path, dsn: str) -> float:
        source = folder / "nothing.py" if self.function == "nothing" else ROOT / "functions" / self.function / "main.py"
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
    Start("nothing", "a review", "POST", "/", REVIEW),
    Start("mutate", "/healthz"),
    Start("mutate", "a review", "POST", "/", REVIEW),
    Start("collect", "/healthz"),
    Start("collect", "a day that cannot be", "POST", "/", b'{"day": "1970-01-01"}'),
    Start("api", "/healthz"),
    Start("api", "who is logged in", path="/api/v1/session"),
)


def main() -> None:
    seconds: dict[Start, list[float]] = {start: [] for start in STARTS}
    with tempfile.TemporaryDirectory() as name, running_clickhouse(Path(name) / "clickhouse") as clickhouse:
        folder = Path(name)
        (folder / "nothing.py").write_text(NO_OP)
        connection = Connection(clickhouse.dsn)
        migrate(connection)
        connection.close()
        for number in range(REPEATS + 1):
            for start in STARTS:
                one_start = start.seconds(folder, clickhouse.dsn)
                if number:  # the first round fills the caches of the file system
                    seconds[start].append(one_start)
    floor = seconds[STARTS[0]]
    print(f"{REPEATS} runs; seconds to the first answer, and how many times as long as the function that does nothing")
    print(f"{'':34} {'median':>7} {'least':>7} {'most':>7} {'ratio':>7} {'least':>7} {'most':>7}")
    for start, taken in seconds.items():
        ratios = [one / other for one, other in zip(taken, floor, strict=True)]
        shown = (statistics.median(taken), min(taken), max(taken), statistics.median(ratios), min(ratios), max(ratios))
        print(f"{start.function + ', ' + start.request:34} {' '.join(f'{value:7.2f}' for value in shown)}")


if __name__ == "__main__":
    main()
