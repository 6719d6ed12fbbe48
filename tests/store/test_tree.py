"""The revision tree, drawn. Boxes are revisions, `x` marks a tombstone, `*` the winner."""

from __future__ import annotations

import pytest

from app.errors import BadRequest
from app.store import revisions
from app.store.tree import EMPTY, Node, RevisionTree, load

#   ┌─────┐   ┌─────┐   ┌──────┐
#   │ 1-a │◄──│ 2-b │◄──│ 3-c* │
#   └─────┘   └─────┘   └──────┘
LINE = RevisionTree({"1-a": Node(), "2-b": Node("1-a"), "3-c": Node("2-b")})

#   ┌─────┐   ┌─────┐   ┌─────┐
#   │ 1-a │◄──│ 2-b │◄──│ 3-c │
#   └─────┘   └─────┘ ◄─┌──────┐
#                       │ 3-d* │
#                       └──────┘
FORK = RevisionTree({"1-a": Node(), "2-b": Node("1-a"), "3-c": Node("2-b"), "3-d": Node("2-b")})

#   ┌─────┐   ┌─────┐   ┌──────┐   ┌──────┐
#   │ 1-a │◄──│ 2-b │◄──│ 3-c  │◄──│ 4-e x│
#   └─────┘   └─────┘   └──────┘   └──────┘
#           ◄─┌──────┐
#             │ 2-d* │
#             └──────┘
LIVE_BESIDE_TOMBSTONE = RevisionTree(
    {"1-a": Node(), "2-b": Node("1-a"), "3-c": Node("2-b"), "4-e": Node("3-c", True), "2-d": Node("1-a")}
)

#   ┌──────┐   ┌──────┐
#   │ 2-b x│   │ 3-c x│*     (two roots: both branches deleted, ancestors forgotten)
#   └──────┘   └──────┘
ALL_DELETED = RevisionTree({"2-b": Node(None, True), "3-c": Node(None, True)})

#   ┌──────┐              ┌───────┐
#   │ 9-z  │              │ 10-a* │      (generation counts as a number, not as text)
#   └──────┘              └───────┘
TWO_ROOTS = RevisionTree({"9-z": Node(), "10-a": Node()})


@pytest.mark.parametrize(
    ("tree", "winner", "leaves", "conflicts"),
    [
        (LINE, "3-c", ["3-c"], []),
        (FORK, "3-d", ["3-d", "3-c"], ["3-c"]),
        (LIVE_BESIDE_TOMBSTONE, "2-d", ["2-d", "4-e"], []),
        (ALL_DELETED, "3-c", ["3-c", "2-b"], []),
        (TWO_ROOTS, "10-a", ["10-a", "9-z"], ["9-z"]),
    ],
)
def test_winner_leaves_and_conflicts(tree: RevisionTree, winner: str, leaves: list[str], conflicts: list[str]) -> None:
    assert (tree.winner, tree.leaves, tree.conflicts) == (winner, leaves, conflicts)


def test_graft_onto_nothing_names_ancestors_only() -> None:
    grown = EMPTY.graft(["3-c", "2-b", "1-a"])
    assert grown.nodes == {
        "3-c": Node("2-b"),
        "2-b": Node("1-a", known=False),
        "1-a": Node(None, known=False),
    }


def test_graft_beside_a_leaf_makes_a_conflict() -> None:
    assert LINE.graft(["3-d", "2-b"]) == FORK


def test_graft_of_a_known_revision_changes_nothing() -> None:
    assert FORK.graft(["3-c", "2-b", "1-a"]) == FORK


def test_a_known_leaf_cannot_be_turned_into_a_tombstone() -> None:
    assert LINE.graft(["3-c", "2-b", "1-a"], deleted=True) == LINE


