"""Actions, schedules and notifications through the API, without a cluster: validation and refusals."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from functions.api.routes.notifications import EventName, Language
from kubedoor.model.events import Event
from kubedoor.notifications.message import LANGUAGES
from kubedoor.operations.request import ActionRequest, Kind, Target
from kubedoor.store.connection import Connection
from kubedoor.store.operations import ActionEvent, ActionRecord, OperationStore
from tests.support.functions import assert_error, function_client

V1 = "/api/v1"
WEB = [{"namespace": "shop", "deployment": "storefront"}]
RESTART = {"kind": "restart", "workloads": WEB}
NIGHTLY = {**RESTART, "name": "nightly", "cron": "0 3 * * *"}
CHANNEL = {"name": "ops", "url": "json://hooks.test/s3cret", "events": ["switch_used"]}


@pytest.fixture(scope="module")
def api(embedded: Connection, embedded_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Logged in, without a cluster."""
    folder: Path = tmp_path_factory.mktemp("api-operations")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEDOOR_STORE_DSN", embedded_dsn)
        patch.setenv("KUBEDOOR_DATA_DIR", str(folder))
        patch.setenv("KUBEDOOR_CLUSTER", "operations-tests")
        patch.setenv("KUBEDOOR_KUBECONFIG", "none")
        with function_client("api") as client:
            client.post(f"{V1}/session", json={"username": "kubedoor", "password": "kubedoor"}).raise_for_status()
            yield client


BAD_ACTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no kind": ({"workloads": WEB}, "kind"),
    "an unknown kind": ({**RESTART, "kind": "delete"}, "kind"),
    "no workloads": ({"kind": "restart", "workloads": []}, "workloads"),
    "one twice": ({"kind": "restart", "workloads": WEB * 2}, "workloads.1"),
    "replicas for a restart": ({**RESTART, "replicas": 3}, "replicas"),
    "replicas below zero": ({"kind": "scale", "workloads": WEB, "replicas": -1}, "replicas"),
    "too many at once": ({**RESTART, "at_once": 21}, "at_once"),
    "a field that is none": ({**RESTART, "force": True}, "force"),
}


@pytest.mark.parametrize(("body", "field"), BAD_ACTIONS.values(), ids=BAD_ACTIONS.keys())
def test_a_bad_action_names_its_field(api: TestClient, body: dict[str, Any], field: str) -> None:
    assert assert_error(api.post(f"{V1}/actions", json=body), 422, "invalid_input")["field"] == field


SCALE = {"kind": "scale", "workloads": WEB, "replicas": 2}
TWO = [*WEB, {"namespace": "shop", "deployment": "cart"}]
BAD_TEMPORARY_SCALES: dict[str, tuple[dict[str, Any], str]] = {
    "a restart": ({**RESTART, "return_after_minutes": 5}, "return_after_minutes"),
    "to the control values": ({**SCALE, "replicas": None, "return_after_minutes": 5}, "return_after_minutes"),
    "too long": ({**SCALE, "return_after_minutes": 43_201}, "return_after_minutes"),
    "until the past": ({**SCALE, "return_at": "2020-01-01T00:00"}, "return_at"),
    "until no time": ({**SCALE, "return_at": "soon"}, "return_at"),
    "twice": ({**SCALE, "return_after_minutes": 5, "return_at": "2199-01-01T00:00"}, "return_at"),
    "in no zone": ({**SCALE, "return_at": "2020-01-01T00:00", "time_zone": "Nowhere/Town"}, "time_zone"),
    "shorter than its pauses": (
        {**SCALE, "workloads": TWO, "interval_seconds": 600, "return_after_minutes": 5},
        "return_after_minutes",
    ),
}


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(("body", "field"), BAD_TEMPORARY_SCALES.values(), ids=BAD_TEMPORARY_SCALES.keys())
def test_a_bad_temporary_scale_names_its_field(
    api: TestClient, body: dict[str, Any], field: str, dry_run: bool
) -> None:
    answer = api.post(f"{V1}/actions", json={**body, "dry_run": dry_run})
    assert assert_error(answer, 422, "invalid_input")["field"] == field


@pytest.mark.parametrize("dry_run", [True, False])
def test_without_a_cluster_an_action_says_so(api: TestClient, dry_run: bool) -> None:
    assert_error(api.post(f"{V1}/actions", json={**RESTART, "dry_run": dry_run}), 503, "cluster")
    assert api.get(f"{V1}/actions").json() == []


@pytest.mark.parametrize("path", ["/actions/nobody", "/actions/nobody/stream", "/schedules/nobody"])
def test_what_is_not_there_is_not_found(api: TestClient, path: str) -> None:
    assert_error(api.get(V1 + path), 404, "not_found")


