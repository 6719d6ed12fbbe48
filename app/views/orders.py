"""Orders: what the index keeps for a design's views, and the keys a document has in each.

    View ── default order   categories + sort               (tree: responses under their parent)
         ├─ board order     group column + sort             (kanban)
         ├─ date order      date column + sort              (calendar)
         └─ column orders   column + sort, for each sortable or indexed column

An order is known by a digest of what decides its keys, so that views share it and a changed design builds
only what is new. `Maker` is pure: a body and the parent's keys give the document's keys and sums.

Key of a main document:  parts … [· its number, in trees]
Key of a response:       parent's key · time of creation (8 bytes) · its number (8 bytes)
`n` of an entry is 64 × which of several categories + level of response.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import orjson

from app.design import Column, Design, Expression, View
from app.design.expressions import ExpressionError
from app.views import collation

VERSION = 1  # raise it when keys are made differently: every order is then built anew
LEVELS = 64  # an entry's n = LEVELS × category + level
DEEPEST = 31  # levels of responses; deeper ones stay at this level
MANY = 50  # categories a document may stand under
SEGMENT = 16  # bytes a level of response adds to the key
NUMBERS = frozenset({"number", "integer", "money"})
PASSING = frozenset({"person", "principals", "level", "now", "today", "old", "is_new"})
Body = Mapping[str, Any]


class Part(NamedTuple):
    """One column of a key."""

    source: str  # item name or expression
    expression: Expression | None
    kind: str  # "number" | "plain"
    descending: bool = False
    exact: bool = False  # a category: the value can be read back from the key
    many: bool = False  # a list gives several keys

    def identity(self) -> list[Any]:
        """What decides its bytes."""
        return [self.source, self.expression is not None, self.kind, self.descending, self.exact, self.many]

    def value(self, body: Body) -> Any:
        """What the document has here, empty texts and lists as None."""
        return value_of(self.source, self.expression, body)

    def encode(self, value: Any) -> bytes:
        """The bytes of one value."""
        value = typed(value, self.kind)
        make = collation.exact_key if self.exact else collation.key
        return make(value, descending=self.descending)

    def encoded(self, body: Body) -> list[bytes]:
        """The bytes of a document: one entry, or one for each distinct value of a list."""
        value = body.get(self.source) if self.expression is None else self.value(body)
        if isinstance(value, str) and self.kind == "plain":
            return [_text(value, self.exact, self.descending)]
        if not isinstance(value, list):
            return [self.encode(value)]
        if not self.many:
            return [self.encode(value[0] if value else None)]
        return list(dict.fromkeys(self.encode(entry) for entry in value[:MANY])) or [self.encode(None)]


@lru_cache(maxsize=20_000)
def _text(value: str, exact: bool, descending: bool) -> bytes:
    """The bytes of a text; the same few texts come again and again."""
    make = collation.exact_key if exact else collation.key
    return make(value or None, descending=descending)


class Sum(NamedTuple):
    """A column whose total is kept."""

    name: str
    source: str
    expression: Expression | None

    def value(self, body: Body) -> Decimal:
        """The document's share."""
        value = value_of(self.source, self.expression, body)
        if isinstance(value, str):
            value = typed(value, "number")
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return Decimal(0)
        return collation.exact(value)


@dataclass(frozen=True)
class Selection:
    """Which documents: of these forms, satisfying this."""

    forms: tuple[str, ...]
    where: Expression | None
    responses: frozenset[str] = frozenset()  # forms that are responses, in a tree

    def holds(self, body: Body) -> bool:
        """Is the document in the view (as a main document)?"""
        if body.get("form") not in self.forms:
            return False
        if self.where is None:
            return True
        try:
            return self.where.holds(body)
        except ExpressionError:
            return False


