"""What reading and writing share: a database, the person it was opened for, and finding a document for
them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app import clock
from app.access import rules
from app.access.identity import Identity
from app.access.model import MISSING, Document, Standing, document_of
from app.errors import Conflict, NotFound
from app.store import Context, RawDatabase, Revision, RevisionTree, Store, Visible

if TYPE_CHECKING:
    from app.access.databases import Databases, Known


@dataclass(frozen=True)
class Opened:
    """A database opened for an identity with a standing that does not change while it is open."""

    databases: Databases
    known: Known
    identity: Identity
    standing: Standing
    checks: list[Callable[[], None]] = field(default_factory=list)  # to run after writing, before the commit
    notes: list[Callable[[], None]] = field(default_factory=list)  # of one change; to run once it is committed

    @property
    def raw(self) -> RawDatabase:
        """The documents, without rights."""
        return self.known.raw

    @property
    def store(self) -> Store:
        """The store of the node."""
        return self.databases.store

    def visible(self) -> Visible:
        """The reader sets the person sees, as of now."""
        return self.store.sets.visible(self.raw.number, self.standing.reading)

    def reads(self, revision: Revision) -> bool:
        """Whether a revision exists for this person: by its lists, a tombstone by the set it was found
        under."""
        if revision.deleted:
            return revision.access in self.visible().sets
        return rules.may_read(self.standing.rights, self.standing.principals, revision.body)

    def reads_end(self, id: str, rev: str, tree: RevisionTree) -> bool:
        """Whether a tombstone beside the winner exists for this person: for those who read what it ended."""
        for ended in tree.path(rev)[1:]:
            body = None if tree.deleted(ended) else self.raw.revision_body(id, ended)
            if body is not None:
                return rules.may_read(self.standing.rights, self.standing.principals, body)
        return False

    def find(self, id: str) -> Revision:
        """The winner. NotFound with one and the same reason when missing, deleted or not readable."""
        revision = self._any(id)
        if revision is None or revision.deleted or not self.reads(revision):
            raise NotFound(MISSING)
        return revision

    def tombstone(self, id: str) -> Revision:
        """A deleted document that the person could read. NotFound."""
        revision = self._any(id)
        if revision is None or not revision.deleted or not self.reads(revision):
            raise NotFound(MISSING)
        return revision

    def free(self, id: str) -> None:
        """Refuse an id that is in use, or was by something the person could not read. Conflict, and the same
        one whether the person may read the document or not."""
        revision = self._any(id)
        if revision is not None and not (revision.deleted and self.reads(revision)):
            raise Conflict

    def _any(self, id: str) -> Revision | None:
        try:
            return self.raw.get(id, deleted=True)
        except NotFound:
            return None

    def named(self, id: str, rev: str | None) -> Revision:
        """The live leaf that a change names (None: the winner). NotFound, Conflict with `current` and
        `base`."""
        current = self.find(id)
        if rev is None or rev == current.rev:
            return current
        for leaf in self.raw.leaves(id):
            if leaf.rev == rev and not leaf.deleted and self.reads(leaf):
                return leaf
        raise Conflict(current=document_of(current), base=self.base(current, rev))

    def base(self, current: Revision, rev: str) -> Document | None:
        """What an ancestor of the current revision held, while it is kept."""
        if rev not in self.raw.tree(current.id).path(current.rev):
            return None
        try:
            return document_of(self.raw.get(current.id, rev))
        except NotFound:
            return None

    def shown(self, id: str, rev: str) -> Revision:
        """A revision of a readable document: an ancestor of the winner or of a leaf the person reads.
        NotFound."""
        self.find(id)
        if rev in self.readable_branches(id):
            return self.raw.get(id, rev)
        raise NotFound(MISSING)

    def readable_branches(self, id: str) -> set[str]:
        """Every revision on the way to a leaf that the person reads."""
        tree = self.raw.tree(id)
        if len(tree.leaves) == 1:
            return set(tree.nodes)
        readable = (leaf.rev for leaf in self.raw.leaves(id) if self.reads(leaf))
        return {rev for leaf in readable for rev in tree.path(leaf)}

    def context(self, *, anonymous: bool, action: str | None = None, comment: str | None = None) -> Context:
        """Who writes, for the history: nobody when the document is anonymous."""
        if anonymous:
            return Context("", clock.now(), None, action, comment)
        return Context(self.identity.key, clock.now(), self.identity.device, action, comment)
