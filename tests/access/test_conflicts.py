"""What waits for a person, as the door tells it: the list, versions side by side, settling, deletions asked about."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from app.access import SYSTEM
from app.access.acl import make
from app.errors import Conflict, Forbidden, NotFound
from app.node import Node
from app.store import Branch, Context
from tests.replication.conftest import ACL

AT = Context("north", "2026-01-01T00:00:00.000Z")


@pytest.fixture
def notes(node: Node) -> Any:
    node.databases.create("notes", SYSTEM, make(ACL))
    return node.store.database("notes")


@pytest.fixture
def clash(notes: Any) -> str:
    """Two versions of one document, as a laptop (which never merges) or an older hub left them."""
    base = {"title": "T", "phone": "1", "created_by": "north", "created_at": "2026-01-01T00:00:00.000Z"}
    for path, items in ((["1-a"], {}), (["2-b", "1-a"], {"phone": "2", "fax": "9"}), (["2-c", "1-a"], {"phone": "3"})):
        assert notes.insert([Branch("d", path, {**base, **items})], AT) == [None]
    return "d"


def test_versions_stand_side_by_side_with_what_they_started_from(clash: str, opened: Any) -> None:
    conflicts = opened("notes", "south").conflicts
    assert [(row.id, row.versions, row.deletions) for row in conflicts.listing()] == [("d", 2, 0)]
    assert conflicts.count() == 1
    found = conflicts.versions("d")
    assert [version["phone"] for version in found.versions] == ["3", "2"]
    assert found.base["phone"] == "1"


def test_settling_keeps_what_is_chosen_and_ends_the_others(clash: str, opened: Any, notes: Any) -> None:
    south = opened("notes", "south")
    saved = south.conflicts.settle("d", "2-c", ["2-b"], {"phone": "2"}, comment="asked")
    found = south.get("d", conflicts=True)
    assert (found["_rev"], found["phone"], found.get("fax")) == (saved.rev, "2", None)
    assert "_conflicts" not in found
    assert south.conflicts.listing() == []
    entry = next(entry for entry in south.history("d") if entry.rev == saved.rev)
    assert (entry.action, entry.by, entry.comment) == ("settle_conflict", "south", "asked")
    assert "9" in repr(south.history("d"))  # nothing is lost
    assert notes.joined("d") == {"2-b": saved.rev}


def test_settling_names_the_versions_it_was_decided_on(clash: str, opened: Any, notes: Any) -> None:
    south = opened("notes", "south")
    for rev, others in (("2-b", ["2-c"]), ("2-c", []), ("2-c", ["2-x"]), ("2-c", ["2-c"]), ("1-a", ["2-b"])):
        with pytest.raises(Conflict):
            south.conflicts.settle("d", rev, others, {"phone": "9"})
    assert notes.tree("d").live == ["2-c", "2-b"]


def test_files_of_another_version(opened: Any, notes: Any) -> None:
    north = opened("notes", "north")
    rev = north.create({"title": "T"}, id="f").rev
    north.put_attachment("f", "a.txt", BytesIO(b"one"), "text/plain", rev)
    stub = notes.get("f").attachments["a.txt"]
    notes.insert([Branch("f", ["2-zz", rev], {"title": "U"})], AT)
    winner, loser = notes.tree("f").live
    holder = next(leaf.rev for leaf in notes.leaves("f") if leaf.attachments)
    north.conflicts.settle("f", winner, [loser], {}, files={"a.txt": holder})
    assert notes.get("f").attachments["a.txt"].digest == stub.digest


def test_readers_see_but_do_not_settle(clash: str, opened: Any) -> None:
    support = opened("notes", "support")
    assert support.conflicts.listing() == []
    with pytest.raises(Forbidden):
        support.conflicts.settle("d", "2-c", ["2-b"], {})
    assert len(support.conflicts.versions("d").versions) == 2


def test_a_version_somebody_does_not_read_is_not_there(opened: Any, notes: Any) -> None:
    for path, items in ((["1-a"], {}), (["2-b", "1-a"], {"readers": ["north"]}), (["2-c", "1-a"], {})):
        notes.insert([Branch("h", path, {"title": "T", **items})], AT)
    south, north = opened("notes", "south"), opened("notes", "north")
    assert (south.conflicts.count(), north.conflicts.count()) == (0, 1)
    assert [version["_rev"] for version in south.conflicts.versions("h").versions] == ["2-c"]
    with pytest.raises(Conflict):
        south.conflicts.settle("h", "2-c", ["2-b"], {})
    with pytest.raises(NotFound):
        opened("notes", "south").conflicts.versions("nothing")


def deleted_there(notes: Any) -> None:
    notes.insert([Branch("q", ["1-a"], {"title": "T"})], AT)
    notes.insert([Branch("q", ["2-x", "1-a"], {}, True)], AT)
    notes.insert([Branch("q", ["2-e", "1-a"], {"title": "edited"})], AT)


def test_an_edit_of_what_was_deleted_is_asked_about_once(opened: Any, notes: Any) -> None:
    deleted_there(notes)
    south = opened("notes", "south")
    assert [(row.id, row.versions, row.deletions) for row in south.conflicts.listing()] == [("q", 1, 1)]
    assert [entry.by for entry in south.conflicts.versions("q").deletions] == ["north"]
    south.conflicts.keep("q")
    assert south.conflicts.listing() == []
    assert south.get("q")["title"] == "edited"
    assert notes.tree("q").live == ["2-e"]


def test_the_answer_may_be_to_delete(opened: Any, notes: Any) -> None:
    deleted_there(notes)
    south = opened("notes", "south")
    south.delete("q", "2-e")
    assert south.conflicts.listing() == []
    assert not south.exists("q")


def test_whoever_restores_a_document_with_versions_is_not_asked(clash: str, opened: Any) -> None:
    south = opened("notes", "south")
    south.delete("d", "2-c")
    south.restore("d")
    assert south.conflicts.listing() == []
    assert south.get("d", conflicts=True).get("_conflicts") is None


def test_a_purged_document_leaves_no_row(clash: str, opened: Any, node: Node) -> None:
    node.store.database("notes").purge("d")
    with node.store.reading() as connection:
        assert connection.execute("SELECT count(*) FROM conflicts").fetchone()[0] == 0
