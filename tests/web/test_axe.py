"""What axe-core finds on the main pages: nothing, in light, dark and forced colours."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from app.node import Node
from tests.web.conftest import Visit, database

pytestmark = pytest.mark.browser

AXE = Path(__file__).with_name("axe") / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS: tuple[tuple[Literal["light", "dark"], Literal["active", "none"]], ...] = (
    ("light", "none"),
    ("dark", "none"),
    ("light", "active"),
)
PAGES = {
    "start": ("north", "/"),
    "view": ("north", "/db/customers/view/customers"),
    "categories": ("north", "/db/customers/view/customers_by_class"),
    "board": ("north", "/db/deals/view/deals_by_stage"),
    "document": ("north", "/db/customers/doc/{customer}"),
    "deal": ("north", "/db/deals/doc/{deal}"),
    "edit": ("north", "/db/deals/doc/{deal}/edit"),
    "history": ("north", "/db/customers/doc/{customer}/history"),
    "trash": ("north", "/db/customers/trash"),
    "import": ("north", "/db/customers/import"),
    "my-views": ("north", "/me/views"),
    "search": ("north", "/search?q=alder"),
    "missing": ("north", "/db/customers/doc/none"),
    "people": ("admin", "/admin/people"),
    "groups": ("admin", "/admin/groups"),
    "acl": ("admin", "/admin/acl/customers"),
}


def found(page: Page) -> list[str]:
    """What axe complains about: impact, rule, how often and the first element."""
    page.evaluate(AXE.read_text("utf-8"))
    options = {"runOnly": TAGS, "resultTypes": ["violations"]}
    violations = page.evaluate("options => axe.run(options).then(results => results.violations)", options)
    return [
        f"{one['impact']} {one['id']} {len(one['nodes'])}× {one['nodes'][0]['html'][:200]}"
        f" {one['nodes'][0]['failureSummary'][:300]}"
        for one in violations
    ]


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(visit: Visit, firm: Node, name: str) -> None:
    person, path = PAGES[name]
    ids = {
        form: firm.views.page(database(firm, view, "north"), view).rows[0].id
        for form, view in (("customer", "customers"), ("deal", "deals"))
    }
    page = visit(person, path.format(**ids))
    page.wait_for_load_state("networkidle")
    for scheme, forced in LOOKS:
        page.emulate_media(color_scheme=scheme, forced_colors=forced, reduced_motion="reduce")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        assert found(page) == [], (scheme, forced)
