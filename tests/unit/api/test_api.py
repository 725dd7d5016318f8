"""The API on the embedded store, with sample data and without a cluster."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.api.schemas.workloads import HistoryAnswer
from kubedoor.store.connection import Connection
from tests.support.builders import make_container, make_deployment, make_request, make_review
from tests.support.functions import assert_error, function_client

V1 = "/api/v1"
COLLECT_SECONDS = 60


def log_in(client: TestClient) -> TestClient:
    client.post(f"{V1}/session", json={"username": "kubedoor", "password": "kubedoor"}).raise_for_status()
    return client


@pytest.fixture(scope="module")
def api(embedded: Connection, embedded_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Logged in, with two days of sample data collected."""
    folder: Path = tmp_path_factory.mktemp("api")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEDOOR_STORE_DSN", embedded_dsn)
        patch.setenv("KUBEDOOR_DATA_DIR", str(folder))
        patch.setenv("KUBEDOOR_CLUSTER", "api-tests")
        patch.setenv("KUBEDOOR_METRICS_LINK", "https://grafana.test/?ns={namespace}&container={container}")
        patch.setenv("KUBEDOOR_KUBECONFIG", "none")
        with function_client("api") as client:
            log_in(client)
            collect(client, {"days": 2})
            yield client


def collect(client: TestClient, body: dict[str, Any]) -> dict[str, Any]:
    started = client.post(f"{V1}/collect", json=body)
    assert started.status_code == 202, started.text
    path = f"{V1}/collect/runs/{started.json()['collection']}"
    deadline = time.monotonic() + COLLECT_SECONDS
    while (run := client.get(path).json())["state"] == "running":
        assert time.monotonic() < deadline, run
        time.sleep(0.05)
    found: dict[str, Any] = run
    return found


def first(api: TestClient, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{V1}/workloads", params=query).json()["items"][0]
    return found


def path_of(workload: dict[str, Any]) -> str:
    return f"{V1}/workloads/api-tests/{workload['namespace']}/{workload['deployment']}"


def edit(api: TestClient, workload: dict[str, Any], **changes: Any) -> Any:
    return api.patch(path_of(workload), json={"version": workload["version"], **changes})


def test_the_list_says_that_it_is_sample_data(api: TestClient) -> None:
    page = api.get(f"{V1}/workloads", params={"page_size": 5}).json()
    assert (len(page["items"]), page["is_sample"]) == (5, True)
    assert page["total"] >= 39
    assert len(page["namespaces"]) == 5


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"page": 0}, "page"),
        ({"page_size": 501}, "page_size"),
        ({"sort": "cpu_waste; DROP TABLE manual"}, "sort"),
        ({"mode": "on"}, "mode"),
        ({"order": "up"}, "order"),
        ({"hpa": "perhaps"}, "hpa"),
    ],
)
def test_a_wrong_query_names_its_field(api: TestClient, query: dict[str, Any], field: str) -> None:
    assert assert_error(api.get(f"{V1}/workloads", params=query), 422, "invalid_input")["field"] == field


def test_a_value_set_by_hand_is_shown_audited_and_previewed(api: TestClient) -> None:
    workload = first(api, search="storefront")
    container = workload["containers"][0]["container"]
    changes = {
        "replicas": 3,
        "mode": "enforce",
        "note": "sale is over",
        "containers": {container: {"cpu_request": "77m"}},
    }
    saved = edit(api, workload, **changes)
    assert saved.status_code == 200, saved.text
    assert saved.json()["version"] == workload["version"] + 1
    detail = api.get(path_of(workload)).json()
    assert (detail["replicas"], detail["manual"]["note"], detail["edited_by"]) == (3, "sale is over", "kubedoor")
    assert detail["containers"][0]["cpu_request_millicores"] == 77
    assert detail["containers"][0]["collected_cpu_request_millicores"] != 77
    manifest = make_deployment(
        workload["deployment"], namespace=workload["namespace"], replicas=20, containers=[make_container(container)]
    )
    shown = api.post(f"{V1}/admission/preview", json=manifest).json()
    assert (shown["outcome"], shown["after"]["spec"]["replicas"]) == ("patched", 3)
    assert shown["before"]["spec"]["replicas"] == 20
    assert "KubeDoor: replicas 20 -> 3 (set in KubeDoor)" in shown["warnings"]
    (row,) = [row for row in api.get(f"{V1}/audit").json() if workload["deployment"] in row["target"]][:1]
    assert (row["who"], row["action"], row["after"]["replicas"]) == ("kubedoor", "workload.edit", 3)
    assert api.get(f"{path_of(workload)}/edits").json()[0]["version"] == saved.json()["version"]


