"""Scaling and restarting from the pages, in front of a real control plane: rollouts really finish, or really fail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.clusters import NAMESPACE, InCluster, in_cluster
from tests.browser.conftest import Visits
from tests.browser.seeding import PASSWORD, VIEWER
from tests.browser.test_appearance import problems, settle
from tests.toolbox.build import ToolMissing

SOON_MS = 60_000
INTERRUPTED_MS = 90_000


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InCluster]:
    """Control is on; only these Deployments of the sample run."""
    try:
        with in_cluster(tmp_path_factory.mktemp("shop")) as found:
            found.deploy("cart", "catalog", "checkout", "inventory", "storefront")
            found.deploy("pricing", is_stuck=True)
            found.switch_on("cart")
            yield found
    except ToolMissing as missing:
        pytest.fail(str(missing))


def select(visit: Visits, shop: InCluster, *names: str, **options: Any) -> Page:
    """The list with these workloads selected."""
    page = visit(f"/workloads?namespace={NAMESPACE}&sort=name", at=shop.kubedoor, password=PASSWORD, **options)
    for name in names:
        page.get_by_role("checkbox", name=f"Select {NAMESPACE}/{name}", exact=True).check()
    return page


def begin(page: Page, button: str, title: str) -> Locator:
    """The dialog that a button of the selection opens."""
    page.get_by_role("region", name="Selected workloads").get_by_role("button", name=button).click()
    return page.get_by_role("dialog", name=title)


def item(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def state(page: Page) -> Locator:
    return page.locator("h1 + .facts .tag")


def test_selected_workloads_are_restarted_after_a_dry_run_and_watched_to_the_end(
    visit: Visits, shop: InCluster
) -> None:
    names = ("cart", "catalog", "checkout")
    before = {name: shop.replicasets(name) for name in names}
    page = select(visit, shop, *names)
    dialog = begin(page, "Restart", "Restart 3 workloads")
    expect(dialog.get_by_text("3 will be changed")).to_be_visible(timeout=SOON_MS)
    plan = dialog.get_by_role("list", name="What would happen")
    expect(plan.get_by_role("listitem").filter(has_text="rolling restart")).to_have_count(3)
    # A dry run changes nothing, and the door's values are in it.
    expect(plan.get_by_role("listitem").filter(has_text=f"{NAMESPACE} / checkout")).to_contain_text(
        "checkout · CPU request 2 → "
    )
    assert {name: shop.replicasets(name) for name in names} == before
    dialog.get_by_role("spinbutton", name="At once").fill("2")
    dialog.get_by_role("textbox", name="Note").fill("New base image")
    dialog.get_by_role("button", name="Restart 3 workloads").click()

    expect(page).to_have_url(re.compile(r"/actions/\w+$"))
    expect(page.get_by_role("heading", name="Restart · cart, catalog, checkout")).to_be_visible()
    expect(state(page)).to_have_text("Finished", timeout=SOON_MS)
    for name in names:
        expect(item(page, name)).to_contain_text("Done")
        expect(item(page, name)).to_contain_text("pods are available")
    assert {name: shop.replicasets(name) for name in names} == {name: count + 1 for name, count in before.items()}
    # It can be left and come back to.
    page.get_by_role("navigation", name="Where this is").get_by_role("link", name="Actions").click()
    page.get_by_role("searchbox", name="Workload").fill("shop/catal")
    expect(page).to_have_url(re.compile("workload=shop"))
    row = page.get_by_role("row").filter(has_text="New base image")
    expect(row).to_contain_text("Restart · cart, catalog, checkout")
    expect(row).to_contain_text("3 of 3 done")
    row.get_by_role("link").click()
    expect(page.get_by_text("New base image")).to_be_visible()


def test_a_number_becomes_the_manual_value(visit: Visits, shop: InCluster) -> None:
    path = f"/workloads/default/{NAMESPACE}/inventory"
    page = visit(path, at=shop.kubedoor, password=PASSWORD)
    page.get_by_role("button", name="Act").click()
    page.get_by_role("menuitem", name="Scale…").click()
    dialog = page.get_by_role("dialog", name=f"Scale {NAMESPACE}/inventory")
    dialog.get_by_role("button", name="To a number").click()
    dialog.get_by_role("spinbutton", name="Number of replicas").fill("7")
    plan = dialog.get_by_role("list", name="What would happen")
    expect(plan).to_contain_text(re.compile(r"Replicas \d+ → 7"), timeout=SOON_MS)
    dialog.get_by_role("button", name="Scale 1 workload").click()
    expect(page).to_have_url(re.compile(r"/actions/\w+$"))
    expect(state(page)).to_have_text("Finished", timeout=SOON_MS)
    expect(item(page, "inventory")).to_contain_text("7 of 7 pods are available")
    assert shop.deployment("inventory")["status"]["availableReplicas"] == 7
    assert shop.client.call("GET", path)["manual_replicas"] == 7
    # What was done is on the workload's own page, and who was behind the admission.
    page.goto(f"{shop.kubedoor.url}{path}?tab=actions")
    expect(page.get_by_role("row").filter(has_text="Scale to 7")).to_contain_text("kubedoor")
    page.get_by_role("tab", name="Admissions").click()
    admission = page.get_by_role("row").filter(has=page.get_by_role("link", name="See the action"))
    expect(admission.first).to_contain_text("kubedoor")


def test_a_rollout_that_fails_stops_the_batch_and_the_rest_can_be_gone_on_with(visit: Visits, shop: InCluster) -> None:
    untouched = shop.replicasets("storefront")
    page = select(visit, shop, "storefront", "pricing", "cart")
    dialog = begin(page, "Restart", "Restart 3 workloads")
    dialog.get_by_role("combobox", name="Order").press("Enter")
    page.get_by_role("option", name="By name").click()
    confirm = dialog.get_by_role("button", name="Restart 3 workloads")
    expect(confirm).to_be_enabled(timeout=SOON_MS)
    confirm.click()
    expect(state(page)).to_have_text("Failed", timeout=SOON_MS)
    expect(item(page, "cart")).to_contain_text("Done")
    expect(item(page, "pricing")).to_contain_text("changed, but its rollout failed")
    expect(item(page, "storefront")).to_contain_text("Untouched")
    assert shop.replicasets("storefront") == untouched
    page.get_by_role("group", name="State").get_by_role("button", name="Failed 1").click()
    expect(item(page, "cart")).to_have_count(0)
    assert "items=failed" in page.url

    page.get_by_role("button", name="Continue with the untouched one").click()
    dialog = page.get_by_role("dialog", name=f"Restart {NAMESPACE}/storefront")
    again = dialog.get_by_role("button", name="Restart 1 workload")
    expect(again).to_be_enabled(timeout=SOON_MS)
    again.click()
    expect(page.get_by_role("heading", name=f"Restart · {NAMESPACE}/storefront")).to_be_visible()
    expect(state(page)).to_have_text("Finished", timeout=SOON_MS)
    assert shop.replicasets("storefront") == untouched + 1


def test_what_is_refused_is_said_before_and_left_out_only_when_asked(visit: Visits, shop: InCluster) -> None:
    shop.plane.kubectl("autoscale", "deployment/catalog", "-n", NAMESPACE, "--min=1", "--max=9", "--cpu=50%")
    page = select(visit, shop, "cart", "catalog", "reviews")
    dialog = begin(page, "Scale", "Scale 3 workloads")
    plan = dialog.get_by_role("list", name="What would happen")
    expect(plan.get_by_role("listitem").filter(has_text="catalog")).to_contain_text("an HPA scales it", timeout=SOON_MS)
    expect(plan.get_by_role("listitem").filter(has_text="reviews")).to_contain_text("gone")
    dialog.get_by_role("button", name="To a number").click()
    dialog.get_by_role("spinbutton", name="Number of replicas").fill("3")
    confirm = dialog.get_by_role("button", name="Scale 1 workload")
    expect(confirm).to_be_disabled()
    dialog.get_by_text("Go on without the 2 that are refused").click(timeout=SOON_MS)
    confirm.click()
    expect(state(page)).to_have_text("Finished", timeout=SOON_MS)
    expect(item(page, "catalog")).to_contain_text("Left out")
    assert shop.deployment("cart")["spec"]["replicas"] == 3


def test_what_ends_or_kills_pods_is_agreed_to_before_it_is_done(visit: Visits, shop: InCluster) -> None:
    path = f"/workloads/default/{NAMESPACE}/checkout"
    page = visit(path, at=shop.kubedoor, password=PASSWORD, locale="zh-CN")
    page.get_by_role("button", name="操作", exact=True).click()
    page.get_by_role("menuitem", name="扩缩容…", exact=True).click()
    dialog = page.get_by_role("dialog", name=f"扩缩容 {NAMESPACE}/checkout")
    dialog.get_by_role("button", name="调到一个数").click()
    dialog.get_by_role("spinbutton", name="副本数").fill("0")
    expect(dialog.get_by_text("将没有任何 Pod")).to_be_visible(timeout=SOON_MS)
    confirm = dialog.get_by_role("button", name="扩缩容 1 个工作负载")
    expect(confirm).to_be_disabled()
    dialog.get_by_text("我知道这会结束或杀死 Pod").click()
    expect(confirm).to_be_enabled()

    limits = {"checkout": {"memory_request": "16Mi", "memory_limit": "16Mi"}}
    version = shop.client.call("GET", path)["version"]
    saved = shop.client.call("PATCH", path, {"version": version, "containers": limits})
    page = select(visit, shop, "checkout")
    dialog = begin(page, "Restart", f"Restart {NAMESPACE}/checkout")
    expect(dialog.get_by_text("memory limit 16Mi of checkout is below")).to_be_visible(timeout=SOON_MS)
    expect(dialog.get_by_role("button", name="Restart 1 workload")).to_be_disabled()
    unset = {"checkout": {"memory_request": None, "memory_limit": None}}
    shop.client.call("PATCH", path, {"version": saved["version"], "containers": unset})


def test_an_action_is_cancelled_and_of_two_people_the_second_is_told(visit: Visits, shop: InCluster) -> None:
    page = select(visit, shop, "cart", "storefront")
    dialog = begin(page, "Restart", "Restart 2 workloads")
    dialog.get_by_role("spinbutton", name="Pause between").fill("600")
    confirm = dialog.get_by_role("button", name="Restart 2 workloads")
    expect(confirm).to_be_enabled(timeout=SOON_MS)
    confirm.click()
    expect(item(page, "cart")).to_contain_text("Done", timeout=SOON_MS)
    expect(page.get_by_role("timer")).to_contain_text(re.compile(r"Next workload in (10|9) min"))

    second = select(visit, shop, "storefront")
    dialog = begin(second, "Restart", f"Restart {NAMESPACE}/storefront")
    busy = dialog.get_by_text(f"kubedoor is at work on {NAMESPACE}/storefront (restart)")
    expect(busy).to_be_visible(timeout=SOON_MS)
    expect(dialog.get_by_role("button", name="Restart 0 workloads")).to_be_disabled()
    dialog.get_by_role("link", name="See what is under way").click()
    expect(second).to_have_url(page.url)

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog", name="Cancel this action?").get_by_role("button", name="Cancel the action").click()
    for watcher in (page, second):
        expect(state(watcher)).to_have_text("Cancelled", timeout=SOON_MS)
        expect(watcher.get_by_text("Cancelled by kubedoor")).to_be_visible()
        expect(item(watcher, "storefront")).to_contain_text("Untouched")
    page.goto(f"{shop.kubedoor.url}/actions?state=cancelled&kind=restart")
    expect(page.get_by_role("row").filter(has_text="Cancelled")).to_have_count(1)
    page.goto(f"{shop.kubedoor.url}/actions?state=cancelled&kind=apply")
    expect(page.get_by_role("heading", name="No action matches")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_where_there_is_something_to_see(visit: Visits, shop: InCluster, theme: str) -> None:
    page = select(visit, shop, "cart", "pricing", "catalog", color_scheme=theme, bypass_csp=True)
    dialog = begin(page, "Scale", "Scale 3 workloads")
    expect(dialog.get_by_role("list", name="What would happen")).to_be_visible(timeout=SOON_MS)
    assert problems(page) == []
    page.goto(f"{shop.kubedoor.url}/actions?state=failed")
    settle(page)
    assert problems(page) == []
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Workloads", exact=True)).to_be_visible()
    assert problems(page) == []


def test_a_viewer_watches_and_is_told_why_not_more(visit: Visits, shop: InCluster) -> None:
    page = visit(f"/workloads/default/{NAMESPACE}/cart", at=shop.kubedoor, username=VIEWER, password=PASSWORD)
    expect(page.get_by_role("button", name="Act")).to_be_disabled()
    expect(page.get_by_role("button", name="Act")).to_have_accessible_description("Your role may look, not act.")
    page.goto(shop.kubedoor.url + "/actions")
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("·")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def test_without_a_cluster_the_buttons_say_so(visit: Visits) -> None:
    page = visit("/workloads?namespace=data&sort=name")
    page.get_by_role("checkbox", name="Select data/").first.check()
    button = page.get_by_role("region", name="Selected workloads").get_by_role("button", name="Restart")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_accessible_description(re.compile("No cluster to act in: no cluster is configured"))
    button.click(force=True)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto(page.url.split("/workloads")[0] + "/actions")
    expect(page.get_by_role("heading", name="Nothing has been done yet")).to_be_visible()


def test_an_action_whose_process_was_killed_says_what_was_done_and_is_gone_on_with(
    visit: Visits, shop: InCluster
) -> None:
    names = ("cart", "checkout", "storefront")
    page = select(visit, shop, *names)
    dialog = begin(page, "Restart", "Restart 3 workloads")
    dialog.get_by_role("spinbutton", name="Pause between").fill("600")
    confirm = dialog.get_by_role("button", name="Restart 3 workloads")
    expect(confirm).to_be_enabled(timeout=SOON_MS)
    confirm.click()
    expect(item(page, "cart")).to_contain_text("Done", timeout=SOON_MS)
    before = {name: shop.replicasets(name) for name in names}
    shop.kubedoor.child.kill()
    shop.start_again()
    # The page has been open all the while.
    expect(page.get_by_role("heading", name="Whoever did this died before the end")).to_be_visible(
        timeout=INTERRUPTED_MS
    )
    expect(state(page)).to_have_text("Interrupted")
    expect(page.get_by_text("1 done, 0 failed, 0 perhaps changed but not waited for, 2 not touched")).to_be_visible()
    page.get_by_role("button", name="Continue with the 2 untouched").click()
    dialog = page.get_by_role("dialog", name="Restart 2 workloads")
    dialog.get_by_role("spinbutton", name="Pause between").fill("0")
    again = dialog.get_by_role("button", name="Restart 2 workloads")
    expect(again).to_be_enabled(timeout=SOON_MS)
    again.click()
    expect(page.get_by_role("heading", name="Restart · checkout, storefront")).to_be_visible()
    expect(state(page)).to_have_text("Finished", timeout=SOON_MS)
    after = {name: shop.replicasets(name) for name in names}
    assert after == {"cart": before["cart"], "checkout": before["checkout"] + 1, "storefront": before["storefront"] + 1}
