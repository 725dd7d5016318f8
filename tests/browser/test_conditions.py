"""Conditions: from the overview to the workloads that wait, accepted together, seen on the workload's page, taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visits
from tests.browser.serving import sample_kubedoor
from tests.toolbox.running import RunningKubeDoor

GAPPY = "search/click-collector"
NOTE = "Its gaps are at night"


@pytest.fixture(scope="module")
def young(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKubeDoor]:
    """Two days collected, and those of the workload with gaps are thin."""
    settings = {"KUBEDOOR_MIN_COVERAGE": "0.98", "KUBEDOOR_PRICE_VCPU_HOUR": "0.03", "KUBEDOOR_PRICE_GIB_HOUR": "0.004"}
    with sample_kubedoor(tmp_path_factory.mktemp("young"), days=2, settings=settings) as running:
        yield running


def _row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("checkbox", name=f"Select {name}"))


def _waiting(page: Page) -> Locator:
    return page.get_by_role("region", name="What the door sets").get_by_role("link", name="waiting for somebody")


def _count(page: Page) -> int:
    return int(_waiting(page).locator("b").inner_text())


def test_what_waits_is_accepted_together_and_taken_back_on_its_page(visit: Visits, young: RunningKubeDoor) -> None:
    page = visit("/", at=young)
    before = _count(page)
    _waiting(page).click()
    expect(page).to_have_url(f"{young.url}/workloads?waiting=true")
    expect(page.get_by_text(f"1–{before} of {before}")).to_be_visible()
    expect(_row(page, GAPPY)).to_contain_text("Low coverage")

    page.get_by_role("checkbox", name=f"Select {GAPPY}").check()
    page.get_by_role("checkbox", name="Select payments/wallet").check()
    page.get_by_role("region", name="Selected workloads").get_by_role("button", name="Accept").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("checkbox", name="Short history 2 workloads")).to_be_checked()
    dialog.get_by_role("button", name="Until a date").click()
    dialog.get_by_label("Last day").fill("2020-01-01")
    expect(dialog.get_by_text("This day is past.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Accept for")).to_be_disabled()
    dialog.get_by_role("button", name="30 days").click()
    dialog.get_by_label("Note").fill(NOTE)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Accepted for 2 workloads")).to_be_visible()
    expect(page.get_by_text(f"1–{before - 2} of {before - 2}")).to_be_visible()
    expect(_row(page, GAPPY)).to_have_count(0)

    page.goto(young.url)
    assert _count(page) == before - 2
    page.goto(f"{young.url}/workloads/default/{GAPPY}")
    card = page.get_by_role("region", name="Conditions")
    expect(card.get_by_text("Accepted by kubedoor")).to_have_count(2)
    expect(card.get_by_text(NOTE)).to_have_count(2)
    expect(page.get_by_role("table").first).not_to_contain_text("withheld")
    card.get_by_role("button", name="Withdraw the acceptance: Low coverage").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("The acceptance is withdrawn")).to_be_visible()
    expect(card.get_by_role("button", name="Accept: Low coverage")).to_be_visible()
    expect(page.get_by_role("table").first).to_contain_text("withheld")


def test_a_condition_is_a_filter_that_a_link_carries(visit: Visits, young: RunningKubeDoor) -> None:
    page = visit("/workloads", at=young)
    page.get_by_role("combobox", name="Condition", exact=True).press("Enter")
    page.get_by_role("option", name="Guaranteed QoS").click()
    expect(page).to_have_url(f"{young.url}/workloads?condition=GuaranteedQoS")
    expect(_row(page, "platform/mailer")).to_contain_text("Guaranteed QoS")
    expect(_row(page, GAPPY)).to_have_count(0)
    page.reload()
    expect(_row(page, "data/old-reports")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_text("1–40 of 40")).to_be_visible()


def test_the_sentences_are_written_in_chinese(visit: Visits, young: RunningKubeDoor) -> None:
    page = visit(f"/workloads/default/{GAPPY}", at=young, locale="zh-CN")
    card = page.get_by_role("region", name="状况")
    expect(card).to_contain_text("样本最全的一天（collector，")
    expect(card.get_by_role("heading", name="历史太短")).to_be_visible()
    page.goto(f"{young.url}/workloads/default/platform/mailer")
    expect(card).to_contain_text("它的 Pod 属于 Guaranteed 等级（mailer 的 CPU 请求与上限同为 500m）")
    expect(card).to_contain_text("暂不执行：")


@pytest.mark.parametrize(
    ("locale", "title", "saved"), [("en-US", "Cost per month", "Saved"), ("zh-CN", "每月费用", "节省")]
)
def test_where_prices_are_set_the_overview_speaks_of_money(
    visit: Visits, young: RunningKubeDoor, locale: str, title: str, saved: str
) -> None:
    page = visit("/", at=young, locale=locale)
    card = page.locator("section").filter(has=page.get_by_role("heading", name=title))
    expect(card).to_contain_text(saved)
    expect(card).to_contain_text("$")
