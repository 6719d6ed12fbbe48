"""Reading an order for a person: the cheapest of three ways, changing over when the first guess was wrong.

    everything   the person sees all documents: key order, no filter
    scan         key order, `access IN` the person's sets, at most a budget of rows: quick when the person
                 sees a fair share (1 in 100) and that is spread
    merge        each of the person's sets in key order, the smallest keys of all (SQLite ends each set's loop
                 as soon as it cannot add to the first n): about 2 µs a set, however few documents match

A scan that finds too little within its budget (the person's documents stand together at the far end) is
followed by a merge.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.store import Visible

ROW = 0.2  # µs to look at a row of a scan
SET = 4.0  # µs to open a set in a merge: each lies on a page of its own
LEAST = 1_000  # rows a scan may always look at
BATCH_MOST = 4_000


class Position(NamedTuple):
    """A row's place in an order."""

    key: bytes
    doc: int
    n: int


Range = tuple[bytes, bytes]  # low ≤ key < high
EVERYTHING: Range = (b"", b"\xff" * 64)
START = Position(b"", -(2**62), -1)


class Source(NamedTuple):
    """Where to read: the order, for whom, which way."""

    connection: sqlite3.Connection
    number: int
    visible: Visible
    table: str
    descending: bool = False
    first_only: bool = False  # of a document under several values only the first


def read(source: Source, ranges: Sequence[Range], after: Position | None, want: int) -> Iterator[list[Position]]:
    """Batches of rows behind `after`, in order; the first has at least `want` rows if there are that many."""
    for low, high in reversed(ranges) if source.descending else ranges:
        position = after
        if position is not None and not _ahead(position, low, high, source.descending):
            continue
        yield from _read_range(source, (low, high), position, want)


def _ahead(after: Position, low: bytes, high: bytes, descending: bool) -> bool:
    return low <= after.key if descending else after.key < high


def _read_range(source: Source, one: Range, position: Position | None, want: int) -> Iterator[list[Position]]:
    merge_only = False
    while True:
        rows: list[Position] = []
        if source.visible.everything:
            rows = _scan(source, one, position, want, None)
        else:
            if not merge_only:
                budget = scan_budget(source.visible, want)
                rows = _scan(source, one, position, want, budget) if budget else []
                if len(rows) < want and budget and _ends(source, one, position, budget):
                    if rows:
                        yield rows
                    return
                merge_only = len(rows) < want
            if merge_only:
                if rows:
                    yield rows
                    position = rows[-1]
                rows = _merge(source, one, position, want)
        if rows:
            yield rows
            position = rows[-1]
        if len(rows) < want:
            return
        want = min(want * 3, BATCH_MOST)


def scan_budget(visible: Visible, want: int) -> int:
    """How many rows a scan may look at; 0 when a merge is cheaper from the start."""
    sets = len(visible.sets)
    share = max(visible.documents, 1) / max(visible.total, 1)
    expected = want / share
    merge_cost = sets * SET + 200
    if expected * ROW > merge_cost:
        return 0
    return int(max(LEAST, merge_cost / ROW / 2))  # in vain, it costs half of what the merge does that follows


def _bounds(source: Source, one: Range, position: Position | None) -> tuple[str, tuple[object, ...]]:
    low, high = one
    where = "e.key >= ? AND e.key < ?"
    arguments: tuple[object, ...] = (low, high)
    if position is not None:
        if source.descending:
            where, arguments = "e.key >= ? AND (e.key, e.doc, e.n) < (?, ?, ?)", (low, *position)
            if position.key >= high:
                where, arguments = "e.key >= ? AND e.key < ?", one
        elif position.key >= low:
            where, arguments = "(e.key, e.doc, e.n) > (?, ?, ?) AND e.key < ?", (*position, high)
    if source.first_only:
        where += " AND e.n < 64"
    return where, arguments


def _direction(source: Source, table: str = "") -> str:
    way = " DESC" if source.descending else ""
    return f"{table}key{way}, {table}doc{way}, {table}n{way}"


def _scan(source: Source, one: Range, position: Position | None, want: int, budget: int | None) -> list[Position]:
    where, arguments = _bounds(source, one, position)
    if budget is None:
        sql = f"SELECT key, doc, n FROM entries AS e WHERE ord = ? AND {where} ORDER BY {_direction(source)} LIMIT ?"
        return [Position(*row) for row in source.connection.execute(sql, (source.number, *arguments, want))]
    sql = (
        "SELECT key, doc, n FROM (SELECT key, doc, n, access FROM entries AS e WHERE ord = ?"
        f" AND {where} ORDER BY {_direction(source)} LIMIT ?)"
        f" WHERE access IN (SELECT access FROM {source.table}) LIMIT ?"
    )
    return [Position(*row) for row in source.connection.execute(sql, (source.number, *arguments, budget, want))]


def _ends(source: Source, one: Range, position: Position | None, budget: int) -> bool:
    """Is the range at its end within the budget?"""
    where, arguments = _bounds(source, one, position)
    sql = f"SELECT 1 FROM entries AS e WHERE ord = ? AND {where} ORDER BY {_direction(source)} LIMIT 1 OFFSET ?"
    return source.connection.execute(sql, (source.number, *arguments, budget)).fetchone() is None


def _merge(source: Source, one: Range, position: Position | None, want: int) -> list[Position]:
    where, arguments = _bounds(source, one, position)
    sql = (
        f"SELECT e.key, e.doc, e.n FROM {source.table} AS v"
        " CROSS JOIN entries_of_access AS e"
        f" ON e.ord = ? AND e.access = v.access AND {where} ORDER BY {_direction(source, 'e.')} LIMIT ?"
    )
    return [Position(*row) for row in source.connection.execute(sql, (source.number, *arguments, want))]
