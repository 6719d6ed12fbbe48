"""Tables in and out, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from app.access import SYSTEM, Database
from app.node import Node
from tests.web_documents.test_documents import sign_in

pytestmark = pytest.mark.browser
Visit = Callable[[str, str], Page]
Opened = Callable[[str, str], Database]


def upload(page: Page, path: Path) -> None:
    page.select_option("#form", "customer")
    page.set_input_files("#file", path)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".counts")).to_be_visible()


def count(page: Page, words: str) -> str:
    return page.locator(".counts li", has_text=words).locator("b").inner_text()


def test_a_workbook_is_mapped_tried_imported_and_undone(visit: Visit, opened: Opened, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["客户名称", "Phone", "电子邮箱", "奇怪的列"])
    for n in range(20):
        sheet.append([f"Company {n:02d}", f"021-600{n:05d}", "no mail" if n == 7 else f"a{n}@x.example", "x"])
    book.save(tmp_path / "customers.xlsx")
    page = visit("north", "/db/customers/import")
    upload(page, tmp_path / "customers.xlsx")
    assert count(page, "would be new") == "19"
    assert count(page, "with errors") == "1"
    expect(page.locator("[name='map.0.0']")).to_have_value("name")
    expect(page.locator("[name='map.0.3']")).to_have_value("")
    page.select_option("[name='map.0.3']", "remarks")
    page.get_by_role("button", name="Import now").click()
    expect(page.get_by_text("The import is done.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="These rows as a file").click()
    download.value.save_as(tmp_path / "refused.xlsx")
    refused = openpyxl.load_workbook(tmp_path / "refused.xlsx").active
    assert refused.max_row == 2
    assert refused.cell(2, 1).value == "Company 07"
    customers = opened("customers", "north")
    assert customers.count() >= 19
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Undo this import").click()
    expect(page.get_by_text("The import was taken back.")).to_be_visible()


def test_a_csv_in_gb18030(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "客户.csv").write_bytes(
        "名称,电话\n杭州纳华食品,0571-88001234\n上海瑞丰贸易,021-60001111\n".encode("gb18030")
    )
    page = visit("north", "/db/customers/import")
    upload(page, tmp_path / "客户.csv")
    assert count(page, "would be new") == "2"
    expect(page.get_by_text("杭州纳华食品")).to_be_visible()
    page.get_by_role("button", name="Import now").click()
    expect(page.get_by_text("The import is done.")).to_be_visible()


def test_an_export_has_the_rows_and_columns_of_the_view(
    visit: Visit, opened: Opened, customer: str, tmp_path: Path
) -> None:
    opened("customers", "north").create({"form": "customer", "name": "=1+1", "owner": "north"})
    page = visit("north", "/db/customers/export/customers")
    with page.expect_download() as download:
        page.get_by_role("link", name="Excel (xlsx)").click()
    assert re.search(r"All customers.*\.xlsx", download.value.suggested_filename)
    download.value.save_as(tmp_path / "view.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "view.xlsx").active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0][:3] == ["Code", "Name", "Class"]
    assert {row[1] for row in rows[1:]} == {"Nahua Foods", "=1+1"}
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def test_an_export_has_the_columns_the_person_chose(client: FlaskClient, opened: Opened) -> None:
    opened("customers", "north").create({"form": "customer", "name": "Nahua", "owner": "north"})
    sign_in(client, "north")
    token = re.search(r'name="csrf-token"[^>]*content="([^"]+)"', client.get("/").get_data(as_text=True))
    assert token
    chosen = {"hidden": ["code", "class", "phone"], "order": ["owner", "name"]}
    path = "/db/customers/view/customers/columns"
    assert client.post(path, json=chosen, headers={"X-CSRFToken": token[1]}).status_code < 300
    answer = client.get("/db/customers/export/customers?as=csv")
    head = answer.get_data().decode("utf-8-sig").splitlines()[0].split(",")
    shown = client.get("/db/customers/export/customers").get_data(as_text=True)
    assert head[:2] == ["Owner", "Name"]
    assert not {"Code", "Phone"} & set(head)
    assert all(f">{word}</span>" in shown for word in head)


def test_export_is_refused_without_the_right_to_copy(client: FlaskClient, node: Node) -> None:
    acl = node.databases.acl("customers")
    entries = dict(acl.entries)
    entry = entries["sales"]
    entries["sales"] = type(entry)(
        entry.name, entry.type, entry.level, entry.flags - {"replicate_or_copy"}, entry.roles
    )
    node.databases.set_acl("customers", SYSTEM, type(acl)(entries))
    sign_in(client, "north")
    assert client.get("/db/customers/export/customers?as=xlsx").status_code == 403
