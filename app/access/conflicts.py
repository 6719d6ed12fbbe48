"""What waits for a person: branches that did not merge, and documents edited here that were deleted there.

    conflict   two live leaves or more that the person reads: one stays with what is chosen, the others are ended
    deletion   a tombstone beside the live leaf: the edit is kept, and asked about until somebody answers

A branch that the person does not read does not exist here: it is neither counted, nor shown, nor ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from app.access import rules
from app.access.joining import ENDED, Joiner
from app.access.model import Document, Saved, document_of
from app.access.opened import Opened
from app.errors import BadRequest, Conflict, Forbidden, NotFound
from app.store import Branch, HistoryEntry, Revision, RevisionTree, Stub, revisions, validity
from app.store.branching import MERGED_INTO

if TYPE_CHECKING:
    from app.access.writer import Writer

PAGE = 50
MOST = 100  # counted at most
LOOKED_AT = 200  # documents with branches that a count looks at: every page shows one
SETTLE, KEEP = "settle_conflict", "keep"


class Waiting(NamedTuple):
    """A document with something to settle. `seq` is where the list goes on."""

    id: str
    seq: int
    document: Document
    versions: int  # live leaves that the person reads
    deletions: int


class Versions(NamedTuple):
    """Branches side by side: the winner first; `base` is what all of them started from, as far as it is kept."""

    versions: list[Document]
    base: Document | None
    deletions: list[HistoryEntry]


class Conflicts:
    """From `Database.conflicts`."""

    def __init__(self, opened: Opened, writer: Writer) -> None:
        self._opened = opened
        self._raw = opened.raw
        self._writer = writer

    # -- which

    def listing(self, limit: int = PAGE, before: int | None = None) -> list[Waiting]:
        """Documents that the person may settle, changed last first; `before` a row's `seq`."""
        found: list[Waiting] = []
        for row in self._waiting(before):
            found.append(row)
            if len(found) == limit:
                break
        return found

    def count(self, most: int = MOST) -> int:
        """How many documents the person may settle; counted up to `most`, among those changed last."""
        rows = self._raw.branched(LOOKED_AT, visible=self._opened.visible())
        found = (one for seq, row in rows if (one := self._of(row.id, seq)))
        return sum(1 for _ in islice(found, most))

    def asks(self, id: str) -> bool:
        """Whether it is still open if a readable document, deleted elsewhere, is to be kept."""
        return len(self._raw.tree(id).leaves) > 1 and bool(self._deletions(id))

    def merged(self, id: str) -> dict[str, list[str]]:
        """What was merged or settled: revision → the versions it took up, as far as the person reads them."""
        if len(self._raw.tree(id).leaves) == 1:
            return {}
        readable = self._opened.readable_branches(id)
        found: dict[str, list[str]] = {}
        for loser, into in self._raw.joined(id).items():
            if loser in readable and into in readable:
                found.setdefault(into, []).append(loser)
        return found

    def history(self, id: str) -> list[HistoryEntry]:
        """The history as people read it: without the ends of versions that were taken up elsewhere; a deletion beside
        what lives on took nothing away. NotFound."""
        entries = self._writer.database.history(id)
        tree = self._raw.tree(id)
        if len(tree.leaves) == 1:
            return entries
        joined = self._raw.joined(id)
        ends = {rev for rev in tree.leaves if tree.deleted(rev) and tree.nodes[rev].parent in joined}
        found = [entry for entry in entries if entry.rev not in ends]
        gone = {rev for rev, node in tree.nodes.items() if node.deleted} - set(tree.path(tree.winner))
        return [entry._replace(items={}, action="delete") if entry.rev in gone else entry for entry in found]

    def _waiting(self, before: int | None) -> Iterator[Waiting]:
        visible = self._opened.visible()
        while True:
            rows = self._raw.branched(MOST, before, visible=visible)
            for seq, row in rows:
                found = self._of(row.id, seq)
                if found:
                    yield found
            if len(rows) < MOST:
                return
            before = rows[-1][0]

    def _of(self, id: str, seq: int) -> Waiting | None:
        try:
            current = self._opened.find(id)
        except NotFound:
            return None
        if not self._may_edit(current) or self._is_on_its_way(id):
            return None
        versions, deletions = len(self._live(id)), len(self._deletions(id))
        return Waiting(id, seq, document_of(current), versions, deletions) if versions > 1 or deletions else None

    def _is_on_its_way(self, id: str) -> bool:
        """On a laptop: an edit that the hub has not seen may yet be merged by it; nobody is bothered before."""
        if self._opened.databases.laptop is None:
            return False
        with self._opened.store.reading() as connection:
            asked = (self._raw.number, id)
            return connection.execute("SELECT 1 FROM unsent WHERE db = ? AND id = ?", asked).fetchone() is not None

    def _may_edit(self, revision: Revision) -> bool:
        standing = self._opened.standing
        return self._opened.identity.scope.write and rules.may_edit(standing.rights, standing.principals, revision.body)

    def _live(self, id: str) -> list[Revision]:
        return [leaf for leaf in self._raw.leaves(id) if not leaf.deleted and self._opened.reads(leaf)]

    def _deletions(self, id: str) -> list[str]:
        """Deletions that nobody has settled, by the rule of who reads what they ended."""
        tree = self._raw.tree(id)
        return [rev for rev in self._raw.ends(id) if self._opened.reads_end(id, rev, tree)]

    # -- side by side

    def versions(self, id: str) -> Versions:
        """The branches of a document. NotFound."""
        self._opened.find(id)
        live, ends = self._live(id), self._deletions(id)
        entries = [entry for entry in self._raw.history(id) if entry.rev in ends] if ends else []
        return Versions([document_of(leaf) for leaf in live], self._base(id, live), entries)

    def _base(self, id: str, live: Sequence[Revision]) -> Document | None:
        if len(live) < 2:
            return None
        base = self._raw.tree(id).merge_base([leaf.rev for leaf in live], self._raw.joined(id))
        try:
            found = self._raw.get(id, base) if base else None
        except NotFound:
            return None
        return document_of(found) if found and not found.deleted and self._opened.reads(found) else None

    # -- settling

    def settle(
        self,
        id: str,
        rev: str,
        others: Sequence[str],
        items: Mapping[str, Any],
        *,
        files: Mapping[str, str | None] | None = None,
        comment: str | None = None,
    ) -> Saved:
        """One version out of several: the winner `rev` with these items; `others` are ended and stay in the history.

        `files`: attachment name → the version that has it as wanted, None: none. Conflict when the versions are no
        longer those; NotFound, Forbidden, BadRequest.
        """
        with self._writer.transaction():
            current = self._opened.find(id)
            live = {leaf.rev: leaf for leaf in self._live(id)}
            if rev != current.rev or not others or any(other not in live or other == rev for other in others):
                raise Conflict(current=document_of(current), base=None)
            for other in others:
                if not self._may_edit(live[other]):
                    raise Forbidden("You may not change this document.")
            attachments = self._files(current, live, files or {})
            saved = self._writer.settled(current, items, attachments, SETTLE, comment)
            context = self._opened.context(anonymous=current.body.get("anonymous") is True, action=ENDED)
            joiner = Joiner(self._opened.databases, self._raw)
            joiner.end(id, others, saved.rev, context)
            return saved._replace(rev=joiner.join(id) or saved.rev)

    @staticmethod
    def _files(
        current: Revision, live: Mapping[str, Revision], files: Mapping[str, str | None]
    ) -> dict[str, Stub] | None:
        if not files:
            return None
        found = dict(current.attachments)
        for name, rev in files.items():
            stub = live[rev].attachments.get(name) if rev is not None and rev in live else None
            if rev is not None and stub is None:
                raise BadRequest("No version has this file.")
            if stub is None:
                found.pop(name, None)
            else:
                found[name] = stub
        return found

    def keep(self, id: str) -> None:
        """The answer to “edited here, deleted there”: the document is kept, and nobody is asked again. To delete it,
        delete it. NotFound, Forbidden."""
        with self._writer.transaction():
            current = self._opened.find(id)
            if not self._may_edit(current):
                raise Forbidden("You may not change this document.")
            tree = self._raw.tree(id)
            context = self._opened.context(anonymous=current.body.get("anonymous") is True, action=KEEP)
            answers = [self._answer(current, rev, tree) for rev in self._deletions(id)]
            for problem in self._raw.insert(answers, context):
                if problem is not None:
                    raise problem

    def _answer(self, current: Revision, end: str, tree: RevisionTree) -> Branch:
        """A child of the tombstone that says the document goes on; it carries the lists, as tombstones do."""
        lists: dict[str, Any] = {
            name: current.body[name] for name in ("form", "readers", "authors") if name in current.body
        }
        body: dict[str, Any] = {"readers": [], **lists, MERGED_INTO: current.rev}
        generation = revisions.generation(end) + 1
        name = revisions.name(generation, end, True, validity.encode(body), {})
        return Branch(current.id, [name, *tree.path(end)], body, deleted=True)


__all__ = ["KEEP", "MOST", "PAGE", "SETTLE", "Conflicts", "Versions", "Waiting"]
