"""Removing documents without trace: after the time tombstones are kept, or because a person lost access.

A purge takes a sequence of its own, so that those who keep derived data follow (`RawDatabase.purges`). The
generation a document had is remembered: a push with nothing newer is refused, so what was deleted long ago
does not come back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app import clock
from app.errors import NotFound
from app.store import revisions, rows
from app.store.compaction import STEP
from app.store.model import Changed
from app.store.rows import Row

if TYPE_CHECKING:
    from app.store.store import Store


def purge(store: Store, db: int, ids: Sequence[str], remember: bool) -> int:
    """Remove documents with tree, bodies, history and log; indexers drop their rows. How many."""
    with store.transaction() as connection:
        found = list(rows.find_many(connection, db, ids))
        if found:
            store.changed(db, [_purge_one(connection, db, row, remember) for row in found], deferred=False)
    return len(found)


def purge_deleted(store: Store, db: int, before: str) -> int:
    """Purge tombstones older than a moment, by this node's clock; oldest first, in short transactions."""
    purged, last = 0, 0
    while True:
        with store.reading() as connection:
            found = connection.execute(
                "SELECT d.id, d.seq FROM documents AS d INDEXED BY documents_deleted WHERE d.db = ?"
                " AND d.deleted = 1 AND d.seq > ? AND (SELECT at FROM access_log AS l"
                " WHERE l.db = d.db AND l.seq = d.seq AND l.doc = d.doc) < ? AND NOT EXISTS"
                " (SELECT 1 FROM unsent AS u WHERE u.db = d.db AND u.id = d.id) ORDER BY d.seq LIMIT ?",
                (db, last, before, STEP),
            ).fetchall()
        if not found:
            return purged
        last = found[-1][1]
        with store.transaction() as connection:
            seen = dict(found)
            unchanged = [row.id for row in rows.find_many(connection, db, seen) if row.seq == seen[row.id]]
            purged += purge(store, db, unchanged, remember=True)


def _purge_one(connection: sqlite3.Connection, db: int, row: Row, remember: bool) -> Changed:
    here = row.revisions()
    header = connection.execute(
        "UPDATE databases SET update_seq = update_seq + 1, documents = documents - ?, deleted = deleted - ?"
        " WHERE db = ? RETURNING update_seq",
        (int(not row.deleted), row.deleted, db),
    ).fetchone()
    if header is None:
        raise NotFound("The database does not exist.")
    if not row.deleted:
        connection.execute("UPDATE sets SET documents = documents - 1 WHERE access = ?", (row.access,))
    (born,) = connection.execute("DELETE FROM documents WHERE doc = ? RETURNING born", (row.doc,)).fetchone()
    connection.execute("DELETE FROM bodies WHERE doc = ?", (row.doc,))
    connection.execute("DELETE FROM conflicts WHERE doc = ?", (row.doc,))
    connection.execute("DELETE FROM history WHERE db = ? AND id = ?", (db, row.id))
    _log(connection, db, row, header[0])
    connection.execute(
        "INSERT INTO purged (db, id, generation, seq, doc, born) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (db, id)"
        " DO UPDATE SET generation = max(generation, excluded.generation), seq = excluded.seq,"
        " doc = excluded.doc, born = min(born, excluded.born)",
        (db, row.id, max(map(revisions.generation, here.leaves)) if remember else 0, header[0], row.doc, born),
    )
    old = None if row.deleted else row.items()
    return Changed(row.doc, row.id, header[0], old, None, row.access, row.access, row.rev, False)


def _log(connection: sqlite3.Connection, db: int, row: Row, seq: int) -> None:
    """Who had the document is to be told that it is gone, also who lost access shortly before. Log rows of a
    document of the same id that was purged earlier are this one's from now on: `purged` remembers one number."""
    before = connection.execute("SELECT doc FROM purged WHERE db = ? AND id = ?", (db, row.id)).fetchone()
    if before is not None:
        connection.execute("UPDATE access_log SET doc = ? WHERE doc = ? AND db = ?", (row.doc, before[0], db))
    connection.execute(
        "INSERT INTO access_log (db, seq, doc, access, deleted, at) VALUES (?, ?, ?, ?, 1, ?)",
        (db, seq, row.doc, row.access, clock.now()),
    )
