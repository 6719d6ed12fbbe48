"""Orders: what the index keeps for a design's views.

    View ── default order   categories + sort               (tree: responses under their parent)
         ├─ board order     group column + sort             (kanban)
         ├─ date order      date column + sort              (calendar)
         └─ column orders   column + sort, for each sortable or indexed column

A column order is left out where another order of the same documents has the same sequence: that of the categories
of some other view, or the default order.

An order is known by a digest of what decides its keys, so that views share it and a changed design builds
only what is new. keys.py makes a document's keys in them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import orjson

from app.design import Column, Design, Expression, Item, View
from app.design.expressions import ExpressionError
from app.views import collation
from app.views.amounts import Amount, Amounts

VERSION = 1  # raise it when keys are made differently: every order is then built anew
MANY = 50  # values of a list under which a document may stand
NUMBERS = frozenset({"number", "integer", "money"})
CODES = frozenset({"date", "time", "datetime", "names", "readers", "authors", "link", "code"})
PASSING = frozenset({"person", "principals", "level", "now", "today", "old", "is_new"})
HOUSE_CURRENCY = "CNY"  # of an amount that names none
Body = Mapping[str, Any]
_CURRENCY = re.compile(r"[\s=]")  # what amounts are written with


class Part(NamedTuple):
    """One column of a key."""

    source: str  # item name or expression
    expression: Expression | None
    kind: str  # "number" | "code": values that sort alike are the same | "plain"
    descending: bool = False
    exact: bool = False  # a category: the value can be read back from the key
    many: bool = False  # a list gives several keys
    choices: tuple[str, ...] = ()  # their order counts, not that of the values

    def identity(self) -> list[Any]:
        """What decides its bytes."""
        plain = [self.source, self.expression is not None, self.kind, self.descending, self.exact, self.many]
        return [*plain, self.choices] if self.choices else plain

    def value(self, body: Body) -> Any:
        """What the document has here, empty texts and lists as None."""
        return value_of(self.source, self.expression, body)

    def encode(self, value: Any) -> bytes:
        """The bytes of one value."""
        value = typed(value, self.kind)
        rank = ranks(self.choices).get(value) if self.choices and isinstance(value, str) else None
        make = collation.exact_key if self.exact else collation.key
        return make(value, descending=self.descending, rank=rank)

    def encoded(self, body: Body) -> list[bytes]:
        """The bytes of a document: one entry, or one for each distinct value of a list."""
        value = self.value(body)
        if not isinstance(value, list):
            return [self.encode(value)]
        return self.encoded_list(value) if self.many else [self.encode(value[0] if value else None)]

    def encoded_list(self, values: list[Any]) -> list[bytes]:
        """The bytes of each distinct value."""
        return list(dict.fromkeys(self.encode(each) for each in values[:MANY])) or [self.encode(None)]


@lru_cache(maxsize=200)
def ranks(choices: tuple[str, ...]) -> Mapping[str, int]:
    """The position of each choice."""
    return {value: n for n, value in reversed(list(enumerate(choices)))}


class Sum(NamedTuple):
    """A column whose total is kept."""

    name: str
    source: str
    expression: Expression | None
    currency: tuple[str, str] | None = None  # the item that holds the currency, and which it is without

    def identity(self) -> list[Any]:
        """What decides it."""
        return [self.source, self.expression is not None, *([self.currency] if self.currency else [])]

    def value(self, body: Body) -> Amount:
        """The document's share."""
        amount = self._number(body)
        if self.currency is None:
            return amount
        item, otherwise = self.currency
        named = body.get(item)
        return Amounts({(_CURRENCY.sub("", named) if isinstance(named, str) else "") or otherwise: amount})

    def _number(self, body: Body) -> Decimal:
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

    @cached_property
    def flat(self) -> Order:
        """The same without categories, as it serves a column."""
        return replace(self, categories=(), parts=self.columns)

    @cached_property
    def sequence(self) -> tuple[Selection, bool, tuple[Part, ...]]:
        """What decides which document comes after which. Exact keys tell apart values that sort alike."""
        columns = (part._replace(exact=part.exact and part.kind != "code") for part in self.columns)
        return self.selection, self.tree, tuple(columns)

    @cached_property
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
            [each.identity() for each in self.sums],
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
    sequences = {order.sequence: digest for digest, order in orders.items()}
    for name, own in views.items():
        found = {}
        for column, order in _of_columns(design, own.view).items():
            same = sequences.setdefault(order.sequence, order.digest)
            orders.setdefault(same, order)
            found[column] = same
        views[name] = replace(own, columns=found)
    return Orders(orders, views)


