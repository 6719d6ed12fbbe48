"""Conformance: the changes feed, reader sets, waiting."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from app.store import EVERY_READER, Branch, Change, Context, Edit, RawDatabase, Store, Visible, changes
from app.store.sets import reader_names


def ids(found: list[Change]) -> list[str]:
    return [change.id for change in found]


@pytest.fixture
def filled(database: RawDatabase, context: Context) -> RawDatabase:
    """Forty documents, every tenth for `south` alone, the others for `north`."""
    edits = [Edit(f"d{n:02}", None, {"n": n, "readers": ["south" if n % 10 == 0 else "north"]}) for n in range(40)]
    database.put_many(edits, context)
    return database


def test_each_document_comes_once_with_its_last_change(database: RawDatabase, context: Context) -> None:
    revs = {name: database.put(Edit(name, None, {"n": 1}), context) for name in "abc"}
    database.put(Edit("a", revs["a"], {"n": 2}), context)
    found = database.changes(include_docs=True)
    assert ids(found) == ["b", "c", "a"]
    assert [change.seq for change in found] == [2, 3, 4]
    assert found[-1].revision is not None
    assert found[-1].revision.body == {"n": 2}


def test_since_limit_and_descending(filled: RawDatabase) -> None:
    assert ids(filled.changes(since=38)) == ["d38", "d39"]
    assert ids(filled.changes(limit=2)) == ["d00", "d01"]
    assert ids(filled.changes(limit=2, descending=True)) == ["d39", "d38"]
    assert filled.changes(limit=0) == []
    assert filled.changes(since=40) == []


def test_only_these_ids(filled: RawDatabase) -> None:
    assert ids(filled.changes(ids=["d07", "d03", "none"])) == ["d03", "d07"]


def test_tombstones_and_all_leaves(database: RawDatabase, context: Context) -> None:
    database.insert([Branch("a", [f"2-{x}", "1-a"], {}) for x in "bc"], context)
    database.insert([Branch("b", ["2-t", "1-a"], {}, True)], context)
    found = database.changes(style="all_docs")
    assert [(change.id, change.revs, change.deleted) for change in found] == [
        ("a", ["2-c", "2-b"], False),
        ("b", ["2-t"], True),
    ]


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("descending", [False, True])
def test_both_plans_give_the_visible_documents(
    store: Store, filled: RawDatabase, monkeypatch: pytest.MonkeyPatch, merge: bool, descending: bool
) -> None:
    monkeypatch.setattr(changes, "prefers_merge", lambda *_: merge)
    visible = store.sets.visible(filled.number, frozenset({"*", "south"}))
    expected = ["d00", "d10", "d20", "d30"]
    found = filled.changes(visible=visible, descending=descending)
    assert ids(found) == (expected[::-1] if descending else expected)
    assert ids(filled.changes(since=11, limit=1, visible=visible)) == ["d20"]
    assert ids(filled.changes(ids=["d01", "d10"], visible=visible)) == ["d10"]


@pytest.mark.parametrize(
    ("share", "sets", "newer", "limit", "merge"),
    [
        (0.5, 3500, 1_000_000, 100, False),
        (0.0001, 1, 1_000_000, 100, True),
        (0.002, 14, 1_000_000, 100, True),
        (0.1, 700, 1_000_000, 100, False),
        (0.0001, 1, 2, 100, False),
    ],
)
def test_the_cheaper_plan_is_chosen(share: float, sets: int, newer: int, limit: int, merge: bool) -> None:
    visible = Visible("x", False, frozenset(range(sets)), int(share * 1_000_000), 1_000_000)
    assert changes.prefers_merge(visible, newer, limit) is merge


@pytest.mark.parametrize(("merge", "index"), [(False, "documents_by_seq"), (True, "documents_by_access")])
@pytest.mark.parametrize("descending", [False, True])
def test_the_feed_reads_covering_indexes(store: Store, merge: bool, index: str, descending: bool) -> None:
    with store.transaction() as connection:
        connection.execute("CREATE TEMP TABLE visible_x (access INTEGER PRIMARY KEY)")
        make = changes._merged if merge else changes._walked
        query, arguments = make(1, 0, 100, 10, "visible_x", descending)
        plan = " / ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", arguments))
    assert f"USING COVERING INDEX {index}" in plan
    assert ("TEMP B-TREE" in plan) is merge


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, ("*",)),
        ({"readers": []}, ("*",)),
        ({"readers": None}, ("*",)),
        ({"readers": [], "authors": ["a"]}, ("*",)),
        ({"readers": ["b", "a", "b"]}, ("a", "b")),
        ({"readers": ["b"], "authors": ["a"]}, ("a", "b")),
        ({"readers": "b"}, ("b",)),
        ({"readers": ["b", "*"]}, ("*",)),
        ({"readers": [7]}, ()),
        ({"readers": [" "]}, ()),
        ({"readers": {"a": 1}}, ()),
    ],
)
def test_who_may_read(body: dict[str, object], names: tuple[str, ...]) -> None:
    assert reader_names(body) == names


def test_visible_sets_and_exact_counts(store: Store, filled: RawDatabase, context: Context) -> None:
    def count(*principals: str) -> tuple[int, int]:
        visible = store.sets.visible(filled.number, frozenset(principals))
        return visible.documents, store.sets.count(filled.number, visible)

    assert count("south") == (4, 4)
    assert count("north") == (36, 36)
    assert count("nobody") == (0, 0)
    assert count(EVERY_READER) == (40, 40)
    filled.delete("d00", filled.get("d00").rev, context)
    assert count("south") == (3, 3)


def test_a_person_in_every_set_is_filtered_all_the_same(store: Store, filled: RawDatabase, context: Context) -> None:
    seen = store.sets.visible(filled.number, frozenset({"north", "south"}))
    assert (seen.everything, seen.documents) == (False, 40)
    filled.put(Edit("secret", None, {"readers": ["east"]}), context)
    assert "secret" not in ids(filled.changes(visible=seen))
    everybody = store.sets.visible(filled.number, frozenset({EVERY_READER}))
    assert everybody.everything
    assert "secret" in ids(filled.changes(visible=everybody))


def test_a_change_of_readers_moves_the_document(store: Store, filled: RawDatabase, context: Context) -> None:
    rev = filled.get("d01").rev
    filled.put(Edit("d01", rev, {"readers": ["south"]}), context)
    visible = store.sets.visible(filled.number, frozenset({"south"}))
    assert ids(filled.changes(visible=visible))[-1] == "d01"
    with store.reading() as connection:
        log = connection.execute("SELECT seq, access, deleted FROM access_log").fetchall()
    north = store.sets.visible(filled.number, frozenset({"north"}))
    assert log == [(41, *north.sets, 0)]


def test_the_visible_sets_are_kept_while_no_set_is_new(store: Store, filled: RawDatabase, context: Context) -> None:
    filled.put_many([Edit(f"e{n}", None, {"readers": ["north"]}) for n in range(100)], context)
    before = store.sets.visible(filled.number, frozenset({"north"}))
    filled.put(Edit("f", None, {"readers": ["north"]}), context)
    assert store.sets.visible(filled.number, frozenset({"north"})) is before
    filled.put(Edit("g", None, {"readers": ["east"]}), context)
    assert store.sets.visible(filled.number, frozenset({"north"})).sets is before.sets
    filled.put(Edit("h", None, {"readers": ["north", "east"]}), context)
    assert len(store.sets.visible(filled.number, frozenset({"north"})).sets) == 2


def test_sets_of_a_transaction_taken_back_are_forgotten(store: Store, filled: RawDatabase, context: Context) -> None:
    def fail() -> None:
        with store.transaction():
            filled.put(Edit("x", None, {"readers": ["east"]}), context)
            seen = store.sets.visible(filled.number, frozenset({"east"}))
            assert ids(filled.changes(visible=seen)) == ["x"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    filled.put(Edit("y", None, {"readers": ["west"]}), context)
    east = store.sets.visible(filled.number, frozenset({"east"}))
    assert filled.changes(visible=east) == []
    west = store.sets.visible(filled.number, frozenset({"west"}))
    assert ids(filled.changes(visible=west)) == ["y"]


def test_a_nested_transaction_taken_back_leaves_the_outer_one(
    store: Store, filled: RawDatabase, context: Context
) -> None:
    def fail() -> None:
        with store.transaction():
            filled.put(Edit("y", None, {"readers": ["west"]}), context)
            raise ZeroDivisionError

    with store.transaction():
        filled.put(Edit("x", None, {"readers": ["east"]}), context)
        with pytest.raises(ZeroDivisionError):
            fail()
    assert ids(filled.changes(since=40)) == ["x"]
    assert filled.wait(40, 0.01) is True
    assert filled.wait(41, 0.01) is False


def test_indexers_are_told_within_the_transaction(store: Store, database: RawDatabase, context: Context) -> None:
    told = []
    store.indexers.append(lambda connection, db, changed, deferred: told.append((changed, deferred)))
    rev = database.put(Edit("a", None, {"n": 1}), context)
    database.put(Edit("a", rev, {"n": 2}), context)
    database.delete("a", database.get("a").rev, context)
    database.put_many([Edit(f"b{n}", None, {}) for n in range(101)], context)
    assert [(one[0].old, one[0].new, one[0].created) for one, _ in told[:3]] == [
        (None, {"n": 1}, True),
        ({"n": 1}, {"n": 2}, False),
        ({"n": 2}, None, False),
    ]
    assert [deferred for _, deferred in told] == [False, False, False, True]
    assert [database.get(change.id).doc for change in told[3][0]] == [change.doc for change in told[3][0]]


def test_an_indexer_that_fails_takes_the_write_back(store: Store, database: RawDatabase, context: Context) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    store.indexers.append(fail)
    with pytest.raises(ZeroDivisionError):
        database.put(Edit("a", None, {}), context)
    store.indexers.clear()
    assert database.info().update_seq == 0


def test_waiting_ends_with_a_write(database: RawDatabase, context: Context) -> None:
    assert database.wait(0, 0.01) is False
    timer = threading.Timer(0.1, lambda: database.put(Edit("a", None, {}), context))
    timer.start()
    began = time.monotonic()
    assert database.wait(0, 5) is True
    assert time.monotonic() - began < 2
    assert database.wait(0, 5) is True
    timer.join()


def test_waiting_holds_no_connection(database: RawDatabase, context: Context) -> None:
    waiters = [threading.Thread(target=database.wait, args=(0, 5)) for _ in range(60)]
    for waiter in waiters:
        waiter.start()
    assert database.changes() == []
    database.put(Edit("a", None, {}), context)
    for waiter in waiters:
        waiter.join(timeout=2)
    assert not any(waiter.is_alive() for waiter in waiters)


WRITER = """
import sys, time
from pathlib import Path
from app.store import Context, Edit, Store
store = Store.open(Path(sys.argv[1]), passphrase=sys.argv[2])
time.sleep(0.2)
store.database("customers").put(Edit("x", None, {}), Context("south", "2026-11-22T08:00:00.000Z"))
store.close()
"""


def test_waiting_ends_with_a_write_of_another_process(store: Store, database: RawDatabase, passphrase: str) -> None:
    version = store.data_version()
    root = Path(__file__).parents[2]
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(store.data), passphrase], cwd=root)
    assert database.wait(0, 10) is True
    assert writer.wait(10) == 0
    assert database.exists("x")
    assert store.data_version() != version
