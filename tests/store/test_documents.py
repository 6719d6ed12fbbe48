"""Conformance: documents, revisions and conflicts as CouchDB has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.errors import BadRequest, Conflict, FileExists, Forbidden, NotFound, TooLarge
from app.store import Branch, Context, Edit, RawDatabase, Store

StoreFactory = Callable[[], Store]


def test_a_new_document_is_read_back(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"form": "customer", "name": "纳华科技"}), context)
    found = database.get("a")
    assert (found.id, found.rev, found.body) == ("a", rev, {"form": "customer", "name": "纳华科技"})
    assert rev.startswith("1-")
    assert found.deleted is False


def test_an_edit_names_the_revision_it_replaces(database: RawDatabase, context: Context) -> None:
    first = database.put(Edit("a", None, {"n": 1}), context)
    second = database.put(Edit("a", first, {"n": 2}), context)
    assert second.startswith("2-")
    assert database.get("a").body == {"n": 2}
    assert database.get("a", first).body == {"n": 1}


@pytest.mark.parametrize("rev", [None, "1-0", "7-abc"])
def test_an_edit_of_another_revision_is_a_conflict(database: RawDatabase, context: Context, rev: str | None) -> None:
    database.put(Edit("a", None, {"n": 1}), context)
    with pytest.raises(Conflict):
        database.put(Edit("a", rev, {"n": 2}), context)
    assert database.get("a").body == {"n": 1}


def test_an_edit_of_a_replaced_revision_is_a_conflict(database: RawDatabase, context: Context) -> None:
    first = database.put(Edit("a", None, {"n": 1}), context)
    database.put(Edit("a", first, {"n": 2}), context)
    with pytest.raises(Conflict):
        database.put(Edit("a", first, {"n": 3}), context)


def test_a_revision_for_a_missing_document_is_a_conflict(database: RawDatabase, context: Context) -> None:
    with pytest.raises(Conflict):
        database.put(Edit("a", "1-a", {}), context)


def test_equal_changes_have_equal_names(store_factory: StoreFactory, context: Context) -> None:
    stores = [store_factory().create("customers") for _ in range(2)]
    firsts = [one.put(Edit("a", None, {"x": 1, "y": [1, 2]}), context) for one in stores]
    seconds = [one.put(Edit("a", firsts[0], {"y": 2, "x": 1}), context) for one in stores]
    assert len(set(firsts)) == len(set(seconds)) == 1


def test_missing_and_deleted_are_told_apart(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {}), context)
    database.put(Edit("a", rev, {}, deleted=True), context)
    with pytest.raises(NotFound, match="deleted"):
        database.get("a")
    with pytest.raises(NotFound, match="missing"):
        database.get("b")
    assert database.get("a", deleted=True).deleted


def test_a_deleted_document_comes_again_above_its_tombstone(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 1}), context)
    tombstone = database.put(Edit("a", rev, {}, deleted=True), context)
    again = database.put(Edit("a", None, {"n": 2}), context)
    assert database.tree("a").path(again) == [again, tombstone, rev]


def test_deleting_twice_is_not_found(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 1}), context)
    tombstone = database.put(Edit("a", rev, {}, deleted=True), context)
    for again in (None, tombstone):
        with pytest.raises(NotFound):
            database.put(Edit("a", again, {}, deleted=True), context)


def test_a_tombstone_carries_form_readers_and_authors(database: RawDatabase, context: Context) -> None:
    body = {"form": "deal", "readers": ["south"], "authors": ["north"], "amount": 5}
    rev = database.put(Edit("a", None, body), context)
    access = database.get("a").access
    database.put(Edit("a", rev, {}, deleted=True), context)
    tombstone = database.get("a", deleted=True)
    assert tombstone.body == {"form": "deal", "readers": ["south"], "authors": ["north"]}
    assert tombstone.access == access


def test_a_bare_tombstone_pushed_keeps_the_last_live_set(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"readers": ["south"]}), context)
    access = database.get("a").access
    assert database.insert([Branch("a", ["2-t", rev], {}, True)], context) == [None]
    assert database.get("a", deleted=True).access == access


def test_a_bare_tombstone_of_an_unknown_document_is_nobodys(
    store: Store, database: RawDatabase, context: Context
) -> None:
    database.insert([Branch("a", ["2-t", "1-a"], {}, True)], context)
    everyone = store.sets.visible(database.number, frozenset({"*", "north"}))
    assert database.changes(visible=everyone) == []
    assert store.sets.names(database.get("a", deleted=True).access) == []


def test_delete_tombstones_every_live_leaf(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 1}), context)
    database.insert([Branch("a", [f"2-{x}", rev], {"n": x}) for x in "xyz"], context)
    with pytest.raises(Conflict):
        database.delete("a", "2-x", context)
    database.delete("a", "2-z", context)
    assert [leaf.deleted for leaf in database.leaves("a")] == [True, True, True]
    with pytest.raises(NotFound):
        database.get("a")


def test_many_edits_have_a_name_or_an_error_each(database: RawDatabase, context: Context) -> None:
    database.put(Edit("taken", None, {}), context)
    answers = database.put_many(
        [Edit("a", None, {}), Edit("taken", None, {}), Edit("", None, {}), Edit("a", None, {})], context
    )
    assert isinstance(answers[0], str)
    assert [type(answer) for answer in answers[1:]] == [Conflict, BadRequest, Conflict]
    assert database.info().documents == 2


def test_one_batch_may_change_a_document_twice(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 0}), context)
    branches = [Branch("a", ["3-b", "2-b", rev], {"n": 3}), Branch("a", ["2-c", rev], {"n": 2})]
    assert database.insert(branches, context) == [None, None]
    assert [leaf.body["n"] for leaf in database.leaves("a")] == [3, 2]


def test_a_pushed_branch_makes_a_conflict_and_the_winner_is_certain(
    store_factory: StoreFactory, context: Context
) -> None:
    branches = [Branch("a", ["2-b", "1-a"], {"n": "b"}), Branch("a", ["2-c", "1-a"], {"n": "c"})]
    for order in (branches, branches[::-1]):
        database = store_factory().create("customers")
        database.insert(order, context)
        assert database.get("a").body == {"n": "c"}
        assert database.conflicts("a") == ["2-b"]
        assert [leaf.body["n"] for leaf in database.leaves("a")] == ["c", "b"]


def test_deleting_the_winner_shows_the_other_leaf(database: RawDatabase, context: Context) -> None:
    database.insert([Branch("a", [f"2-{x}", "1-a"], {"n": x, "readers": [x]}) for x in "bc"], context)
    database.put(Edit("a", "2-c", {}, deleted=True), context)
    assert database.get("a").body == {"n": "b", "readers": ["b"]}
    assert database.conflicts("a") == []


def test_the_same_push_again_changes_nothing(database: RawDatabase, context: Context) -> None:
    branch = Branch("a", ["2-b", "1-a"], {"n": 1})
    database.insert([branch], context)
    before = database.info()
    assert database.insert([branch, branch], context) == [None, None]
    assert database.info() == before


def test_an_ancestor_that_comes_late_can_be_read(database: RawDatabase, context: Context) -> None:
    database.insert([Branch("a", ["2-b", "1-a"], {"n": 2})], context)
    seq = database.info().update_seq
    database.insert([Branch("a", ["1-a"], {"n": 1})], context)
    assert database.get("a").rev == "2-b"
    assert database.get("a", "1-a").body == {"n": 1}
    assert database.info().update_seq == seq


def test_revs_diff_names_missing_and_possible_ancestors(database: RawDatabase, context: Context) -> None:
    database.insert([Branch("a", ["2-b", "1-a"], {})], context)
    asked = {"a": ["3-x", "2-b", "1-a"], "b": ["1-q"], "c": []}
    assert database.revs_diff(asked) == {
        "a": {"missing": ["3-x"], "possible_ancestors": ["2-b"]},
        "b": {"missing": ["1-q"]},
    }


def test_open_revisions_come_with_their_deletion(database: RawDatabase, context: Context) -> None:
    database.insert([Branch("a", ["2-b", "1-a"], {"n": 1}), Branch("a", ["3-x", "2-x", "1-a"], {}, True)], context)
    assert [(leaf.rev, leaf.deleted) for leaf in database.leaves("a")] == [("2-b", False), ("3-x", True)]


def test_get_many_leaves_out_missing_and_deleted(database: RawDatabase, context: Context) -> None:
    revs = [database.put(Edit(one, None, {"n": one}), context) for one in "abc"]
    database.put(Edit("b", revs[1], {}, deleted=True), context)
    found = database.get_many(["a", "b", "c", "missing", "a\ud800"])
    assert {one: revision.body["n"] for one, revision in found.items()} == {"a": "a", "c": "c"}


@pytest.mark.parametrize("id", ["", "_x", "_design/", "_local", "a\0b", "x" * 513, "a\ud800", None, 7, "x" * 10_000])
def test_bad_ids_are_refused(database: RawDatabase, context: Context, id: Any) -> None:
    with pytest.raises(BadRequest):
        database.put(Edit(id, None, {}), context)
    assert isinstance(database.insert([Branch(id, ["1-a"], {})], context)[0], BadRequest)
    assert database.info().update_seq == 0


@pytest.mark.parametrize("id", ["a/b", "a%2Fb", "_design/x", "纳华", "x" * 512, " ", "'", "a?b#c"])
def test_unusual_ids_are_taken(database: RawDatabase, context: Context, id: str) -> None:
    database.put(Edit(id, None, {"n": 1}), context)
    assert database.get(id).id == id
    assert list(database.get_many([id])) == [id]


def nested(depth: int) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for _ in range(depth):
        body = {"a": body}
    return body


@pytest.mark.parametrize(
    "body",
    [
        *(
            [],
            "text",
            None,
            7,
            {"_x": 1},
            {"_id": "a"},
            {1: 2},
            {"a": "\ud800"},
            {"\ud800": 1},
            {"a": 1 << 70},
        ),
        *({"a": object()}, {"a": b"bytes"}, nested(1000)),
    ],
)
def test_bad_bodies_are_refused(database: RawDatabase, context: Context, body: Any) -> None:
    for deleted in (False, True):
        answers = database.insert([Branch("a", ["1-a"], body, deleted)], context)
        assert isinstance(answers[0], BadRequest)
    with pytest.raises(BadRequest):
        database.put(Edit("a", None, body), context)
    assert database.info().update_seq == 0


def test_a_huge_body_is_refused(database: RawDatabase, context: Context) -> None:
    with pytest.raises(TooLarge):
        database.put(Edit("a", None, {"text": "x" * 8_000_001}), context)


@pytest.mark.parametrize("revisions", [[], ["x"], ["2-a", "2-b"], ["1-a", "0-b"], ["1-'"]])
def test_bad_ancestries_are_refused(database: RawDatabase, context: Context, revisions: list[str]) -> None:
    assert isinstance(database.insert([Branch("a", revisions, {})], context)[0], BadRequest)


def test_databases_are_made_named_and_dropped(store: Store, context: Context) -> None:
    first = store.create("customers")
    store.create("deals")
    first.put(Edit("a", None, {"readers": ["x"]}), context)
    assert store.names() == ["customers", "deals"]
    with pytest.raises(FileExists):
        store.create("deals")
    store.drop("customers")
    with pytest.raises(NotFound):
        store.database("customers")
    with pytest.raises(NotFound):
        first.put(Edit("b", None, {}), context)
    assert store.create("customers").number > store.database("deals").number


@pytest.mark.parametrize("name", ["", "A", "1a", "a/b", "_x", "a" * 65, None])
def test_bad_database_names_are_refused(store: Store, name: Any) -> None:
    with pytest.raises(BadRequest):
        store.create(name)


def test_databases_do_not_see_each_other(store: Store, context: Context) -> None:
    one, other = store.create("one"), store.create("other")
    one.put(Edit("a", None, {"n": 1}), context)
    with pytest.raises(NotFound):
        other.get("a")
    assert other.changes() == []


def test_local_documents_stay_out_of_everything(database: RawDatabase) -> None:
    assert database.local_put("checkpoint", {"n": 1}) == "0-1"
    assert database.local_put("_local/checkpoint", {"n": 2}, "0-1") == "0-2"
    with pytest.raises(Conflict):
        database.local_put("checkpoint", {"n": 3}, "0-1")
    assert database.local_get("checkpoint") == ("0-2", {"n": 2})
    assert database.changes() == []
    database.local_delete("checkpoint")
    with pytest.raises(NotFound):
        database.local_get("checkpoint")


def test_a_purged_document_is_gone_and_does_not_come_back(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 1, "readers": ["x"]}), context)
    second = database.put(Edit("a", rev, {"n": 2}), context)
    assert database.purge("a") == 1
    with pytest.raises(NotFound, match="missing"):
        database.get("a", deleted=True)
    assert database.history("a") == []
    assert [purge.id for purge in database.purges()] == ["a"]
    answers = database.insert([Branch("a", [second, rev], {"n": 2}), Branch("a", ["3-x", second], {})], context)
    assert isinstance(answers[0], Forbidden)
    assert answers[1] is None


def test_a_new_document_under_a_purged_id_is_above_it(database: RawDatabase, context: Context) -> None:
    database.put(Edit("a", None, {"n": 1}), context)
    database.purge("a")
    assert database.put(Edit("a", None, {"n": 1}), context).startswith("2-")


def test_a_purge_without_memory_lets_it_come_again(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 1}), context)
    database.purge("a", remember=False)
    assert database.insert([Branch("a", [rev], {"n": 1})], context) == [None]


def test_a_thousand_revisions_are_remembered_and_no_more(database: RawDatabase, context: Context) -> None:
    path = [f"{n}-x" for n in range(1200, 0, -1)]
    database.insert([Branch("a", path, {})], context)
    assert len(database.tree("a").nodes) == 1000
    database.put(Edit("a", "1200-x", {"n": 1}), context)
    assert len(database.tree("a").nodes) == 1000
