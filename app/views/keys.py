"""The keys a document has in each order. Pure: a body and the parent's keys give the document's keys and sums.

Key of a main document:  parts … [· its number, in trees]
Key of a response:       parent's key · time of creation (8 bytes) · its number (8 bytes)
`n` of an entry is 64 × which of several categories + level of response.

Many orders are put together from few *cells*, the bytes of one column each. Documents of a form that stand in
the same orders have the same *shape*: which cells each order takes, in which sequence.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from app.views.amounts import Amount
from app.views.orders import MANY, Body, Order, Part, Selection, Sum

LEVELS = 64  # an entry's n = LEVELS × category + level
DEEPEST = 31  # levels of responses; deeper ones stay at this level
SEGMENT = 16  # bytes a level of response adds to the key
KNOWN = 3_000  # texts of a column whose bytes are remembered


class Entry(NamedTuple):
    """One place of a document in an order."""

    key: bytes
    n: int
    categories: tuple[int, ...]  # lengths of the category prefixes of the key; () for responses

    @property
    def level(self) -> int:
        """0 for a main document."""
        return self.n % LEVELS


class Keys(NamedTuple):
    """What a document has in one order."""

    entries: tuple[Entry, ...]
    sums: tuple[Amount, ...]


NOTHING = Keys((), ())


class Cells(NamedTuple):
    """What the keys of a document were put together from; see `assembled`."""

    shape: bytes  # JSON: [[order, [cell …], how many of them are categories, [sum …]] …]
    cells: list[bytes]
    sums: list[Amount]


class Held(NamedTuple):
    """A document's place in the index: order → keys. `cells`, where known, say the same in fewer bytes."""

    access: int
    keys: Mapping[int, Keys]
    cells: Cells | None = None


ABSENT = Held(0, {})


class _Place(NamedTuple):
    """How a shape makes the key of one order."""

    number: int
    take: Callable[[Sequence[bytes]], Sequence[bytes]]
    depth: int
    sums: tuple[int, ...]


def _places(recipe: Sequence[Any]) -> list[_Place]:
    return [_Place(number, _taking(slots), depth, tuple(sums)) for number, slots, depth, sums in recipe]


def _taking(slots: Sequence[int]) -> Callable[[Sequence[bytes]], Sequence[bytes]]:
    if len(slots) > 1:
        return itemgetter(*slots)
    at = slots[0] if slots else 0
    return itemgetter(slice(at, at + len(slots)))


def _put_together(places: Sequence[_Place], cells: Sequence[bytes], sums: Sequence[Amount]) -> dict[int, Keys]:
    found = {}
    for number, take, depth, counted in places:
        parts = take(cells)
        if not depth:
            lengths: tuple[int, ...] = ()
        elif depth == 1:
            lengths = (len(parts[0]),)
        else:
            lengths = tuple(itertools.accumulate([len(part) for part in parts[:depth]]))
        amounts = tuple([sums[n] for n in counted]) if counted else ()
        found[number] = Keys((Entry(b"".join(parts), 0, lengths),), amounts)
    return found


@lru_cache(maxsize=500)
def _read_shape(shape: bytes) -> list[_Place]:
    return _places(orjson.loads(shape))


def assembled(cells: Cells) -> dict[int, Keys]:
    """Order → keys, put together from cells."""
    return _put_together(_read_shape(cells.shape), cells.cells, cells.sums)


class _Shape:
    """Orders that documents of a form stand in together, each with one entry."""

    def __init__(self, orders: Sequence[tuple[int, Order]], reader: Callable[[Part], _Reader]) -> None:
        slots: dict[Part, int] = {}
        sums: dict[Sum, tuple[int, Sum]] = {}
        recipe: list[tuple[int, list[int], int, list[int]]] = []
        for number, order in orders:
            taken = [slots.setdefault(part, len(slots)) for part in order.columns]
            counted = order.sums if order.counted else ()
            places = [sums.setdefault(each._replace(name=""), (len(sums), each))[0] for each in counted]
            recipe.append((number, taken, len(order.categories), places))
        self.numbered = any(order.tree for _, order in orders)
        for (_, taken, _, _), (_, order) in zip(recipe, orders, strict=True):
            if order.tree:
                taken.append(len(slots))  # the number comes after all cells
        self.readers = [reader(part) for part in slots]
        self.sums = [each for _, each in sums.values()]
        self.recipe = orjson.dumps(recipe)
        self.places = _places(recipe)


_Reader = Callable[[Body], bytes | list[bytes]]


def _reading(part: Part) -> _Reader:
    """A function giving the bytes a document has in a part; several for a list."""
    source, expression, encode, many = part.source, part.expression, part.encode, part.many
    known: dict[str, bytes] = {}
    nothing = encode(None)

    def bytes_of(value: Any) -> bytes | list[bytes]:
        if type(value) is str:
            found = known.get(value)
            if found is None:
                found = encode(value)
                if len(known) < KNOWN:  # the same few texts come again and again
                    known[value] = found
            return found
        if value is None:
            return nothing
        if type(value) is not list:
            return encode(value)
        if not many:
            return encode(value[0] if value else None)
        several = part.encoded_list(value)
        return several[0] if len(several) == 1 else several

    if expression is None:
        return lambda body: bytes_of(body.get(source))
    return lambda body: bytes_of(part.value(body))


