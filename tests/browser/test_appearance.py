"""Language, theme, accessibility, and that nothing leaves the origin."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.browser.serving import ROOT

WORKLOAD = "/workloads/default/payments/fraud-check"
PAGES = {
    "overview": "/",
    "workloads": "/workloads?edit=shop/catalog",
    "workload": f"{WORKLOAD}?edit=1",
    "preview": f"{WORKLOAD}?tab=preview",
    "admissions": f"{WORKLOAD}?tab=admissions",
    "edits": f"{WORKLOAD}?tab=edits",
    "collection": "/collection",
    "checkup": "/checkup",
    "door": "/door",
    "users": "/people",
    "user-add": "/people?add=1",
    "tokens": "/people?tab=tokens",
    "token-add": "/people?tab=tokens&add=1",
    "record": "/record?time=range",
    "record-admissions": "/record?tab=admissions",
    "transfer": "/transfer",
    "transfer-helm": "/transfer?format=helm&namespace=shop",
    "notifications": "/notifications",
    "channel": "/notifications?edit=new",
    "actions": "/actions",
    "schedules": "/schedules",
    "schedule-add": "/schedules?edit=new",
    "documents": "/documents/values",
    "nowhere": "/no/such/page",
}
SERIOUS = {"serious", "critical"}
ANIMATIONS_END = """async () => {
    const moves = (one) => one.playState === 'running' && one.effect.getComputedTiming().iterations !== Infinity
    for (let moving; (moving = document.getAnimations().filter(moves)).length > 0; )
        await Promise.allSettled(moving.map((one) => one.finished))
}"""


def settle(page: Page) -> None:
    expect(page.locator("h1, .empty")).not_to_have_count(0)
    expect(page.locator(".el-skeleton")).to_have_count(0)
    # What an answer turns on (a button, say) is not to change its colours while axe looks.
    page.wait_for_load_state("networkidle")
    # Not `wait_for_function`: where it has to ask twice it uses `eval`, which the page's policy forbids.
    page.evaluate(ANIMATIONS_END)


def problems(page: Page) -> list[str]:
    """What axe finds serious or critical, each with where."""
    page.add_script_tag(path=ROOT / "web/node_modules/axe-core/axe.min.js")
    found: dict[str, Any] = json.loads(page.evaluate("axe.run().then((result) => JSON.stringify(result))"))
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", [*PAGES, "login"])
def test_axe_finds_nothing_serious(visit: Visits, name: str, theme: str) -> None:
    # axe is put into the page from outside, which the page's own policy forbids.
    page = visit(PAGES.get(name, "/login"), color_scheme=theme, bypass_csp=True, log_in=name != "login")
    settle(page)
    assert problems(page) == []


def test_no_page_complains_and_no_request_leaves_the_origin(visit: Visits) -> None:
    page = visit("/")
    origin = page.url.rstrip("/")
    for path in PAGES.values():
        page.goto(origin + path)
        settle(page)
    assert [said for said in visit.said if said.startswith(("error", "warning", "pageerror"))] == []
    assert [url for url in visit.requested if not url.startswith((origin, "data:", "blob:"))] == []


def test_scripts_come_from_files_of_our_own_only(visit: Visits) -> None:
    page = visit("/login", log_in=False)
    answer = page.request.get(page.url)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["script-src"] == "'self'"
    assert policy["default-src"] == "'none'"
    assert answer.headers["cache-control"] == "no-cache"
    script = page.locator("script[type=module]").get_attribute("src") or ""
    assert page.request.get(page.url.replace("/login", script)).headers["cache-control"].endswith("immutable")
    icon = page.locator("link[rel=icon]").get_attribute("href") or ""
    assert "max-age" in page.request.get(page.url.replace("/login", icon)).headers["cache-control"]
    # What is no page is an error and not the application.
    assert page.request.get(page.url.replace("/login", "/assets/none.js")).status == 404
    assert page.request.get(page.url.replace("/login", "/api/v1/none")).json()["error"]["code"] == "not_found"


def test_the_language_changes_without_a_reload_and_is_remembered(visit: Visits) -> None:
    page = visit("/workloads")
    page.evaluate("window.isTheSamePage = true")
    page.get_by_role("button", name="Language").click()
    page.get_by_role("menuitem", name="简体中文").click()
    expect(page.get_by_role("heading", name="工作负载")).to_be_visible()
    expect(page).to_have_title("工作负载 · KubeDoor")
    expect(page.get_by_role("switch")).to_contain_text("管控状态")
    assert page.evaluate("window.isTheSamePage") is True
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.reload()
    expect(page.get_by_role("heading", name="工作负载")).to_be_visible()


def test_a_chinese_browser_is_greeted_in_chinese(visit: Visits) -> None:
    page = visit("/login", log_in=False, locale="zh-CN")
    expect(page.get_by_role("button", name="登录")).to_be_visible()


def test_the_theme_follows_the_system_until_somebody_chooses(visit: Visits) -> None:
    page = visit("/", color_scheme="dark")
    expect(page.locator("html")).to_have_class("dark")
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).not_to_have_class("dark")
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("menuitem", name="Dark").click()
    expect(page.locator("html")).to_have_class("dark")
    page.reload()
    expect(page.locator("html")).to_have_class("dark")


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_shows_every_page_without_scrolling_sideways(visit: Visits, name: str) -> None:
    page = visit(PAGES[name], viewport={"width": 390, "height": 844})
    settle(page)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
