"""Several clusters: the menu, the address, and what cannot be done where there is no access."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.browser.serving import sample_kubedoor
from tests.browser.test_appearance import problems, settle
from tests.toolbox import processes
from tests.toolbox.running import Client, RunningKubeDoor

HOME, WEST, DEAD = "prod-east", "prod-west", "staging"
CLUSTERS = [{"name": WEST}, {"name": DEAD, "prometheus": {"url": "http://127.0.0.1:9"}}]
REASON = f"KubeDoor has no access to the API server of {WEST}"
PAGES = {"overview": "/", "workloads": "/workloads", "workload": f"/workloads/{WEST}/shop/cart", "door": "/door"}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKubeDoor]:
    """Sample data in two clusters, of which one has 7 replicas for the cart; the third one's Prometheus is dead."""
    settings = {"KUBEDOOR_CLUSTER": HOME, "KUBEDOOR_CLUSTERS": json.dumps(CLUSTERS)}
    with sample_kubedoor(tmp_path_factory.mktemp("many"), days=10, settings=settings) as running:
        with closing(Client(running.url)) as client:
            client.log_in()
            for name in (WEST, DEAD):
                collect(client, name)
            client.call("PATCH", f"/workloads/{WEST}/shop/cart", {"version": 0, "replicas": 7})
        yield running


def collect(client: Client, cluster: str) -> None:
    run = client.call("POST", f"/collect?cluster={cluster}", {"days": 10})["collection"]
    path = f"/collect/runs/{run}?cluster={cluster}"
    processes.wait_until(lambda: client.call("GET", path)["state"] != "running", what="it is over", timeout_seconds=60)


def choose(page: Page, cluster: str) -> None:
    page.get_by_role("combobox", name="Cluster:").press("Enter")
    page.get_by_role("option", name=cluster).click()


def test_another_cluster_changes_the_list_and_the_address_without_a_reload(
    visit: Visits, many: RunningKubeDoor
) -> None:
    page = visit("/workloads?search=cart", at=many)
    expect(page).to_have_url(f"{many.url}/workloads?search=cart&cluster={HOME}")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="cart", exact=True))
    replicas = row.get_by_role("cell", name=re.compile(r"^\d")).first
    expect(replicas).to_have_text("6")
    page.evaluate("window.stays = true")
    choose(page, WEST)
    expect(page).to_have_url(f"{many.url}/workloads?search=cart&cluster={WEST}")
    expect(replicas).to_contain_text("7")
    expect(page.get_by_role("link", name="cart", exact=True)).to_have_attribute(
        "href", re.compile(f"/workloads/{WEST}/shop/cart")
    )
    assert page.evaluate("window.stays") is True
    page.go_back()
    expect(replicas).to_have_text("6")


def test_links_and_other_pages_stay_in_the_cluster(visit: Visits, many: RunningKubeDoor) -> None:
    page = visit(f"/workloads/{WEST}/shop/cart", at=many)
    expect(page.get_by_role("heading", name="cart")).to_be_visible()
    collection = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Collection")
    expect(collection).to_have_attribute("href", f"/collection?cluster={WEST}")
    collection.click()
    expect(page).to_have_url(f"{many.url}/collection?cluster={WEST}")
    expect(page).to_have_title(f"Collection · {WEST} · KubeDoor")


def test_a_workload_is_looked_at_in_another_cluster(visit: Visits, many: RunningKubeDoor) -> None:
    page = visit(f"/workloads/{WEST}/shop/cart", at=many)
    choose(page, HOME)
    expect(page).to_have_url(f"{many.url}/workloads/{HOME}/shop/cart")
    expect(page.get_by_role("navigation", name="Where this is")).to_contain_text(HOME)


def test_a_link_leads_to_its_cluster_whichever_was_looked_at_last(visit: Visits, many: RunningKubeDoor) -> None:
    page = visit(f"/?cluster={WEST}", at=many)
    expect(page.get_by_role("combobox", name=f"Cluster: {WEST}")).to_be_visible()
    page.goto(f"{many.url}/workloads")
    expect(page).to_have_url(f"{many.url}/workloads?cluster={WEST}")
    page.goto(f"{many.url}/workloads?cluster={HOME}")
    expect(page.get_by_role("combobox", name=f"Cluster: {HOME}")).to_be_visible()


def test_without_access_the_reason_stands_at_everything_that_cannot_be_done(
    visit: Visits, many: RunningKubeDoor
) -> None:
    page = visit(f"/workloads/{WEST}/shop/cart", at=many)
    expect(page.get_by_role("note")).to_contain_text(REASON)
    switch = page.get_by_role("switch")
    expect(switch).to_have_attribute("aria-disabled", "true")
    expect(switch).to_have_accessible_name(re.compile(REASON))
    act = page.get_by_role("button", name="Act")
    expect(act).to_be_disabled()
    expect(act).to_have_accessible_description(re.compile(REASON))
    # An admission since may have changed what is advised.
    expect(page.get_by_text(re.compile(r"^As of 20[-0-9]* \d\d:\d\d: ")).first).to_be_visible()
    expect(page.get_by_role("button", name="Edit control values")).to_be_enabled()


def test_the_overview_lists_every_cluster_and_leads_there(visit: Visits, many: RunningKubeDoor) -> None:
    page = visit("/", at=many)
    table = page.get_by_role("region", name="Clusters")
    rows = table.get_by_role("row")
    expect(rows).to_have_count(4)
    expect(rows.nth(1)).to_contain_text("home")
    expect(rows.nth(2)).to_contain_text("no access to its API server")
    expect(rows.nth(3)).to_contain_text("Failed")
    expect(rows.nth(3)).to_contain_text("127.0.0.1:9")
    table.get_by_role("link", name=WEST).click()
    expect(page).to_have_url(f"{many.url}/?cluster={WEST}")
    expect(page.get_by_role("note")).to_contain_text(REASON)


def test_a_cluster_that_is_none_is_said_with_those_there_are(visit: Visits, many: RunningKubeDoor) -> None:
    page = visit("/workloads?cluster=nowhere", at=many)
    expect(page.get_by_role("alert")).to_contain_text(f"there are {HOME}, {WEST}, {DEAD}")
    choose(page, WEST)
    expect(page.get_by_role("rowheader").first).to_be_visible()


def test_one_cluster_needs_no_menu_and_no_address(visit: Visits) -> None:
    page = visit("/workloads")
    expect(page.get_by_role("rowheader").first).to_be_visible()
    expect(page.get_by_role("combobox", name="Cluster:")).to_have_count(0)
    assert "cluster=" not in page.url


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(visit: Visits, many: RunningKubeDoor, name: str, theme: str) -> None:
    page = visit(PAGES[name], at=many, color_scheme=theme, bypass_csp=True)
    settle(page)
    assert problems(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_of_a_phone(visit: Visits, many: RunningKubeDoor, name: str) -> None:
    page = visit(PAGES[name], at=many, viewport={"width": 390, "height": 844})
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
