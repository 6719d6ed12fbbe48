"""Reading documents in a real browser: the page, files, history, trash, and what is not there for others."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from app.access import Database
from app.node import Node
from app.store import Branch, Context
from tests.conftest import PASSWORD

pytestmark = pytest.mark.browser
Visit = Callable[[str, str], Page]
Opened = Callable[[str, str], Database]
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cfc0f01f0005"
    "0001ff5ab8c1a40000000049454e44ae426082"
)


def test_related_documents_and_timeline_of_a_customer(visit: Visit, opened: Opened, customer: str) -> None:
    opened("customers", "north").create({"form": "contact", "name": "Anna", "customer": customer, "owner": "north"})
    opened("deals", "north").create({"form": "deal", "title": "Big order", "customer": customer, "owner": "north"})
    page = visit("north", f"/db/customers/doc/{customer}")
    expect(page.locator(".small-view", has_text="Contacts").get_by_role("link", name="Anna")).to_be_visible()
    expect(page.locator("#timeline").get_by_role("link", name="Big order")).to_be_visible()
    page.get_by_text("New for this").click()
    page.locator(".doc-actions").get_by_role("link", name="Deal", exact=True).click()
    expect(page.locator("[data-item=customer] .chip")).to_contain_text("Nahua Foods")


def test_a_visit_is_logged_from_its_customer(visit: Visit, opened: Opened, customer: str) -> None:
    page = visit("north", f"/db/customers/doc/{customer}")
    page.get_by_role("link", name="Log a visit").click()
    page.fill("[name='item.result']", "They want samples.")
    page.click("[data-save]")
    page.wait_for_url(re.compile(r"/db/deals/doc/[^/]+$"))
    found = opened("deals", "north").get(page.url.rpartition("/")[2])
    assert (found["kind"], found["customer"]) == ("visit", customer)
    assert found["done_at"]
    page.goto(page.url.partition("/db/")[0] + f"/db/customers/doc/{customer}")
    expect(page.get_by_text("They want samples.").first).to_be_visible()


def test_files_are_attached_shown_and_removed(visit: Visit, opened: Opened, customer: str, tmp_path: Path) -> None:
    (tmp_path / "合同.png").write_bytes(PICTURE)
    (tmp_path / "page.html").write_text("<script>alert(1)</script>")
    page = visit("north", f"/db/customers/doc/{customer}")
    page.set_input_files("#upload", [tmp_path / "合同.png", tmp_path / "page.html"])
    expect(page.locator(".file")).to_have_count(2)
    page.locator(".file-words a", has_text="合同.png").click()
    expect(page.locator("dialog.file-preview img")).to_be_visible()
    page.keyboard.press("Escape")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator(".file", has_text="page.html").get_by_role("button").click()
    expect(page.locator(".file")).to_have_count(1)
    assert list(opened("customers", "north").get(customer)["_attachments"]) == ["合同.png"]


def test_what_could_run_is_only_downloaded(client: FlaskClient, opened: Opened, customer: str, tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    path.write_text("<script>alert(1)</script>")
    with path.open("rb") as file:
        opened("customers", "north").put_attachment(customer, "x.html", file, "text/html")
    sign_in(client, "north")
    with client.get(f"/db/customers/doc/{customer}/attachments/x.html") as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.mimetype == "application/octet-stream"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_field_is_put_back_from_the_history(visit: Visit, opened: Opened, customer: str) -> None:
    opened("customers", "leader").change(customer, {"phone": "111-1111111"})
    page = visit("north", f"/db/customers/doc/{customer}/history")
    entry = page.locator(".history-entry").first
    expect(entry).to_contain_text("Leader")
    entry.get_by_role("button", name="Put Phone back to what it was").click()
    expect(page.locator(".history-entry").first).to_contain_text("0571-88001234")
    assert opened("customers", "north").get(customer)["phone"] == "0571-88001234"
    assert len(opened("customers", "north").history(customer)) == 2


def test_deleted_restored_and_gone_for_good(visit: Visit, opened: Opened, customer: str) -> None:
    page = visit("north", f"/db/customers/doc/{customer}")
    page.click("#more summary")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("link", name="Undo").click()
    page.wait_for_url(re.compile(rf"/doc/{customer}$"))
    opened("customers", "north").delete(customer)
    page = visit("north", "/db/customers/trash")
    page.get_by_role("button", name="Restore Nahua Foods").click()
    expect(page.locator("h1")).to_have_text("Nahua Foods")
    opened("customers", "north").delete(customer)
    page = visit("admin", "/db/customers/trash")
    page.get_by_label("Nahua Foods", exact=True).check()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("The trash is empty")).to_be_visible()


def test_who_may_see_it_names_the_reason(visit: Visit, customer: str) -> None:
    page = visit("north", f"/db/customers/doc/{customer}/access")
    expect(page.locator("tbody tr", has_text="Leader")).to_contain_text("listed as reader")
    expect(page.locator("tbody tr", has_text="South")).to_have_count(0)


def test_a_readers_thread_hides_what_is_restricted(visit: Visit, opened: Opened, customer: str) -> None:
    deal = opened("deals", "north").create(
        {"form": "deal", "title": "Order", "customer": customer, "owner": "north", "team": ["sales"]}
    )
    items = {"form": "activity", "kind": "call", "subject": "Called", "parent": deal.id}
    opened("deals", "north").create(items)
    page = visit("north", f"/db/deals/doc/{deal.id}")
    expect(page.locator(".thread")).to_contain_text("Called")


def sign_in(client: FlaskClient, person: str) -> dict[str, str]:
    """Signs somebody in; the header that a form of ours would send."""
    with client.session_transaction() as session:
        session.clear()
    page = client.get("/sign-in").text
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert found
    data = {"name": person, "password": PASSWORD, "csrf_token": found[1]}
    assert client.post("/sign-in", data=data).status_code == 302
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/db/customers/trash").text)
    assert found
    return {"X-CSRFToken": found[1]}


PATHS = [
    "", "/edit", "/history", "/access", "/timeline", "/branches", "/item/name", "/state", "?fragment=preview",
    "/attachments/a.txt",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_what_south_may_not_read_is_missing(client: FlaskClient, customer: str, path: str) -> None:
    sign_in(client, "south")
    hidden = client.get(f"/db/customers/doc/{customer}{path}")
    missing = client.get(f"/db/customers/doc/{'0' * 32}{path}")
    assert hidden.status_code == missing.status_code == 404
    changing = r'(content|value)="[^"]{40,}"'  # forgery tokens hold the time
    bare = [re.sub(changing, "", page.text.replace(id, "")) for page, id in ((hidden, customer), (missing, "0" * 32))]
    assert bare[0] == bare[1]


@pytest.mark.parametrize("path", ["/edit", "/delete", "/restore", "/history/restore", "/branches", "/item/name"])
def test_what_south_may_not_read_cannot_be_written(
    client: FlaskClient, opened: Opened, customer: str, path: str
) -> None:
    headers = sign_in(client, "south")
    sent = client.post(f"/db/customers/doc/{customer}{path}", data={"_fields": "name"}, headers=headers)
    assert sent.status_code == 404
    assert opened("customers", "north").get(customer)["name"] == "Nahua Foods"


def test_pickers_offer_only_what_may_be_read(client: FlaskClient, customer: str) -> None:
    for person, count in (("north", 1), ("south", 0)):
        sign_in(client, person)
        rows = client.get("/pick/documents?database=customers&form=customer&q=nahua").json["rows"]
        assert len(rows) == count


def test_a_form_works_without_scripts(client: FlaskClient, opened: Opened) -> None:
    token = sign_in(client, "north")["X-CSRFToken"]
    page = client.get("/db/customers/new/customer").text
    fields = re.search(r'name="_fields" value="([^"]+)"', page)
    assert fields
    sent = {"csrf_token": token, "_fields": fields[1], "item.owner": "north"}
    refused = client.post("/db/customers/new/customer", data=sent)
    assert refused.status_code == 422
    assert "This must be filled in." in refused.text
    saved = client.post("/db/customers/new/customer", data={**sent, "item.name": "Plain"})
    assert saved.status_code == 303
    again = client.post("/db/customers/new/customer", data={**sent, "item.name": "Plain"})
    assert again.status_code == 409
    assert "Save anyway" in again.text
    id = saved.location.rpartition("/")[2]
    stale = opened("customers", "north").get(id)["_rev"]
    opened("customers", "leader").change(id, {"fax": "1111111"})
    edited = {"csrf_token": token, "_fields": "name fax", "_rev": stale, "item.name": "Plain", "item.fax": "2222222"}
    clash = client.post(f"/db/customers/doc/{id}/edit", data=edited)
    assert clash.status_code == 409
    settled = re.search(r'name="_settled" value="([^"]+)"', clash.text)
    assert settled
    chosen = {**edited, "_settled": settled[1], "_choose.fax": "mine"}
    assert client.post(f"/db/customers/doc/{id}/edit", data=chosen).status_code == 303
    assert opened("customers", "north").get(id)["fax"] == "2222222"


def test_versions_of_two_replicas_side_by_side(client: FlaskClient, node: Node, opened: Opened, customer: str) -> None:
    raw = node.store.database("customers")
    before = raw.get(customer)
    opened("customers", "north").change(customer, {"fax": "12345678"}, before.rev)
    body = {**before.body, "phone": "021-99"}
    raw.insert([Branch(customer, ["2-" + "f" * 32, before.rev], body)], Context("leader", body["changed_at"]))
    headers = sign_in(client, "north")
    assert "Compare the versions" in client.get(f"/db/customers/doc/{customer}").text
    page = client.get(f"/db/customers/doc/{customer}/branches").text
    assert "021-99" in page
    assert "12345678" in page
    found = opened("customers", "north").get(customer, conflicts=True)
    shown = [found["_rev"], *found["_conflicts"]]
    client.post(f"/db/customers/doc/{customer}/branches", data={"version": shown}, headers=headers)
    assert "_conflicts" not in opened("customers", "north").get(customer, conflicts=True)