def test_what_is_absent_stays_and_null_unsets(api: TestClient) -> None:
    workload = first(api, search="catalog")
    container = workload["containers"][0]["container"]
    first_edit = edit(
        api, workload, replicas=4, containers={container: {"cpu_request": "55m", "memory_request": "64Mi"}}
    ).json()
    second = edit(
        api, {**workload, "version": first_edit["version"]}, containers={container: {"cpu_request": None}}
    ).json()
    assert second["replicas"] == 4
    assert second["containers"][container]["cpu_request_millicores"] is None
    assert second["containers"][container]["memory_request_bytes"] == 64 * 2**20
    third = edit(
        api,
        {**workload, "version": second["version"]},
        replicas=None,
        mode=None,
        containers={container: {"memory_request": None}},
    ).json()
    assert (third["replicas"], third["containers"]) == (None, {})


BAD_EDITS = {
    "replicas below zero": ({"replicas": -1}, "replicas"),
    "replicas that are no number": ({"replicas": "3"}, "replicas"),
    "too many replicas": ({"replicas": 100_001}, "replicas"),
    "an unknown field": ({"replica": 1}, "replica"),
    "an unknown mode": ({"mode": "on"}, "mode"),
    "a bad quantity": ({"containers": {"app": {"cpu_request": "a lot"}}}, "containers.app.cpu_request"),
    "a quantity of zero": ({"containers": {"app": {"memory_limit": "0"}}}, "containers.app.memory_limit"),
    "a quantity below zero": ({"containers": {"app": {"cpu_limit": "-1"}}}, "containers.app.cpu_limit"),
    "a quantity that is too large": ({"containers": {"app": {"cpu_limit": "5e9"}}}, "containers.app.cpu_limit"),
    "an unknown field of a container": ({"containers": {"app": {"cpu": "1"}}}, "containers.app.cpu"),
    "a request above its limit": (
        {"containers": {"app": {"cpu_request": "2", "cpu_limit": "1"}}},
        "containers.app.cpu_request",
    ),
}


@pytest.mark.parametrize(("changes", "field"), BAD_EDITS.values(), ids=BAD_EDITS.keys())
def test_a_bad_edit_names_its_field_and_writes_nothing(api: TestClient, changes: dict[str, Any], field: str) -> None:
    workload = first(api, search="payments/")
    answer = edit(api, workload, **changes)
    assert answer.status_code == 422
    details = answer.json()["error"]["details"]
    assert details["field"] == field
    assert api.get(path_of(workload)).json()["version"] == workload["version"]


def test_a_request_above_the_collected_limit_is_refused(api: TestClient) -> None:
    workload = first(api, search="storefront")
    container = workload["containers"][0]
    limit = container["collected_cpu_limit_millicores"]
    changes = {container["container"]: {"cpu_request": f"{limit + 1}m"}}
    assert_error(edit(api, workload, containers=changes), 422, "invalid_input")
    whole = {container["container"]: {"memory_request": "489Mi", "memory_limit": "512M"}}
    assert_error(edit(api, workload, containers=whole), 422, "invalid_input")
    raised = {container["container"]: {"cpu_request": f"{limit + 1}m", "cpu_limit": f"{limit + 2}m"}}
    assert edit(api, workload, containers=raised).status_code == 200


