"""Documents over REST: revisions, ids of any kind, what may not be read, bad input."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

NEW = {"form": "customer", "name": "Northwind", "owner": "north"}
DOCUMENTS = "/databases/customers/documents"


def made(call: Any, person: str = "north", **items: Any) -> dict[str, Any]:
    answer = call(person, "POST", DOCUMENTS, json={**NEW, "owner": person, **items})
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def test_created_document_is_read_back_with_its_revision_as_etag(call: Any) -> None:
    saved = made(call)
    answer = call("north", "GET", f"{DOCUMENTS}/{saved['id']}")
    assert (answer.status_code, answer.json["name"], answer.json["_rev"]) == (200, "Northwind", saved["rev"])
    again = call("north", "GET", f"{DOCUMENTS}/{saved['id']}", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_stale_revision_gets_409(call: Any) -> None:
    saved = made(call)
    path = f"{DOCUMENTS}/{saved['id']}"
    first = call("north", "PUT", path, json={**NEW, "_rev": saved["rev"], "phone": "020-83330000"})
    assert first.status_code == 200
    second = call("north", "PUT", path, json={**NEW, "_rev": saved["rev"]})
    assert (second.status_code, second.json["error"]) == (409, "conflict")


def test_put_without_a_revision_on_an_existing_document_gets_409(call: Any) -> None:
    saved = made(call)
    assert call("north", "PUT", f"{DOCUMENTS}/{saved['id']}", json=NEW).status_code == 409


def test_if_match_names_the_revision(call: Any) -> None:
    saved = made(call)
    path = f"{DOCUMENTS}/{saved['id']}"
    answer = call("north", "PATCH", path, json={"fax": "020-1111111"}, headers={"If-Match": f'"{saved["rev"]}"'})
    assert answer.status_code == 200
    assert call("north", "DELETE", path, headers={"If-Match": f'"{saved["rev"]}"'}).status_code == 409


def test_delete_then_restore_by_its_action(call: Any) -> None:
    saved = made(call)
    path = f"{DOCUMENTS}/{saved['id']}"
    assert call("north", "DELETE", f"{path}?rev={saved['rev']}").status_code == 200
    assert call("north", "GET", path).status_code == 404
    assert [entry["name"] for entry in call("north", "GET", f"{path}/actions").json] == ["restore"]
    assert call("north", "POST", f"{path}/actions/restore").status_code == 200
    assert call("north", "GET", path).json["name"] == "Northwind"


def test_unknown_action_gets_404(call: Any) -> None:
    assert call("north", "POST", f"{DOCUMENTS}/{made(call)['id']}/actions/dance", json={}).status_code == 404


def test_what_another_may_not_read_looks_missing(call: Any) -> None:
    saved = made(call)
    path = f"{DOCUMENTS}/{saved['id']}"
    missing = call("south", "GET", f"{DOCUMENTS}/{'0' * 32}")
    for suffix in ("", "/history", "/access", "/actions", "/attachments/a.txt"):
        answer = call("south", "GET", path + suffix)
        assert (answer.status_code, answer.json) == (404, missing.json)
    assert call("south", "PUT", path, json={**NEW, "_rev": saved["rev"]}).status_code == 404
    assert call("south", "DELETE", f"{path}?rev={saved['rev']}").status_code == 404


def test_sent_readers_and_authorship_are_not_believed(call: Any) -> None:
    saved = made(call, readers=["*"], authors=["south"], created_by="south")
    document = call("north", "GET", f"{DOCUMENTS}/{saved['id']}").json
    assert "*" not in document["readers"]
    assert "south" not in document["authors"]
    assert document["created_by"] == "north"


def test_duplicates_are_told_and_can_be_refused(call: Any) -> None:
    made(call, phone="020-83331234")
    again = call("north", "POST", DOCUMENTS, json={**NEW, "phone": "020-83331234"})
    assert again.status_code == 201
    assert "name" in again.json["duplicates"][0]["items"]
    refused = call("north", "POST", f"{DOCUMENTS}?duplicates=refuse", json=NEW)
    assert (refused.status_code, refused.json["error"]) == (409, "conflict")
    other = call("south", "POST", DOCUMENTS, json={**NEW, "owner": "south"})
    assert "duplicates" not in other.json


def test_validation_names_the_item(call: Any) -> None:
    answer = call("north", "POST", DOCUMENTS, json={"form": "customer", "owner": "north"})
    assert answer.status_code == 400
    assert answer.json["error"] == "bad_request"
    assert "name" in answer.json["fields"]


IDS = (
    *("a/b", "a%2Fb", "ümläut-客户", "with space", "a/history", "x/attachments/y", "q?r#s", "%", "a//b", "é+&=", "."),
    "a/../b",
)
SLASHED = tuple(id for id in IDS if "/" in id or "%2F" in id)


@pytest.mark.parametrize("id", IDS)
def test_ids_of_any_kind_are_kept_apart(call: Any, id: str, opened: Any) -> None:
    path = f"{DOCUMENTS}/{quote(id, safe='')}"
    if id in SLASHED:  # made by another program
        opened("customers", "north").create(NEW, id=id)
    else:
        answer = call("north", "PUT", path, json=NEW)
        assert (answer.status_code, answer.json["id"]) == (201, id)
    assert call("north", "GET", path).json["_id"] == id
    assert call("north", "GET", path + "/history").status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"null", 400),
        (b"{", 400),
        (b'{"form": "customer", "name": NaN}', 400),
        (b'{"form": "customer", "name": "\\ud800"}', 400),
        (b'{"form": "customer", "name": "\xff"}', 400),
        (b'{"form": "customer", "name": "x", "_secret": 1}', 400),
        (b'{"_id": 5, "form": "customer", "name": "x"}', 400),
        (b'{"_id": "_design/x", "form": "customer", "name": "x"}', 400),
        (b'{"_id": "a\\u0000b", "form": "customer", "name": "x"}', 400),
        (b'{"form": "customer", "name": ' + b"[" * 1000 + b"]" * 1000 + b"}", 400),
        (b'{"form": "customer", "name": "' + b"x" * 9_000_000 + b'"}', 413),
        (b'{"_id": "' + b"x" * 10_000 + b'", "form": "customer", "name": "x"}', 400),
        (b'{"form": "no_such_form"}', 400),
        (b'{"name": "x"}', 400),
    ],
)
def test_bad_bodies_are_refused_with_a_reason(call: Any, body: bytes, status: int) -> None:
    before = call("admin", "GET", "/databases/customers/views/customers").json
    answer = call("north", "POST", DOCUMENTS, data=body, content_type="application/json")
    assert answer.status_code == status, answer.data
    assert set(answer.json) <= {"error", "reason", "fields"}
    assert answer.json["reason"]
    assert call("admin", "GET", "/databases/customers/views/customers").json == before


@pytest.mark.parametrize("id", SLASHED)
def test_no_new_document_gets_an_id_with_a_slash(call: Any, id: str) -> None:
    path = f"{DOCUMENTS}/{quote(id, safe='')}"
    for answer in (call("north", "PUT", path, json=NEW), call("north", "POST", DOCUMENTS, json={**NEW, "_id": id})):
        assert (answer.status_code, answer.json["error"]) == (400, "bad_request")
        assert "slash" in answer.json["reason"]
    assert call("north", "GET", path).status_code == 404


@pytest.mark.parametrize("id", ["a%00b", "x" * 10_000, "_local/x", "_design%2Fx"])
def test_bad_ids_are_refused(call: Any, id: str) -> None:
    answer = call("north", "PUT", f"{DOCUMENTS}/{id}", json=NEW)
    assert answer.status_code in (400, 414)
    assert answer.json["reason"]


def test_a_body_without_length_is_cut_off_while_streaming(call: Any) -> None:
    class Endless:
        sent = 0

        def read(self, size: int = -1) -> bytes:
            self.sent += max(size, 65536)
            assert self.sent < 20_000_000, "read on after the limit"
            return b" " * max(size, 65536)

        def readline(self, size: int = -1) -> bytes:
            return self.read(size)

    answer = call(
        "north",
        "POST",
        DOCUMENTS,
        content_type="application/json",
        environ_overrides={"wsgi.input": Endless(), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert (answer.status_code, answer.json["error"]) == (413, "document_too_large")


def test_attachments_are_streamed_both_ways(call: Any) -> None:
    saved = made(call)
    path = f"{DOCUMENTS}/{saved['id']}/attachments/{quote('报价 a/b.txt', safe='')}"
    put = call("north", "PUT", f"{path}?rev={saved['rev']}", data=b"hello" * 1000, content_type="text/plain")
    assert put.status_code == 201, put.json
    got = call("north", "GET", path)
    assert (got.data, got.headers["X-Content-Type-Options"]) == (b"hello" * 1000, "nosniff")
    part = call("north", "GET", path, headers={"Range": "bytes=0-4"})
    assert (part.status_code, part.data) == (206, b"hello")
    assert call("south", "GET", path).status_code == 404
    assert call("north", "PUT", f"{path}?rev={saved['rev']}", data=b"x").status_code == 409
    assert call("north", "DELETE", f"{path}?rev={put.json['rev']}").status_code == 200
    assert call("north", "GET", path).status_code == 404


def test_a_page_that_could_run_is_sent_as_a_file(call: Any) -> None:
    saved = made(call)
    path = f"{DOCUMENTS}/{saved['id']}/attachments/x.html"
    call("north", "PUT", f"{path}?rev={saved['rev']}", data=b"<script>", content_type="text/html")
    answer = call("north", "GET", path)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_foreign_stub_is_refused(call: Any) -> None:
    mine = made(call, name="First")
    put = call("north", "PUT", f"{DOCUMENTS}/{mine['id']}/attachments/a.txt?rev={mine['rev']}", data=b"secret")
    stub = call("north", "GET", f"{DOCUMENTS}/{mine['id']}").json["_attachments"]
    other = made(call, "south", name="Second")
    answer = call(
        "south",
        "PUT",
        f"{DOCUMENTS}/{other['id']}",
        json={**NEW, "owner": "south", "_rev": other["rev"], "_attachments": stub},
    )
    assert put.status_code == 201
    assert (answer.status_code, answer.json["error"]) == (412, "missing_stub")


def test_history_and_access_say_who_and_why(call: Any) -> None:
    saved = made(call)
    path = f"{DOCUMENTS}/{saved['id']}"
    call("north", "PATCH", f"{path}?rev={saved['rev']}", json={"phone": "020-83330000"})
    entries = call("north", "GET", path + "/history").json
    assert entries[0]["by"] == "north"
    assert entries[0]["items"]["phone"] == [None, "020-83330000"]
    seen = {row["person"]: row for row in call("north", "GET", path + "/access").json}
    assert {"north", "leader", "admin"} <= set(seen)
    assert "south" not in seen
    why = call("north", "GET", path + "/access?person=south").json
    assert (why["reads"], why["reason"]) == (False, "not_listed")
