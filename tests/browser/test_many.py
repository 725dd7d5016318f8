"""Ten thousand workloads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.seeding import seed
from tests.browser.serving import sample_kubedoor
from tests.toolbox.running import RunningKubeDoor

COUNT = 10_000


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKubeDoor]:
    folder: Path = tmp_path_factory.mktemp("crowded")
    seed(folder / "data", workloads=COUNT)
    with sample_kubedoor(folder, days=0) as running:
        yield running


def test_ten_thousand_workloads_are_searched_sorted_and_paged(visit: Visits, crowded: RunningKubeDoor) -> None:
    page = visit("/workloads", at=crowded)
    expect(page.get_by_text("1–50 of 10,000")).to_be_visible()
    page.get_by_role("columnheader", name="Memory").get_by_role("button").click()
    expect(page.get_by_role("columnheader", name="Memory")).to_have_attribute("aria-sort", "descending")
    page.get_by_label("page 200", exact=True).click()
    expect(page.get_by_text("9,951–10,000 of 10,000")).to_be_visible()
    page.get_by_role("searchbox").fill("-07421")
    expect(page.get_by_text("1–1 of 1")).to_be_visible()
    expect(page.get_by_role("rowheader")).to_contain_text("-07421")
    page.get_by_role("searchbox").fill("team-07/")
    expect(page.get_by_text("1–50 of 250")).to_be_visible()
