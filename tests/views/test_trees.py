"""Responses stand under their parents, whenever these come or change, and tell nothing of unreadable ones."""

from __future__ import annotations

from typing import Any

from tests.views.conftest import World


def reply(world: World, id: str, parent: str, day: int = 1, **items: Any) -> None:
    created = f"2026-01-{day:02}T00:00:00.000Z"
    world.put(id, form="reply", parent=parent, title=f"re {id}", created_at=created, **items)


def shape(world: World, person: str = "ann", view: str = "threads") -> list[tuple[str, int]]:
    return [(row.id if not row.restricted else "?", row.level) for row in world.walk(person, view)]


def thread(world: World) -> None:
    world.put("b", title="b")
    reply(world, "b2", "b", 3)
    reply(world, "b1", "b", 2)
    reply(world, "b1a", "b1", 4)
    world.put("a", title="a")
    reply(world, "a1", "a", 1)


def test_responses_follow_in_the_order_of_their_time(world: World) -> None:
    thread(world)
    assert shape(world) == [("a", 0), ("a1", 1), ("b", 0), ("b1", 1), ("b1a", 2), ("b2", 1)]


def test_a_parent_that_comes_later_gathers_its_responses(world: World) -> None:
    reply(world, "b1a", "b1", 4)
    reply(world, "b1", "b", 2)
    assert shape(world) == [("?", 0), ("b1", 1), ("b1a", 2)]
    world.put("b", title="b")
    assert shape(world) == [("b", 0), ("b1", 1), ("b1a", 2)]


def test_responses_move_with_their_parent(world: World) -> None:
    thread(world)
    world.put("a", title="z")
    assert shape(world)[-2:] == [("a", 0), ("a1", 1)]
    reply(world, "b1", "a", 2)
    assert shape(world) == [("b", 0), ("b2", 1), ("a", 0), ("a1", 1), ("b1", 1), ("b1a", 2)]


def test_a_parent_that_cannot_be_read_is_a_placeholder(world: World) -> None:
    world.put("a", title="Secret merger", stage="secret", readers=["bob"])
    reply(world, "a1", "a", 1, readers=["bob"])
    reply(world, "a1x", "a1", 2)
    reply(world, "a2", "a", 3)
    assert shape(world) == [("?", 0), ("?", 1), ("a1x", 2), ("a2", 1)]
    assert shape(world, "bob") == [("a", 0), ("a1", 1), ("a1x", 2), ("a2", 1)]
    rows = world.walk("ann", "threads")
    assert "ecret" not in repr(rows)
    page = world.views.page(world.open("ann"), "threads_by_stage")
    assert "ecret" not in repr(page)
    assert world.views.categories(world.open("ann"), "threads_by_stage") == []


def test_a_placeholder_is_not_repeated_on_the_next_page(world: World) -> None:
    world.put("a", title="a", readers=["bob"])
    for day in range(1, 6):
        reply(world, f"r{day}", "a", day)
    rows = world.walk("ann", "threads", limit=2)
    assert [row.restricted for row in rows] == [True, False, False, False, False, False]


def test_a_deleted_parent_leaves_a_placeholder(world: World) -> None:
    thread(world)
    world.delete("b1")
    assert shape(world) == [("a", 0), ("a1", 1), ("b", 0), ("b2", 1), ("?", 0), ("b1a", 1)]


def test_many_levels_and_rings_do_no_harm(world: World) -> None:
    world.put("d0", title="d0")
    for n in range(1, 45):
        world.put(f"d{n}", form="reply", parent=f"d{n - 1}", title="x", created_at=f"2026-01-01T00:00:{n:02}.000Z")
    found = shape(world)
    assert len(found) == 45
    assert max(level for _, level in found) == 31
    reply(world, "d1", "d44")
    reply(world, "self", "self")
    shape(world)


def test_many_responses_follow_in_the_background(world: World) -> None:
    world.put("a", title="a")
    world.put_many({f"r{n:03}": {"form": "reply", "parent": "a", "title": "r"} for n in range(300)})
    world.views.catch_up()
    world.put("b", title="m")
    world.put("a", title="z")
    world.views.catch_up()
    assert [id for id, _ in shape(world)][:2] == ["b", "a"]
    assert len(shape(world)) == 302


def test_bulk_in_any_order(world: World) -> None:
    documents: dict[str, dict[str, Any]] = {
        f"r{n:03}": {"form": "reply", "parent": f"r{n + 1:03}" if n % 10 else f"t{n:03}", "title": "r"}
        for n in range(9)
    }
    documents |= {f"t{n:03}": {"title": f"t{n}"} for n in range(200)}
    world.put_many(documents)
    world.views.catch_up()
    assert len(world.walk("ann", "threads", limit=200)) >= 209
