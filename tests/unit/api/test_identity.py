"""Authentication and authorization in the API: role table, foreign pages, cookies, tokens, throttling."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from starlette.testclient import TestClient

from functions.api.security.login_queue import REFUSED_SECONDS
from functions.api.security.role_table import ANYBODY, NEEDED, OWN_TOKEN, SESSION_ONLY
from kubedoor.identity.passwords import MAX_CONCURRENT_HASHES
from kubedoor.identity.throttle import ACCOUNT_FAILURES, ADDRESS_FAILURES
from kubedoor.roles import Role, includes
from kubedoor.runtime.serving import build_server
from kubedoor.store.connection import Connection
from kubedoor.store.migrations import migrate
from tests.support.accounts import dsn_of_new_database
from tests.support.functions import assert_error, function_client
from tests.toolbox.processes import free_port, wait_until

V1 = "/api/v1"
PASSWORD = "first-password"
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def api(embedded_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Logged in as the first admin, on a separate database with one user per role."""
    dsn = dsn_of_new_database(embedded_dsn)
    connection = Connection(dsn)
    migrate(connection)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEDOOR_STORE_DSN", dsn)
        patch.setenv("KUBEDOOR_DATA_DIR", str(tmp_path_factory.mktemp("api-people")))
        patch.setenv("KUBEDOOR_KUBECONFIG", "none")
        patch.setenv("KUBEDOOR_TRUSTED_PROXIES", "10.0.0.0/8,127.0.0.1")
        with function_client("api") as client:
            client.post(f"{V1}/session", json={"username": "kubedoor", "password": "kubedoor"}).raise_for_status()
            for role in Role:
                body = {"username": f"a-{role}", "password": PASSWORD, "role": role}
                assert client.post(f"{V1}/users", json=body).status_code == 201
            yield client
    connection.close()


def stranger(api: TestClient, host: str = "127.0.0.1", **headers: str) -> TestClient:
    return TestClient(api.app, client=(host, 50001), headers=headers)