class _Plan(NamedTuple):
    """What the documents of a form may stand in."""

    selections: list[tuple[Selection, list[tuple[int, Order]]]]
    shapes: dict[tuple[int, ...], _Shape]  # by which of the selections hold

    def holding(self, body: Body) -> tuple[int, ...]:
        """The selections a document is in, by number."""
        return tuple([n for n, (selection, _) in enumerate(self.selections) if selection.holds(body)])


class Maker:
    """Makes a document's keys in many orders; what orders share is computed once per document."""

    def __init__(self, orders: Mapping[int, Order]) -> None:
        grouped: dict[str, dict[Selection, list[tuple[int, Order]]]] = {}
        for number, order in orders.items():
            for form in order.selection.forms:
                grouped.setdefault(form, {}).setdefault(order.selection, []).append((number, order))
        self._plans = {form: _Plan(list(those.items()), {}) for form, those in grouped.items()}
        self._responding = {form for form, those in grouped.items() if any(form in each.responses for each in those)}
        self._readers: dict[Part, _Reader] = {}
        self.forms = frozenset(self._plans)
        self.trees = frozenset(number for number, order in orders.items() if order.tree)

    def make(self, body: Body, doc: int, parents: Mapping[int, Keys] | None) -> Mapping[int, Keys]:
        """Order → keys. `parents` are the parent document's keys; None when there is no such document."""
        return self.held(0, body, doc, parents).keys

    def held(self, access: int, body: Body, doc: int, parents: Mapping[int, Keys] | None = None) -> Held:
        """The document's place in the index."""
        form = body.get("form")
        plan = self._plans.get(form) if isinstance(form, str) else None
        if plan is None:
            return Held(access, {})
        holding = plan.holding(body)
        if form in self._responding and body.get("parent"):
            return Held(access, self._one_by_one(plan, holding, body, doc, parents))
        if not holding:
            return Held(access, {})
        shape = plan.shapes.get(holding)
        if shape is None:
            orders = [each for n in holding for each in plan.selections[n][1]]
            shape = plan.shapes[holding] = _Shape(orders, self._reader)
        cells: list[Any] = [read(body) for read in shape.readers]
        if list in map(type, cells):
            return Held(access, self._one_by_one(plan, holding, body, doc, parents))
        if shape.numbered:
            cells.append(doc.to_bytes(8, "big"))
        sums = [each.value(body) for each in shape.sums]
        return Held(access, _put_together(shape.places, cells, sums), Cells(shape.recipe, cells, sums))

    def _reader(self, part: Part) -> _Reader:
        found = self._readers.get(part)
        if found is None:
            found = self._readers[part] = _reading(part)
        return found

    def _one_by_one(
        self, plan: _Plan, holding: tuple[int, ...], body: Body, doc: int, parents: Mapping[int, Keys] | None
    ) -> dict[int, Keys]:
        """Keys of a response, and of a document that stands at several places of an order."""
        found: dict[int, Keys] = {}
        for n, (selection, orders) in enumerate(plan.selections):
            if body["form"] in selection.responses and body.get("parent"):
                for number, order in orders:
                    if parents is None:
                        found[number] = _orphan(order, self._choices(order, body), body, doc)
                    elif number in parents:
                        found[number] = _below(parents[number], body, doc)
            elif n in holding:
                for number, order in orders:
                    found[number] = _main(order, self._choices(order, body), body, doc)
        return found

    def _choices(self, order: Order, body: Body) -> list[list[bytes]]:
        """The bytes of each part of a key, several for lists."""
        cells = [self._reader(part)(body) for part in order.columns]
        return [[cell] if isinstance(cell, bytes) else cell for cell in cells]


def _main(order: Order, choices: list[list[bytes]], body: Body, doc: int) -> Keys:
    tail = doc.to_bytes(8, "big") if order.tree else b""
    depth = len(order.categories)
    sums = tuple([each.value(body) for each in order.sums]) if order.counted else ()
    entries = []
    for n, chosen in enumerate(itertools.islice(itertools.product(*choices), MANY)):
        lengths = tuple(itertools.accumulate(len(part) for part in chosen[:depth]))
        entries.append(Entry(b"".join(chosen) + tail, n * LEVELS, lengths))
    return Keys(tuple(entries), sums)


def _below(parent: Keys, body: Body, doc: int) -> Keys:
    segment = moment(body.get("created_at")) + doc.to_bytes(8, "big")
    entries = []
    for entry in parent.entries:
        if entry.level < DEEPEST:
            entries.append(Entry(entry.key + segment, entry.n + 1, ()))
        else:
            entries.append(Entry(entry.key[:-SEGMENT] + segment, entry.n, ()))
    return Keys(tuple(entries), ())


def _orphan(order: Order, choices: list[list[bytes]], body: Body, doc: int) -> Keys:
    """A response whose parent is not here stands below document 0, at the place its own items give."""
    main = _main(order, choices, body, 0).entries[0]
    return Keys((Entry(main.key + moment(body.get("created_at")) + doc.to_bytes(8, "big"), 1, ()),), ())


def moment(value: Any) -> bytes:
    """A stored datetime as 8 bytes that sort; anything else first."""
    digits = "".join(filter(str.isdigit, value))[:17] if isinstance(value, str) else ""
    return int(digits.ljust(17, "0") or "0").to_bytes(8, "big") if digits.isascii() and digits else bytes(8)
