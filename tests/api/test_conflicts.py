"""Settling versions over REST."""

from __future__ import annotations

from typing import Any

import pytest

from app.access import SYSTEM
from app.access.acl import make
from app.node import Node
from app.store import Branch, Context
from tests.replication.conftest import ACL

AT = Context("north", "2026-01-01T00:00:00.000Z")
LIST, ONE = "/databases/notes/conflicts", "/databases/notes/documents/d/conflicts"


@pytest.fixture
def notes(node: Node) -> Any:
    node.databases.create("notes", SYSTEM, make(ACL))
    raw = node.store.database("notes")
    for path, items in ((["1-a"], {}), (["2-b", "1-a"], {"phone": "2"}), (["2-c", "1-a"], {"phone": "3"})):
        raw.insert([Branch("d", path, {"title": "T", "phone": "1", **items})], AT)
    return raw


def test_the_list_and_the_versions(call: Any, notes: Any) -> None:
    found = call("south", "GET", LIST).json
    assert found == {"rows": [{"id": "d", "rev": "2-c", "title": "T", "versions": 2, "deletions": 0}], "next": None}
    found = call("south", "GET", ONE).json
    assert [version["phone"] for version in found["versions"]] == ["3", "2"]
    assert (found["base"]["phone"], found["deletions"]) == ("1", [])
    assert call("south", "GET", "/databases/notes/documents/d?conflicts=true").json["_conflicts"] == ["2-b"]


def test_settling(call: Any, notes: Any) -> None:
    sent = {"rev": "2-c", "others": ["2-b"], "items": {"phone": "2"}, "comment": "asked him"}
    assert call("support", "POST", ONE, json=sent).status_code == 403
    answer = call("south", "POST", ONE, json=sent)
    assert answer.status_code == 200
    found = call("south", "GET", "/databases/notes/documents/d?conflicts=true").json
    assert (found["_rev"], found["phone"]) == (answer.json["rev"], "2")
    assert "_conflicts" not in found
    assert call("south", "POST", ONE, json=sent).status_code == 409
    entry = call("south", "GET", "/databases/notes/documents/d/history").json
    assert "asked him" in [one["comment"] for one in entry]


def test_removing_one_version_leaves_the_other(call: Any, notes: Any) -> None:
    assert call("south", "DELETE", "/databases/notes/documents/d?rev=2-b").status_code == 200
    assert call("south", "GET", LIST).json["rows"] == []
    assert call("south", "GET", "/databases/notes/documents/d").json["phone"] == "3"


def test_keeping_what_was_deleted_elsewhere(call: Any, notes: Any) -> None:
    notes.insert([Branch("q", ["1-a"], {"title": "Q"})], AT)
    notes.insert([Branch("q", ["2-x", "1-a"], {}, True), Branch("q", ["2-e", "1-a"], {"title": "edited"})], AT)
    address = "/databases/notes/documents/q/conflicts"
    assert [one["by"] for one in call("south", "GET", address).json["deletions"]] == ["north"]
    assert call("south", "POST", address, json={"keep": True}).json == {"id": "q", "rev": "2-e"}
    assert call("south", "GET", address).json["deletions"] == []


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"rev": 1, "others": ["2-b"]},
        {"rev": "2-c", "others": "2-b"},
        {"rev": "2-c", "others": [1]},
        {"rev": "2-c", "others": ["2-b"], "items": []},
        {"rev": "2-c", "others": ["2-b"], "files": {"a": 1}},
        {"rev": "2-c", "others": ["2-b"], "files": {"a": "2-b"}},
    ],
)
def test_bad_input(call: Any, notes: Any, sent: dict[str, Any]) -> None:
    assert call("south", "POST", ONE, json=sent).status_code == 400
    assert notes.tree("d").live == ["2-c", "2-b"]
