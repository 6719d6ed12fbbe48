"""What a revision does to a document: decided here, one edit after the other, then written in one go.

A Batch lives inside one write transaction:

    batch = Batch(connection, sets, db, context, ids)      reads what is there
    batch.put(edit) / batch.insert(branch)                 decides; raises before anything is noted
    batch.flush()                                          writes rows, bodies, history, counters

The winner's content lies in its row of `documents`; that of every other leaf, and of ancestors while somebody
may need them, in `bodies`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app import clock
from app.errors import BadRequest, Conflict, Forbidden, Message, MissingStub, NotFound
from app.store import branching, revisions, rows, validity
from app.store.blobs import Blobs
from app.store.history import differences, dump_items
from app.store.ledger import Ledger
from app.store.model import Body, Branch, Changed, Context, Edit, Stub
from app.store.rows import Content, Row
from app.store.sets import NOBODY, Sets, reader_names, take
from app.store.tree import EMPTY, RevisionTree, dump_root

NOTHING = Content(b"{}", None)
KEPT_BY_TOMBSTONES = ("form", "readers", "authors")


class Batch:
    """Edits of one database in one transaction."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        sets: Sets,
        blobs: Blobs,
        db: int,
        context: Context,
        ids: Sequence[str],
        *,
        note_unsent: bool = False,
    ) -> None:
        """`note_unsent`: the node has an upstream that must learn of each revision."""
        self._note_unsent = note_unsent
        self._connection = connection
        self._sets = sets
        self._blobs = blobs
        self._db = db
        self._context = context
        header = connection.execute(
            "SELECT update_seq, EXISTS (SELECT 1 FROM purged WHERE db = ?1) FROM databases WHERE db = ?1",
            (db,),
        ).fetchone()
        if header is None:
            raise NotFound("The database does not exist.")
        self._has_purged = bool(header[1])
        self._ledger = Ledger(connection, db, header[0], clock.now())
        self._rows = {row.id: row for row in rows.find_many(connection, db, ids)}
        missing = len(ids) - len(self._rows)
        self._next_doc = take(connection, "document", missing) if missing > 0 else 0
        self._touched: set[str] = set()
        self._branched: set[int] = set()
        self._changes: list[Changed] = []

    # -- deciding: edits made here

    def put(self, edit: Edit) -> str:
        """The name of the new revision. Conflict, NotFound, BadRequest; nothing is noted then."""
        row = self._current(validity.document_id(edit.id))
        if row is None:
            return self._create(edit)
        tree = row.revisions()
        parent = self._parent(row, tree, edit)
        before = rows.content(self._connection, row, parent) or NOTHING
        body = entomb(edit.body, rows.loads(before.body)) if edit.deleted else edit.body
        blob = validity.encode(body)
        generation = revisions.generation(parent) + 1
        stubs = self._stubs(edit, before, generation)
        rev = revisions.name(generation, parent, edit.deleted, blob, stubs)
        after = Content(blob, rows.dump_stubs(stubs))
        self._note_history(edit.id, rev, before, after)
        self._settle(row, tree.graft([rev, parent], edit.deleted).stem(), rev, after, body)
        self._unsent(edit.id, rev)
        return rev

    def _create(self, edit: Edit) -> str:
        if edit.rev is not None:
            raise Conflict
        if edit.deleted:
            raise NotFound("missing")
        blob = validity.encode(edit.body)
        generation = self._purged_generation(edit.id) + 1
        stubs = self._stubs(edit, None, generation) if edit.attachments else {}
        rev = revisions.name(generation, None, False, blob, stubs)
        self._found(edit.id, rev, False, Content(blob, rows.dump_stubs(stubs)), edit.body, dump_root(rev))
        self._unsent(edit.id, rev)
        return rev

    def _unsent(self, id: str, rev: str) -> None:
        if self._note_unsent:
            self._ledger.unsent(id, rev)

    def _parent(self, row: Row, tree: RevisionTree, edit: Edit) -> str:
        """The leaf that an edit replaces: the one named, or the winning tombstone when none is named."""
        if edit.rev is None:
            if not row.deleted:
                raise Conflict
            if edit.deleted:
                raise NotFound("deleted")
            return row.rev
        if edit.rev not in tree.leaves:
            raise Conflict
        if edit.deleted and tree.deleted(edit.rev):
            raise NotFound("deleted")
        return edit.rev

    def _stubs(self, edit: Edit, before: Content | None, generation: int) -> dict[str, Stub]:
        """The attachments of the new revision; each says which generation brought it."""
        if edit.deleted:
            return {}
        kept = rows.stubs(before.attachments) if before else {}
        if edit.attachments is None:
            return kept
        return {name: self._stub(name, stub, kept.get(name), generation) for name, stub in edit.attachments.items()}

    def _stub(self, name: str, stub: Stub, kept: Stub | None, generation: int) -> Stub:
        validity.attachment_name(name)
        if kept and (kept.address, kept.content_type) == (stub.address, stub.content_type):
            return kept
        if not self._blobs.exists(stub.address):
            raise MissingStub(Message("The content of %(name)s is not here.", name=name))
        return stub._replace(revpos=generation)

    # -- deciding: revisions made elsewhere

    def insert(self, branch: Branch) -> bool:
        """Add a revision under its name; a known one changes nothing. BadRequest, Forbidden, MissingStub."""
        row = self._current(validity.document_id(branch.id))
        path = revisions.check_ancestry(branch.revisions)
        head, generation = path[0], revisions.generation(path[0])
        tree = row.revisions() if row else EMPTY
        if head in tree and tree.nodes[head].known:
            return False
        if generation <= self._purged_generation(branch.id):
            raise Forbidden("deleted")
        blob = validity.encode(branch.body)
        stubs = {
            name: self._stub(name, stub, None, stub.revpos or generation)
            for name, stub in (branch.attachments or {}).items()
        }
        content = Content(blob, rows.dump_stubs(stubs))
        self._unsent(branch.id, head)
        if row is None:
            self._found(
                branch.id, head, branch.deleted, content, branch.body, EMPTY.graft(path, branch.deleted).stem().dump()
            )
            return True
        grown = tree.graft(path, branch.deleted)
        before = self._nearest(row, grown.path(head)[1:])
        if head in tree:
            self._fill(row, grown, head, before, content)
            return True
        if before:
            self._note_history(branch.id, head, before, content)
        self._settle(row, grown.stem(), head, content, branch.body)
        return True

    def _nearest(self, row: Row, ancestors: Iterable[str]) -> Content | None:
        """The content of the youngest ancestor that is still kept here."""
        for rev in ancestors:
            found = rows.content(self._connection, row, rev)
            if found:
                return found
        return None

    def _fill(self, row: Row, tree: RevisionTree, rev: str, before: Content | None, content: Content) -> None:
        """An ancestor that was only named has come itself: it changes nothing that shows, but is kept."""
        self._note_history(row.id, rev, before or NOTHING, content)
        self._ledger.keep(row.doc, rev, content)
        self._connection.execute("UPDATE documents SET tree = ? WHERE doc = ?", (tree.dump(), row.doc))
        self._touched.add(row.id)

    # -- noting

    def _current(self, document: str) -> Row | None:
        """The document as it is now, also when this batch has changed it."""
        if document in self._touched:
            self._write()
            found = rows.find(self._connection, self._db, document)
            if found:
                self._rows[document] = found
        return self._rows.get(document)

    def _purged_generation(self, document: str) -> int:
        if not self._has_purged:
            return 0
        found = self._connection.execute(
            "SELECT generation FROM purged WHERE db = ? AND id = ?", (self._db, document)
        ).fetchone()
        return found[0] if found else 0

    def _found(self, id: str, rev: str, deleted: bool, content: Content, body: Body, tree: bytes) -> None:
        """A document that was not here."""
        access = self._set_of(body, deleted)
        doc, self._next_doc = self._next_doc, self._next_doc + 1
        seq = self._ledger.next_seq()
        self._ledger.create(doc, id, rev, deleted, access, content, body, tree)
        self._changes.append(Changed(doc, id, seq, None, None if deleted else body, None, access, rev, True))
        self._touched.add(id)

    def _set_of(self, body: Body, deleted: bool) -> int:
        names = reader_names(body) if not deleted or "readers" in body else NOBODY
        return self._sets.intern(self._connection, self._db, names)

    def _settle(self, row: Row, tree: RevisionTree, rev: str, added: Content, body: Body) -> None:
        """The document with one more leaf `rev`: who wins now, and where each content goes."""
        winner, content, items = tree.winner, added, body
        if winner == row.rev:
            content, items = Content(row.body, row.attachments), row.items()
        elif winner != rev:
            content = rows.content(self._connection, row, winner) or NOTHING
            items = rows.loads(content.body)
            self._ledger.take(row.doc, winner)
        if winner != rev:
            self._ledger.keep(row.doc, rev, added)
            if not tree.deleted(rev):
                self._sets.intern(self._connection, self._db, reader_names(body))
        if winner != row.rev:
            self._ledger.keep(row.doc, row.rev, Content(row.body, row.attachments))
        self._replace(row, tree, winner, content, items)

    def _replace(self, row: Row, tree: RevisionTree, rev: str, content: Content, items: Body) -> None:
        """The document's row with this winner; a tombstone keeps the last live revision's set."""
        deleted = tree.deleted(rev)
        access = row.access if deleted else self._sets.intern(self._connection, self._db, reader_names(items))
        seq = self._ledger.next_seq()
        self._ledger.replace(row.access, bool(row.deleted))
        self._ledger.update(row.doc, rev, deleted, access, content, items, tree.dump())
        if len(tree.leaves) > 1:
            self._branched.add(row.doc)
        if access != row.access or deleted:
            self._ledger.log(row.doc, row.access, deleted)
        old, new = None if row.deleted else row.items(), None if deleted else items
        self._changes.append(Changed(row.doc, row.id, seq, old, new, row.access, access, rev, False))
        self._touched.add(row.id)

    def _note_history(self, document: str, rev: str, before: Content, after: Content) -> None:
        self._ledger.history(document, rev, self._context, dump_items(differences(before, after)))

    def flush(self) -> list[Changed]:
        """Write everything noted; what changed, in order."""
        self._write()
        changes, self._changes = self._changes, []
        return changes

    def _write(self) -> None:
        self._ledger.write()
        for doc in self._branched:
            branching.renew(self._connection, self._db, doc)
        self._touched.clear()
        self._branched.clear()


def entomb(body: Body, parent: Mapping[str, Any]) -> Body:
    """The items of our own tombstone: it carries the access lists and the form of what it deletes."""
    if not isinstance(body, dict):
        raise BadRequest("A document is a JSON object.")
    kept = {name: parent[name] for name in KEPT_BY_TOMBSTONES if name in parent}
    return {"readers": [], **kept, **body}
