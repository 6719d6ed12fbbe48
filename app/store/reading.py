"""Revisions, leaves and ancestors of documents, read from one snapshot."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.errors import NotFound
from app.store import rows
from app.store.model import Body, Deleted, Purge, Revision, Visible
from app.store.rows import Row
from app.store.sets import Sets, reader_names
from app.store.tree import EMPTY, RevisionTree


def get(connection: sqlite3.Connection, sets: Sets, db: int, document: str, rev: str | None, deleted: bool) -> Revision:
    """The winner, or the revision named. NotFound `missing`, or `deleted` unless tombstones are wanted."""
    row = rows.find(connection, db, document)
    if row is None:
        raise NotFound("missing")
    if rev is None or rev == row.rev:
        if row.deleted and not deleted and rev is None:
            raise NotFound("deleted")
        return row.revision()
    found = revision(connection, sets, db, row, row.revisions(), rev)
    if found is None:
        raise NotFound("missing")
    return found


def revision(
    connection: sqlite3.Connection, sets: Sets, db: int, row: Row, tree: RevisionTree, rev: str
) -> Revision | None:
    """A revision that is not the winner; None when unknown or its body is gone."""
    if rev == row.rev:
        return row.revision()
    if rev not in tree:
        return None
    content = rows.content(connection, row, rev)
    if content is None:
        return None
    body, deleted = rows.loads(content.body), tree.deleted(rev)
    access = row.access if deleted and row.deleted else _access(connection, sets, db, body, deleted)
    return Revision(row.id, rev, body, deleted, rows.stubs(content.attachments), row.doc, row.seq, access)


def _access(connection: sqlite3.Connection, sets: Sets, db: int, body: Body, deleted: bool) -> int:
    """The set of a revision by its own lists; a bare tombstone is nobody's."""
    if deleted and "readers" not in body:
        return 0
    return sets.find(connection, db, reader_names(body))


def leaves(connection: sqlite3.Connection, sets: Sets, db: int, document: str) -> list[Revision]:
    """Every leaf with its content, the winner first, tombstones too. NotFound."""
    row = rows.find(connection, db, document)
    if row is None:
        raise NotFound("missing")
    tree = row.revisions()
    found = (revision(connection, sets, db, row, tree, rev) for rev in tree.leaves)
    return [leaf for leaf in found if leaf is not None]


def tree(connection: sqlite3.Connection, db: int, document: str) -> RevisionTree:
    """The revision tree. NotFound."""
    return row(connection, db, document).revisions()


def row(connection: sqlite3.Connection, db: int, document: str) -> Row:
    """A document as it lies in the file. NotFound."""
    found = rows.find(connection, db, document)
    if found is None:
        raise NotFound("missing")
    return found


def revs_diff(
    connection: sqlite3.Connection, db: int, asked: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, list[str]]]:
    """For each document the revisions that are not here, and leaves that may be their ancestors. CouchDB."""
    trees = {row.id: row.revisions() for row in rows.find_many(connection, db, asked)}
    answer: dict[str, dict[str, list[str]]] = {}
    for document, revs in asked.items():
        here = trees.get(document, EMPTY)
        missing = [rev for rev in dict.fromkeys(revs) if rev not in here]
        if not missing:
            continue
        answer[document] = {"missing": missing}
        ancestors = here.possible_ancestors(missing)
        if ancestors:
            answer[document]["possible_ancestors"] = ancestors
    return answer


def deleted_documents(
    connection: sqlite3.Connection,
    sets: Sets,
    db: int,
    limit: int,
    before: int | None,
    visible: Visible | None,
) -> list[Deleted]:
    """The trash, last deleted first; `before` is the seq of the last row already shown."""
    seen = ""
    if visible is not None and not visible.everything:
        seen = f" AND access IN {sets.table(connection, visible)}"
    found = connection.execute(
        f"SELECT {rows.COLUMNS} FROM documents INDEXED BY documents_deleted"
        f" WHERE db = ? AND deleted = 1 AND seq < ?{seen} ORDER BY seq DESC LIMIT ?",
        (db, before if before is not None else 1 << 62, limit),
    ).fetchall()
    return [_deleted(connection, db, Row(*row)) for row in found]


def _deleted(connection: sqlite3.Connection, db: int, row: Row) -> Deleted:
    entry: tuple[Any, ...] | None = connection.execute(
        "SELECT at, by FROM history WHERE db = ? AND id = ? AND rev = ?", (db, row.id, row.rev)
    ).fetchone()
    at, by = entry or (None, None)
    here = row.revisions()
    for rev in here.path(row.rev)[1:]:
        if here.deleted(rev):
            continue
        content = rows.content(connection, row, rev)
        if content:
            return Deleted(row.id, row.rev, row.doc, row.seq, row.access, at, by, rows.loads(content.body), rev)
    return Deleted(row.id, row.rev, row.doc, row.seq, row.access, at, by, None, None)


def purges(connection: sqlite3.Connection, db: int, since: int, limit: int) -> list[Purge]:
    """Documents purged after a seq, oldest first."""
    found: Iterable[tuple[int, str, int]] = connection.execute(
        "SELECT seq, id, doc FROM purged WHERE db = ? AND seq > ? ORDER BY seq LIMIT ?", (db, since, limit)
    )
    return [Purge(*row) for row in found]