def test_a_stale_edit_is_told_the_version_there_is(api: TestClient) -> None:
    workload = first(api, search="search/")
    edit(api, workload, replicas=2)
    details = assert_error(edit(api, workload, replicas=3), 409, "conflict")
    assert details == {"field": "version", "version": workload["version"] + 1}


def test_bulk_edits_are_independent(api: TestClient) -> None:
    one, two = api.get(f"{V1}/workloads", params={"namespace": "data", "page_size": 2}).json()["items"]
    edits = [
        {"namespace": "data", "deployment": one["deployment"], "version": one["version"], "mode": "observe"},
        {"namespace": "data", "deployment": two["deployment"], "version": 99, "mode": "off"},
        {"namespace": "data", "deployment": "nobody", "version": 0, "replicas": 1},
    ]
    results = api.post(f"{V1}/workloads/bulk", json={"edits": edits}).json()
    assert [bool(result["manual"]) for result in results] == [True, False, False]
    assert [result["error"]["code"] for result in results[1:]] == ["conflict", "not_found"]
    assert api.get(f"{V1}/workloads", params={"mode": "observe"}).json()["total"] == 1


def test_two_edits_of_one_workload_in_one_request_are_refused_by_their_numbers(api: TestClient) -> None:
    one = first(api, search="search/")
    edit = {"namespace": one["namespace"], "deployment": one["deployment"], "version": one["version"]}
    edits = [
        {**edit, "replicas": 2},
        {"namespace": "shop", "deployment": "nobody", "version": 0},
        {**edit, "mode": "off"},
    ]
    answer = api.post(f"{V1}/workloads/bulk", json={"edits": edits})
    assert assert_error(answer, 422, "invalid_input")["field"] == "edits.2"
    assert "edits.0 and edits.2 are both of search/" in answer.json()["error"]["message"]
    assert first(api, search="search/")["version"] == one["version"], "neither was made"


def test_a_dangerous_value_is_warned_of_before_and_after_it_is_saved_and_as_long_as_it_stands(api: TestClient) -> None:
    workload = first(api, search="storefront", sort="name")
    name = {"namespace": workload["namespace"], "deployment": workload["deployment"]}
    container = workload["containers"][0]["container"]
    changes = {"containers": {container: {"memory_limit": "16Mi", "memory_request": "16Mi"}}, "replicas": None}
    body = {"edits": [{**name, "version": workload["version"], **changes}]}
    (checked,) = api.post(f"{V1}/workloads/check", json=body).json()
    limit, request = checked["manual"]["warnings"]
    assert (limit["kind"], limit["field"], limit["kills"]) == (
        "memory_limit_below_peak",
        f"containers.{container}.memory_limit",
        True,
    )
    assert limit["message_said"]["code"] == "sizing.danger_memory_limit"
    assert limit["message"].startswith(f"memory limit 16Mi of {container} is below the ")
    assert (request["kind"], request["kills"]) == ("request_far_below_peak", False)
    assert first(api, search="storefront", sort="name")["version"] == workload["version"]
    saved = edit(api, workload, **changes).json()
    assert [one["message"] for one in saved["warnings"]] == [limit["message"], request["message"]]
    for shown in (first(api, search="storefront", sort="name"), api.get(path_of(workload)).json()):
        assert [one["kind"] for one in shown["warnings"]] == ["memory_limit_below_peak", "request_far_below_peak"]
    assert _dangerous(api, True) == [name["deployment"]]
    assert name["deployment"] not in _dangerous(api, False)
    taken_back = edit(api, saved | name, containers={container: {"memory_limit": None, "memory_request": None}}).json()
    assert taken_back["warnings"] == []
    assert api.get(path_of(workload)).json()["warnings"] == []
    assert _dangerous(api, True) == []


