"""Which documents have branches that somebody should settle: a row each in `conflicts`, kept in the transaction of
the write.

    live > 1      the same item changed on several replicas: one of the leaves is shown, the others wait beside it
    ended > 0     edited here, deleted there: a tombstone beside the live leaf that does not say what it was merged into

A tombstone says `merged_into` when its branch was not deleted but has become part of another one: by a merge, or
because somebody chose.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from app.store import rows
from app.store.model import Visible
from app.store.rows import Row
from app.store.sets import Sets
from app.store.tree import RevisionTree

MERGED_INTO = "merged_into"


class Branched(NamedTuple):
    """A document with branches to settle: how many live leaves, how many deletions beside them."""

    id: str
    live: int
    ended: int


def joined(connection: sqlite3.Connection, row: Row, tree: RevisionTree) -> dict[str, str]:
    """What each marked tombstone ended → the revision that took it up."""
    found: dict[str, str] = {}
    for rev in tree.leaves:
        node = tree.nodes[rev]
        if node.deleted and node.parent and (into := _merged_into(connection, row, rev)):
            found[node.parent] = into
    return found


def ends(connection: sqlite3.Connection, row: Row, tree: RevisionTree) -> list[str]:
    """Tombstones beside a live leaf that nobody has settled."""
    if not tree.live:
        return []
    return [rev for rev in tree.leaves if tree.deleted(rev) and not _merged_into(connection, row, rev)]


def _merged_into(connection: sqlite3.Connection, row: Row, rev: str) -> str | None:
    content = rows.content(connection, row, rev)
    into = rows.loads(content.body).get(MERGED_INTO) if content else None
    return into if isinstance(into, str) else None


def renew(connection: sqlite3.Connection, db: int, doc: int) -> None:
    """Bring the row of a document up to date, after its tree was written."""
    found = connection.execute(f"SELECT {rows.COLUMNS} FROM documents WHERE doc = ?", (doc,)).fetchone()
    live = ended = 0
    if found is not None:
        row = Row(*found)
        tree = row.revisions()
        live = len(tree.live)
        ended = len(ends(connection, row, tree)) if len(tree.leaves) > live else 0
    if live > 1 or ended:
        connection.execute("INSERT OR REPLACE INTO conflicts VALUES (?, ?, ?, ?)", (doc, db, live, ended))
    else:
        connection.execute("DELETE FROM conflicts WHERE doc = ?", (doc,))


def branched(
    connection: sqlite3.Connection, sets: Sets, db: int, visible: Visible, limit: int, before: int | None
) -> Sequence[tuple[int, Branched]]:
    """Visible documents with branches to settle, changed last first: (seq, row); `before` a row's seq."""
    seen = "" if visible.everything else f" AND d.access IN {sets.table(connection, visible)}"
    found = connection.execute(
        "SELECT d.seq, d.id, c.live, c.ended FROM conflicts AS c CROSS JOIN documents AS d ON d.doc = c.doc"
        f" WHERE c.db = ? AND d.deleted = 0 AND d.seq < ?{seen} ORDER BY d.seq DESC LIMIT ?",
        (db, before if before is not None else 1 << 62, limit),
    )
    return [(seq, Branched(id, live, ended)) for seq, id, live, ended in found]