BAD_SCHEDULES: dict[str, tuple[dict[str, Any], str]] = {
    "never": ({**NIGHTLY, "cron": "0 0 30 2 *"}, "cron"),
    "neither": ({**NIGHTLY, "cron": ""}, "cron"),
    "the past": ({**NIGHTLY, "cron": "", "at": "2020-01-01T00:00"}, "at"),
    "an unknown zone": ({**NIGHTLY, "time_zone": "Nowhere/Town"}, "time_zone"),
    "a restart that returns": ({**NIGHTLY, "return_after_minutes": 5}, "return_after_minutes"),
    "no name": ({**NIGHTLY, "name": ""}, "name"),
}


@pytest.mark.parametrize(("body", "field"), BAD_SCHEDULES.values(), ids=BAD_SCHEDULES.keys())
def test_a_bad_schedule_names_its_field_and_is_not_made(api: TestClient, body: dict[str, Any], field: str) -> None:
    assert assert_error(api.post(f"{V1}/schedules", json=body), 422, "invalid_input")["field"] == field
    assert api.get(f"{V1}/schedules").json() == []


def test_a_schedule_is_made_paused_resumed_run_and_deleted(api: TestClient) -> None:
    made = api.post(f"{V1}/schedules", json=NIGHTLY)
    assert made.status_code == 201, made.text
    shown = made.json()
    path = f"{V1}/schedules/{shown['schedule']}"
    assert (shown["state"], shown["time_zone"], shown["runs_in"]) == ("active", "Asia/Shanghai", "process")
    (workload,) = shown["workloads"]
    assert workload.items() >= {**WEB[0], "replicas": None, "returns_to": None, "return_state": None}.items()
    assert shown["warnings_said"][0]["code"] == "schedules.not_looked_at", "this KubeDoor has no cluster"
    assert shown["next_at"].endswith("19:00:00Z"), "three in the morning in Shanghai"
    assert api.post(f"{path}/pause").json()["state"] == "paused"
    assert api.post(f"{path}/resume").json()["state"] == "active"
    (run,) = api.post(f"{path}/run").json()["runs"]
    assert (run["action"], run["begun_by"]) == (None, "kubedoor")
    assert "no cluster is configured" in run["message"]
    assert api.delete(path).status_code == 204
    assert_error(api.get(path), 404, "not_found")


def test_a_schedule_is_changed_by_whoever_saw_its_newest_version(api: TestClient) -> None:
    made = api.post(f"{V1}/schedules", json=NIGHTLY).json()
    path = f"{V1}/schedules/{made['schedule']}"
    weekly = {
        "kind": "scale",
        "workloads": WEB,
        "replicas": 2,
        "name": "weekly",
        "cron": "0 4 * * 1",
        "time_zone": "UTC",
    }
    changed = api.put(path, json={**weekly, "version": made["version"]})
    assert changed.status_code == 200, changed.text
    shown = changed.json()
    assert [shown[name] for name in ("name", "cron", "time_zone", "kind", "replicas")] == [
        "weekly", "0 4 * * 1", "UTC", "scale", 2,
    ]  # fmt: skip
    assert shown["version"] > made["version"]
    late = api.put(path, json={**NIGHTLY, "version": made["version"]})
    assert assert_error(late, 409, "conflict")["version"] == shown["version"]
    bad = api.put(path, json={**weekly, "cron": "61 * * * *", "version": shown["version"]})
    assert assert_error(bad, 422, "invalid_input")["field"] == "cron"
    line = api.get(f"{V1}/audit", params={"action": "schedule.change"}).json()
    line = (line["items"] if isinstance(line, dict) else line)[0]
    assert (line["before"]["cron"], line["after"]["cron"]) == ("0 3 * * *", "0 4 * * 1")
    api.delete(path)
    assert_error(api.put(path, json={**weekly, "version": 1}), 404, "not_found")


