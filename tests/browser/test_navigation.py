"""From page to page: the rail, the phone's bar, and what a role does not get to see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.seeding import PASSWORD, VIEWER, seed
from tests.browser.serving import sample_kubedoor
from tests.toolbox.running import RunningKubeDoor

PHONE = {"width": 390, "height": 844}
GROUPS = {
    "Look": ["Overview", "Workloads", "Door"],
    "Work": ["Actions", "Schedules", "Collection"],
    "Administer": ["Audit log", "Import and export", "Notifications", "People", "Checkup"],
}


@pytest.fixture(scope="module")
def with_viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKubeDoor]:
    folder: Path = tmp_path_factory.mktemp("with-viewer")
    seed(folder / "data", viewer=True)
    with sample_kubedoor(folder, days=0) as running:
        yield running


@pytest.mark.parametrize("width", [1440, 1280])
def test_the_rail_leads_to_every_page(visit: Visits, width: int) -> None:
    page = visit("/", viewport={"width": width, "height": 900})
    rail = page.get_by_role("navigation", name="Pages")
    for group, names in GROUPS.items():
        for name in names:
            link = rail.get_by_role("region", name=group).get_by_role("link", name=name, exact=True)
            link.click()
            expect(link).to_have_attribute("aria-current", "page")
            expect(page).to_have_title(f"{name} · KubeDoor")
            expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_the_rail_shows_where_somebody_is_below_a_page(visit: Visits) -> None:
    page = visit("/workloads/default/payments/fraud-check")
    expect(page.get_by_role("link", name="Workloads").first).to_have_class("page-link here")


def test_a_low_window_scrolls_the_rail_to_the_last_page(visit: Visits) -> None:
    page = visit("/", viewport={"width": 1440, "height": 420})
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Checkup").click()
    expect(page).to_have_title("Checkup · KubeDoor")


def test_a_phone_has_four_pages_in_its_bar_and_the_others_under_more(visit: Visits) -> None:
    page = visit("/", viewport=PHONE)
    bar = page.get_by_role("navigation", name="Pages")
    expect(bar.get_by_role("link")).to_have_text(["Overview", "Workloads", "Door", "Actions"])
    more = bar.get_by_role("button", name="More")
    expect(more).to_have_attribute("aria-expanded", "false")
    more.click()
    expect(bar.get_by_role("region", name="Work").get_by_role("link")).to_have_text(["Schedules", "Collection"])
    expect(bar.get_by_role("region", name="Administer").get_by_role("link")).to_have_text(GROUPS["Administer"])
    bar.get_by_role("link", name="Checkup").click()
    expect(page.get_by_role("heading", name="Checkup")).to_be_visible()
    expect(more).to_have_attribute("aria-expanded", "false")
    expect(bar.get_by_role("link", name="Schedules")).to_have_count(0)


def test_more_is_used_with_the_keyboard_alone(visit: Visits) -> None:
    page = visit("/", viewport=PHONE)
    bar = page.get_by_role("navigation", name="Pages")
    more = bar.get_by_role("button", name="More")
    more.focus()
    page.keyboard.press("Enter")
    expect(bar.get_by_role("link", name="Schedules")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(bar.get_by_role("link", name="Collection")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(bar.get_by_role("link", name="Checkup")).to_be_focused()
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    expect(more).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowUp")
    expect(bar.get_by_role("link", name="Schedules")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    expect(more).to_have_attribute("aria-expanded", "false")
    more.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Checkup")).to_be_visible()


def test_a_touch_beside_it_closes_more(visit: Visits) -> None:
    page = visit("/", viewport=PHONE)
    more = page.get_by_role("button", name="More")
    more.click()
    expect(more).to_have_attribute("aria-expanded", "true")
    page.get_by_role("heading", name="Overview").click()
    expect(more).to_have_attribute("aria-expanded", "false")


def test_pages_and_workloads_are_reached_by_keys_and_words_are_explained(visit: Visits) -> None:
    page = visit("/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.keyboard.press("Control+k")
    asked = page.get_by_role("combobox", name="Go to a page or a workload")
    expect(asked).to_be_focused()
    asked.fill("audit")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Audit log")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Control+k")
    asked.fill("fraud")
    expect(page.get_by_role("option", name="fraud-check payments")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page).to_have_title("fraud-check · default · KubeDoor")
    page.locator("body").press("?")
    words = page.get_by_role("dialog", name="Help")
    expect(words.get_by_role("region", name="Words of this page")).to_contain_text("Used at peak")
    expect(words.get_by_text("Version ")).to_be_visible()
    words.get_by_role("link", name="Documents").click()
    expect(page.get_by_role("heading", name="KubeDoor for operators")).to_be_visible()
    page.get_by_role("article").get_by_role("link", name="glossary").click()
    expect(page.get_by_role("heading", name="Glossary")).to_be_visible()


def test_the_same_is_found_edited_and_explained_in_chinese(visit: Visits) -> None:
    page = visit("/", locale="zh-CN")
    page.get_by_role("region", name="工作负载状态").get_by_role("link", name="OOM 被杀").click()
    expect(page.get_by_role("row").filter(has=page.get_by_role("link", name="fraud-check"))).to_contain_text("OOM 2 次")
    page.get_by_role("combobox", name="排序").press("Enter")
    page.get_by_role("option", name="CPU 富余").click()
    expect(page.get_by_role("columnheader", name="CPU 富余")).to_have_attribute("aria-sort", "descending")

    page.get_by_role("link", name="fraud-check").click()
    page.get_by_text("复制到清单").click()
    expect(page.get_by_text("resources:").first).to_be_visible()
    page.get_by_role("button", name="编辑管控值").click()
    page.get_by_role("textbox", name="fraud-check 内存请求").fill("1.8Gi")
    expect(page.get_by_text("保存为 1844Mi")).to_be_visible()
    page.get_by_role("button", name="预演", exact=True).click()
    pending = page.get_by_role("region", name="带着这些修改，一次重启会得到什么")
    expect(pending.get_by_role("row").filter(has_text="内存请求").first).to_contain_text("1844Mi")
    page.get_by_role("textbox", name="fraud-check 内存请求").fill("")
    page.get_by_role("tab", name="预演").click()
    page.get_by_role("button", name="看准入门会怎么做").click()
    expect(page.get_by_text("fraud-check 的请求：CPU ")).to_be_visible()
    page.locator("body").press("?")
    expect(page.get_by_role("dialog", name="帮助").get_by_role("region", name="本页的词")).to_contain_text("高峰用量")


def test_a_viewer_is_not_led_to_pages_of_other_roles_and_told_why_there(
    visit: Visits, with_viewer: RunningKubeDoor
) -> None:
    page = visit("/", at=with_viewer, username=VIEWER, password=PASSWORD)
    rail = page.get_by_role("navigation", name="Pages")
    expect(rail.get_by_role("link", name="Checkup")).to_be_visible()
    for name in ("People", "Notifications"):
        expect(rail.get_by_role("link", name=name)).to_have_count(0)
    page.goto(with_viewer.url + "/people")
    expect(page.get_by_role("heading", name="Your role may not see this page")).to_be_visible()
    expect(page.get_by_text("It needs the role Administrator; yours is Viewer.")).to_be_visible()
