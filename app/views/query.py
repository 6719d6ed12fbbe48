"""Questions to a view: which order answers, which part of it, what is left to test on each row."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from app import clock
from app.access.database import Database
from app.design import Design, Expression, View
from app.design.expressions import CONTEXT_NAMES, SYSTEM_ITEMS, ExpressionError
from app.errors import BadRequest, Message
from app.views import collation, filters
from app.views.filters import Condition, Surroundings
from app.views.orders import Order, Orders, ViewOrders, meaning, typed, value_of
from app.views.plans import EVERYTHING, Range
from app.views.shapes import NONE, ViewQuery, split_path

Test = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True)
class Question:
    """A query against one order."""

    view: View
    order: Order
    number: int
    ranges: tuple[Range, ...]
    descending: bool
    first_only: bool
    tests: tuple[Test, ...]
    within_category: bool
    once: Callable[[Mapping[str, Any], bytes], bool] | None = None  # of several entries of a document, this one?
    narrow: tuple[int, tuple[Range, ...]] | None = None  # an order and ranges with few candidates to sort

    @property
    def plain(self) -> bool:
        """Does every row of the ranges belong to the answer?"""
        return not self.tests and self.once is None

    def fits(self, body: Mapping[str, Any], key: bytes) -> bool:
        """Does a document in the ranges belong to the answer, with this entry?"""
        return all(test(body) for test in self.tests) and (self.once is None or self.once(body, key))


def surroundings_of(database: Database) -> Surroundings:
    """Who asks, and which day it is."""
    person = database.identity.person
    return Surroundings(person.key, clock.today(person.zone or clock.DEFAULT_ZONE).isoformat())


def context_names(database: Database) -> dict[str, Any]:
    """Names that expressions shown to a person may use."""
    around = surroundings_of(database)
    return {
        "person": around.person,
        "principals": sorted(database.principals),
        "level": int(database.rights.level),
        "now": clock.now(),
        "today": around.today,
    }


def shown(view: View, database: Database) -> bool:
    """Does the view's `show_when` hold for the person?"""
    if view.show_when is None:
        return True
    try:
        return view.show_when.holds(context_names(database))
    except ExpressionError:
        return False


def ask(
    database: Database,
    design: Design,
    orders: Orders,
    numbers: Mapping[str, int],
    view: View,
    query: ViewQuery,
    *,
    by_category: bool = False,
) -> Question:
    """The question a query is; `by_category` keeps the order of the categories.

    BadRequest when the query names what is not there.
    """
    asking = _Asking(database, design, orders, numbers, view, query)
    return asking.by_category() if by_category else asking.question()


def tests_of(database: Database, design: Design, view: View) -> list[Test]:
    """What the view's own filter asks of a document."""
    testing = _Testing(database, design, view)
    return [testing.test(condition) for condition in filters.parse(view.filter)]


class _Testing:
    """Conditions as tests on a document."""

    def __init__(self, database: Database, design: Design, view: View) -> None:
        self.design, self.view = design, view
        self.columns = {column.name: column for column in view.columns}
        self.around = surroundings_of(database)
        self.context = context_names(database)

    def _meaning(self, name: str) -> tuple[str, Expression | None, str, bool]:
        known = name in self.columns or name in SYSTEM_ITEMS
        if not known and not any(name in self.design.forms[f].items for f in self.view.forms if f in self.design.forms):
            raise BadRequest(Message("There is no item or column “%(name)s” in this view.", name=name))
        return meaning(self.design, self.view, self.columns, name)

    def test(self, condition: Condition) -> Test:
        """Does a document fulfil it?"""
        source, expression, kind, _ = self._meaning(condition.name)
        fits = filters.tester(condition, kind, self.around)
        if expression is not None and not expression.names.isdisjoint(CONTEXT_NAMES):
            context = self.context
            return lambda body: fits(value_of(source, expression, {**body, **context}))
        return lambda body: fits(value_of(source, expression, body))


