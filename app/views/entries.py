"""What one document has in the index, as one small blob, so that an update removes exactly that.

Held(access, {order: Keys})  ⇄  zlib( JSON header · newline · all keys )
header: [access, [[order, [sums …] or null, [[length, n, [category lengths …]], …]], …]]
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from app.views.orders import NOTHING, Entry, Keys

COUNT_ALL = -1  # stands for all reader sets together in `totals`


class Held(NamedTuple):
    """A document's place in the index."""

    access: int
    keys: Mapping[int, Keys]


ABSENT = Held(0, {})


def pack(held: Held) -> bytes:
    """The blob."""
    header: list[Any] = [
        [
            number,
            [str(each) for each in keys.sums] or None,
            [[len(entry.key), entry.n, entry.categories] for entry in keys.entries],
        ]
        for number, keys in held.keys.items()
    ]
    every = b"".join([entry.key for keys in held.keys.values() for entry in keys.entries])
    return zlib.compress(orjson.dumps([held.access, header]) + b"\n" + every, 1)


def unpack(blob: bytes) -> Held:
    """What `pack` was given."""
    plain = zlib.decompress(blob)
    end = plain.index(b"\n")
    access, header = orjson.loads(plain[:end])
    at = end + 1
    found: dict[int, Keys] = {}
    for number, sums, places in header:
        entries = []
        for length, n, categories in places:
            entries.append(Entry(plain[at : at + length], n, tuple(categories)))
            at += length
        found[number] = Keys(tuple(entries), tuple(map(Decimal, sums or ())))
    return Held(access, found)


# --- differences


class Place(NamedTuple):
    """A row of `entries` without its access."""

    ord: int
    key: bytes
    doc: int
    n: int


Deltas = dict[tuple[int, int, int, bytes], list[Any]]  # (order, access, level, category) → [count, sum, …]


class Difference:
    """Rows to remove, add and re-label, and what totals gain and lose; gathered over many documents."""

    def __init__(self, counted: frozenset[int]) -> None:
        self.counted = counted
        self.gone: list[Place] = []
        self.added: list[tuple[int, bytes, int, int, int]] = []
        self.moved: list[tuple[int, int, bytes, int, int]] = []
        self.totals: Deltas = {}

    def add(self, doc: int, old: Held, new: Held) -> None:
        """One document goes from `old` to `new`."""
        for number in old.keys.keys() | new.keys.keys():
            before, now = old.keys.get(number, NOTHING), new.keys.get(number, NOTHING)
            self._places(number, doc, before, now, old.access, new.access)
            if number in self.counted and (old.access != new.access or before != now):
                self._count(number, before, old.access, -1)
                self._count(number, now, new.access, 1)

    def _places(self, number: int, doc: int, before: Keys, now: Keys, old_access: int, access: int) -> None:
        if before.entries == now.entries:
            if old_access != access:
                self.moved += [(access, number, entry.key, doc, entry.n) for entry in now.entries]
            return
        if not before.entries:
            self.added += [(number, entry.key, doc, entry.n, access) for entry in now.entries]
            return
        had = {(entry.key, entry.n) for entry in before.entries}
        has = {(entry.key, entry.n) for entry in now.entries}
        self.gone += [Place(number, key, doc, n) for key, n in had - has]
        self.added += [(number, key, doc, n, access) for key, n in has - had]
        if old_access != access:
            self.moved += [(access, number, key, doc, n) for key, n in had & has]

    def _count(self, number: int, keys: Keys, access: int, sign: int) -> None:
        main = [entry for entry in keys.entries if not entry.level]
        if not main:
            return
        categories = {
            (level, entry.key[:length]) for entry in main for level, length in enumerate(entry.categories, 1)
        } | {(0, b"")}
        for level, category in categories:
            for which in (access, COUNT_ALL):
                place = (number, which, level, category)
                known = self.totals.get(place)
                if known is None:
                    known = self.totals[place] = [0] + [Decimal(0)] * len(keys.sums)
                known[0] += sign
                for n, amount in enumerate(keys.sums, 1):
                    known[n] += sign * amount
