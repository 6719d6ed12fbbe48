"""Any order and repetition of revisions gives the same tree and winner; nothing acknowledged is lost."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from app.errors import Conflict, NotFound
from app.store import Branch, Context, Edit, RevisionTree, Store
from app.store.tree import EMPTY, load

CONTEXT = Context("north", "2026-11-22T08:00:00.000Z")


@st.composite
def branches(draw: st.DrawFn) -> list[tuple[list[str], bool]]:
    """A made tree, as the branches (path newest first, deleted) that replication would bring."""
    paths: dict[str, list[str]] = {}
    deleted: dict[str, bool] = {}
    for number in range(draw(st.integers(1, 12))):
        parent = draw(st.sampled_from([None, *paths]))
        path = paths[parent] if parent else []
        rev = f"{len(path) + 1}-{number:x}{draw(st.sampled_from('abf'))}"
        paths[rev], deleted[rev] = [rev, *path], draw(st.booleans())
    return [(path, deleted[rev]) for rev, path in paths.items()]


def grown(sequence: list[tuple[list[str], bool]]) -> RevisionTree:
    tree = EMPTY
    for path, deleted in sequence:
        tree = load(tree.graft(path, deleted).dump())
    return tree


@given(branches(), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(made: list[tuple[list[str], bool]], random: Any) -> None:
    again = made + random.choices(made, k=len(made))
    random.shuffle(again)
    assert grown(again).nodes == grown(made).nodes
    assert grown(again).leaves == grown(made).leaves


@given(branches(), st.integers(1, 5), st.randoms(use_true_random=False))
def test_stemming_keeps_winner_and_leaves(made: list[tuple[list[str], bool]], limit: int, random: Any) -> None:
    tree = grown(made)
    assert tree.stem(limit).leaves == tree.leaves
    assert tree.stem(limit).winner == tree.winner


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(branches(), st.randoms(use_true_random=False))
def test_two_stores_agree_whatever_the_order(made: list[tuple[list[str], bool]], random: Any) -> None:
    shuffled = made + random.choices(made, k=3)
    random.shuffle(shuffled)
    seen = []
    for sequence in (made, shuffled):
        with tempfile.TemporaryDirectory() as folder:
            store = Store.open(Path(folder), create=True)
            database = store.create("customers")
            answers = database.insert(
                [Branch("a", path, {"n": path[0]}, deleted) for path, deleted in sequence], CONTEXT
            )
            assert answers == [None] * len(sequence)
            seen.append([(leaf.rev, leaf.deleted, leaf.body) for leaf in database.leaves("a")])
            assert store.check() == []
            store.close()
    assert seen[0] == seen[1]


class Writes(RuleBasedStateMachine):
    """Edits, deletions, pushes, upkeep in any order, against a model: the trees and their leaves' bodies."""

    revs: Bundle[tuple[str, str]] = Bundle("revs")

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.store = Store.open(Path(self.folder), create=True)
        self.database = self.store.create("customers")
        self.trees: dict[str, RevisionTree] = {}
        self.bodies: dict[tuple[str, str], dict[str, Any]] = {}
        self.pushed = 0

    def note(self, document: str, path: list[str], body: dict[str, Any], deleted: bool) -> tuple[str, str]:
        self.trees[document] = self.trees.get(document, EMPTY).graft(path, deleted)
        self.bodies[document, path[0]] = body
        return document, path[0]

    ids = st.sampled_from(["a", "b/c", "纳华"])
    items = st.fixed_dictionaries(
        {"n": st.integers(0, 3)},
        optional={
            "readers": st.lists(st.sampled_from(["north", "south", "*"]), max_size=2),
            "form": st.just("x"),
        },
    )

    @rule(target=revs, document=ids, body=items)
    def create(self, document: str, body: dict[str, Any]) -> Any:
        tree = self.trees.get(document)
        try:
            rev = self.database.put(Edit(document, None, body), CONTEXT)
        except Conflict:
            assert tree
            assert tree.live
            return multiple()
        assert tree is None or not tree.live
        path = [rev, tree.winner] if tree else [rev]
        return self.note(document, path, body, False)

    @rule(target=revs, at=revs, body=items)
    def edit(self, at: tuple[str, str], body: dict[str, Any]) -> Any:
        document, parent = at
        is_leaf = parent in self.trees.get(document, EMPTY).leaves
        try:
            rev = self.database.put(Edit(document, parent, body), CONTEXT)
        except Conflict:
            assert not is_leaf
            return multiple()
        assert is_leaf
        return self.note(document, [rev, parent], body, False)

    @rule(target=revs, at=revs)
    def delete_leaf(self, at: tuple[str, str]) -> Any:
        document, parent = at
        tree = self.trees.get(document, EMPTY)
        try:
            rev = self.database.put(Edit(document, parent, {}, deleted=True), CONTEXT)
        except (Conflict, NotFound):
            assert parent not in tree.leaves or tree.deleted(parent)
            return multiple()
        return self.note(document, [rev, parent], {}, True)

    @rule(document=ids)
    def delete_all(self, document: str) -> None:
        tree = self.trees.get(document)
        if tree is None or not tree.live:
            return
        self.database.delete(document, tree.winner, CONTEXT)
        for leaf in tree.live:
            (child,) = [rev for rev, node in self.database.tree(document).nodes.items() if node.parent == leaf]
            self.note(document, [child, leaf], {}, True)

    @rule(target=revs, at=revs, body=items, deleted=st.booleans(), gap=st.booleans())
    def push(self, at: tuple[str, str], body: dict[str, Any], deleted: bool, gap: bool) -> Any:
        document, parent = at
        if parent not in self.trees.get(document, EMPTY):
            return multiple()
        self.pushed += 1
        path = self.trees[document].path(parent)
        generation = int(parent.partition("-")[0])
        if gap:
            generation += 1
            path = [f"{generation}-gap{self.pushed}", *path]
        path = [f"{generation + 1}-push{self.pushed}", *path]
        assert self.database.insert([Branch(document, path, body, deleted)], CONTEXT) == [None]
        return self.note(document, path, body, deleted)

    @rule(at=consumes(revs))
    def purge(self, at: tuple[str, str]) -> None:
        document = at[0]
        if len(self.trees.get(document, EMPTY).nodes) < 5:
            return
        assert self.database.purge(document, remember=False) == 1
        del self.trees[document]

    @rule()
    def compact(self) -> None:
        self.database.compact(0)

    @invariant()
    def agrees_with_the_model(self) -> None:
        for document, tree in getattr(self, "trees", {}).items():
            leaves = self.database.leaves(document)
            assert [leaf.rev for leaf in leaves] == tree.leaves
            assert self.database.tree(document).nodes == tree.nodes
            for leaf in leaves:
                if not leaf.deleted:
                    assert leaf.body == self.bodies[document, leaf.rev]
        if hasattr(self, "store"):
            assert self.store.check() == []

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)


Writes.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestWrites = Writes.TestCase
