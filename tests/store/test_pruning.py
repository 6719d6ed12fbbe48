"""Revisions are taken back as if they had never come; and what comes from upstream is written as it is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from app.errors import NotFound
from app.store import Branch, Context, Edit, RawDatabase, Store
from app.store.tree import EMPTY, dump_path, load
from tests.store.test_properties import branches

CONTEXT = Context("north", "2026-11-22T08:00:00.000Z")


def test_the_document_is_what_it_was_before(database: RawDatabase, context: Context) -> None:
    first = database.put(Edit("a", None, {"n": 1, "readers": ["north"]}), context)
    before = database.get("a")
    second = database.put(Edit("a", first, {"n": 2, "readers": ["south"]}), context)
    third = database.put(Edit("a", second, {"n": 3}), context)
    assert database.prune("a", [second])
    now = database.get("a")
    assert (now.rev, now.body, now.access) == (first, before.body, before.access)
    assert now.seq > before.seq
    assert database.revision_body("a", second) is None
    assert database.tree("a").leaves == [first]
    assert not {second, third} & {entry.rev for entry in database.history("a")}
    assert [change.id for change in database.changes(before.seq)] == ["a"]
    assert database.info().documents == 1


def test_a_document_of_which_nothing_is_left_is_gone_and_may_come_again(
    database: RawDatabase, context: Context
) -> None:
    rev = database.put(Edit("a", None, {"n": 1}), context)
    database.put(Edit("a", rev, {"n": 2}), context)
    assert not database.prune("a", [rev])
    with pytest.raises(NotFound):
        database.get("a", deleted=True)
    assert database.info().documents == 0
    assert database.insert([Branch("a", [rev], {"n": 1})], context) == [None]


def test_a_deletion_taken_back_brings_the_document_back(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 1}), context)
    gone = database.delete("a", rev, context)
    assert database.prune("a", [gone])
    assert database.get("a").body == {"n": 1}
    assert (database.info().documents, database.info().deleted) == (1, 0)


def test_an_ancestor_without_content_does_not_show(database: RawDatabase, context: Context) -> None:
    database.insert([Branch("a", ["1-a"], {"n": 1})], context)
    database.insert([Branch("a", ["3-c", "2-b", "1-a"], {"n": 3})], context)
    assert database.prune("a", ["3-c"])
    assert database.get("a").rev == "1-a"
    assert database.tree("a").leaves == ["1-a"]


def test_unknown_documents_and_revisions_are_passed_over(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 1}), context)
    assert database.prune("a", ["7-x"])
    assert database.get("a").rev == rev
    assert not database.prune("b", ["1-x"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(branches(), st.data())
def test_pruned_is_as_if_it_had_never_come(made: list[tuple[list[str], bool]], data: Any) -> None:
    revs = data.draw(st.lists(st.sampled_from([path[0] for path, _ in made]), max_size=3))
    rest = [(path, deleted) for path, deleted in made if not set(path) & set(revs)]
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder), create=True)
        database, other = store.create("customers"), store.create("deals")
        for path, deleted in made:
            database.insert([Branch("a", path, {"n": path[0]}, deleted)], CONTEXT)
        for path, deleted in rest:
            other.insert([Branch("a", path, {"n": path[0]}, deleted)], CONTEXT)
        assert database.prune("a", revs) is bool(rest)
        found, wanted = (
            [(leaf.rev, leaf.deleted, leaf.body) for leaf in each.leaves("a")] if rest else []
            for each in (database, other)
        )
        assert found == wanted
        assert database.info()[:2] == other.info()[:2]
        if rest:
            assert database.tree("a").nodes == other.tree("a").nodes
        assert store.check() == []
        store.close()


# -- what comes from upstream


@given(st.integers(1, 8), st.booleans())
def test_a_path_is_written_as_its_tree(long: int, deleted: bool) -> None:
    path = [f"{n}-{n:x}f" for n in range(long, 0, -1)]
    assert load(dump_path(path, deleted)) == EMPTY.graft(path, deleted)
    assert dump_path(path, deleted) == EMPTY.graft(path, deleted).dump()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(branches(), st.randoms(use_true_random=False))
def test_what_arrives_is_what_was_sent(made: list[tuple[list[str], bool]], random: Any) -> None:
    again = made + random.choices(made, k=3)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder), create=True)
        database, other = store.create("customers"), store.create("deals")
        for path, deleted in made:
            other.insert([Branch("a", path, {"n": path[0]}, deleted)], CONTEXT)
        with database.arriving(["a"]) as batch:
            for path, deleted in again:
                batch.insert(Branch("a", path, {"n": path[0]}, deleted))
        found, wanted = ([(leaf.rev, leaf.body) for leaf in each.leaves("a")] for each in (database, other))
        assert found == wanted
        assert database.tree("a").nodes == other.tree("a").nodes
        assert store.check() == []
        store.close()


def test_arriving_asks_nothing_of_what_was_purged_here(database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"n": 1}), context)
    database.purge("a")
    with database.arriving(["a"]) as batch:
        assert batch.insert(Branch("a", [rev], {"n": 1}))
    assert database.get("a").rev == rev


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"readers": "ab", "authors": []}, {"readers": ["a", "b"], "authors": []}),
        ({"readers": [""], "authors": []}, {"readers": [], "authors": [""]}),
        ({"readers": [{"a": 1}], "authors": []}, {"readers": [], "authors": []}),
        ({"readers": ["a", ""], "authors": ["b"]}, {"readers": ["a"], "authors": ["", "b"]}),
        ({"readers": [1], "authors": []}, {"readers": [True], "authors": []}),
    ],
)
def test_sets_of_arriving_documents_are_those_of_saved_ones(
    database: RawDatabase, context: Context, one: dict[str, Any], other: dict[str, Any]
) -> None:
    with database.arriving(["a", "b"]) as batch:
        batch.insert(Branch("a", ["1-a"], one))
        batch.insert(Branch("b", ["1-b"], other))
    database.put(Edit("c", None, one), context)
    database.put(Edit("d", None, other), context)
    assert database.get("a").access == database.get("c").access
    assert database.get("b").access == database.get("d").access
