"""One collection of one day against `curl` with the same questions, from a real Prometheus.

`python -m tests.bench.collect_cost [WORKLOADS]`. `collect` runs as in the cluster: behind HTTP, with the store behind
HTTP in another process. Seconds are from the request to the end of the answer, so the store and the collected values are
in them. Prints a table and asserts nothing; the goals for 1,000 workloads of three pods are 1.2 times curl and 250 MB.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.json_stream import QueryResult
from kubedoor.collection.prometheus.source import PrometheusSource
from kubedoor.peak_windows import PeakWindows
from tests.bench.records import memory_megabytes
from tests.support.clickhouse import running_clickhouse
from tests.toolbox import processes
from tests.toolbox.fleets import big_fleet, newest_day
from tests.toolbox.processes import Child
from tests.toolbox.prometheus import Prometheus

ROOT = Path(__file__).parents[2]
WORKLOADS = 1000
REPEATS = 7
WINDOW, WINDOW_MINUTES, ZONE = "10:00-11:30", 90, "UTC"
CONCURRENCY = 2
"""As the setting KUBEDOOR_PROMETHEUS_CONCURRENCY."""
Question = tuple[str, dict[str, str]]
"""Endpoint and form."""


class Recording(PrometheusClient):
    """Remembers what it was asked, for curl to ask again."""

    questions: list[Question]

    @contextmanager
    def query(self, promql: str, *, time: float | None = None) -> Iterator[QueryResult]:
        self.questions.append(("query", {"query": promql, "time": str(time)}))
        with super().query(promql, time=time) as result:
            yield result

    @contextmanager
    def query_range(self, promql: str, *, start: int, end: int, step_seconds: int) -> Iterator[QueryResult]:
        form = {"query": promql, "start": str(start), "end": str(end), "step": str(step_seconds)}
        self.questions.append(("query_range", form))
        with super().query_range(promql, start=start, end=end, step_seconds=step_seconds) as result:
            yield result


def questions_of(url: str, day: date) -> list[Question]:
    """What a collection of this day asks."""
    with Recording(url) as client:
        client.questions = []
        peak_day = PeakWindows.parse(WINDOW, ZONE).peak_day(day)
        PrometheusSource(client, excluded_namespaces=("kube-system",)).read_day(peak_day, step_seconds=60)
        return client.questions


def curl(url: str, question: Question) -> int:
    """Ask it once, with the answer thrown away; returns its size in bytes."""
    endpoint, form = question
    fields = [word for name, value in form.items() for word in ("--data-urlencode", f"{name}={value}")]
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{size_download}", *fields, f"{url}/api/v1/{endpoint}"]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def curl_all(url: str, questions: list[Question]) -> tuple[float, int]:
    """Seconds and bytes of all answers, with as many questions at once as `collect` asks."""
    started = time.perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        size = sum(pool.map(lambda question: curl(url, question), questions))
    return time.perf_counter() - started, size


@contextmanager
def running_collect(folder: Path, *, dsn: str, prometheus: str) -> Iterator[tuple[str, Child]]:
    """`collect` as a process of its own; its URL."""
    port = processes.free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KUBEDOOR_")} | {
        "KUBEDOOR_STORE_DSN": dsn,
        "KUBEDOOR_PROMETHEUS_URL": prometheus,
        "KUBEDOOR_PEAK_WINDOWS": WINDOW,
        "KUBEDOOR_TIME_ZONE": ZONE,
        "KUBEDOOR_KUBECONFIG": "none",
        "KUBEDOOR_DATA_DIR": str(folder / "data"),
        "FUNCTION_TARGET": "collect",
        "FUNCTION_SOURCE": str(ROOT / "functions/collect/main.py"),
        "WORKERS": "1",
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    command = [Path(sys.executable).with_name("functions-framework")]
    child = processes.start("collect", command, log=folder / "collect.log", environment=environment, folder=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        processes.wait_until(
            lambda: processes.answers(f"{url}/readyz"), what="collect is ready", children=[child], timeout_seconds=60
        )
        yield url, child
    finally:
        child.stop()


def collect(url: str, day: date) -> float:
    """Seconds of one collection of this day. Raises RuntimeError unless it was collected whole."""
    body = json.dumps({"day": str(day)}).encode()
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    started = time.perf_counter()
    with urllib.request.urlopen(request, timeout=600) as answer:
        steps: list[dict[str, Any]] = [json.loads(line) for line in answer]
    seconds = time.perf_counter() - started
    if not steps[-1]["complete"]:
        raise RuntimeError(str(steps[-1]))
    return seconds


def worker_of(parent: int) -> int:
    """The process that serves: the framework forks once."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return worker_of(int(children[0])) if children else parent


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):8.2f} {min(values):8.2f} {max(values):8.2f}"


def main() -> None:
    workloads = int(sys.argv[1]) if len(sys.argv) > 1 else WORKLOADS
    day = newest_day(datetime.now(UTC)).replace(day=1)
    fleet = replace(big_fleet(day, workloads=workloads, days=1), record_minutes=WINDOW_MINUTES + 8)
    with (
        tempfile.TemporaryDirectory() as name,
        Prometheus(fleet) as prometheus,
        running_clickhouse(Path(name) / "clickhouse") as clickhouse,
        running_collect(Path(name), dsn=clickhouse.dsn, prometheus=prometheus.url) as (url, child),
    ):
        questions = questions_of(prometheus.url, day)
        worker = worker_of(child.pid)
        idle = memory_megabytes(worker, "VmRSS")
        curls, collections, cpu = [], [], []
        size = 0
        for number in range(REPEATS):
            seconds, size = curl_all(prometheus.url, questions)
            before = cpu_seconds(worker)
            taken = collect(url, day)
            if number:  # the first one imports and migrates
                curls.append(seconds)
                collections.append(taken)
                cpu.append(cpu_seconds(worker) - before)
        ratios = [one / other for one, other in zip(collections, curls, strict=True)]
        print(f"{workloads} workloads, {len(questions)} questions, {size / 2**20:.0f} MiB of JSON, {len(ratios)} runs")
        print(f"{'':28} {'median':>8} {'least':>8} {'most':>8}")
        print(f"{'curl, seconds':28} {spread(curls)}")
        print(f"{'collect, seconds':28} {spread(collections)}")
        print(f"{'collect / curl':28} {spread(ratios)}")
        print(f"{'CPU of collect, seconds':28} {spread(cpu)}")
        print(f"memory of collect: {idle:.0f} MB idle, at most {memory_megabytes(worker, 'VmHWM'):.0f} MB")


if __name__ == "__main__":
    main()
