"""The daily paths of administrators and designers in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from app.node import Node

pytestmark = pytest.mark.browser
Visit = Callable[..., Any]


def test_a_change_of_rights_reaches_another_person_at_once(visit: Visit) -> None:
    north, ada = visit("north"), visit("ada")
    north.goto("/db/customers/view/customers")
    expect(north.locator("h1").first).to_be_visible()
    ada.goto("/admin/acl/customers")
    ada.fill("#add-name", "North")
    ada.locator(".acl-add .picker-row", has_text="North").first.click()
    ada.locator(".acl-add > button").click()
    row = ada.locator(".acl-table tr", has=ada.locator("input[value=north]"))
    row.locator("select").first.select_option("none")
    ada.get_by_role("button", name="Save").click()
    expect(ada.locator(".acl-changes")).to_contain_text("North loses access")
    ada.get_by_label("That is what I want").check()
    ada.get_by_role("button", name="Save").click()
    expect(ada.locator(".toast-line")).to_contain_text("Saved")
    answer = north.goto("/db/customers/view/customers")
    assert answer.status == 404
    ada.fill("#test-person", "North")
    ada.locator(".picker-row", has_text="North").first.click()
    ada.get_by_role("button", name="Look").click()
    expect(ada.locator("#tested")).to_contain_text("No access")


def test_a_field_and_a_view_then_a_document(visit: Visit, node: Node) -> None:
    ada = visit("ada")
    ada.goto("/admin/designs/customers/form/customer")
    ada.get_by_role("link", name="Add a field here").first.click()
    ada.get_by_label("Label in English").fill("Site area")
    ada.get_by_label("Label in Chinese").fill("占地面积")
    ada.locator(".kinds label", has_text=re.compile("^ *Number")).click()
    ada.get_by_role("button", name="Add the field").click()
    expect(ada.locator("#field-site_area")).to_be_visible()
    ada.get_by_role("link", name="Add a view").click()
    ada.get_by_label("Label in English").fill("Large sites")
    ada.locator(".columns-choice").get_by_label("Site area").check()
    ada.get_by_role("button", name="Preview").click()
    expect(ada.locator("#design-preview th", has_text="Site area")).to_be_visible()
    ada.get_by_role("button", name="Add the view").click()
    ada.wait_for_url("**/db/customers/view/large_sites*")
    expect(ada.locator(".side")).to_contain_text("Large sites")

    ada.goto("/db/customers/new/customer")
    ada.fill("#f-name", "Rui Feng Foods")
    ada.fill("#f-site_area", "1250")
    ada.locator("[data-save]").click()
    ada.wait_for_url("**/db/customers/doc/**")
    ada.goto("/db/customers/view/large_sites")
    expect(ada.locator("main")).to_contain_text("Rui Feng Foods")
    expect(ada.locator("main")).to_contain_text("1,250")
    assert not node.catalog.design("customers").problems  # type: ignore[union-attr]


def test_a_mistake_stands_beside_its_line(visit: Visit, node: Node) -> None:
    ada = visit("ada")
    ada.goto("/admin/designs/customers/element/view/customers")
    text = ada.locator(".code-text")
    good = text.input_value()
    line = good[: good.index("sort:")].count("\n") + 1
    text.fill(good.replace("sort:", "sorted:"))
    problem = ada.locator(".problem-list button").first
    expect(problem).to_contain_text(f"Line {line}")
    expect(problem).to_contain_text("sorted")
    expect(ada.locator(".code-lines .wrong")).to_have_text(str(line))
    ada.get_by_role("button", name="Save", exact=True).click()
    expect(ada.locator(".problem-list")).to_contain_text("sorted")
    ada.locator(".code-text").fill(good)
    expect(ada.locator(".problems-good")).to_be_visible()
    ada.get_by_role("button", name="Preview").click()
    expect(ada.locator("#design-preview table")).to_be_visible()


def test_people_from_a_sheet_and_the_first_sign_in(visit: Visit) -> None:
    ada = visit("ada")
    ada.goto("/admin/people/")
    ada.get_by_role("link", name="Many from a sheet").click()
    heading = "姓名\t部门\t职务\t群组\t邮箱\n"
    rows = heading + "王伟\tNorth\t工程师\tSellers\twang@example.org\nBob\t\tClerk\tNobodies\tbob@example.org\n"
    ada.get_by_label("Paste rows").fill(rows)
    ada.get_by_role("button", name="Look at the rows").click()
    expect(ada.locator(".wrong-why")).to_contain_text("There is no group “Nobodies”")
    ada.get_by_label("Groups 2").fill("Sellers")
    ada.get_by_label("Generated passwords").check()
    ada.get_by_role("button", name="Check again").click()
    ada.get_by_role("button", name="Add 2 people").click()
    row = ada.locator("#first-keys tr", has_text="王伟")
    name, password = row.locator(".code").inner_text(), row.locator(".secret").inner_text()
    with ada.expect_download() as download:
        ada.get_by_role("button", name="Download").click()
    assert password in download.value.path().read_text(encoding="utf-8")

    wang = visit(name, password)
    wang.wait_for_url("**/me/password")
    expect(wang.locator("h1")).to_have_text("Choose your own password")
    wang.goto("/db/customers/")
    wang.wait_for_url("**/me/password")
    wang.get_by_label("The password you were given").fill(password)
    wang.get_by_label("New password", exact=False).first.fill("蓝天白云 and more")
    wang.get_by_label("New password once more").fill("蓝天白云 and more")
    wang.get_by_role("button", name="Change the password").click()
    wang.wait_for_url(lambda url: url.endswith("/"))


def test_full_access_shows_a_banner_everywhere(visit: Visit) -> None:
    ada = visit("ada")
    ada.goto("/admin/full-access")
    ada.get_by_label("Reason").fill("North has left the company")
    ada.get_by_role("button", name="Take full access").click()
    ada.goto("/db/customers/view/customers")
    expect(ada.locator(".full-access")).to_contain_text("Full access until")
    ada.get_by_role("button", name="End it now").click()
    expect(ada.locator(".full-access")).to_have_count(0)


def test_a_token_is_copied_and_then_gone(visit: Visit) -> None:
    north = visit("north")
    north.goto("/me/tokens")
    north.get_by_label("What is it for?").fill("ERP")
    north.get_by_role("button", name="Make the token").click()
    expect(north.locator("#new-token .secret")).to_contain_text("dvp_")
    north.goto("/me/tokens")
    expect(north.locator("#new-token")).to_have_count(0)
    expect(north.locator("td", has_text="ERP")).to_be_visible()
