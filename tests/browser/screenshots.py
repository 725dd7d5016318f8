"""`python -m tests.browser.screenshots`: every page in both languages and themes, wide and narrow, into `screenshots/`.

With `--readme`, only the two pictures of the README, into `docs/images/`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.serving import FIRST_PASSWORD, ROOT, chromium, sample_kubedoor
from tests.toolbox.processes import PartFailed
from tests.toolbox.running import Client

PASSWORD = "a password of one's own"
# Charts draw themselves over a quarter of a second.
DRAWN_MS, REDRAWN_MS = 500, 150
WIDE, NARROW = (1440, 900), (390, 844)
WORKLOAD = "/workloads/default/payments/fraud-check"
PAGES = {
    "overview": "/",
    "overview-memory": "/?resource=memory",
    "workloads": "/workloads?sort=cpu_waste&order=desc",
    "workloads-edit": "/workloads?search=payments&edit=payments/payment-gateway",
    "workload": WORKLOAD,
    "workload-memory": f"{WORKLOAD}?resource=memory&edit=1",
    "workload-preview": f"{WORKLOAD}?tab=preview",
    "workload-admissions": f"{WORKLOAD}?tab=admissions",
    "workload-edits": "/workloads/default/shop/cart?tab=edits",
    "collection": "/collection",
    "checkup": "/checkup",
    "door": "/door",
}
README_PICTURES = {"overview": "/", "workloads": "/workloads?sort=cpu_waste&order=desc&size=25"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("--readme", action="store_true", help="only the two pictures of the README")
    parser.add_argument("--only", default="", help="only pictures whose name has this in it")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder, sample_kubedoor(Path(folder)) as running, chromium() as browser:
            _set_something(running.url)
            for path in (
                _readme(browser, running.url) if arguments.readme else _all(browser, running.url, arguments.only)
            ):
                print(path.relative_to(ROOT), flush=True)
    except PartFailed as failure:
        print(f"screenshots: {failure}", file=sys.stderr)
        return 1
    return 0


def _set_something(url: str) -> None:
    """A few values set by hand and a password of one's own, so that the pages show what they are for."""
    with closing(Client(url)) as client:
        client.log_in()
        client.call("PUT", "/session/password", {"old_password": FIRST_PASSWORD, "new_password": PASSWORD})
        cart = "/workloads/default/shop/cart"
        client.call("PATCH", cart, {"version": 0, "replicas": 8, "note": "Sale on Friday"})
        request = {"cart": {"cpu_request": "600m", "memory_request": "768Mi"}}
        client.call("PATCH", cart, {"version": 1, "containers": request, "note": "Two more per cent for the sale"})
        client.call("PATCH", "/workloads/default/search/ranking", {"version": 0, "mode": "observe"})


def _all(browser: Browser, url: str, only: str) -> Iterator[Path]:
    for size, locale, theme in product((WIDE, NARROW), ("en", "zh-CN"), ("light", "dark")):
        with closing(_logged_in(browser, url, size, locale, theme)) as page:
            for name, path in {"login": "/login", **PAGES}.items():
                picture = f"{name}-{locale}-{theme}-{size[0]}.png"
                if only in picture:
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
    page.on(
        "console",
        lambda said: print(f"console: {said.text}", file=sys.stderr) if said.type in ("error", "warning") else None,
    )
    return page


def _show(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")
    if "tab=preview" in address:
        page.locator("button.el-button--primary").last.click()
        page.locator(".diff").wait_for()
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
