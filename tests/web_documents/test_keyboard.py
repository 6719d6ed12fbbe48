"""A day without a mouse: from signing in to bringing a deleted document back, with the focus visible all the way."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from app.access import Database
from app.node import Node
from tests.conftest import PASSWORD

pytestmark = pytest.mark.browser

# What has the focus: its name for people, whether it is on the screen, whether something marks it there.
FOCUS = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect();
  const marked = (part) => {
    if (!part) return false;
    const style = getComputedStyle(part);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  };
  return {
    name: (one.getAttribute("aria-label") || one.labels?.[0]?.textContent || one.textContent).trim(),
    here: one !== document.body && box.width > 0 && box.height > 0 && box.top < innerHeight && box.bottom > 0,
    marked: [one, one.closest(".picker, .find, label"), ...one.querySelectorAll(":scope > td")].some(marked),
  };
}"""


def focused(page: Page) -> str:
    """The name of what has the focus, which everybody can see."""
    found = page.evaluate(FOCUS)
    assert found["here"], found
    assert found["marked"], found
    return str(found["name"])


def tab_to(page: Page, name: str, *, back: bool = False) -> None:
    """Go on by Tab until something of that name has the focus; each step is to be seen."""
    passed = []
    for _ in range(80):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        passed.append(focused(page))
        if re.search(name, passed[-1]):
            return
    raise AssertionError(f"Tab never came to {name}: {passed}")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_round_without_a_mouse(
    browser: Browser, server: str, node: Node, opened: Callable[[str, str], Database], customer: str
) -> None:
    others = {"form": "customer", "owner": "north", "class": "agent"}
    opened("customers", "north").create({**others, "name": "Alder Trading"})
    opened("customers", "north").create({**others, "name": "Birch Trading", "phone": "020-83331111"})
    node.views.catch_up()
    context = browser.new_context(locale="en", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(8_000)
    page = context.new_page()

    page.goto(f"{server}/sign-in?next=/")
    page.keyboard.type("north")
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    press(page, "Enter")
    page.wait_for_url(f"{server}/")

    press(page, "?")
    expect(page.locator("#shortcuts")).to_be_visible()
    press(page, "Escape")
    expect(page.locator("#shortcuts")).to_be_hidden()
    press(page, "Control+k")
    expect(page.locator("#palette input")).to_be_focused()
    page.keyboard.type("all customers")
    expect(page.locator("#palette [role=option][aria-selected=true]")).to_contain_text("All customers")
    press(page, "Enter")
    page.wait_for_url("**/view/customers")
    expect(page.locator(".row-line")).to_have_count(3)

    press(page, "Shift+F")
    item = page.locator("#condition-item")
    expect(item).to_be_focused()
    page.keyboard.type("Class", delay=30)  # what is below follows each letter, and disturbs none
    expect(item).to_have_value("class")
    expect(page.locator("#condition", has_text="Agent")).to_be_visible()
    expect(item).to_be_focused()
    tab_to(page, "Agent")
    press(page, "Space")
    tab_to(page, "^(Add|Apply|Filter)")
    press(page, "Enter")
    expect(page.locator(".row-line")).to_have_count(2)
    press(page, "ArrowDown")
    expect(page.locator(".row-line.cursor")).to_be_focused()
    assert "Trading" in focused(page)

    press(page, "f")
    page.keyboard.type("Birch")
    expect(page.locator(".row-line")).to_have_count(1)
    press(page, "ArrowDown")
    assert "Birch" in focused(page)
    press(page, "Enter")
    page.wait_for_url("**/doc/*")
    here = page.url

    press(page, "e")
    page.wait_for_url("**/edit")
    expect(page.locator("[name='item.name']")).to_be_focused()
    press(page, "Control+a")
    page.keyboard.type("Birch & Sons")
    press(page, "Control+Enter")
    page.wait_for_url(here)
    expect(page.locator("h1")).to_have_text("Birch & Sons")

    tab_to(page, "hone.*change")
    press(page, "Enter")
    field = page.locator(".row-open input:not([type=hidden])").first
    expect(field).to_be_focused()
    page.keyboard.type("020-83330000")
    press(page, "Enter")
    expect(page.locator(".row-open")).to_have_count(0)
    assert re.search("hone.*change", focused(page))  # back where it began
    expect(page.locator(".toast-line").last).to_contain_text("Saved")

    tab_to(page, "^More$", back=True)
    press(page, "Enter")
    press(page, "ArrowUp")
    assert focused(page) == "Delete"
    press(page, "Enter")
    page.wait_for_url("**/view/**")
    press(page, "Control+k")
    page.keyboard.type("trash")
    expect(page.locator("#palette [role=option][aria-selected=true]")).to_contain_text("Trash")
    press(page, "Enter")
    page.wait_for_url("**/trash")
    tab_to(page, "Restore Birch & Sons")
    press(page, "Enter")
    expect(page.locator(".toast-line, .notice").first).to_be_visible()
    restored = opened("customers", "north").get(here.rpartition("/")[2])
    assert (restored["name"], restored["phone"]) == ("Birch & Sons", "020-83330000")
    context.close()
