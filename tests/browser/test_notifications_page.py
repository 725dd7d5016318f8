"""Channels: made and tried by administrators, looked at by operators, their addresses seen by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Response, expect

from tests.browser.conftest import Visits
from tests.browser.seeding import OPERATOR, PASSWORD, VIEWER, seed
from tests.browser.serving import sample_kubedoor
from tests.support.receiver import Receiver, running_receiver
from tests.toolbox.running import RunningKubeDoor

SECRET = "s3cret"
SOON_MS = 60_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKubeDoor]:
    folder: Path = tmp_path_factory.mktemp("notifications")
    seed(folder / "data", viewer=True, workloads=2)
    with sample_kubedoor(folder, days=0) as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


def _make(page: Page, name: str, address: str, *events: str) -> None:
    page.get_by_role("button", name="New channel").first.click()
    dialog = page.get_by_role("dialog", name="New channel")
    dialog.get_by_role("textbox", name="Name").fill(name)
    dialog.get_by_role("textbox", name="Address").fill(address)
    for event in events:
        dialog.get_by_text(event, exact=True).click()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()


def _card(page: Page, name: str) -> Locator:
    return page.get_by_role("list", name="Channels").get_by_role("listitem", name=name)


def test_a_channel_is_made_tried_and_its_address_never_seen_again(
    visit: Visits, running: RunningKubeDoor, receiver: Receiver
) -> None:
    page = visit("/notifications", at=running, password=PASSWORD)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    _make(page, "On call", receiver.url, "Door set values")
    card = _card(page, "On call")
    expect(card).to_contain_text("JSON")
    expect(card.get_by_role("list", name="Events")).to_contain_text("Door set values")
    card.get_by_role("button", name="Send a test").click()
    expect(card.get_by_role("status")).to_contain_text("The test was taken by the channel.")
    assert "a test, nothing has happened" in receiver.wait()["title"]

    card.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog", name="Change On call")
    expect(dialog).to_contain_text("An address of JSON is kept")
    expect(dialog.get_by_role("textbox", name="Address")).to_have_count(0)
    dialog.get_by_role("textbox", name="Name").fill("Night shift")
    dialog.get_by_role("button", name="Save").click()
    expect(_card(page, "Night shift")).to_be_visible()
    _card(page, "Night shift").get_by_role("button", name="Send a test").click()
    receiver.wait()

    seen = [page.content(), *(answer.text() for answer in answers if "/api/" in answer.url and answer.status != 204)]
    seen.append(page.request.get(f"{running.url}/api/v1/audit").text())
    seen.append(running.child.log.read_text(encoding="utf-8"))
    assert len(seen) > 5
    assert [text for text in seen if SECRET in text] == []


def test_a_dead_channel_says_so_when_it_is_tried(visit: Visits, running: RunningKubeDoor, receiver: Receiver) -> None:
    receiver.status = 500
    page = visit("/notifications", at=running, password=PASSWORD)
    _make(page, "Dead", receiver.url)
    card = _card(page, "Dead")
    card.get_by_role("button", name="Send a test").click()
    expect(card.get_by_role("alert")).to_contain_text("JSON did not take the message: it answered HTTP 500")
    card.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete Dead?").get_by_role("button", name="Delete").click()
    expect(card).to_have_count(0)


def test_what_happens_is_one_message_that_is_listed(
    visit: Visits, running: RunningKubeDoor, receiver: Receiver
) -> None:
    page = visit("/notifications", at=running, password=PASSWORD)
    _make(page, "Troubles", receiver.url)
    nightly = {"name": "Nightly", "kind": "restart", "cron": "0 3 * * *"}
    body = {**nightly, "workloads": [{"namespace": "shop", "deployment": "cart"}]}
    schedule = page.request.post(f"{running.url}/api/v1/schedules", data=body).json()["schedule"]
    for _ in range(2):
        # There is no cluster to restart anything in.
        assert page.request.post(f"{running.url}/api/v1/schedules/{schedule}/run").status == 202
    assert "schedule Nightly: no cluster is configured" in receiver.wait()["message"]
    row = page.locator("tbody tr").filter(has_text="Troubles").first
    expect(row).to_contain_text("Sent", timeout=SOON_MS)
    expect(row).to_contain_text("Collections, actions and the switch")
    switch = page.get_by_role("switch", name="Troubles is enabled")
    _card(page, "Troubles").locator(".el-switch").click()
    expect(switch).not_to_be_checked()


def test_who_was_overtaken_by_somebody_else_is_told(
    visit: Visits, running: RunningKubeDoor, receiver: Receiver
) -> None:
    page = visit("/notifications", at=running, password=PASSWORD)
    _make(page, "Overtaken", receiver.url)
    _card(page, "Overtaken").get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog", name="Change Overtaken")
    dialog.get_by_label("Name").fill("Mine")
    address = f"{running.url}/api/v1/notifications/channels"
    (made,) = [one for one in page.request.get(address).json() if one["name"] == "Overtaken"]
    assert page.request.patch(f"{address}/{made['channel']}", data={"name": "Theirs"}).ok
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Somebody or something else was first")
    dialog.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog", name="Leave without saving?").get_by_role("button", name="Discard").click()
    card = _card(page, "Theirs")
    for is_enabled in (False, True):
        card.locator(".el-switch").click()
        expect(page.get_by_role("switch", name="Theirs is enabled")).to_be_checked(checked=is_enabled)
    card.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete Theirs?").get_by_role("button", name="Delete").click()
    expect(card).to_have_count(0)


def test_an_address_that_is_none_is_told_at_its_field(visit: Visits, running: RunningKubeDoor) -> None:
    page = visit("/notifications?edit=new", at=running, password=PASSWORD)
    dialog = page.get_by_role("dialog", name="New channel")
    dialog.get_by_role("textbox", name="Name").fill("Nowhere")
    address = dialog.get_by_role("textbox", name="Address")
    expect(address).to_have_attribute("placeholder", "wecombot://…")
    dialog.locator(".el-select").click()
    page.get_by_role("option", name="Feishu").click()
    expect(dialog).to_contain_text("the last part of its webhook address")
    address.fill(f"carrierpigeon://{SECRET}")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("this is not the address of a channel")
    expect(address).to_have_attribute("type", "password")


def test_an_operator_may_look_only(visit: Visits, running: RunningKubeDoor) -> None:
    admin = visit("/notifications", at=running, password=PASSWORD)
    _make(admin, "For all to see", "json://127.0.0.1:9/hook")
    made = admin.request.get(f"{running.url}/api/v1/notifications/channels").json()
    (channel,) = [one["channel"] for one in made if one["name"] == "For all to see"]
    page = visit(f"/notifications?edit={channel}", at=running, username=OPERATOR, password=PASSWORD)
    card = _card(page, "For all to see")
    expect(card).to_be_visible()
    expect(page.get_by_text("Only administrators may change channels.")).to_be_visible()
    expect(page.get_by_role("button", name="New channel")).to_be_disabled()
    expect(card.get_by_role("button")).to_have_count(0)
    expect(card.get_by_role("switch")).to_be_disabled()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_viewer_is_told_that_the_page_is_not_for_them(visit: Visits, running: RunningKubeDoor) -> None:
    page = visit("/notifications", at=running, username=VIEWER, password=PASSWORD)
    expect(page.get_by_role("heading", name="Your role may not see this page", level=3)).to_be_visible()
