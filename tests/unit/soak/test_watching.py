"""What a soak counts of a process, and what of it is a problem."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.soak.asking import CONNECTIONS, Outcome
from tests.soak.report import Report
from tests.soak.watching import Held, held_now

HELD = Held(memory_mib=120, clients=8, connections=3, handles=14, threads=5)


def test_clients_connections_and_other_handles_are_counted_apart(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        address = server.getsockname()
        before = held_now(os.getpid(), address[1])
        stack.enter_context(socket.create_connection(address))
        accepted, _ = server.accept()
        stack.enter_context(accepted)
        connected = held_now(os.getpid(), address[1])
        assert connected.clients == before.clients + 1
        assert connected.connections == before.connections + 1, "this end of it"
        assert connected.handles == before.handles
        stack.enter_context((tmp_path / "file").open("w"))
        assert held_now(os.getpid(), address[1]).handles == before.handles + 1


@pytest.mark.parametrize(
    ("end", "clients_left", "problem"),
    [
        (HELD, 0, ""),
        (Held(120, 2 * CONNECTIONS, 5, 16, 7), 0, ""),
        (Held(140, 8, 3, 14, 5), 0, "memory has grown"),
        (Held(120, 8, 3, 17, 5), 0, "handles or threads have grown"),
        (Held(120, 8, 3, 14, 8), 0, "handles or threads have grown"),
        (Held(120, 8, 6, 14, 5), 0, "more connections to the store than threads"),
        (Held(120, 2 * CONNECTIONS + 1, 3, 14, 5), 0, "connections of clients stay open"),
        (HELD, 1, "connections of clients stay open"),
    ],
)
def test_what_is_kept_open_is_a_problem(end: Held, clients_left: int, problem: str) -> None:
    report = Report(2000, 1000, Outcome(), warm=HELD, end=end, clients_left=clients_left)
    found = report.problems()
    assert len(found) == bool(problem)
    assert all(problem in one for one in found)
