"""Running numbers: `C{year}{seq:5}` → C202600001, unique across replicas.

The source (a standalone node or the hub) owns an endless block of each series and year; others draw from
blocks it has leased to them. A number is drawn in the transaction that saves the document: if that fails,
no number is lost. Without a block left a provisional code `C2026-?-7f3a` is given, which the source
replaces. Gaps are normal.

    numbers(series, year, last, next)     series = "customers/customer" and the items in the pattern
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from app import clock
from app.store import Store

ENDLESS = 2**62
BLOCK = 50  # numbers that another node leases at once
LOW = 20  # and asks for more when fewer are left
_PART = re.compile(r"\{([a-z_]+)(?::(\d+))?\}")


class Block(NamedTuple):
    """Leased numbers, both ends included."""

    series: str
    year: int
    first: int
    last: int


class Taken(NamedTuple):
    """Numbers drawn together, both ends included."""

    key: str
    year: int
    first: int
    last: int

    def rest(self, many: int) -> Taken:
        """The last so many of them."""
        return self._replace(first=self.last - many + 1)


class Numbering:
    """Draws numbers for this node. `source`: it owns the series; else it draws from leased blocks only."""

    def __init__(self, store: Store, *, source: bool = True, zone: str = clock.DEFAULT_ZONE) -> None:
        self.store = store
        self.source = source
        self.zone = zone

    def draw(
        self,
        database: str,
        series: str,
        pattern: str,
        items: Mapping[str, Any],
        taken: Callable[[Sequence[str]], Collection[str]] | None = None,
    ) -> str:
        """The next code of a series, skipping those that are `taken`; a provisional one when blocks are
        used up."""
        year = clock.today(self.zone).year
        key = _key(database, series, pattern, items)
        for _ in range(10_000):
            with self._writing() as connection:
                number = self._next(connection, key, year)
            if number is None:
                break
            code = render(pattern, year, number, items)
            if taken is None or not taken([code]):
                return code
        return provisional(pattern, year, items)

    # -- many at once

    def key(self, database: str, series: str, pattern: str, items: Mapping[str, Any]) -> str:
        """What shares one count."""
        return _key(database, series, pattern, items)

    def code(self, pattern: str, number: int, items: Mapping[str, Any]) -> str:
        """A number of this year as a code."""
        return render(pattern, clock.today(self.zone).year, number, items)

    def take(self, key: str, many: int) -> Taken | None:
        """Up to so many numbers in a row; None when this node has none left."""
        year = clock.today(self.zone).year
        with self._writing() as connection:
            first = self._next(connection, key, year)
            if first is None:
                return None
            row = connection.execute(
                "UPDATE numbers SET next = min(last + 1, next + ?) WHERE series = ? AND year = ? AND next = ?"
                " RETURNING next",
                (many - 1, key, year, first + 1),
            ).fetchone()
        return Taken(key, year, first, int(row[0]) - 1)

    def settle(self, back: Iterable[Taken], noted: Iterable[tuple[str, int, int]]) -> None:
        """Numbers nobody needed go back unless others were drawn behind them; `noted` ones (key, year, number)
        are passed over."""
        with self._writing() as connection:
            for taken in back:
                connection.execute(
                    "UPDATE numbers SET next = ? WHERE series = ? AND year = ? AND next = ?",
                    (taken.first, taken.key, taken.year, taken.last + 1),
                )
            for key, year, number in noted:
                self._pass(connection, key, year, number)

    def _writing(self) -> AbstractContextManager[sqlite3.Connection]:
        return self.store.reading() if self.store.documents.writing else self.store.transaction()

    def _next(self, connection: sqlite3.Connection, key: str, year: int) -> int | None:
        row = connection.execute(
            "UPDATE numbers SET next = next + 1 WHERE series = ?1 AND year = ?2 AND last ="
            " (SELECT min(last) FROM numbers WHERE series = ?1 AND year = ?2 AND next <= last)"
            " RETURNING next - 1",
            (key, year),
        ).fetchone()
        if row is not None:
            return int(row[0])
        if not self.source:
            self._want(connection, key, year)
            return None
        connection.execute("INSERT INTO numbers (series, year, last, next) VALUES (?, ?, ?, 2)", (key, year, ENDLESS))
        return 1

    def note(self, database: str, series: str, pattern: str, items: Mapping[str, Any], code: str) -> None:
        """A code came from elsewhere (import): the source goes on behind it, if it is one of this year's."""
        noted = self.noted(database, series, pattern, items, code)
        if noted is not None:
            with self._writing() as connection:
                self._pass(connection, *noted)

    def noted(
        self, database: str, series: str, pattern: str, items: Mapping[str, Any], code: str
    ) -> tuple[str, int, int] | None:
        """Key, year and number of a code of the series and this year, at the source."""
        year = clock.today(self.zone).year
        number = number_in(pattern, year, items, code)
        if number is None or not self.source:
            return None
        return _key(database, series, pattern, items), year, number

    @staticmethod
    def _pass(connection: sqlite3.Connection, key: str, year: int, number: int) -> None:
        connection.execute(
            "INSERT INTO numbers (series, year, last, next) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET next = max(next, excluded.next)",
            (key, year, ENDLESS, number + 1),
        )

    def lease(self, series: str, year: int, count: int) -> Block:
        """At the source: a block for another node. Its numbers are never drawn here."""
        with self.store.transaction() as connection:
            first = self._next(connection, series, year)
            assert first is not None, "only the source leases"
            connection.execute(
                "UPDATE numbers SET next = ? WHERE series = ? AND year = ? AND last = ?",
                (first + count, series, year, ENDLESS),
            )
        return Block(series, year, first, first + count - 1)

    def grant(self, block: Block) -> None:
        """At another node: take in a leased block; taking it in twice changes nothing."""
        with self.store.transaction() as connection:
            connection.execute(
                "INSERT INTO numbers (series, year, last, next) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (block.series, block.year, block.last, block.first),
            )

    @staticmethod
    def _want(connection: sqlite3.Connection, series: str, year: int) -> None:
        """Note that numbers of a series are needed here: a block that is used up (`last` 0) says so."""
        connection.execute(
            "INSERT INTO numbers (series, year, last, next) VALUES (?, ?, 0, 1) ON CONFLICT DO NOTHING", (series, year)
        )

    def wanted(self, database: str, patterns: Mapping[str, str]) -> list[tuple[str, int, int]]:
        """At another node: (series, year, count) of the blocks to ask the source for, so that new documents get their
        final numbers without it. `patterns` are those of the database's design."""
        if self.source:
            return []
        year = clock.today(self.zone).year
        keys = {_key(database, series, pattern, {}) for series, pattern in patterns.items()}
        left = {key: 0 for key in keys if key.count("/") == 1}  # one count for all documents
        with self.store.reading() as connection:
            left |= dict(
                connection.execute(
                    "SELECT series, sum(max(last - next + 1, 0)) FROM numbers"
                    " WHERE year = ? AND series >= ? AND series < ? GROUP BY series",
                    (year, f"{database}/", f"{database}0"),
                )
            )
        return [(series, year, BLOCK) for series, many in sorted(left.items()) if many < LOW]

    def left(self, series: str, year: int) -> int:
        """How many numbers this node can still draw from its blocks."""
        with self.store.reading() as connection:
            row = connection.execute(
                "SELECT coalesce(sum(last - next + 1), 0) FROM numbers WHERE series = ? AND year = ?",
                (series, year),
            ).fetchone()
        return int(row[0])


