"""Export and import through the API, on sample data."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient

from kubedoor.admission.deployment_state import state_of
from kubedoor.model.values import Resources
from kubedoor.store.connection import Connection
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.migrations import migrate
from kubedoor.workloads.csv_sheet import COLUMNS
from tests.support.accounts import dsn_of_new_database
from tests.support.builders import make_container, make_deployment
from tests.support.functions import assert_error, function_client

V1 = "/api/v1"
COLLECT_SECONDS = 60


@pytest.fixture(scope="module")
def dsn(embedded_dsn: str) -> str:
    return dsn_of_new_database(embedded_dsn)


@pytest.fixture(scope="module")
def connection(dsn: str) -> Iterator[Connection]:
    made = Connection(dsn)
    migrate(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def api(dsn: str, connection: Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEDOOR_STORE_DSN", dsn)
        patch.setenv("KUBEDOOR_DATA_DIR", str(tmp_path_factory.mktemp("api-moving")))
        patch.setenv("KUBEDOOR_KUBECONFIG", "none")
        with function_client("api") as client:
            client.post(f"{V1}/session", json={"username": "kubedoor", "password": "kubedoor"}).raise_for_status()
            run = client.post(f"{V1}/collect", json={"days": 1}).json()["collection"]
            deadline = time.monotonic() + COLLECT_SECONDS
            while client.get(f"{V1}/collect/runs/{run}").json()["state"] == "running":
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield client


def upload(api: TestClient, text: str, *, apply: bool = False) -> dict[str, Any]:
    path = f"{V1}/values/import" if apply else f"{V1}/values/import/preview"
    answer = api.post(path, content=text.encode(), headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def export(api: TestClient, **query: str) -> str:
    answer = api.get(f"{V1}/values/export", params=query)
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    return answer.text


def test_what_is_exported_and_imported_unchanged_changes_nothing(api: TestClient) -> None:
    answer = upload(api, export(api, format="csv"), apply=True)
    assert (answer["changes"], answer["problems"], answer["applied"]) == ([], [], 0)


def test_what_owners_asked_and_what_runs_is_exported_and_not_imported(api: TestClient, connection: Connection) -> None:
    def rows() -> dict[str, dict[str, str]]:
        found = csv.DictReader(io.StringIO(export(api, format="csv", namespace="shop")))
        return {row["container"]: row for row in found if row["deployment"] == "storefront"}

    before = rows()["storefront"]
    assert before["asked_cpu_request"] == before["running_cpu_request"] != "", "the sample's Deployment"
    store = DeploymentStore(connection, "default")
    state = store.of("shop", "storefront")
    assert state is not None
    runs = [replace(one, runs=Resources(123)) for one in state.containers]
    store.record([replace(state, containers=tuple(runs), is_sized=True)], seen_by="door", at=datetime.now(UTC))
    after = rows()["storefront"]
    assert (after["asked_cpu_request"], after["running_cpu_request"]) == (before["asked_cpu_request"], "123m")
    assert (after["running_memory_request"], after["cpu_request"]) == ("", before["cpu_request"])
    changed = export(api, format="csv", namespace="shop").replace("123m", "321m")
    assert upload(api, changed)["changes"] == []
    row = api.get(f"{V1}/workloads", params={"search": "shop/storefront"}).json()["items"][0]
    assert (row["is_sized"], {one["is_observed"] for one in row["containers"]}) == (True, {True})
    assert api.get(f"{V1}/overview").json()["savings"]["workloads"] == 1
    store.record([state], seen_by="door", at=datetime.now(UTC))


def test_a_sheet_is_shown_before_it_is_applied(api: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(export(api, format="csv", namespace="shop"))))
    row = next(row for row in rows if row["deployment"] == "storefront" and row["container"] == "storefront")
    text = (
        "namespace,deployment,container,version,manual_replicas,manual_cpu_request\n"
        f"shop,storefront,storefront,{row['version']},7,123m\n"
    )
    shown = upload(api, text)
    assert [(change["field"], change["before"], change["after"]) for change in shown["changes"]] == [
        ("replicas", None, 7),
        ("cpu_request_millicores", None, 123),
    ]
    assert (shown["applied"], shown["problems"]) == (0, [])
    assert upload(api, text, apply=True)["applied"] == 1
    after = api.get(f"{V1}/workloads/default/shop/storefront").json()
    assert (after["manual_replicas"], after["manual"]["containers"]["storefront"]["cpu_request_millicores"]) == (7, 123)
    stale = upload(api, text, apply=True)
    assert (stale["applied"], stale["problems"][0]["line"], stale["problems"][0]["field"]) == (0, 2, "version")
    assert "manual_replicas" in api.get(f"{V1}/values/export").text


def test_a_sheet_says_by_line_what_its_values_would_do(api: TestClient) -> None:
    text = (
        "namespace,deployment,container,manual_replicas,manual_memory_request,manual_memory_limit\n"
        "shop,cart,cart,,16Mi,16Mi\n"
        "shop,reviews,reviews,0,,\n"
    )
    shown = upload(api, text)
    assert shown["problems"] == []
    assert [(one["line"], one["deployment"], one["field"], one["kills"]) for one in shown["warnings"]] == [
        (2, "cart", "containers.cart.memory_limit", True),
        (2, "cart", "containers.cart.memory_request", False),
        (3, "reviews", "replicas", True),
    ]
    assert shown["warnings"][2]["message"].startswith("replicas 0 ends every pod")


def test_other_changes_than_those_that_were_shown_are_not_made(api: TestClient) -> None:
    text = "namespace,deployment,manual_replicas\nshop,reviews,5\n"
    shown = upload(api, text)
    upload(api, text.replace(",5", ",4"), apply=True)
    path = f"{V1}/values/import?fingerprint={shown['fingerprint']}"
    assert_error(api.post(path, content=text.encode(), headers={"Content-Type": "text/csv"}), 409, "conflict")
    again = upload(api, text)
    assert (again["changes"][0]["before"], again["changes"][0]["after"]) == (4, 5)
    assert api.post(f"{V1}/values/import?fingerprint={again['fingerprint']}", content=text.encode()).json()["applied"]


def test_files_for_git_come_as_an_archive(api: TestClient) -> None:
    answer = api.get(f"{V1}/values/export", params={"format": "helm", "namespace": "shop", "archive": "true"})
    assert answer.headers["content-disposition"] == 'attachment; filename="kubedoor-helm-values.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert {"shop/cart.yaml", "README.txt"} <= set(packed.namelist())
    assert "namespace,deployment" in export(api, format="csv", archive="true")


def test_only_what_somebody_has_set_is_exported_when_asked(api: TestClient) -> None:
    upload(api, "namespace,deployment,manual_replicas\nshop,catalog,9\n", apply=True)
    rows = list(csv.DictReader(io.StringIO(export(api, manual="true", namespace="shop"))))
    assert "catalog" in {row["deployment"] for row in rows}
    by_hand = [key for key in COLUMNS if key.startswith("manual_")]
    names = {row["deployment"] for row in rows}
    assert names == {row["deployment"] for row in rows if any(row[key] for key in by_hand)}
    assert len(names) < len({row["deployment"] for row in csv.DictReader(io.StringIO(export(api, namespace="shop")))})


def test_one_bad_line_keeps_the_whole_sheet_out(api: TestClient) -> None:
    text = (
        "namespace,deployment,container,manual_cpu_request\n"
        "shop,cart,cart,111m\nshop,nobody,app,1\nshop,catalog,catalog,lots\nshop,reviews,typo,1\n"
    )
    answer = upload(api, text, apply=True)
    assert answer["applied"] == 0
    assert [(problem["line"], problem["field"]) for problem in answer["problems"]] == [
        (3, ""),
        (4, "manual_cpu_request"),
        (5, "container"),
    ]
    assert api.get(f"{V1}/workloads/default/shop/cart").json()["version"] == 0


def test_a_sheet_of_a_spreadsheet_with_semicolons_in_utf_16_is_read(api: TestClient) -> None:
    text = "sep=;\r\nnamespace;deployment;container;manual_cpu_request\r\nshop;cart;cart;1,5\r\n"
    for data in (text.encode("utf-16"), text.encode("utf-8-sig")):
        answer = api.post(f"{V1}/values/import/preview", content=data).json()
        assert answer["problems"] == []
        assert [(one["line"], one["field"], one["after"]) for one in answer["changes"]] == [
            (3, "cpu_request_millicores", 1500)
        ]


def test_what_is_no_sheet_is_refused(api: TestClient) -> None:
    for content in (b"", b"\xff\xfe\x00", b"a,b\n1,2\n"):
        assert_error(api.post(f"{V1}/values/import/preview", content=content), 400, "bad_request")
    assert_error(api.post(f"{V1}/values/import", content=b"x" * (8 * 2**20 + 1)), 413, "too_large")


def see(connection: Connection, *containers: str, deployment: str = "cart") -> None:
    """Record the Deployment as it would be seen in a cluster now."""
    made = [make_container(name) for name in containers]
    state = state_of(make_deployment(deployment, containers=made))
    DeploymentStore(connection, "default").record([state], seen_by="look", at=datetime.now(UTC))


def test_patches_are_one_document_for_each_workload(api: TestClient, connection: Connection) -> None:
    see(connection, "cart", "istio-proxy")
    documents = list(yaml.safe_load_all(export(api, format="kustomize")))
    listed = api.get(f"{V1}/workloads", params={"page_size": 500}).json()
    assert 0 < len(documents) <= listed["total"]
    assert {document["kind"] for document in documents} == {"Deployment"}
    (one,) = yaml.safe_load_all(export(api, format="helm", namespace="shop", deployment="cart"))
    assert one.keys() == {"replicaCount", "cart", "istio-proxy"}
    rows = api.get(f"{V1}/values/export", params={"format": "json", "namespace": "shop"}).json()
    assert {row["namespace"] for row in rows} == {"shop"}
    assert_error(api.get(f"{V1}/values/export", params={"format": "xml"}), 422, "invalid_input")


def test_patches_have_only_containers_of_the_deployment(api: TestClient, connection: Connection) -> None:
    see(connection, "cart")
    text = export(api, format="helm", namespace="shop", deployment="cart")
    assert "# left out: istio-proxy: not in the Deployment's pod template" in text
    assert yaml.safe_load(text).keys() == {"replicaCount", "resources"}
    DeploymentStore(connection, "default").record_gone([("shop", "cart")], at=datetime.now(UTC))
    text = export(api, format="kustomize", namespace="shop", deployment="cart")
    assert text.startswith("# shop/cart is left out: its Deployment has not been seen yet")
    assert yaml.safe_load(text) is None
