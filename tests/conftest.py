"""Fixtures that tests of several kinds share."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kubedoor.store import opening
from kubedoor.store.connection import Connection
from kubedoor.store.migrations import migrate
from tests.support.clickhouse import ClickHouse, running_clickhouse
from tests.toolbox.build import ToolMissing
from tests.toolbox.controlplane import ControlPlane

_serial = itertools.count(1)


@pytest.fixture(autouse=True)
def isolate_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test, and no cluster either."""
    for name in list(os.environ):
        if name.startswith("KUBEDOOR_") and name not in ("KUBEDOOR_TOOLBOX", "KUBEDOOR_TEST_CLICKHOUSE_URL"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("KUBECONFIG", os.devnull)


@pytest.fixture(scope="session")
def embedded_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The embedded engine allows one path per process, so every test in the process shares it."""
    folder: Path = tmp_path_factory.mktemp("clickhouse")
    yield f"chdb://{folder}/store?database=kubedoor"
    opening.close_all()


@pytest.fixture(scope="session")
def embedded(embedded_dsn: str) -> Iterator[Connection]:
    connection = Connection(embedded_dsn)
    migrate(connection)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """ClickHouse over HTTP: a real server where one is to be had, else chDB behind the same interface."""
    with running_clickhouse(tmp_path_factory.mktemp("clickhouse-http")) as server:
        yield server


@pytest.fixture(scope="session")
def served(clickhouse: ClickHouse) -> Iterator[Connection]:
    connection = Connection(clickhouse.dsn)
    migrate(connection)
    yield connection
    connection.close()


@pytest.fixture(params=["embedded", "served"])
def connection(request: pytest.FixtureRequest) -> Connection:
    """The store both ways: every test that asks for it runs twice."""
    found: Connection = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def cluster() -> str:
    """A cluster name of the test's own: rows of different clusters never meet."""
    return f"cluster-{os.getpid()}-{next(_serial)}"


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """One for the session; a test that stops a part of it has to start it again."""
    with ExitStack() as stack:
        try:
            plane = stack.enter_context(ControlPlane())
        except ToolMissing as missing:
            pytest.fail(str(missing))
        yield plane
