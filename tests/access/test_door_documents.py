"""Readers, authors, conflicts, deletion, anonymous documents and attachments on the real store."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import pytest

from app.access import ANONYMOUS, Database, Identity
from app.access.writer import LOST
from app.errors import BadRequest, Conflict, Forbidden, MissingStub, NotFound
from app.store import Branch, Context

if TYPE_CHECKING:
    from tests.access.conftest import World

ENTRIES: dict[str, Any] = {
    "-Default-": {"level": "none"},
    "Anonymous": {"level": "depositor"},
    "sellers": {"type": "group", "level": "author", "flags": ["create", "delete"]},
    "lea": {"type": "person", "level": "editor", "flags": ["delete"], "roles": ["Leaders"]},
    "ada": {"type": "person", "level": "manager", "flags": ["delete"]},
}


@pytest.fixture
def notes(world: World) -> World:
    world.make("notes", ENTRIES)
    return world


@pytest.fixture
def ann(notes: World) -> Database:
    return notes.open("notes", "ann")


def content(database: Database, id: str, name: str) -> bytes:
    with database.attachment(id, name)[1] as file:
        return file.read()


# the row, readers, authors, who sees it
LISTS: list[tuple[str, Any, Any, str]] = [
    ("all readers empty", [], [], "ann bob lea ada"),
    ("no lists at all", None, None, "ann bob lea ada"),
    ("one non-empty among several decides", ["", "ann"], [], "ann"),
    ("authors only, readers non-empty: authors imply read", ["bob"], ["ann"], "ann bob"),
    ("authors set, readers empty hides from nobody", [], ["ann"], "ann bob lea ada"),
    ("manager and editor not in readers", ["ann"], [], "ann"),
    ("in readers, level none", ["eve", "ann"], [], "ann"),
    ("star", ["*"], [], "ann bob lea ada"),
    ("role, held in this database only", ["[Leaders]"], [], "lea"),
    ("group", ["sellers"], [], "ann bob"),
    ("nested group", ["staff"], [], "ann bob lea"),
    ("unit", ["unit:east"], [], "ann bob"),
    ("unit above", ["unit:sales"], [], "ann bob lea"),
    ("position", ["leader-of:east"], [], "lea"),
    ("level", ["level:editor"], [], "lea ada"),
]


@pytest.mark.parametrize(("readers", "authors", "expected"), [row[1:] for row in LISTS],
                         ids=[row[0] for row in LISTS])  # fmt: skip
def test_who_sees_a_document(notes: World, readers: Any, authors: Any, expected: str) -> None:
    lists = {"readers": readers, "authors": authors}
    notes.put("notes", "doc", **{name: value for name, value in lists.items() if value is not None})
    seen = []
    for key in ("ann", "bob", "lea", "ada"):
        database = notes.open("notes", key)
        by_get, by_feed = database.exists("doc"), "doc" in {row.id for row in database.changes()}
        assert by_get is by_feed
        seen += [key] if by_get else []
    assert " ".join(seen) == expected
    with pytest.raises(NotFound):
        notes.open("notes", "eve")


@pytest.mark.parametrize("item", ["readers", "authors"])
@pytest.mark.parametrize("value", [["ann, bob"], ["ann; bob"], "ann", [5], {"ann": True}])
def test_lists_that_would_lock_everyone_out_are_refused(ann: Database, item: str, value: Any) -> None:
    with pytest.raises(BadRequest) as problem:
        ann.create({"form": "note", item: value}, id="doc")
    assert item in problem.value.fields
    assert not ann.exists("doc")


@pytest.mark.parametrize("readers", [["ghost"], ["eve"], ["[Nobody]"], ["unit:none"]])
def test_a_save_that_leaves_no_living_reader_is_refused(ann: Database, readers: list[str]) -> None:
    saved = ann.create({"form": "note", "authors": ["ann"]})
    for write in (
        lambda: ann.create({"form": "note", "readers": readers}),
        lambda: ann.change(saved.id, {"readers": readers, "authors": []}),
    ):
        with pytest.raises(BadRequest) as problem:
            write()
        assert "readers" in problem.value.fields


def test_a_person_who_left_is_no_living_reader(notes: World, ann: Database) -> None:
    ann.create({"form": "note", "readers": ["bob"]}, id="bobs")
    notes.directory.change_person(notes.identity("ada"), "bob", active=False)
    with pytest.raises(BadRequest):
        notes.open("notes", "ann").create({"form": "note", "readers": ["bob"]})


def test_full_access_rescues_on_purpose_and_is_logged(notes: World, ann: Database) -> None:
    ann.create({"form": "note", "readers": ["ann"], "authors": ["ann"]}, id="lost")
    with pytest.raises(NotFound):
        notes.open("notes", "ada").get("lost")
    rescuer = notes.databases.full_access(notes.identity("ada"))
    database = notes.databases.open("notes", rescuer)
    assert database.count() == database.visible.documents == 2
    database.change("lost", {"readers": ["ann", "ada"]})
    assert notes.open("notes", "ada").get("lost")["readers"] == ["ann", "ada"]
    logged = [(entry.event, entry.person) for entry in notes.audit.search(person="ada")]
    assert {event for event, _ in logged} >= {"full_access_taken", "full_access", "full_access_write"}


def test_full_access_is_for_administrators_only(notes: World) -> None:
    with pytest.raises(Forbidden):
        notes.databases.full_access(notes.identity("lea"))
    with pytest.raises(Forbidden):
        notes.databases.open("notes", Identity(notes.identity("lea").person, full_access=True))


def test_own_change_that_removes_own_access_stands_with_a_warning(ann: Database) -> None:
    saved = ann.create({"form": "note", "authors": ["ann"]})
    assert saved.warnings == []
    changed = ann.change(saved.id, {"readers": ["bob"], "authors": ["bob"]})
    assert changed.warnings == [LOST]
    assert not ann.exists(saved.id)


def test_names_and_times_come_from_the_identity_not_from_the_sender(ann: Database) -> None:
    forged = {"created_by": "bob", "changed_by": "bob", "created_at": "1999", "changed_at": "1999"}
    saved = ann.create({"form": "note", "authors": ["ann"], **forged})
    ann.update(saved.id, {"form": "note", "authors": ["ann"], **forged}, saved.rev)
    document = ann.get(saved.id)
    assert (document["created_by"], document["changed_by"]) == ("ann", "ann")
    assert document["created_at"] >= "2020"
    assert document["changed_at"] >= document["created_at"]


@pytest.mark.parametrize("items", [{"_x": 1}, {"_deleted": True}, {"form": "note", "_local_seq": 3}])
def test_underscore_names_are_refused(ann: Database, items: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        ann.create(items)


# -- conflicts


def test_a_stale_revision_is_a_conflict_with_current_and_base(ann: Database) -> None:
    first = ann.create({"form": "note", "text": "a", "authors": ["ann"]})
    second = ann.change(first.id, {"text": "b"}, first.rev)
    with pytest.raises(Conflict) as problem:
        ann.change(first.id, {"text": "c"}, first.rev)
    assert problem.value.current is not None
    assert problem.value.base is not None
    assert (problem.value.current["_rev"], problem.value.current["text"]) == (second.rev, "b")
    assert problem.value.base["text"] == "a"


def test_an_id_that_somebody_elses_document_has_tells_nothing(notes: World, ann: Database) -> None:
    notes.put("notes", "bobs", readers=["bob"], text="secret")
    with pytest.raises(Conflict) as problem:
        ann.create({"form": "note"}, id="bobs")
    assert (problem.value.current, problem.value.base) == (None, None)


def test_put_without_revision_makes_a_document_once(ann: Database) -> None:
    ann.update("mine", {"form": "note"})
    with pytest.raises(Conflict):
        ann.update("mine", {"form": "note"})


def test_a_conflict_branch_the_person_may_not_read_does_not_show(notes: World, ann: Database) -> None:
    rev = notes.put("notes", "doc", authors=["ann"], text="shared")
    hidden = Branch("doc", ["2-0000", rev], {"form": "note", "readers": ["bob"], "text": "secret"})
    open_ = Branch("doc", ["2-0001", rev], {"form": "note", "authors": ["ann"], "text": "other"})
    winner = Branch("doc", ["3-0002", "2-0002", rev], {"form": "note", "authors": ["ann"], "text": "mine"})
    notes.store.database("notes").insert([hidden, open_, winner], Context("bob", "2026-01-01T00:00:00.000Z"))
    assert ann.get("doc", conflicts=True)["_conflicts"] == ["2-0001"]
    assert "secret" not in str(ann.history("doc"))
    with pytest.raises(NotFound):
        ann.get("doc", "2-0000")
    assert ann.get("doc", "2-0001")["text"] == "other"
    ann.delete("doc", "2-0001")
    assert "_conflicts" not in ann.get("doc", conflicts=True)


# -- deletion


def test_deletion_ends_all_live_leaves(notes: World, ann: Database) -> None:
    rev = notes.put("notes", "doc", authors=["ann"])
    other = Branch("doc", ["2-0001", rev], {"form": "note", "authors": ["ann"]})
    winner = Branch("doc", ["2-0002", rev], {"form": "note", "authors": ["ann"]})
    raw = notes.store.database("notes")
    raw.insert([other, winner], Context("bob", "2026-01-01T00:00:00.000Z"))
    ann.delete("doc", "2-0002")
    assert all(leaf.deleted for leaf in raw.leaves("doc"))
    assert raw.get("doc", deleted=True).body["authors"] == ["ann"]


def test_the_trash_shows_what_the_person_could_read_and_may_delete(notes: World) -> None:
    for id, lists in (
        ("anns", {"readers": ["ann"], "authors": ["ann"]}),
        ("bobs", {"readers": ["bob"], "authors": ["bob"]}),
        ("read", {"readers": ["ann", "lea"]}),
    ):
        notes.put("notes", id, text=id, **lists)
    rescuer = notes.databases.open("notes", notes.databases.full_access(notes.identity("ada")))
    for id in ("anns", "bobs", "read"):
        rescuer.delete(id)
    shown = {key: [row.id for row in notes.open("notes", key).trash()] for key in ("ann", "bob", "lea", "ada")}
    assert shown == {"ann": ["anns"], "bob": ["bobs"], "lea": ["read"], "ada": []}
    with pytest.raises(NotFound):
        notes.open("notes", "ann").restore("bobs")


def test_restore_brings_id_and_content_back_with_a_new_revision(notes: World, ann: Database) -> None:
    rev = notes.put("notes", "doc", authors=["ann"], text="kept")
    attached = ann.put_attachment("doc", "a.txt", io.BytesIO(b"abc"), "text/plain", rev)
    deleted = ann.delete("doc", attached.rev)
    assert not ann.exists("doc")
    restored = ann.restore("doc")
    document = ann.get("doc")
    assert document["text"] == "kept"
    assert len({rev, deleted.rev, restored.rev}) == 3
    assert content(ann, "doc", "a.txt") == b"abc"
    assert ann.trash() == []


def test_the_trash_pages(notes: World, ann: Database) -> None:
    for number in range(5):
        notes.put("notes", f"d{number}", authors=["ann"])
        ann.delete(f"d{number}")
    first = ann.trash(limit=2)
    assert [row.id for row in first] == ["d4", "d3"]
    assert [row.id for row in ann.trash(limit=5, after=first[-1].seq)] == ["d2", "d1", "d0"]


def test_a_deleted_document_of_another_cannot_be_taken_over(notes: World, ann: Database) -> None:
    notes.put("notes", "doc", readers=["bob"], authors=["bob"], text="secret")
    notes.open("notes", "bob").delete("doc")
    with pytest.raises(Conflict):
        ann.create({"form": "note", "readers": ["ann"], "authors": ["ann"]}, id="doc")


def test_tombstones_reach_only_those_who_could_read(notes: World) -> None:
    notes.put("notes", "doc", readers=["bob"], authors=["bob"])
    notes.open("notes", "bob").delete("doc")
    assert "doc" in {row.id for row in notes.open("notes", "bob").changes() if row.deleted}
    assert "doc" not in {row.id for row in notes.open("notes", "ann").changes()}


# -- history


def test_history_and_restoring_one_item(ann: Database) -> None:
    first = ann.create({"form": "note", "text": "a", "n": 1, "authors": ["ann"]})
    second = ann.change(first.id, {"text": "b"}, comment="better")
    ann.change(first.id, {"n": 2})
    entries = ann.history(first.id)
    assert [entry.by for entry in entries] == ["ann", "ann"]
    assert entries[1].items["text"] == ["a", "b"]
    assert entries[1].comment == "better"
    ann.restore_item(first.id, first.rev, "text")
    assert (ann.get(first.id)["text"], ann.get(first.id)["n"]) == ("a", 2)
    ann.restore_item(first.id, second.rev, "text")
    assert ann.get(first.id)["text"] == "b"


# -- anonymous documents


def test_an_anonymous_document_holds_no_name_anywhere(notes: World, ann: Database) -> None:
    ann.create({"form": "note", "anonymous": True, "readers": ["lea"], "text": "complaint"}, id="doc")
    lea = notes.open("notes", "lea")
    lea.change("doc", {"text": "handled", "anonymous": False})
    saved = lea.get("doc")
    assert saved["anonymous"] is True
    assert not {"created_by", "changed_by"} & set(saved)
    assert [entry.by for entry in lea.history("doc")] == [""]
    lea.delete("doc")
    assert [row.by for row in lea.trash()] == [""]
    lea.restore("doc")
    with notes.store.reading() as connection:
        rows = connection.execute("SELECT body FROM documents WHERE id = 'doc'").fetchall()
        rows += connection.execute("SELECT by || coalesce(device, '') FROM history WHERE id = 'doc'").fetchall()
        rows += connection.execute("SELECT body FROM bodies").fetchall()
    assert "ann" not in str(rows).replace("anonymous", "")
    assert notes.audit.search(database="notes", person="ann") == []


def test_somebody_not_signed_in_deposits_without_a_name(notes: World) -> None:
    notes.databases.open("notes", ANONYMOUS).create({"form": "note"}, id="doc")
    assert notes.open("notes", "lea").get("doc")["created_by"] == ""


# -- attachments


def test_a_stub_with_a_foreign_digest_is_refused(notes: World, ann: Database) -> None:
    notes.put("notes", "bobs", readers=["bob"], authors=["bob"])
    notes.open("notes", "bob").put_attachment("bobs", "secret.txt", io.BytesIO(b"secret"), "text/plain")
    digest = notes.open("notes", "bob").get("bobs")["_attachments"]["secret.txt"]["digest"]
    stolen = {"secret.txt": {"stub": True, "digest": digest, "content_type": "text/plain"}}
    with pytest.raises(MissingStub):
        ann.create({"form": "note", "_attachments": stolen})
    own = ann.create({"form": "note", "authors": ["ann"]})
    with pytest.raises(MissingStub):
        ann.change(own.id, {"_attachments": stolen})


def test_stubs_of_the_document_and_of_its_ancestors_are_accepted(ann: Database) -> None:
    data = {"content_type": "text/plain", "data": base64.b64encode(b"abc").decode()}
    saved = ann.create({"form": "note", "authors": ["ann"], "_attachments": {"a.txt": data}})
    with_file = ann.get(saved.id)
    ann.change(saved.id, {"text": "x"})
    assert ann.get(saved.id)["_attachments"] == with_file["_attachments"]
    ann.update(saved.id, {**ann.get(saved.id), "_attachments": {}}, ann.get(saved.id)["_rev"])
    assert "_attachments" not in ann.get(saved.id)
    ann.change(saved.id, {"_attachments": with_file["_attachments"]})
    assert content(ann, saved.id, "a.txt") == b"abc"


def test_attachments_follow_the_document(notes: World, ann: Database) -> None:
    notes.put("notes", "bobs", readers=["bob"], authors=["bob"])
    notes.put("notes", "open")
    notes.open("notes", "bob").put_attachment("bobs", "a.txt", io.BytesIO(b"abc"), "text/plain")
    with pytest.raises(NotFound):
        ann.attachment("bobs", "a.txt")
    with pytest.raises(NotFound):
        ann.attachment("open", "a.txt")
    for id, error in (("bobs", NotFound), ("open", Forbidden)):
        with pytest.raises(error):
            ann.put_attachment(id, "b.txt", io.BytesIO(b"x"), "text/plain")
        with pytest.raises(error):
            ann.delete_attachment(id, "a.txt")
    bob = notes.open("notes", "bob")
    bob.delete_attachment("bobs", "a.txt")
    with pytest.raises(NotFound):
        bob.attachment("bobs", "a.txt")


# -- many


def test_many_documents_each_with_its_own_answer(ann: Database) -> None:
    rows = [
        {"form": "note"},
        {"form": "note", "readers": ["a, b"]},
        {"form": "note", "_id": "x"},
        {"_bad": 1},
    ]
    heard: list[int] = []
    assert [isinstance(answer, list) for answer in ann.check_many(rows)] == [True, False, True, False]
    assert not ann.exists("x")
    results = ann.create_many(rows, on_row=lambda place, result: heard.append(place))
    assert [type(result).__name__ for result in results] == ["Saved", "BadRequest", "Saved", "BadRequest"]
    assert heard == [0, 1, 2, 3]
    assert ann.get("x")["created_by"] == "ann"
    assert isinstance(ann.create_many([{"form": "note"}], ids=["x"])[0], Conflict)


def test_many_documents_by_somebody_who_may_not(notes: World) -> None:
    notes.make("closed", {**ENTRIES, "lea": {"type": "person", "level": "reader"}})
    results = notes.open("closed", "lea").create_many([{"form": "note"}] * 3)
    assert [type(result).__name__ for result in results] == ["Forbidden"] * 3
    assert notes.open("closed", "lea").count() == 0


def test_sql_for_views_sees_what_the_person_sees(notes: World, ann: Database) -> None:
    notes.put("notes", "open")
    notes.put("notes", "bobs", readers=["bob"])
    with ann.reading() as reading:
        rows = reading.connection.execute(
            f"SELECT id FROM documents WHERE db = ? AND access IN (SELECT access FROM {reading.table})",
            (reading.number,),
        ).fetchall()
    assert rows == [("open",)]


def test_copying_needs_its_flag(notes: World, ann: Database) -> None:
    assert not ann.may_copy
    with pytest.raises(Forbidden):
        ann.require_copy()
    notes.make("free", {"-Default-": {"level": "reader", "flags": ["replicate_or_copy"]}})
    notes.open("free", "ann").require_copy()


def test_an_id_in_use_gets_the_same_answer_whether_the_document_is_readable_or_not(notes: World, ann: Database) -> None:
    notes.put("notes", "open")
    notes.put("notes", "bobs", readers=["bob"])
    answers = []
    for id in ("open", "bobs"):
        for write in (
            lambda id=id: ann.create({"form": "note"}, id=id),
            lambda id=id: ann.update(id, {"form": "note"}),
        ):
            with pytest.raises(Conflict) as problem:
                write()
            answers.append((str(problem.value), vars(problem.value)))
        many = ann.create_many([{"form": "note"}], ids=[id])[0]
        assert isinstance(many, Conflict)
        answers.append((str(many), vars(many)))
    assert all(answer == answers[0] for answer in answers)
