"""Latency of searching, sorting and paging ten thousand workloads in the browser.

`python -m tests.bench.web_latency`. Measures from the press of the button or the key to the paint of the new rows, in
Chromium against the API on the embedded store, without the debounce of the search field. What the driver needs to find a
button and to see that it does not move is not measured: it waits for two frames alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from tests.bench import running
from tests.bench.judging import Figures
from tests.bench.running import Effort
from tests.browser.seeding import seed
from tests.browser.serving import FIRST_PASSWORD, chromium, sample_kubedoor

WORKLOADS = 10_000
SEARCH_DEBOUNCE_MS = 180
"""The debounce of the search in web/src/views/workloads/modules/WorkloadFilters.vue."""
# Counts from the first event in the page on. Resolves two animation frames after the table is no longer busy: then the
# new rows are painted.
_WATCH = """
() => {
  const table = document.querySelector("section.table");
  const started = Promise.race(["pointerdown", "input"].map((kind) =>
    new Promise((resolve) => addEventListener(kind, (event) => resolve(event.timeStamp), { capture: true, once: true }))));
  window.painted = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("nothing was painted for 20 s")), 20000);
    const watcher = new MutationObserver(() => {
      if (table.getAttribute("aria-busy") === "true" || !table.querySelector("tbody tr")) return;
      watcher.disconnect();
      requestAnimationFrame(() => requestAnimationFrame(async () => resolve(performance.now() - (await started))));
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
        "search": _search(page, step),
        "clear the search": lambda: page.get_by_role("searchbox").fill(""),
        "sort by CPU": lambda: headers.filter(has_text="CPU").get_by_role("button").click(),
        "sort by name": lambda: headers.filter(has_text="Workload").get_by_role("button").click(),
        "filter": lambda: page.get_by_role("button", name="Over-requested" if step % 2 else "Under-requested").click(),
        "clear the filter": lambda: page.get_by_role("button", name="All", exact=True).click(),
        "next page": lambda: page.get_by_role("button", name="Go to next page").click(),
    }


LINE_OF = {"search": "web_search", "sort by CPU": "web_sort", "sort by name": "web_sort", "next page": "web_page"}
"""The lines of journeys; the other journeys only lead back."""


def measure(effort: Effort) -> Figures:
    milliseconds: dict[str, list[float]] = {line: [] for line in LINE_OF.values()}
    workloads = effort.size(WORKLOADS, 200)
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        seed(folder / "data", workloads=workloads)
        with sample_kubedoor(folder, days=0) as kubedoor:
            context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
            login = {"username": "kubedoor", "password": FIRST_PASSWORD}
            context.request.post(f"{kubedoor.url}/api/v1/session", data=login)
            page = context.new_page()
            page.goto(f"{kubedoor.url}/workloads")
            page.locator("tbody tr").first.wait_for()
            for step in range(effort.runs):
                for journey, act in _journeys(page, workloads // 2 + step).items():
                    pause = SEARCH_DEBOUNCE_MS if "search" in journey else 0
                    took = _measured(page, act) - pause
                    if line := LINE_OF.get(journey):
                        milliseconds[line].append(took)
            context.close()
    return milliseconds


if __name__ == "__main__":
    running.run("web_latency", measure)
