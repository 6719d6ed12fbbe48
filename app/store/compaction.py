"""What may be forgotten: bodies of old ancestors and the old access log.

Kept in any case: every leaf; what any two live leaves started from (a merge needs it, and the page that settles
them); what a laptop has not sent yet, and what that replaced; every ancestor that was replaced less than `KEEP_DAYS`
ago, which includes the last live content of a tombstone (the trash shows and restores it). Their values stay in the
history.

What is to be looked at is found while reading; the write lock is then held for a few documents at a time.
"""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import orjson

from app import clock
from app.store import branching, tree
from app.store.rows import COLUMNS, Row

if TYPE_CHECKING:
    from app.store.store import Store

KEEP_DAYS = 90  # as long as tombstones: a laptop away for less merges against the ancestor it knows
LOG_DAYS = 90  # a device that has not synchronised for longer re-compares; tombstones keep their row for good
MOST = 20  # live leaves beside each other that a merge looks at
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
    bodies = _compact_bodies(store, db, days_ago(keep_days))
    return Compacted(bodies, _compact_log(store, db, days_ago(max(keep_days, LOG_DAYS))))


def _compact_bodies(store: Store, db: int, before: str) -> int:
    removed, last = 0, 0
    while True:
        with store.reading() as connection:
            found = connection.execute(
                "SELECT DISTINCT b.doc FROM bodies AS b CROSS JOIN documents AS d ON d.doc = b.doc"
                " WHERE b.doc > ? AND b.at <= ? AND d.db = ? ORDER BY b.doc LIMIT ?",
                (last, before, db, STEP),
            ).fetchall()
        if not found:
            return removed
        with store.transaction() as connection:
            for (last,) in found:
                removed += _compact_document(connection, last, before)


def _compact_document(connection: sqlite3.Connection, doc: int, before: str) -> int:
    stored = connection.execute("SELECT tree, db, id FROM documents WHERE doc = ?", (doc,)).fetchone()
    if stored is None:  # purged meanwhile
        return 0
    here = tree.load(stored[0])
    needed: set[str | None] = {*here.leaves, *_bases(connection, doc, here)}
    for (rev,) in connection.execute("SELECT rev FROM unsent WHERE db = ? AND id = ?", stored[1:]):
        if rev in here:  # the hub gets each with its body; should it refuse, the parent shows again
            needed |= {rev, here.nodes[rev].parent}
    old = connection.execute("SELECT rev FROM bodies WHERE doc = ? AND at <= ?", (doc, before)).fetchall()
    gone = [(doc, rev) for (rev,) in old if rev not in needed]
    connection.executemany("DELETE FROM bodies WHERE doc = ? AND rev = ?", gone)
    nowhere = [(*stored[1:], rev) for _, rev in gone]
    connection.executemany("DELETE FROM missing_content WHERE db = ? AND id = ? AND rev = ?", nowhere)
    return len(gone)


def _bases(connection: sqlite3.Connection, doc: int, here: tree.RevisionTree) -> set[str | None]:
    """What any two live leaves started from."""
    pairs = list(combinations(here.live[:MOST], 2))
    if not pairs:
        return set()
    row = Row(*connection.execute(f"SELECT {COLUMNS} FROM documents WHERE doc = ?", (doc,)).fetchone())
    joined = branching.joined(connection, row, here)
    return {base for pair in pairs for base in (here.common_ancestor(pair), here.merge_base(pair, joined))}


def _compact_log(store: Store, db: int, before: str) -> int:
    """All but the row of each tombstone's own deletion, which says how old it is."""
    removed, last = 0, 0
    while True:
        with store.reading() as connection:
            found = connection.execute(
                "SELECT l.seq, l.doc FROM access_log AS l WHERE l.db = ? AND l.seq > ? AND l.at <= ?"
                " AND NOT EXISTS (SELECT 1 FROM documents AS d"
                " WHERE d.doc = l.doc AND d.seq = l.seq AND d.deleted = 1) ORDER BY l.seq LIMIT ?",
                (db, last, before, STEP),
            ).fetchall()
        if not found:
            return removed
        last = found[-1][0]
        with store.transaction() as connection:
            removed += connection.executemany(
                "DELETE FROM access_log WHERE db = ? AND seq = ? AND doc = ?", [(db, *row) for row in found]
            ).rowcount
            connection.execute("UPDATE databases SET log_from = max(log_from, ?) WHERE db = ?", (last, db))


def named_blobs(connection: sqlite3.Connection) -> set[str]:
    """The addresses of all attachment contents that some kept revision, or a refused edit, names."""
    named: set[str] = set()
    queries = [
        f"SELECT attachments FROM {table} INDEXED BY {table}_with_attachments WHERE attachments IS NOT NULL"
        for table in ("documents", "bodies")
    ]
    for query in (*queries, "SELECT attachments FROM rejected WHERE attachments IS NOT NULL"):
        for (blob,) in connection.execute(query):
            named.update(stub[3] for stub in orjson.loads(blob).values())
    return named


def absent_blobs(connection: sqlite3.Connection) -> set[str]:
    """Those of them that have not come to this laptop yet."""
    return {address for (address,) in connection.execute("SELECT DISTINCT address FROM missing_content")}
