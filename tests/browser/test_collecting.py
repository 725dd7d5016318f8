"""From nothing to control values."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.serving import sample_kubedoor


def test_a_collection_is_started_watched_to_its_end_and_fills_the_overview(visit: Visits, tmp_path: Path) -> None:
    with sample_kubedoor(tmp_path, days=0) as running:
        page = visit("/", at=running)
        expect(page.get_by_role("heading", name="Nothing has been collected yet")).to_be_visible()
        page.get_by_role("link", name="Collect", exact=True).click()
        days = page.get_by_role("spinbutton", name="Days")
        expect(days).to_have_value("10")
        days.fill("20")
        page.get_by_role("button", name="Collect and update").click()
        expect(page.get_by_text("Running").first).to_be_visible()
        # A link to the run is in the address: whoever opens it sees the same progress.
        other = visit(page.url.removeprefix(running.url), at=running)
        for watcher in (page, other):
            expect(watcher.get_by_text("20 of 20 days")).to_be_visible(timeout=60_000)
            expect(watcher.get_by_role("table").get_by_text("Finished")).to_be_visible()
        expect(page.locator(".level-3[data-day]")).to_have_count(20)
        page.get_by_role("link", name="Overview").click()
        expect(page.get_by_role("link", name="40 workloads")).to_be_visible()


def test_a_collection_is_cancelled_before_its_next_day(visit: Visits, tmp_path: Path) -> None:
    with sample_kubedoor(tmp_path, days=0) as running:
        page = visit("/collection", at=running)
        page.get_by_role("spinbutton", name="Days").fill("365")
        page.get_by_role("button", name="Collect and update").click()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("table").get_by_text("Cancelled")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("button", name="Collect and update")).to_be_enabled()


def test_a_day_of_the_calendar_says_what_it_has(visit: Visits) -> None:
    page = visit("/collection")
    page.locator(".level-3[data-day]").last.click()
    expect(page.get_by_text("100% covered · 49 rows")).to_be_visible()
    newest = page.locator("[aria-pressed=true][data-day]").get_attribute("data-day")
    assert f"day={newest}" in page.url
    page.keyboard.press("ArrowUp")
    expect(page.locator("[aria-pressed=true][data-day]")).to_be_focused()
    assert page.locator("[aria-pressed=true][data-day]").get_attribute("data-day") != newest