class _Asking(_Testing):
    def __init__(
        self,
        database: Database,
        design: Design,
        orders: Orders,
        numbers: Mapping[str, int],
        view: View,
        query: ViewQuery,
    ) -> None:
        super().__init__(database, design, view)
        self.orders, self.numbers, self.query = orders, numbers, query
        self.own: ViewOrders = orders.views[view.name]
        self.conditions = filters.parse(view.filter) + filters.parse(query.filter)

    def question(self) -> Question:
        query = self.query
        if query.category is not None and query.sort is not None:
            return self._sorted_category(query.sort, query.category)
        if query.category is not None:
            return self._categorised(query.category)
        if query.sort is not None:
            return self._sorted(query.sort)
        if query.starts:
            return self._starting()
        best = self._best_condition()
        if best is not None:
            condition, ranges = best
            return self._by_column(condition.name, ranges, exact=condition)
        return self._make(self.own.default, [EVERYTHING], self.conditions)

    def _category_order(self) -> str:
        default = self.own.default
        return default if self.orders.by_digest[default].categories or not self.own.board else self.own.board

    def _sorted_category(self, column: str, path: str) -> Question:
        """A category in the order of another column: few documents are sorted, many tested in that order."""
        digest = self._category_order()
        order = self.orders.by_digest[digest]
        prefixes = category_prefixes(order, path)

        def inside(body: Mapping[str, Any]) -> bool:
            keys = map(b"".join, itertools.product(*(part.encoded(body) for part in order.categories)))
            return any(key.startswith(prefix) for key in keys for prefix in prefixes)

        ranges = tuple((prefix, collation.after(prefix)) for prefix in prefixes)
        question = self._sorted(column)
        return replace(question, tests=(*question.tests, inside), narrow=(self.numbers.get(digest, -1), ranges))

    def by_category(self) -> Question:
        """What fits, category by category."""
        if self.query.category is not None:
            return self._categorised(self.query.category)
        return self._make(self._category_order(), [EVERYTHING], self.conditions, also=self._starts_test(None))

    def _categorised(self, path: str) -> Question:
        digest = self._category_order()
        order = self.orders.by_digest[digest]
        ranges = [(prefix, collation.after(prefix)) for prefix in category_prefixes(order, path)]
        return self._make(digest, ranges, self.conditions, within=True, also=self._starts_test(None))

    def _sorted(self, column: str) -> Question:
        digest = self.own.columns.get(column)
        if digest is None:
            raise BadRequest(Message("This view cannot be sorted by “%(column)s”.", column=column))
        ranges, exact = [EVERYTHING], None
        for condition in self.conditions:
            if condition.name == column:
                found = self._ranges(condition)
                if found is not None:
                    ranges, exact = found, condition
        if self.query.starts and not self.orders.by_digest[digest].columns[0].choices:
            ranges, exact = collation.starting(self.query.starts), None
            return self._by_column(column, ranges, also=self._starts_test(column))
        return self._by_column(column, ranges, exact=exact, also=self._starts_test(None, column))

    def _by_column(
        self, column: str, ranges: list[Range], *, exact: Condition | None = None, also: list[Test] | None = None
    ) -> Question:
        return self._make(self.own.columns[column], ranges, self.conditions, exact=exact, also=also, flat=True)

    def _ranges(self, condition: Condition) -> list[Range] | None:
        """Where the order of its column has what fits."""
        part = self.orders.by_digest[self.own.columns[condition.name]].columns[0]
        return filters.ranges(condition, part.kind, self.around, part.choices)

    def _starting(self) -> Question:
        starts = self.query.starts or ""
        order = self.orders.by_digest[self.own.default]
        first = order.parts[0] if order.parts else None
        usable = first is not None and not first.descending and not first.choices
        if first is not None and usable and not order.categories and not order.tree:
            name = first.source
            test = self._starts_test(name)
            return self._make(self.own.default, collation.starting(starts), self.conditions, also=test)
        names = [each.by for each in self.view.sort if each.by in self.own.columns]
        if names and not order.tree and not self.orders.by_digest[self.own.columns[names[0]]].columns[0].choices:
            return self._by_column(names[0], collation.starting(starts), also=self._starts_test(names[0]))
        return self._make(self.own.default, [EVERYTHING], self.conditions, also=self._starts_test(None))

    def _starts_test(self, column: str | None, of: str | None = None) -> list[Test]:
        """What key ranges of a column leave open: whether the letters themselves begin the text.

        Without ranges everything is open, for the column `of` or that of the view's own order.
        """
        starts = self.query.starts
        if not starts or (column is not None and starts.isascii()):
            return []
        names = [each.by for each in self.view.sort] or [each.name for each in self.view.columns]
        name = column or of or names[0]
        return [self.test(Condition(name, "^", (starts,)))]

    def _best_condition(self) -> tuple[Condition, list[Range]] | None:
        found: list[tuple[int, Condition, list[Range]]] = []
        for condition in self.conditions:
            if condition.name in self.own.columns:
                ranges = self._ranges(condition)
                if ranges is not None:
                    rank = len(ranges) if condition.operator == "=" else 100
                    found.append((rank, condition, ranges))
        found.sort(key=lambda each: each[0])
        return found[0][1:] if found else None

    def _make(
        self,
        digest: str,
        ranges: list[Range],
        conditions: tuple[Condition, ...],
        *,
        exact: Condition | None = None,
        within: bool = False,
        also: list[Test] | None = None,
        flat: bool = False,
    ) -> Question:
        order = self.orders.by_digest[digest].flat if flat else self.orders.by_digest[digest]
        tests = [self.test(each) for each in conditions if each is not exact or not _covered(each)]
        tests += also or []
        number = self.numbers.get(digest, -1)
        descending = self.query.descending and not order.tree
        many = any(part.many for part in order.parts)
        whole = ranges == [EVERYTHING]
        once = _once(order, ranges) if many and not whole else None
        narrow = None
        best = self._best_condition()
        if best is not None and self.own.columns[best[0].name] != digest:
            narrow = (self.numbers.get(self.own.columns[best[0].name], -1), tuple(best[1]))
        return Question(
            view=self.view,
            order=order,
            number=number,
            ranges=tuple(sorted(ranges)),
            descending=descending,
            first_only=many and whole,
            tests=tuple(tests),
            within_category=within,
            once=once,
            narrow=narrow,
        )


