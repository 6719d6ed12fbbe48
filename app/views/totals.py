"""Totals of main documents per order, category and reader set, and what a person's sets add up to.

A total is the sum over the person's sets, or that of all sets less those the person may not see,
whichever reads fewer rows. It is remembered per visible-set digest; `totals_log` brings it up to date
in the same snapshot, also with what other processes wrote.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from app.store import Visible
from app.views import amounts, collation
from app.views.amounts import Amount
from app.views.entries import COUNT_ALL, Deltas

LISTED = 64  # changes of one transaction that are listed; with more, remembered totals are read anew
KEPT = 4_000  # changes kept in the log
REMEMBERED = 400  # answers, …
ROWS = 200_000  # … and categories in them


@dataclass(frozen=True)
class Total:
    """How many main documents, and the sums of the total columns in their order."""

    count: int
    sums: tuple[Amount, ...]


NONE = Total(0, ())


def write_totals(connection: sqlite3.Connection, deltas: Deltas) -> None:
    """Add what changed; rows that fall to zero go. Inside the write transaction."""
    changed = [(place, delta) for place, delta in sorted(deltas.items()) if any(delta)]
    if not changed:
        return
    connection.create_function("add_sums", 2, _add_sums, deterministic=True)
    connection.executemany(
        "INSERT INTO totals (ord, access, level, category, count, sums) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET count = count + excluded.count, sums = add_sums(sums, excluded.sums)",
        [(*place, delta[0], _dump(delta[1:])) for place, delta in changed],
    )
    connection.executemany(
        "DELETE FROM totals WHERE ord = ? AND access = ? AND level = ? AND category = ? AND count <= 0",
        [place for place, delta in changed if delta[0] < 0],
    )
    _log(connection, changed)


def _add_sums(before: str | None, added: str | None) -> str | None:
    if before is None or added is None:
        return before or added
    return _dump(a + b for a, b in zip(_load(before), _load(added), strict=True))


def _log(connection: sqlite3.Connection, changed: list[tuple[tuple[int, int, int, bytes], list[Any]]]) -> None:
    if len(changed) > LISTED:
        rows: list[tuple[Any, ...]] = [(None,) * 6]
    else:
        rows = [(*place, delta[0], _dump(delta[1:])) for place, delta in changed]
    connection.executemany(
        "INSERT INTO totals_log (ord, access, level, category, count, sums) VALUES (?, ?, ?, ?, ?, ?)", rows
    )
    newest = connection.execute("SELECT max(n) FROM totals_log").fetchone()[0]
    if newest % KEPT < len(rows):
        connection.execute("DELETE FROM totals_log WHERE n <= ?", (newest - KEPT,))


def _dump(sums: Iterable[Amount]) -> str | None:
    found = [str(each) for each in sums]
    return orjson.dumps(found).decode() if found else None


def _load(sums: str | None) -> list[Amount]:
    return [amounts.read(each) for each in orjson.loads(sums)] if sums else []


class _Known:
    """A remembered answer: categories with counts and sums, true as of log entry `n`."""

    __slots__ = ("n", "rows")

    def __init__(self, n: int, rows: dict[bytes, list[Any]]) -> None:
        self.n = n
        self.rows = rows


class Totals:
    """Reads totals for a person's sets, remembering them."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, str, int, bytes], _Known] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def read(
        self,
        connection: sqlite3.Connection,
        db: int,
        number: int,
        visible: Visible,
        table: str,
        level: int,
        prefix: bytes,
        *,
        remember: bool = True,
    ) -> dict[bytes, Total]:
        """Category key → total, of the categories of `level` below `prefix` that have documents."""
        if not remember:
            return _answer(_sum(connection, db, number, visible, table, level, prefix))
        key = (number, visible.digest, level, prefix)
        newest = connection.execute("SELECT max(n) FROM totals_log").fetchone()[0] or 0
        with self._lock:
            known = self._known.get(key)
            if known is not None and known.n <= newest and self._follow(connection, known, newest, key, visible):
                self._known.move_to_end(key)
                return _answer(known.rows)
        rows = _sum(connection, db, number, visible, table, level, prefix)
        with self._lock:
            self._remember(key, _Known(newest, rows))
            return _answer(rows)

    def _follow(
        self,
        connection: sqlite3.Connection,
        known: _Known,
        newest: int,
        key: tuple[int, str, int, bytes],
        visible: Visible,
    ) -> bool:
        if known.n == newest:
            return True
        number, _, level, prefix = key
        oldest = connection.execute("SELECT min(n) FROM totals_log").fetchone()[0]
        if oldest > known.n + 1:
            return False
        rows = connection.execute(
            "SELECT ord, access, level, category, count, sums FROM totals_log WHERE n > ? AND n <= ?",
            (known.n, newest),
        ).fetchall()
        if any(row[0] is None for row in rows):
            return False
        for place, access, depth, category, count, sums in rows:
            if place == number and depth == level and access in visible.sets and category.startswith(prefix):
                row = known.rows.get(category)
                delta = [count, *_load(sums)]
                known.rows[category] = delta if row is None else [a + b for a, b in zip(row, delta, strict=True)]
        known.n = newest
        return True

    def _remember(self, key: tuple[int, str, int, bytes], known: _Known) -> None:
        replaced = self._known.pop(key, None)
        self._size += len(known.rows) - (len(replaced.rows) if replaced else 0)
        self._known[key] = known
        while (len(self._known) > REMEMBERED or self._size > ROWS) and len(self._known) > 1:
            self._size -= len(self._known.popitem(last=False)[1].rows)


def _answer(rows: dict[bytes, list[Any]]) -> dict[bytes, Total]:
    return {category: Total(row[0], tuple(row[1:])) for category, row in sorted(rows.items()) if row[0] > 0}


def _sum(
    connection: sqlite3.Connection,
    db: int,
    number: int,
    visible: Visible,
    table: str,
    level: int,
    prefix: bytes,
) -> dict[bytes, list[Any]]:
    hidden = [
        access
        for (access,) in connection.execute(
            "SELECT access FROM sets WHERE db = ? AND documents > 0"
            f" AND access NOT IN (SELECT access FROM {table}) LIMIT ?",
            (db, len(visible.sets) + 1),
        )
    ]
    low, high = prefix, collation.after(prefix) if prefix else b"\xff" * 64
    rows: dict[bytes, list[Any]] = {}

    def gather(source: str, arguments: tuple[Any, ...], sign: int) -> None:
        where = "t.ord = ? AND t.level = ? AND t.category >= ? AND t.category < ?"
        for category, count, sums in connection.execute(
            f"SELECT t.category, t.count, t.sums FROM {source} WHERE {where}",
            (*arguments, number, level, low, high),
        ):
            row = rows.setdefault(category, [0])
            if sums is not None:
                parts = _load(sums)
                row += [Decimal(0)] * (1 + len(parts) - len(row))
                for n, part in enumerate(parts, 1):
                    row[n] += sign * part
            row[0] += sign * count

    if len(hidden) <= len(visible.sets):
        gather("(SELECT ? AS a) CROSS JOIN totals AS t ON t.access = a", (COUNT_ALL,), 1)
        if hidden:
            gather(
                "json_each(?) AS h CROSS JOIN totals AS t ON t.access = h.value",
                (orjson.dumps(hidden).decode(),),
                -1,
            )
    else:
        gather(f"{table} AS v CROSS JOIN totals AS t ON t.access = v.access", (), 1)
    return {category: row for category, row in rows.items() if row[0] > 0}