def _of_view(design: Design, view: View, orders: dict[str, Order]) -> ViewOrders:
    columns = {column.name: column for column in view.columns}

    def add(order: Order) -> str:
        orders.setdefault(order.digest, order)
        return order.digest

    responses = frozenset(f for f in view.forms if f in design.forms and design.forms[f].response_to)
    tree = view.responses and bool(responses)
    flat = Selection(view.forms, view.where)
    categories = tuple(_part(design, view, name, exact=True, many=True) for name in view.categories)
    sums = tuple(
        Sum(column.name, *meaning(design, view, columns, column.name)[:2], _currency(column))
        for column in view.columns
        if column.total
    )
    selection = Selection(view.forms, view.where, responses) if tree else flat
    default = add(Order(selection, categories, _sort(design, view), tree, sums, True))
    board = None
    if view.group:
        group = _part(design, view, view.group, exact=True, many=True)
        board = add(Order(flat, (group,), _sort(design, view), False, sums, True))
    return ViewOrders(view, default, {}, board)


def _currency(column: Column) -> tuple[str, str] | None:
    item = column.item if column.value is None else None
    if item is None or item.type != "money" or not item.currency_item:
        return None
    return item.currency_item, item.currency or HOUSE_CURRENCY


def _of_columns(design: Design, view: View) -> dict[str, Order]:
    """Column → its order. Another one with the same sequence may serve."""
    sort = _sort(design, view)
    names = [column.name for column in view.columns if (column.sortable or column.indexed) and _lasting(column.value)]
    names += [name for name in (view.date,) if name and name not in names]
    found = {}
    for name in names:
        first = _part(design, view, name, many=True)
        rest = tuple(each for each in sort if each.source != first.source)
        found[name] = Order(Selection(view.forms, view.where), (), (first, *rest), False, (), False)
    return found


def _sort(design: Design, view: View) -> tuple[Part, ...]:
    return tuple(_part(design, view, each.by, descending=each.descending) for each in view.sort)


def _part(
    design: Design, view: View, name: str, *, descending: bool = False, exact: bool = False, many: bool = False
) -> Part:
    columns = {column.name: column for column in view.columns}
    source, expression, kind, lists = meaning(design, view, columns, name)
    return Part(source, expression, kind, descending, exact, many and lists, _choices(design, view, columns, name))


def _choices(design: Design, view: View, columns: Mapping[str, Column], name: str) -> tuple[str, ...]:
    """The choices of a keyword item, in the order of their list."""
    item = _item(design, view, columns, name)
    if item is None or item.type != "keyword":
        return ()
    listed = design.keywords.get(item.keywords) if item.keywords else None
    return tuple(choice.value for choice in (listed.choices if listed else item.choices))


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
    item = _item(design, view, columns, name)
    if item is None:
        return name, None, "plain", name in ("readers", "authors", "tags")
    coded = item.type in CODES or (item.type == "keyword" and not item.allow_new)
    return name, None, "number" if item.type in NUMBERS else "code" if coded else "plain", item.many


def _item(design: Design, view: View, columns: Mapping[str, Column], name: str) -> Item | None:
    """The item a column shows; None for expressions and what every document has."""
    column = columns.get(name)
    if column is not None and (column.value is not None or column.item is not None):
        return column.item if column.value is None else None
    found = (design.forms[form].items.get(name) for form in view.forms if form in design.forms)
    return next((each for each in found if each is not None), None)


def column_value(column: Column, body: Body, context: Mapping[str, Any]) -> Any:
    """What a row shows in a column; `context` holds the person and the day."""
    if _lasting(column.value):
        return value_of(column.name, column.value, body)
    return value_of(column.name, column.value, {**body, **context})
