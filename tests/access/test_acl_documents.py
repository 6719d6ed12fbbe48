"""The ACL as a document: who reads and changes it, what is refused, what the log keeps, when a change
counts."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from app.access import SYSTEM, Level, acl
from app.errors import BadRequest, Conflict, FileExists, Forbidden, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.store import Store
    from tests.access.conftest import World

ADA = {"type": "person", "level": "manager", "flags": ["delete"]}
ENTRIES: dict[str, Any] = {
    "-Default-": {"level": "reader"},
    "ada": ADA,
    "lea": {"type": "person", "level": "designer", "flags": ["delete"]},
}


@pytest.fixture
def notes(world: World) -> World:
    world.make("notes", ENTRIES)
    world.put("notes", "doc")
    return world


def entries(**changed: Any) -> acl.Acl:
    return acl.make({**ENTRIES, **changed})


def test_only_managers_see_the_acl(notes: World) -> None:
    assert notes.open("notes", "ada").get("acl")["entries"]["ada"]["level"] == "manager"
    for key in ("lea", "ann"):
        database = notes.open("notes", key)
        assert not database.exists("acl")
        assert "acl" not in {row.id for row in database.changes()}
        with pytest.raises(Forbidden):
            notes.databases.acl("notes", notes.identity(key))


@pytest.mark.parametrize("key", ["lea", "ann"])
def test_only_managers_change_the_acl_by_any_path(notes: World, key: str) -> None:
    with pytest.raises(Forbidden):
        notes.databases.acl("notes", notes.identity(key))
    database = notes.open("notes", key)
    for write in (
        lambda: notes.databases.set_acl("notes", notes.identity(key), entries()),
        lambda: database.change("acl", {"entries": {}}),
        lambda: database.create({"form": "acl", "entries": {}}),
        lambda: database.create({"form": "acl", "entries": {}}, id="acl"),
        lambda: database.delete("acl"),
    ):
        with pytest.raises((Forbidden, NotFound, BadRequest, Conflict)):
            write()
    assert [type(row).__name__ for row in database.create_many([{"form": "acl", "_id": "acl2"}])] == ["Forbidden"]
    assert notes.databases.acl("notes") == entries()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"-Default-": None}, "-Default- cannot be deleted"),
        ({"ada": None}, "a living manager remains"),
        ({"ada": {"type": "person", "level": "editor"}}, "a living manager remains"),
        (
            {"ada": None, "ghost": {"type": "person", "level": "manager"}},
            "a manager who does not exist is none",
        ),
        ({"ann": {"type": "group", "level": "reader"}}, "a person is no group"),
        ({"sellers": {"type": "person", "level": "reader"}}, "a group is no person"),
        ({"ann": {"level": "boss"}}, "no such level"),
        ({"ann": {"level": "reader", "flags": ["fly"]}}, "no such flag"),
    ],
)
def test_what_is_refused(notes: World, changed: dict[str, Any], why: str) -> None:
    wanted = {name: entry for name, entry in {**ENTRIES, **changed}.items() if entry is not None}
    with pytest.raises(BadRequest):
        notes.open("notes", "ada").change("acl", {"entries": wanted})
    assert notes.databases.acl("notes") == entries()


def test_the_acl_is_never_deleted(notes: World) -> None:
    with pytest.raises(Forbidden):
        notes.open("notes", "ada").delete("acl")


def test_the_acl_cannot_be_opened_to_others(notes: World) -> None:
    notes.open("notes", "ada").change("acl", {"readers": ["*"], "authors": ["ann"], "public": True})
    assert not notes.open("notes", "ann").exists("acl")


def test_a_change_counts_at_the_next_opening_and_is_logged(notes: World) -> None:
    notes.databases.set_acl("notes", notes.identity("ada"), entries(ann={"type": "person", "level": "editor"}))
    assert notes.open("notes", "ann").rights.level == Level.EDITOR
    entry = notes.databases.search_audit(notes.identity("ada"), event="acl", database="notes")[0]
    assert entry.person == "ada"
    assert entry.detail["before"] == {}
    assert entry.detail["after"]["ann"]["level"] == "editor"


def test_a_refused_change_is_not_logged(notes: World) -> None:
    before = len(notes.audit.search(event="acl"))
    with pytest.raises(BadRequest):
        notes.databases.set_acl("notes", notes.identity("ada"), entries(ada={"level": "reader"}))
    assert len(notes.audit.search(event="acl")) == before


def test_another_view_of_the_store_sees_a_change_at_once(
    notes: World, store: Store, reopen: Callable[[Store], World]
) -> None:
    other = reopen(store)
    assert other.open("notes", "ann").rights.level == Level.READER
    notes.databases.set_acl("notes", notes.identity("ada"), entries(ann={"level": "none"}))
    with pytest.raises(NotFound):
        other.open("notes", "ann")


def test_another_process_changes_acl_and_groups_and_this_one_sees_it(notes: World, store: Store) -> None:
    assert notes.open("notes", "eve").rights.level == Level.READER
    script = (
        "import sys; from pathlib import Path\n"
        "from app.access import SYSTEM, acl, open_access; from app.store import Store\n"
        "access = open_access(Store.open(Path(sys.argv[1])))\n"
        "entries = {'-Default-': {'level': 'none'}, 'ada': {'type': 'person', 'level': 'manager'},"
        " 'sellers': {'type': 'group', 'level': 'author'}}\n"
        "access.databases.set_acl('notes', SYSTEM, acl.make(entries))\n"
        "access.directory.change_group(SYSTEM, 'sellers', add=['eve'], remove=['ann'])\n"
    )
    subprocess.run([sys.executable, "-c", script, str(store.data)], check=True)
    assert notes.open("notes", "eve").rights.entry == "sellers"
    with pytest.raises(NotFound):
        notes.open("notes", "ann")


def test_a_change_in_a_transaction_that_fails_never_counted(notes: World) -> None:
    def fail() -> None:
        with notes.store.transaction():
            notes.databases.set_acl("notes", notes.identity("ada"), entries(ann={"level": "editor"}))
            assert notes.open("notes", "ann").rights.level == Level.EDITOR
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert notes.open("notes", "ann").rights.level == Level.READER


def test_a_malformed_acl_closes_the_database_and_full_access_opens_it(notes: World) -> None:
    raw = notes.store.database("notes")
    from app.store import Context, Edit

    raw.put(
        Edit("acl", raw.get("acl").rev, {"form": "acl", "entries": 5}),
        Context("x", "2026-01-01T00:00:00.000Z"),
    )
    with pytest.raises(NotFound):
        notes.open("notes", "ada")
    rescuer = notes.databases.full_access(notes.identity("ada"))
    notes.databases.set_acl("notes", rescuer, entries())
    assert notes.open("notes", "ada").rights.level == Level.MANAGER


def test_who_may_make_databases(notes: World) -> None:
    with pytest.raises(Forbidden):
        notes.databases.create("mine", notes.identity("ann"))
    database = notes.databases.create("mine", notes.identity("ada"))
    assert database.rights.level == Level.MANAGER
    assert notes.open("mine", "ann").rights.flags == {"create", "delete", "replicate_or_copy"}
    with pytest.raises(FileExists):
        notes.databases.create("mine", notes.identity("ada"))
    with pytest.raises(Forbidden):
        notes.databases.drop("mine", notes.identity("ann"))
    notes.databases.drop("mine", notes.identity("ada"))
    with pytest.raises(NotFound):
        notes.open("mine", "ada")


def test_readable_lists_what_opens(notes: World) -> None:
    notes.make("closed", {"-Default-": {"level": "none"}})
    found = notes.databases.readable(notes.identity("ann"))
    assert [(info.name, info.title, info.level) for info in found] == [
        ("directory", "directory", Level.READER),
        ("notes", "notes", Level.READER),
    ]
    assert "closed" in [info.name for info in notes.databases.readable(SYSTEM)]


@pytest.mark.parametrize(("key", "allowed"), [("ada", True), ("lea", True), ("ann", False)])
def test_designs_are_written_by_designers_and_open_to_readers(notes: World, key: str, allowed: bool) -> None:
    database = notes.open("notes", key)
    if allowed:
        database.create({"form": "design", "yaml": "x", "readers": ["ada"]}, id="design:form:x")
        assert notes.open("notes", "ann").get("design:form:x")["yaml"] == "x"
        with pytest.raises(BadRequest):
            database.create({"form": "design"}, id="elsewhere")
        database.delete("design:form:x")
    else:
        with pytest.raises(Forbidden):
            database.create({"form": "design"}, id="design:form:x")
