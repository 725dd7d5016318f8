"""Several clusters in one KubeDoor: two in one Prometheus, one with its own, one whose Prometheus is unavailable."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.collection.request import CollectRequest
from kubedoor.config import clusters, settings
from kubedoor.config.clusters import ClusterSettings
from kubedoor.model.events import Event
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.runtime.assembly import build_all_clusters
from kubedoor.schedules.missed_runs import missed_runs
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.events import EventStore
from kubedoor.store.opening import open_migrated_store, open_store
from kubedoor.store.schedules import ScheduleStore
from kubedoor.store.usage import UsageStore
from tests.contract.collection.bench import WINDOW
from tests.contract.collection.test_collect_on_prometheus import collect_function, post
from tests.contract.conftest import PATIENCE, PrometheusOf
from tests.contract.doors import make_door
from tests.contract.lab import replicas_of
from tests.support.accounts import dsn_of_new_database
from tests.support.builders import make_container, make_deployment
from tests.support.clickhouse import ClickHouse
from tests.support.clock import utc_now
from tests.toolbox import processes
from tests.toolbox.build import ToolMissing
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.processes import PartFailed
from tests.toolbox.running import NAMESPACE, SERVICE, Client, admit, start_kubedoor
from tests.toolbox.series import App, Container, Fleet, Shape

MEBIBYTE = 2**20
DAYS = 3
NAMES = EAST, WEST, NORTH, SOUTH = "east", "west", "north", "south"
CPU = {EAST: 0.2, WEST: 0.8, NORTH: 1.6}
"""Cores that the same workload uses in each cluster."""


def fleet(cluster: str, *, is_labelled: bool) -> Fleet:
    """A fleet with `shop/web`, which exists in every cluster."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    web = App("web", "shop", (Container("app", Shape(CPU[cluster]), Shape(200 * MEBIBYTE)),), 2)
    found = Fleet((web,), yesterday - timedelta(days=DAYS - 1), DAYS)
    return replace(found, external_labels=(("env", cluster),)) if is_labelled else found


@pytest.fixture(scope="module")
def environ(prometheus_of: PrometheusOf, clickhouse: ClickHouse) -> dict[str, str]:
    """The settings of `collect` and `api` in the home cluster, east."""
    both = prometheus_of(fleet(EAST, is_labelled=True), fleet(WEST, is_labelled=True))
    own = prometheus_of(fleet(NORTH, is_labelled=False))
    further = [
        # South comes before north, so that its failure would be in the way.
        {"name": WEST},
        {"name": SOUTH, "prometheus": {"url": f"http://127.0.0.1:{processes.free_port()}"}},
        {"name": NORTH, "prometheus": {"url": own.url, "concurrency": 1}},
    ]
    return {
        "KUBEDOOR_CLUSTER": EAST,
        "KUBEDOOR_CLUSTER_LABEL": "env",
        "KUBEDOOR_CLUSTERS": json.dumps(further),
        "KUBEDOOR_PROMETHEUS_URL": both.url,
        "KUBEDOOR_STORE_DSN": dsn_of_new_database(clickhouse.dsn),
        "KUBEDOOR_KUBECONFIG": "none",
        "KUBEDOOR_LOOK_BACK_DAYS": str(DAYS),
        "KUBEDOOR_PEAK_WINDOWS": WINDOW,
        "KUBEDOOR_TIME_ZONE": "UTC",
    }


