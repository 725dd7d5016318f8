"""The API goes away and comes back while somebody looks."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.serving import start_sample_kubedoor


def test_the_page_says_that_the_api_is_away_and_goes_on_when_it_is_back(visit: Visits, tmp_path: Path) -> None:
    running = start_sample_kubedoor(tmp_path)
    try:
        page = visit("/checkup", at=running)
        expect(page.get_by_role("heading", name="Store")).to_be_visible()
        running.child.stop()
        page.get_by_role("button", name="Look again").click()
        banner = page.get_by_role("alert").filter(has_text="KubeDoor does not answer.")
        expect(banner).to_be_visible()
        running = start_sample_kubedoor(tmp_path, port=running.port, door_port=running.door_port)
        expect(banner).to_be_hidden(timeout=30_000)
        # What had failed loads by itself, and the session is still good.
        expect(page.get_by_role("heading", name="Store")).to_be_visible()
    finally:
        running.child.stop()
