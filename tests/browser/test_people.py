"""Who may only look, and what is shown of what others wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.seeding import MARKUP, PASSWORD, VIEWER, seed
from tests.browser.serving import sample_kubedoor
from tests.toolbox.running import RunningKubeDoor


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKubeDoor]:
    folder: Path = tmp_path_factory.mktemp("seeded")
    seed(folder / "data", workloads=30, viewer=True, markup=True)
    with sample_kubedoor(folder, days=0) as running:
        yield running


def test_a_viewer_sees_everything_and_no_control_that_changes_anything(visit: Visits, seeded: RunningKubeDoor) -> None:
    page = visit("/workloads", at=seeded, username=VIEWER, password=PASSWORD)
    expect(page.get_by_role("rowheader")).to_have_count(25 + 5)
    expect(page.get_by_role("checkbox")).to_have_count(0)
    expect(page.get_by_role("button", name="Edit")).to_have_count(0)
    expect(page.get_by_role("switch")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("rowheader").first.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Control values")).to_be_visible()
    expect(page.get_by_role("button", name="Edit control values")).to_have_count(0)
    page.goto(seeded.url + "/collection")
    expect(page.get_by_role("button", name="Collect and update")).to_be_disabled()
    expect(page.get_by_text("You may look, not collect.")).to_be_visible()


def test_a_link_to_an_editor_opens_none_for_a_viewer(visit: Visits, seeded: RunningKubeDoor) -> None:
    page = visit("/workloads?sort=name", at=seeded, username=VIEWER, password=PASSWORD)
    key = page.get_by_role("rowheader").first.inner_text().split("\n")
    page.goto(f"{seeded.url}/workloads?edit={key[0]}/{key[-1]}")
    expect(page.get_by_role("rowheader").first).to_be_visible()
    expect(page.get_by_role("textbox", name="Replicas")).to_have_count(0)


def test_markup_from_the_cluster_is_shown_as_text(visit: Visits, seeded: RunningKubeDoor) -> None:
    page = visit("/door", at=seeded, password=PASSWORD)
    expect(page.get_by_text(MARKUP).first).to_be_visible()
    assert page.get_by_text(MARKUP).count() >= 4
    assert page.locator("main img").count() == 0
    assert page.evaluate("window.hacked") is None
    page.get_by_role("link", name=MARKUP).click()
    expect(page.get_by_role("heading", name=MARKUP)).to_be_visible()
    assert page.evaluate("window.hacked") is None


def test_markup_in_a_note_is_shown_as_text(visit: Visits, seeded: RunningKubeDoor) -> None:
    page = visit("/workloads?sort=name", at=seeded, password=PASSWORD)
    page.get_by_role("rowheader").last.get_by_role("link").click()
    page.get_by_role("button", name="Edit control values").click()
    page.get_by_role("textbox", name="Replicas").fill("42")
    page.get_by_role("textbox", name="Note").fill(MARKUP)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("tab", name="Edits").click()
    expect(page.get_by_text(MARKUP)).to_be_visible()
    assert page.evaluate("window.hacked") is None