def _dangerous(api: TestClient, is_dangerous: bool) -> list[str]:
    found = api.get(f"{V1}/workloads", params={"dangerous": is_dangerous, "page_size": 500}).json()
    return [one["deployment"] for one in found["items"]]


def test_a_check_says_what_an_edit_would_be_refused_for(api: TestClient) -> None:
    workload = first(api)
    name = {"namespace": workload["namespace"], "deployment": workload["deployment"]}
    body = {"edits": [{**name, "version": workload["version"] + 7, "replicas": 0}]}
    (checked,) = api.post(f"{V1}/workloads/check", json=body).json()
    assert (checked["error"]["code"], checked["manual"]) == ("conflict", None)


def test_an_edit_that_says_nothing_of_the_note_keeps_it(api: TestClient) -> None:
    workload = first(api, search="search/")
    assert edit(api, workload, note="ask the team first").json()["note"] == "ask the team first"
    kept = edit(api, {**workload, "version": workload["version"] + 1}, mode="enforce").json()
    assert kept["note"] == "ask the team first"
    emptied = edit(api, {**workload, "version": workload["version"] + 2}, note="").json()
    assert emptied["note"] == ""


def test_a_history_is_as_its_model_says(api: TestClient) -> None:
    """It is encoded without the model."""
    answer = api.get(f"{path_of(first(api))}/history", params={"days": 30})
    assert answer.headers["content-type"] == "application/json"
    checked = HistoryAnswer.model_validate_json(answer.text, strict=True)
    assert checked.days
    assert json.loads(checked.model_dump_json()) == answer.json()


def test_history_marks_the_peak_day(api: TestClient) -> None:
    history = api.get(f"{path_of(first(api))}/history", params={"days": 30}).json()
    days = {row["day"] for row in history["days"]}
    assert len(days) == 2
    assert history["peak_day"] in days
    first_day, last_day = (date.fromisoformat(history[name]) for name in ("first_day", "last_day"))
    assert (last_day - first_day).days == 29
    assert history["first_day"] < min(days) < max(days) <= history["last_day"]
    namespace, container = history["days"][0]["namespace"], history["days"][0]["container"]
    assert history["metrics_links"][container] == f"https://grafana.test/?ns={namespace}&container={container}"


def test_marks_say_what_happened_in_the_span(api: TestClient) -> None:
    workload = first(api, search="payments/")
    edit(api, workload, note="for the sale")
    marks = api.get(f"{path_of(workload)}/marks", params={"days": 30}).json()
    assert {"edit", "collection"} <= {mark["kind"] for mark in marks}
    made = next(mark for mark in marks if mark["what"] == "for the sale")
    assert (made["who"], made["day"][:4]) == ("kubedoor", made["at"][:4])


@pytest.mark.parametrize("suffix", ["", "/history", "/edits", "/marks"])
def test_what_is_not_there_is_not_found(api: TestClient, suffix: str) -> None:
    assert_error(api.get(f"{V1}/workloads/api-tests/shop/nobody{suffix}"), 404, "not_found")
    assert_error(api.get(f"{V1}/workloads/elsewhere/shop/storefront{suffix}"), 404, "not_found")


def test_a_collection_is_followed_to_its_end(api: TestClient) -> None:
    run = collect(api, {"days": 3})
    assert (run["state"], run["days_done"], run["days_total"], run["days_failed"]) == ("finished", 1, 1, 0)
    assert [step["event"] for step in run["steps"]] == ["asked", "started", "day", "finished"]
    runs = api.get(f"{V1}/collect/runs").json()
    assert runs[0]["collection"] == run["collection"]
    days = api.get(f"{V1}/collect/days").json()
    assert len(days["days"]) == 3
    assert days["settings"]["is_sample"] is True
    assert_error(api.get(f"{V1}/collect/runs/nobody"), 404, "not_found")
    assert_error(api.post(f"{V1}/collect/runs/nobody/cancel"), 404, "not_found")


