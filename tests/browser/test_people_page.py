"""Users and API tokens: kept by an administrator in one browser, felt by others in theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visits
from tests.browser.seeding import PASSWORD, VIEWER, seed
from tests.browser.serving import sample_kubedoor
from tests.toolbox.running import RunningKubeDoor

# As from another machine: there, a first password has to be changed before anything else.
AFAR = {"X-Forwarded-For": "198.51.100.20"}
OWN_PASSWORD = "words of my own"


@pytest.fixture(scope="module")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKubeDoor]:
    """With the only administrator, `kubedoor`, and somebody who may only look."""
    folder: Path = tmp_path_factory.mktemp("peopled")
    seed(folder / "data", viewer=True)
    with sample_kubedoor(folder, days=0) as running:
        yield running


@pytest.fixture
def admin(visit: Visits, peopled: RunningKubeDoor) -> Page:
    return visit("/people", at=peopled, password=PASSWORD)


@pytest.fixture
def person(admin: Page, peopled: RunningKubeDoor) -> Callable[[str, str], None]:
    """Makes a user whose password is `PASSWORD`, quicker than through the page."""

    def make(name: str, role: str) -> None:
        body = {"username": name, "password": PASSWORD, "role": role}
        answer = admin.request.post(f"{peopled.url}/api/v1/users", data=body)
        assert answer.ok, answer.text()
        admin.reload()

    return make


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def choose(page: Page, name: str, action: str) -> None:
    page.get_by_role("button", name=f"Actions for {name}").click()
    page.get_by_role("menuitem", name=action).click()


def log_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_somebody_new_has_to_choose_a_password_and_may_then_only_look(
    visit: Visits, admin: Page, peopled: RunningKubeDoor
) -> None:
    admin.get_by_role("button", name="Add user").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("User name").fill("nina@example.com")
    dialog.get_by_role("radio", name="Viewer").check()
    first = dialog.get_by_label("First password").input_value()
    dialog.get_by_role("button", name="Add user").click()
    expect(dialog.get_by_text("nina@example.com is added")).to_be_visible()
    admin.keyboard.press("Escape")
    expect(dialog.get_by_text(first)).to_be_visible()
    expect(dialog.get_by_role("button", name="Close")).to_have_count(0)
    dialog.get_by_role("button", name="Done").click()
    expect(row(admin, "nina@example.com")).to_contain_text("first password")

    page = visit("/", at=peopled, log_in=False, extra_http_headers=AFAR)
    log_in(page, "nina@example.com", first)
    expect(page.get_by_role("heading", name="Choose a new password")).to_be_visible()
    expect(page.get_by_role("button", name="Not now")).to_have_count(0)
    page.goto(peopled.url + "/workloads")
    expect(page.get_by_role("heading", name="Choose a new password")).to_be_visible()
    page.get_by_label("Current password").fill(first)
    page.get_by_label("New password", exact=True).fill(OWN_PASSWORD)
    page.get_by_label("New password again").fill(OWN_PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("heading", name="Workloads")).to_be_visible()
    page.goto(peopled.url + "/people")
    expect(page.get_by_text("It needs the role Administrator; yours is Viewer.")).to_be_visible()

    admin.reload()
    expect(row(admin, "nina@example.com")).to_contain_text("Viewer")
    expect(row(admin, "nina@example.com")).not_to_contain_text("first password")


def test_a_role_counts_from_the_next_click_in_a_session_that_is_open(
    visit: Visits, admin: Page, peopled: RunningKubeDoor, person: Callable[[str, str], None]
) -> None:
    person("omar", "operator")
    page = visit("/collection", at=peopled, username="omar", password=PASSWORD)
    button = page.get_by_role("button", name="Collect and update")
    expect(button).to_be_enabled()

    choose(admin, "omar", "Change role")
    dialog = admin.get_by_role("dialog", name="Role of omar")
    expect(dialog.get_by_role("button", name="Change role")).to_be_disabled()
    dialog.get_by_role("radio", name="Viewer").check()
    dialog.get_by_role("button", name="Change role").click()
    expect(admin.get_by_text("omar is now: Viewer")).to_be_visible()
    expect(row(admin, "omar")).to_contain_text("Viewer")

    button.click()
    expect(page.get_by_text("You may look, not collect.")).to_be_visible()
    expect(button).to_be_disabled()


def test_sessions_that_an_admin_ends_lead_to_the_login(
    visit: Visits, admin: Page, peopled: RunningKubeDoor, person: Callable[[str, str], None]
) -> None:
    person("lea", "viewer")
    page = visit("/checkup", at=peopled, username="lea", password=PASSWORD)
    choose(admin, "lea", "Log out everywhere")
    admin.get_by_role("dialog").get_by_role("button", name="Log out everywhere").click()
    expect(admin.get_by_text("Every session of lea has ended")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_reset_password_ends_the_sessions_and_is_shown_once(
    visit: Visits, admin: Page, peopled: RunningKubeDoor, person: Callable[[str, str], None]
) -> None:
    person("rita", "viewer")
    page = visit("/checkup", at=peopled, username="rita", password=PASSWORD)
    choose(admin, "rita", "Reset password")
    dialog = admin.get_by_role("dialog")
    field = dialog.get_by_label("First password")
    before = field.input_value()
    dialog.get_by_role("button", name="Generate another").click()
    expect(field).not_to_have_value(before)
    new = field.input_value()
    dialog.get_by_role("button", name="Reset password").click()
    admin.keyboard.press("Escape")
    expect(dialog.get_by_text(new)).to_be_visible()
    dialog.get_by_role("button", name="Done").click()
    expect(admin.get_by_text(new)).to_have_count(0)
    page.reload()
    log_in(page, "rita", new)
    expect(page.get_by_role("heading", name="Choose a new password")).to_be_visible()


def test_what_is_wrong_is_said_at_its_field(admin: Page) -> None:
    admin.get_by_role("button", name="Add user").click()
    dialog = admin.get_by_role("dialog")
    add = dialog.get_by_role("button", name="Add user")
    add.click()
    expect(dialog.get_by_role("alert")).to_have_text("Give it a name")
    name, password = dialog.get_by_label("User name"), dialog.get_by_label("First password")
    for wrong_name, wrong_password, field, said in (
        (VIEWER, "a first password", name, f"there is a user {VIEWER} already"),
        ("two words", "a first password", name, "a character in it that a name cannot have"),
        ("somebody", "short", password, "At least 8 characters"),
        ("somebody", "somebody", password, "must be neither"),
    ):
        name.fill(wrong_name)
        password.fill(wrong_password)
        add.click()
        expect(dialog.get_by_role("alert")).to_contain_text(said)
        expect(field).to_have_attribute("aria-invalid", "true")
    expect(row(admin, "somebody")).to_have_count(0)


def test_the_last_admin_stays_and_that_is_said_before(admin: Page) -> None:
    expect(row(admin, "kubedoor")).to_contain_text("you")
    admin.get_by_role("button", name="Actions for kubedoor").click()
    for name in ("Change role", "Delete"):
        item = admin.get_by_role("menuitem", name=name)
        expect(item).to_have_attribute("aria-disabled", "true")
        expect(item).to_contain_text("The last administrator stays.")
    expect(admin.get_by_role("menuitem", name="Reset password")).to_contain_text("change your password in the menu")


def test_the_last_admin_stays_when_the_page_is_older_than_the_people(
    admin: Page, peopled: RunningKubeDoor, person: Callable[[str, str], None]
) -> None:
    person("second", "admin")
    expect(row(admin, "second")).to_be_visible()
    deleted = admin.request.delete(f"{peopled.url}/api/v1/users/second")
    assert deleted.ok, deleted.text()
    choose(admin, "kubedoor", "Delete")
    dialog = admin.get_by_role("dialog", name="Delete kubedoor?")
    expect(dialog).to_contain_text("This is your own account")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_contain_text("kubedoor is the last admin")


def test_somebody_deleted_is_gone_from_the_list_and_logged_out(
    visit: Visits, admin: Page, peopled: RunningKubeDoor, person: Callable[[str, str], None]
) -> None:
    person("gone", "operator")
    page = visit("/checkup", at=peopled, username="gone", password=PASSWORD)
    choose(admin, "gone", "Delete")
    admin.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(admin.get_by_text("gone is deleted")).to_be_visible()
    expect(row(admin, "gone")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_token_is_shown_once_works_like_curl_and_ends_when_revoked(admin: Page, peopled: RunningKubeDoor) -> None:
    admin.context.grant_permissions(["clipboard-read", "clipboard-write"])
    admin.get_by_role("tab", name="API tokens").click()
    assert admin.url.endswith("/people?tab=tokens")
    expect(admin.get_by_text("There are no API tokens")).to_be_visible()
    admin.get_by_role("button", name="New token").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("Name").fill("two words")
    dialog.get_by_role("button", name="Make token").click()
    expect(dialog.get_by_role("alert")).to_contain_text("a character in it that a name cannot have")
    dialog.get_by_label("Name").fill("grafana")
    dialog.get_by_role("button", name="Make token").click()
    expect(admin.get_by_text("Token grafana is made")).to_be_visible()
    dialog.get_by_role("button", name="Copy: Token").click()
    expect(dialog.get_by_text("Copied")).to_be_visible()
    token = admin.evaluate("navigator.clipboard.readText()")
    expect(dialog.locator("code")).to_have_text(token)
    expect(dialog.locator("pre")).to_contain_text(f"{peopled.url}/api/v1/workloads")
    admin.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="I have stored it").click()
    expect(admin.get_by_text(token)).to_have_count(0)
    expect(row(admin, "grafana")).to_contain_text("never")

    def ask() -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{peopled.url}/api/v1/workloads", headers=headers, timeout=30).status_code

    assert ask() == 200
    admin.reload()
    expect(row(admin, "grafana")).not_to_contain_text("never")
    admin.get_by_role("button", name="Revoke grafana").click()
    dialog = admin.get_by_role("dialog", name="Revoke token grafana?")
    expect(dialog).to_contain_text("It was last used")
    dialog.get_by_role("button", name="Cancel").click()
    assert ask() == 200
    admin.get_by_role("button", name="Revoke grafana").click()
    dialog.get_by_role("button", name="Revoke").click()
    expect(admin.get_by_text("Token grafana works no more")).to_be_visible()
    assert ask() == 401


def test_a_token_lasts_as_long_as_is_chosen(admin: Page, peopled: RunningKubeDoor) -> None:
    admin.goto(f"{peopled.url}/people?tab=tokens&add=1")
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("Name").fill("short-lived")
    dialog.get_by_role("combobox", name="Lasts").press("Enter")
    admin.get_by_role("option", name="Another number of days").click()
    dialog.get_by_role("spinbutton", name="Days").fill("3")
    dialog.get_by_role("radio", name="Operator").check()
    dialog.get_by_role("button", name="Make token").click()
    dialog.get_by_role("button", name="I have stored it").click()
    expect(row(admin, "short-lived")).to_contain_text("ends soon")
    expect(row(admin, "short-lived")).to_contain_text("Operator")
    assert "add=1" not in admin.url


def test_the_arrows_go_from_tab_to_tab(admin: Page) -> None:
    admin.get_by_role("tab", name="Users").focus()
    admin.keyboard.press("ArrowRight")
    expect(admin.get_by_role("tab", name="API tokens")).to_be_focused()
    expect(admin.get_by_role("tab", name="API tokens")).to_have_attribute("aria-selected", "true")


def test_somebody_logs_out_on_every_device_at_once(
    visit: Visits, peopled: RunningKubeDoor, person: Callable[[str, str], None]
) -> None:
    person("dora", "viewer")
    elsewhere = visit("/checkup", at=peopled, username="dora", password=PASSWORD)
    page = visit("/", at=peopled, username="dora", password=PASSWORD)
    page.get_by_role("button", name="Account of dora").click()
    page.get_by_role("menuitem", name="Log out everywhere").click()
    page.get_by_role("dialog").get_by_role("button", name="Log out everywhere").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", name="Log in")).to_be_visible()
