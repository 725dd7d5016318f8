"""The switch and the door, in front of a real kube-apiserver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from playwright.sync_api import expect

from kubedoor.sample_cluster import DEPLOYMENTS
from tests.browser.conftest import Visits
from tests.toolbox.build import ToolMissing
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.running import Client, RunningKubeDoor, start_kubedoor

CART = next(deployment for deployment in DEPLOYMENTS if deployment.name == "cart")
SOON_MS = 30_000


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    with ExitStack() as stack:
        try:
            plane = stack.enter_context(ControlPlane())
        except ToolMissing as missing:
            pytest.fail(str(missing))
        yield plane


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


def test_the_door_is_switched_on_sets_what_is_scaled_and_is_switched_off(
    visit: Visits, in_cluster: RunningKubeDoor, control_plane: ControlPlane
) -> None:
    page = visit("/door", at=in_cluster)
    switch = page.get_by_role("switch")
    expect(switch).to_have_attribute("aria-checked", "false")
    switch.click()
    dialog = page.get_by_role("dialog", name="Switch control on?")
    expect(dialog).to_contain_text("Nothing restarts now")
    dialog.get_by_role("button", name="Switch on").click()
    expect(switch).to_have_attribute("aria-checked", "true")
    expect(page.get_by_role("heading", name="Control is on")).to_be_visible()
    found = control_plane.kubectl("get", "mutatingwebhookconfiguration", "kubedoor-webhook-configuration", check=False)
    assert found.returncode == 0

    def is_scaled_by_the_door() -> bool:
        # The API server takes a moment to know of a new webhook.
        scaled = control_plane.kubectl("scale", "deployment", "cart", "-n", "shop", "--replicas=10", check=False)
        return "KubeDoor" in scaled.stderr

    control_plane.wait_for(is_scaled_by_the_door, what="the door answers the API server")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="cart")).first
    expect(row).to_contain_text("Changed", timeout=SOON_MS)
    expect(row).to_contain_text("Scaled")
    expect(row).to_contain_text("10 → 6")

    row.get_by_role("link", name="cart").click()
    page.get_by_role("tab", name="Preview").click()
    page.get_by_role("button", name="Load the live one").click()
    expect(page.get_by_role("textbox", name="Deployment")).to_have_value(re.compile("replicas: 6"))

    switch.click()
    page.get_by_role("dialog", name="Switch control off?").get_by_role("button", name="Switch off").click()
    expect(switch).to_have_attribute("aria-checked", "false")
    gone = control_plane.kubectl("get", "mutatingwebhookconfiguration", "kubedoor-webhook-configuration", check=False)
    assert gone.returncode != 0