def test_a_stream_ends_with_the_login_it_was_asked_for_by(
    api: TestClient, embedded: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = OperationStore(embedded, "operations-tests")
    request = ActionRequest(Kind.RESTART, (Target("shop", "storefront"),)).as_json()
    assert store.add(ActionRecord("followed", store.newest_number() + 1, "kubedoor", "session", "", request))
    routes = sys.modules["main.routes.actions"]
    monkeypatch.setattr(routes, "STREAM_POLL_SECONDS", 0.1)
    monkeypatch.setattr(routes, "STREAM_LOGIN_SECONDS", 0.2)
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(api.get, f"{V1}/actions/followed/stream")
        assert wait([following], timeout=1.5).not_done, "the action goes on and the login holds"
        assert api.post(f"{V1}/session/log-out-everywhere").status_code == 204
        (line,) = following.result(timeout=10).text.splitlines()
    assert json.loads(line)["state"] == "running"
    store.record(ActionEvent("followed", "finished"))
    api.post(f"{V1}/session", json={"username": "kubedoor", "password": "kubedoor"}).raise_for_status()


def test_schedules_of_one_workload_are_listed_and_only_returns_are_ended_or_kept(api: TestClient) -> None:
    made = api.post(f"{V1}/schedules", json=NIGHTLY).json()["schedule"]
    here, there = ({"namespace": "shop", "deployment": name} for name in ("storefront", "cart"))
    assert [one["schedule"] for one in api.get(f"{V1}/schedules", params=here).json()] == [made]
    assert api.get(f"{V1}/schedules", params=there).json() == []
    for change in ("end", "keep"):
        assert (
            "does not end a temporary scale" in api.post(f"{V1}/schedules/{made}/{change}").json()["error"]["message"]
        )
        assert_error(api.post(f"{V1}/schedules/nobody/{change}"), 404, "not_found")
    api.delete(f"{V1}/schedules/{made}")


@pytest.mark.parametrize("query", [{"state": "asleep"}, {"kind": "delete"}])
def test_actions_are_filtered_by_what_there_is(api: TestClient, query: dict[str, str]) -> None:
    (field,) = query
    assert assert_error(api.get(f"{V1}/actions", params=query), 422, "invalid_input")["field"] == field


def test_the_next_runs_are_shown_before_a_schedule_is_made(api: TestClient) -> None:
    body = {"cron": "0 3 * * *", "time_zone": "UTC"}
    runs = api.post(f"{V1}/schedules/preview", params={"count": 3}, json=body).json()
    assert [run[10:] for run in runs] == ["T03:00:00Z"] * 3
    assert_error(api.post(f"{V1}/schedules/preview", json={"cron": "60 * * * *"}), 422, "invalid_input")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}])
def test_a_ping_needs_its_schedules_token(api: TestClient, headers: dict[str, str]) -> None:
    made = api.post(f"{V1}/schedules", json=NIGHTLY).json()["schedule"]
    stranger = TestClient(api.app, client=("127.0.0.1", 50001))
    for schedule in (made, "nobody"):
        answer = stranger.post(f"{V1}/schedules/{schedule}/ping", json={}, headers=headers)
        assert_error(answer, 401, "unauthorized")
    api.delete(f"{V1}/schedules/{made}")


def test_a_channels_address_goes_in_and_never_comes_out(api: TestClient) -> None:
    made = api.post(f"{V1}/notifications/channels", json=CHANNEL)
    assert made.status_code == 201, made.text
    path = f"{V1}/notifications/channels/{made.json()['channel']}"
    changed = api.patch(path, json={"enabled": False})
    assert (changed.json()["service"], changed.json()["enabled"], changed.json()["events"]) == (
        "JSON",
        False,
        ["switch_used"],
    )
    seen = made.text + changed.text + api.get(f"{V1}/notifications/channels").text + api.get(f"{V1}/audit").text
    assert "s3cret" not in seen
    assert api.get(f"{V1}/notifications/messages").json() == []
    assert api.delete(path).status_code == 204
    assert_error(api.post(f"{path}/test"), 404, "not_found")


BAD_CHANNELS: dict[str, tuple[dict[str, Any], str]] = {
    "no address": ({**CHANNEL, "url": "s3cret"}, "url"),
    "an unknown event": ({**CHANNEL, "events": ["lunch"]}, "events.0"),
    "no events": ({**CHANNEL, "events": []}, "events"),
    "an address inside": ({**CHANNEL, "url": "json://169.254.169.254/latest"}, "url"),
    "a long keyword": ({**CHANNEL, "keyword": "x" * 51}, "keyword"),
    "no pause": ({**CHANNEL, "min_minutes": 0}, "min_minutes"),
}


@pytest.mark.parametrize(("body", "field"), BAD_CHANNELS.values(), ids=BAD_CHANNELS.keys())
def test_a_bad_channel_names_its_field(api: TestClient, body: dict[str, Any], field: str) -> None:
    answer = api.post(f"{V1}/notifications/channels", json=body)
    assert assert_error(answer, 422, "invalid_input")["field"] == field
    assert "s3cret" not in answer.text


def test_the_document_knows_every_event_and_language() -> None:
    assert get_args(EventName) == tuple(str(event) for event in Event)
    assert get_args(Language) == LANGUAGES
