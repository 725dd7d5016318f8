"""The switch and the door, in front of a real kube-apiserver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import ViewportSize, expect

from kubedoor.collection.sample.cluster import DEPLOYMENTS
from tests.browser.conftest import Visits
from tests.browser.seeding import MARKUP
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.running import Client, RunningKubeDoor, start_kubedoor

CART = next(deployment for deployment in DEPLOYMENTS if deployment.name == "cart")
SOON_MS = 30_000
FOLLOWS_MS = 8_000
"""Within five seconds, and some for a machine that does other things, too."""
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def in_cluster(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKubeDoor]:
    """KubeDoor with sample data, wired to a cluster that runs one of the sample's Deployments."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": CART.namespace}}
    control_plane.apply(namespace, CART.manifest())
    running = start_kubedoor(control_plane, None, folder=tmp_path_factory.mktemp("in-cluster"))
    try:
        with closing(Client(running.url)) as client:
            client.log_in()
            client.collect(10, on_progress=lambda record: None)
        yield running
    finally:
        running.child.stop()


def _scale_until_the_door_answers(plane: ControlPlane, *as_whom: str) -> None:
    def is_scaled_by_the_door() -> bool:
        # The API server takes a moment to know of a new webhook.
        scaled = plane.kubectl("scale", "deployment", "cart", "-n", "shop", "--replicas=10", *as_whom, check=False)
        return "KubeDoor" in scaled.stderr

    plane.wait_for(is_scaled_by_the_door, what="the door answers the API server")


def test_the_door_is_switched_on_sets_what_is_scaled_and_is_switched_off(
    visit: Visits, in_cluster: RunningKubeDoor, control_plane: ControlPlane
) -> None:
    page = visit("/door", at=in_cluster)
    switch = page.get_by_role("switch")
    expect(switch).to_have_attribute("aria-checked", "false")
    switch.click()
    dialog = page.get_by_role("dialog", name="Switch enforcement on?")
    expect(dialog).to_contain_text("Nothing restarts now")
    dialog.get_by_role("button", name="Switch on").click()
    expect(switch).to_have_attribute("aria-checked", "true")
    expect(page.get_by_role("heading", name="Enforcement is on")).to_be_visible()
    found = control_plane.kubectl("get", "mutatingwebhookconfiguration", "kubedoor-webhook-configuration", check=False)
    assert found.returncode == 0

    _scale_until_the_door_answers(control_plane)
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="cart")).first
    expect(row).to_contain_text("Changed", timeout=SOON_MS)
    expect(row).to_contain_text("Scaled")
    expect(row).to_contain_text("10 → 6")

    row.get_by_role("link", name="cart").click()
    page.get_by_role("tab", name="Preview").click()
    expect(page.get_by_role("textbox", name="Deployment")).to_have_value(re.compile("replicas: 6"))
    expect(page.get_by_role("group", name="As which request").get_by_role("button", pressed=True)).to_have_text(
        "Restarted"
    )
    banner = page.get_by_role("complementary", name="Enforcement is off")
    expect(banner).to_have_count(0)

    switch.click()
    dialog = page.get_by_role("dialog", name="Switch enforcement off?")
    dialog.get_by_label("Why?").fill("the night of a large release")
    dialog.get_by_role("button", name="Switch off").click()
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(banner).to_contain_text("Switched off by kubedoor")
    expect(banner).to_contain_text("the night of a large release")
    expect(banner.locator("time")).to_be_visible()
    page.set_viewport_size(PHONE)
    expect(banner).to_be_in_viewport()
    in_chinese = visit("/", at=in_cluster, locale="zh-CN", viewport=PHONE)
    banner = in_chinese.get_by_role("complementary", name="管控已关闭")
    expect(banner).to_contain_text("关闭者：kubedoor")
    expect(banner).to_contain_text("the night of a large release")
    expect(banner).to_be_in_viewport()
    expect(page.get_by_text("Would enforce", exact=True).first).to_be_visible()
    gone = control_plane.kubectl("get", "mutatingwebhookconfiguration", "kubedoor-webhook-configuration", check=False)
    assert gone.returncode != 0


def test_open_pages_follow_what_kubectl_does(
    visit: Visits, in_cluster: RunningKubeDoor, control_plane: ControlPlane
) -> None:
    """A workload's page, and the list in Chinese."""
    page = visit("/workloads/default/shop/cart", at=in_cluster)
    card = page.get_by_role("region", name="In the cluster")
    others = visit("/workloads?namespace=shop&search=cart", at=in_cluster, locale="zh-CN")
    row = others.get_by_role("row").filter(has=others.get_by_role("link", name="cart"))
    expect(card).to_contain_text("Pending")
    expect(row).to_contain_text("待发布")
    control_plane.kubectl("scale", "deployment", "cart", "-n", "shop", "--replicas=7")
    expect(card).to_contain_text(" of 7 pods ready", timeout=FOLLOWS_MS)
    expect(row).to_contain_text("/7", timeout=FOLLOWS_MS)
    control_plane.kubectl("delete", "deployment", "cart", "-n", "shop")
    expect(card).to_contain_text("Not in the cluster", timeout=FOLLOWS_MS)
    expect(row).to_contain_text("不在集群中", timeout=FOLLOWS_MS)
    control_plane.apply(CART.manifest())
    expect(card).to_contain_text("Pending", timeout=FOLLOWS_MS)
    expect(row).to_contain_text("待发布", timeout=FOLLOWS_MS)


def test_markup_that_comes_through_the_door_is_text(
    visit: Visits, in_cluster: RunningKubeDoor, control_plane: ControlPlane
) -> None:
    control_plane.kubectl("annotate", "deployment", "cart", "-n", "shop", f"team={MARKUP}")
    control_plane.kubectl("create", "clusterrolebinding", "markup", "--clusterrole=cluster-admin", f"--user={MARKUP}")
    with closing(Client(in_cluster.url)) as client:
        client.log_in()
        client.switch(enabled=True)
        _scale_until_the_door_answers(control_plane, f"--as={MARKUP}")
        client.switch(enabled=False)

    page = visit("/door", at=in_cluster)
    expect(page.get_by_text(MARKUP).first).to_be_visible(timeout=SOON_MS)
    page.goto(f"{in_cluster.url}/workloads/default/shop/cart?tab=admissions")
    expect(page.get_by_text(MARKUP).first).to_be_visible()
    page.get_by_role("tab", name="Preview").click()
    stored = control_plane.kubectl("get", "deployment", "cart", "-n", "shop", "-o", "yaml").stdout
    assert MARKUP in stored
    page.get_by_role("textbox", name="Deployment").fill(stored.replace("/dev/termination-log", MARKUP))
    page.get_by_role("button", name="Show what the door would do").click()
    expect(page.get_by_role("region", name="Differences")).to_contain_text(MARKUP)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0
