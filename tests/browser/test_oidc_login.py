"""Log in at an identity provider that is a site of its own, and what the login page says when that fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.browser.serving import start_sample_kubedoor
from tests.support.identity import IdentityProvider, identity_provider
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET
from tests.toolbox import processes
from tests.toolbox.running import RunningKubeDoor

ANN = {"sub": "ann-1", "preferred_username": "ann", "groups": ["sre"], "ask": True}
EVE = {"sub": "eve-1", "preferred_username": "eve", "groups": ["sales"], "ask": True}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    with identity_provider(tmp_path_factory.mktemp("provider")) as started:
        yield started


@pytest.fixture(scope="module")
def joined(provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKubeDoor]:
    """A KubeDoor that lets the provider's people in, under a name that is another site than the provider's."""
    port = processes.free_port()
    settings = {
        "KUBEDOOR_PUBLIC_URL": f"http://localhost:{port}",
        "KUBEDOOR_OIDC_ISSUER": provider.issuer,
        "KUBEDOOR_OIDC_NAME": "Example ID",
        "KUBEDOOR_OIDC_CLIENT_ID": CLIENT_ID,
        "KUBEDOOR_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "KUBEDOOR_OIDC_ROLE_MAPPING": "sre=admin,dev=operator",
    }
    running = start_sample_kubedoor(tmp_path_factory.mktemp("joined"), port=port, settings=settings)
    try:
        yield replace(running, url=settings["KUBEDOOR_PUBLIC_URL"])
    finally:
        running.child.stop()


def start(page: Page) -> None:
    """To the provider's page."""
    page.get_by_role("link", name="Log in with Example ID").click()
    expect(page.get_by_role("heading", name="Example ID")).to_be_visible()


def test_somebody_comes_back_from_the_provider_with_the_role_of_the_claim(
    visit: Visits, provider: IdentityProvider, joined: RunningKubeDoor
) -> None:
    provider.seat(joined.url, **ANN)
    page = visit("/people?tab=users", at=joined, log_in=False)
    start(page)
    page.get_by_role("button", name="Sign in").click()
    # The page that was wanted, which only an administrator sees.
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="ann"))
    expect(row).to_contain_text("Administrator")
    expect(row).to_contain_text("Identity provider")
    page.get_by_role("button", name="Account of ann").click()
    expect(page.get_by_role("menuitem", name="Log out", exact=True)).to_be_visible()
    expect(page.get_by_role("menuitem", name="Change password")).to_have_count(0)


def test_what_the_provider_keeps_is_not_offered_and_the_reason_is_said(
    visit: Visits, provider: IdentityProvider, joined: RunningKubeDoor
) -> None:
    provider.seat(joined.url, **ANN)
    page = visit("/people", at=joined, log_in=False)
    start(page)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Actions for ann").click()
    for name in ("Change role", "Reset password"):
        item = page.get_by_role("menuitem", name=name)
        expect(item).to_have_attribute("aria-disabled", "true")
        expect(item).to_contain_text("Kept by the identity provider")


def test_somebody_without_a_role_is_told_on_the_login_page_and_may_try_again(
    visit: Visits, provider: IdentityProvider, joined: RunningKubeDoor
) -> None:
    provider.seat(joined.url, **EVE)
    page = visit("/door", at=joined, log_in=False)
    start(page)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").last).to_contain_text("none of your groups has a role")
    provider.seat(joined.url, **{**EVE, "groups": ["dev"]})
    start(page)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Door", exact=True)).to_be_visible()


def test_a_log_in_cancelled_at_the_provider_is_told(
    visit: Visits, provider: IdentityProvider, joined: RunningKubeDoor
) -> None:
    provider.seat(joined.url, **ANN)
    page = visit("/login", at=joined, log_in=False)
    start(page)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert").last).to_contain_text("was called off")
    expect(page.get_by_role("link", name="Log in with Example ID")).to_be_visible()
