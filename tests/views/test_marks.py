"""Unread marks: a baseline, exceptions, own edits and corrections; saved filters and columns."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import BadRequest, Forbidden, NotFound
from app.views.saved import Choice, SavedFilters
from tests.views.conftest import World


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


def test_saved_filters_are_private_unless_shared(world: World) -> None:
    saved = SavedFilters(world.store)
    ann, bob = world.open("ann"), world.open("bob")
    mine = saved.save(ann, "all", "Won", {"filter": "stage=won"}, columns=["title"])
    assert [each.name for each in saved.list(ann)] == ["Won"]
    assert saved.list(bob) == []
    with pytest.raises(NotFound):
        saved.remove(bob, mine.id)
    with pytest.raises(Forbidden):
        saved.save(ann, "all", "For all", {}, shared=True)
    changed = saved.save(ann, "all", "Lost", {"filter": "stage=lost"}, id=mine.id)
    assert (changed.id, changed.name) == (mine.id, "Lost")
    saved.remove(ann, mine.id)
    assert saved.list(ann) == []


@pytest.mark.parametrize(
    ("name", "query", "columns"),
    [("", {}, None), ("x" * 81, {}, None), ("a", {"limit": 3}, None), ("a", {"filter": "a"}, None), ("a", {}, ["no"])],
)
def test_what_cannot_be_kept(world: World, name: str, query: dict[str, Any], columns: Any) -> None:
    with pytest.raises(BadRequest):
        SavedFilters(world.store).save(world.open("ann"), "all", name, query, columns=columns)


def test_columns_are_kept_per_person(world: World) -> None:
    saved = SavedFilters(world.store)
    saved.choose(world.open("ann"), "all", Choice(["amount", "title", "gone"], {"title": 9999, "gone": 3}))
    assert saved.choice(world.open("ann"), "all") == Choice(["amount", "title"], {"title": 2000}, [])
    assert saved.choice(world.open("bob"), "all") == Choice()
