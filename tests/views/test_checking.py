"""`davenport check` sees where the index differs from the documents, and a rebuild repairs it."""

from __future__ import annotations

import pytest

from tests.views.conftest import World

ONE = "doc = (SELECT doc FROM documents WHERE id = 'd003')"
PLANTED = {
    "an entry is missing": "DELETE FROM entries WHERE {one}",
    "an entry of a set is missing": "DELETE FROM entries_of_access WHERE {one}",
    "an entry stands elsewhere": "UPDATE entries SET key = CAST(key || x'00' AS BLOB) WHERE {one}",
    "an entry is for others": "UPDATE entries SET access = access + 1 WHERE {one}",
    "what a document has is forgotten": "DELETE FROM doc_entries WHERE {one}",
    "a total is wrong": "UPDATE totals SET count = count + 1 WHERE level = 0",
    "a category's total is wrong": "UPDATE totals SET count = count + 1 WHERE level = 1 AND access >= 0",
}


def fill(world: World) -> None:
    documents = {
        f"d{n:03}": {"title": f"t{n}", "stage": "won", "labels": ["x", "y"][: n % 3], "readers": [[], ["ann"]][n % 2]}
        for n in range(20)
    }
    world.put_many(documents, defer=False)
    world.put("r", form="reply", parent="d001", title="r")
    world.put("s", form="reply", parent="r", title="s")
    world.put("gone", title="x")
    world.delete("gone")


def test_a_sound_index_has_nothing_to_say(world: World) -> None:
    fill(world)
    assert world.store.check() == []
    world.put_many({f"e{n:03}": {"title": "new"} for n in range(700)})
    assert world.store.check() == []  # they wait
    world.views.catch_up()
    assert world.store.check() == []


@pytest.mark.parametrize("planted", PLANTED)
def test_a_difference_is_seen_and_repaired(world: World, planted: str) -> None:
    fill(world)
    with world.store.transaction() as connection:
        connection.execute(PLANTED[planted].format(one=ONE))
    problems = world.store.check()
    assert problems
    assert all("Database deals" in problem and "reindex" in problem for problem in problems)
    world.views.rebuild(world.open("ann"))
    world.views.catch_up()
    assert world.store.check() == []


def test_a_body_that_was_never_indexed_is_seen(world: World) -> None:
    fill(world)
    with world.store.transaction() as connection:
        connection.execute("UPDATE documents SET body = replace(body, '\"won\"', '\"lost\"') WHERE id = 'd004'")
    assert any("1 documents (d004)" in problem for problem in world.store.check())
