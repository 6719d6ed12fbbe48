"""Branches of a document made one again on a hub, in the transaction that made or took the last of them.

    live leaves ─► those that merge with the winner (merging.py) ─► the form's rules ─► who reads it ─► merge revision,
                   all at once, or one by one                       refused: stays      reveals: stays  losers ended

A merge revision is the winner's child; each loser gets a tombstone that says `merged_into`. Names of both follow from
the leaves alone. What cannot be merged stays beside the winner, for a person to settle (conflicts.py). Documents that
decide rights are not mixed: of an ACL, a design element, a person or group the hub's version stands.

A laptop never merges: two laptops would make different revisions of the same edits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from app import clock
from app.access import merging, rules
from app.access.guards import guard_of
from app.access.identity import SYSTEM, SYSTEM_KEY
from app.access.merging import Leaf, Merged, Unsettled
from app.errors import DavenportError, NotFound
from app.store import Context, Edit, RawDatabase, Revision, RevisionTree
from app.store.branching import MERGED_INTO

if TYPE_CHECKING:
    from app.access.databases import Databases
    from app.design import Form

MOST = 20  # leaves looked at: whoever makes more branches of one document gets conflicts, not work for the hub
UNORDERED = ("keyword", "names", "link", "attachment")  # types whose lists have no order
MERGE, ENDED = "merge", "merged"  # actions in the history: the merge revision, the tombstone of a loser


class Traits(NamedTuple):
    """What a form says about merging: lists without order (None: no form), items that it computes, items from which it
    computes who reads and edits."""

    sets: frozenset[str] | None
    derived: frozenset[str]
    access: frozenset[str]


class Joiner:
    """Merges in one database. Every call is within the caller's write transaction."""

    def __init__(self, databases: Databases, raw: RawDatabase) -> None:
        self._databases = databases
        self._raw = raw

    @property
    def active(self) -> bool:
        """Whether this node merges: laptops leave it to their hub."""
        return self._databases.laptop is None

    def join(self, id: str, held: str | None = None) -> str | None:
        """Merge what merges among the leaves of a document; the revision that wins then, None when nothing was done.

        `held`: what the hub had before a push, which stands where nothing is merged by item.
        """
        if not self.active:
            return None
        tree = self._raw.tree(id)
        if len(tree.live) < 2:
            return None
        winner = self._raw.get(id)
        if guard_of(self._raw.name, id, winner.body.get("form")):
            return self._stand(id, tree, held or winner.rev)
        done = None
        for _ in range(MOST):
            merged = self._merge_once(id)
            if merged is None:
                return done
            done = merged
        return done

    def _merge_once(self, id: str) -> str | None:
        """One merge revision of the winner and all leaves that merge with it at once."""
        tree, joined = self._raw.tree(id), self._raw.joined(id)
        live = tree.live[:MOST]
        chosen, result = live[:1], None
        for rev in live[1:]:
            found = self.attempt(id, [*chosen, rev], tree, joined)
            if isinstance(found, Merged):
                chosen, result = [*chosen, rev], found
        return self._write(self._raw.get(id), result) if result else None

    def attempt(
        self,
        id: str,
        revs: list[str],
        tree: RevisionTree,
        joined: dict[str, str],
        incoming: dict[str, Leaf] | None = None,
    ) -> Merged | Unsettled:
        """The merge of these leaves, the winner first. `incoming`: contents that are not stored yet."""
        leaves = [(incoming or {}).get(rev) or leaf_of(self._raw.get(id, rev)) for rev in revs]
        base = tree.merge_base(revs, joined)
        ancestor = self._content(id, base) if base else None
        traits = self.traits(leaves[0].body.get("form"))
        found = merging.merge(leaves, ancestor, sets=traits.sets, derived=traits.derived)
        if isinstance(found, Unsettled):
            return found
        body = self._composed(id, leaves[0], found.body, traits)
        if body is None or not merging.admits(body, leaves, ancestor):
            return Unsettled({})
        return found._replace(body=body)

    def _content(self, id: str, rev: str) -> Leaf | None:
        try:
            found = self._raw.get(id, rev, deleted=True)
        except NotFound:
            return None
        return None if found.deleted else leaf_of(found)

    def traits(self, name: object) -> Traits:
        """What the form of this name says; in a database without a design, what the lists alone decide."""
        form = self._form(name)
        if form is None:
            return Traits(None, frozenset(), frozenset(merging.ACCESS))
        items = form.items.values()
        asked = [expression.names for expression in (form.access.readers, form.access.authors) if expression]
        return Traits(
            frozenset(item.name for item in items if item.many and item.type in UNORDERED),
            frozenset(item.name for item in items if item.computed is not None) | frozenset(merging.ACCESS),
            frozenset(item.name for item in items if item.type in merging.ACCESS).union(merging.ACCESS, *asked),
        )

    def _form(self, name: object) -> Form | None:
        design = self._databases.designs(self._raw.name) if self._databases.designs else None
        return design.forms.get(name) if design is not None and isinstance(name, str) else None

    def _composed(self, id: str, winner: Leaf, items: dict[str, Any], traits: Traits) -> dict[str, Any] | None:
        """The merged items with what the form computes; None when it refuses them."""
        form = self._databases.rules
        if form is None or traits.sets is None:
            return items
        old = {"_id": id, "_rev": winner.rev, **winner.body}
        beside = (*merging.ACCESS, *merging.CREATED, *merging.CHANGED, "anonymous")
        plain = {name: value for name, value in items.items() if name not in beside}
        try:
            made = dict(form.check(self._databases.open(self._raw.name, SYSTEM), old, plain, action=MERGE).items)
            for name in traits.derived:
                items.pop(name, None)
                if name in made:
                    items[name] = made[name]
            rules.settle_lists(items)
        except DavenportError as problem:
            if problem.status >= 500:
                raise
            return None
        return items

    # -- writing

    def _write(self, winner: Revision, merged: Merged) -> str:
        """The merge revision, where it says anything else than the winner, and an end of each loser."""
        rev = winner.rev
        context = self._context(winner)
        if merged.body != winner.body or merged.attachments != winner.attachments:
            edit = Edit(winner.id, winner.rev, merged.body, attachments=merged.attachments)
            rev = self._raw.put(edit, context._replace(action=MERGE))
        self.end(winner.id, merged.merged, rev, context._replace(action=ENDED))
        return rev

    def end(self, id: str, losers: Iterable[str], into: str, context: Context) -> None:
        """Tombstones that say which revision took these leaves up."""
        for loser in losers:
            self._raw.put(Edit(id, loser, {MERGED_INTO: into}, deleted=True), context)

    def _stand(self, id: str, tree: RevisionTree, held: str) -> str | None:
        """Of what is not merged by item, the hub's version stands; the others remain in the history."""
        stays = next((rev for rev in tree.live if held in tree.path(rev)), tree.winner)
        winner, kept = self._raw.get(id), self._raw.get(id, stays)
        losers = [leaf_of(self._raw.get(id, rev)) for rev in tree.live if rev != winner.rev]
        merged = Merged(dict(kept.body), dict(kept.attachments), [leaf.rev for leaf in losers])
        return self._write(winner, merged)

    @staticmethod
    def _context(winner: Revision) -> Context:
        person = "" if winner.body.get("anonymous") is True else SYSTEM_KEY
        return Context(person, clock.now(), None)


def leaf_of(revision: Revision) -> Leaf:
    """A stored revision as merging sees it."""
    return Leaf(revision.rev, revision.body, revision.attachments)


__all__ = ["ENDED", "MERGE", "Joiner", "Traits", "leaf_of"]
