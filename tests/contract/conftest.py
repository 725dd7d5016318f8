"""Real parts for the contract tests. A part that is missing is a failure with a hint, never a skip."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from kubedoor.admission.switch import WEBHOOK
from kubedoor.store.connection import Connection
from tests.contract.commands import Command, run, serving
from tests.contract.lab import CLUSTER, Lab, amounts, know_control_values
from tests.support.builders import make_deployment
from tests.support.clickhouse import ClickHouse
from tests.toolbox.build import ToolMissing
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.metrics_api import MetricsApi
from tests.toolbox.prometheus import OPEN, Access, Prometheus
from tests.toolbox.running import Client, start_kubedoor
from tests.toolbox.series import Fleet

PrometheusOf = Callable[..., Prometheus]

_serial = itertools.count(1)


@pytest.fixture(scope="session")
def metrics_api(control_plane: ControlPlane) -> Iterator[MetricsApi]:
    """Lets the real HPA controller work; what pods use is what the test sets."""
    with MetricsApi(control_plane) as api:
        yield api


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A fresh namespace, with the service account that pods need; its end is not waited for."""
    name = f"test-{os.getpid()}-{next(_serial)}"
    control_plane.kubectl("create", "namespace", name)
    control_plane.wait_for(
        lambda: control_plane.kubectl("get", "sa", "default", "-n", name, check=False).returncode == 0,
        what=f"namespace {name} has its service account",
    )
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.fixture(scope="session")
def prometheus_of() -> Iterator[PrometheusOf]:
    """`prometheus_of(fleet, ..., access=, max_samples=)`: a running one, the same for the same arguments."""
    with ExitStack() as stack:
        running: dict[tuple[tuple[Fleet, ...], Access, int | None], Prometheus] = {}

        def start(*fleets: Fleet, access: Access = OPEN, max_samples: int | None = None) -> Prometheus:
            key = (fleets, access, max_samples)
            if key not in running:
                try:
                    running[key] = stack.enter_context(Prometheus(*fleets, access=access, max_samples=max_samples))
                except ToolMissing as missing:
                    pytest.fail(str(missing))
            return running[key]

        yield start


# A loaded machine must not turn a slow answer into a request let through. What is in the cluster is looked at when a test
# says so: some tests give values of an HPA to a Deployment that has none.
PATIENCE = {
    "KUBEDOOR_SNAPSHOT_WAIT_SECONDS": "8",
    "KUBEDOOR_SNAPSHOT_MAX_AGE_SECONDS": "0.2",
    "KUBEDOOR_WEBHOOK_TIMEOUT_SECONDS": "20",
    "KUBEDOOR_LOOK_SECONDS": "0",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the lab runs with the webhook, and with each of DOORS that its module names, or its marker `doors`."""
    if "lab" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("doors")
    doors = marker.args if marker else getattr(metafunc.module, "DOORS", (WEBHOOK,))
    metafunc.parametrize("lab", doors, indirect=True, scope="session")


WAYS_AT_POLICIES = ("client-side", "server-side")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Policies meet manifests sent in two ways only: with a webhook alone they are sent in all, which takes minutes."""
    left_out = [one for one in items if _is_left_out(one)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [one for one in items if one not in left_out]


def _is_left_out(item: pytest.Item) -> bool:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    is_another_way = parameters.get("way", WAYS_AT_POLICIES[0]) not in WAYS_AT_POLICIES
    return parameters.get("lab", WEBHOOK) != WEBHOOK and is_another_way


@pytest.fixture(scope="session")
def lab(
    request: pytest.FixtureRequest,
    control_plane: ControlPlane,
    clickhouse: ClickHouse,
    served: Connection,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    """KubeDoor with its door on, on sample data; tests set values for Deployments of their own."""
    folder, door = tmp_path_factory.mktemp("kubedoor"), request.param
    settings = {"KUBEDOOR_STORE_DSN": clickhouse.dsn, "KUBEDOOR_CLUSTER": CLUSTER, "KUBEDOOR_DOOR": door, **PATIENCE}
    if door != WEBHOOK:
        know_control_values(control_plane)
    kubedoor = start_kubedoor(control_plane, None, folder=folder, settings=settings)
    try:
        with closing(Client(kubedoor.url)) as client:
            client.log_in()
            # With fewer days, values are withheld: the condition ShortHistory.
            client.collect(3, on_progress=lambda _record: None)
            assert client.switch(enabled=True)["enabled"] is True
            made = Lab(control_plane, kubedoor, client, served, folder, clickhouse.dsn, door)
            with closing(made):
                made.wait_for_door()
                yield made
            client.switch(enabled=False)
    finally:
        kubedoor.child.stop()


@pytest.fixture(scope="module")
def served_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A KubeDoor on sample data without a cluster, for commands that need none."""
    with serving(tmp_path_factory.mktemp("cli")) as leading:
        yield leading


@pytest.fixture
def kubedoor(served_api: dict[str, str], tmp_path: Path) -> Command:
    """The command against the KubeDoor without a cluster."""
    leading = {name: value for name, value in served_api.items() if name.startswith("KUBEDOOR_")}
    return lambda *words, stdin="", **more: run(tmp_path, *words, environment={**leading, **more}, stdin=stdin)


@pytest.fixture(scope="module")
def operator_token(lab: Lab) -> Iterator[str]:
    body = {"name": "cli-actions", "role": "operator", "expires_in_days": 1}
    token = str(lab.client.call("POST", "/tokens", body)["token"])
    yield token
    lab.client.call("DELETE", "/tokens/cli-actions")


@pytest.fixture
def kubedoor_at_lab(lab: Lab, operator_token: str, tmp_path: Path) -> Command:
    """The command against the KubeDoor in front of the control plane."""
    leading = {"KUBEDOOR_API_URL": lab.kubedoor.url, "KUBEDOOR_API_TOKEN": operator_token}
    return lambda *words: run(tmp_path, *words, environment=leading)


@pytest.fixture
def two(lab: Lab, namespace: str) -> str:
    """A namespace with the Deployments `web` and `api`, rolled out, one pod each."""
    names = ("web", "api")
    lab.plane.apply(*(make_deployment(name, namespace=namespace, replicas=1) for name in names))
    lab.plane.kubectl("-n", namespace, "wait", "deployment", *names, "--for=condition=Available", "--timeout=55s")
    for name in names:
        lab.set_values(namespace, name, replicas=1, app=amounts("120m", "256Mi"))
    return namespace
