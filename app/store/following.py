"""What a replica that stands at some sequence has to be told, in SQL: the store's part of app/access/following.py.

Sets of reader sets come as names of temporary tables (`Sets.table`). Each function gives at most `limit` rows in the
order of a cursor of two numbers, and starts behind the cursor it is given; cost follows the rows it gives, but for
`left`, which walks the log of changes of access.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

import orjson

from app.store import changes, rows
from app.store.model import Visible
from app.store.rows import Row
from app.store.sets import Sets
from app.store.sqlite import SqliteFile

Cursor = tuple[int, int]
FEW = 1_000  # changes whose sets are listed
REMEMBERED = 200
_FULL = ", ".join("d." + column for column in rows.COLUMNS.split(", "))
_BARE = "d.doc, d.id, d.rev, d.deleted, d.seq, d.access, x'', NULL, d.tree"


class Gone(NamedTuple):
    """A document that a replica may hold no longer."""

    cursor: Cursor
    id: str


def left(
    connection: sqlite3.Connection, db: int, after: Cursor, since: int, upto: int, before: str, now: str, limit: int
) -> list[Gone]:
    """Documents there at `since` that were in a set of `before` when they changed their set, were deleted or purged
    after a cursor (seq, doc), and are in none of `now` any more."""
    found = connection.execute(
        "SELECT l.seq, l.doc, coalesce(d.id, p.id) FROM access_log AS l"
        " LEFT JOIN documents AS d ON d.doc = l.doc"
        " LEFT JOIN purged AS p ON p.db = l.db AND p.doc = l.doc AND d.doc IS NULL"
        " WHERE l.db = ? AND (l.seq, l.doc) > (?, ?) AND l.seq <= ?"
        f" AND l.access IN {before} AND (d.doc IS NULL OR d.access NOT IN {now})"
        " AND coalesce(d.born, p.born) <= ?"
        " ORDER BY l.seq, l.doc LIMIT ?",
        (db, *after, upto, since, limit),
    )
    return [Gone((seq, doc), id) for seq, doc, id in found]


def lost(connection: sqlite3.Connection, db: int, after: Cursor, since: int, table: str, limit: int) -> list[Gone]:
    """Documents of the sets in `table` that who stands at `since` may hold, by (set, seq)."""
    found: list[Gone] = []
    for where, arguments in _ranges(after):
        for access, seq, id in connection.execute(
            f"SELECT t.access, d.seq, d.id FROM {table} AS t CROSS JOIN documents AS d INDEXED BY documents_by_access"
            f" ON d.db = ? AND d.access = t.access WHERE {where} AND d.born <= ? AND (d.deleted = 0 OR d.seq > ?)"
            " ORDER BY t.access, d.seq LIMIT ?",
            (db, *arguments, since, since, limit - len(found)),
        ):
            found.append(Gone((access, seq), id))
    return found


def gained(
    connection: sqlite3.Connection, db: int, after: Cursor, since: int, table: str, limit: int, *, content: bool
) -> Iterator[Row]:
    """Live documents of the sets in `table`, last changed up to `since`, by (set, seq)."""
    columns = _FULL if content else _BARE
    given = 0
    for where, arguments in _ranges(after):
        for row in connection.execute(
            f"SELECT {columns} FROM {table} AS t CROSS JOIN documents AS d INDEXED BY documents_by_access"
            f" ON d.db = ? AND d.access = t.access WHERE {where} AND d.seq <= ? AND d.deleted = 0"
            " ORDER BY t.access, d.seq LIMIT ?",
            (db, *arguments, since, limit - given),
        ):
            given += 1
            yield Row(*row)


def _ranges(after: Cursor) -> Iterator[tuple[str, Cursor | tuple[int]]]:
    """The rest of the set that was begun, then the sets behind it: each a range of the index. With the `+` SQLite does
    not carry the comparison over to `d.access`, for which it would walk all sets behind instead of this one."""
    if after[1]:
        yield "t.access = ? AND d.seq > ?", after
    yield ("+t.access > ?" if after[1] else "+t.access >= ?"), (after[0],)


def new(
    connection: sqlite3.Connection,
    db: int,
    since: int,
    upto: int,
    visible: Visible,
    table: str | None,
    limit: int,
    *,
    content: bool,
) -> Iterator[Row]:
    """Documents of the visible sets changed after `since` and up to `upto`, by seq, tombstones too."""
    query, arguments = changes.keys(db, since, upto, limit, visible, table)
    columns = _FULL if content else _BARE
    for row in connection.execute(
        f"SELECT {columns} FROM ({query}) AS k CROSS JOIN documents AS d ON d.doc = k.doc", arguments
    ):
        yield Row(*row)


def table(connection: sqlite3.Connection, sets: Sets, numbers: frozenset[int]) -> str:
    """The name of a temporary table with these sets."""
    digest = hashlib.blake2b(orjson.dumps(sorted(numbers)), digest_size=12).hexdigest()
    return sets.table(connection, Visible(digest, False, numbers, 0, 0))


class Touched:
    """Which reader sets changed lately, asked by many waiters at once: found once for all who ask the same."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._known: dict[tuple[int, int, int], frozenset[int]] = {}

    def sets(self, db: int, since: int) -> frozenset[int] | None:
        """The sets of what changed after a sequence, before and now; None when that is too much to list."""
        with self._file.reading() as connection:
            newest, _, log_from = position(connection, db)
            if newest - since > FEW or since < log_from:
                return None
            found = self._known.get((db, since, newest))
            if found is None:
                rows = connection.execute(
                    "SELECT access FROM documents INDEXED BY documents_by_seq WHERE db = ?1 AND seq > ?2"
                    " UNION SELECT access FROM access_log WHERE db = ?1 AND seq > ?2",
                    (db, since),
                )
                found = frozenset(access for (access,) in rows)
                if len(self._known) > REMEMBERED:
                    self._known.clear()
                self._known[db, since, newest] = found
        return found


def position(connection: sqlite3.Connection, db: int) -> tuple[int, str, int]:
    """(newest sequence, incarnation, sequence after which the log of access is whole). (0, "", 0) for none."""
    found = connection.execute("SELECT update_seq, incarnation, log_from FROM databases WHERE db = ?", (db,)).fetchone()
    return found or (0, "", 0)