def _key(database: str, series: str, pattern: str, items: Mapping[str, Any]) -> str:
    """What shares one count: the series, and the values of items in the pattern."""
    parts = [_text(items, name) for name, _ in _PART.findall(pattern) if name not in ("year", "seq")]
    return "/".join([database, series, *parts])


def _text(items: Mapping[str, Any], name: str, width: str = "") -> str:
    value = items.get(name)
    text = "" if value is None else str(value)
    return text.zfill(int(width)) if width else text


def render(pattern: str, year: int, number: int, items: Mapping[str, Any]) -> str:
    """A code: {year} or {year:2}, {seq:5} padded with zeros, {item} or {item:2} from the document."""

    def part(match: re.Match[str]) -> str:
        name, width = match[1], match[2] or ""
        if name == "year":
            return f"{year:04d}"[-int(width) :] if width else str(year)
        if name == "seq":
            return str(number).zfill(int(width or 1))
        return _text(items, name, width)

    return _PART.sub(part, pattern)


def number_in(pattern: str, year: int, items: Mapping[str, Any], code: str) -> int | None:
    """The running number in a code of this series and year; None when it is not one or has more digits
    than fit."""
    before, _, rest = pattern.partition("{seq")
    width, _, after = rest.partition("}")
    head, tail = render(before, year, 0, items), render(after, year, 0, items)
    digits = code[len(head) : len(code) - len(tail)] if code.startswith(head) and code.endswith(tail) else ""
    most = int(width.lstrip(":") or 9)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= most else None


def provisional(pattern: str, year: int, items: Mapping[str, Any]) -> str:
    """A code that says it is not final: `C2026-?-7f3a`."""
    before = pattern.partition("{seq")[0]
    return f"{render(before, year, 0, items)}-?-{secrets.token_hex(4)}"


def is_provisional(code: str) -> bool:
    """Is it still to be replaced by the source?"""
    return "-?-" in code
