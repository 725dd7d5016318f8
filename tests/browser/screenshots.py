"""`python -m tests.browser.screenshots`: every page in both languages and themes, wide, at 1024 px and on a phone, into `screenshots/`.

In front of a real control plane with the sample's Deployments and the door on, and once more without any cluster.
With `--readme`, only the two pictures of the README, into `docs/images/`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page

from kubedoor.collection.sample.cluster import DEPLOYMENTS
from tests.browser.serving import FIRST_PASSWORD, ROOT, chromium, sample_kubedoor
from tests.toolbox import processes
from tests.toolbox.build import ToolMissing
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.processes import PartFailed
from tests.toolbox.running import Client, start_kubedoor

PASSWORD = "a password of one's own"
# Charts draw themselves over a quarter of a second.
DRAWN_MS, REDRAWN_MS = 500, 150
WIDE, MEDIUM, NARROW = (1440, 900), (1024, 768), (390, 844)
WORKLOAD = "/workloads/default/payments/fraud-check"
PAGES = {
    "overview": "/",
    "overview-memory": "/?resource=memory",
    "workloads": "/workloads?sort=cpu_waste&order=desc",
    "workloads-edit": "/workloads?search=payments&edit=payments/payment-gateway",
    "workload": WORKLOAD,
    "workload-memory": f"{WORKLOAD}?resource=memory&edit=1",
    "workload-preview": f"{WORKLOAD}?tab=preview",
    "workload-admissions": "/workloads/default/shop/cart?tab=admissions",
    "workload-edits": "/workloads/default/shop/cart?tab=edits",
    "collection": "/collection",
    "checkup": "/checkup",
    "door": "/door",
    "actions": "/actions",
    "action": "/actions?kind=restart#first",
    "schedules": "/schedules",
    "schedule-add": "/schedules?edit=new",
    "people": "/people",
    "people-add": "/people?add=1",
    "people-tokens": "/people?tab=tokens",
    "record": "/record",
    "record-admissions": "/record?tab=admissions",
    "transfer": "/transfer",
    "transfer-kustomize": "/transfer?format=kustomize&namespace=shop",
    "notifications": "/notifications",
    "channel": "/notifications?edit=new",
    "documents": "/documents/operators",
}
WITHOUT_CLUSTER = {"no-cluster-overview": "/", "no-cluster-checkup": "/checkup", "no-cluster-door": "/door"}
WEST, DEAD = "prod-west", "staging"
CLUSTERS = [{"name": WEST}, {"name": DEAD, "prometheus": {"url": "http://127.0.0.1:9"}}]
WITH_CLUSTERS = {
    "clusters-overview": "/?cluster=prod-west",
    "clusters-workload": "/workloads/prod-west/shop/cart",
    "clusters-none": "/workloads?cluster=nowhere",
}
README_PICTURES = {"overview": "/", "workloads": "/workloads?sort=cpu_waste&order=desc&size=25"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("--readme", action="store_true", help="only the two pictures of the README")
    parser.add_argument("--only", default="", help="only pictures whose name has this in it")
    arguments = parser.parse_args()
    try:
        with ExitStack() as stack:
            browser = stack.enter_context(chromium())
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            url = _in_cluster(stack, folder / "in-cluster")
            if arguments.readme:
                _say(_readme(browser, url))
            else:
                _say(_all(browser, url, {**PAGES, "login": "/login"}, arguments.only))
                if any(arguments.only in name for name in WITHOUT_CLUSTER):
                    _say(_all(browser, _alone(stack, folder / "alone"), WITHOUT_CLUSTER, arguments.only))
                if any(arguments.only in name for name in WITH_CLUSTERS):
                    _say(_all(browser, _with_clusters(stack, folder / "many"), WITH_CLUSTERS, arguments.only))
    except (PartFailed, ToolMissing) as failure:
        print(f"screenshots: {failure}", file=sys.stderr)
        return 1
    return 0


def _say(paths: Iterator[Path]) -> None:
    for path in paths:
        print(path.relative_to(ROOT), flush=True)


def _in_cluster(stack: ExitStack, folder: Path) -> str:
    """The address of a KubeDoor whose door is on and has had something to do."""
    folder.mkdir()
    plane = stack.enter_context(ControlPlane())
    names = sorted({deployment.namespace for deployment in DEPLOYMENTS})
    plane.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names))
    plane.apply(*(deployment.manifest() for deployment in DEPLOYMENTS))
    running = start_kubedoor(plane, None, folder=folder)
    stack.callback(running.child.stop)
    with closing(Client(running.url)) as client:
        _set_something(client)
        client.switch(enabled=True)

    def is_asked() -> bool:
        scaled = plane.kubectl("scale", "deployment", "catalog", "-n", "shop", "--replicas=12", check=False)
        return "KubeDoor" in scaled.stderr

    plane.wait_for(is_asked, what="the door answers the API server")
    plane.kubectl("rollout", "restart", "deployment", "cart", "-n", "shop")
    plane.kubectl("scale", "deployment", "cart", "-n", "shop", "--replicas=4")
    plane.kubectl("rollout", "restart", "deployment", "ranking", "-n", "search")
    plane.kubectl("rollout", "restart", "deployment", "payment-gateway", "-n", "payments")
    with closing(Client(running.url)) as client:
        client.log_in(password=PASSWORD)
        _act(client)
    return running.url


def _act(client: Client) -> None:
    """A scale, a restart that is under way for long, and two schedules."""
    shop = [{"namespace": one.namespace, "deployment": one.name} for one in DEPLOYMENTS if one.namespace == "shop"]
    pause = {"interval_seconds": 20, "at_once": 2, "note": "New base image"}
    client.call("POST", "/actions", {"kind": "scale", "workloads": shop[:2], "replicas": 9, "note": "Sale on Friday"})
    client.call("POST", "/actions", {"kind": "restart", "workloads": shop[2:], "skip_refused": True, **pause})
    nightly = {"name": "Restart at night", "kind": "restart", "cron": "0 3 * * 1-5", "time_zone": "Asia/Shanghai"}
    sale = {"name": "Sale", "kind": "scale", "replicas": 12, "return_after_minutes": 180, "cron": "0 20 * * 5"}
    client.call("POST", "/schedules", {**nightly, "workloads": shop[:5], "note": "It leaks a little"})
    paused = client.call("POST", "/schedules", {**sale, "workloads": shop[:2], "time_zone": "Europe/Berlin"})
    client.call("POST", f"/schedules/{paused['schedule']}/pause")


def _alone(stack: ExitStack, folder: Path) -> str:
    folder.mkdir()
    running = stack.enter_context(sample_kubedoor(folder, days=0))
    with closing(Client(running.url)) as client:
        _set_something(client)
    return running.url


def _with_clusters(stack: ExitStack, folder: Path) -> str:
    """Three clusters: one that is shown only, and one whose Prometheus is dead."""
    folder.mkdir()
    settings = {"KUBEDOOR_CLUSTER": "prod-east", "KUBEDOOR_CLUSTERS": json.dumps(CLUSTERS)}
    running = stack.enter_context(sample_kubedoor(folder, days=0, settings=settings))
    with closing(Client(running.url)) as client:
        _set_something(client)
        for cluster in (WEST, DEAD):
            _collect(client, cluster)
    return running.url


def _collect(client: Client, cluster: str) -> None:
    """However it ends: pages show that too."""
    run = client.call("POST", f"/collect?cluster={cluster}", {"days": 12})["collection"]
    path = f"/collect/runs/{run}?cluster={cluster}"
    processes.wait_until(lambda: client.call("GET", path)["state"] != "running", what=f"{cluster} is collected")


def _set_something(client: Client) -> None:
    """A month collected, a few values set by hand and a password of one's own: the pages show what they are for."""
    client.log_in()
    client.call("PUT", "/session/password", {"old_password": FIRST_PASSWORD, "new_password": PASSWORD})
    client.collect(30, on_progress=lambda record: None)
    home = client.call("GET", "/session")["cluster"]
    cart = f"/workloads/{home}/shop/cart"
    client.call("PATCH", cart, {"version": 0, "replicas": 8, "note": "Sale on Friday"})
    request = {"cart": {"cpu_request": "600m", "memory_request": "768Mi"}}
    client.call("PATCH", cart, {"version": 1, "containers": request, "note": "Room for the sale"})
    client.call("PATCH", f"/workloads/{home}/search/ranking", {"version": 0, "mode": "observe"})
    channel = {"name": "On call", "url": "json://127.0.0.1:9/hook", "min_minutes": 15}
    client.call("POST", "/notifications/channels", {**channel, "events": ["door_failed", "action_failed"]})
    for username, role in (("lin.wei@example.com", "operator"), ("auditor", "viewer")):
        client.call("POST", "/users", {"username": username, "password": PASSWORD, "role": role})
    for name, role, days in (("ci-deploy", "operator", 90), ("grafana", "viewer", 7)):
        client.call("POST", "/tokens", {"name": name, "role": role, "expires_in_days": days})