@dataclass(frozen=True)
class Order:
    """One order of the index."""

    selection: Selection
    categories: tuple[Part, ...]
    parts: tuple[Part, ...]
    tree: bool
    sums: tuple[Sum, ...]
    counted: bool

    @cached_property
    def columns(self) -> tuple[Part, ...]:
        """Categories and sort: the parts of a key."""
        return (*self.categories, *self.parts)

    @property
    def digest(self) -> str:
        """What decides the keys and totals, in a few bytes."""
        where = self.selection.where
        identity = [
            VERSION,
            sorted(self.selection.forms),
            where.source if where else None,
            sorted(self.selection.responses),
            [part.identity() for part in self.categories],
            [part.identity() for part in self.parts],
            self.tree,
            [(each.source, each.expression is not None) for each in self.sums],
            self.counted,
        ]
        return hashlib.blake2b(orjson.dumps(identity), digest_size=12).hexdigest()

    def category(self, key: bytes, depth: int | None = None) -> tuple[Any, ...]:
        """The category values a key stands under."""
        found, at = [], 0
        for part in self.categories[:depth]:
            value, at = collation.decode(key, at, descending=part.descending)
            found.append(value)
        return tuple(found)


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
    sums: tuple[Decimal, ...]


NOTHING = Keys((), ())


def value_of(source: str, expression: Expression | None, body: Body) -> Any:
    """An item, or what an expression gives; '' and [] and failures are None."""
    if expression is None:
        value = body.get(source)
    else:
        try:
            value = expression.evaluate(body)
        except ExpressionError:
            return None
    return None if value == "" or value == [] else value


def typed(value: Any, kind: str) -> Any:
    """Numbers may be stored as texts; any other value counts as it is."""
    if kind == "number" and isinstance(value, str):
        try:
            found = Decimal(value.replace(",", "").strip())
        except InvalidOperation:
            return value
        return found if found.is_finite() and abs(found.adjusted()) < 400 else value
    return None if value == "" else value


# --- keys of a document


class Maker:
    """Makes a document's keys in many orders; what orders share is computed once per document."""

    def __init__(self, orders: Mapping[int, Order]) -> None:
        self._parts: dict[Part, int] = {}
        self._plans: dict[str, dict[Selection, list[tuple[int, Order, tuple[int, ...]]]]] = {}
        for number, order in orders.items():
            slots = tuple(self._parts.setdefault(part, len(self._parts)) for part in order.columns)
            for form in order.selection.forms:
                plan = self._plans.setdefault(form, {})
                plan.setdefault(order.selection, []).append((number, order, slots))
        self._columns = list(self._parts)
        self.forms = frozenset(self._plans)
        self.trees = frozenset(number for number, order in orders.items() if order.tree)

    def make(self, body: Body, doc: int, parents: Mapping[int, Keys] | None) -> dict[int, Keys]:
        """Order → keys. `parents` are the parent document's keys; None when there is no such document."""
        form = body.get("form")
        plan = self._plans.get(form) if isinstance(form, str) else None
        found: dict[int, Keys] = {}
        if plan is None:
            return found
        cells: list[list[bytes] | None] = [None] * len(self._columns)
        for selection, orders in plan.items():
            if form in selection.responses and body.get("parent"):
                for number, order, slots in orders:
                    if parents is None:
                        found[number] = _orphan(order, self._choices(slots, body, cells), body, doc)
                    elif number in parents:
                        found[number] = _below(parents[number], body, doc)
            elif selection.holds(body):
                for number, order, slots in orders:
                    found[number] = _main(order, self._choices(slots, body, cells), body, doc)
        return found

    def _choices(self, slots: tuple[int, ...], body: Body, cells: list[list[bytes] | None]) -> list[list[bytes]]:
        """The bytes of each part of a key, several for lists."""
        found = []
        for slot in slots:
            cell = cells[slot]
            if cell is None:
                cell = cells[slot] = self._columns[slot].encoded(body)
            found.append(cell)
        return found