def _covered(condition: Condition) -> bool:
    """Do the key ranges say all that the condition says?"""
    if condition.operator == "=":
        return True
    return condition.operator == "^" and all(value.isascii() for value in condition.values)


def _once(order: Order, ranges: list[Range]) -> Callable[[Mapping[str, Any], bytes], bool]:
    """A list-valued column: the document is listed under its first matching value only."""
    part = order.parts[0]

    def first(body: Mapping[str, Any], key: bytes) -> bool:
        matching = [each for each in part.encoded(body) if any(low <= each < high for low, high in ranges)]
        return len(matching) < 2 or key.startswith(min(matching))

    return first


def category_prefixes(order: Order, path: str) -> list[bytes]:
    """The key prefixes a category path may mean: a text, a number, a truth value, or nothing."""
    texts = split_path(path)
    if len(texts) > len(order.categories):
        raise BadRequest("The category has more levels than the view.")
    choices = []
    for text, part in zip(texts, order.categories, strict=False):
        values: list[Any] = [text]
        if text == NONE:
            values.append(None)
        number = typed(text, "number")
        if isinstance(number, Decimal):
            values.append(int(number) if number == number.to_integral_value() else float(number))
        if text in ("true", "false"):
            values.append(text == "true")
        choices.append(list(dict.fromkeys(part.encode(value) for value in values)))
    return [b"".join(chosen) for chosen in itertools.product(*choices)]
