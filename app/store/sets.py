"""Distinct reader sets, and which of them a person sees.

Documents share few reader sets. Each is stored once, documents hold its number, and `set_names` tells which
sets a principal is in. A set never changes and a number is never used again, so what is remembered about a
set stays true; a person's visible sets are only ever completed by newer ones.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

import orjson

from app.store.driver import Connection, OperationalErrors
from app.store.model import Visible
from app.store.sqlite import SqliteFile

EVERYONE = ("*",)
NOBODY: tuple[str, ...] = ()
EVERY_READER = "**"  # a principal that is in every set: the node itself, and full access
MAX_TABLES = 16  # temporary tables of visible sets per connection
MAX_REMEMBERED = 200_000  # set numbers in remembered visible sets: about 15 MB
MAX_INTERNED = 50_000


class _Counts(NamedTuple):
    """Live documents per set, as they were at `update_seq`."""

    update_seq: int
    total: int
    by_set: dict[int, int]


class _Seen(NamedTuple):
    """A remembered answer: true for all sets numbered below `version`."""

    version: int
    counts: _Counts
    visible: Visible


def reader_names(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Who may read a document with these items: `readers` and `authors`, or everyone when `readers` is empty.

    A `readers` that is not empty but names nobody (numbers, blanks) opens the document to nobody, authors
    included: something went wrong, and closed is safer than open.
    """
    readers = body.get("readers")
    if not readers:
        return EVERYONE
    names = set(_names(readers))
    if not names:
        return NOBODY
    if "*" in names:
        return EVERYONE
    names.update(_names(body.get("authors")))
    return tuple(sorted(names))


