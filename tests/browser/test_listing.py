"""Finding workloads: filters, order, links, columns, export."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.toolbox.processes import wait_until


def test_filters_and_order_are_in_the_address_and_survive_a_reload(visit: Visits) -> None:
    page = visit("/workloads")
    page.get_by_role("searchbox").fill("payments")
    page.get_by_role("button", name="Over-requested").click()
    page.get_by_role("columnheader", name="CPU").get_by_role("button").click()
    expect(page).to_have_url(
        page.url.split("/workloads")[0] + "/workloads?search=payments&asked=over&sort=cpu_requested"
    )
    expect(page.get_by_role("rowheader").first).to_contain_text("payment-gateway")
    page.reload()
    expect(page.get_by_role("rowheader").first).to_contain_text("payment-gateway")
    expect(page.get_by_role("columnheader", name="CPU")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_text("1–40 of 40")).to_be_visible()


def test_the_table_fits_into_every_window_and_a_phone_folds_its_filters(visit: Visits) -> None:
    page = visit("/workloads?sort=cpu_waste", viewport={"width": 1024, "height": 768})
    for width in (1024, 1280, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        expect(page.get_by_text("1–40 of 40")).to_be_visible()
        # The rail unfolds a frame after the window has grown: what is compared is read at one moment.
        needs, has = page.evaluate("(t => [t.scrollWidth, t.clientWidth])(document.querySelector('.table'))")
        assert needs <= has
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 390, "height": 844})
    mode = page.get_by_role("combobox", name="Mode")
    expect(mode).to_be_hidden()
    page.get_by_role("button", name="Filters").click()
    expect(mode).to_be_visible()


def test_a_search_that_finds_nothing_says_so_and_can_be_cleared(visit: Visits) -> None:
    page = visit("/workloads?search=no-such-thing")
    expect(page.get_by_role("heading", name="No workload matches")).to_be_visible()
    page.get_by_role("searchbox").clear()
    expect(page.get_by_text("1–40 of 40")).to_be_visible()


def test_what_is_sorted_by_is_a_column_and_numbers_begin_with_the_greatest(visit: Visits) -> None:
    page = visit("/workloads")
    expect(page.get_by_role("columnheader", name="CPU to spare")).to_have_count(0)
    page.get_by_role("combobox", name="Sort by").press("Enter")
    page.get_by_role("option", name="CPU to spare").click()
    header = page.get_by_role("columnheader", name="CPU to spare")
    expect(header).to_have_attribute("aria-sort", "descending")
    page.get_by_role("combobox", name="Sort by").press("Enter")
    page.get_by_role("option", name="Edited").click()
    expect(page.get_by_role("columnheader", name="Edited")).to_have_attribute("aria-sort", "descending")
    expect(header).to_have_count(0)


def test_pages_and_back_keep_the_order_the_selection_and_the_place(visit: Visits) -> None:
    page = visit("/workloads?size=25&sort=memory_requested&order=desc", viewport={"width": 1440, "height": 700})
    expect(page.get_by_role("rowheader")).to_have_count(25)
    first = page.get_by_role("rowheader").first.inner_text()
    page.get_by_role("checkbox", name="Select").nth(1).check()
    page.get_by_role("button", name="Go to next page").click()
    expect(page.get_by_text("26–40 of 40")).to_be_visible()
    assert page.get_by_role("rowheader").first.inner_text() != first
    assert "page=2" in page.url
    bar = page.get_by_role("region", name="Selected workloads")
    expect(bar).to_contain_text("1 workload selected · 1 of them not on this page")
    page.get_by_role("checkbox", name="Select all on this page").check()
    expect(bar).to_contain_text("16 workloads selected")
    bar.get_by_role("button", name="Select all 40 that match").click()
    expect(bar).to_contain_text("40 workloads selected · 25 of them not on this page")
    expect(bar.get_by_role("button", name="Select all")).to_have_count(0)

    last = page.get_by_role("rowheader").last.get_by_role("link")
    last.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    assert place > 100
    last.click()
    expect(page.get_by_role("tab").first).to_be_visible()
    page.go_back()
    expect(bar).to_contain_text("40 workloads selected")
    # Not `page.wait_for_function`: where it has to ask twice it uses `eval`, which the page's policy forbids.
    wait_until(lambda: abs(page.evaluate("scrollY") - place) < 5, what="the list is where it was")
    page.go_back()
    expect(page.get_by_text("1–25 of 40")).to_be_visible()
    expect(bar).to_contain_text("40 workloads selected")
    bar.get_by_role("button", name="Edit together").click()
    expect(page.get_by_role("dialog", name="Edit 40 workloads")).to_be_visible()


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
