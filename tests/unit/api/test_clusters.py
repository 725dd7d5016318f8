"""Several clusters in one API: every request is for one cluster and sees no data of another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.api.app import create_app
from functions.api.openapi import CLUSTER
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from tests.support.builders import make_deployment
from tests.support.functions import assert_error, function_client
from tests.unit.api.test_api import V1, collect, log_in

HOME, WEST, DEAD = "many-home", "many-west", "many-dead"
CLUSTERS = [{"name": WEST}, {"name": DEAD, "prometheus": {"url": "http://127.0.0.1:9"}}]
CART = "shop/cart"
RESTART = {"kind": "restart", "workloads": [{"namespace": "shop", "deployment": "cart"}]}
COMMON = ("/session", "/users", "/tokens", "/notifications", "/clusters", "/openapi.json")


@pytest.fixture(scope="module")
def api(embedded: Connection, embedded_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Three clusters without an API server: two with sample data, one whose Prometheus is unavailable."""
    folder: Path = tmp_path_factory.mktemp("api-clusters")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEDOOR_STORE_DSN", embedded_dsn)
        patch.setenv("KUBEDOOR_DATA_DIR", str(folder))
        patch.setenv("KUBEDOOR_CLUSTER", HOME)
        patch.setenv("KUBEDOOR_CLUSTERS", json.dumps(CLUSTERS))
        patch.setenv("KUBEDOOR_KUBECONFIG", "none")
        with function_client("api") as client:
            log_in(client)
            for name in (HOME, WEST):
                assert collect_in(client, name)["state"] == "finished"
            yield client


def collect_in(client: TestClient, name: str) -> dict[str, Any]:
    client.params = client.params.merge({"cluster": name})
    try:
        return collect(client, {"days": 2})
    finally:
        client.params = client.params.remove("cluster")


def one(api: TestClient, cluster: str, workload: str = CART) -> dict[str, Any]:
    answer = api.get(f"{V1}/workloads/{cluster}/{workload}")
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def test_every_cluster_is_listed_with_what_can_be_done_there(api: TestClient) -> None:
    found = {row["name"]: row for row in api.get(f"{V1}/clusters").json()}
    assert list(found) == [HOME, WEST, DEAD]
    assert [row["is_home"] for row in found.values()] == [True, False, False]
    assert (found[HOME]["has_access"], found[WEST]["has_access"]) == (True, False)
    assert f"no access to the API server of {WEST}" in found[WEST]["reason"]
    assert (found[WEST]["workloads"] > 0, found[DEAD]["workloads"]) == (True, 0)
    assert found[WEST]["last_collection"]["state"] == "finished"
    assert found[WEST]["door"]["enabled"] is None


def test_the_session_names_every_cluster(api: TestClient) -> None:
    session = api.get(f"{V1}/session").json()
    assert session["cluster"] == HOME
    assert [(row["name"], bool(row["no_access"]), row["is_sample"]) for row in session["clusters"]] == [
        (HOME, False, True),
        (WEST, True, True),
        (DEAD, True, False),
    ]


def test_without_a_name_it_is_the_home_cluster(api: TestClient) -> None:
    assert api.get(f"{V1}/overview").json()["cluster"] == HOME
    assert api.get(f"{V1}/overview", params={"cluster": ""}).json()["cluster"] == HOME
    assert api.get(f"{V1}/overview", params={"cluster": WEST}).json()["cluster"] == WEST


@pytest.mark.parametrize("path", ["/overview?cluster=east", "/workloads/east/shop/cart", "/audit?cluster=east"])
def test_an_unknown_cluster_names_those_there_are(api: TestClient, path: str) -> None:
    answer = api.get(f"{V1}{path}")
    assert_error(answer, 404, "not_found")
    assert answer.json()["error"]["message"].endswith(f"there are {HOME}, {WEST}, {DEAD}")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/workloads?cluster=east", 401), ("POST", "/schedules/x/ping?cluster=east", 404)],
)
def test_clusters_are_not_named_to_strangers(api: TestClient, method: str, path: str, status: int) -> None:
    stranger = api.request(method, f"{V1}{path}", headers={"Authorization": "Bearer nobody"})
    assert stranger.status_code == status
    assert WEST not in stranger.text


def test_the_same_workload_in_two_clusters_is_two_workloads(api: TestClient) -> None:
    home, west = one(api, HOME), one(api, WEST)
    assert home["cpu_used_millicores"] != west["cpu_used_millicores"], "usage of each is its own"
    edit = {"version": west["version"], "replicas": 9, "note": "only in the west"}
    api.patch(f"{V1}/workloads/{WEST}/{CART}", json=edit).raise_for_status()
    assert (one(api, HOME)["manual_replicas"], one(api, WEST)["manual_replicas"]) == (None, 9)
    edits = [api.get(f"{V1}/workloads/{name}/{CART}/edits").json() for name in (HOME, WEST)]
    assert [len(found) for found in edits] == [0, 1]
    days = [api.get(f"{V1}/workloads/{name}/{CART}/history").json()["days"] for name in (HOME, WEST)]
    assert [day["cpu_p95_millicores"] for day in days[0]] != [day["cpu_p95_millicores"] for day in days[1]]


