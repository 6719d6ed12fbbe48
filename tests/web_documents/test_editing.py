"""Writing documents in a real browser: new, refused, edited, merged, settled, restored from a draft."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from app.access import Database

pytestmark = pytest.mark.browser
Visit = Callable[[str, str], Page]
Opened = Callable[[str, str], Database]


def save(page: Page) -> None:
    page.click("[data-save]")
    page.wait_for_url(re.compile(r"/doc/[^/]+$"))


def pick(page: Page, label: str, words: str) -> None:
    page.get_by_label(label, exact=False).first.fill(words)
    page.locator(".picker-list:not([hidden]) [role=option]").first.click()


def test_new_customer_with_every_kind_of_field(visit: Visit, opened: Opened) -> None:
    page = visit("north", "/db/customers/new/customer")
    page.get_by_label("Name", exact=False).first.fill("  Rui  Feng  Trading ")
    page.select_option("[name='item.class']", "existing")
    pick(page, "Industry", "Food")
    page.locator("#f-attributes").fill("Early bird")
    page.keyboard.press("Enter")
    page.select_option("[name='item.region']", "east_china")
    expect(page.locator("[name='item.province'] option[value=zhejiang]")).to_have_count(1)
    expect(page.locator("[name='item.province'] option[value=guangdong]")).to_have_count(0)
    page.select_option("[name='item.province']", "zhejiang")
    page.fill("[name='item.email']", "info@ruifeng.example")
    page.fill("[name='item.business_scope']", "Tea\nCoffee")
    page.fill("[name='item.next_contact']", "2026-12-24")
    page.locator("[data-item=anniversaries] [data-table-add]").click()
    page.fill("[name='item.anniversaries.0.title']", "Founded")
    page.fill("[name='item.anniversaries.0.date']", "5-12")
    page.check("[name='item.anniversaries.0.lunar']")
    page.locator("[data-item=profile] .ProseMirror").last.click()
    page.keyboard.type("A trading company")
    save(page)
    expect(page.locator("h1")).to_have_text("Rui Feng Trading")
    found = opened("customers", "north").get(page.url.rpartition("/")[2])
    assert found["attributes"] == ["Early bird"]
    assert found["province"] == "zhejiang"
    assert found["anniversaries"] == [{"title": "Founded", "date": "--05-12", "lunar": True}]
    assert found["business_scope"] == "Tea\nCoffee"
    assert found["profile"] == "A trading company"
    assert found["owner"] == "north"


def test_a_default_follows_what_it_depends_on_until_the_person_says_otherwise(
    visit: Visit, opened: Opened, customer: str
) -> None:
    page = visit("north", f"/db/deals/new/deal?customer={customer}&title=Tea")
    probability = page.locator("[name='item.probability']")
    expect(probability).to_have_value("10")
    page.select_option("[name='item.stage']", "proposal")
    expect(probability).to_have_value("50")
    probability.fill("10")
    page.select_option("[name='item.stage']", "negotiation")
    expect(page.locator("[name='_default.probability']")).to_have_value("75")
    save(page)
    found = opened("deals", "north").get(page.url.rpartition("/")[2])
    assert (found["stage"], found["probability"]) == ("negotiation", 10)
    page.goto(page.url.partition("/db/")[0] + f"/db/deals/new/deal?customer={customer}&title=Coffee")
    page.select_option("[name='item.stage']", "proposal")
    save(page)  # at once, before the page heard what follows
    assert opened("deals", "north").get(page.url.rpartition("/")[2])["probability"] == 50


def test_what_is_wrong_stands_beside_the_field(visit: Visit) -> None:
    page = visit("north", "/db/customers/new/customer")
    page.fill("[name='item.email']", "no mail address")
    page.click("[data-save]")
    summary = page.locator(".error-summary")
    expect(summary).to_be_visible()
    expect(page.locator("[data-item=name] .field-error")).to_be_visible()
    expect(page.locator("[data-item=email] .field-error")).to_be_visible()
    assert page.input_value("[name='item.email']") == "no mail address"
    summary.get_by_role("link", name=re.compile("E-mail")).click()
    expect(page.locator("#f-email")).to_be_focused()


def test_a_duplicate_is_told_and_may_be_saved_anyway(visit: Visit, customer: str) -> None:
    page = visit("north", "/db/customers/new/customer")
    page.fill("[name='item.name']", "Nahua Foods")
    page.click("[data-save]")
    dialog = page.locator("#edit-dialog")
    expect(dialog.get_by_text("Nahua Foods")).to_be_visible()
    dialog.get_by_role("button", name="Save anyway").click()
    page.wait_for_url(re.compile(r"/doc/[^/]+$"))
    assert customer not in page.url


def test_order_lines_add_up_while_typing(visit: Visit, customer: str) -> None:
    page = visit("north", f"/db/deals/new/deal?customer={customer}")
    expect(page.locator("#f-customer_name")).to_have_text("Nahua Foods")
    page.fill("[name='item.title']", "Spring order")
    page.locator("[data-item=order_lines] [data-table-add]").click()
    page.fill("[name='item.order_lines.0.product']", "Tea")
    page.fill("[name='item.order_lines.0.quantity']", "3")
    page.fill("[name='item.order_lines.0.price']", "19.90")
    expect(page.locator("[data-computed-cell=amount]").first).to_have_text("59.70")
    save(page)
    expect(page.locator("h1")).to_have_text("Spring order")


def test_hidden_and_required_follow_the_state(visit: Visit, customer: str) -> None:
    page = visit("north", f"/db/deals/new/deal?customer={customer}")
    expect(page.locator("[data-item=lost_reason]")).to_be_hidden()
    page.select_option("[name='item.stage']", "lost")
    expect(page.locator("[data-item=lost_reason]")).to_be_visible()
    expect(page.locator("[data-item=lost_reason]")).to_have_class(re.compile("field-required"))


def test_undo_and_redo_in_the_form(visit: Visit, customer: str) -> None:
    page = visit("north", f"/db/customers/doc/{customer}/edit")
    page.fill("[name='item.phone']", "021-1")
    page.fill("[name='item.fax']", "021-2")
    page.keyboard.press("Control+z")
    expect(page.locator("[name='item.fax']")).to_have_value("")
    expect(page.locator("[name='item.phone']")).to_have_value("021-1")
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("[name='item.fax']")).to_have_value("021-2")


def test_different_fields_merge_and_the_same_field_is_asked(visit: Visit, opened: Opened, customer: str) -> None:
    mine = visit("north", f"/db/customers/doc/{customer}/edit")
    theirs = visit("leader", f"/db/customers/doc/{customer}/edit")
    theirs.fill("[name='item.phone']", "111-1111111")
    theirs.fill("[name='item.fax']", "222-2222222")
    save(theirs)
    mine.fill("[name='item.phone']", "333-3333333")
    mine.fill("[name='item.mobile']", "13800138000")
    mine.click("[data-save]")
    dialog = mine.locator("#edit-dialog")
    for value in ("333-3333333", "111-1111111", "0571-88001234"):
        expect(dialog.get_by_text(value).first).to_be_visible()
    dialog.get_by_label("Theirs").check()
    dialog.get_by_role("button", name="Save this").click()
    mine.wait_for_url(re.compile(r"/doc/[^/]+$"))
    found = opened("customers", "north").get(customer)
    assert (found["phone"], found["fax"], found["mobile"]) == ("111-1111111", "222-2222222", "13800138000")


def test_a_value_written_anew_settles_a_conflict(visit: Visit, opened: Opened, customer: str) -> None:
    mine = visit("north", f"/db/customers/doc/{customer}/edit")
    opened("customers", "leader").change(customer, {"phone": "111-1111111"})
    mine.fill("[name='item.phone']", "333-3333333")
    mine.click("[data-save]")
    mine.fill("#edit-dialog [name='_edited.phone']", "444-4444444")
    mine.get_by_role("button", name="Save this").click()
    mine.wait_for_url(re.compile(r"/doc/[^/]+$"))
    assert opened("customers", "north").get(customer)["phone"] == "444-4444444"


def test_a_draft_survives_a_crash(visit: Visit, opened: Opened, customer: str) -> None:
    page = visit("north", f"/db/customers/doc/{customer}/edit")
    page.fill("[name='item.short_name']", "Nahua")
    expect(page.locator("[data-draft-state]")).to_contain_text("Draft kept")
    page.close(run_before_unload=False)
    again = visit("north", f"/db/customers/doc/{customer}/edit")
    expect(again.get_by_text("are back")).to_be_visible()
    expect(again.locator("[name='item.short_name']")).to_have_value("Nahua")
    save(again)
    assert opened("customers", "north").get(customer)["short_name"] == "Nahua"
    third = visit("north", f"/db/customers/doc/{customer}/edit")
    expect(third.get_by_text("are back")).to_have_count(0)


def test_a_copy_has_the_values_and_a_code_of_its_own(visit: Visit, opened: Opened, customer: str) -> None:
    page = visit("north", f"/db/customers/new/customer?copy={customer}")
    expect(page.locator("[name='item.phone']")).to_have_value("0571-88001234")
    page.fill("[name='item.name']", "Nahua Beverages")
    page.fill("[name='item.phone']", "0571-99")
    page.click("[data-save]")
    page.wait_for_url(re.compile(r"/doc/[^/]+$"))
    made = opened("customers", "north").get(page.url.rpartition("/")[2])
    assert made["code"] != opened("customers", "north").get(customer)["code"]


def test_one_field_in_place_by_keyboard(visit: Visit, opened: Opened, customer: str) -> None:
    page = visit("north", f"/db/customers/doc/{customer}")
    page.locator("[data-edit=name] [data-edit-field]").focus()
    page.keyboard.press("e")
    page.locator("[data-edit=name] input:not([type=hidden])").fill("Nahua Foods Group")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Nahua Foods Group")
    assert opened("customers", "north").get(customer)["name"] == "Nahua Foods Group"
    page.locator("[data-edit=name] [data-edit-field]").focus()
    page.keyboard.press("e")
    page.locator("[data-edit=name] input:not([type=hidden])").fill("")
    page.keyboard.press("Enter")
    expect(page.locator("[data-edit=name] .field-error")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("[data-edit=name] dd")).to_have_text("Nahua Foods Group")


def test_ctrl_s_saves_and_stays(visit: Visit, opened: Opened, customer: str) -> None:
    page = visit("north", f"/db/customers/doc/{customer}/edit")
    for number in ("0571-1", "0571-2"):
        page.fill("[name='item.fax']", number)
        page.keyboard.press("Control+s")
        expect(page.locator(".toast-line", has_text="Saved").first).to_be_visible()
        expect(page.locator("[data-save]")).not_to_have_attribute("aria-busy", "true")
        page.locator(".toast-line [data-dismiss]").first.click()
        assert page.url.endswith("/edit")
    assert opened("customers", "north").get(customer)["fax"] == "0571-2"
