"""Edge cases of JSON, HTTP and dates; each is a regression test."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from starlette.testclient import TestClient

from functions.api.openapi import complete_document
from functions.api.security import body_limit
from functions.api.security.body_limit import ANONYMOUS_BYTES, BULK_BYTES, JSON_BYTES, PREVIEW_BYTES
from kubedoor.errors import TooManyRequests
from kubedoor.runtime.serving import build_server, load_function
from kubedoor.store.connection import Connection
from kubedoor.store.migrations import migrate
from kubedoor.workloads.csv_import import MAX_SHEET_BYTES
from scripts.documents import openapi
from tests.support.accounts import dsn_of_new_database
from tests.support.functions import assert_error, function_client
from tests.toolbox.processes import free_port, wait_until

V1 = "/api/v1"
NO_JSON = 400
LONE_SURROGATE = "\\ud800"
"""A lone surrogate: valid JSON that cannot be encoded as UTF-8."""
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def api(embedded_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Logged in as the first admin, on a separate database."""
    dsn = dsn_of_new_database(embedded_dsn)
    connection = Connection(dsn)
    migrate(connection)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEDOOR_STORE_DSN", dsn)
        patch.setenv("KUBEDOOR_DATA_DIR", str(tmp_path_factory.mktemp("api-edges")))
        patch.setenv("KUBEDOOR_KUBECONFIG", "none")
        with function_client("api") as client:
            client.post(f"{V1}/session", json={"username": "kubedoor", "password": "kubedoor"}).raise_for_status()
            yield client
    connection.close()


def send(api: TestClient, method: str, path: str, text: str) -> Any:
    return api.request(method, f"{V1}{path}", content=text.encode(), headers=JSON)


# JSON


EDIT = "/workloads/default/shop/web"
UNSTORABLE = {
    "a lone surrogate as a value": (
        "POST",
        "/users",
        f'{{"username": "{LONE_SURROGATE}", "password": "x", "role": "viewer"}}',
    ),
    "a lone surrogate as a field": ("POST", "/users", f'{{"{LONE_SURROGATE}": 1}}'),
    "a lone surrogate as a container": ("PATCH", EDIT, f'{{"version": 0, "containers": {{"{LONE_SURROGATE}": {{}}}}}}'),
    "a container that cannot be": ("PATCH", EDIT, '{"version": 0, "containers": {"a\\u0000": {"cpu_request": "1"}}}'),
    "a workload that cannot be": (
        "POST",
        "/schedules",
        '{"name": "a", "kind": "restart", "cron": "0 0 * * *", "workloads": [{"namespace": "..", "deployment": "a/b"}]}',
    ),
}


@pytest.mark.parametrize(("method", "path", "text"), UNSTORABLE.values(), ids=UNSTORABLE.keys())
def test_what_could_not_be_stored_is_refused(api: TestClient, method: str, path: str, text: str) -> None:
    assert_error(send(api, method, path, text), 422, "invalid_input")


def test_a_float_without_fraction_is_a_whole_number(api: TestClient) -> None:
    assert_error(send(api, "PATCH", EDIT, '{"version": 0.0}'), 404, "not_found")
    assert_error(send(api, "PATCH", EDIT, '{"version": 0.5}'), 422, "invalid_input")
    assert_error(send(api, "PATCH", EDIT, '{"version": 1e400}'), 422, "invalid_input")


DEPLOYMENT = '{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "x": %s}, "spec": {}}'
UNENCODABLE = {
    "a lone surrogate": f'"{LONE_SURROGATE}"',
    "a lone surrogate as a field": f'{{"{LONE_SURROGATE}": 1}}',
    "not a number": "NaN",
    "a number out of range": "1e400",
    "deep nesting": "[" * 500 + "]" * 500,
}


@pytest.mark.parametrize("part", UNENCODABLE.values(), ids=UNENCODABLE.keys())
def test_a_preview_refuses_what_its_answer_could_not_repeat(api: TestClient, part: str) -> None:
    assert_error(send(api, "POST", "/admission/preview", DEPLOYMENT % part), 400, "bad_request")
    assert send(api, "POST", "/admission/preview", DEPLOYMENT % '{"y": [1.5, "文"]}').status_code == 200


# Bodies


SHEET = {"Content-Type": "text/csv"}
LIMITS = {
    "session": ("POST", "/session", ANONYMOUS_BYTES, JSON),
    "password": ("PUT", "/session/password", ANONYMOUS_BYTES, JSON),
    "user": ("POST", "/users", JSON_BYTES, JSON),
    "preview": ("POST", "/admission/preview", PREVIEW_BYTES, JSON),
    "bulk": ("POST", "/workloads/bulk", BULK_BYTES, JSON),
    "sheet": ("POST", "/values/import/preview", MAX_SHEET_BYTES, SHEET),
}