def log_in(client: TestClient, username: str, password: str = PASSWORD) -> TestClient:
    answer = client.post(f"{V1}/session", json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    return client


def make_token(api: TestClient, name: str, role: str) -> str:
    answer = api.post(f"{V1}/tokens", json={"name": name, "role": role, "expires_in_days": 1})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def with_token(api: TestClient, token: str) -> TestClient:
    return stranger(api, "192.0.2.20", Authorization=f"Bearer {token}")


# The role table


def operations(api: TestClient) -> list[tuple[str, str, str]]:
    """(operation id, method, path) of every route in the OpenAPI document."""
    paths: dict[str, dict[str, Any]] = api.get(f"{V1}/openapi.json").json()["paths"]
    return [
        (found["operationId"], method, path.replace("{", "no-").replace("}", ""))
        for path, methods in paths.items()
        for method, found in methods.items()
        if method in METHODS
    ]


def test_every_route_is_in_the_role_table_and_no_other(api: TestClient) -> None:
    assert {operation for operation, _, _ in operations(api)} == set(NEEDED)


@pytest.mark.parametrize("identity", ["nobody", *Role])
def test_every_route_answers_every_session_as_the_role_table_says(api: TestClient, identity: str) -> None:
    client = stranger(api)
    if identity != "nobody":
        log_in(client, f"a-{identity}")
    for operation, method, path in operations(api):
        check(client.request(method, path, json={}, follow_redirects=False), operation, identity)
        if identity != "nobody" and operation in SESSION_ONLY:
            log_in(client, f"a-{identity}")


@pytest.mark.parametrize("role", Role)
def test_every_route_answers_every_token_as_the_role_table_says(api: TestClient, role: Role) -> None:
    client = with_token(api, make_token(api, f"table-{role}", role))
    for operation, method, path in operations(api):
        answer = client.request(method, path, json={}, follow_redirects=False)
        if operation in SESSION_ONLY:
            assert_error(answer, 403, "forbidden")
        else:
            check(answer, operation, role)


def check(answer: Any, operation: str, identity: str) -> None:
    needed = NEEDED[operation]
    if operation in OWN_TOKEN:
        assert_error(answer, 401, "unauthorized")
        return
    if needed is ANYBODY:
        assert answer.status_code not in (401, 403), (operation, answer.text)
    elif identity == "nobody":
        assert_error(answer, 401, "unauthorized")
    elif includes(identity, needed):
        assert answer.status_code not in (401, 403), (operation, answer.text)
        assert answer.status_code < 500 or answer.json()["error"]["code"] == "cluster", (operation, answer.text)
    else:
        details = assert_error(answer, 403, "forbidden")
        assert details == {"role": needed}, operation


def test_a_role_that_does_not_exist_may_do_nothing() -> None:
    assert not includes("root", Role.VIEWER)
    assert not includes("", Role.VIEWER)


# Pages of other sites


FOREIGN = {
    "another origin": {"Origin": "https://evil.example"},
    "another port": {"Origin": "http://testserver:81"},
    "no page at all": {"Origin": "null"},
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "a sibling": {"Sec-Fetch-Site": "same-site", "Origin": "http://testserver"},
}
OWN = {
    "our page": {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"},
    "our page in an old browser": {"Origin": "http://testserver"},
    "typed by the person": {"Sec-Fetch-Site": "none"},
    "no browser": {},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_change_from_another_sites_page_is_refused(api: TestClient, headers: dict[str, str]) -> None:
    assert_error(api.post(f"{V1}/users", json={}, headers=headers), 403, "forbidden")
    body = {"username": "a-viewer", "password": PASSWORD}
    assert_error(stranger(api).post(f"{V1}/session", json=body, headers=headers), 403, "forbidden")
    assert api.get(f"{V1}/users", headers=headers).status_code == 200, (
        "looking changes nothing, and is not readable there"
    )


@pytest.mark.parametrize("headers", OWN.values(), ids=OWN.keys())
def test_a_change_from_our_own_page_is_let_through(api: TestClient, headers: dict[str, str]) -> None:
    assert_error(api.post(f"{V1}/users", json={}, headers=headers), 422, "invalid_input")


def test_a_form_cannot_send_a_change(api: TestClient) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        body = '{"username": "eve", "password": "eve-password", "role": "admin"}'
        answer = api.post(f"{V1}/users", content=body, headers={"Content-Type": content_type})
        assert answer.status_code == 422, answer.text
    assert "eve" not in [user["username"] for user in api.get(f"{V1}/users").json()]


def test_a_token_needs_no_page(api: TestClient) -> None:
    client = with_token(api, make_token(api, "no-page", "admin"))
    answer = client.post(f"{V1}/users", json={}, headers={"Origin": "https://portal.example"})
    assert_error(answer, 422, "invalid_input")


def test_on_loopback_a_public_name_is_not_ours(api: TestClient) -> None:
    for host, status in (
        ("rebound.example:8080", 403),
        ("localhost:8080", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
    ):
        answer = api.get(f"{V1}/session", headers={"Host": host})
        assert answer.status_code == status, (host, answer.text)


# Cookies, sessions


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(api: TestClient) -> None:
    body = {"username": "a-viewer", "password": PASSWORD}
    cookie = stranger(api).post(f"{V1}/session", json=body).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    assert cookie.startswith("kubedoor_session=")


def behind_tls(api: TestClient, **headers: str) -> TestClient:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.8", **headers}
    return TestClient(api.app, "https://kubedoor.example.com", client=("10.1.2.3", 50001), headers=forwarded)


def test_behind_tls_no_other_host_of_the_domain_can_plant_the_cookie(api: TestClient) -> None:
    browser = behind_tls(api)
    answer = browser.post(f"{V1}/session", json={"username": "a-viewer", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-kubedoor_session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert_error(browser.get(f"{V1}/overview"), 403, "forbidden")
    value = cookie.partition("=")[2].partition(";")[0]
    planted = behind_tls(api, Cookie=f"kubedoor_session={value}")
    assert_error(planted.get(f"{V1}/session"), 401, "unauthorized")
    assert browser.delete(f"{V1}/session").headers["set-cookie"].startswith('__Host-kubedoor_session=""; ')


def test_browsers_are_told_to_come_by_tls_only_once_they_have(api: TestClient) -> None:
    assert behind_tls(api).get(f"{V1}/session/ways").headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in api.get(f"{V1}/session/ways").headers
    assert "strict-transport-security" not in stranger(api, "192.0.2.8").get(f"{V1}/session/ways").headers


def test_a_session_that_was_logged_out_is_over_for_whoever_has_its_cookie(api: TestClient) -> None:
    browser, other = (log_in(stranger(api), "a-viewer") for _ in range(2))
    thief = stranger(api, Cookie=f"kubedoor_session={browser.cookies['kubedoor_session']}")
    assert thief.get(f"{V1}/session").status_code == 200
    assert browser.delete(f"{V1}/session").status_code == 204
    assert_error(thief.get(f"{V1}/session"), 401, "unauthorized")
    assert other.get(f"{V1}/session").status_code == 200, "the other browser's session goes on"


def test_log_ins_and_failed_ones_are_on_record(api: TestClient) -> None:
    browser = stranger(api, "10.1.2.3", **{"X-Forwarded-For": "192.0.2.77"})
    for body in (
        {"username": "a-operator", "password": "wrong-password"},
        {"username": "my-password-in-the-wrong-field", "password": "a-operator"},
    ):
        assert_error(browser.post(f"{V1}/session", json=body), 401, "unauthorized")
    log_in(browser, "a-operator").delete(f"{V1}/session")
    rows = [row for row in api.get(f"{V1}/audit").json() if row["address"] == "192.0.2.77"]
    assert [(row["action"], row["who"], row["outcome"]) for row in reversed(rows)] == [
        ("session.log-in", "a-operator", "failed"),
        ("session.log-in", "(unknown name)", "failed"),
        ("session.log-in", "a-operator", "done"),
        ("session.log-out", "a-operator", "done"),
    ]
    assert "my-password" not in str(rows)


def test_the_well_known_first_password_is_for_this_machine_only(api: TestClient) -> None:
    body = {"username": "kubedoor", "password": "kubedoor"}
    for host in ("192.0.2.90", "10.1.2.3"):
        refused = stranger(api, host, **({"X-Forwarded-For": "127.0.0.1"} if host.startswith("10.") else {}))
        assert_error(refused.post(f"{V1}/session", json=body), 403, "forbidden")
    assert stranger(api).post(f"{V1}/session", json=body).status_code == 200


@pytest.mark.parametrize("username", ["A-Viewer", "a-vıewer", "а-viewer", "ａ-viewer"])
def test_a_user_whom_nobody_could_tell_from_another_is_refused(api: TestClient, username: str) -> None:
    answer = api.post(f"{V1}/users", json={"username": username, "password": PASSWORD, "role": "viewer"})
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) in ((409, "username"), (422, "username"))


@pytest.mark.parametrize("password", ["password", "12345678", "Kubedoor1", "aaaaaaaa", "a-newest", "qwertyuiop"])
def test_a_trivial_password_is_refused_wherever_one_is_set(api: TestClient, password: str) -> None:
    body = {"username": "a-newest", "password": password, "role": "viewer"}
    assert assert_error(api.post(f"{V1}/users", json=body), 422, "invalid_input")["field"] == "password"
    reset = api.put(f"{V1}/users/a-viewer/password", json={"password": password.replace("newest", "viewer")})
    assert assert_error(reset, 422, "invalid_input")["field"] == "password"


def test_the_first_password_has_to_be_changed_before_anything_else(api: TestClient) -> None:
    body = {"username": "newcomer", "password": PASSWORD, "role": "viewer"}
    assert api.post(f"{V1}/users", json=body).json()["must_change_password"] is True
    client = log_in(stranger(api, "192.0.2.30"), "newcomer")
    assert client.get(f"{V1}/session").json()["must_change_password"] is True
    assert assert_error(client.get(f"{V1}/overview"), 403, "forbidden") == {"must_change_password": True}
    bad = client.put(f"{V1}/session/password", json={"old_password": PASSWORD, "new_password": "newcomer"})
    assert assert_error(bad, 422, "invalid_input")["field"] == "new_password"
    changed = client.put(f"{V1}/session/password", json={"old_password": PASSWORD, "new_password": "all-my-own"})
    assert changed.json()["must_change_password"] is False
    assert client.get(f"{V1}/overview").status_code == 200


def test_log_out_everywhere_ends_the_other_browsers_session_too(api: TestClient) -> None:
    here, there = (log_in(stranger(api), "a-operator") for _ in range(2))
    assert here.post(f"{V1}/session/log-out-everywhere").status_code == 204
    assert_error(there.get(f"{V1}/session"), 401, "unauthorized")


def test_an_admin_ends_somebodys_sessions_and_removes_them(api: TestClient) -> None:
    api.post(f"{V1}/users", json={"username": "leaver", "password": PASSWORD, "role": "viewer"}).raise_for_status()
    client = log_in(stranger(api), "leaver")
    assert api.post(f"{V1}/users/leaver/log-out").status_code == 204
    assert_error(client.get(f"{V1}/session"), 401, "unauthorized")
    changed = api.patch(f"{V1}/users/leaver", json={"role": "operator"})
    assert changed.json()["role"] == "operator"
    assert_error(api.patch(f"{V1}/users/leaver", json={"role": "viewer", "version": 1}), 409, "conflict")
    assert api.delete(f"{V1}/users/leaver").status_code == 204
    assert_error(api.delete(f"{V1}/users/leaver"), 404, "not_found")


# Tokens


def test_a_token_is_shown_once_and_works_until_it_is_revoked(api: TestClient) -> None:
    secret = make_token(api, "pipeline", "viewer")
    assert secret not in api.get(f"{V1}/tokens").text
    client = with_token(api, secret)
    session = client.get(f"{V1}/session").json()
    assert (session["username"], session["role"], session["via"]) == ("pipeline", "viewer", "token")
    assert_error(api.post(f"{V1}/tokens", json={"name": "pipeline", "role": "viewer"}), 409, "conflict")
    assert api.delete(f"{V1}/tokens/pipeline").status_code == 204
    assert_error(client.get(f"{V1}/session"), 401, "unauthorized")
    assert_error(with_token(api, "kubedoor_made-up").get(f"{V1}/session"), 401, "unauthorized")


def test_what_a_token_changes_is_audited_under_its_name(api: TestClient) -> None:
    client = with_token(api, make_token(api, "auditor", "admin"))
    body = {"username": "by-token", "password": PASSWORD, "role": "viewer"}
    client.post(f"{V1}/users", json=body).raise_for_status()
    row = api.get(f"{V1}/audit").json()[0]
    assert (row["who"], row["via"], row["address"], row["action"]) == ("auditor", "token", "192.0.2.20", "user.create")


# Checks of the checkup that need the request


def request_checks(client: TestClient) -> dict[str, Any]:
    checks = client.get(f"{V1}/checkup").json()["checks"]
    return {check["name"]: check for check in checks if check["name"] in ("client addresses", "first password")}


def test_the_checkup_says_that_a_proxy_is_not_trusted(api: TestClient) -> None:
    token = make_token(api, "by-proxy", "viewer")
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.5"}
    untrusted = request_checks(stranger(api, "192.0.2.50", **headers))["client addresses"]
    assert not untrusted["ok"]
    assert "192.0.2.50" in untrusted["detail"]
    assert "KUBEDOOR_TRUSTED_HOPS" in untrusted["remedy"]
    trusted = request_checks(stranger(api, "10.0.0.1", **headers))["client addresses"]
    assert (trusted["ok"], trusted["detail"]) == (True, "you come from 203.0.113.5, by 10.0.0.1")
    assert request_checks(stranger(api, "192.0.2.50", Authorization=f"Bearer {token}")) == {}


def test_the_checkup_tells_admins_afar_that_the_first_password_is_still_there(api: TestClient) -> None:
    admin = request_checks(with_token(api, make_token(api, "first-a", "admin")))["first password"]
    assert not admin["ok"]
    assert "kubedoor has never changed" in admin["detail"]
    assert request_checks(with_token(api, make_token(api, "first-v", "viewer"))) == {}
    assert request_checks(api) == {}, "on this machine it may stay"


# Throttling


def test_many_failures_are_answered_with_429_and_when_to_come_back(api: TestClient) -> None:
    client = stranger(api, "192.0.2.40")
    body = {"username": "a-admin-nobody-is", "password": "wrong-password"}
    for _ in range(ACCOUNT_FAILURES):
        assert_error(client.post(f"{V1}/session", json=body), 401, "unauthorized")
    answer = client.post(f"{V1}/session", json=body)
    details = assert_error(answer, 429, "too_many_requests")
    assert answer.headers["retry-after"] == str(details["retry_after_seconds"])


def test_whoever_is_throttled_is_refused_before_a_hash_and_before_the_body(api: TestClient) -> None:
    client = stranger(api, "192.0.2.41")
    body = {"username": "a-operator-nobody-is", "password": "wrong-password"}
    store_failures(ACCOUNT_FAILURES, account="a-operator-nobody-is", address="192.0.2.42")
    assert_error(client.post(f"{V1}/session", json=body), 429, "too_many_requests")
    passwords = services().users._passwords
    with passwords.slot(), passwords.slot():
        answer = client.post(f"{V1}/session", json=body)
    assert "too many log-ins have failed" in answer.json()["error"]["message"], "it does not wait for a hash"


def services() -> Any:
    """Of the function that was loaded last, which is this one."""
    return sys.modules["main"]._clusters().home


def store_failures(count: int, *, account: str, address: str) -> None:
    failure = {"at": datetime.now(UTC), "address": address, "succeeded": False}
    failures = [{**failure, "account": account.format(number)} for number in range(count)]
    services().control._connection.insert("login_attempts", failures)


@pytest.fixture
def served(api: TestClient) -> Iterator[str]:
    """The URL of the same API on a real port."""
    port = free_port()
    running = build_server(api.app, host="127.0.0.1", port=port)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    wait_until(lambda: running.started, what="the server is up", timeout_seconds=10)
    yield f"http://127.0.0.1:{port}{V1}"
    running.should_exit = True
    thread.join(timeout=10)


def test_a_crowd_that_logs_in_keeps_nobody_else_waiting(api: TestClient, served: str) -> None:
    token = {"Authorization": f"Bearer {make_token(api, 'bystander', 'viewer')}"}
    body = {"username": "a-crowd", "password": "wrong-password"}
    crowd = {"X-Forwarded-For": "203.0.113.60"}
    passwords = services().users._passwords
    with ThreadPoolExecutor(60) as pool, ExitStack() as busy:
        for _ in range(MAX_CONCURRENT_HASHES):
            busy.enter_context(passwords.slot())
        waiting = [
            pool.submit(requests.post, f"{served}/session", json=body, headers=crowd, timeout=30) for _ in range(60)
        ]
        wait_until(lambda: sum(one.done() for one in waiting) >= 45, what="most are refused at once", timeout_seconds=4)
        began = time.monotonic()
        assert requests.get(f"{served}/overview", headers=token, timeout=10).status_code == 200
        assert time.monotonic() - began < 3, "no thread is left for others"
    assert {one.result().status_code for one in waiting} <= {401, 429}
    refused = [one.result() for one in waiting if one.result().status_code == 429]
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)


def test_a_throttled_address_is_refused_slowly_and_others_are_served_at_once(api: TestClient, served: str) -> None:
    store_failures(ADDRESS_FAILURES, account="somebody-{}", address="203.0.113.61")
    crowd = {"X-Forwarded-For": "203.0.113.61"}

    def refused(_: int) -> float:
        began = time.monotonic()
        answer = requests.post(f"{served}/session", json={"username": "a", "password": "b"}, headers=crowd, timeout=30)
        assert answer.status_code == 429, answer.text
        return time.monotonic() - began

    refused(0)
    with ThreadPoolExecutor(20) as pool:
        waits = list(pool.map(refused, range(20)))
    assert min(waits) >= REFUSED_SECONDS, "else it would ask again and again"
    body = {"username": "a-viewer", "password": PASSWORD}
    assert requests.post(f"{served}/session", json=body, timeout=30).status_code == 200


def test_the_server_ignores_forwarded_headers() -> None:
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        seen.append((scope["client"][0], scope["scheme"]))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    port = free_port()
    running = build_server(app, host="127.0.0.1", port=port)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    wait_until(lambda: running.started, what="the server is up", timeout_seconds=10)
    headers = {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https"}
    assert requests.get(f"http://127.0.0.1:{port}/", headers=headers, timeout=10).status_code == 204
    running.should_exit = True
    thread.join(timeout=10)
    assert seen == [("127.0.0.1", "http")]
