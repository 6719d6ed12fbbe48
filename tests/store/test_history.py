"""Conformance: history, trash and compaction. No acknowledged value is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock
from app.clock import Clock
from app.store import Branch, Context, Edit, RawDatabase, Store


def test_an_edit_is_recorded_with_old_and_new(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 1, "same": True, "gone": "x"}), context)
    second = database.put(Edit("a", rev, {"n": 2, "same": True, "new": [1]}), context)
    (entry,) = database.history("a")
    assert entry.rev == second
    assert (entry.by, entry.at, entry.device) == ("north", context.at, "laptop-1")
    assert entry.items == {"n": [1, 2], "gone": ["x", None], "new": [None, [1]]}


def test_a_first_revision_has_no_entry(database: RawDatabase, context: Context) -> None:
    database.put(Edit("a", None, {"n": 1}), context)
    assert database.history("a") == []


@pytest.mark.parametrize(("old", "new"), [(1, 1.0), (1, True), ([1], [True]), (None, ""), ({"a": 0}, {"a": False})])
def test_values_that_python_calls_equal_differ(
    database: RawDatabase, context: Context, old: object, new: object
) -> None:
    rev = database.put(Edit("a", None, {"n": old}), context)
    database.put(Edit("a", rev, {"n": new}), context)
    assert [repr(entry.items) for entry in database.history("a")] == [repr({"n": [old, new]})]


def test_entries_come_newest_first_and_deletion_keeps_every_value(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 1}), context)
    second = database.put(Edit("a", rev, {"n": 2}), context)
    third = database.put(Edit("a", second, {}, deleted=True), context)
    entries = database.history("a")
    assert [entry.rev for entry in entries] == [third, second]
    assert entries[0].items["n"] == [2, None]


def test_a_push_over_a_gap_is_recorded_against_the_nearest_ancestor(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 1}), context)
    database.insert([Branch("a", ["4-d", "3-c", "2-b", rev], {"n": 4})], context)
    assert [entry.items for entry in database.history("a")] == [{"n": [1, 4]}]


def test_a_losing_branch_is_recorded_too(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 1}), context)
    second = database.put(Edit("a", rev, {"n": 2}), context)
    database.insert([Branch("a", ["2-0", rev], {"n": "lost?"})], context)
    database.put(Edit("a", "2-0", {"merged_into": second}, deleted=True), context)
    values = [entry.items.get("n") for entry in database.history("a")]
    assert [1, "lost?"] in values
    assert ["lost?", None] in values


def test_an_ancestor_without_known_parent_is_recorded_whole(database: RawDatabase, context: Context) -> None:
    database.insert([Branch("a", ["3-c", "2-b", "1-a"], {"n": 3})], context)
    database.insert([Branch("a", ["2-b", "1-a"], {"n": 2})], context)
    assert [entry.items for entry in database.history("a")] == [{"n": [None, 2]}]


def test_the_trash_shows_the_last_live_content(database: RawDatabase, context: Context) -> None:
    for name in "abc":
        rev = database.put(Edit(name, None, {"name": name}), context)
        if name != "b":
            database.delete(name, rev, context)
    rows = database.deleted_documents()
    assert [(row.id, row.by, row.last) for row in rows] == [
        ("c", "north", {"name": "c"}),
        ("a", "north", {"name": "a"}),
    ]
    assert [row.id for row in database.deleted_documents(before=rows[0].seq)] == ["a"]
    assert [row.id for row in database.deleted_documents(limit=1)] == ["c"]


def test_the_trash_is_filtered_by_visible_sets(store: Store, database: RawDatabase, context: Context) -> None:
    for name in ("north", "south"):
        rev = database.put(Edit(name, None, {"readers": [name]}), context)
        database.delete(name, rev, context)
    visible = store.sets.visible(database.number, frozenset({"*", "south"}))
    assert [row.id for row in database.deleted_documents(visible=visible)] == ["south"]


def test_compaction_keeps_what_is_young(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 1}), context)
    database.put(Edit("a", rev, {"n": 2}), context)
    assert database.compact().bodies == 0
    assert database.revision_body("a", rev) == {"n": 1}


def test_compaction_drops_old_ancestors_but_no_value(
    database: RawDatabase, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    rev = database.put(Edit("a", None, {"n": 1}), context)
    second = database.put(Edit("a", rev, {"n": 2}), context)
    monkeypatch.setattr(Clock, "frozen", clock.utcnow() + timedelta(days=100))
    assert database.compact().bodies == 1
    assert database.revision_body("a", rev) is None
    assert database.revision_body("a", second) == {"n": 2}
    assert database.tree("a").path(second) == [second, rev]
    assert database.history("a")[0].items == {"n": [1, 2]}


def test_compaction_keeps_leaves_and_the_common_ancestor(database: RawDatabase, context: Context) -> None:
    first = database.put(Edit("a", None, {"n": 1}), context)
    second = database.put(Edit("a", first, {"n": 2}), context)
    third = database.put(Edit("a", second, {"n": 3}), context)
    database.insert([Branch("a", ["3-0", second, first], {"n": 0})], context)
    assert database.compact(keep_days=0).bodies == 1
    kept = [rev for rev in (first, second, third, "3-0") if database.revision_body("a", rev)]
    assert kept == [second, third, "3-0"]


def test_tombstones_are_purged_by_their_age_here(
    database: RawDatabase, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = context._replace(at="2001-01-01T00:00:00.000Z")  # what the writer says does not count
    for name in "ab":
        rev = database.put(Edit(name, None, {}), old)
        if name == "a":
            database.delete(name, rev, old)
    before = clock.stamp(clock.utcnow() - timedelta(days=90))
    database.compact()
    assert database.purge_deleted(before) == 0
    monkeypatch.setattr(Clock, "frozen", clock.utcnow() + timedelta(days=200))
    database.compact()
    assert database.purge_deleted(clock.stamp(clock.utcnow() - timedelta(days=90))) == 1
    assert database.info().deleted == 0
