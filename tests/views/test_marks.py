"""Unread marks: a baseline, exceptions, own edits and corrections; saved filters and columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.views.conftest import VIEWS, World, make_design


def write(world: World, id: str, by: str = "bob", minute: int = 0, **items: Any) -> None:
    at = f"2026-01-01T00:{minute:02}:00.000Z"
    world.put(id, title=id, changed_by=by, changed_at=at, **items)


def unread(world: World, person: str = "ann", **query: Any) -> list[str]:
    return [row.id for row in world.walk(person, "all", **query) if row.unread]


def test_a_newcomer_begins_with_everything_read(world: World) -> None:
    write(world, "old")
    assert unread(world) == []
    write(world, "new")
    assert unread(world) == ["new"]
    assert world.ids("ann", unread=True) == ["new"]
    assert world.views.marks.unread_count(world.open("ann"), "all") == 1


def test_reading_marks_read_until_it_changes(world: World) -> None:
    unread(world)
    write(world, "a")
    world.views.marks.read(world.open("ann"), "a")
    assert unread(world) == []
    write(world, "a", minute=5)
    assert unread(world) == ["a"]


def test_corrections_and_own_edits_do_not_mark_again(world: World) -> None:
    unread(world)
    write(world, "a")
    world.views.marks.read(world.open("ann"), "a")
    write(world, "a", authors=["admins"])  # same content: changed_at and changed_by as before
    write(world, "b", by="ann")
    assert unread(world) == []
    write(world, "a", by="ann", minute=7)
    assert unread(world) == []


def test_marked_by_hand_and_all_read(world: World) -> None:
    write(world, "a")
    write(world, "b")
    unread(world)
    world.views.marks.unread(world.open("ann"), ["a"])
    assert unread(world) == ["a"]
    assert world.ids("ann", unread=True) == ["a"]
    world.views.marks.read_all(world.open("ann"))
    assert unread(world) == []
    assert world.views.marks.unread_count(world.open("ann")) == 0


def test_counts_are_capped_and_only_of_the_view_and_the_readable(world: World) -> None:
    unread(world)
    world.put_many({f"d{n:03}": {"title": "t", "changed_by": "bob"} for n in range(130)}, defer=False)
    world.put("x", title="x", stage="lost")
    world.put("y", title="y", readers=["eve"])
    count = world.views.marks.unread_count
    assert count(world.open("ann"), "all") == 100
    assert count(world.open("ann"), "all", cap=500) == 131
    assert count(world.open("ann"), "open", cap=500) == 130
    assert count(world.open("bob"), "all", cap=500) == 0  # a newcomer


def test_unread_of_others_are_not_touched(world: World) -> None:
    unread(world)
    unread(world, "eve")
    write(world, "a")
    world.views.marks.read(world.open("ann"), ["a", "missing"])
    assert unread(world, "eve") == ["a"]


def test_what_a_removed_person_kept_is_gone(world: World) -> None:
    kept = ("marks_read", "filters", "preferences")
    world.views.marks.read(world.open("ann"), ["a"])
    with world.store.node.transaction() as connection:
        connection.execute("INSERT INTO filters VALUES ('1', 'ann', 'deals', 'all', 'Won', 0, 'filter=stage=won')")
        connection.execute("INSERT INTO preferences VALUES ('ann', 'view:all', '{}')")
    world.views.marks.forget("ann")
    with world.store.node.reading() as connection:
        count = "SELECT count(*) FROM {} WHERE person = 'ann'"
        left = [connection.execute(count.format(table)).fetchone()[0] for table in kept]
    assert left == [0, 0, 0]


def test_a_count_asks_what_the_filter_of_the_view_asks(world: World, tmp_path: Path) -> None:
    mine = "label: {en: M}\nforms: [deal]\nfilter: note=me\nsort: [{by: title}]\ncolumns: [{name: title}, {name: note}]"
    world.design = make_design(tmp_path, {**VIEWS, "mine": mine})
    unread(world)
    write(world, "a", note="ann")
    write(world, "b", note="bob")
    count = world.views.marks.unread_count
    assert (count(world.open("ann"), "all"), count(world.open("ann"), "mine"), count(world.open("ann"), "none")) == (
        2,
        1,
        0,
    )
    assert world.ids("ann", "mine", unread=True) == ["a"]


def test_a_page_reads_the_marks_of_its_rows_only(world: World) -> None:
    write(world, "a")
    unread(world)
    ids = [f"d{n:03}" for n in range(130)]
    world.put_many({id: {"title": id, "changed_by": "bob"} for id in ids}, defer=False)
    database, marks = world.open("ann"), world.views.marks
    marks.read(database, ids)
    seen = marks.seen(database)
    seen.look(ids[:5])
    assert seen.unread("a", 1, "1-a", {}) is False
    assert set(seen._read) == {*ids[:5], "a"}
    assert unread(world) == []
    marks.unread(database, ids[:3])
    assert unread(world, limit=50) == ids[:3]
    assert marks.unread_count(database, "all") == 3
