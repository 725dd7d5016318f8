"""What owners asked, what the door saves of it, and how they get it back when control goes off for good."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from kubedoor import quantities
from kubedoor.asked import ANNOTATION, requirements
from tests.browser.clusters import NAMESPACE, InCluster, in_cluster
from tests.browser.conftest import Visits
from tests.browser.seeding import PASSWORD
from tests.browser.test_appearance import problems, settle
from tests.toolbox.build import ToolMissing

SOON_MS = 60_000
NAMES = ("inventory", "catalog")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InCluster]:
    """The cluster is looked at often: with the door off nothing else tells what runs."""
    settings = {"KUBEDOOR_LOOK_SECONDS": "10"}
    try:
        with in_cluster(tmp_path_factory.mktemp("shop"), settings=settings) as found:
            found.deploy(*NAMES)
            yield found
    except ToolMissing as missing:
        pytest.fail(str(missing))


def restart(shop: InCluster) -> None:
    for name in NAMES:
        shop.plane.kubectl("rollout", "restart", f"deployment/{name}", "-n", NAMESPACE)
    shop.plane.wait_for(lambda: savings(shop)["workloads"] == len(NAMES), what="what the door has set is known")


def savings(shop: InCluster) -> dict[str, Any]:
    found: dict[str, Any] = shop.client.call("GET", "/overview")["savings"]
    return found


def requested_millicores(manifest: dict[str, Any]) -> int:
    fields = requirements(manifest).values()
    each = sum(quantities.cpu_millicores(one["requests.cpu"]) for one in fields)
    return each * int(manifest["spec"]["replicas"])


def numbers(card: Locator, field: str) -> list[str]:
    """Asked, runs, control value."""
    row = card.get_by_role("row").filter(has_text=field).first
    return [cell.strip() for cell in row.get_by_role("cell").all_inner_texts()]


def open_page(visit: Visits, shop: InCluster, path: str) -> Page:
    # axe is put into the page.
    return visit(path, at=shop.kubedoor, password=PASSWORD, bypass_csp=True)


def test_owners_get_back_what_they_asked_when_control_goes_off_for_good(visit: Visits, shop: InCluster) -> None:
    asked = {name: shop.deployment(name) for name in NAMES}
    shop.switch_on(NAMES[0])
    restart(shop)
    runs = {name: shop.deployment(name) for name in NAMES}

    page = open_page(visit, shop, f"/workloads/default/{NAMESPACE}/inventory")
    card = page.locator("section").filter(has=page.get_by_role("heading", name="Asked, running, control"))
    expect(card).to_contain_text("The door has replaced what the owner asked")
    was, now, control = numbers(card, "CPU request")
    assert was != now
    assert now == control
    settle(page)
    assert problems(page) == []

    page = open_page(visit, shop, "/")
    saved = sum(requested_millicores(asked[name]) - requested_millicores(runs[name]) for name in NAMES)
    card = page.get_by_role("region", name="Saved")
    expect(card).to_contain_text(re.compile(rf"CPU saved\s*{saved / 1000:.3g} cores"))
    expect(card.get_by_role("link", name="2 sized workloads")).to_be_visible()

    page.get_by_role("switch").click()
    dialog = page.get_by_role("dialog", name="Switch enforcement off?")
    dialog.get_by_text("Switching off for good").click()
    dialog.get_by_role("button", name="Switch off").click()
    act = page.get_by_role("dialog", name="Restore what was asked for 2 workloads")
    expect(act.get_by_text("2 will be changed")).to_be_visible(timeout=SOON_MS)
    act.get_by_role("button", name="Restore 2 workloads").click()
    expect(page.locator("h1 + .facts .tag")).to_have_text("Finished", timeout=SOON_MS)
    for name in NAMES:
        found = shop.deployment(name)
        assert requirements(found) == requirements(asked[name])
        assert ANNOTATION not in found["metadata"].get("annotations", {})

    shop.plane.wait_for(lambda: savings(shop)["workloads"] == 0, what="the look has seen what was restored")
    page.goto(f"{shop.kubedoor.url}/door")
    expect(page.get_by_role("heading", name="Enforcement is off")).to_be_visible()
    expect(page.get_by_text("still run with what the door has set")).to_have_count(0)