def in_pieces(count: int) -> Iterator[bytes]:
    """A body of `count` spaces without a Content-Length."""
    for start in range(0, count, 2**16):
        yield b" " * min(2**16, count - start)


@pytest.mark.parametrize(("method", "path", "limit", "headers"), LIMITS.values(), ids=LIMITS.keys())
def test_each_route_has_a_limit_of_its_own(
    api: TestClient, method: str, path: str, limit: int, headers: dict[str, str]
) -> None:
    for content in (b" " * (limit + 1), in_pieces(limit + 1)):
        answer = api.request(method, f"{V1}{path}", content=content, headers=headers)
        assert_error(answer, 413, "too_large")
        size = f"{limit // 2**20} MiB" if limit >= 2**20 else f"{limit // 2**10} KiB"
        assert answer.json()["error"]["message"] == f"the body is larger than {size}"
    fits = api.request(method, f"{V1}{path}", content=b" " * limit, headers=headers)
    assert fits.status_code in (400, 401, 422), fits.text


@pytest.mark.parametrize(
    "credentials", [{}, {"Cookie": "kubedoor_session=made.up"}, {"Authorization": "Bearer made-up"}]
)
def test_large_bodies_of_unauthenticated_clients_are_not_read(api: TestClient, credentials: dict[str, str]) -> None:
    stranger = TestClient(api.app)
    headers = {**JSON, **credentials}
    for path in ("/users", "/admission/preview"):
        for content in (b" " * (ANONYMOUS_BYTES + 1), in_pieces(ANONYMOUS_BYTES + 1)):
            assert_error(stranger.post(f"{V1}{path}", content=content, headers=headers), 401, "unauthorized")


def test_a_too_large_content_length_is_refused_unread(api: TestClient) -> None:
    def never() -> Iterator[bytes]:
        yield b""
        raise AssertionError("the body is read")

    headers = {**JSON, "Content-Length": str(JSON_BYTES + 1)}
    assert_error(api.post(f"{V1}/users", content=never(), headers=headers), 413, "too_large")


def test_two_large_bodies_of_one_person_are_read_one_after_the_other(api: TestClient) -> None:
    """A body that is half sent is not yet in memory as a whole; the next one is not even begun."""
    port = free_port()
    server = build_server(api.app, host="127.0.0.1", port=port)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, what="the server is up", timeout_seconds=10)
    tokens = [
        api.post(f"{V1}/tokens", json={"name": name, "role": "viewer"}).json()["token"] for name in ("one", "another")
    ]
    body = b" " * PREVIEW_BYTES

    def begin(token: str) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.putrequest("POST", f"{V1}/admission/preview")
        for name, value in {**JSON, "Authorization": f"Bearer {token}", "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(body[:100_000])
        return connection

    first = begin(tokens[0])
    time.sleep(0.5)
    with ThreadPoolExecutor(2) as pool:

        def send_all(token: str) -> int:
            headers = {**JSON, "Authorization": f"Bearer {token}"}
            return requests.post(
                f"http://127.0.0.1:{port}{V1}/admission/preview", data=body, headers=headers, timeout=30
            ).status_code

        second, others = pool.submit(send_all, tokens[0]), pool.submit(send_all, tokens[1])
        assert others.result(timeout=9) == NO_JSON, "somebody else's has room beside it"
        assert not second.done()
        first.send(body[100_000:])
        assert first.getresponse().status == NO_JSON
        assert second.result(timeout=9) == NO_JSON
    first.close()
    server.should_exit = True
    thread.join(timeout=10)


def test_room_for_large_bodies_is_given_in_turn_and_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "ROOM_SECONDS", 0.2)

    async def check() -> None:
        room = body_limit.Room()
        await room.take("ann", PREVIEW_BYTES)
        await room.take("bob", PREVIEW_BYTES)
        for who in ("ann", "eve"):
            with pytest.raises(TooManyRequests) as refused:
                await room.take(who, ANONYMOUS_BYTES + 1)
            assert refused.value.details["retry_after_seconds"] > 0
        room.give_back("ann")
        await room.take("eve", PREVIEW_BYTES)
        waiting = [asyncio.create_task(room.take(f"w{number}", 1)) for number in range(body_limit.MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests):
            await room.take("too many", 1)
        assert all(
            isinstance(error, TooManyRequests) for error in await asyncio.gather(*waiting, return_exceptions=True)
        )

    asyncio.run(check())


# Headers


@pytest.mark.parametrize("path", [f"{V1}/session/ways", f"{V1}/nothing", "/", "/healthz/x", "/workloads"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "["},
        {"Host": "a:b"},
        {"Host": "a]b"},
        {"Origin": "http://["},
        {"Origin": "http://a:99999"},
        {"Referer": "http://[x"},
    ],
    ids=str,
)
def test_an_address_in_a_header_that_is_none_is_refused(api: TestClient, path: str, headers: dict[str, str]) -> None:
    encoded = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    assert_error(api.get(path, headers=encoded), 400, "bad_request")


