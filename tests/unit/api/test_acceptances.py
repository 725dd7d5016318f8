"""Conditions in the API: shown, filtered, counted, exported, and accepted by people."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from kubedoor.model.collected import CollectedContainer, CollectedValues
from kubedoor.model.conditions import CPU_REQUEST, MEMORY_REQUEST, REPLICAS, ConditionType
from kubedoor.model.values import Resources
from kubedoor.sentences import Sentence, sentence
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from tests.support.accounts import dsn_of_new_database
from tests.support.builders import DAY, make_condition, make_container, make_deployment
from tests.support.functions import assert_error, function_client

V1 = "/api/v1"
WEB = {"namespace": "shop", "deployment": "web"}
STUCK = {"namespace": "shop", "deployment": "stuck"}
PLAIN = {"namespace": "shop", "deployment": "plain"}
SHORT = make_condition(ConditionType.SHORT_HISTORY, CPU_REQUEST, REPLICAS)
OOM = make_condition(ConditionType.OOM_KILLED, MEMORY_REQUEST)
HPA = make_condition(ConditionType.HORIZONTAL_POD_AUTOSCALER, CPU_REQUEST)
LATER = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0).isoformat()
REASONS = (
    sentence("sizing.reason", field="memory", value="256Mi", why=sentence("sizing.oom_maximum", kills=2)),
    Sentence("as an older version said it"),
)


@pytest.fixture(scope="module")
def connection(embedded_dsn: str) -> Iterator[Connection]:
    connection = Connection(dsn_of_new_database(embedded_dsn))
    migrate(connection)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def api_client(connection: Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder: Path = tmp_path_factory.mktemp("api-conditions")
    path = connection.address.path
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEDOOR_STORE_DSN", f"chdb://{path}?database={connection.database}")
        patch.setenv("KUBEDOOR_DATA_DIR", str(folder))
        patch.setenv("KUBEDOOR_KUBECONFIG", "none")
        with function_client("api") as client:
            client.post(f"{V1}/session", json={"username": "kubedoor", "password": "kubedoor"}).raise_for_status()
            yield client


@pytest.fixture
def api(api_client: TestClient, connection: Connection) -> TestClient:
    """Three workloads: `web` may be accepted, `stuck` not, `plain` has no conditions. Nothing is accepted."""
    found = {"web": (SHORT, OOM), "stuck": (HPA,), "plain": ()}
    app = CollectedContainer("app", Resources(120, 2**28), 100, 2**28, REASONS)
    values = [
        CollectedValues("shop", name, 3, DAY, DAY, (app,), days=1, conditions=these) for name, these in found.items()
    ]
    control = ControlStore(connection, "default")
    control.replace_collected(values, run=control.revision().collected_run + 1, rule="peak-day")
    withdrawn = api_client.post(f"{V1}/acceptances", json={"workloads": [WEB, STUCK, PLAIN], "accepted": False})
    assert withdrawn.status_code == 200
    return api_client


def accept(api: TestClient, *workloads: dict[str, str], **fields: Any) -> dict[str, Any]:
    answer = api.post(f"{V1}/acceptances", json={"workloads": workloads, **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def one(api: TestClient, workload: dict[str, str]) -> dict[str, Any]:
    answer = api.get(f"{V1}/workloads/default/{workload['namespace']}/{workload['deployment']}")
    found: dict[str, Any] = answer.json()
    return found


def names(api: TestClient, **query: Any) -> list[str]:
    return [row["deployment"] for row in api.get(f"{V1}/workloads", params=query).json()["items"]]


def test_a_workload_shows_its_conditions_and_what_they_withhold(api: TestClient) -> None:
    shown = one(api, WEB)
    short, oom = shown["conditions"]
    assert short == {
        "type": "ShortHistory",
        "status": "True",
        "reason": "TooFewDays",
        "message": "There is 1 whole day of usage.",
        "parameters": {"days": 1},
        "since": "2026-11-20T12:00:00Z",
        "withholds": [{"container": "app", "field": CPU_REQUEST}, {"container": "", "field": REPLICAS}],
        "is_acceptable": True,
        "is_accepted": False,
        "accepted_until": None,
    }
    assert oom["type"] == "OOMKilled"
    assert (shown["withheld_replicas"], shown["withheld_count"], shown["is_waiting"]) == (["ShortHistory"], 3, True)
    (container,) = shown["containers"]
    assert container["withheld"] == {CPU_REQUEST: ["ShortHistory"], MEMORY_REQUEST: ["OOMKilled"]}
    assert (container["cpu_request_millicores"], container["collected_cpu_request_millicores"]) == (None, 120)
    stuck = one(api, STUCK)
    assert (stuck["conditions"][0]["is_acceptable"], stuck["is_waiting"], stuck["withheld_count"]) == (False, False, 1)
    (listed,) = api.get(f"{V1}/workloads", params={"search": "shop/web"}).json()["items"]
    (said,) = [one.pop("reasons_said") for one in shown["containers"]]
    assert {name: listed[name] for name in listed} == {name: shown[name] for name in listed}
    assert [one["code"] for one in said] == ["sizing.reason", ""]
    assert said[0]["parameters"]["why"]["code"] == "sizing.oom_maximum"
    assert [one["text"] for one in said] == container["reasons"] == [str(one) for one in REASONS]


def test_the_list_is_filtered_by_condition_and_by_what_is_withheld(api: TestClient) -> None:
    assert names(api, condition="OOMKilled") == ["web"]
    assert names(api, condition="HorizontalPodAutoscaler") == ["stuck"]
    assert names(api, condition="Imbalanced") == []
    assert names(api, withheld=True) == ["stuck", "web"]
    assert names(api, withheld=False) == ["plain"]
    assert names(api, waiting=True) == ["web"]
    assert_error(api.get(f"{V1}/workloads", params={"condition": "NoSuch"}), 422, "invalid_input")


def test_the_overview_counts_what_is_enforced_withheld_and_waits(api: TestClient) -> None:
    assert api.get(f"{V1}/overview").json()["values"] == {
        "enforced": 0 + 2 + 3,
        "withheld": 3 + 1,
        "waiting": 3,
        "workloads_waiting": 1,
        "workloads_withheld": 2,
    }


def test_accepting_frees_what_is_withheld_and_is_recorded(api: TestClient) -> None:
    made = accept(api, WEB, STUCK, conditions=["ShortHistory"], until=LATER, note=" seen the graphs ")
    assert made["accepted"] == [{**WEB, "conditions": ["ShortHistory"]}]
    said = {"code": "workloads.none_of_these", "parameters": {}, "text": "it has none of these conditions"}
    assert made["skipped"] == [{**STUCK, "reason": said["text"], "reason_said": said}]
    shown = one(api, WEB)
    assert (shown["replicas"], shown["withheld_replicas"], shown["withheld_count"]) == (3, [], 1)
    short = shown["conditions"][0]
    assert short["is_accepted"] is True
    assert datetime.fromisoformat(short["accepted_until"]) == datetime.fromisoformat(LATER)
    (audit,) = api.get(f"{V1}/audit", params={"action": "conditions.accept", "limit": 1}).json()
    assert (audit["who"], audit["target"], audit["before"]) == ("kubedoor", "default/shop/web", {"accepted": []})
    assert audit["after"] == {"accepted": ["ShortHistory"], "until": LATER, "note": "seen the graphs"}
    preview = make_deployment(replicas=10, containers=[make_container(requests={"memory": "1Gi"})])
    warnings = api.post(f"{V1}/admission/preview", json=preview).json()["warnings"]
    assert "KubeDoor: memory request of app left at 1Gi (withheld: OOMKilled)" in warnings


def test_all_that_may_be_accepted_is_when_none_is_named(api: TestClient) -> None:
    nobody = {"namespace": "shop", "deployment": "nobody"}
    made = accept(api, WEB, WEB, STUCK, PLAIN, nobody)
    assert made["accepted"] == [{**WEB, "conditions": ["OOMKilled", "ShortHistory"]}]
    assert {row["deployment"]: row["reason"] for row in made["skipped"]} == {
        "stuck": "nothing of it can be accepted",
        "plain": "nothing of it can be accepted",
        "nobody": "it has no collected values: check the name, or collect first",
    }
    assert names(api, withheld=True) == ["stuck"]
    assert one(api, WEB)["conditions"][0]["accepted_until"] is None


def test_an_acceptance_is_taken_back(api: TestClient) -> None:
    accept(api, WEB)
    made = accept(api, WEB, PLAIN, conditions=["OOMKilled"], accepted=False)
    assert made["accepted"] == [{**WEB, "conditions": ["OOMKilled"]}]
    assert [(one["deployment"], one["reason"]) for one in made["skipped"]] == [("plain", "none of these is accepted")]
    assert one(api, WEB)["containers"][0]["withheld"] == {MEMORY_REQUEST: ["OOMKilled"]}
    (audit,) = api.get(f"{V1}/audit", params={"action": "conditions.withdraw", "limit": 1}).json()
    assert (audit["before"], audit["after"]) == (
        {"accepted": ["OOMKilled", "ShortHistory"]},
        {"accepted": ["ShortHistory"], "note": ""},
    )
    again = accept(api, WEB, conditions=["OOMKilled"], accepted=False)
    assert again["skipped"][0]["reason"] == "none of these is accepted"
    assert accept(api, PLAIN, accepted=False)["skipped"][0]["reason"] == "nothing of it is accepted"


def test_who_accepted_what_is_shown_with_the_workload(api: TestClient) -> None:
    accept(api, WEB, conditions=["OOMKilled"], note="grows no more")
    path = f"{V1}/workloads/default/shop/web/acceptances"
    newest = api.get(path).json()[0]
    assert {name: newest[name] for name in newest if name != "at"} == {
        "condition": "OOMKilled",
        "is_accepted": True,
        "until": None,
        "note": "grows no more",
        "who": "kubedoor",
    }
    assert_error(api.get(path.replace("web", "nobody")), 404, "not_found")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no workload": ({"workloads": []}, "workloads"),
    "too many workloads": ({"workloads": [WEB] * 501}, "workloads"),
    "an unknown condition": ({"conditions": ["TooLate"]}, "conditions"),
    "a condition that ends by a setting": ({"conditions": ["HorizontalPodAutoscaler"]}, "conditions"),
    "a time that is over": ({"until": "2020-01-01T00:00:00Z"}, "until"),
    "a time without an offset": ({"until": "2199-01-01T00:00:00"}, "until"),
    "a time that the store does not have": ({"until": "9999-01-01T00:00:00Z"}, "until"),
    "no time": ({"until": "tomorrow"}, "until"),
    "a withdrawal with an end": ({"accepted": False, "until": LATER}, "until"),
    "a long note": ({"note": "x" * 501}, "note"),
}


@pytest.mark.parametrize(("fields", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_request_names_its_field_and_accepts_nothing(
    api: TestClient, fields: dict[str, Any], field: str
) -> None:
    answer = api.post(f"{V1}/acceptances", json={"workloads": [WEB], **fields})
    assert str(assert_error(answer, 422, "invalid_input")["field"]).split(".")[0] == field
    assert one(api, WEB)["withheld_count"] == 3


def test_only_operators_accept(api: TestClient) -> None:
    token = api.post(f"{V1}/tokens", json={"name": "reader", "role": "viewer", "expires_in_days": 1}).json()["token"]
    reader = TestClient(api.app, client=("127.0.0.1", 50002), headers={"Authorization": f"Bearer {token}"})
    assert_error(reader.post(f"{V1}/acceptances", json={"workloads": [WEB]}), 403, "forbidden")
    assert reader.get(f"{V1}/workloads/default/shop/web/acceptances").status_code == 200


def test_the_sheet_has_conditions_and_withheld_fields_which_the_import_ignores(api: TestClient) -> None:
    text = api.get(f"{V1}/values/export").text
    rows = {row["deployment"]: row for row in csv.DictReader(io.StringIO(text))}
    assert (rows["web"]["conditions"], rows["web"]["withheld"]) == (
        "ShortHistory; OOMKilled",
        "cpu_request; memory_request; replicas",
    )
    assert (rows["stuck"]["withheld"], rows["plain"]["conditions"], rows["plain"]["withheld"]) == (
        "cpu_request",
        "",
        "",
    )
    assert (rows["web"]["cpu_request"], rows["web"]["collected_cpu_request"]) == ("", "120m")
    sheet = text.replace("ShortHistory", "Whatever").encode()
    imported = api.post(f"{V1}/values/import", content=sheet, headers={"Content-Type": "text/csv"}).json()
    assert (imported["changes"], imported["problems"]) == ([], [])
    assert "replicas" not in api.get(f"{V1}/values/export", params={"format": "kustomize", "deployment": "web"}).text
