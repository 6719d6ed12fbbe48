"""What one document has in the index, as one small blob, so that an update removes exactly that.

with cells     01 · shape · newline · [access, [cell lengths …], [sums …]] · newline · all cells
else           zlib( [access, [[order, [sums …] or null, [[length, n, [category lengths …]], …]], …]] · newline · keys )

Cells come to a third of the keys put together from them, as short as those compressed, and cost next to nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from decimal import Decimal
from typing import Any

import orjson

from app.views import amounts
from app.views.keys import LEVELS, NOTHING, Cells, Entry, Held, Keys, assembled

COUNT_ALL = -1  # stands for all reader sets together in `totals`
_CELLS = b"\x01"


def pack(held: Held) -> bytes:
    """The blob."""
    known = held.cells
    if known is not None:
        lengths = orjson.dumps([held.access, list(map(len, known.cells)), list(map(str, known.sums))])
        return b"".join((_CELLS, known.shape, b"\n", lengths, b"\n", *known.cells))
    header: list[Any] = [
        [
            number,
            [str(each) for each in keys.sums] or None,
            [[len(entry.key), entry.n, entry.categories] for entry in keys.entries],
        ]
        for number, keys in held.keys.items()
    ]
    every = b"".join([entry.key for keys in held.keys.values() for entry in keys.entries])
    squeeze = zlib.compressobj(1, zlib.DEFLATED, 11, 3)  # small tables: what is packed is small, and they cost most
    return squeeze.compress(orjson.dumps([held.access, header]) + b"\n" + every) + squeeze.flush()


def unpack(blob: bytes) -> Held:
    """What `pack` was given."""
    if blob[:1] == _CELLS:
        return _unpack_cells(blob)
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
        found[number] = Keys(tuple(entries), tuple(map(amounts.read, sums or ())))
    return Held(access, found)


def _unpack_cells(blob: bytes) -> Held:
    end = blob.index(b"\n")
    start = blob.index(b"\n", end + 1)
    access, lengths, sums = orjson.loads(blob[end + 1 : start])
    cells, at = [], start + 1
    for length in lengths:
        cells.append(blob[at : at + length])
        at += length
    known = Cells(blob[1:end], cells, [amounts.read(each) for each in sums])
    return Held(access, assembled(known), known)


# --- differences


Place = tuple[int, bytes, int, int, int]  # order, key, document, n, access: a row of `entries`
Deltas = dict[tuple[int, int, int, bytes], list[Any]]  # (order, access, level, category) → [count, sum, …]
CERTAIN: frozenset[int] = frozenset()


class Difference:
    """Rows to remove, add and re-label, and what totals gain and lose; gathered over many documents."""

    def __init__(self, counted: frozenset[int], *, together: bool = True) -> None:
        """`counted`: orders with totals; `together`: keep those of all sets together as well."""
        self.counted = counted
        self._together = together
        self.gone: list[Place] = []
        self.added: list[Place] = []
        self.moved: list[tuple[int, int, int, bytes, int, int]] = []  # access, earlier access, order, key, document, n
        self.totals: Deltas = {}

    def add(self, doc: int, old: Held, new: Held, uncertain: frozenset[int] = CERTAIN) -> None:
        """One document goes from `old` to `new`. `uncertain`: orders where `old` is not counted, perhaps not placed."""
        for number in old.keys.keys() | new.keys.keys():
            before, now = old.keys.get(number, NOTHING), new.keys.get(number, NOTHING)
            if number in uncertain:
                self.gone += [(number, entry.key, doc, entry.n, old.access) for entry in before.entries]
                self.added += [(number, entry.key, doc, entry.n, new.access) for entry in now.entries]
                self.count(number, now, new.access, 1)
                continue
            self._places(number, doc, before, now, old.access, new.access)
            if old.access != new.access or before != now:
                self.count(number, before, old.access, -1)
                self.count(number, now, new.access, 1)

    def _places(self, number: int, doc: int, before: Keys, now: Keys, old_access: int, access: int) -> None:
        if before.entries == now.entries:
            if old_access != access:
                self.moved += [(access, old_access, number, entry.key, doc, entry.n) for entry in now.entries]
            return
        if not before.entries:
            self.added += [(number, entry.key, doc, entry.n, access) for entry in now.entries]
            return
        had = {(entry.key, entry.n) for entry in before.entries}
        has = {(entry.key, entry.n) for entry in now.entries}
        self.gone += [(number, key, doc, n, old_access) for key, n in had - has]
        self.added += [(number, key, doc, n, access) for key, n in has - had]
        if old_access != access:
            self.moved += [(access, old_access, number, key, doc, n) for key, n in had & has]

    def count(self, number: int, keys: Keys, access: int, sign: int) -> None:
        """What totals gain (or lose, with sign -1) by a document in an order."""
        if number not in self.counted:
            return
        for level, category in _categories(keys):
            for which in (access, COUNT_ALL) if self._together else (access,):
                place = (number, which, level, category)
                known = self.totals.get(place)
                if known is None:
                    known = self.totals[place] = [0] + [Decimal(0)] * len(keys.sums)
                known[0] += sign
                for n, amount in enumerate(keys.sums, 1):
                    known[n] += sign * amount


def _categories(keys: Keys) -> Collection[tuple[int, bytes]]:
    """Level and key of the categories a main document counts in; nothing for responses."""
    entries = keys.entries
    if len(entries) == 1 and not entries[0].n:
        key, _, lengths = entries[0]
        return [(0, b""), *((level, key[:length]) for level, length in enumerate(lengths, 1))]
    main = [entry for entry in entries if not entry.n % LEVELS]
    if not main:
        return ()
    return {(level, e.key[:length]) for e in main for level, length in enumerate(e.categories, 1)} | {(0, b"")}