def _all(browser: Browser, url: str, pages: dict[str, str], only: str) -> Iterator[Path]:
    for size, locale, theme in product((WIDE, MEDIUM, NARROW), ("en", "zh-CN"), ("light", "dark")):
        with closing(_logged_in(browser, url, size, locale, theme)) as page:
            for name, path in pages.items():
                picture = f"{name}-{locale}-{theme}-{size[0]}.png"
                if only in picture:
                    if name == "login":
                        page.context.clear_cookies()
                    _show(page, url + path)
                    yield _shoot(page, ROOT / "screenshots" / picture, whole=True)


def _readme(browser: Browser, url: str) -> Iterator[Path]:
    with closing(_logged_in(browser, url, (1440, 860), "en", "light")) as page:
        for name, path in README_PICTURES.items():
            _show(page, url + path)
            yield _shoot(page, ROOT / "docs/images" / f"{name}.png", whole=False)


def _logged_in(browser: Browser, url: str, size: tuple[int, int], locale: str, theme: str) -> Page:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale="en-US",
        timezone_id="Asia/Shanghai",
        reduced_motion="reduce",
    )
    kept = f"localStorage.setItem('kubedoor.locale', '{locale}'); localStorage.setItem('kubedoor.theme', '{theme}')"
    context.add_init_script(kept)
    answer = context.request.post(f"{url}/api/v1/session", data={"username": "kubedoor", "password": PASSWORD})
    if not answer.ok:
        raise PartFailed(f"login answered {answer.status}")
    page = context.new_page()
    page.on("pageerror", lambda error: print(f"page error: {error}", file=sys.stderr))
    page.on("console", _complain)
    return page


def _complain(said: ConsoleMessage) -> None:
    if said.type in ("error", "warning"):
        print(f"console: {said.text}", file=sys.stderr)


def _show(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")
    if "tab=preview" in address:
        page.locator("#panel button.el-button--primary").last.click()
        page.locator(".diff").wait_for()
    if address.endswith("#first"):
        page.locator("tbody a").first.click()
        page.locator("tbody [data-state]").first.wait_for()
    page.wait_for_timeout(DRAWN_MS)


def _shoot(page: Page, path: Path, *, whole: bool) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    size = page.viewport_size
    if whole and size:
        # As tall as the page, so that what sticks to the window's edges is at the page's edges.
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": size["width"], "height": max(size["height"], height)})
        page.wait_for_timeout(REDRAWN_MS)
    page.screenshot(path=path)
    if whole and size:
        page.set_viewport_size(size)
    return path


if __name__ == "__main__":
    sys.exit(main())
