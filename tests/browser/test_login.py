"""Getting in, and out."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.serving import sample_kubedoor


def test_the_first_login_asks_for_a_new_password_and_then_only_that_one_counts(visit: Visits, tmp_path: Path) -> None:
    with sample_kubedoor(tmp_path, days=0) as running:
        page = visit("/", at=running, log_in=False)
        page.get_by_label("User name").fill("kubedoor")
        page.get_by_label("Password").fill("kubedoor")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Choose a new password")).to_be_visible()
        page.get_by_label("New password", exact=True).fill("short")
        expect(page.get_by_role("alert")).to_have_text("At least 8 characters")
        page.get_by_label("New password", exact=True).fill("much better words")
        page.get_by_label("New password again").fill("much better words")
        page.get_by_role("button", name="Set password").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        expect(page.get_by_text("The first password is still in use")).to_have_count(0)

        page.get_by_role("button", name="Account of kubedoor").click()
        page.get_by_role("menuitem", name="Log out", exact=True).click()
        page.get_by_label("User name").fill("kubedoor")
        page.get_by_label("Password").fill("kubedoor")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_have_text("The user name or the password is wrong")
        page.get_by_label("Password").fill("much better words")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_on_loopback_the_change_may_be_put_off_and_a_note_stays(visit: Visits) -> None:
    page = visit("/", log_in=False)
    page.get_by_label("User name").fill("kubedoor")
    page.get_by_label("Password").fill("kubedoor")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Not now").click()
    expect(page.get_by_text("The first password is still in use")).to_be_visible()
    page.get_by_role("note").get_by_role("button", name="Change password").click()
    expect(page.get_by_role("dialog", name="Change password")).to_be_visible()


def test_a_link_is_reached_after_the_login(visit: Visits) -> None:
    page = visit("/workloads?search=cart", log_in=False)
    page.get_by_label("User name").fill("kubedoor")
    page.get_by_label("Password").fill("kubedoor")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Not now").click()
    expect(page.get_by_role("link", name="cart")).to_be_visible()
    assert page.url.endswith("/workloads?search=cart")


def test_a_session_that_ends_leads_back_to_the_login(visit: Visits) -> None:
    page = visit("/checkup")
    expect(page.get_by_role("heading", name="Checkup")).to_be_visible()
    page.context.clear_cookies()
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert "next=/checkup" in page.url
    expect(page.get_by_text("Your session has ended")).to_be_visible()


def test_whoever_is_logged_in_is_led_past_the_login(visit: Visits) -> None:
    page = visit("/login?next=/checkup")
    expect(page.get_by_role("heading", name="Checkup")).to_be_visible()
