"""Marks, filters, preferences and drafts follow the person from device to device, and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access import Database, Identity
from app.node import Node
from app.views.personal import PORTION, Thing, joined
from app.web.documents.drafts import Drafts
from tests.conftest import PASSWORD
from tests.replication.client.conftest import MakeLaptop, again, own

Opened = Callable[[str, str], Database]

MOMENTS = st.sampled_from([f"2026-11-22T08:00:0{n}.000Z" for n in range(4)])
READS = st.builds(
    Thing, st.just("read"), st.just("notes"), st.just("a"), MOMENTS, st.just(False), st.sampled_from("0123")
)
UNREADS = st.builds(Thing, st.just("unread"), st.just("notes"), st.just("a"), MOMENTS, st.just(False), st.none())
PREFERENCES = st.one_of(
    st.builds(Thing, st.just("preference"), st.just(""), st.just("a"), MOMENTS, st.just(True), st.none()),
    st.builds(Thing, st.just("preference"), st.just(""), st.just("a"), MOMENTS, st.just(False), st.sampled_from("xyz")),
)


@given(st.one_of(*(st.tuples(kind, kind, kind) for kind in (READS, UNREADS, PREFERENCES))))
def test_joining_is_commutative_associative_and_idempotent(things: tuple[Thing, Thing, Thing]) -> None:
    a, b, c = things
    assert joined(a, b) == joined(b, a)
    assert joined(a, joined(b, c)) == joined(joined(a, b), c)
    assert joined(a, a) == a
    assert joined(joined(a, b), b) == joined(a, b)


def unread(node: Node, database: Database) -> set[str]:
    """Ids of unread documents."""
    return set(node.marks.unread_ids(database))


@pytest.fixture
def two(laptop: MakeLaptop, opened: Opened, node: Node) -> tuple[Node, Node]:
    """Two laptops of north, and three documents of south that came after them, unread."""
    made = laptop("north"), laptop("north")
    for each in made:
        unread(each, own(each))  # the first visit
    unread(node, opened("notes", "north"))
    for id in "abc":
        opened("notes", "south").create({"n": 1}, id=id)
    for each in made:
        again(each)
        assert unread(each, own(each)) == {"a", "b", "c"}
    return made


def test_what_was_read_is_read_everywhere(two: tuple[Node, Node], node: Node, opened: Opened) -> None:
    one, other = two
    one.marks.read(own(one), "a")
    again(one)
    assert unread(node, opened("notes", "north")) == {"b", "c"}
    node.marks.read(opened("notes", "north"), "b")
    again(other)
    assert unread(other, own(other)) == {"c"}
    again(one)
    assert unread(one, own(one)) == {"c"}
    assert unread(node, opened("notes", "leader")) == set()  # first visit; nobody else's marks moved


def test_marked_unread_by_hand_beats_an_earlier_reading_and_not_a_later_one(
    two: tuple[Node, Node], node: Node, opened: Opened
) -> None:
    one, other = two
    one.marks.read(own(one), ["a", "b", "c"])
    again(one)
    again(other)
    other.marks.unread(own(other), "a")
    again(other)
    again(one)
    assert unread(one, own(one)) == {"a"} == unread(other, own(other))
    one.marks.read(own(one), "a")
    again(one)
    again(other)
    assert unread(one, own(one)) == set() == unread(other, own(other))


def test_reading_an_older_state_later_marks_nothing_read(two: tuple[Node, Node], node: Node, opened: Opened) -> None:
    one, other = two
    opened("notes", "south").change("a", {"n": 2}, opened("notes", "south").get("a")["_rev"])
    again(one)
    one.marks.read(own(one), "a")
    other.marks.read(own(other), "a")  # the first state, a moment later
    again(one)
    again(other)
    assert "a" not in unread(one, own(one)) | unread(other, own(other)) | unread(node, opened("notes", "north"))


def test_own_edits_and_merges_mark_nothing(two: tuple[Node, Node], node: Node, opened: Opened) -> None:
    one, other = two
    for each in two:
        each.marks.read(own(each), ["a", "b", "c"])
    own(one).change("a", {"x": 1}, own(one).get("a")["_rev"])
    own(other).change("a", {"y": 1}, own(other).get("a")["_rev"])
    for each in (one, other, one):
        again(each)
    assert opened("notes", "north").get("a")["x"] == opened("notes", "north").get("a")["y"] == 1
    assert unread(one, own(one)) == set() == unread(other, own(other))


def test_all_read_is_all_read_elsewhere_and_what_comes_later_is_not(
    two: tuple[Node, Node], node: Node, opened: Opened
) -> None:
    one, other = two
    one.marks.read_all(own(one))
    again(one)
    opened("notes", "south").create({"n": 1}, id="later")
    again(other)
    assert unread(other, own(other)) == {"later"}
    assert unread(node, opened("notes", "north")) == {"later"}


def test_drafts_filters_and_preferences_come_and_go(two: tuple[Node, Node], node: Node) -> None:
    one, other = two
    drafts = Drafts(one.store.node, "north", "notes")
    drafts.put("a", "1-x", [["text", "half a sent"]])
    with one.store.node.transaction() as connection:
        connection.execute("INSERT INTO filters VALUES ('f', 'north', 'notes', 'all', 'Mine', 1, 'a=b')")
        connection.execute("INSERT INTO preferences VALUES ('north', 'columns:notes/all', '{}')")
        connection.execute("INSERT INTO preferences VALUES ('north', 'folds:notes/all', '{}')")
    again(one)
    again(other)
    found = Drafts(other.store.node, "north", "notes").get("a")
    assert found is not None
    assert found.values == [["text", "half a sent"]]
    with other.store.node.reading() as connection:
        assert connection.execute("SELECT name, shared FROM filters").fetchall() == [("Mine", 0)]
        assert connection.execute("SELECT name FROM preferences WHERE name LIKE '%notes%'").fetchall() == [
            ("columns:notes/all",)
        ]
    with other.store.node.transaction() as connection:
        connection.execute("DELETE FROM filters")
    Drafts(other.store.node, "north", "notes").drop("a")
    again(other)
    again(one)
    assert drafts.get("a") is None
    with one.store.node.reading() as connection:
        assert connection.execute("SELECT count(*) FROM filters").fetchone() == (0,)


def test_an_exchange_comes_to_rest(two: tuple[Node, Node]) -> None:
    one, _ = two
    one.marks.read(own(one), ["a", "b"])
    again(one)
    again(one)
    with one.store.node.reading() as connection:
        before = connection.execute("SELECT max(n), count(*) FROM mine").fetchone()
    again(one)
    again(one)
    with one.store.node.reading() as connection:
        assert connection.execute("SELECT max(n), count(*) FROM mine").fetchone() == before


def test_nobody_gets_what_is_anothers_or_of_a_database_that_is_closed(
    client: Any, node: Node, opened: Opened, notes: str
) -> None:
    def call(person: str, things: list[Any]) -> Any:
        return client.post("/sync/_mine", json={"since": 0, "things": things}, auth=(person, PASSWORD))

    at = "2026-11-22T08:00:00.000Z"
    draft = ["draft", "notes", "a", at, False, {"rev": None, "items": "[]", "saved_at": at}]
    assert call("north", [draft]).status_code == 200
    assert [each[0] for each in call("north", []).get_json()["things"]] == ["draft"]
    assert call("south", []).get_json()["things"] == []
    closed = [each for each in node.store.names() if not _opens(node, each, "outsider")]
    assert closed
    call("outsider", [["draft", closed[0], "a", at, False, {"rev": None, "items": "[]", "saved_at": at}]])
    with node.store.node.reading() as connection:
        assert connection.execute("SELECT person FROM drafts").fetchall() == [("north",)]
    for bad in ([1], ["draft", "notes", "a", at, False, None], ["read", "notes", "a", "soon", False, "x"], [draft] * 2):
        assert call("north", [bad]).status_code == 400
    assert call("north", [draft] * (PORTION + 1)).status_code == 400
    assert client.post("/sync/_mine", json={}).status_code == 401


def _opens(node: Node, database: str, person: str) -> bool:
    found = node.directory.person(person)
    assert found is not None
    return database in {each.name for each in node.databases.readable(Identity(found))}