def _main(order: Order, choices: list[list[bytes]], body: Body, doc: int) -> Keys:
    tail = doc.to_bytes(8, "big") if order.tree else b""
    depth = len(order.categories)
    sums = tuple([each.value(body) for each in order.sums]) if order.counted and order.sums else ()
    for choice in choices:
        if len(choice) != 1:
            break
    else:  # the usual case, made without much ado: one entry
        parts = [choice[0] for choice in choices]
        lengths = () if not depth else tuple(itertools.accumulate([len(part) for part in parts[:depth]]))
        return Keys((Entry(b"".join(parts) + tail, 0, lengths),), sums)
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


# --- the orders of a design


@dataclass(frozen=True)
class ViewOrders:
    """The orders a view uses, by digest."""

    view: View
    default: str
    columns: Mapping[str, str]  # column name → digest of "column, then default sort"
    board: str | None = None


@dataclass(frozen=True)
class Orders:
    """All orders of a design, and which view uses which."""

    by_digest: Mapping[str, Order]
    views: Mapping[str, ViewOrders]


EMPTY = Orders({}, {})


def of_design(design: Design | None) -> Orders:
    """The orders that a design's views need."""
    if design is None:
        return EMPTY
    orders: dict[str, Order] = {}
    views = {view.name: _of_view(design, view, orders) for view in design.views.values()}
    return Orders(orders, views)


def _of_view(design: Design, view: View, orders: dict[str, Order]) -> ViewOrders:
    columns = {column.name: column for column in view.columns}

    def part(name: str, *, descending: bool = False, exact: bool = False, many: bool = False) -> Part:
        source, expression, kind, lists = meaning(design, view, columns, name)
        return Part(source, expression, kind, descending, exact, many and lists)

    def add(order: Order) -> str:
        digest = order.digest
        orders.setdefault(digest, order)
        return digest

    responses = frozenset(f for f in view.forms if f in design.forms and design.forms[f].response_to)
    tree = view.responses and bool(responses)
    flat = Selection(view.forms, view.where)
    sort = tuple(part(each.by, descending=each.descending) for each in view.sort)
    categories = tuple(part(name, exact=True, many=True) for name in view.categories)
    sums = tuple(
        Sum(column.name, *meaning(design, view, columns, column.name)[:2]) for column in view.columns if column.total
    )
    selection = Selection(view.forms, view.where, responses) if tree else flat
    default = add(Order(selection, categories, sort, tree, sums, True))
    board = None
    if view.group:
        board = add(Order(flat, (part(view.group, exact=True, many=True),), sort, False, sums, True))
    names = [column.name for column in view.columns if (column.sortable or column.indexed) and _lasting(column.value)]
    names += [name for name in (view.date,) if name and name not in names]
    own = {}
    for name in names:
        first = part(name, many=True)
        rest = tuple(each for each in sort if each.source != first.source)
        own[name] = add(Order(flat, (), (first, *rest), False, (), False))
    return ViewOrders(view, default, own, board)


def _lasting(expression: Expression | None) -> bool:
    """Is a value the same tomorrow and for everybody, so that it can be indexed?"""
    return expression is None or expression.names.isdisjoint(PASSING)


def meaning(
    design: Design, view: View, columns: Mapping[str, Column], name: str
) -> tuple[str, Expression | None, str, bool]:
    """Source, expression, kind of key, and whether it may hold a list."""
    column = columns.get(name)
    if column is not None and column.value is not None:
        return column.value.source, column.value, "number" if column.type in NUMBERS else "plain", True
    item = column.item if column is not None else None
    if item is None:
        found = (design.forms[form].items.get(name) for form in view.forms if form in design.forms)
        item = next((each for each in found if each is not None), None)
    if item is None:
        return name, None, "plain", name in ("readers", "authors", "tags")
    return name, None, "number" if item.type in NUMBERS else "plain", item.many


def column_value(column: Column, body: Body, context: Mapping[str, Any]) -> Any:
    """What a row shows in a column; `context` holds the person and the day."""
    if _lasting(column.value):
        return value_of(column.name, column.value, body)
    return value_of(column.name, column.value, {**body, **context})
