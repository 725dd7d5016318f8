"""Workloads that are put into the control table before they are collected, through the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from kubedoor.model.conditions import Condition, ConditionType, Withheld
from kubedoor.model.values import WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from tests.contract.store.test_store import make_collected
from tests.support.functions import assert_error, function_client
from tests.unit.api.test_api import V1, log_in

HOME, EAST = "add-home", "add-east"
MI = 2**20
TEMPLATE = {"namespace": "shop", "deployment": "web"}
SHORT = Condition(
    ConditionType.SHORT_HISTORY, "FewDays", "few days", withholds=(Withheld("app", "cpu_request_millicores"),)
)
COLLECTED = [make_collected("web"), make_collected("scaled", hpa=True), make_collected("short", conditions=(SHORT,))]


@pytest.fixture(scope="module")
def control(embedded: Connection) -> ControlStore:
    return ControlStore(embedded, HOME)


@pytest.fixture(scope="module")
def api(
    embedded: Connection, embedded_dsn: str, control: ControlStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """Two clusters without an API server, each with a collected workload shop/web, of other values in the east."""
    control.replace_collected(COLLECTED, run=1, rule="peak-day")
    ControlStore(embedded, EAST).replace_collected([make_collected("web", cpu=70)], run=1, rule="peak-day")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEDOOR_STORE_DSN", embedded_dsn)
        patch.setenv("KUBEDOOR_DATA_DIR", str(tmp_path_factory.mktemp("api-additions")))
        patch.setenv("KUBEDOOR_CLUSTER", HOME)
        patch.setenv("KUBEDOOR_CLUSTERS", json.dumps([{"name": EAST}]))
        patch.setenv("KUBEDOOR_KUBECONFIG", "none")
        with function_client("api") as client:
            log_in(client)
            yield client


def add(api: TestClient, deployment: str, **body: Any) -> Any:
    return api.post(f"{V1}/workloads", json={"namespace": "shop", "deployment": deployment, **body})


def one(api: TestClient, deployment: str) -> Any:
    return api.get(f"{V1}/workloads/{HOME}/shop/{deployment}")


def audited(api: TestClient, deployment: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"{V1}/audit", params={"target": f"{HOME}/shop/{deployment}"}).json()
    return found


def test_a_workload_is_in_the_control_table_before_it_exists(api: TestClient, control: ControlStore) -> None:
    added = add(
        api,
        "checkout",
        mode="observe",
        replicas=4,
        containers={"app": {"cpu_request": "250m", "memory_limit": "512Mi"}},
        note="new in December",
    )
    assert added.status_code == 201, added.text
    assert (added.json()["cluster"], added.json()["version"], added.json()["mode"]) == (HOME, 1, "observe")
    values = control.values_of(WorkloadKey(HOME, "shop", "checkout"))
    assert values.known
    assert values.replicas is not None
    assert values.replicas.amount == 4
    shown = one(api, "checkout").json()
    assert (shown["is_collected"], shown["days"], shown["newest_day"], shown["conditions"]) == (False, 0, None, [])
    assert (shown["manual"]["note"], shown["manual"]["edited_by"]) == ("new in December", "kubedoor")
    listed = api.get(f"{V1}/workloads").json()["items"]
    assert {row["deployment"]: row["is_collected"] for row in listed}.items() >= {
        "checkout": False,
        "web": True,
    }.items()
    only = [api.get(f"{V1}/workloads", params={"collected": wanted}).json()["items"] for wanted in ("false", "true")]
    assert [{row["is_collected"] for row in rows} for rows in only] == [{False}, {True}]
    (record,) = audited(api, "checkout")
    assert (record["action"], record["who"], record["after"]["replicas"]) == ("workload.add", "kubedoor", 4)
    edit = {"version": 1, "replicas": 5}
    assert api.patch(f"{V1}/workloads/{HOME}/shop/checkout", json=edit).json()["version"] == 2
    assert [row["version"] for row in api.get(f"{V1}/workloads/{HOME}/shop/checkout/edits").json()] == [2, 1]


def test_a_workload_without_values_is_known_and_left_as_it_is(api: TestClient, control: ControlStore) -> None:
    assert add(api, "plain").status_code == 201
    values = control.values_of(WorkloadKey(HOME, "shop", "plain"))
    assert (values.known, values.replicas, values.containers) == (True, None, {})


def test_what_is_collected_later_lies_under_what_was_added(api: TestClient, control: ControlStore) -> None:
    add(api, "later", replicas=4, containers={"app": {"cpu_request": "250m"}}).raise_for_status()
    before = control.control_rows()
    try:
        control.replace_collected([*COLLECTED, make_collected("later")], run=2, rule="peak-day")
        shown = one(api, "later").json()
        (app,) = shown["containers"]
        assert (shown["is_collected"], shown["replicas"], shown["collected_replicas"]) == (True, 4, 3)
        assert (app["cpu_request_millicores"], app["memory_request_bytes"]) == (250, 256 * MI)
        refused = api.delete(f"{V1}/workloads/{HOME}/shop/later", params={"version": shown["version"]})
        assert_error(refused, 409, "conflict")
        assert "is collected" in refused.json()["error"]["message"]
    finally:
        control.replace_collected(COLLECTED, run=3, rule="peak-day")
    assert len(control.control_rows()) == len(before)


@pytest.mark.parametrize(
    ("template", "cpu"), [(TEMPLATE, 120), ({**TEMPLATE, "cluster": EAST}, 70)], ids=["another name", "another cluster"]
)
def test_values_are_like_those_of_a_template(api: TestClient, template: dict[str, str], cpu: int) -> None:
    name = f"like-{cpu}"
    body = {"containers": {"app": {"memory_request": "300Mi"}}, "template": template}
    added = add(api, name, **body)
    assert added.status_code == 201, added.text
    assert (added.json()["replicas"], added.json()["mode"]) == (3, "enforce")
    assert added.json()["containers"] == {
        "app": {
            "cpu_request_millicores": cpu,
            "memory_request_bytes": 300 * MI,
            "cpu_limit_millicores": 1000,
            "memory_limit_bytes": 1024 * MI,
        }
    }
    (record,) = audited(api, name)
    assert record["after"]["template"] == f"{template.get('cluster', HOME)}/shop/web"


def test_a_container_may_be_like_one_of_another_name(api: TestClient) -> None:
    body = {"containers": {"renamed": {"template_container": "app", "cpu_limit": None}}, "template": TEMPLATE}
    containers = add(api, "renamed", **body).json()["containers"]
    assert list(containers) == ["renamed"]
    assert (containers["renamed"]["cpu_request_millicores"], containers["renamed"]["cpu_limit_millicores"]) == (
        120,
        None,
    )


def test_of_a_template_neither_withheld_values_nor_an_hpas_replicas_are_taken(api: TestClient) -> None:
    assert add(api, "like-scaled", template={**TEMPLATE, "deployment": "scaled"}).json()["replicas"] is None
    added = add(api, "like-short", template={**TEMPLATE, "deployment": "short"}).json()
    assert (added["containers"]["app"]["cpu_request_millicores"], added["replicas"]) == (None, 3)
    assert added["containers"]["app"]["memory_request_bytes"] == 256 * MI


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"namespace": "Shop"}, "namespace"),
        ({"namespace": "sh.op"}, "namespace"),
        ({"namespace": "x" * 64}, "namespace"),
        ({"namespace": ""}, "namespace"),
        ({"namespace": "kube-system"}, "namespace"),
        ({"deployment": "web_1"}, "deployment"),
        ({"deployment": "../web"}, "deployment"),
        ({"deployment": "web..x"}, "deployment"),
        ({"deployment": "-web"}, "deployment"),
        ({"containers": {"App": {"cpu_request": "1"}}}, "containers.App"),
        ({"containers": {"app": {"cpu_request": "lots"}}}, "containers.app.cpu_request"),
        ({"containers": {"app": {"cpu_request": "2", "cpu_limit": "1"}}}, "containers.app.cpu_request"),
        ({"replicas": -1}, "replicas"),
        ({"mode": "on"}, "mode"),
        ({"template": {**TEMPLATE, "deployment": "nobody"}}, "template"),
        ({"template": {**TEMPLATE, "cluster": "south"}}, "template"),
        ({"template": TEMPLATE, "containers": {"x": {"template_container": "no"}}}, "containers.x.template_container"),
        ({"template": TEMPLATE, "containers": {"app": {"cpu_limit": "50m"}}}, "containers.app.cpu_request"),
    ],
)
def test_what_kubernetes_or_the_door_would_not_take_is_refused(
    api: TestClient, control: ControlStore, body: dict[str, Any], field: str
) -> None:
    before = control.workloads()
    answer = api.post(f"{V1}/workloads", json={"namespace": "shop", "deployment": "refused", **body})
    assert assert_error(answer, 422, "invalid_input")["field"] == field
    assert control.workloads() == before


def test_what_is_there_is_not_added_again(api: TestClient) -> None:
    for name in ("web", "twice", "twice"):
        answer = add(api, name)
    assert_error(answer, 409, "conflict")
    assert_error(add(api, "web"), 409, "conflict")


def test_what_was_added_by_mistake_is_removed_and_may_come_again(api: TestClient, control: ControlStore) -> None:
    add(api, "mistake", replicas=2).raise_for_status()
    path = f"{V1}/workloads/{HOME}/shop/mistake"
    assert_error(api.delete(path, params={"version": 0}), 409, "conflict")
    assert api.delete(path, params={"version": 1}).status_code == 204
    assert one(api, "mistake").status_code == 404
    assert not control.values_of(WorkloadKey(HOME, "shop", "mistake")).known
    assert_error(api.delete(path, params={"version": 2}), 404, "not_found")
    assert [row["action"] for row in audited(api, "mistake")] == ["workload.remove", "workload.add"]
    assert add(api, "mistake").json()["version"] == 3
    assert one(api, "mistake").json()["manual_replicas"] is None


def test_a_patch_of_an_unknown_workload_says_how_to_add_it(api: TestClient) -> None:
    answer = api.patch(f"{V1}/workloads/{HOME}/shop/nobody", json={"version": 0, "replicas": 1})
    assert_error(answer, 404, "not_found")
    assert "add it" in answer.json()["error"]["message"]


def test_it_takes_an_operator(api: TestClient) -> None:
    token = api.post(f"{V1}/tokens", json={"name": "looks", "role": "viewer", "expires_in_days": 1}).json()["token"]
    api.cookies, kept = type(api.cookies)(), api.cookies
    try:
        viewer = {"Authorization": f"Bearer {token}"}
        body = {"namespace": "shop", "deployment": "not-for-viewers"}
        assert api.post(f"{V1}/workloads", json=body, headers=viewer).status_code == 403
        path = f"{V1}/workloads/{HOME}/shop/web"
        assert api.delete(path, params={"version": 0}, headers=viewer).status_code == 403
    finally:
        api.cookies = kept


def test_a_sheet_adds_workloads_where_it_is_told_to(api: TestClient, control: ControlStore) -> None:
    header = "namespace,deployment,container,manual_replicas,manual_cpu_request"
    sheet = f"{header}\nshop,from-sheet,app,2,150m\nshop,from-sheet,side,2,\nshop,web,app,6,\n"

    def send(path: str, text: str = sheet) -> dict[str, Any]:
        answer = api.post(f"{V1}/values/{path}", content=text.encode())
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    assert [(one["line"], "add it" in one["message"]) for one in send("import/preview")["problems"]] == [(2, True)]
    shown = send("import/preview?add=true")
    assert (shown["problems"], shown["added"]) == ([], 1)
    assert [(one["field"], one["container"], one["after"]) for one in shown["changes"]] == [
        ("added", "", "enforce"),
        ("replicas", "", 2),
        ("cpu_request_millicores", "app", 150),
        ("replicas", "", 6),
    ]
    assert send(f"import?add=true&fingerprint={shown['fingerprint']}")["applied"] == 2
    values = control.values_of(WorkloadKey(HOME, "shop", "from-sheet"))
    assert values.replicas is not None
    assert (values.replicas.amount, list(values.containers)) == (2, ["app"])
    wrong = f"{header}\nshop,Wrong,app,2,\nkube-system,dns,app,2,\nshop,right,No_Name,2,1\n"
    found = send("import/preview?add=true", wrong)["problems"]
    assert [(one["line"], one["field"]) for one in found] == [(2, "deployment"), (3, "namespace"), (4, "container")]
    exported = "namespace,deployment,version,manual_replicas\nshop,gone,3,2\n"
    assert len(send("import/preview?add=true", exported)["problems"]) == 1
