"""Pushing through the gateway: each revision judged as if it were made here, whatever it says of itself."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest

from app import jsonio
from app.node import Node
from replication.routes import gate
from tests.replication.conftest import Sync, revision

FORBIDDEN = "forbidden"


def errors(refused: list[dict[str, Any]]) -> dict[str, str]:
    return {each["id"]: each["error"] for each in refused}


def test_a_revision_keeps_its_name(push: Any, opened: Any) -> None:
    assert push("north", "notes", revision("a", "2-bb", "1-aa", title="A")) == []
    found = opened("notes", "north").get("a")
    assert (found["_rev"], found["title"]) == ("2-bb", "A")
    assert push("north", "notes", revision("a", "2-bb", "1-aa", title="A")) == []
    assert opened("notes", "north").get("a")["_rev"] == "2-bb"


LEVELS = [  # person, may push new, may change what is not theirs, may delete it
    ("north", True, True, True),
    ("admin", True, True, True),
    ("leader", True, False, False),  # author: only where in `authors`
    ("support", False, False, False),  # reader
]


@pytest.mark.parametrize(("person", "new", "change", "delete"), LEVELS)
def test_levels(push: Any, opened: Any, person: str, new: bool, change: bool, delete: bool) -> None:
    south = opened("notes", "south")
    rev = south.create({"title": "South's"}, id="s").rev
    other = south.create({"title": "South's"}, id="t").rev
    refused = errors(
        push(
            person,
            "notes",
            revision("n", "1-a", title="New"),
            revision("s", "2-b", rev, title="Changed"),
            revision("t", "2-c", other, _deleted=True),
        )
    )
    assert ("n" not in refused, "s" not in refused, "t" not in refused) == (new, change, delete)
    assert set(refused.values()) <= {FORBIDDEN}
    assert south.exists("n") is new
    assert (south.get("s")["title"] == "Changed") is change
    assert south.exists("t") is not delete


def test_an_author_changes_and_deletes_where_named(push: Any, opened: Any) -> None:
    rev = opened("notes", "south").create({"title": "x", "authors": ["leader"]}, id="s").rev
    assert push("leader", "notes", revision("s", "2-b", rev, title="y", authors=["leader"])) == []
    assert push("leader", "notes", revision("s", "3-b", "2-b", _deleted=True)) == []


def test_a_reader_named_as_author_in_the_push_stays_a_reader(push: Any, opened: Any) -> None:
    rev = opened("notes", "south").create({"title": "x"}, id="s").rev
    refused = push("support", "notes", revision("s", "2-b", rev, title="y", authors=["support"]))
    assert errors(refused) == {"s": FORBIDDEN}
    assert push("leader", "notes", revision("s", "2-b", rev, title="y", authors=["leader"]))[0]["error"] == FORBIDDEN


def test_unreadable_documents_are_not_written(push: Any, opened: Any) -> None:
    north = opened("notes", "north")
    rev = north.create({"title": "Own", "readers": ["north"]}, id="own").rev
    for path in (["2-b", rev], ["5-x"], [rev]):
        assert errors(push("south", "notes", revision("own", *path, title="Mine", readers=["*"]))) == {"own": FORBIDDEN}
    assert errors(push("south", "notes", revision("own", "2-c", rev, _deleted=True))) == {"own": FORBIDDEN}
    assert north.get("own")["_rev"] == rev
    assert len(north.replica.leaves("own")) == 1


def test_who_may_not_create_learns_nothing_of_ids(push: Any, opened: Any) -> None:
    opened("notes", "north").create({"readers": ["north"]}, id="own")
    told = push("support", "notes", revision("own", "2-b", "1-a"), revision("none", "2-b", "1-a"))
    assert {key: told[0][key] for key in ("error", "reason")} == {key: told[1][key] for key in ("error", "reason")}


def test_forged_stamps_are_corrected_in_a_child(push: Any, opened: Any) -> None:
    forged = {"created_by": "admin", "changed_by": "leader", "created_at": "1999-01-01T00:00:00Z"}
    assert push("north", "notes", revision("a", "1-aa", title="A", **forged)) == []
    found = opened("notes", "north").get("a")
    assert (found["created_by"], found["changed_by"]) == ("north", "north")
    assert found["created_at"] > "2020"
    assert found["_rev"].startswith("2-")
    rev = found["_rev"]
    assert push("south", "notes", revision("a", "3-s", rev, title="B", created_by="south", changed_by="south")) == []
    found = opened("notes", "north").get("a")
    assert (found["created_by"], found["changed_by"], found["title"]) == ("north", "south", "B")
    assert next(entry.by for entry in opened("notes", "north").history("a")) == "south"


def test_what_a_foreign_client_does_not_send_is_not_forced_on_it(push: Any, opened: Any) -> None:
    assert push("north", "notes", revision("a", "1-aa", title="A")) == []
    assert opened("notes", "north").get("a") == {"_id": "a", "_rev": "1-aa", "title": "A"}


def test_an_old_ancestor_does_not_bring_back_old_rights(push: Any, opened: Any) -> None:
    south = opened("notes", "south")
    first = south.create({"title": "x", "authors": ["leader"]}, id="s").rev
    south.update("s", {"title": "y", "authors": ["south"]}, first)
    refused = push("leader", "notes", revision("s", "3-z", "2-y", first, title="z", authors=["leader"]))
    assert errors(refused) == {"s": FORBIDDEN}
    assert south.get("s")["title"] == "y"


def test_a_lying_ancestry_stores_nothing(sync: Sync, push: Any, opened: Any) -> None:
    lies = [
        {"_id": "a", "_rev": "3-c", "_revisions": {"start": 2, "ids": ["b", "a"]}},
        {"_id": "a", "_rev": "1-c", "_revisions": {"start": 1, "ids": ["c", "b", "a"]}},
        {"_id": "a", "_rev": "nonsense"},
        {"_id": "a"},
        {"_id": "_local/x", "_rev": "1-a"},
        {"_id": "a", "_rev": "1-a", "_strange": 1},
        {"_id": 7, "_rev": "1-a"},
    ]
    assert {each["error"] for each in push("north", "notes", *lies)} == {FORBIDDEN}
    assert len(push("north", "notes", *lies)) == len(lies)
    assert not opened("notes", "north").exists("a")
    for sent in (b"", b"[]", b'{"docs": 1}', b'{"docs": [1]}', b"{", b'{"docs":[{"a":NaN}]}'):
        answer = sync("north", "POST", "/notes/_bulk_docs", data=sent, content_type="application/json")
        assert (answer.status_code, answer.json["error"]) == (400, "bad_request")


def test_several_names_in_one_text_are_refused(push: Any) -> None:
    assert errors(push("north", "notes", revision("a", "1-a", readers=["north, south"]))) == {"a": FORBIDDEN}
    assert errors(push("north", "notes", revision("b", "1-a", readers=["nobody-there"]))) == {"b": FORBIDDEN}


def test_deletions_reach_those_who_could_read(push: Any, sync: Sync, opened: Any) -> None:
    rev = opened("notes", "north").create({"title": "x", "readers": ["north", "south"]}, id="d").rev
    since = sync("south", "GET", "/notes").json["update_seq"]
    assert push("north", "notes", revision("d", "2-b", rev, _deleted=True, readers=["*"])) == []
    row = sync("south", "GET", f"/notes/_changes?since={since}&include_docs=true").json["results"][0]
    assert row["deleted"] is True
    assert row["doc"]["readers"] == ["north", "south"]
    assert sync("leader", "GET", f"/notes/_changes?since={since}").json["results"] == []
    assert sync("south", "GET", '/notes/d?open_revs=["2-b"]').json[0]["ok"]["_deleted"] is True


def test_an_edit_of_what_was_deleted_meanwhile_is_kept(push: Any, opened: Any) -> None:
    north = opened("notes", "north")
    rev = north.create({"title": "x"}, id="d").rev
    north.delete("d", rev)
    assert push("support", "notes", revision("d", "2-e", rev, title="e"))[0]["error"] == FORBIDDEN
    assert push("south", "notes", revision("d", "2-e", rev, title="edited")) == []
    assert north.get("d")["title"] == "edited"


def test_conflicts_keep_both_sides(push: Any, opened: Any) -> None:
    assert push("north", "notes", revision("c", "2-b", "1-a", title="b")) == []
    assert push("south", "notes", revision("c", "2-c", "1-a", title="c")) == []
    found = opened("notes", "north").get("c", conflicts=True)
    assert (found["title"], found["_conflicts"]) == ("c", ["2-b"])


def test_designs_and_the_acl_are_for_those_whose_they_are(push: Any, opened: Any, node: Node) -> None:
    acl = opened("notes", "admin").get("acl")
    mine = {"form": "acl", "readers": acl["readers"], "entries": {"-Default-": {"level": "manager"}}}
    refused = push(
        "north",
        "notes",
        revision("acl", "2-b", acl["_rev"], **mine),
        revision("design:form:x", "1-a", form="design", text="label: x"),
        revision("_design/views", "1-a", views={}),
        revision("other", "1-a", form="acl", entries={}),
    )
    assert set(errors(refused)) == {"acl", "design:form:x", "_design/views", "other"}
    assert node.databases.acl("notes").default.level.label == "editor"
    assert push("admin", "notes", revision("_design/views", "1-a", views={})) == []


def test_a_form_computes_the_lists(push: Any, opened: Any) -> None:
    forged = {"form": "customer", "name": "Acme", "class": "existing", "readers": ["*"], "authors": ["south"]}
    assert push("north", "customers", revision("c1", "1-a", **forged, created_by="south", owner="north")) == []
    found = opened("customers", "north").get("c1")
    assert "*" not in found["readers"]
    assert "south" not in [*found["readers"], *found["authors"]]
    assert found["created_by"] == "north"
    assert not opened("customers", "south").exists("c1")


def test_form_rules_refuse_one_document_alone(push: Any, opened: Any) -> None:
    refused = push(
        "north",
        "customers",
        revision("bad", "1-a", form="customer", owner="north"),
        revision("strange", "1-a", form="nothing"),
        revision("good", "1-a", form="customer", name="Good", owner="north", **{"class": "existing"}),
    )
    assert errors(refused) == {"bad": FORBIDDEN, "strange": FORBIDDEN}
    assert "name" in refused[0]["reason"]
    assert opened("customers", "north").exists("good")


def test_refusals_are_logged(push: Any, node: Node) -> None:
    push("support", "notes", revision("n", "1-a", title="New"))
    entry = node.audit.search(event="push_refused")[0]
    assert (entry.person, entry.database, entry.subject) == ("support", "notes", "n")


def test_another_database_is_not_reached(sync: Sync) -> None:
    sent = {"docs": [revision("x", "1-a")], "new_edits": False}
    assert sync("north", "POST", "/nothing/_bulk_docs", json=sent).status_code == 404
    assert sync("outsider", "POST", "/customers/_bulk_docs", json=sent).status_code in (403, 404)


def test_foreign_digests_are_no_attachments(push: Any, sync: Sync, opened: Any) -> None:
    data = {"f.txt": {"content_type": "text/plain", "data": base64.b64encode(b"secret").decode()}}
    assert push("north", "notes", revision("own", "1-a", readers=["north"], _attachments=data)) == []
    digest = opened("notes", "north").get("own")["_attachments"]["f.txt"]["digest"]
    stub = {"f.txt": {"stub": True, "digest": digest, "content_type": "text/plain", "length": 6}}
    assert errors(push("south", "notes", revision("mine", "1-a", _attachments=stub))) == {"mine": "missing_stub"}
    sent = revision("mine", "1-a", _attachments=stub)
    assert sync("south", "PUT", "/notes/mine?new_edits=false", json=sent).status_code == 412
    kept = revision("own", "2-b", "1-a", readers=["north"], title="later", _attachments=stub)
    assert push("north", "notes", kept) == []
    assert sync("north", "GET", "/notes/own/f.txt").get_data() == b"secret"


def test_documents_saved_one_by_one(sync: Sync) -> None:
    first = sync("north", "PUT", "/notes/a%2Fb", json={"title": "A"})
    assert (first.status_code, first.json["id"]) == (201, "a/b")
    rev = first.json["rev"]
    assert sync("south", "PUT", "/notes/a%2Fb", json={"title": "B"}).status_code == 409
    second = sync("south", "PUT", "/notes/a%2Fb", json={"title": "B", "_rev": rev})
    assert second.status_code == 201
    assert sync("south", "DELETE", f"/notes/a%2Fb?rev={rev}").status_code == 409
    assert sync("support", "DELETE", f"/notes/a%2Fb?rev={second.json['rev']}").status_code == 403
    assert sync("south", "DELETE", f"/notes/a%2Fb?rev={second.json['rev']}").status_code == 200
    rows = sync("north", "POST", "/notes/_bulk_docs", json={"docs": [{"_id": "n"}, {"_id": "n"}, {"x": 1}]}).json
    assert [row.get("error") for row in rows] == [None, "conflict", None]


def test_attachments_saved_one_by_one(sync: Sync) -> None:
    rev = sync("north", "PUT", "/notes/a", json={}).json["rev"]
    saved = sync("north", "PUT", f"/notes/a/b/c.txt?rev={rev}", data=b"text", content_type="text/plain")
    assert saved.status_code == 201
    assert sync("south", "GET", "/notes/a/b/c.txt").get_data() == b"text"
    assert sync("support", "DELETE", f"/notes/a/b/c.txt?rev={saved.json['rev']}").status_code == 403
    assert sync("south", "DELETE", f"/notes/a/b/c.txt?rev={saved.json['rev']}").status_code == 200


def test_multipart_related(sync: Sync) -> None:
    packed = gzip.compress(b"hello " * 100)
    follows = {"follows": True, "content_type": "text/plain"}
    about = {
        "a.bin": {**follows, "length": 9},
        "b.txt": {**follows, "length": 600, "encoding": "gzip", "encoded_length": len(packed)},
    }
    document = jsonio.dumps(revision("m", "2-b", "1-a", title="M", _attachments=about))
    content = b"\r\n--x\r\r\n-"
    parts = [b"Content-Type: application/json\r\n\r\n" + document, b"\r\n" + content, b"X: y\r\n\r\n" + packed]
    sent = b"--x\r\n" + b"\r\n--x\r\n".join(parts) + b"\r\n--x--"
    kind = 'multipart/related; boundary="x"'
    answer = sync("north", "PUT", "/notes/m?new_edits=false", data=sent, content_type=kind)
    assert (answer.status_code, answer.json) == (201, {"ok": True, "id": "m", "rev": "2-b"})
    assert sync("north", "GET", "/notes/m/a.bin").get_data() == content
    assert sync("north", "GET", "/notes/m/b.txt").get_data() == b"hello " * 100
    for cut in (10, 60, len(sent) - len(packed) - 10):
        broken = sync("north", "PUT", "/notes/m2?new_edits=false", data=sent[:cut], content_type=kind)
        assert broken.status_code == 400


def test_bodies_may_be_packed_but_no_bombs(sync: Sync) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    sent = gzip.compress(b'{"docs":[{"_id":"z"}]}')
    assert sync("north", "POST", "/notes/_bulk_docs", data=sent, headers=headers).status_code == 201
    assert sync("north", "POST", "/notes/_bulk_docs", data=sent[:-9], headers=headers).status_code == 400
    assert sync("north", "POST", "/notes/_bulk_docs", data=b"x", headers=headers).status_code == 400
    bomb = gzip.compress(b"[" + b" " * (gate.LARGEST + 10) + b"]", 9)
    answer = sync("north", "POST", "/notes/_bulk_docs", data=bomb, headers=headers)
    assert (answer.status_code, answer.json["error"]) == (413, "document_too_large")


def test_full_commit(sync: Sync) -> None:
    assert sync("north", "POST", "/notes/_ensure_full_commit").status_code == 201
