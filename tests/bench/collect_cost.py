"""One collection of one day against `curl` with the same questions, from a real Prometheus.

`python -m tests.bench.collect_cost`. `collect` runs as in the cluster: behind HTTP, with the store behind HTTP in another
process. Seconds are from the request to the end of the answer, so the store and the collected values are in them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
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
from tests.bench import running
from tests.bench.judging import Figures, ratios
from tests.bench.records import memory_megabytes
from tests.bench.running import Effort
from tests.support.clickhouse import running_clickhouse
from tests.toolbox import processes
from tests.toolbox.fleets import big_fleet, newest_day
from tests.toolbox.processes import Child
from tests.toolbox.prometheus import Prometheus

ROOT = Path(__file__).parents[2]
WORKLOADS = 1000
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


def curl(url: str, question: Question) -> None:
    """Ask it once, with the answer thrown away."""
    endpoint, form = question
    fields = [word for name, value in form.items() for word in ("--data-urlencode", f"{name}={value}")]
    subprocess.run(["curl", "-sf", "-o", "/dev/null", *fields, f"{url}/api/v1/{endpoint}"], check=True)


def curl_each(url: str, questions: list[Question]) -> float:
    """Seconds of all answers, one after the other."""
    started = time.perf_counter()
    for question in questions:
        curl(url, question)
    return time.perf_counter() - started


def curl_together(url: str, questions: list[Question]) -> float:
    """Seconds of all answers, with as many questions at once as `collect` asks."""
    started = time.perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        list(pool.map(lambda question: curl(url, question), questions))
    return time.perf_counter() - started


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


def peak_samples(url: str, question: Question) -> int:
    """How many samples the server had in memory at once to answer it."""
    endpoint, form = question
    body = urllib.parse.urlencode({**form, "stats": "all"}).encode()
    with urllib.request.urlopen(f"{url}/api/v1/{endpoint}", body, timeout=600) as answer:
        return int(json.load(answer)["data"]["stats"]["samples"]["peakSamples"])


def measure(effort: Effort) -> Figures:
    day = newest_day(datetime.now(UTC)).replace(day=1)
    fleet = big_fleet(day, workloads=effort.size(WORKLOADS, 20), days=1)
    fleet = replace(fleet, record_minutes=WINDOW_MINUTES + 8)
    each: list[float] = []
    together: list[float] = []
    collections: list[float] = []
    with (
        tempfile.TemporaryDirectory() as name,
        Prometheus(fleet) as prometheus,
        running_clickhouse(Path(name) / "clickhouse") as clickhouse,
        running_collect(Path(name), dsn=clickhouse.dsn, prometheus=prometheus.url) as (url, child),
    ):
        questions = questions_of(prometheus.url, day)
        for number in range(effort.runs + 1):
            curled = curl_each(prometheus.url, questions), curl_together(prometheus.url, questions)
            collected = collect(url, day)
            if number:  # the first one imports and migrates
                each.append(curled[0])
                together.append(curled[1])
                collections.append(collected)
        memory = memory_megabytes(worker_of(child.pid), "VmHWM")
        samples = max(peak_samples(prometheus.url, question) for question in questions)
    return {
        "curl": each,
        "curl_together": together,
        "collect_over_curl": ratios(collections, each),
        "collect_over_together": ratios(collections, together),
        "collect_memory": [memory],
        "collect_samples": [float(samples)],
    }


if __name__ == "__main__":
    running.run("collect_cost", measure)
