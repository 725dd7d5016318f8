"""Latency of searching, sorting and paging ten thousand workloads in the browser.

`python -m tests.bench.web_latency [WORKLOADS]`. Measures from the click or key to the paint of the new rows, in
Chromium against the API on the embedded store. Prints a table and asserts nothing; the goal is 300 ms for search and
sort, without the debounce of the search field.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.seeding import seed
from tests.browser.serving import FIRST_PASSWORD, chromium, sample_kubedoor

WORKLOADS = 10_000
REPEATS = 9
SEARCH_DEBOUNCE_MS = 180
"""The debounce of the search in web/src/views/workloads/modules/WorkloadFilters.vue."""
# Resolves two animation frames after the table is no longer busy: then the new rows are painted.
_WATCH = """
() => {
  const table = document.querySelector("section.table");
  window.started = performance.now();
  window.painted = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("nothing was painted for 20 s")), 20000);
    const watcher = new MutationObserver(() => {
      if (table.getAttribute("aria-busy") === "true" || !table.querySelector("tbody tr")) return;
      watcher.disconnect();
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - window.started)));
    });
    watcher.observe(table, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-busy"] });
  });
}
"""


def _measured(page: Page, act: Callable[[], None]) -> float:
    """Milliseconds from the action to the paint of its result."""
    page.evaluate(_WATCH)
    act()
    return float(page.evaluate("window.painted"))


def _search(page: Page, number: int) -> Callable[[], None]:
    return lambda: page.get_by_role("searchbox").fill(f"-{number:05}")


def _journeys(page: Page, step: int) -> dict[str, Callable[[], None]]:
    headers = page.get_by_role("columnheader")
    return {
        "search": _search(page, 4000 + step),
        "clear the search": lambda: page.get_by_role("searchbox").fill(""),
        "sort by CPU": lambda: headers.filter(has_text="CPU").get_by_role("button").click(),
        "sort by name": lambda: headers.filter(has_text="Workload").get_by_role("button").click(),
        "filter": lambda: page.get_by_role("button", name="Too much" if step % 2 else "Too little").click(),
        "clear the filter": lambda: page.get_by_role("button", name="All", exact=True).click(),
        "next page": lambda: page.get_by_role("button", name="Go to next page").click(),
    }


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else WORKLOADS
    milliseconds_of: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        started = time.monotonic()
        seed(folder / "data", workloads=count)
        print(f"seeded {count} workloads in {time.monotonic() - started:.0f} s", flush=True)
        with sample_kubedoor(folder, days=0) as running:
            context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
            context.request.post(
                f"{running.url}/api/v1/session", data={"username": "kubedoor", "password": FIRST_PASSWORD}
            )
            page = context.new_page()
            page.goto(f"{running.url}/workloads")
            page.locator("tbody tr").first.wait_for()
            for step in range(REPEATS):
                for journey, act in _journeys(page, step).items():
                    pause = SEARCH_DEBOUNCE_MS if "search" in journey else 0
                    milliseconds_of.setdefault(journey, []).append(_measured(page, act) - pause)
            context.close()
    print(f"{'':18} {'median':>8} {'worst':>8}   ms, of {REPEATS}, with {count} workloads")
    for journey, milliseconds in milliseconds_of.items():
        print(f"{journey:18} {statistics.median(milliseconds):8.0f} {max(milliseconds):8.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
