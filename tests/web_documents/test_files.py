"""Files and the attachment items that name them; pictures of texts that were not saved yet."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from app.access import Database
from app.errors import Forbidden, NotFound
from app.web.documents.sentfiles import settled
from tests.web_documents.test_documents import sign_in

Visit = Callable[[str, str], Page]
Opened = Callable[[str, str], Database]
PDF = b"%PDF-1.1\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" \
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"  # fmt: skip
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f6"
    "45400000000049454e44ae426082"
)


@pytest.fixture
def deal(opened: Opened, customer: str) -> str:
    """A deal of north."""
    items = {"form": "deal", "title": "Tea", "customer": customer, "owner": "north", "stage": "lead"}
    return opened("deals", "north").create(items).id


def post(client: FlaskClient, path: str, data: dict[str, Any]) -> Any:
    page = client.get("/").get_data(as_text=True)
    token = re.search(r'name="csrf-token"[^>]*content="([^"]+)"', page)
    assert token
    return client.post(path, data={**data, "csrf_token": token[1]}, headers={"Accept": "application/json"})


def test_a_file_chosen_for_an_item_is_named_by_it(client: FlaskClient, opened: Opened, deal: str) -> None:
    sign_in(client, "north")
    sent = {
        "_rev": "",
        "_fields": "",
        "_files.contract": (BytesIO(PDF), "a.pdf"),
        "_files.files": (BytesIO(DOT), "b.png"),
    }
    assert "location" in post(client, f"/db/deals/doc/{deal}/edit", sent).json
    found = opened("deals", "north").get(deal)
    assert (found["contract"], found["files"]) == (["a.pdf"], ["b.png"])
    assert sorted(found["_attachments"]) == ["a.pdf", "b.png"]
    page = client.get(f"/db/deals/doc/{deal}").get_data(as_text=True)
    assert page.index('"contract"') < page.index("a.pdf<") < page.index('data-file-item="files"') < page.index("b.png<")


def test_a_new_document_and_its_files_are_one_revision(client: FlaskClient, opened: Opened, customer: str) -> None:
    sign_in(client, "north")
    sent = {
        "_fields": "title customer owner",
        "item.title": "Tea",
        "item.customer": customer,
        "item.owner": "north",
        "_files.contract": (BytesIO(PDF), "a.pdf"),
        "_files.files": [(BytesIO(DOT), "b.png"), (BytesIO(DOT), "b.png")],
    }
    answer = post(client, "/db/deals/new/deal", sent)
    found = opened("deals", "north").get(answer.json["location"].rpartition("/")[2])
    assert (found["contract"], found["files"]) == (["a.pdf"], ["b.png", "b (2).png"])
    assert found["_rev"].startswith("1-")
    assert opened("deals", "north").history(found["_id"]) == []


def test_files_and_items_of_an_edit_are_one_entry(client: FlaskClient, opened: Opened, deal: str) -> None:
    sign_in(client, "north")
    deals = opened("deals", "north")
    sent = {"_rev": deals.get(deal)["_rev"], "_fields": "title", "item.title": "Green tea"}
    post(client, f"/db/deals/doc/{deal}/edit", {**sent, "_files.contract": (BytesIO(PDF), "a.pdf")})
    post(client, f"/db/deals/doc/{deal}/attachments", {"item": "files", "file": (BytesIO(DOT), "b.png")})
    post(client, f"/db/deals/doc/{deal}/remove-attachment/b.png", {})
    changed = [set(entry.items) - {"changed_at"} for entry in reversed(deals.history(deal))]
    assert changed == [{"title", "contract", "_attachments"}, {"files", "_attachments"}, {"files", "_attachments"}]


def test_a_refused_save_attaches_nothing(client: FlaskClient, opened: Opened, deal: str) -> None:
    sign_in(client, "north")
    rev = opened("deals", "north").get(deal)["_rev"]
    sent = {"_rev": rev, "_fields": "title", "item.title": "", "_files.contract": (BytesIO(PDF), "a.pdf")}
    assert post(client, f"/db/deals/doc/{deal}/edit", sent).status_code == 422
    assert "_attachments" not in opened("deals", "north").get(deal)


def test_content_is_refused_before_it_is_read_where_the_document_may_not_be_changed(
    opened: Opened, customer: str
) -> None:
    class Unread:
        def read(self, _size: int = -1) -> bytes:
            raise AssertionError

    with pytest.raises(NotFound):
        opened("customers", "south").store_content(Unread(), "text/plain", id=customer)
    with pytest.raises(Forbidden):
        opened("directory", "north").store_content(Unread(), "text/plain", form="group")


def test_removing_a_file_takes_its_name_off_the_item(client: FlaskClient, opened: Opened, deal: str) -> None:
    sign_in(client, "north")
    sent = {"item": "contract", "file": [(BytesIO(PDF), "a.pdf"), (BytesIO(PDF), "a.pdf")]}
    assert post(client, f"/db/deals/doc/{deal}/attachments", sent).status_code == 200
    assert opened("deals", "north").get(deal)["contract"] == ["a.pdf", "a (2).pdf"]
    assert post(client, f"/db/deals/doc/{deal}/remove-attachment/a.pdf", {}).status_code == 303
    found = opened("deals", "north").get(deal)
    assert (found["contract"], list(found["_attachments"])) == (["a (2).pdf"], ["a (2).pdf"])
    gone = {"_rev": found["_rev"], "_fields": "", "_remove_file": "a (2).pdf"}
    post(client, f"/db/deals/doc/{deal}/edit", gone)
    assert not opened("deals", "north").get(deal).get("contract")


def test_an_item_that_is_none_takes_no_file(client: FlaskClient, opened: Opened, deal: str) -> None:
    sign_in(client, "north")
    answer = post(client, f"/db/deals/doc/{deal}/attachments", {"item": "title", "file": (BytesIO(PDF), "a.pdf")})
    assert answer.status_code == 403
    assert "_attachments" not in opened("deals", "north").get(deal)


def test_rest_names_and_forgets_files_of_an_item(call: Any, deal: str) -> None:
    base = f"/databases/deals/documents/{deal}"
    rev = call("north", "GET", base).json["_rev"]
    saved = call("north", "PUT", f"{base}/attachments/c.pdf?rev={rev}&item=contract", data=PDF)
    assert saved.status_code == 201
    assert call("north", "GET", base).json["contract"] == ["c.pdf"]
    gone = call("north", "DELETE", f"{base}/attachments/c.pdf?rev={saved.json['rev']}")
    assert gone.status_code == 200
    found = call("north", "GET", base).json
    assert (found["_rev"], found.get("contract") or [], found.get("_attachments")) == (gone.json["rev"], [], None)


def test_rest_puts_a_file_and_its_name_in_one_revision(call: Any, opened: Opened, deal: str) -> None:
    base = f"/databases/deals/documents/{deal}"
    rev = call("north", "GET", base).json["_rev"]
    stale = call("north", "PUT", f"{base}/attachments/c.pdf?rev=1-0&item=contract", data=PDF)
    assert (stale.status_code, stale.json["error"]) == (409, "conflict")
    saved = call("north", "PUT", f"{base}/attachments/c.pdf?rev={rev}&item=contract", data=PDF).json["rev"]
    assert call("north", "GET", f"{base}/attachments/c.pdf").data == PDF
    gone = call("north", "DELETE", f"{base}/attachments/c.pdf?rev={saved}").json["rev"]
    assert [each.partition("-")[0] for each in (rev, saved, gone)] == ["1", "2", "3"]
    entries = opened("deals", "north").history(deal)
    stamps = {"changed_at", "changed_by"}
    assert [(entry.action, set(entry.items) - stamps) for entry in entries] == [
        ("detach", {"contract", "_attachments"}),
        ("attach", {"contract", "_attachments"}),
    ]


def test_a_part_of_a_file_is_sent_from_pages_and_rest(
    client: FlaskClient, call: Any, opened: Opened, deal: str
) -> None:
    text = bytes(range(256)) * 1000
    opened("deals", "north").put_attachment(deal, "film.mp4", BytesIO(text), "video/mp4")
    sign_in(client, "north")
    page = f"/db/deals/doc/{deal}/attachments/film.mp4"

    def asked(**headers: str) -> list[Any]:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return [
            client.get(page, headers=names, buffered=True),
            call("north", "GET", f"/databases/deals/documents/{deal}/attachments/film.mp4", headers=names),
        ]

    for answer in asked():
        assert (answer.status_code, answer.headers["Accept-Ranges"], answer.data) == (200, "bytes", text)
    for wanted, start, end in (
        ("bytes=5-9", 5, 10),
        ("bytes=255990-", 255_990, 256_000),
        ("bytes=-10", 255_990, 256_000),
    ):
        for answer in asked(Range=wanted):
            assert (answer.status_code, answer.data) == (206, text[start:end])
            assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/256000"
            assert answer.headers["Content-Length"] == str(end - start)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for answer in asked(Range="bytes=256000-"):
        assert answer.status_code == 416
    for answer in asked(Range="bytes=0-4", If_Range='"another"'):
        assert (answer.status_code, answer.data) == (200, text)
    for answer in asked(If_None_Match=asked()[0].headers["ETag"])[:1]:
        assert answer.status_code == 304


def test_pictures_get_lasting_addresses() -> None:
    text = "a ![x](blob:http://h/1) b ![y](blob:http://h/2)"
    assert settled(text, {"blob:http://h/1": "/db/f.png"}) == "a ![x](/db/f.png) b y"


@pytest.mark.browser
def test_a_picture_pasted_before_the_first_save_is_kept(visit: Visit, opened: Opened, tmp_path: Path) -> None:
    page = visit("north", "/db/discussion/new/topic")
    page.fill("[name='item.title']", "With a picture")
    editor = page.locator("[data-item=body] .ProseMirror").last
    editor.click()
    page.keyboard.type("Look: ")
    page.evaluate(
        """async (bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "dot.png", { type: "image/png" }));
          const box = [...document.querySelectorAll("[data-item=body] .ProseMirror")].pop();
          box.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        list(DOT),
    )
    expect(editor.locator("img[src^='blob:']")).to_be_visible()
    page.click("[data-save]")
    page.wait_for_url(re.compile(r"/doc/[^/]+$"))
    id = page.url.rpartition("/")[2]
    found = opened("discussion", "north").get(id)
    assert len(found["_attachments"]) == 1
    assert f"/db/discussion/doc/{id}/attachments/" in found["body"]
    expect(page.locator(".doc-items .rich img")).to_be_visible()
    assert page.evaluate("document.querySelector('.doc-items .rich img').naturalWidth") == 1


