"""The door's port under clients that only waste time, over TLS, against the servers that production runs."""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from tests.bench.filling import fill_control
from tests.support.builders import make_deployment, make_request, make_review
from tests.support.clickhouse import ClickHouse
from tests.support.crowd import crowd, is_closed, peak_memory_mib
from tests.toolbox import processes
from tests.toolbox.processes import Child
from tests.toolbox.running import ROOT

CROWDED = "crowded"
WORKLOADS = 60_000
POD_LIMIT_MIB = 512
REQUEST_SECONDS = 3
WEBHOOK_TIMEOUT_SECONDS = 2
"""As long as the API server waits, if nothing else is set."""
REVIEW = make_review(make_request(make_deployment("service-00001", namespace="team-1", replicas=9), dry_run=True))


@dataclass
class Door:
    child: Child
    port: int
    ca: Path

    def connect(self) -> HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self.ca))
        return HTTPSConnection("localhost", self.port, timeout=20, context=context)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        connection = self.connect()
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def review_seconds(self, count: int) -> list[float]:
        """How long admissions take that have a new connection each; all of them get their patch."""
        seconds = []
        for _ in range(count):
            started = time.monotonic()
            status, answer = self.ask("POST", "/mutate", REVIEW)
            seconds.append(time.monotonic() - started)
            assert status == 200
            assert json.loads(answer)["response"]["patch"]
        return seconds


@pytest.fixture(scope="module")
def crowded(served: Connection) -> str:
    fill_control(ControlStore(served, CROWDED), WORKLOADS)
    return CROWDED


@pytest.fixture(scope="module", params=["mutate", "serve"])
def door(
    request: pytest.FixtureRequest, crowded: str, clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp(request.param)
    port = processes.free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "KUBEDOOR_STORE_DSN": clickhouse.dsn,
        "KUBEDOOR_CLUSTER": crowded,
        "KUBEDOOR_SOURCE": "sample",
        "KUBEDOOR_KUBECONFIG": "none",
        "KUBEDOOR_DATA_DIR": str(folder),
        "KUBEDOOR_PORT": str(processes.free_port()),
        "KUBEDOOR_DOOR_PORT": str(port),
        "KUBEDOOR_DOOR_REQUEST_SECONDS": str(REQUEST_SECONDS),
    }
    command = [sys.executable, "-m", "kubedoor", request.param]
    child = processes.start(request.param, command, log=folder / "log", environment=environment, folder=ROOT)
    running = Door(child, port, folder / "tls" / "ca.crt")

    def is_quiet() -> bool:
        try:
            has_values = f"kubedoor_snapshot_workloads {float(WORKLOADS)}" in running.ask("GET", "/metrics")[1]
            # The file of the snapshot is written after the values are loaded.
            return has_values and max(running.review_seconds(5)) < 0.5
        except OSError:
            return False

    try:
        processes.wait_until(is_quiet, what="the door has its values", children=[child], timeout_seconds=120)
        yield running
    finally:
        child.stop()


def test_a_crowd_that_wastes_time_costs_others_nothing_and_memory_little(door: Door) -> None:
    with crowd(door.port, door.ca) as clients:
        clients.half_handshakes(1000)
        assert max(door.review_seconds(20)) < WEBHOOK_TIMEOUT_SECONDS
        clients.idle(1000)
        assert max(door.review_seconds(20)) < WEBHOOK_TIMEOUT_SECONDS
        held = clients.held_bodies(60, 1_000_000)
        assert max(door.review_seconds(20)) < WEBHOOK_TIMEOUT_SECONDS
        assert all(is_closed(client, within_seconds=REQUEST_SECONDS + 3) for client in held)
    assert peak_memory_mib(door.child.pid) < POD_LIMIT_MIB


def test_bodies_beyond_their_memory_cost_their_slowest_senders(door: Door) -> None:
    with crowd(door.port, door.ca) as clients:
        held = clients.held_bodies(20, 4_000_000)
        assert max(door.review_seconds(5)) < WEBHOOK_TIMEOUT_SECONDS
        # 64 MiB hold sixteen of them.
        assert [is_closed(client, within_seconds=0.05) for client in held[:4]] == [True] * 4
        assert not is_closed(held[-1], within_seconds=0.05)
    assert peak_memory_mib(door.child.pid) < POD_LIMIT_MIB


def test_half_a_handshake_and_half_a_head_are_dropped_in_time_and_idle_connections_are_not(door: Door) -> None:
    with crowd(door.port, door.ca) as clients:
        idle = clients.idle(3)
        slow = [*clients.half_handshakes(3), *clients.half_heads(3)]
        assert not any(is_closed(client, within_seconds=0.05) for client in slow)
        assert all(is_closed(client, within_seconds=REQUEST_SECONDS + 3) for client in slow)
        assert not any(is_closed(client, within_seconds=0.05) for client in idle)


def test_a_body_of_more_than_four_mib_is_refused_unread(door: Door) -> None:
    connection = door.connect()
    try:
        connection.putrequest("POST", "/mutate")
        connection.putheader("Content-Length", str(4 * 2**20 + 1))
        connection.endheaders()
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["error"]["code"]) == (413, "too_large")
    finally:
        connection.close()
    connection = door.connect()
    try:
        # Without a length, in pieces.
        pieces = (b" " * 2**20 for _ in range(5))
        connection.request("POST", "/mutate", pieces, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
        assert connection.getresponse().status == 413
    finally:
        connection.close()


def test_heads_without_end_and_requests_in_advance_are_not_served(door: Door) -> None:
    with crowd(door.port, door.ca) as clients:
        endless = clients.send(b"GET /healthz HTTP/1.1\r\nX: ")
        with suppress(OSError):
            endless.sendall(b"x" * 100_000)
        assert is_closed(endless, within_seconds=2)
        pipelined = clients.send(b"GET /healthz HTTP/1.1\r\nHost: door\r\n\r\n" * 1000)
        pipelined.settimeout(5)
        assert b"400 Bad Request" in pipelined.recv(4096)


def test_a_connection_serves_many_requests(door: Door) -> None:
    connection = door.connect()
    try:
        for _ in range(10):
            connection.request("POST", "/mutate", json.dumps(REVIEW))
            assert json.loads(connection.getresponse().read())["response"]["patch"]
    finally:
        connection.close()
