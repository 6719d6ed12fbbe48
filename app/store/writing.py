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
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from app import clock
from app.errors import BadRequest, Conflict, Forbidden, MissingStub, NotFound
from app.store import revisions, rows, validity
from app.store.blobs import Blobs
from app.store.history import differences, dump_items
from app.store.model import Body, Branch, Changed, Context, Edit, Stub
from app.store.rows import Content, Row
from app.store.sets import NOBODY, Sets, reader_names, take
from app.store.tree import EMPTY, RevisionTree, dump_root

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
        ids: Iterable[str],
    ) -> None:
        self._connection = connection
        self._sets = sets
        self._blobs = blobs
        self._db = db
        self._context = context
        self._now = clock.now()  # bodies and log are kept by this node's clock, whoever wrote
        header = connection.execute(
            "SELECT update_seq, EXISTS (SELECT 1 FROM purged WHERE db = ?1) FROM databases WHERE db = ?1",
            (db,),
        ).fetchone()
        if header is None:
            raise NotFound("The database does not exist.")
        self._seq: int = header[0]
        self._has_purged = bool(header[1])
        self._rows = {row.id: row for row in rows.find_many(connection, db, ids)}
        self._touched: set[str] = set()
        self._changes: list[Changed] = []
        self._created: list[tuple[Any, ...]] = []
        self._updated: list[tuple[Any, ...]] = []
        self._bodies: list[tuple[Any, ...]] = []
        self._taken: list[tuple[int, str]] = []  # bodies that moved into `documents`
        self._history: list[tuple[Any, ...]] = []
        self._log: list[tuple[Any, ...]] = []
        self._live: Counter[int] = Counter()  # set → live documents more or fewer
        self._deleted = 0  # tombstones more or fewer

    # -- deciding: edits made here

    def put(self, edit: Edit) -> str:
        """The name of the new revision. Conflict, NotFound, BadRequest; nothing is noted then."""
        row = self._current(validity.document_id(edit.id))
        if row is None:
            return self._create(edit)
        tree = row.revisions()
        parent = self._parent(row, tree, edit)
        before = rows.content(self._connection, row, parent) or Content(b"{}", None)
        body = entomb(edit.body, rows.loads(before.body)) if edit.deleted else edit.body
        blob = validity.encode(body)
        generation = revisions.generation(parent) + 1
        stubs = self._stubs(edit, before, generation)
        rev = revisions.name(generation, parent, edit.deleted, blob, stubs)
        after = Content(blob, rows.dump_stubs(stubs))
        self._note_history(edit.id, rev, before, after)
        self._settle(row, tree.graft([rev, parent], edit.deleted).stem(), rev, after, body)
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
        return rev

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
        return {
            name: self._stub(name, stub, kept.get(name), generation)
            for name, stub in edit.attachments.items()
        }

    def _stub(self, name: str, stub: Stub, kept: Stub | None, generation: int) -> Stub:
        validity.attachment_name(name)
        if kept and (kept.address, kept.content_type) == (stub.address, stub.content_type):
            return kept
        if not self._blobs.exists(stub.address):
            raise MissingStub(f"The content of {name} is not here.")
        return stub._replace(revpos=generation)

    # -- deciding: revisions made elsewhere

    def insert(self, branch: Branch) -> None:
        """Add a revision under its name; a known one changes nothing. BadRequest, Forbidden, MissingStub."""
        row = self._current(validity.document_id(branch.id))
        path = revisions.check_ancestry(branch.revisions)
        head, generation = path[0], revisions.generation(path[0])
        tree = row.revisions() if row else EMPTY
        if head in tree and tree.nodes[head].known:
            return
        if generation <= self._purged_generation(branch.id):
            raise Forbidden("deleted")
        blob = validity.encode(branch.body)
        stubs = {
            name: self._stub(name, stub, None, stub.revpos or generation)
            for name, stub in (branch.attachments or {}).items()
        }
        content = Content(blob, rows.dump_stubs(stubs))
        grown = tree.graft(path, branch.deleted)
        if row is None:
            self._found(branch.id, head, branch.deleted, content, branch.body, grown.stem().dump())
            return
        before = self._nearest(row, grown.path(head)[1:])
        if head in tree:
            self._fill(row, grown, head, before, content)
            return
        if before:
            self._note_history(branch.id, head, before, content)
        self._settle(row, grown.stem(), head, content, branch.body)

    def _nearest(self, row: Row, ancestors: Iterable[str]) -> Content | None:
        """The content of the youngest ancestor that is still kept here."""
        for rev in ancestors:
            found = rows.content(self._connection, row, rev)
            if found:
                return found
        return None

    def _fill(self, row: Row, tree: RevisionTree, rev: str, before: Content | None, content: Content) -> None:
        """An ancestor that was only named has come itself: it changes nothing that shows, but is kept."""
        self._note_history(row.id, rev, before or Content(b"{}", None), content)
        self._bodies.append((row.doc, rev, *content, self._now))
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

    def _found(
        self, document: str, rev: str, deleted: bool, content: Content, body: Body, tree: bytes
    ) -> None:
        """A document that was not here."""
        names = reader_names(body) if not deleted or "readers" in body else NOBODY
        access = self._sets.intern(self._connection, self._db, names)
        self._seq += 1
        place = len(self._created)  # the document's number is taken when all are known
        form = body.get("form")
        self._created.append(
            (
                place,
                self._db,
                document,
                rev,
                deleted,
                self._seq,
                access,
                form if type(form) is str else None,
                *content,
                tree,
            )
        )
        if deleted:
            self._deleted += 1
            self._log.append((self._db, self._seq, -1 - place, access, deleted, self._now))
        else:
            self._live[access] += 1
        self._changes.append(
            Changed(-1 - place, document, self._seq, None, None if deleted else body, None, access, rev, True)
        )
        self._touched.add(document)

    def _settle(self, row: Row, tree: RevisionTree, rev: str, added: Content, body: Body) -> None:
        """The document with one more leaf `rev`: who wins now, and where each content goes."""
        at, winner = self._now, tree.winner
        content, items = added, body
        if winner == row.rev:
            content, items = Content(row.body, row.attachments), row.items()
        elif winner != rev:
            content = rows.content(self._connection, row, winner) or Content(b"{}", None)
            items = rows.loads(content.body)
            self._taken.append((row.doc, winner))
        if winner != rev:
            self._bodies.append((row.doc, rev, *added, at))
            if not tree.deleted(rev):
                self._sets.intern(self._connection, self._db, reader_names(body))
        if winner != row.rev:
            self._bodies.append((row.doc, row.rev, row.body, row.attachments, at))
        self._replace(row, tree, winner, content, items)

    def _replace(self, row: Row, tree: RevisionTree, rev: str, content: Content, items: Body) -> None:
        deleted = tree.deleted(rev)
        access = row.access if deleted else self._sets.intern(self._connection, self._db, reader_names(items))
        self._seq += 1
        form = items.get("form")
        self._updated.append(
            (
                rev,
                deleted,
                self._seq,
                access,
                form if type(form) is str else None,
                *content,
                tree.dump(),
                row.doc,
            )
        )
        if access != row.access or deleted:
            self._log.append((self._db, self._seq, row.doc, row.access, deleted, self._now))
        if not row.deleted:
            self._live[row.access] -= 1
        if not deleted:
            self._live[access] += 1
        self._deleted += deleted - row.deleted
        self._changes.append(
            Changed(
                row.doc,
                row.id,
                self._seq,
                None if row.deleted else row.items(),
                None if deleted else items,
                row.access,
                access,
                rev,
                False,
            )
        )
        self._touched.add(row.id)

    def _note_history(self, document: str, rev: str, before: Content, after: Content) -> None:
        items = dump_items(differences(before, after))
        by, at, device, action, comment = self._context
        self._history.append((self._db, document, rev, at, by, device, action, comment, items))

    # -- writing

    def flush(self) -> list[Changed]:
        """Write everything noted; what changed, in order."""
        self._write()
        changes, self._changes = self._changes, []
        return changes

    def _write(self) -> None:
        self._write_created()
        run = self._connection.executemany
        if self._taken:
            run("DELETE FROM bodies WHERE doc = ? AND rev = ?", self._taken)
        if self._updated:
            run(
                "UPDATE documents SET rev = ?, deleted = ?, seq = ?, access = ?, form = ?, body = ?,"
                " attachments = ?, tree = ? WHERE doc = ?",
                self._updated,
            )
        if self._bodies:
            run(
                "INSERT OR REPLACE INTO bodies (doc, rev, body, attachments, at) VALUES (?, ?, ?, ?, ?)",
                self._bodies,
            )
        if self._history:
            run("INSERT OR IGNORE INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._history)
        if self._log:
            run(
                "INSERT INTO access_log (db, seq, doc, access, deleted, at) VALUES (?, ?, ?, ?, ?, ?)",
                self._log,
            )
        self._count()
        for noted in (self._taken, self._updated, self._bodies, self._history, self._log):
            noted.clear()
        self._touched.clear()

    def _write_created(self) -> None:
        if not self._created:
            return
        first = take(self._connection, "document", len(self._created))
        self._connection.executemany(
            "INSERT INTO documents (doc, db, id, rev, deleted, seq, access, form, body, attachments, tree)"
            f" VALUES (? + {first}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            self._created,
        )
        self._changes = [
            change if change.doc > 0 else change._replace(doc=first - 1 - change.doc)
            for change in self._changes
        ]
        self._log = [
            (db, seq, doc if doc > 0 else first - 1 - doc, *rest) for db, seq, doc, *rest in self._log
        ]
        self._created.clear()

    def _count(self) -> None:
        moved = [(more, access) for access, more in self._live.items() if more]
        if moved:
            self._connection.executemany("UPDATE sets SET documents = documents + ? WHERE access = ?", moved)
        self._connection.execute(
            "UPDATE databases SET update_seq = ?, documents = documents + ?, deleted = deleted + ?"
            " WHERE db = ?",
            (self._seq, sum(self._live.values()), self._deleted, self._db),
        )
        self._live.clear()
        self._deleted = 0


def entomb(body: Body, parent: Mapping[str, Any]) -> Body:
    """The items of our own tombstone: it carries the access lists and the form of what it deletes."""
    if not isinstance(body, dict):
        raise BadRequest("A document is a JSON object.")
    kept = {name: parent[name] for name in KEPT_BY_TOMBSTONES if name in parent}
    return {"readers": [], **kept, **body}
