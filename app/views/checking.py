"""`davenport check` of the view index: does it hold what the documents give?

    bodies ── keys ──→ doc_entries        document by document, but for those that still wait
    doc_entries ─────→ entries, totals    order by order: as many rows, and the same (by the sum of their hashes)

`davenport reindex` makes all of it anew.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson

from app.views.batch import State
from app.views.entries import COUNT_ALL, unpack
from app.views.index import Index
from app.views.keys import ABSENT, LEVELS, Held

NAMED = 5  # documents named in a sentence
REPAIR = "`davenport reindex` makes it anew."


def check(connection: sqlite3.Connection, index: Index) -> Iterator[str]:
    """What is wrong, one sentence each, for every database with a design."""
    for db, name in connection.execute("SELECT db, name FROM databases ORDER BY db").fetchall():
        state = index.state(connection, db)
        if state.numbers:
            yield from _Check(connection, db, name, state).problems()


class _Check:
    def __init__(self, connection: sqlite3.Connection, db: int, name: str, state: State) -> None:
        self.connection, self.db, self.name, self.state = connection, db, name, state
        self._numbers = frozenset(state.numbers.values())
        self._ready = self._numbers - state.building
        self._rows: Counter[int] = Counter()
        self._sums: Counter[int] = Counter()
        self._documents: Counter[int] = Counter()

    def problems(self) -> Iterator[str]:
        """Documents first, then orders."""
        wrong = []
        for doc, id, access, deleted, body, entries, waits in self.connection.execute(
            "SELECT d.doc, d.id, d.access, d.deleted, d.body, e.entries,"
            " EXISTS (SELECT 1 FROM pending AS p WHERE p.doc = d.doc)"
            " FROM documents AS d LEFT JOIN doc_entries AS e USING (doc) WHERE d.db = ?",
            (self.db,),
        ):
            held = unpack(entries) if entries is not None else ABSENT
            self._count(doc, held)
            items = None if deleted else orjson.loads(body)
            if not self._right(doc, access, items, held, bool(waits)):
                wrong.append(id)
        if wrong:
            those = ", ".join(wrong[:NAMED]) + (" …" if len(wrong) > NAMED else "")
            yield f"Database {self.name}: the view index is wrong for {len(wrong)} documents ({those}). {REPAIR}"
        if not self.connection.execute("SELECT 1 FROM placing WHERE db = ? LIMIT 1", (self.db,)).fetchone():
            for number in sorted(self._numbers):
                yield from self._order(number)

    def _right(self, doc: int, access: int, items: dict[str, Any] | None, held: Held, waits: bool) -> bool:
        if held.keys and (items is None or held.access != access):
            return False
        if items is None or waits:
            return True
        wanted = self.state.maker.held(access, items, doc).keys
        # the key of a response is its parent's, which may itself be a response
        numbers = self._ready - self.state.maker.trees if items.get("parent") else self._ready
        return all(wanted.get(number) == held.keys.get(number) for number in numbers)

    def _count(self, doc: int, held: Held) -> None:
        for number, keys in held.keys.items():
            self._documents[number] += any(not entry.n % LEVELS for entry in keys.entries)
            for entry in keys.entries:
                self._rows[number] += 1
                self._sums[number] += hash((entry.key, doc, entry.n, held.access))

    def _order(self, number: int) -> Iterator[str]:
        for table in ("entries", "entries_of_access"):
            rows = summed = 0
            for place in self.connection.execute(f"SELECT key, doc, n, access FROM {table} WHERE ord = ?", (number,)):
                rows += 1
                summed += hash(place)
            if rows != self._rows[number] or summed != self._sums[number]:
                yield (
                    f"Database {self.name}: an order of the view index ({number}) has {rows} rows in {table}"
                    f" that are not those of its documents ({self._rows[number]}). {REPAIR}"
                )
        if number in self.state.counted:
            yield from self._totals(number)

    def _totals(self, number: int) -> Iterator[str]:
        (counted,) = self.connection.execute(
            "SELECT coalesce(sum(count), 0) FROM totals WHERE ord = ? AND access = ? AND level = 0", (number, COUNT_ALL)
        ).fetchone()
        (uneven,) = self.connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM totals WHERE ord = ?1 GROUP BY level, category"
            " HAVING sum(CASE access WHEN ?2 THEN count ELSE -count END) <> 0)",
            (number, COUNT_ALL),
        ).fetchone()
        if counted != self._documents[number] or uneven:
            yield f"Database {self.name}: totals of the view index ({number}) are not those of its documents. {REPAIR}"