def test_one_collection_at_a_time_and_it_can_be_cancelled(api: TestClient) -> None:
    started = api.post(f"{V1}/collect", json={"days": 60, "refresh": True}).json()["collection"]
    details = assert_error(api.post(f"{V1}/collect", json={}), 409, "conflict")
    assert details["collection"] == started
    cancelled = api.post(f"{V1}/collect/runs/{started}/cancel")
    assert cancelled.status_code == 202
    deadline = time.monotonic() + COLLECT_SECONDS
    while api.get(f"{V1}/collect/runs/{started}").json()["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert api.get(f"{V1}/collect/runs/{started}").json()["state"] == "cancelled"


@pytest.mark.parametrize(
    "body",
    [
        {"days": 0},
        {"days": 366},
        {"days": "3"},
        {"day": "tomorrow"},
        {"day": "2001-01-01"},
        {"day": "2999-01-01"},
        {"what": 1},
        {"refresh": "yes"},
    ],
)
def test_an_invalid_request_starts_no_collection(api: TestClient, body: dict[str, Any]) -> None:
    before = len(api.get(f"{V1}/collect/runs").json())
    assert_error(api.post(f"{V1}/collect", json=body), 422, "invalid_input")
    assert len(api.get(f"{V1}/collect/runs").json()) == before


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"replicas": 1}, id="fewer replicas, so that each pod carries more"),
        pytest.param({"replicas": 50, "containers": {"checkout": {"memory_limit": "6Gi"}}}, id="more of all"),
        pytest.param({"containers": {"checkout": {"cpu_request": "15m", "cpu_limit": "2"}}}, id="another request"),
        pytest.param({"containers": {"sidecar": {"cpu_request": "33m"}}}, id="a container that was not collected"),
        pytest.param({"mode": "observe"}, id="another mode"),
        pytest.param(
            {"mode": "enforce", "replicas": None, "containers": {"checkout": {"cpu_request": None}}}, id="back"
        ),
    ],
)
def test_a_preview_of_an_edit_is_what_follows_when_it_is_saved(api: TestClient, changes: dict[str, Any]) -> None:
    workload = first(api, search="checkout")
    names = [one["container"] for one in workload["containers"]]
    manifest = make_deployment(
        workload["deployment"],
        namespace=workload["namespace"],
        replicas=20,
        containers=[make_container(name) for name in {*names, "sidecar"}],
    )
    pending = {"version": workload["version"], **changes}
    shown = api.post(f"{path_of(workload)}/preview", json={"object": manifest, "edit": pending})
    assert shown.status_code == 200, shown.text
    assert first(api, search="checkout")["version"] == workload["version"], "nothing is written"
    saved = edit(api, workload, **changes)
    assert saved.status_code == 200, saved.text
    assert api.post(f"{V1}/admission/preview", json=manifest).json() == shown.json()
    again = api.post(f"{path_of(workload)}/preview", json={"object": manifest, "edit": pending})
    assert_error(again, 409, "conflict")


def test_a_preview_of_an_edit_names_containers_that_the_object_does_not_have(api: TestClient) -> None:
    workload = first(api, search="checkout")
    manifest = make_deployment(
        workload["deployment"],
        namespace=workload["namespace"],
        containers=[make_container("checkout")],
        initContainers=[make_container("setup"), make_container("mesh", restartPolicy="Always")],
    )
    value, none = {"cpu_request": "50m"}, {"cpu_request": None}
    containers = {"checkout": value, "mesh": value, "setup": value, "chekout": value, "gone": none}
    body = {"object": manifest, "edit": {"version": workload["version"], "containers": containers}}
    shown = api.post(f"{path_of(workload)}/preview", json=body).json()
    assert shown["missing_containers"] == ["chekout", "setup"]


