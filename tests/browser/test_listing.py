"""Finding workloads: filters, order, links, columns, export."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visits


def test_filters_and_order_are_in_the_address_and_survive_a_reload(visit: Visits) -> None:
    page = visit("/workloads")
    page.get_by_role("searchbox").fill("payments")
    page.get_by_role("button", name="Over-requested").click()
    page.get_by_role("columnheader", name="CPU").get_by_role("button").click()
    expect(page).to_have_url(
        page.url.split("/workloads")[0] + "/workloads?search=payments&asked=over&sort=cpu_waste&order=desc"
    )
    expect(page.get_by_role("rowheader").first).to_contain_text("payment-gateway")
    page.reload()
    expect(page.get_by_role("rowheader").first).to_contain_text("payment-gateway")
    expect(page.get_by_role("columnheader", name="CPU")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_text("1–40 of 40")).to_be_visible()


def test_a_search_that_finds_nothing_says_so_and_can_be_cleared(visit: Visits) -> None:
    page = visit("/workloads?search=no-such-thing")
    expect(page.get_by_role("heading", name="No workload matches")).to_be_visible()
    page.get_by_role("searchbox").clear()
    expect(page.get_by_text("1–40 of 40")).to_be_visible()


def test_pages_are_turned_without_losing_the_order(visit: Visits) -> None:
    page = visit("/workloads?size=25&sort=memory_requested&order=desc")
    expect(page.get_by_role("rowheader")).to_have_count(25)
    first = page.get_by_role("rowheader").first.inner_text()
    page.get_by_role("button", name="Go to next page").click()
    expect(page.get_by_text("26–40 of 40")).to_be_visible()
    assert page.get_by_role("rowheader").first.inner_text() != first
    assert "page=2" in page.url


def test_what_is_filtered_is_exported_in_exact_numbers(visit: Visits, tmp_path: Path) -> None:
    page = visit("/workloads?namespace=shop&sort=name")
    expect(page.get_by_text("1–9 of 9")).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("button", name="Export CSV").click()
    target = tmp_path / "workloads.csv"
    started.value.save_as(target)
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8-sig"))))
    assert {row["namespace"] for row in rows} == {"shop"}
    assert len({row["deployment"] for row in rows}) == 9
    catalog = next(row for row in rows if row["container"] == "catalog")
    assert catalog["cpu_requested_millicores"] == "1000"
    assert int(catalog["memory_used_bytes"]) > 2**30


def test_the_choice_of_columns_is_remembered(visit: Visits) -> None:
    page = visit("/workloads")
    expect(page.get_by_role("columnheader", name="Peak day")).to_have_count(0)
    page.get_by_role("button", name="Columns").click()
    page.get_by_text("Peak day", exact=True).click()
    expect(page.get_by_role("columnheader", name="Peak day")).to_be_visible()
    page.reload()
    expect(page.get_by_role("columnheader", name="Peak day")).to_be_visible()