def test_edits_of_many_and_sheets_go_to_the_cluster_that_is_named(api: TestClient) -> None:
    before = one(api, WEST, "shop/catalog")
    bulk = {"edits": [{"namespace": "shop", "deployment": "catalog", "version": before["version"], "mode": "observe"}]}
    api.post(f"{V1}/workloads/bulk", params={"cluster": WEST}, json=bulk).raise_for_status()
    assert [one(api, name, "shop/catalog")["mode"] for name in (HOME, WEST)] == ["enforce", "observe"]
    sheet = api.get(f"{V1}/values/export", params={"cluster": WEST, "namespace": "shop"})
    api.post(f"{V1}/values/import", params={"cluster": WEST}, content=sheet.content).raise_for_status()
    there = api.post(f"{V1}/values/import/preview", params={"cluster": HOME}, content=sheet.content).json()
    assert there["changes"] or there["problems"], "at home the same sheet would change something"


def test_changes_are_recorded_where_they_happened(api: TestClient) -> None:
    before = one(api, WEST, "search/ranking")
    path = f"{V1}/workloads/{WEST}/search/ranking"
    api.patch(path, json={"version": before["version"], "mode": "off"}).raise_for_status()
    api.post(f"{V1}/tokens", json={"name": "of-all", "role": "viewer"}).raise_for_status()

    def audited(**params: str) -> set[tuple[str, str]]:
        rows = api.get(f"{V1}/audit", params={"limit": "500", **params}).json()
        return {(row["cluster"], row["action"]) for row in rows}

    edited, made = (WEST, "workload.edit"), ("", "token.create")
    assert {edited, made} <= audited()
    assert {edited, made} <= audited(cluster=WEST)
    assert edited not in audited(cluster=HOME)
    assert made in audited(cluster=HOME), "what is common is shown everywhere"
    assert {cluster for cluster, _ in audited(cluster=WEST)} <= {WEST, ""}


ACTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "an action": ("POST", "/actions", RESTART),
    "a dry run": ("POST", "/actions", {**RESTART, "dry_run": True}),
    "a schedule": ("POST", "/schedules", {**RESTART, "name": "nightly", "cron": "0 3 * * *"}),
    "the switch": ("PUT", "/control", {"enabled": True}),
}


@pytest.mark.parametrize(("method", "path", "body"), ACTS.values(), ids=ACTS.keys())
def test_without_access_nothing_is_begun_and_the_reason_is_given(
    api: TestClient, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = api.request(method, f"{V1}{path}", params={"cluster": WEST}, json=body)
    assert_error(answer, 409, "no_cluster_access")
    assert f"API server of {WEST}" in answer.json()["error"]["message"]
    for path in ("/actions", "/schedules"):
        assert api.get(f"{V1}{path}", params={"cluster": WEST}).json() == []
    actions = {row["action"] for row in api.get(f"{V1}/audit", params={"cluster": WEST, "limit": 500}).json()}
    assert not actions & {"control.on", "schedule.create"}


def test_a_checkup_does_not_hold_missing_access_against_a_cluster(api: TestClient) -> None:
    checks = {check["name"]: check for check in api.get(f"{V1}/checkup?cluster={WEST}").json()["checks"]}
    assert checks["cluster"]["ok"] is True
    assert "no access" in checks["cluster"]["detail"]
    assert "switch" not in checks


def test_a_dead_prometheus_fails_its_own_collection_alone(api: TestClient) -> None:
    run = collect_in(api, DEAD)
    assert run["state"] == "failed"
    assert "127.0.0.1:9" in run["message"]
    assert collect_in(api, WEST)["state"] == "finished"
    assert {row["state"] for row in api.get(f"{V1}/collect/runs?cluster={WEST}").json()} == {"finished"}


def test_the_preview_is_of_the_clusters_own_values(api: TestClient, embedded: Connection) -> None:
    manifest = make_deployment("cart", namespace="shop", replicas=3)
    shown = {
        name: api.post(f"{V1}/admission/preview", params={"cluster": name}, json=manifest).json()
        for name in (HOME, WEST)
    }
    wanted = {
        name: {row["replicas"] for row in ControlStore(embedded, name).control_rows() if row["deployment"] == "cart"}
        for name in (HOME, WEST)
    }
    assert {name: {one["after"]["spec"]["replicas"]} for name, one in shown.items()} == wanted


def test_every_cluster_is_measured_and_no_metric_comes_twice(api: TestClient) -> None:
    text = api.get("/metrics").text
    for name in (HOME, WEST, DEAD):
        assert f'kubedoor_workloads{{cluster="{name}"}}' in text
    assert text.count("# TYPE kubedoor_workloads gauge") == 1
    assert f'kubedoor_workload_replicas{{cluster="{WEST}",deployment="cart",namespace="shop"}}' in text


def test_every_route_that_is_about_a_cluster_lets_it_be_named() -> None:
    def without_services() -> Any:
        raise AssertionError("the document needs none")

    for path, operations in create_app(without_services).openapi()["paths"].items():
        for operation in operations.values():
            named = [one["in"] for one in operation.get("parameters", ()) if one["name"] == CLUSTER]
            is_common = path.removeprefix(V1).startswith(COMMON)
            assert named == ([] if is_common else ["path" if "{cluster}" in path else "query"]), path
            if named:
                assert "404" in operation["responses"], path
