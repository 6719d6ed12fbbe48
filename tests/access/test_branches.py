"""Merging as a pure function: rows of the requirements' table, and what must hold for any branches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.merging import FILE, Leaf, Merged, Unsettled, admits, empty, merge, same
from app.store import Stub
from app.store.tree import Node, RevisionTree

BASE: dict[str, Any] = {"a": 1, "b": "x", "tags": ["p", "q"], "created_by": "north", "created_at": "1"}


def merged(*branches: dict[str, Any], base: dict[str, Any] | None = BASE, **options: Any) -> Merged | Unsettled:
    leaves = [Leaf(f"2-{9 - n}", branch) for n, branch in enumerate(branches)]
    return merge(leaves, None if base is None else Leaf("1-a", base), **options)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in BASE.items() if key != name}


TABLE: list[tuple[str, list[dict[str, Any]], dict[str, Any] | None]] = [
    ("different items", [{**BASE, "a": 2}, {**BASE, "b": "y"}], {**BASE, "a": 2, "b": "y"}),
    ("same item, same value", [{**BASE, "a": 2}, {**BASE, "a": 2}], {**BASE, "a": 2}),
    ("same item, different values", [{**BASE, "a": 2}, {**BASE, "a": 3}], None),
    ("one removed it", [without("b"), BASE], without("b")),
    ("one removed it, one changed it", [without("b"), {**BASE, "b": "y"}], None),
    ("one emptied it, one removed it", [{**BASE, "b": ""}, without("b")], {**BASE, "b": ""}),
    ("a new item", [{**BASE, "c": 1}, {**BASE, "d": 2}], {**BASE, "c": 1, "d": 2}),
    ("lists as sets", [{**BASE, "tags": ["q", "r"]}, {**BASE, "tags": ["p", "s"]}], {**BASE, "tags": ["r", "s"]}),
    ("a list that only one reordered", [{**BASE, "tags": ["q", "p"]}, BASE], {**BASE, "tags": ["q", "p"]}),
    ("true is not 1", [{**BASE, "a": True}, {**BASE, "a": 2}], None),
    ("lists of other things", [{**BASE, "tags": [1]}, {**BASE, "tags": [2]}], None),
    ("three branches", [{**BASE, "a": 2}, {**BASE, "b": "y"}, {**BASE, "c": 3}], {**BASE, "a": 2, "b": "y", "c": 3}),
    ("two of three clash", [{**BASE, "a": 2}, {**BASE, "b": "y"}, {**BASE, "a": 3}], None),
    ("readers on both sides", [{**BASE, "readers": ["p"]}, {**BASE, "readers": ["q"]}], None),
]


@pytest.mark.parametrize(("case", "branches", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_table(case: str, branches: list[dict[str, Any]], expected: dict[str, Any] | None) -> None:
    found = merged(*branches)
    assert (found.body if isinstance(found, Merged) else None) == expected


def test_who_changed_it_last_is_told_and_who_made_it_stays() -> None:
    early = {**BASE, "a": 2, "changed_at": "2", "changed_by": "south", "created_by": "south"}
    late = {**BASE, "b": "y", "changed_at": "3", "changed_by": "leader"}
    for branches in ([early, late], [late, early]):
        found = merged(*branches)
        assert isinstance(found, Merged)
        stamps = [found.body[name] for name in ("created_by", "created_at", "changed_at", "changed_by")]
        assert stamps == ["north", "1", "3", "leader"]


def test_without_a_kept_ancestor_only_equal_branches_merge() -> None:
    assert isinstance(merged(BASE, dict(BASE), base=None), Merged)
    found = merged(BASE, {**BASE, "a": 2}, base=None)
    assert found == Unsettled({"a": [1, 2]})


def test_only_named_lists_are_sets_where_a_form_says_so() -> None:
    branches = [{**BASE, "tags": ["q"]}, {**BASE, "tags": ["p", "q", "r"]}]
    assert isinstance(merged(*branches, sets={"tags"}), Merged)
    assert isinstance(merged(*branches, sets=set()), Unsettled)


def test_derived_items_never_clash() -> None:
    assert isinstance(merged({**BASE, "sum": 1}, {**BASE, "sum": 2}, derived={"sum"}), Merged)


def stub(digest: str) -> Stub:
    return Stub("text/plain", 1, digest, digest)


def test_attachments_by_name() -> None:
    base = Leaf("1-a", {}, {"kept": stub("k"), "gone": stub("g")})
    one = Leaf("2-b", {}, {"kept": stub("k"), "gone": stub("g"), "new": stub("n")})
    two = Leaf("2-c", {}, {"kept": stub("K")})
    found = merge([one, two], base)
    assert isinstance(found, Merged)
    assert found.attachments == {"kept": stub("K"), "new": stub("n")}
    three = Leaf("2-d", {}, {"kept": stub("other"), "gone": stub("g")})
    assert merge([two, three], base) == Unsettled({FILE + "kept": [stub("K"), stub("other")]})


READERS: list[tuple[list[str] | None, list[str] | None, list[str] | None, list[str] | None, bool]] = [
    # ancestor, one leaf, other leaf, merge, may be written
    (["n"], ["n"], ["n"], ["n"], True),
    (["n"], ["n"], ["n", "s"], ["n", "s"], True),  # the other let s in, to the whole document
    (["n", "s"], ["n"], ["n", "s"], ["n", "s"], False),  # one took s off
    (["n", "s"], ["n"], ["n", "s"], ["n"], True),
    (["n"], ["n", "x"], ["n", "y"], ["n", "x", "y"], True),
    (["n"], ["s"], ["n", "y"], ["s", "y"], True),  # handed over, and a colleague added
    (["n"], ["s"], ["n", "y"], ["n", "s", "y"], False),
    (["*"], ["n"], ["*"], ["n"], True),
    (["*"], ["n"], ["*"], ["n", "s"], False),
    (["*"], ["n"], ["*"], ["*"], False),
    (None, ["n"], None, None, False),
    (["n"], ["n", "s"], ["n"], ["*"], False),
    (["n"], ["*"], ["n"], ["*"], False),
]


@pytest.mark.parametrize(("before", "one", "other", "result", "allowed"), READERS)
def test_a_merge_shows_nobody_what_a_branch_hid(before: Any, one: Any, other: Any, result: Any, allowed: bool) -> None:
    def leaf(readers: list[str] | None) -> Leaf:
        return Leaf("2-x", {} if readers is None else {"readers": readers})

    assert admits(leaf(result).body, [leaf(one), leaf(other)], leaf(before)) is allowed


# -- whatever the branches

VALUES = st.sampled_from([None, "", 0, 1, True, "x", "y", [], ["p"], ["q", "p"], {"k": 1}])
BODIES = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


@given(BODIES, st.lists(BODIES, min_size=2, max_size=4))
def test_every_value_is_in_the_merge_or_waits(base: dict[str, Any], branches: list[dict[str, Any]]) -> None:
    found = merged(*branches, base=base)
    for name in {name for branch in branches for name in branch}:
        for branch in branches:
            value = branch.get(name)
            if same(value, base.get(name)) or isinstance(found, Unsettled):
                continue
            mine, before = found.body.get(name), base.get(name)
            if same(mine, value):
                continue
            assert all(empty(one) or isinstance(one, list) for one in (mine, value, before)), "only lists are mixed"
            old, new, now = before or [], value or [], mine or []
            assert all(entry in now for entry in new if entry not in old)
            assert not any(entry in now for entry in old if entry not in new)
    if isinstance(found, Unsettled):
        assert all(len({repr(value) for value in values}) > 1 for values in found.items.values())


@given(BODIES, st.lists(BODIES, min_size=2, max_size=3), st.randoms())
def test_the_order_in_which_branches_came_plays_no_part(
    base: dict[str, Any], branches: list[dict[str, Any]], random: Any
) -> None:
    leaves = [Leaf(f"2-{n}", branch) for n, branch in enumerate(branches)]
    shuffled = random.sample(leaves, len(leaves))
    in_order = [
        merge(sorted(given, key=lambda leaf: leaf.rev, reverse=True), Leaf("1-a", base)) for given in (leaves, shuffled)
    ]
    assert in_order[0] == in_order[1]


# -- what counts as an ancestor

#   ┌─────┐   ┌─────┐   ┌─────┐
#   │ 1-a │◄──│ 2-c │◄──│ 3-m │         3-m merged 2-b
#   └─────┘   └─────┘   └─────┘
#           ◄─┌─────┐◄──┌──────┐
#             │ 2-b │   │ 3-t x│         merged_into 3-m
#             └─────┘◄──┌──────┐
#                       │ 3-e  │         an edit of 2-b that came later
#                       └──────┘
JOINED = RevisionTree(
    {
        "1-a": Node(),
        "2-c": Node("1-a"),
        "3-m": Node("2-c"),
        "2-b": Node("1-a"),
        "3-t": Node("2-b", True),
        "3-e": Node("2-b"),
    }
)


def test_what_was_merged_counts_as_an_ancestor_of_the_merge() -> None:
    assert JOINED.merge_base(["3-m", "3-e"], {}) == "1-a"
    assert JOINED.merge_base(["3-m", "3-e"], {"2-b": "3-m"}) == "2-b"


def test_branches_with_different_ancestors_are_not_merged_at_once() -> None:
    tree = RevisionTree({"1-a": Node(), "2-b": Node("1-a"), "3-c": Node("2-b"), "3-d": Node("2-b"), "2-e": Node("1-a")})
    assert tree.merge_base(["3-d", "3-c"], {}) == "2-b"
    assert tree.merge_base(["3-d", "3-c", "2-e"], {}) is None
