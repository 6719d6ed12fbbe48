"""The changes feed: documents in the order of their last change, filtered inside the query.

For a person who sees a large share, index rows are walked in order of seq and those of other sets skipped;
for a small share, each visible set is walked by itself and the results merged. What a person may not see is
never fetched.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import orjson

from app.store import rows
from app.store.model import Change, Visible
from app.store.rows import Row
from app.store.sets import Sets

SEEK = 3.0  # cost of moving to another set's rows, in index rows walked
UNLIMITED = 1 << 62
_COLUMNS = ", ".join("d." + column for column in rows.COLUMNS.split(", "))
_NO_CONTENT = "d.doc, d.id, d.rev, d.deleted, d.seq, d.access, x'', NULL, x''"


def read(
    connection: sqlite3.Connection,
    sets: Sets,
    db: int,
    since: int,
    limit: int | None,
    *,
    descending: bool,
    visible: Visible | None,
    ids: Sequence[str] | None,
    include_docs: bool,
    style: str,
) -> list[Change]:
    """Rows after `since` (descending: from the newest down to it), at most `limit`."""
    count = UNLIMITED if limit is None else max(limit, 0)
    table = None if visible is None or visible.everything else sets.table(connection, visible)
    if ids is not None:
        found = _by_ids(connection, db, ids, table, since)
        found.sort(key=lambda row: row.seq, reverse=descending)
        return [_change(row, include_docs, style) for row in found[:count]]
    newest = _update_seq(connection, db)
    query, arguments = keys(db, since, newest, count, visible, table, descending=descending)
    columns = _COLUMNS if include_docs or style == "all_docs" else _NO_CONTENT
    changed = connection.execute(
        f"SELECT {columns} FROM ({query}) AS k CROSS JOIN documents AS d ON d.doc = k.doc", arguments
    )
    answer = [_change(Row(*row), include_docs, style) for row in changed]
    answer.sort(key=lambda change: change.seq, reverse=descending)  # they do come so; SQL just does not promise
    return answer


def keys(
    db: int, since: int, upto: int, limit: int, visible: Visible | None, table: str | None, *, descending: bool = False
) -> tuple[str, tuple[int, ...]]:
    """SQL for (doc, seq) of the documents changed after `since` and up to `upto`, in order; `table` has the visible
    sets."""
    if visible is not None and table and prefers_merge(visible, upto - since, limit):
        return _merged(db, since, upto, limit, table, descending)
    return _walked(db, since, upto, limit, table, descending)


def prefers_merge(visible: Visible, newer: int, limit: int) -> bool:
    """Whether one cursor per visible set costs less than walking all sets in order."""
    share = max(visible.documents, 1) / max(visible.total, 1)
    walk = min(newer, limit / share)
    merge = SEEK * len(visible.sets) + share * newer
    return merge < walk


def _walked(
    db: int, since: int, upto: int, limit: int, table: str | None, descending: bool
) -> tuple[str, tuple[int, ...]]:
    seen = f" AND access IN {table}" if table else ""
    return (
        f"SELECT doc, seq FROM documents INDEXED BY documents_by_seq WHERE db = ? AND seq > ? AND seq <= ?{seen}"
        f" ORDER BY seq {'DESC' if descending else 'ASC'} LIMIT ?",
        (db, since, upto, limit),
    )


def _merged(db: int, since: int, upto: int, limit: int, table: str, descending: bool) -> tuple[str, tuple[int, ...]]:
    return (
        f"SELECT m.doc, m.seq FROM {table} AS v CROSS JOIN documents AS m INDEXED BY documents_by_access"
        " ON m.db = ? AND m.access = v.access AND m.seq > ? AND m.seq <= ?"
        f" ORDER BY m.seq {'DESC' if descending else 'ASC'} LIMIT ?",
        (db, since, upto, limit),
    )


def _by_ids(connection: sqlite3.Connection, db: int, ids: Sequence[str], table: str | None, since: int) -> list[Row]:
    found = [row for row in rows.find_many(connection, db, ids) if row.seq > since]
    if table is None or not found:
        return found
    asked = orjson.dumps(list({row.access for row in found})).decode()
    seen = {
        number
        for (number,) in connection.execute(
            f"SELECT access FROM {table} WHERE access IN (SELECT value FROM json_each(?))", (asked,)
        )
    }
    return [row for row in found if row.access in seen]


def _update_seq(connection: sqlite3.Connection, db: int) -> int:
    row = connection.execute("SELECT update_seq FROM databases WHERE db = ?", (db,)).fetchone()
    return row[0] if row else 0


def _change(row: Row, include_docs: bool, style: str) -> Change:
    revs = row.revisions().leaves if style == "all_docs" else [row.rev]
    return Change(row.seq, row.id, revs, bool(row.deleted), row.revision() if include_docs else None)