def test_a_pdf_may_be_drawn_by_the_browser_and_does_nothing_else(
    client: FlaskClient, opened: Opened, deal: str
) -> None:
    """The browser's own viewer starts only for an inline answer that is not in a sandbox, in a frame of ours."""
    opened("deals", "north").put_attachment(deal, "a.pdf", BytesIO(PDF), "application/pdf")
    sign_in(client, "north")
    answer = client.get(f"/db/deals/doc/{deal}/attachments/a.pdf", buffered=True)
    assert answer.data == PDF
    assert answer.content_type == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("inline;")
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox" not in policy
    assert "script-src 'none'" in policy
    assert answer.headers.get("X-Frame-Options", "SAMEORIGIN") == "SAMEORIGIN"
    assert "frame-ancestors 'none'" not in policy
    page = client.get(f"/db/deals/doc/{deal}").headers["Content-Security-Policy"]
    assert "frame-src 'self'" in page or "frame-src" not in page
    saved = client.get(f"/db/deals/doc/{deal}/attachments/a.pdf?download", buffered=True)
    assert saved.headers["Content-Disposition"].startswith("attachment;")


@pytest.mark.browser
def test_a_pdf_opens_in_its_window_or_beside(visit: Visit, opened: Opened, deal: str) -> None:
    database = opened("deals", "north")
    database.put_attachment(deal, "a.pdf", BytesIO(PDF), "application/pdf")
    page = visit("north", f"/db/deals/doc/{deal}")
    page.get_by_role("link", name="a.pdf", exact=True).click()
    dialog = page.locator("dialog.file-preview")
    expect(dialog.locator("iframe[title='a.pdf']")).to_be_visible()
    opening = dialog.get_by_role("link", name="Open in a window of its own")
    assert opening.get_attribute("href", timeout=2000).endswith("/attachments/a.pdf")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
