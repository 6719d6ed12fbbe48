"""The revision tree of one document: pure, no I/O. CouchDB's rules.

A tree maps each revision to its parent. Several roots are possible: stemming forgets old ancestors, and
documents made apart under one id share none.

          ┌─────┐     ┌─────┐     ┌─────┐
          │ 1-a │◄────│ 2-b │◄────│ 3-d │   leaf, winner (live, highest generation)
          └─────┘     └─────┘     └─────┘
                  ◄────┌─────┐
                       │ 2-c │               leaf, conflict
                       └─────┘

    RevisionTree({"1-a": Node(None), "2-b": Node("1-a"), "2-c": Node("1-a"), "3-d": Node("2-b")})

Every function returns a new tree. Grafting is a union of what is known, so that any order and repetition of
the same revisions gives the same tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import orjson

from app.store.revisions import generation, order

REVS_LIMIT = 1000  # ancestors remembered per leaf; CouchDB's default. More costs space, fewer invents conflicts


class Node(NamedTuple):
    """A revision: its parent (None: root or forgotten), whether it deletes, and came or was only named."""

    parent: str | None = None
    deleted: bool = False
    known: bool = True


@dataclass(frozen=True)
class RevisionTree:
    """Revision → Node. `leaves` come in winner order."""

    nodes: Mapping[str, Node]

    @cached_property
    def leaves(self) -> list[str]:
        """Revisions without a child, the winner first: live before deleted, then generation, then digest."""
        parents = {node.parent for node in self.nodes.values()}
        found = [rev for rev in self.nodes if rev not in parents]
        return sorted(found, key=self._rank, reverse=True)

    @property
    def winner(self) -> str:
        """The revision that every replica shows."""
        return self.leaves[0]

    @property
    def live(self) -> list[str]:
        """The leaves that are no tombstones, in winner order."""
        return [rev for rev in self.leaves if not self.nodes[rev].deleted]

    @property
    def conflicts(self) -> list[str]:
        """Live leaves beside the winner."""
        return self.live[1:]

    def _rank(self, rev: str) -> tuple[bool, int, str]:
        return (not self.nodes[rev].deleted, *order(rev))

    def __contains__(self, rev: str) -> bool:
        return rev in self.nodes

    def deleted(self, rev: str) -> bool:
        """Whether a revision is a tombstone."""
        return self.nodes[rev].deleted

    def path(self, rev: str) -> list[str]:
        """The revision and its ancestors, newest first."""
        return list(self._upwards(rev))

    def _upwards(self, rev: str | None) -> Iterator[str]:
        while rev is not None:
            yield rev
            rev = self.nodes[rev].parent

    def graft(self, revisions: Sequence[str], deleted: bool = False) -> RevisionTree:
        """The tree with one more branch; `revisions` newest first, the first is the one that came.

        A parent once known stays: a branch that contradicts it ends there. A forgotten one is learnt again.
        """
        nodes = dict(self.nodes)
        head = revisions[0]
        parents = [*revisions[1:], None]
        for rev, parent in zip(revisions, parents, strict=True):
            here = nodes.get(rev)
            if here is None:
                nodes[rev] = Node(parent, False, False)
            elif here.parent is None:
                nodes[rev] = here._replace(parent=parent)
            elif here.parent != parent:
                break
        if not nodes[head].known:
            nodes[head] = Node(nodes[head].parent, deleted, True)
        return RevisionTree(nodes)

    def stem(self, limit: int = REVS_LIMIT) -> RevisionTree:
        """The tree with at most `limit` revisions from each leaf upwards."""
        if len(self.nodes) <= limit:
            return self
        kept: set[str] = set()
        for leaf in self.leaves:
            for distance, rev in enumerate(self._upwards(leaf)):
                if distance == limit:
                    break
                kept.add(rev)
        return RevisionTree(
            {
                rev: node if node.parent in kept else node._replace(parent=None)
                for rev, node in self.nodes.items()
                if rev in kept
            }
        )

    def without(self, revisions: Iterable[str]) -> RevisionTree:
        """The tree without these revisions and all that descends from them."""
        gone = set(revisions)
        for rev in sorted(self.nodes, key=generation):
            if self.nodes[rev].parent in gone:
                gone.add(rev)
        return RevisionTree({rev: node for rev, node in self.nodes.items() if rev not in gone})

    def common_ancestor(self, revisions: Iterable[str]) -> str | None:
        """The youngest revision that all of these descend from or are; None when there is none."""
        paths = [self.path(rev) for rev in revisions]
        if not paths:
            return None
        shared = set(paths[0]).intersection(*paths[1:])
        return next((rev for rev in paths[0] if rev in shared), None)

    def lineage(self, rev: str, joined: Mapping[str, str]) -> set[str]:
        """A revision, its ancestors, and what was merged into any of them with theirs.

        `joined`: what was merged (a leaf before it was ended) → the revision it was merged into.
        """
        found: set[str] = set()
        waiting = [rev]
        while waiting:
            for step in self._upwards(waiting.pop()):
                if step in found:
                    break
                found.add(step)
                waiting += [loser for loser, into in joined.items() if into == step and loser in self.nodes]
        return found

    def merge_base(self, revisions: Iterable[str], joined: Mapping[str, str]) -> str | None:
        """The youngest revision that all of these descend from, merges counted as descent; None: there is none, or
        it is another one for some of them (then merge fewer at once)."""
        lineages = [self.lineage(rev, joined) for rev in revisions]
        youngest = {
            max(shared, key=order) if (shared := one & other) else None
            for place, one in enumerate(lineages)
            for other in lineages[place + 1 :]
        }
        return youngest.pop() if len(youngest) == 1 else None

    def possible_ancestors(self, missing: Iterable[str]) -> list[str]:
        """Leaves older than a missing revision: a delta may build on them. As CouchDB's `_revs_diff`."""
        newest = max((generation(rev) for rev in missing), default=0)
        return [rev for rev in self.leaves if generation(rev) < newest]

    def dump(self) -> bytes:
        """JSON rows `[revision, place of the parent or -1, flags]`, oldest first; 1 deleted, 2 only named."""
        ordered = sorted(self.nodes, key=order)
        position = {rev: place for place, rev in enumerate(ordered)}
        rows = []
        for rev in ordered:
            parent, deleted, known = self.nodes[rev]
            rows.append((rev, -1 if parent is None else position[parent], deleted + 2 * (not known)))
        return orjson.dumps(rows)


EMPTY = RevisionTree({})


def load(blob: bytes) -> RevisionTree:
    """A tree from `dump`."""
    rows = orjson.loads(blob)
    return RevisionTree(
        {rev: Node(None if at < 0 else rows[at][0], bool(flags & 1), not flags & 2) for rev, at, flags in rows}
    )


def straight(blob: bytes) -> list[str] | None:
    """The revisions of a tree that is one branch, newest first; None when it has several."""
    rows = orjson.loads(blob)
    if any(row[1] != place - 1 for place, row in enumerate(rows)):
        return None
    return [row[0] for row in reversed(rows)]


def dump_path(path: Sequence[str], deleted: bool) -> bytes:
    """`dump` of a tree that is one branch, newest first, of which only the newest came."""
    last = len(path) - 1
    older = "".join(f'["{rev}",{place - 1},2],' for place, rev in enumerate(path[:0:-1]))
    return f'[{older}["{path[0]}",{last - 1},{int(deleted)}]]'.encode()


def dump_root(rev: str) -> bytes:
    """`dump` of a tree with this single live revision; most documents are written this way."""
    return f'[["{rev}",-1,0]]'.encode()