@pytest.mark.parametrize("function", ["api", "collect", "mutate"])
@pytest.mark.parametrize("path", ["/healthz", "/nothing"])
def test_no_function_fails_over_a_host_that_is_none(api: TestClient, function: str, path: str) -> None:
    client = api if function == "api" else TestClient(load_function(function), client=("127.0.0.1", 50000))
    assert client.get(path, headers={"Host": "["}).status_code < 500


# Instants


FAR = ("0001-01-01T00:00:00+14:00", "0885-01-15T03:36:44Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00")


@pytest.mark.parametrize("path", ["/audit", "/audit/export", "/admissions", "/admissions/export"])
@pytest.mark.parametrize("instant", FAR)
def test_any_instant_that_can_be_written_can_be_asked_for(api: TestClient, path: str, instant: str) -> None:
    for name in ("since", "until", "before"):
        assert api.get(f"{V1}{path}", params={name: instant}).status_code == 200


def test_the_extreme_instants_include_all_entries(api: TestClient) -> None:
    api.post(f"{V1}/tokens", json={"name": "timeless", "role": "viewer"}).raise_for_status()
    everything = api.get(f"{V1}/audit").json()
    assert everything
    assert api.get(f"{V1}/audit", params={"since": FAR[0], "until": FAR[-1]}).json() == everything
    assert api.get(f"{V1}/audit", params={"until": FAR[0]}).json() == []


@pytest.mark.parametrize("text", ["0", "-5", "1767225600", "1.5"])
def test_seconds_since_1970_are_no_instant(api: TestClient, text: str) -> None:
    assert assert_error(api.get(f"{V1}/audit", params={"before": text}), 422, "invalid_input")["field"] == "before"


def test_an_export_that_cannot_begin_says_so_by_its_status() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEDOOR_STORE_DSN", "http://127.0.0.1:9/?database=kubedoor")
        patch.setenv("KUBEDOOR_SOURCE", "sample")
        patch.setenv("KUBEDOOR_KUBECONFIG", "none")
        with function_client("api") as away:
            assert_error(away.get(f"{V1}/audit/export"), 503, "store")


# Paths


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/users", "GET, POST"),
        ("GET", "/actions/any/cancel", "POST"),
        ("GET", "/session/log-out-everywhere", "POST"),
        ("OPTIONS", "/overview", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(api: TestClient, method: str, path: str, allowed: str) -> None:
    answer = api.request(method, f"{V1}{path}")
    assert_error(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == allowed


def test_a_page_takes_no_changes(api: TestClient) -> None:
    answer = api.post("/")
    assert_error(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"].startswith("GET")


@pytest.mark.parametrize("name", [".", ".."])
def test_names_that_change_a_path_are_refused(api: TestClient, name: str) -> None:
    assert_error(api.post(f"{V1}/tokens", json={"name": name, "role": "viewer"}), 422, "invalid_input")
    body = {"username": name, "password": "long enough", "role": "viewer"}
    assert_error(api.post(f"{V1}/users", json=body), 422, "invalid_input")


# The document


def test_the_document_says_who_is_let_in_and_how() -> None:
    paths = openapi()["paths"]
    assert paths[f"{V1}/users"]["get"]["security"] == [{"session": []}, {"token": []}]
    assert paths[f"{V1}/session"]["delete"]["security"] == [{"session": []}]
    assert paths[f"{V1}/session"]["post"]["security"] == []
    assert paths[f"{V1}/schedules/{{schedule}}/ping"]["post"]["security"] == [{"own_token": []}]


def test_the_document_names_the_statuses_of_each_route_and_no_others() -> None:
    paths = openapi()["paths"]
    assert list(paths[f"{V1}/users"]["get"]["responses"]) == ["200", "401", "403", "503"]
    assert list(paths[f"{V1}/users/{{username}}"]["patch"]["responses"]) == [
        *("200", "400", "401", "403", "404", "409", "413", "422", "429", "503")
    ]
    assert "HTTPValidationError" not in openapi()["components"]["schemas"]


def test_completing_the_document_twice_changes_nothing() -> None:
    once = openapi()
    assert complete_document(json.loads(json.dumps(once))) == once
