"""People set values by hand, and see what will come of it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visits

LEAVING = {
    "en-US": ("CPU request", "Leave without saving?", "Go on editing", "Discard the changes", "Cancel", "Overview"),
    "zh-CN": ("CPU 请求", "不保存就离开？", "继续编辑", "放弃修改", "取消", "总览"),
}


def _row(page: Page, workload: str) -> Locator:
    return page.locator("tr").filter(has=page.get_by_role("checkbox", name=f"Select {workload}"))


def _save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def test_the_most_wasteful_workload_is_found_understood_set_and_previewed(visit: Visits) -> None:
    page = visit("/")
    worst = page.get_by_role("listitem").filter(has_text="storefront")
    worst.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="storefront")).to_be_visible()
    expect(page.get_by_text("the heaviest of 10 days").first).to_be_visible()
    expect(page.get_by_text("far more than it used")).to_be_visible()

    page.get_by_role("button", name="Edit control values").click()
    page.get_by_role("textbox", name="Replicas").fill("9")
    page.get_by_role("textbox", name="storefront CPU request").fill("900m")
    page.get_by_role("textbox", name="storefront Memory request").fill("1Gi")
    expect(page.get_by_role("region", name="What will change")).to_contain_text("900m")
    page.get_by_role("textbox", name="Note").fill("A browser test")
    _save(page)
    expect(page.get_by_text("kubedoor set 900m by hand")).to_be_visible()

    page.get_by_role("tab", name="Preview").click()
    page.get_by_role("button", name="Show what the door would do").click()
    expect(page.locator(".diff .added").filter(has_text="replicas: 9")).to_be_visible()
    expect(page.locator(".diff .added").filter(has_text="cpu: 900m")).to_be_visible()
    expect(page.get_by_text("replicas 12 -> 9 (set in KubeDoor)")).to_be_visible()
    page.get_by_role("button", name="Scaled").click()
    page.get_by_role("button", name="Show what the door would do").click()
    expect(page.locator(".diff .added").filter(has_text="cpu:")).to_have_count(0)

    page.get_by_role("tab", name="Edits").click()
    expect(page.get_by_text("A browser test")).to_be_visible()


def test_a_wrong_value_is_told_while_it_is_typed_and_cannot_be_saved(visit: Visits) -> None:
    page = visit("/workloads?search=wallet&edit=payments/wallet")
    field = page.get_by_role("textbox", name="wallet CPU request")
    field.fill("a lot")
    expect(page.get_by_text("Write it like 250m, 1.5 or 512Mi")).to_be_visible()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    field.fill("3")
    expect(page.get_by_text("Above its limit")).to_be_visible()
    field.fill("1")
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_enabled()


def test_what_would_kill_pods_is_warned_of_asked_about_and_shown_as_long_as_it_stands(visit: Visits) -> None:
    page = visit("/workloads/default/payments/refunds?edit=1")
    page.get_by_role("textbox", name="refunds Memory request").fill("16Mi")
    page.get_by_role("textbox", name="refunds Memory limit").fill("16Mi")
    warned = page.get_by_role("status").filter(has_text="its pods would be OOM-killed")
    expect(warned).to_contain_text("memory limit 16Mi of refunds is below the ")
    page.get_by_role("button", name="Preview", exact=True).click()
    pending = page.get_by_role("region", name="What a restart would meet with these changes")
    expect(pending.get_by_role("row").filter(has_text="Memory limit")).to_contain_text("16Mi")

    _save(page)
    dialog = page.get_by_role("dialog", name="This ends or kills pods")
    expect(dialog).to_contain_text("memory limit 16Mi of refunds")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("textbox", name="refunds Memory limit")).to_have_value("16Mi")
    _save(page)
    dialog.get_by_role("button", name="Save anyway").click()
    expect(page.get_by_role("textbox", name="refunds Memory limit")).to_have_count(0)
    findings = page.locator("section").filter(has=page.get_by_role("heading", name="Findings"))
    expect(findings).to_contain_text("its pods would be OOM-killed")

    page.get_by_role("tab", name="Edits").click()
    page.get_by_role("button", name="Edit control values").click()
    page.get_by_role("textbox", name="refunds Memory request").fill("")
    page.get_by_role("textbox", name="refunds Memory limit").fill("")
    _save(page)
    expect(page.get_by_text("v2", exact=True)).to_be_visible()
    page.get_by_role("button", name="Restore this version").click()
    expect(page.get_by_role("textbox", name="refunds Memory limit")).to_have_value("16Mi")
    expect(page.get_by_role("textbox", name="Note")).to_have_value("As in version 1")
    expect(warned).to_be_visible()


@pytest.mark.parametrize("locale", LEAVING)
def test_what_is_typed_is_not_lost_by_a_link_a_key_or_a_reload(visit: Visits, locale: str) -> None:
    request, title, go_on, discard, cancel, overview = LEAVING[locale]
    page = visit("/workloads?search=invoicing&edit=payments/invoicing", locale=locale)
    field = page.get_by_role("textbox", name=f"invoicing {request}")
    field.fill("155m")
    asks = page.get_by_role("dialog", name=title)

    def is_kept() -> None:
        expect(asks).to_be_visible()
        asks.get_by_role("button", name=go_on).click()
        expect(asks).to_be_hidden()
        expect(field).to_have_value("155m")

    field.press("Escape")
    is_kept()
    page.get_by_role("button", name=cancel, exact=True).click()
    is_kept()
    page.get_by_role("link", name=overview).click()
    is_kept()
    page.get_by_role("searchbox").fill("ranking")
    is_kept()
    with page.expect_event("dialog") as reload:
        page.evaluate("setTimeout(() => location.reload())")
    assert reload.value.type == "beforeunload"
    reload.value.dismiss()
    expect(field).to_have_value("155m")

    field.press("Escape")
    asks.get_by_role("button", name=discard).click()
    expect(field).to_have_count(0)
    page.get_by_role("link", name=overview).click()
    expect(page.get_by_role("heading", name=overview)).to_be_visible()


def test_an_edit_in_the_table_is_made_with_the_keyboard(visit: Visits) -> None:
    page = visit("/workloads?search=mailer")
    page.get_by_role("button", name="Edit mailer").focus()
    page.keyboard.press("Enter")
    page.get_by_role("textbox", name="Replicas").focus()
    page.keyboard.type("5")
    page.keyboard.press("Control+Enter")
    row = _row(page, "platform/mailer")
    expect(row).to_contain_text("2 → 5")
    expect(page.get_by_role("textbox", name="Replicas")).to_have_count(0)


def test_of_two_edits_the_later_one_sees_both_versions_and_decides(visit: Visits) -> None:
    address = "/workloads?search=suggest&edit=search/suggest"
    first, second = visit(address), visit(address)
    expect(second.get_by_role("textbox", name="Replicas")).to_be_visible()
    first.get_by_role("textbox", name="Replicas").fill("6")
    _save(first)
    expect(_row(first, "search/suggest")).to_contain_text("4 → 6")

    second.get_by_role("textbox", name="Replicas").fill("7")
    second.get_by_role("textbox", name="suggest CPU request").fill("500m")
    _save(second)
    conflict = second.get_by_role("alert").filter(has_text="Somebody else has edited this meanwhile")
    expect(conflict).to_contain_text("kubedoor saved version 1")
    replicas = conflict.get_by_role("row").filter(has_text="Replicas")
    expect(replicas.get_by_role("cell")).to_have_text(["4", "6", "7"])
    conflict.get_by_role("button", name="Save mine on top").click()
    row = _row(second, "search/suggest")
    expect(row).to_contain_text("4 → 7")
    expect(row).to_contain_text("500m")


def test_many_are_edited_together_after_seeing_what_will_change(visit: Visits) -> None:
    page = visit("/workloads?search=re&namespace=data")
    page.get_by_role("checkbox", name="Select all on this page").check()
    page.get_by_role("button", name="Edit together").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("group", name="Mode").get_by_role("button", name="Observe").click()
    dialog.get_by_role("group", name="Requests").get_by_role("button", name="Used at peak plus").click()
    expect(dialog.get_by_role("group", name="What will change")).to_contain_text("feature-store")
    count = dialog.locator(".list .changes").count()
    dialog.get_by_role("button", name=f"Save {count} workloads").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("cell", name="Observe", exact=True)).to_have_count(count)
    # The bar that opened the dialog is gone: whoever saved goes on at the first row.
    expect(page.get_by_role("checkbox", name=re.compile("^Select data.")).first).to_be_focused()


def test_what_ends_pods_of_many_is_asked_about_by_name_and_found_by_a_filter_in_chinese(visit: Visits) -> None:
    names = ("config-server", "sessions")
    page = visit("/workloads?namespace=platform", locale="zh-CN")
    for name in names:
        page.get_by_role("checkbox", name=f"选择 platform/{name}").check()
    page.get_by_role("button", name="批量编辑").click()
    dialog = page.get_by_role("dialog", name="批量编辑 2 个工作负载")
    dialog.get_by_role("group", name="副本数").get_by_role("button", name="设为").click()
    dialog.get_by_role("spinbutton", name="副本数").fill("0")
    dialog.get_by_role("button", name="保存 2 个工作负载").click()
    asks = page.get_by_role("dialog", name="这会结束或杀死 Pod")
    for name in names:
        expect(asks.get_by_role("listitem").filter(has_text=f"platform/{name}")).to_contain_text(
            "副本数 0 会结束所有 Pod"
        )
    asks.get_by_role("button", name="继续编辑").click()
    expect(asks).to_be_hidden()
    dialog.get_by_role("button", name="保存 2 个工作负载").click()
    asks.get_by_role("button", name="仍然保存").click()
    expect(dialog).to_be_hidden()

    page.get_by_role("combobox", name="危险的值").press("Enter")
    page.get_by_role("option", name="危险的值：有").click()
    expect(page).to_have_url(re.compile("danger=true"))
    expect(page.locator("tbody tr")).to_have_count(len(names))
    expect(page.locator("tbody tr").first).to_contain_text("1 个危险的值")


def test_a_workload_is_added_before_it_exists_and_removed_again(visit: Visits) -> None:
    page = visit("/workloads?search=checkout-next")
    page.get_by_role("button", name="Add", exact=True).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Add a workload")
    expect(dialog.get_by_label("Namespace")).to_be_focused()
    page.keyboard.type("Shop")
    expect(dialog.get_by_text("Lower-case letters")).to_be_visible()
    dialog.get_by_label("Namespace").fill("shop")
    dialog.get_by_label("Deployment", exact=True).fill("checkout-next")
    dialog.get_by_label("Values like those of").fill("shop/cart")
    page.get_by_role("option", name="shop/cart").click()
    expect(dialog.get_by_role("textbox", name="checkout-next CPU request")).not_to_have_value("")
    dialog.get_by_role("textbox", name="checkout-next CPU request").fill("300m")
    dialog.get_by_label("Replicas").fill("4")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="checkout-next")).to_be_visible()
    expect(page.get_by_text("Not yet collected").first).to_be_visible()
    expect(page.get_by_text("kubedoor set 300m by hand")).to_be_visible()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("heading", name="Workloads")).to_be_visible()
    page = visit("/workloads?search=checkout-next")
    expect(page.get_by_text("No workload matches")).to_be_visible()
