"""Levels, readers and authors on the real store: what each person meets at the door, by every path of
reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.access import ANONYMOUS, Database
from app.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from tests.access.conftest import World

LEVELS = ["manager", "designer", "editor", "author", "reader", "depositor", "none"]


def with_level(world: World, level: str, *flags: str) -> Database:
    """Bob at this level; ada manages."""
    world.make(
        "notes",
        {
            "-Default-": {"level": "none"},
            "bob": {"type": "person", "level": level, "flags": list(flags)},
            "ada": {"type": "person", "level": "manager", "flags": ["delete"]},
        },
    )
    world.put("notes", "open")
    world.put("notes", "bobs", readers=["bob"], authors=["bob"])
    world.put("notes", "adas", readers=["ada"])
    return world.open("notes", "bob")


def seen(database: Database) -> set[str]:
    """What a person sees, checked to be the same by every way of reading."""
    listed = {row.id for row in database.changes()}
    assert listed - {"acl"} == set(database.get_many(["open", "bobs", "adas", "public", "new"]))
    assert database.count() == len(listed)
    assert all(database.exists(id) and database.get(id)["_id"] == id for id in listed)
    return listed - {"acl"}


def outcome(action: Any) -> str:
    """ok, 403, 404 …"""
    try:
        action()
    except (Forbidden, NotFound) as problem:
        return str(problem.status)
    return "ok"


READS = [(level, {"open", "bobs"}) for level in LEVELS[:5]] + [("depositor", set())]


@pytest.mark.parametrize(("level", "expected"), READS)
def test_what_each_level_reads(world: World, level: str, expected: set[str]) -> None:
    assert seen(with_level(world, level)) == expected


def test_none_does_not_even_open_the_database(world: World) -> None:
    with pytest.raises(NotFound) as missing:
        with_level(world, "none", "create", "delete")
    with pytest.raises(NotFound) as absent:
        world.open("nowhere", "bob")
    assert missing.value.reason == absent.value.reason


# level, create without flag, create with flag, change open, change his own, change another's, delete his own
WRITES = [
    ("manager", "ok", "ok", "ok", "ok", "404", "ok"),
    ("designer", "ok", "ok", "ok", "ok", "404", "ok"),
    ("editor", "ok", "ok", "ok", "ok", "404", "ok"),
    ("author", "403", "ok", "403", "ok", "404", "ok"),
    ("reader", "403", "403", "403", "403", "404", "403"),
    ("depositor", "ok", "ok", "404", "404", "404", "404"),
]


@pytest.mark.parametrize(("level", "bare", "flagged", "open_", "own", "other", "delete"), WRITES)
def test_what_each_level_writes(
    world: World, level: str, bare: str, flagged: str, open_: str, own: str, other: str, delete: str
) -> None:
    plain = with_level(world, level, "delete")
    assert outcome(lambda: plain.create({"form": "note"})) == bare
    assert outcome(lambda: plain.change("open", {"text": "x"})) == open_
    assert outcome(lambda: plain.change("bobs", {"text": "x"})) == own
    assert outcome(lambda: plain.change("adas", {"text": "x"})) == other
    assert outcome(lambda: plain.delete("bobs")) == delete
    entries = {
        "-Default-": {"level": "none"},
        "ada": {"type": "person", "level": "manager"},
        "bob": {"type": "person", "level": level, "flags": ["create"]},
    }
    world.make("others", entries)
    assert outcome(lambda: world.open("others", "bob").create({"form": "note"})) == flagged


@pytest.mark.parametrize("level", LEVELS[:4])
def test_without_the_flag_nobody_deletes_not_even_a_manager(world: World, level: str) -> None:
    database = with_level(world, level, "create")
    with pytest.raises(Forbidden):
        database.delete("bobs")
    assert database.exists("bobs")


def test_a_depositor_does_not_read_what_he_made(world: World) -> None:
    database = with_level(world, "depositor")
    saved = database.create({"form": "note"}, id="new")
    assert saved.warnings == []
    with pytest.raises(NotFound):
        database.get("new")
    assert seen(database) == set()
    assert world.open("notes", "ada").get("new")["created_by"] == "bob"


def test_missing_and_forbidden_look_the_same(world: World) -> None:
    database = with_level(world, "editor")
    answers = []
    for id in ("adas", "nothing"):
        for action in (
            database.get,
            database.delete,
            database.history,
            database.restore,
            database.who_may_see,
        ):
            with pytest.raises(NotFound) as problem:
                action(id)
            answers.append((problem.value.status, problem.value.reason, problem.value.fields))
        with pytest.raises(NotFound) as problem:
            database.change(id, {"a": 1}, "1-abc")
        answers.append((problem.value.status, problem.value.reason, problem.value.fields))
    assert len({str(answer) for answer in answers}) == 1


def test_public_documents_are_all_that_none_with_the_flag_sees(world: World) -> None:
    database = None
    try:
        database = with_level(world, "none", "read_public")
    finally:
        assert database is not None
    world.put("notes", "public", public=True)
    assert seen(database) == {"public"}
    assert seen(world.open("notes", "ada")) == {"open", "adas", "public"}
    with pytest.raises(Forbidden):
        database.change("public", {"text": "x"})


def test_write_public_creates_and_changes_public_documents_only(world: World) -> None:
    database = with_level(world, "none", "read_public", "write_public")
    database.create({"form": "note", "public": True}, id="public")
    database.change("public", {"text": "x"})
    assert outcome(lambda: database.create({"form": "note"})) == "403"
    assert outcome(lambda: database.delete("public")) == "403"
    assert seen(database) == {"public"}


def test_not_signed_in_takes_the_entry_anonymous(world: World) -> None:
    world.make("wall", {"-Default-": {"level": "editor"}, "Anonymous": {"level": "reader"}})
    world.make("desk", {"-Default-": {"level": "reader"}})
    world.put("wall", "open")
    assert world.databases.open("wall", ANONYMOUS).get("open")["form"] == "note"
    assert world.databases.open("wall", ANONYMOUS).rights.entry == "Anonymous"
    assert world.databases.open("desk", ANONYMOUS).rights.entry == "-Default-"
    with pytest.raises(NotFound):
        world.databases.open("directory", ANONYMOUS)
