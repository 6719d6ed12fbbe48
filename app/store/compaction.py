"""What may be forgotten: bodies of old ancestors, the old access log, documents deleted long ago.

Kept in any case: every leaf; the common ancestor of live leaves (a merge needs it); every ancestor that was
replaced less than `KEEP_DAYS` ago, which includes the last live content of a tombstone (the trash shows and
restores it). Their values stay in the history.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import orjson

from app import clock
from app.errors import NotFound
from app.store import revisions, rows, tree
from app.store.model import Changed
from app.store.rows import Row

if TYPE_CHECKING:
    from app.store.store import Store

KEEP_DAYS = 90  # as long as tombstones: a laptop away for less merges against the ancestor it knows
LOG_DAYS = 90  # a device that has not synchronised for longer re-compares; tombstones keep their row for good
STEP = 200  # documents per transaction, so that the write lock is held for milliseconds


class Compacted(NamedTuple):
    """What a compaction removed."""

    bodies: int
    log: int


def days_ago(days: float) -> str:
    """A moment in the past, as stored."""
    return clock.stamp(clock.utcnow() - timedelta(days=days))


def compact(store: Store, db: int, keep_days: float) -> Compacted:
    """Drop bodies and log rows older than `keep_days` that nobody needs."""
    before, removed, last = days_ago(keep_days), 0, 0
    while True:
        with store.transaction() as connection:
            found = connection.execute(
                "SELECT DISTINCT b.doc FROM bodies AS b CROSS JOIN documents AS d ON d.doc = b.doc"
                " WHERE b.doc > ? AND b.at <= ? AND d.db = ? ORDER BY b.doc LIMIT ?",
                (last, before, db, STEP),
            ).fetchall()
            for (last,) in found:
                removed += _compact_document(connection, last, before)
        if len(found) < STEP:
            break
    with store.transaction() as connection:
        log = connection.execute(
            "DELETE FROM access_log WHERE db = ? AND at <= ? AND NOT EXISTS (SELECT 1 FROM documents AS d"
            " WHERE d.doc = access_log.doc AND d.seq = access_log.seq AND d.deleted = 1)",
            (db, days_ago(max(keep_days, LOG_DAYS))),
        ).rowcount
    return Compacted(removed, log)


def _compact_document(connection: sqlite3.Connection, doc: int, before: str) -> int:
    stored: bytes = connection.execute("SELECT tree FROM documents WHERE doc = ?", (doc,)).fetchone()[0]
    here = tree.load(stored)
    needed = {*here.leaves, here.common_ancestor(here.live)}
    old = connection.execute("SELECT rev FROM bodies WHERE doc = ? AND at <= ?", (doc, before)).fetchall()
    gone = [(doc, rev) for (rev,) in old if rev not in needed]
    connection.executemany("DELETE FROM bodies WHERE doc = ? AND rev = ?", gone)
    return len(gone)


def purge(store: Store, db: int, ids: Sequence[str], remember: bool) -> int:
    """Remove documents with tree, bodies, history and log; indexers drop their rows. How many."""
    with store.transaction() as connection:
        found = list(rows.find_many(connection, db, ids))
        if found:
            store.changed(db, [_purge_one(connection, db, row, remember) for row in found], deferred=False)
    return len(found)


def purge_deleted(store: Store, db: int, before: str) -> int:
    """Purge tombstones older than a moment, oldest first, in short transactions."""
    purged = 0
    while True:
        with store.transaction() as connection:
            found = connection.execute(
                "SELECT d.id FROM documents AS d INDEXED BY documents_deleted WHERE d.db = ?"
                " AND d.deleted = 1 AND (SELECT at FROM access_log AS l"
                " WHERE l.db = d.db AND l.seq = d.seq AND l.doc = d.doc) < ?"
                " ORDER BY d.seq LIMIT ?",
                (db, before, STEP),
            ).fetchall()
            purged += purge(store, db, [document for (document,) in found], remember=True)
        if len(found) < STEP:
            return purged


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
    connection.execute("DELETE FROM documents WHERE doc = ?", (row.doc,))
    connection.execute("DELETE FROM bodies WHERE doc = ?", (row.doc,))
    connection.execute("DELETE FROM history WHERE db = ? AND id = ?", (db, row.id))
    connection.execute("DELETE FROM access_log WHERE db = ? AND doc = ?", (db, row.doc))
    connection.execute(
        "INSERT INTO purged (db, id, generation, seq, doc) VALUES (?, ?, ?, ?, ?) ON CONFLICT (db, id)"
        " DO UPDATE SET generation = max(generation, excluded.generation), seq = excluded.seq,"
        " doc = excluded.doc",
        (db, row.id, max(map(revisions.generation, here.leaves)) if remember else 0, header[0], row.doc),
    )
    old = None if row.deleted else row.items()
    return Changed(row.doc, row.id, header[0], old, None, row.access, row.access, row.rev, False)


def named_blobs(connection: sqlite3.Connection) -> set[str]:
    """The addresses of all attachment contents that some kept revision names."""
    named: set[str] = set()
    for table, index in (("documents", "documents_with_attachments"), ("bodies", "bodies_with_attachments")):
        query = f"SELECT attachments FROM {table} INDEXED BY {index} WHERE attachments IS NOT NULL"
        for (blob,) in connection.execute(query):
            named.update(stub[3] for stub in orjson.loads(blob).values())
    return named