@pytest.fixture(scope="module")
def steps(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The events of `collect`, run as a separate process, for the request `{}`."""
    with collect_function(tmp_path_factory.mktemp("collect"), **environ) as (url, _child):
        found = post(url, {})
        assert f'kubedoor_collection_steps_total{{cluster="{WEST}",event="day"}} {DAYS}.0' in metrics_of(url)
        return found


def metrics_of(url: str) -> str:
    return requests.get(f"{url}/metrics", timeout=10).text


@pytest.fixture(scope="module")
def config(environ: dict[str, str], steps: list[dict[str, Any]]) -> ClusterSettings:
    """The settings, after all clusters have been collected."""
    return clusters.load(environ)


@pytest.fixture(scope="module")
def store(config: ClusterSettings) -> Connection:
    return open_store(config.home)


def test_every_cluster_is_collected_in_turn_and_the_dead_one_is_named(steps: list[dict[str, Any]]) -> None:
    days = [step["cluster"] for step in steps if step["event"] == "day"]
    assert days == [name for name in (EAST, WEST, NORTH) for _ in range(DAYS)]
    (failed,) = [step for step in steps if step["event"] == "failed"]
    assert (failed["cluster"], failed["error"]["code"]) == (SOUTH, "prometheus_unreachable")
    assert (steps[-1]["event"], steps[-1]["complete"], steps[-1]["failed_clusters"]) == ("round", False, [SOUTH])


def test_the_same_workload_has_the_usage_of_its_own_cluster(config: ClusterSettings, store: Connection) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    for name, cores in CPU.items():
        (row,) = UsageStore(store, name).history([yesterday])
        assert (row.namespace, row.deployment) == ("shop", "web")
        assert row.cpu_p95_millicores == pytest.approx(cores * 1000, rel=0.05), name
    assert UsageStore(store, SOUTH).days() == {}


def test_control_values_edits_and_snapshots_do_not_mix(
    config: ClusterSettings, store: Connection, tmp_path: Path
) -> None:
    west = WorkloadKey(WEST, "shop", "web")
    ControlStore(store, WEST).edit(west, ManualValues(replicas=7), based_on=0, who="alice")
    found = {}
    for name in CPU:
        control = ControlStore(store, name)
        snapshot = Snapshot(control, cluster=name, path=tmp_path / name, monotonic=time.monotonic, now=utc_now)
        snapshot.refresh()
        assert snapshot.workload_count == 1
        values = snapshot.values_of(WorkloadKey(name, "shop", "web"))
        cpu = values.containers["app"].cpu_request_millicores
        assert cpu is not None
        assert cpu.amount == pytest.approx(CPU[name] * 1000, rel=0.05)
        found[name] = values.replicas.amount if values.replicas else None
        assert len(control.edits(WorkloadKey(name, "shop", "web"), limit=10)) == (name == WEST)
    assert found == {EAST: 2, WEST: 7, NORTH: 2}


def test_one_cluster_alone_and_a_round_that_goes_on(config: ClusterSettings) -> None:
    rounds = build_all_clusters(config)
    alone = list(rounds.run(CollectRequest(cluster=NORTH, refresh=True), collection="alone", budget_seconds=60))
    assert {step["cluster"] for step in alone} == {NORTH}
    first = list(rounds.run(CollectRequest(refresh=True), collection="again", budget_seconds=0))
    assert (first[-1]["event"], first[-1]["next"]["cluster"]) == ("next", EAST)
    assert first[-1]["next"]["then"] == [WEST, SOUTH, NORTH]


def test_what_failed_is_told_of_its_own_cluster(config: ClusterSettings, store: Connection) -> None:
    now = utc_now()
    told = {
        name: EventStore(store, name, own_username="", missed=missed_runs(ScheduleStore(store, name))).between(
            Event.COLLECTION_FAILED, now - timedelta(hours=1), now + timedelta(hours=1)
        )
        for name in NAMES
    }
    assert [len(notices) for notices in told.values()] == [0, 0, 0, 1]


# The door of a further cluster, in front of a real API server


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A separate control plane: the switch acts on a whole cluster."""
    try:
        with ControlPlane() as plane:
            yield plane
    except ToolMissing as missing:
        pytest.fail(str(missing))


@pytest.fixture(scope="module")
def client(plane: ControlPlane, clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A KubeDoor with the home cluster `east`, which has no API server; `west` has a real one and its own webhook."""
    dsn = dsn_of_new_database(clickhouse.dsn)
    open_migrated_store(settings.load({"KUBEDOOR_STORE_DSN": dsn}))
    door, port, ca = make_door(tmp_path_factory.mktemp("west"), dsn, KUBEDOOR_CLUSTER=WEST)
    its_door = {"port": port, "ca_file": str(ca), "timeout_seconds": 20}
    further = [{"name": WEST, "kubeconfig": str(admit(plane)), "door": its_door}, {"name": NORTH}]
    home = {
        "KUBEDOOR_STORE_DSN": dsn,
        "KUBEDOOR_CLUSTER": EAST,
        "KUBEDOOR_KUBECONFIG": "none",
        "KUBEDOOR_CLUSTERS": json.dumps(further),
        **PATIENCE,
    }
    kubedoor = start_kubedoor(plane, None, folder=tmp_path_factory.mktemp("east"), settings=home)
    try:
        with closing(Client(kubedoor.url)) as client:
            client.log_in()
            for name in (EAST, WEST):
                collect(client, name)
            yield client
    finally:
        kubedoor.child.stop()
        door.stop()


def collect(client: Client, cluster: str) -> None:
    run = client.call("POST", f"/collect?cluster={cluster}", {"days": 2})["collection"]
    path = f"/collect/runs/{run}?cluster={cluster}"
    processes.wait_until(lambda: client.call("GET", path)["state"] == "finished", what=f"{cluster} is collected")


@pytest.fixture
def switched_on(plane: ControlPlane, client: Client) -> Iterator[None]:
    """Control is on in `west`, and its API server calls the webhook."""
    plane.kubectl("create", "namespace", "shop", check=False)
    plane.apply(make_deployment("cart", namespace="shop", replicas=1, containers=[make_container("cart")]))
    assert client.call("PUT", f"/control?cluster={WEST}", {"enabled": True})["enabled"] is True
    client.call("PATCH", f"/workloads/{WEST}/shop/cart", {"version": version(client, WEST), "replicas": 4})
    client.call("PATCH", f"/workloads/{EAST}/shop/cart", {"version": version(client, EAST), "replicas": 9})

    def is_asked() -> bool:
        return "KubeDoor: replicas" in plane.kubectl("scale", "deployment/cart", "-n", "shop", "--replicas=2").stderr

    plane.wait_for(is_asked, what="the door of west answers")
    yield
    client.call("PUT", f"/control?cluster={WEST}", {"enabled": False})


def version(client: Client, cluster: str) -> int:
    return int(client.call("GET", f"/workloads/{cluster}/shop/cart")["version"])


def test_the_door_of_a_further_cluster_has_that_clusters_values(
    plane: ControlPlane, client: Client, switched_on: None
) -> None:
    said = plane.kubectl("scale", "deployment/cart", "-n", "shop", "--replicas=12").stderr
    assert "KubeDoor: replicas 12 -> 4 (set in KubeDoor)" in said
    assert replicas_of(plane.get("deployment", "cart", "shop")) == 4
    plane.wait_for(
        lambda: bool(client.call("GET", f"/admissions?cluster={WEST}&deployment=cart")), what="it is recorded in west"
    )
    assert client.call("GET", f"/admissions?cluster={EAST}") == []


def test_a_further_cluster_is_acted_on_where_it_is(plane: ControlPlane, client: Client, switched_on: None) -> None:
    body = {"kind": "scale", "replicas": 3, "workloads": [{"namespace": "shop", "deployment": "cart"}]}
    action = client.call("POST", f"/actions?cluster={WEST}", body)["action"]
    path = f"/actions/{action}?cluster={WEST}"
    plane.wait_for(lambda: client.call("GET", path)["state"] != "running", what="it is over", timeout_seconds=90)
    assert client.call("GET", path)["state"] == "finished"
    assert replicas_of(plane.get("deployment", "cart", "shop")) == 3
    assert client.call("GET", f"/workloads/{EAST}/shop/cart")["manual_replicas"] == 9
    live = client.call("GET", f"/workloads/{WEST}/shop/cart/live")
    assert live["metadata"]["name"] == "cart"


def test_the_list_says_where_control_is_on(client: Client, switched_on: None) -> None:
    found = {one["name"]: one for one in client.call("GET", "/clusters")}
    assert {name: one["door"]["enabled"] for name, one in found.items()} == {EAST: None, WEST: True, NORTH: None}
    assert {name: one["has_access"] for name, one in found.items()} == {EAST: True, WEST: True, NORTH: False}


def test_a_cluster_without_a_door_cannot_be_switched_on_and_says_why(plane: ControlPlane, client: Client) -> None:
    plane.kubectl("delete", "service", SERVICE, "-n", NAMESPACE)
    try:
        with pytest.raises(PartFailed, match=f"there is no Service {NAMESPACE}/{SERVICE}"):
            client.call("PUT", f"/control?cluster={WEST}", {"enabled": True})
    finally:
        plane.expose(SERVICE, NAMESPACE)
    with pytest.raises(PartFailed, match="no_cluster_access"):
        client.call("PUT", f"/control?cluster={NORTH}", {"enabled": True})


def test_an_api_server_that_is_away_does_not_hold_up_the_list(plane: ControlPlane, client: Client) -> None:
    plane.stop_apiserver()
    try:
        found = {one["name"]: one for one in client.call("GET", "/clusters")}
        assert found[WEST]["door"]["enabled"] is None
        assert found[WEST]["door"]["reason"]
        assert found[EAST]["workloads"] > 0
    finally:
        plane.start_apiserver()
