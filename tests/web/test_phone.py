"""The phone in the hand: a customer is found and a visit logged with a photograph in six taps."""

from __future__ import annotations

import base64

import pytest
from playwright.sync_api import Page

from app.node import Node
from tests.web.conftest import Visit, database

PHOTO = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
MOST = 6


class Hand:
    """Counts the taps."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.taps = 0

    def tap(self, selector: str) -> None:
        """A tap on what is in sight."""
        self.taps += 1
        self.page.locator(selector).locator("visible=true").first.click()


def test_a_visit_with_a_photo_in_six_taps(visit: Visit, firm: Node) -> None:
    hand = Hand(visit("north", "/", width=390, height=844))
    page = hand.page
    hand.tap("#search")
    page.keyboard.type("Alder Trading 17")
    page.keyboard.press("Enter")
    page.wait_for_selector(".doc-name h1")
    hand.tap("summary:has-text('New for this')")
    hand.tap(".doc-actions a:has-text('Log a visit')")
    hand.tap("[name='item.result']")
    page.keyboard.type("They take twelve pallets from January.")
    with page.expect_file_chooser() as chooser:
        hand.tap("label[for]:has-text('Choose files')")
    chooser.value.set_files({"name": "shelf.png", "mimeType": "image/png", "buffer": PHOTO})
    hand.tap("button[type=submit]:has-text('Save')")
    page.wait_for_url(lambda url: "/doc/" in url)
    assert hand.taps <= MOST
    made = firm.views.page(database(firm, "deals", "north"), "all_activities").rows[0].doc
    assert made["kind"] == "visit"
    assert made["result"].startswith("They take twelve")
    assert made["done_at"]
    assert made["subject"]
    assert len(made["files"]) == 1


@pytest.mark.parametrize("path", ["/", "/db/customers/view/customers", "/db/deals/view/activities", "/search?q=alder"])
def test_nothing_is_wider_than_a_phone(visit: Visit, path: str) -> None:
    page = visit("north", path, width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_one_signs_out_on_a_phone(visit: Visit) -> None:
    hand = Hand(visit("leader", "/", width=390, height=844))
    hand.tap(".bottom a[href='/me']")
    hand.tap("form[action='/sign-out'] button")
    hand.page.wait_for_url("**/sign-in**")
