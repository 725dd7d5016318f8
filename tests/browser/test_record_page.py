"""The record: who changed what, and what the door did; filtered, shared by a link, taken along as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visits
from tests.browser.seeding import MARKUP, OPERATOR, PASSWORD, VIEWER, WARNING, seed
from tests.browser.serving import sample_kubedoor
from tests.toolbox.running import RunningKubeDoor

ADMISSIONS = 130
PAGE = 100


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKubeDoor]:
    folder: Path = tmp_path_factory.mktemp("record")
    seed(folder / "data", workloads=6, viewer=True, markup=True, admissions=ADMISSIONS)
    with sample_kubedoor(folder, days=0) as running:
        yield running


def _rows(page: Page) -> Locator:
    return page.get_by_role("tabpanel").locator("tbody tr")


def _choose(page: Page, filtered: str, option: str) -> None:
    # The text that is shown lies over the field itself.
    page.locator(".el-select").filter(has=page.get_by_role("combobox", name=filtered)).click()
    page.get_by_role("option", name=option).click()


def _csv(page: Page) -> list[dict[str, str]]:
    with page.expect_download() as started:
        page.get_by_role("link", name="Export CSV").click()
    text = Path(started.value.path()).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def _set_replicas(page: Page, count: int, note: str) -> str:
    """In the UI, of the first workload; its namespace/name."""
    namespace, _, *name = page.get_by_role("rowheader").first.inner_text().split("\n")
    key = f"{namespace}/{name[-1] if name else _}"
    page.get_by_role("rowheader").first.get_by_role("link").click()
    page.get_by_role("button", name="Edit control values").click()
    page.get_by_role("textbox", name="Replicas").fill(str(count))
    page.get_by_role("textbox", name="Note").fill(note)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Edit control values")).to_be_visible()
    return key


def test_an_edit_is_on_record_with_who_and_what_it_was_before(visit: Visits, seeded: RunningKubeDoor) -> None:
    page = visit("/workloads?sort=name", at=seeded, username=OPERATOR, password=PASSWORD)
    key = _set_replicas(page, 42, "Room for Friday")
    page.goto(f"{seeded.url}/workloads?sort=name")
    _set_replicas(page, 43, "A little more")
    page.goto(f"{seeded.url}/record")
    newest = _rows(page).first
    expect(newest).to_contain_text(OPERATOR)
    expect(newest).to_contain_text("logged in · 127.0.0.1")
    expect(newest).to_contain_text("Values set")
    expect(newest.get_by_role("listitem")).to_have_text(["Replicas 42 → 43", "Note Room for Friday → A little more"])
    expect(_rows(page).nth(1)).to_contain_text("Replicas collected → 42")
    newest.get_by_role("button", name="Exact record").click()
    expect(_rows(page).nth(1)).to_contain_text('"replicas": 43')
    newest.get_by_role("link", name=key).click()
    expect(page.get_by_role("heading", name=key.partition("/")[2])).to_be_visible()


def test_what_failed_is_on_record_once_with_the_reason(visit: Visits, seeded: RunningKubeDoor) -> None:
    page = visit("/record", at=seeded, password=PASSWORD)
    answer = page.request.put(f"{seeded.url}/api/v1/control", data={"enabled": True})
    assert answer.status == 503
    page.reload()
    switched = _rows(page).filter(has_text="Enforcement switched on")
    expect(switched).to_have_count(1)
    expect(switched).to_contain_text("Failed")
    expect(switched).to_contain_text("no cluster is configured")
    page.get_by_text("Failed only", exact=True).click()
    expect(page).to_have_url(f"{seeded.url}/record?outcome=failed")
    expect(switched).to_have_count(1)


def test_a_csv_has_exactly_what_is_filtered(visit: Visits, seeded: RunningKubeDoor) -> None:
    page = visit("/record?tab=admissions", at=seeded, password=PASSWORD)
    expect(_rows(page)).to_have_count(PAGE)
    page.get_by_role("searchbox", name="Namespace or workload").fill("shop/cart")
    expect(_rows(page)).to_have_count(ADMISSIONS // 2)
    rows = _csv(page)
    assert len(rows) == ADMISSIONS // 2
    assert {row["deployment"] for row in rows} == {"cart"}
    assert rows[0]["after"] == '{"cart cpu request":"640m"}'
    _choose(page, "Time", "Last 24 hours")
    expect(_rows(page)).to_have_count(12)
    assert len(_csv(page)) == 12


def test_changes_are_filtered_by_who_and_what_and_shared_by_a_link(visit: Visits, seeded: RunningKubeDoor) -> None:
    page = visit("/record", at=seeded, password=PASSWORD)
    body = {"name": "pipeline", "role": "operator", "expires_in_days": 1}
    assert page.request.post(f"{seeded.url}/api/v1/tokens", data=body).ok
    page.reload()
    _choose(page, "What", "Token created")
    expect(_rows(page)).to_have_count(1)
    expect(_rows(page).first).to_contain_text("pipeline")
    expect(_rows(page).first).to_contain_text("Role Operator")
    _choose(page, "Who", "kubedoor")
    assert [row["action"] for row in _csv(page)] == ["token.create"]

    other = visit(page.url.removeprefix(seeded.url), at=seeded, username=VIEWER, password=PASSWORD)
    expect(_rows(other)).to_have_count(1)
    other.get_by_role("button", name="Clear filters").click()
    expect(other).to_have_url(f"{seeded.url}/record")
    other.goto(f"{seeded.url}/record?who=nobody")
    expect(other.get_by_role("heading", name="Nothing in the audit log matches")).to_be_visible()


def test_admissions_say_what_the_door_did_and_older_ones_follow(visit: Visits, seeded: RunningKubeDoor) -> None:
    page = visit("/record?tab=admissions&outcome=observed", at=seeded, password=PASSWORD)
    expect(page.get_by_role("tab", name="Admissions")).to_have_attribute("aria-selected", "true")
    expect(_rows(page)).to_have_count(ADMISSIONS // 2)
    first = _rows(page).first
    expect(first).to_contain_text("ci@example.com")
    expect(first).to_contain_text("cart · CPU request 2 → 640m")
    expect(first).to_contain_text(WARNING)
    page.get_by_role("button", name="Clear filters").click()
    expect(_rows(page)).to_have_count(PAGE)
    page.get_by_role("button", name="Older ones").click()
    expect(_rows(page)).to_have_count(ADMISSIONS + 1)
    expect(page.get_by_role("button", name="Older ones")).to_have_count(0)
    page.get_by_role("tab", name="Changes").click()
    expect(page).to_have_url(f"{seeded.url}/record")


def test_the_door_leads_to_all_its_admissions(visit: Visits, seeded: RunningKubeDoor) -> None:
    page = visit("/door", at=seeded, password=PASSWORD)
    page.get_by_role("link", name="See all in the audit log").click()
    expect(_rows(page)).to_have_count(PAGE)


def test_markup_on_record_is_shown_as_text(visit: Visits, seeded: RunningKubeDoor) -> None:
    page = visit("/workloads?sort=name", at=seeded, password=PASSWORD)
    _set_replicas(page, 7, MARKUP)
    page.goto(f"{seeded.url}/record?action={MARKUP}")
    expect(page.get_by_role("combobox", name="What")).to_be_visible()
    page.goto(f"{seeded.url}/record")
    expect(page.get_by_text(MARKUP).first).to_be_visible()
    page.get_by_role("button", name="Exact record").first.click()
    page.get_by_role("tab", name="Admissions").click()
    expect(page.get_by_text(MARKUP).first).to_be_visible()
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0
