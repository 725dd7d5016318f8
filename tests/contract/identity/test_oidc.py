"""Log-in at an OpenID Connect provider, through the API with the redirects of a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from starlette.testclient import TestClient

from kubedoor.store.connection import Connection
from kubedoor.store.migrations import migrate
from tests.support.accounts import dsn_of_new_database
from tests.support.functions import function_client
from tests.support.identity import CALLBACK, IdentityProvider, identity_provider
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET

PUBLIC_URL = "http://kubedoor.localhost:8080"
ANN = {"sub": "ann-1", "preferred_username": "ann", "groups": ["dev", "sre"]}
Provider = Callable[..., None]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    with identity_provider(tmp_path_factory.mktemp("oidc")) as started:
        yield started


@pytest.fixture(scope="module")
def api(
    provider: IdentityProvider, embedded_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    dsn = dsn_of_new_database(embedded_dsn)
    migrate(Connection(dsn))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "STORE_DSN": dsn,
            "DATA_DIR": str(tmp_path_factory.mktemp("oidc-api")),
            "KUBECONFIG": "none",
            "PUBLIC_URL": PUBLIC_URL,
            "OIDC_ISSUER": provider.issuer,
            "OIDC_NAME": "Example ID",
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "OIDC_ROLE_MAPPING": "sre=admin,dev=operator,team/readers=viewer",
        }.items():
            patch.setenv(f"KUBEDOOR_{name}", value)
        with function_client("api") as client:
            ready = client.get("/readyz")
            assert ready.status_code == 200, ready.text
            yield client


@pytest.fixture
def person(provider: IdentityProvider) -> Provider:
    """Sets the user who is logged in at the provider."""
    return partial(provider.seat, PUBLIC_URL)


@pytest.fixture
def browser(api: TestClient) -> TestClient:
    return TestClient(api.app, base_url=PUBLIC_URL, client=("127.0.0.1", 50000), follow_redirects=False)


def go(browser: TestClient, page: str = "") -> str:
    """Follow the redirect to the provider; returns path and query of its redirect back."""
    started = browser.get("/api/v1/session/oidc", params={"next": page} if page else {})
    assert started.status_code == 303, started.text
    answer = requests.get(started.headers["location"], allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == f"{PUBLIC_URL}{CALLBACK}"
    return f"{back.path}?{back.query}"


def log_in(browser: TestClient, page: str = "") -> str:
    """Log in; returns the page that the browser is redirected to."""
    answer = browser.get(go(browser, page))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_somebody_the_provider_knows_is_let_in_with_the_greatest_role(browser: TestClient, person: Provider) -> None:
    assert browser.get("/api/v1/session/ways").json() == {"password": True, "oidc": True, "oidc_name": "Example ID"}
    person(**ANN)
    assert log_in(browser) == "/"
    session = browser.get("/api/v1/session").json()
    assert (session["username"], session["role"], session["source"]) == ("ann", "admin", "oidc")
    assert session["must_change_password"] is False
    audit = browser.get("/api/v1/audit").json()
    assert ("user.create", "ann", "oidc") in [(row["action"], row["who"], row["via"]) for row in audit]


def test_the_request_asks_with_pkce_state_and_nonce(browser: TestClient) -> None:
    started = browser.get("/api/v1/session/oidc")
    query = parse_qs(urlsplit(started.headers["location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["scope"] == ["openid profile email"]
    assert {"state", "nonce", "code_challenge"} <= set(query)
    cookie = started.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie


def test_a_role_follows_the_provider_at_the_next_log_in(browser: TestClient, person: Provider) -> None:
    person(sub="bob-1", preferred_username="bob", groups=["dev"])
    assert log_in(browser) == "/"
    assert browser.get("/api/v1/session").json()["role"] == "operator"
    person(sub="bob-1", preferred_username="bob", groups="team/readers")
    assert log_in(browser) == "/"
    assert browser.get("/api/v1/session").json()["role"] == "viewer"


def test_claims_may_be_in_userinfo_only(browser: TestClient, person: Provider) -> None:
    person(sub="dan-1", preferred_username="dan", groups=["sre"], only_in_userinfo=["groups", "preferred_username"])
    assert log_in(browser) == "/"
    assert browser.get("/api/v1/session").json()["role"] == "admin"


def test_a_log_in_and_a_refused_one_are_on_record_and_logging_out_ends_the_session(
    api: TestClient, browser: TestClient, person: Provider
) -> None:
    person(sub="eve", preferred_username="eve", groups=["sales"])
    log_in(browser)
    person(**ANN)
    log_in(browser)
    thief = TestClient(api.app, base_url=PUBLIC_URL, client=("127.0.0.1", 50001))
    thief.cookies.set("kubedoor_session", browser.cookies["kubedoor_session"], domain="kubedoor.localhost")
    rows = thief.get("/api/v1/audit", params={"action": "session.log-in"}).json()
    assert [(row["who"], row["via"], row["outcome"]) for row in rows[:2]] == [
        ("ann", "oidc", "done"),
        ("eve", "oidc", "failed"),
    ]
    assert browser.delete("/api/v1/session").status_code == 204
    assert thief.get("/api/v1/session").status_code == 401


PAGES_WANTED = {
    "a page of ours": ("/workloads?search=cart&edit=shop%2Fcart", "/workloads?search=cart&edit=shop%2Fcart"),
    "another site": ("https://elsewhere.example/", "/"),
    "another site, without its scheme": ("//elsewhere.example/", "/"),
    "another site, as browsers read it": ("/\\elsewhere.example/", "/"),
    "a line that is no address": ("/workloads\r\nSet-Cookie: a=b", "/"),
}


@pytest.mark.parametrize(("wanted", "reached"), PAGES_WANTED.values(), ids=PAGES_WANTED.keys())
def test_the_page_that_was_wanted_is_reached_if_it_is_ours(
    browser: TestClient, person: Provider, wanted: str, reached: str
) -> None:
    person(**ANN)
    assert log_in(browser, wanted) == reached


def test_the_page_that_was_wanted_is_kept_while_the_log_in_fails(browser: TestClient, person: Provider) -> None:
    person(sub="eve", preferred_username="eve", groups=["sales"])
    assert log_in(browser, "/door") == "/login?error=oidc_no_role&next=%2Fdoor"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nobody with a role": ({"sub": "eve", "preferred_username": "eve", "groups": ["sales"]}, "oidc_no_role"),
    "a local user's name": ({"sub": "eve", "preferred_username": "kubedoor", "groups": ["sre"]}, "oidc_name_taken"),
    "no name at all": ({"sub": "eve", "groups": ["sre"]}, "oidc_failed"),
    "refused by the provider": ({**ANN, "refuse": True}, "oidc_expired"),
    "another nonce": ({**ANN, "break": "nonce"}, "oidc_failed"),
    "another issuer": ({**ANN, "break": "issuer"}, "oidc_failed"),
    "another audience": ({**ANN, "break": "audience"}, "oidc_failed"),
    "an old token": ({**ANN, "break": "expiry"}, "oidc_failed"),
    "another key": ({**ANN, "break": "signature"}, "oidc_failed"),
}


@pytest.mark.parametrize(("claims", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_right_is_not_let_in(
    browser: TestClient, person: Provider, claims: dict[str, Any], problem: str
) -> None:
    person(**claims)
    assert log_in(browser) == f"/login?error={problem}"
    assert browser.get("/api/v1/session").status_code == 401


def test_a_log_in_that_another_browser_started_is_refused(
    api: TestClient, browser: TestClient, person: Provider
) -> None:
    person(**ANN)
    way_back = go(browser)
    other = TestClient(api.app, base_url=PUBLIC_URL, client=("127.0.0.1", 50001), follow_redirects=False)
    assert other.get(way_back).headers["location"] == "/login?error=oidc_expired"
    other.get("/api/v1/session/oidc")
    assert other.get(way_back).headers["location"] == "/login?error=oidc_expired"
    assert browser.get(way_back).headers["location"] == "/"


def test_a_code_is_good_for_once(browser: TestClient, person: Provider) -> None:
    person(**ANN)
    started = browser.get("/api/v1/session/oidc")
    kept = browser.cookies.get("kubedoor_oidc")
    answer = requests.get(started.headers["location"], allow_redirects=False, timeout=10)
    back = urlsplit(answer.headers["Location"])
    way_back = f"{back.path}?{back.query}"
    assert browser.get(way_back).headers["location"] == "/"
    browser.cookies.set("kubedoor_oidc", kept or "", domain="kubedoor.localhost", path="/")
    assert browser.get(way_back).headers["location"] == "/login?error=oidc_failed"