def _names(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return ()
    return [name for name in value if isinstance(name, str) and name.strip()]


class Sets:
    """The reader sets of a documents file."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._interned: dict[tuple[int, tuple[str, ...]], int] = {}
        self._fresh: dict[tuple[int, tuple[str, ...]], int] = {}  # of the open transaction
        self._seen: OrderedDict[tuple[int, frozenset[str]], _Seen] = OrderedDict()
        self._counts: dict[int, _Counts] = {}
        self._remembered = 0

    # -- writing

    def intern(self, connection: sqlite3.Connection, db: int, names: tuple[str, ...]) -> int:
        """The number of a set (sorted names), made when it is new. Inside a write transaction."""
        key = (db, names)
        number = self._interned.get(key) or self._fresh.get(key)
        if number is None:
            number = self.find(connection, db, names) or self._create(connection, db, names)
            if not self._fresh:
                self._file.on_commit(self._keep)
                self._file.on_rollback(self._fresh.clear)
            self._fresh[key] = number
        return number

    def find(self, connection: sqlite3.Connection, db: int, names: tuple[str, ...]) -> int:
        """The number of a set, 0 when no document ever had it."""
        row = connection.execute(
            "SELECT access FROM sets WHERE db = ? AND digest = ?", (db, _digest_of_names(names))
        ).fetchone()
        return row[0] if row else 0

    def _create(self, connection: sqlite3.Connection, db: int, names: tuple[str, ...]) -> int:
        number = take(connection, "access")
        connection.execute(
            "INSERT INTO sets (access, db, digest, names) VALUES (?, ?, ?, ?)",
            (number, db, _digest_of_names(names), orjson.dumps(names).decode()),
        )
        connection.executemany(
            "INSERT INTO set_names (db, name, access) VALUES (?, ?, ?)",
            [(db, name, number) for name in names],
        )
        return number

    def _keep(self) -> None:
        if len(self._interned) > MAX_INTERNED:
            self._interned.clear()
        self._interned.update(self._fresh)
        self._fresh.clear()

    def forget(self) -> None:
        """Drop everything remembered: a database is gone."""
        with self._lock:
            self._interned.clear()
            self._fresh.clear()
            self._seen.clear()
            self._counts.clear()
            self._remembered = 0

    # -- reading

    def names(self, access: int) -> list[str]:
        """The names in a set; empty when it is nobody's or unknown."""
        with self._file.reading() as connection:
            row = connection.execute("SELECT names FROM sets WHERE access = ?", (access,)).fetchone()
        return orjson.loads(row[0]) if row else []

    def visible(self, db: int, principals: frozenset[str]) -> Visible:
        """The sets that admit one of these principals. Remembered until a newer set admits them."""
        with self._file.reading() as connection:
            version, update_seq = connection.execute(
                "SELECT (SELECT next FROM counters WHERE name = 'access'), update_seq FROM databases WHERE db = ?",
                (db,),
            ).fetchone() or (1, 0)
            if self._file.writing:  # numbers of an open transaction may be taken back
                with self._lock:
                    known = self._seen.get((db, principals))
                if known and known.version > version:
                    known = None
                return self._complete(connection, db, principals, known, version, update_seq).visible
            key = (db, principals)
            with self._lock:
                before = self._seen.get(key)
                counts = self._counts.get(db)
                if before and before.version == version and before.counts is counts and _fair(counts, update_seq):
                    self._seen.move_to_end(key)
                    return before.visible
            if before and before.version > version:  # an older snapshot than the one remembered
                before = None
            seen = self._complete(connection, db, principals, before, version, update_seq)
        with self._lock:
            self._remember(key, seen)
        return seen.visible

    def _complete(
        self,
        connection: sqlite3.Connection,
        db: int,
        principals: frozenset[str],
        before: _Seen | None,
        version: int,
        update_seq: int,
    ) -> _Seen:
        counts = self._counts.get(db)
        if counts is None or not _fair(counts, update_seq):
            counts = self._count_all(connection, db, update_seq)
        newer = self._admitting(connection, db, principals, before.version if before else 0)
        if before and not newer:
            sets, digest = before.visible.sets, before.visible.digest
        else:
            sets = before.visible.sets | newer if before else frozenset(newer)
            digest = _digest_of_numbers(sets)
        documents = sum(counts.by_set.get(number, 0) for number in sets)
        everything = EVERY_READER in principals
        return _Seen(version, counts, Visible(digest, everything, sets, documents, counts.total))

    def _admitting(self, connection: sqlite3.Connection, db: int, principals: frozenset[str], version: int) -> set[int]:
        """Numbers from `version` on that admit one of the principals."""
        if EVERY_READER in principals:
            rows = connection.execute("SELECT access FROM sets WHERE db = ? AND access >= ?", (db, version))
        else:
            rows = connection.execute(
                "SELECT s.access FROM json_each(?) AS p CROSS JOIN set_names AS s"
                " ON s.db = ? AND s.name = p.value AND s.access >= ?",
                (orjson.dumps([name for name in principals if "\0" not in name]).decode(), db, version),
            )
        return {number for (number,) in rows}

    def _count_all(self, connection: sqlite3.Connection, db: int, update_seq: int) -> _Counts:
        by_set = dict(connection.execute("SELECT access, documents FROM sets WHERE db = ?", (db,)))
        counts = _Counts(update_seq, sum(by_set.values()), by_set)
        if not self._file.writing:
            with self._lock:
                self._counts[db] = counts
        return counts

    def _remember(self, key: tuple[int, frozenset[str]], seen: _Seen) -> None:
        replaced = self._seen.pop(key, None)
        if replaced:
            self._remembered -= len(replaced.visible.sets)
        self._seen[key] = seen
        self._remembered += len(seen.visible.sets)
        while self._remembered > MAX_REMEMBERED and len(self._seen) > 1:
            self._remembered -= len(self._seen.popitem(last=False)[1].visible.sets)

    def count(self, db: int, visible: Visible) -> int:
        """Live documents in these sets, exactly."""
        with self._file.reading() as connection:
            if visible.everything:
                row = connection.execute("SELECT documents FROM databases WHERE db = ?", (db,)).fetchone()
            else:
                table = self.table(connection, visible)
                row = connection.execute(
                    f"SELECT coalesce(sum(s.documents), 0) FROM {table} AS v"
                    " CROSS JOIN sets AS s USING (access) WHERE s.db = ?",
                    (db,),
                ).fetchone()
        return row[0] if row else 0

    def table(self, connection: sqlite3.Connection, visible: Visible) -> str:
        """The name of a temporary table (access INTEGER PRIMARY KEY) with these sets, on this connection."""
        name = f"visible_{visible.digest}"
        tables = cast(Connection, connection).tables
        if name in tables:
            tables[name] = tables.pop(name)
            return name
        connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {name} (access INTEGER PRIMARY KEY)")
        connection.executemany(
            f"INSERT OR IGNORE INTO {name} VALUES (?)", [(number,) for number in sorted(visible.sets)]
        )
        tables[name] = None
        self._drop_oldest(cast(Connection, connection))
        return name

    def _drop_oldest(self, connection: Connection) -> None:
        while len(connection.tables) > MAX_TABLES:
            oldest = next(iter(connection.tables))
            try:
                connection.execute(f"DROP TABLE temp.{oldest}")
            except OperationalErrors:  # a cursor still reads it; another time
                return
            del connection.tables[oldest]


def take(connection: sqlite3.Connection, counter: str, many: int = 1) -> int:
    """The first of `many` numbers that were never used before."""
    row = connection.execute(
        "UPDATE counters SET next = next + ? WHERE name = ? RETURNING next", (many, counter)
    ).fetchone()
    return int(row[0]) - many


def _fair(counts: _Counts | None, update_seq: int) -> bool:
    """Whether remembered counts still serve to choose a plan: few documents changed since."""
    return counts is not None and abs(update_seq - counts.update_seq) <= counts.total // 50


def _digest_of_names(names: tuple[str, ...]) -> str:
    return hashlib.blake2b(orjson.dumps(names), digest_size=12).hexdigest()


def _digest_of_numbers(numbers: frozenset[int]) -> str:
    return hashlib.blake2b(orjson.dumps(sorted(numbers)), digest_size=12).hexdigest()