def test_preview_takes_a_review_as_well(api: TestClient) -> None:
    review = make_review(make_request(make_deployment("nobody", namespace="shop")))
    shown = api.post(f"{V1}/admission/preview", json=review).json()
    assert (shown["outcome"], shown["after"]) == ("unknown", shown["before"])


def test_quantities_without_quotes_are_previewed_as_those_with(api: TestClient) -> None:
    shown = []
    for cpu, memory, limit in ((0.5, 1e9, 2), ("500m", "1e9", "2"), ("0.5", "1000000000", "2000m")):
        resources = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": limit, "memory": 4294967296}}
        manifest = make_deployment("storefront", namespace="shop", containers=[make_container("storefront")])
        manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
        answer = api.post(f"{V1}/admission/preview", json=manifest)
        assert answer.status_code == 200, answer.text
        changes = answer.json()["changes"]
        assert all(isinstance(one["before"], str) for one in changes)
        shown.append([(one["container"], one["field"], one["after"]) for one in changes])
    assert shown[0] == shown[1] == shown[2]
    assert len(shown[0]) >= 2


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"kind": "Pod"}, 400, "kind"),
        ({"kind": "Deployment", "apiVersion": "apps/v1"}, 422, "metadata.name"),
        ({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "x"}}, 422, "spec"),
        (
            {
                "kind": "Deployment",
                "apiVersion": "apps/v1",
                "metadata": {"name": "storefront", "namespace": "shop"},
                "spec": {"template": {"spec": {"containers": "x"}}},
            },
            422,
            "object",
        ),
        ({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}, 400, "request.uid"),
    ],
)
def test_preview_says_what_is_wrong(api: TestClient, body: dict[str, Any], status: int, field: str) -> None:
    answer = api.post(f"{V1}/admission/preview", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["details"]["field"] == field


def test_memory_is_kept_as_it_is_written_or_rounded_to_whole_mebibytes(api: TestClient) -> None:
    """In the record, the preview and the export: nowhere as 1503238554 or 500000Ki."""
    for typed, want in (("1.4Gi", "1434Mi"), ("512M", "512M"), ("1.5Gi", "1.5Gi")):
        workload = first(api, search="ledger")
        container = workload["containers"][0]["container"]
        containers = {
            container: {"memory_request": typed, "memory_limit": "4Gi", "cpu_limit": "2", "cpu_request": "1500m"}
        }
        assert edit(api, workload, mode="enforce", containers=containers).status_code == 200
        name = {"namespace": workload["namespace"], "replicas": 1, "containers": [make_container(container)]}
        shown = api.post(f"{V1}/admission/preview", json=make_deployment(workload["deployment"], **name)).json()
        changes = {one["field"]: one["after"] for one in shown["changes"]}
        assert (changes["memory request"], changes["cpu request"]) == (want, "1.5")
        sheet = api.get(f"{V1}/values/export", params={"format": "csv", "search": "ledger"}).text
        assert f",{want}," in sheet


def test_the_overview_adds_up(api: TestClient) -> None:
    shown = api.get(f"{V1}/overview").json()
    assert shown["is_sample"] is True
    assert shown["sums"]["workloads"] == sum(row["workloads"] for row in shown["namespaces"])
    assert shown["sums"]["cpu_requested_millicores"] == sum(
        row["cpu_requested_millicores"] for row in shown["namespaces"]
    )
    assert len(shown["most_wasteful"]) == 10
    at_risk = shown["most_at_risk"]
    killed = api.get(f"{V1}/workloads", params={"oom_killed": True, "page_size": 500}).json()
    assert shown["sums"]["oom_killed"] == killed["total"]
    kills = [one["oom_kills"] for one in at_risk]
    assert kills == sorted(kills, reverse=True), "what was OOM-killed comes first"
    assert sum(map(bool, kills)) == min(killed["total"], len(at_risk))
    asked, saved = (shown["savings"][name] for name in ("cpu_asked_millicores", "cpu_millicores"))
    if shown["savings"]["observed_at"]:
        assert (shown["net"]["cpu_asked_millicores"], shown["net"]["cpu_enforced_millicores"]) == (asked, asked - saved)
    assert shown["money"] is None, "no price is set"
    assert shown["last_collection"]["days_empty"] == 0
    assert shown["last_collection"]["state"] in ("finished", "cancelled")
    assert shown["refreshed_at"]


def test_the_checkup_names_what_to_do(api: TestClient) -> None:
    shown = api.get(f"{V1}/checkup").json()
    by_name = {check["name"]: check for check in shown["checks"]}
    assert shown["ok"] is False
    assert by_name["store"]["ok"] is True
    assert by_name["cluster"]["ok"] is False
    assert "KUBEDOOR_KUBECONFIG" in by_name["cluster"]["remedy"]
    assert "8 days" not in by_name["usage days of the look-back"]["remedy"]
    assert by_name["usage days of the look-back"]["ok"] is False


def test_without_a_cluster_the_switch_says_so(api: TestClient) -> None:
    state = api.get(f"{V1}/control").json()
    assert state["enabled"] is None
    assert "no cluster is configured" in state["reason"]
    assert_error(api.put(f"{V1}/control", json={"enabled": True}), 503, "cluster")


def test_the_live_deployment_of_sample_data_is_the_samples(api: TestClient) -> None:
    workload = first(api, search="storefront")
    manifest = api.get(f"{path_of(workload)}/live").json()
    assert manifest["metadata"]["name"] == workload["deployment"]
    assert api.post(f"{V1}/admission/preview", json=manifest).json()["outcome"] == "patched"


@pytest.mark.parametrize("name", ["kube-system/coredns", "shop/nobody"])
def test_a_deployment_that_is_not_controlled_is_not_shown(api: TestClient, name: str) -> None:
    assert_error(api.get(f"{V1}/workloads/api-tests/{name}/live"), 404, "not_found")


def test_admissions_are_listed(api: TestClient) -> None:
    assert api.get(f"{V1}/admissions", params={"namespace": "shop", "limit": 5}).json() == []
    assert_error(api.get(f"{V1}/admissions", params={"limit": 0}), 422, "invalid_input")


def test_errors_have_one_shape_everywhere(api: TestClient) -> None:
    assert_error(api.get(f"{V1}/nowhere"), 404, "not_found")
    assert_error(api.delete(f"{V1}/workloads"), 405, "method_not_allowed")
    answer = api.post(f"{V1}/collect", content=b"{", headers={"content-type": "application/json"})
    assert_error(answer, 400, "bad_request")
    assert_error(api.post(f"{V1}/admission/preview", json=[1]), 422, "invalid_input")


def test_health_metrics_and_the_document(api: TestClient) -> None:
    assert api.get("/healthz").json() == {"status": "ok"}
    assert api.get("/readyz").json() == {"status": "ready"}
    assert api.get("/metrics").status_code == 200
    document = api.get(f"{V1}/openapi.json").json()
    assert f"{V1}/workloads/{{cluster}}/{{namespace}}/{{deployment}}" in document["paths"]


def test_no_route_is_open_without_a_login(api: TestClient) -> None:
    document = api.get(f"{V1}/openapi.json").json()
    stranger = TestClient(api.app, client=("127.0.0.1", 50001))
    open_routes = set()
    for path, operations in document["paths"].items():
        for method in operations:
            if method == "parameters":
                continue
            answer = stranger.request(method, path.replace("{", "").replace("}", ""), json={})
            if answer.status_code != 401:
                open_routes.add((method, path))
    assert open_routes <= {("post", f"{V1}/session")} | {
        (method, path) for method, path in open_routes if path.startswith(f"{V1}/session/")
    }
