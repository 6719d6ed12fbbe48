"""The daily paths in a real browser: keyboard, preview, sorting, filters, board, cells, bulk, palette, phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from app.node import Node
from tests.web.conftest import Visit, database

pytestmark = pytest.mark.browser

CUSTOMERS = "/db/customers/view/customers"


def rows(page: Page) -> object:
    return page.locator(".row-line")


def test_arrows_move_and_enter_opens(visit: Visit) -> None:
    page = visit("north", CUSTOMERS)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    line = page.locator(".row-line.cursor")
    expect(line).to_have_count(1)
    address = line.get_attribute("data-url")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: str(address) in url)


def test_the_preview_follows_the_cursor_and_is_remembered(visit: Visit) -> None:
    page = visit("north", CUSTOMERS)
    expect(page.locator("#preview")).to_be_hidden()
    page.keyboard.press("p")
    page.keyboard.press("ArrowDown")
    name = page.locator(".row-line.cursor .cell-link").inner_text()
    expect(page.locator("#preview")).to_contain_text(name)
    page.reload()
    expect(page.locator(".preview")).to_be_visible()
    page.keyboard.press("p")
    expect(page.locator(".preview")).to_be_hidden()


def test_a_click_on_a_heading_sorts_and_turns(visit: Visit) -> None:
    page = visit("north", CUSTOMERS)
    page.click("thead a:has-text('Name')")
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Name")
    page.click("thead a:has-text('Name')")
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Name")
    expect(page.locator(".row-line .cell-link").first).to_contain_text("上海锦绣贸易")


def test_typing_finds_and_more_rows_come_by_scrolling(visit: Visit) -> None:
    page = visit("north", CUSTOMERS)
    expect(page.locator(".row-line")).to_have_count(50)
    page.locator(".grid-scroll").evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
    expect(page.locator(".row-line")).to_have_count(64)
    page.keyboard.press("f")
    page.keyboard.type("Alder Trading 1")
    expect(page.locator(".row-line")).to_have_count(10)
    assert "starts=Alder" in page.url
    page.keyboard.press("ArrowDown")
    expect(page.locator(".row-line.cursor")).to_be_focused()


def test_a_filter_is_added_in_the_dialog(visit: Visit) -> None:
    page = visit("north", CUSTOMERS)
    page.keyboard.press("Shift+F")
    page.locator("#condition-item").select_option("class")
    page.locator("#condition label", has_text="Agent").click()
    page.click("#condition button[type=submit]")
    expect(page.locator(".chip")).to_contain_text("Agent")
    expect(page.locator(".grid-foot")).to_contain_text("16")
    page.click(".chip a")
    expect(page.locator(".grid-foot")).to_contain_text("64")


def test_the_number_of_a_long_search_comes_after_the_page(visit: Visit) -> None:
    page = visit("north", CUSTOMERS)
    below: list[dict[str, float] | None] = []

    def slow(route: Route) -> None:
        below.append(page.locator(".grid-foot").bounding_box())
        route.continue_()

    page.route("**/*part=total*", slow)
    page.goto(f"{CUSTOMERS}?f.name.has=alder")
    expect(page.locator(".grid-foot")).to_contain_text("63 documents")
    assert below == [page.locator(".grid-foot").bounding_box()]


def test_categories_fold_by_keyboard(visit: Visit) -> None:
    page = visit("north", "/db/customers/view/customers_by_class")
    last = page.locator("[data-group]").last
    last.locator(".group-line").click()
    expect(last.locator(".row-line")).to_have_count(16)
    page.keyboard.press("ArrowLeft")
    expect(last.locator(".row-line").first).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(last.locator(".row-line").first).to_be_visible()


def test_a_cell_is_changed_by_keyboard_only(visit: Visit, firm: Node) -> None:
    page = visit("north", f"{CUSTOMERS}?starts=Alder+Trading+20")
    page.keyboard.press("ArrowDown")
    id = str(page.locator(".row-line.cursor").get_attribute("data-id"))
    page.keyboard.press("F2")
    field = page.locator(".cell-input")
    expect(field).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Alder Trading 20 Ltd")
    page.keyboard.press("Enter")
    expect(page.locator(".row-line.cursor .cell-link")).to_contain_text("Alder Trading 20 Ltd")
    assert database(firm, "customers", "north").get(id)["name"] == "Alder Trading 20 Ltd"


def test_a_refused_value_restores_the_old_one_and_says_why(visit: Visit) -> None:
    page = visit("north", f"{CUSTOMERS}?starts=Alder+Trading+30")
    cell = page.locator(".row-line td[data-item=phone]").first
    before = cell.inner_text()
    cell.dblclick()
    expect(page.locator(".cell-input")).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("x")
    page.keyboard.press("Enter")
    expect(page.locator(".cell-refused")).to_be_visible()
    assert cell.inner_text().startswith(before)


def test_a_card_is_moved_by_keyboard_and_put_back(visit: Visit) -> None:
    page = visit("north", "/db/deals/view/deals_by_stage")
    column = page.locator(".board-column").nth(2)
    other = page.locator(".board-column").nth(3)
    before = int(column.locator(".group-count").inner_text())
    card = column.locator(".card-line").first
    name = card.locator(".card-name").inner_text()
    card.focus()
    page.keyboard.press("Control+ArrowRight")
    expect(other).to_contain_text(name)
    expect(column.locator(".group-count")).to_have_text(str(before - 1))
    page.click(".toast-action")
    expect(column.locator(".group-count")).to_have_text(str(before))
    expect(column).to_contain_text(name)


def test_a_card_is_dragged(visit: Visit) -> None:
    page = visit("north", "/db/deals/view/deals_by_stage")
    column, other = page.locator(".board-column").nth(0), page.locator(".board-column").nth(1)
    card = column.locator(".card-line").first
    name = card.locator(".card-name").inner_text()
    card.drag_to(other.locator(".cards"))
    expect(other).to_contain_text(name)
    expect(page.locator(".toast-line")).to_be_visible()


def test_selected_rows_are_changed_together_and_put_back(visit: Visit, firm: Node) -> None:
    page = visit("north", f"{CUSTOMERS}?starts=Alder+Trading+4")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#bulk-bar")).to_contain_text("2 selected")
    ids = [str(line.get_attribute("data-id")) for line in page.locator(".row-line[aria-selected=true]").all()]
    page.click("[data-act=bulk-change]")
    page.locator("#bulk-item").select_option("importance")
    page.locator("#bulk-value select").select_option("key")
    page.click("#bulk-form button[type=submit]")
    expect(page.locator("[data-job-ended=done]")).to_be_visible()
    customers = database(firm, "customers", "north")
    assert [customers.get(id).get("importance") for id in ids] == ["key", "key"]
    page.click("[data-job-ended] button:has-text('Undo')")
    expect(page.locator("[data-job-ended=undone]")).to_be_visible()
    assert "key" not in [customers.get(id).get("importance") for id in ids]


def test_u_marks_and_the_navigation_counts(visit: Visit) -> None:
    page = visit("north", f"{CUSTOMERS}?starts=Alder+Trading+5")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("u")
    expect(page.locator(".row-line.unread")).to_have_count(1)
    expect(page.locator("[data-unread='customers/customers']")).to_have_text("1")
    page.keyboard.press("u")
    expect(page.locator(".row-line.unread")).to_have_count(0)
    expect(page.locator("[data-unread='customers/customers']")).to_have_text("")


def test_the_palette_goes_anywhere(visit: Visit) -> None:
    page = visit("north", "/")
    page.keyboard.press("ControlOrMeta+k")
    page.keyboard.type("alder trading 33")
    expect(page.locator("#palette [role=option]").first).to_contain_text("Alder Trading 33")
    page.keyboard.press("Enter")
    page.wait_for_url("**/doc/**")


def test_the_question_mark_lists_the_keys_and_g_goes(visit: Visit) -> None:
    page = visit("north", CUSTOMERS)
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url(re.compile(r"/$"))


def test_columns_are_resized_with_the_mouse(visit: Visit) -> None:
    page = visit("south", CUSTOMERS)
    handle = page.locator("th[data-column=name] .resize")
    box = handle.bounding_box()
    assert box is not None
    with page.expect_response("**/columns"):
        page.mouse.move(box["x"] + 3, box["y"] + 5)
        page.mouse.down()
        page.mouse.move(box["x"] + 63, box["y"] + 5)
        page.mouse.up()
    before = page.locator("col[data-column=name]").get_attribute("width")
    page.reload()
    assert page.locator("col[data-column=name]").get_attribute("width") == before


def test_dark_colours_are_chosen_and_kept(visit: Visit) -> None:
    page = visit("south", "/")
    page.click("#person-menu summary")
    page.click("#person-menu button[name=theme][value=dark]")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_on_a_phone_one_pane_and_a_bar_below(visit: Visit) -> None:
    page = visit("leader", CUSTOMERS, width=390, height=780)
    expect(page.locator(".bottom")).to_be_visible()
    expect(page.locator(".side")).to_be_hidden()
    page.click(".bottom a[href='#side']")
    expect(page.locator(".side")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
