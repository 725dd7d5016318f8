"""Schedules from the page: real CronJobs in a real cluster, and times explained before anything is saved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from kubedoor.schedules import cronjob as cronjobs
from tests.browser.clusters import NAMESPACE, InCluster, in_cluster
from tests.browser.conftest import Visits
from tests.browser.seeding import PASSWORD, VIEWER
from tests.browser.test_appearance import problems, settle
from tests.toolbox.build import ToolMissing
from tests.toolbox.running import NAMESPACE as OWN_NAMESPACE

SOON_MS = 60_000
SETTINGS = {"KUBEDOOR_SCHEDULE_IMAGE": "kubedoor:test", "KUBEDOOR_SCHEDULE_API_URL": "http://api.test"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InCluster]:
    """Its schedules are CronJobs; control is off."""
    try:
        with in_cluster(tmp_path_factory.mktemp("shop"), settings=SETTINGS) as found:
            found.deploy("cart", "storefront")
            yield found
    except ToolMissing as missing:
        pytest.fail(str(missing))


def cronjob(shop: InCluster, name: str) -> dict[str, Any] | None:
    """The CronJob of the schedule of this name, as the cluster has it."""
    found = shop.plane.get_all("cronjob", OWN_NAMESPACE)
    return next((one for one in found if one["metadata"]["annotations"]["kubedoor.io/schedule"] == name), None)


def new_schedule(visit: Visits, shop: InCluster) -> tuple[Page, Locator]:
    page = visit("/schedules", at=shop.kubedoor, password=PASSWORD, timezone_id="Europe/Berlin")
    page.get_by_role("button", name="New schedule").click()
    return page, page.get_by_role("dialog", name="New schedule")


def pick(page: Page, dialog: Locator, *names: str) -> None:
    search = dialog.get_by_role("combobox", name="Workloads")
    for name in names:
        search.fill(name)
        page.get_by_role("option", name=f"{NAMESPACE}/{name}").click()
    search.press("Escape")


def choose_zone(dialog: Locator, zone: str) -> None:
    box = dialog.get_by_role("combobox", name="Time zone")
    box.fill(zone)
    box.press("Enter")


def schedule(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("button", name=f"Details of {name}", exact=True))


def choose(page: Page, name: str, choice: str) -> None:
    page.get_by_role("button", name=f"More for {name}", exact=True).click()
    page.get_by_role("menuitem", name=choice, exact=True).click()


def test_a_schedule_is_made_paused_run_changed_and_deleted_and_so_is_its_cronjob(
    visit: Visits, shop: InCluster
) -> None:
    page, dialog = new_schedule(visit, shop)
    dialog.get_by_role("textbox", name="Name").fill("nightly")
    pick(page, dialog, "cart", "storefront")
    dialog.get_by_role("textbox", name="Cron expression").fill("0 3 * * 1-5")
    expect(dialog.get_by_text("every Monday to Friday at 03:00")).to_be_visible()
    times = dialog.get_by_role("list", name="Comes next").get_by_role("listitem")
    expect(times).to_have_count(5)
    in_berlin = times.first.locator("time").get_attribute("datetime")
    choose_zone(dialog, "Asia/Shanghai")
    expect(times.first.locator("time")).not_to_have_attribute("datetime", in_berlin or "")
    for number in range(5):
        expect(times.nth(number)).to_have_text(re.compile(r"^(Mon|Tue|Wed|Thu|Fri) 20\d\d-\d\d-\d\d 03:00"))
    dialog.get_by_role("button", name="Save schedule").click()

    row = schedule(page, "nightly")
    expect(row).to_contain_text("Restart · 2 workloads")
    expect(row).to_contain_text("Active")
    expect(row).to_contain_text("CronJob in the cluster")
    made = cronjob(shop, "nightly")
    assert made
    assert (made["spec"]["schedule"], made["spec"]["timeZone"]) == ("0 3 * * 1-5", "Asia/Shanghai")

    choose(page, "nightly", "Pause")
    expect(row).to_contain_text("Paused")
    assert (cronjob(shop, "nightly") or {})["spec"]["suspend"] is True
    choose(page, "nightly", "Resume")
    expect(row).to_contain_text("Active")
    assert (cronjob(shop, "nightly") or {})["spec"]["suspend"] is False

    before = {name: shop.replicasets(name) for name in ("cart", "storefront")}
    choose(page, "nightly", "Run now")
    page.get_by_role("dialog", name="Run nightly now?").get_by_role("button", name="Run now").click()
    run = row.get_by_role("row").filter(has_text="kubedoor")
    expect(run).to_have_count(1)
    run.get_by_role("link", name="Action").click()
    expect(page.locator("h1 + .facts .tag")).to_have_text("Finished", timeout=SOON_MS)
    expect(page.get_by_text("Schedule nightly")).to_be_visible()
    page.go_back()
    expect(row.get_by_role("link", name="Finished")).to_be_visible()
    actions = shop.client.call("GET", "/actions")
    assert [one["who"] for one in actions if one["via"] == "schedule"] == ["schedule nightly"], "it ran once"
    assert {name: shop.replicasets(name) for name in before} == {name: count + 1 for name, count in before.items()}

    choose(page, "nightly", "Change")
    dialog = page.get_by_role("dialog", name="Change nightly")
    expect(dialog.get_by_role("combobox", name="Time zone").locator("xpath=../..")).to_contain_text("Asia/Shanghai")
    dialog.get_by_role("textbox", name="Cron expression").fill("30 4 * * 6")
    expect(dialog.get_by_text("every Saturday at 04:30")).to_be_visible()
    dialog.get_by_role("button", name="Save schedule").click()
    expect(row).to_contain_text("Every Saturday at 04:30", ignore_case=True)
    changed = cronjob(shop, "nightly")
    assert changed
    assert (changed["spec"]["schedule"], changed["metadata"]["name"]) == ("30 4 * * 6", made["metadata"]["name"])

    choose(page, "nightly", "Delete")
    page.get_by_role("dialog", name="Delete nightly?").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    shop.plane.wait_for(lambda: cronjob(shop, "nightly") is None, what="the CronJob is gone")


def test_what_is_wrong_with_a_time_is_said_at_its_field_and_nothing_is_made(visit: Visits, shop: InCluster) -> None:
    page, dialog = new_schedule(visit, shop)
    dialog.get_by_role("button", name="Save schedule").click()
    for words in ("Give it a name", "Choose at least one workload"):
        expect(dialog.get_by_role("alert").filter(has_text=words)).to_be_visible()
    dialog.get_by_role("textbox", name="Name").fill("never")
    pick(page, dialog, "cart")

    cron = dialog.get_by_role("textbox", name="Cron expression")
    cron.fill("61 * * * *")
    expect(dialog.get_by_role("alert")).to_have_text("minute: '61' is not from 0 to 59")
    expect(cron).to_have_attribute("aria-invalid", "true")
    cron.fill("0 0 30 2 *")
    expect(dialog.get_by_role("alert")).to_contain_text("never comes: there is no such day")
    expect(dialog.get_by_role("list", name="Comes next")).to_have_count(0)
    dialog.get_by_role("button", name="Save schedule").click()
    expect(dialog.get_by_role("alert")).to_contain_text("never comes")

    cron.fill("0 3 * * *")
    expect(dialog.get_by_role("alert")).to_have_count(0)
    choose_zone(dialog, "Nowhere/Town")
    expect(dialog.get_by_role("alert")).to_have_text("'Nowhere/Town' is not a time zone of the IANA database")
    choose_zone(dialog, "UTC")
    dialog.get_by_role("button", name="Once").click()
    dialog.get_by_label("Date and time: date").fill("2020-01-01")
    dialog.get_by_label("Date and time: time, 24 hours").fill("3")
    dialog.get_by_label("Date and time: time, 24 hours").blur()
    dialog.get_by_role("button", name="Save schedule").click()
    expect(dialog.get_by_role("alert")).to_have_text("2020-01-01 03:00 in UTC is past")
    dialog.get_by_role("button", name="Cancel").click()
    assert shop.client.call("GET", "/schedules") == []
    assert shop.plane.get_all("cronjob", OWN_NAMESPACE) == []


def test_a_scale_for_a_while_lists_its_return_whose_time_can_be_changed(visit: Visits, shop: InCluster) -> None:
    replicas = shop.deployment("cart")["spec"]["replicas"]
    page, dialog = new_schedule(visit, shop)
    dialog.get_by_role("textbox", name="Name").fill("sale")
    pick(page, dialog, "cart")
    dialog.get_by_role("button", name="Scale for a while").click()
    dialog.get_by_role("spinbutton", name="Number of replicas").fill("9")
    dialog.get_by_role("button", name="after minutes").click()
    dialog.get_by_role("spinbutton", name="How long").fill("90")
    dialog.get_by_role("button", name="Fridays at 20:00").click()
    dialog.get_by_role("button", name="Save schedule").click()
    row = schedule(page, "sale")
    expect(row).to_contain_text("Scale to 9, back after 1 h 30 min · 1 workload")
    choose(page, "sale", "Run now")
    page.get_by_role("dialog", name="Run sale now?").get_by_role("button", name="Run now").click()
    expect(row).to_contain_text(re.compile(rf"{NAMESPACE}/cart: 9 until [-0-9 ]*\d\d:\d\d, then {replicas}"))
    expect(schedule(page, "sale: return")).to_have_count(0)
    expect(row.get_by_role("link", name="Finished")).to_be_visible(timeout=SOON_MS)
    assert shop.deployment("cart")["spec"]["replicas"] == 9

    row.get_by_role("button", name="Change the time").click()
    dialog = page.get_by_role("dialog", name="Change sale: return")
    expect(dialog.get_by_text("only the time can be changed")).to_be_visible()
    expect(dialog.get_by_role("combobox", name="Workloads")).to_have_count(0)
    dialog.get_by_role("button", name="Cancel").click()
    choose(page, "sale", "Delete")
    question = page.get_by_role("dialog", name="Delete sale?")
    expect(question).to_contain_text(re.compile(rf"goes on: *{NAMESPACE}/cart: 9 until .*, then {replicas}"))
    question.get_by_role("button", name="Cancel").click()
    row.get_by_role("button", name="End now").click()
    question = page.get_by_role("dialog", name="End this temporary scale now?")
    expect(question).to_contain_text(f"from 9 back to {replicas}, at once")
    question.get_by_role("button", name="End now").click()
    expect(row).not_to_contain_text(", then ", timeout=SOON_MS)
    shop.plane.wait_for(
        lambda: shop.deployment("cart")["spec"]["replicas"] == replicas, what="the replicas are what they were"
    )


def test_a_workload_is_scaled_for_a_while_from_its_page_and_its_number_kept(visit: Visits, shop: InCluster) -> None:
    path = f"/workloads/default/{NAMESPACE}/storefront"
    replicas = shop.deployment("storefront")["spec"]["replicas"]
    page = visit(path, at=shop.kubedoor, password=PASSWORD)
    page.get_by_role("button", name="Act").click()
    page.get_by_role("menuitem", name="Scale for a while…").click()
    dialog = page.get_by_role("dialog", name=f"Scale {NAMESPACE}/storefront")
    dialog.get_by_role("spinbutton", name="Number of replicas").fill("5")
    dialog.get_by_role("button", name="Scale 1 workload").click(timeout=SOON_MS)
    expect(page).to_have_url(re.compile(r"/actions/\w+$"))
    expect(page.locator("h1 + .facts .tag")).to_have_text("Finished", timeout=SOON_MS)
    page.goto(shop.kubedoor.url + path)
    line = re.compile(rf"^5 until [-0-9 ]*\d\d:\d\d, then {replicas}$")
    expect(page.get_by_text(line)).to_be_visible()
    in_chinese = visit(path, at=shop.kubedoor, password=PASSWORD, locale="zh-CN")
    expect(in_chinese.get_by_text(re.compile(rf"^5 直到 [-0-9 ]*\d\d:\d\d，之后 {replicas}$"))).to_be_visible()
    for name in ("立即结束", "保持 5"):
        expect(in_chinese.get_by_role("button", name=name)).to_be_visible()
    page.goto(shop.kubedoor.url + "/schedules")
    page.get_by_role("button", name=f"More for {NAMESPACE}/storefront = 5: return").click()
    page.get_by_role("menuitem", name="Delete", exact=True).click()
    question = page.get_by_role("dialog", name=re.compile("^Delete"))
    expect(question).to_contain_text(f"{NAMESPACE}/storefront: 5 stays as the manual value, and does not go back to")
    question.get_by_role("button", name="Cancel").click()
    page.goto(shop.kubedoor.url + path)
    page.get_by_role("button", name="Keep 5").click()
    page.get_by_role("dialog", name="Keep the number for good?").get_by_role("button", name="Keep 5").click()
    expect(page.get_by_text(line)).to_have_count(0)
    assert shop.client.call("GET", path)["manual_replicas"] == 5
    assert not [one for one in shop.client.call("GET", "/schedules") if one["parent"]]


def test_of_two_who_change_a_schedule_the_second_is_told(visit: Visits, shop: InCluster) -> None:
    body: dict[str, Any] = {"name": "weekly", "kind": "restart", "cron": "0 4 * * 1", "time_zone": "UTC"}
    body |= {"workloads": [{"namespace": NAMESPACE, "deployment": "cart"}]}
    made = shop.client.call("POST", "/schedules", body)
    page = visit(f"/schedules?edit={made['schedule']}", at=shop.kubedoor, password=PASSWORD)
    dialog = page.get_by_role("dialog", name="Change weekly")
    dialog.get_by_role("textbox", name="Note").fill("on Mondays")
    shop.client.call("PUT", f"/schedules/{made['schedule']}", {**body, "cron": "0 5 * * 1", "version": made["version"]})
    dialog.get_by_role("button", name="Save schedule").click()
    expect(dialog.get_by_role("alert")).to_contain_text("kubedoor has changed schedule weekly in the meantime")
    assert shop.client.call("GET", f"/schedules/{made['schedule']}")["cron"] == "0 5 * * 1"
    assert (
        shop.plane.get("cronjob", cronjobs.name_of(made["schedule"]), OWN_NAMESPACE)["spec"]["schedule"] == "0 5 * * 1"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_where_there_is_something_to_see(visit: Visits, shop: InCluster, theme: str) -> None:
    page = visit("/schedules", at=shop.kubedoor, password=PASSWORD, color_scheme=theme, bypass_csp=True)
    page.get_by_role("button", name=re.compile("^Details of")).first.click()
    settle(page)
    assert problems(page) == []
    page.get_by_role("button", name=re.compile("^More for")).first.click()
    page.get_by_role("menuitem", name="Change", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("listitem").first).to_be_visible()
    assert problems(page) == []


def test_a_viewer_sees_schedules_and_cannot_touch_them(visit: Visits, shop: InCluster) -> None:
    page = visit("/schedules?edit=new", at=shop.kubedoor, username=VIEWER, password=PASSWORD)
    expect(page.get_by_role("heading", name="Schedules")).to_be_visible()
    expect(page.get_by_role("button", name="New schedule")).to_be_disabled()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^More for"))).to_have_count(0)