#   ┌─────┐   ┌─────┐              ┌─────┐   ┌─────┐   ┌──────┐
#   │ 2-b │◄──│ 3-c │   and 3-d ─► │ 1-a │◄──│ 2-b │◄──│ 3-c  │
#   └─────┘   └─────┘   with all   └─────┘   └─────┘ ◄─┌──────┐
#                       ancestors                      │ 3-d* │
#                                                      └──────┘
def test_a_forgotten_parent_is_learnt_again() -> None:
    stemmed = RevisionTree({"2-b": Node(), "3-c": Node("2-b")})
    grown = stemmed.graft(["3-d", "2-b", "1-a"])
    assert grown.path("3-c") == ["3-c", "2-b", "1-a"]
    assert grown.leaves == ["3-d", "3-c"]


def test_a_contradicting_ancestry_ends_where_it_contradicts() -> None:
    grown = LINE.graft(["4-e", "3-c", "2-x", "1-y"])
    assert grown.path("4-e") == ["4-e", "3-c", "2-b", "1-a"]
    assert "2-x" not in grown


#   stem(2):   ┌─────┐   ┌─────┐   ┌─────┐        ┌─────┐   ┌─────┐
#              │ 1-a │◄──│ 2-b │◄──│ 3-c │   ─►   │ 2-b │◄──│ 3-c │
#              └─────┘   └─────┘   └─────┘        └─────┘   └─────┘
def test_stemming_forgets_the_oldest() -> None:
    assert LINE.stem(2).nodes == {"2-b": Node(None), "3-c": Node("2-b")}


def test_stemming_counts_from_each_leaf() -> None:
    stemmed = LIVE_BESIDE_TOMBSTONE.stem(2)
    assert set(stemmed.nodes) == {"1-a", "2-d", "3-c", "4-e"}
    assert stemmed.leaves == LIVE_BESIDE_TOMBSTONE.leaves


def test_stemming_a_small_tree_is_free() -> None:
    assert LINE.stem(1000) is LINE


@pytest.mark.parametrize(
    ("tree", "revs", "ancestor"),
    [
        (FORK, ["3-c", "3-d"], "2-b"),
        (LIVE_BESIDE_TOMBSTONE, ["4-e", "2-d"], "1-a"),
        (LINE, ["3-c", "1-a"], "1-a"),
        (LINE, ["3-c"], "3-c"),
        (TWO_ROOTS, ["9-z", "10-a"], None),
        (LINE, [], None),
    ],
)
def test_common_ancestor(tree: RevisionTree, revs: list[str], ancestor: str | None) -> None:
    assert tree.common_ancestor(revs) == ancestor


def test_possible_ancestors_are_older_leaves() -> None:
    assert LIVE_BESIDE_TOMBSTONE.possible_ancestors(["4-q"]) == ["2-d"]
    assert LIVE_BESIDE_TOMBSTONE.possible_ancestors(["2-q"]) == []


@pytest.mark.parametrize("tree", [LINE, FORK, LIVE_BESIDE_TOMBSTONE, ALL_DELETED, TWO_ROOTS])
def test_dump_and_load(tree: RevisionTree) -> None:
    assert load(tree.dump()).nodes == tree.nodes


def test_a_revision_name_covers_everything_that_is_said() -> None:
    said = [
        revisions.name(2, "1-a", False, b"{}", {}),
        revisions.name(2, "1-b", False, b"{}", {}),
        revisions.name(2, "1-a", True, b"{}", {}),
        revisions.name(2, "1-a", False, b'{"n":1}', {}),
    ]
    assert len(set(said)) == 4
    assert said[0] == revisions.name(2, "1-a", False, b"{}", {})


@pytest.mark.parametrize("rev", ["", "1", "1-", "-a", "0-a", "01-a", "1-a b", "x-a", None, 7, "1-" + "a" * 65])
def test_malformed_revisions_are_refused(rev: object) -> None:
    with pytest.raises(BadRequest):
        revisions.check(rev)


@pytest.mark.parametrize("path", [[], ["3-c", "1-a"], ["1-a", "2-b"], ["2-b", "2-a"]])
def test_an_ancestry_counts_down_by_one(path: list[str]) -> None:
    with pytest.raises(BadRequest):
        revisions.check_ancestry(path)
