"""How many documents fit a question, and their sums, by the cheapest way that knows.

of_rows     a page that holds all of them
of_values   totals of categories, where the documents are those of one value of a column (`class=partner`)
count       entries of the index, where every row of the ranges fits
searched    as far as 0.2 s of looking at bodies reaches
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import orjson

from app.views import amounts, collation
from app.views.amounts import Amounts
from app.views.keys import LEVELS
from app.views.orders import Order, Orders
from app.views.pages import SEARCH, Result, Search
from app.views.plans import Range
from app.views.query import Question
from app.views.shapes import Totals
from app.views.totals import Total

SETS = 500  # reader sets whose entries are counted together
SUMMED = 20_000  # documents that can be added up in the time of a search, at most
EVERYTHING = 1_000_000

Read = Callable[[str, bytes], dict[bytes, Total]]  # digest of an order, prefix → totals of its first categories


def of_rows(order: Order, result: Result) -> Totals:
    """Of what a page holds. `order`: the view's own, with its sums."""
    documents = {each.doc: each for position, each in result.rows if not position.n % LEVELS}
    return joined(order, [Total(1, tuple(s.value(each.body) for s in order.sums)) for each in documents.values()])


def of_values(order: Order, orders: Orders, question: Question, read: Read) -> Totals | None:
    """Of the documents with some values of one column; None where no order has them as categories."""
    if question.tests or not all(_one_value(each) for each in question.ranges):
        return None
    places, found = None, []
    for digest, other in orders.by_digest.items():
        places = _same_documents(order, question.order, other)
        if places is not None:
            for low, _ in question.ranges:
                found += list(read(digest, low).values())
            break
    if places is None or (len(found) > 1 and question.order.parts[0].many):
        return None  # a document with two of the values would count twice
    return joined(order, [Total(each.count, tuple(each.sums[n] for n in places)) for each in found])


def _one_value(one: Range) -> bool:
    low, high = one
    return bool(low) and high == collation.after(low)


def _same_documents(order: Order, asked: Order, other: Order) -> list[int] | None:
    """Which sums of `other` are those of `order`, if it has the documents asked for under values of their column."""
    if asked.categories or not (asked.parts and other.counted and other.categories):
        return None
    if other.selection != asked.selection:
        return None
    if other.categories[0]._replace(exact=False) != asked.parts[0]._replace(exact=False):
        return None
    known = [each.identity() for each in other.sums]
    wanted = [each.identity() for each in order.sums]
    return [known.index(each) for each in wanted] if all(each in known for each in wanted) else None


def searched(order: Order, search: Search, among: Sequence[int] | None) -> Totals:
    """Of everything that fits, as far as 0.2 s reach. `among`: only these documents can."""
    exact = None
    if search.question.plain and not search.unread_only:
        number, more = count(search)
        if more or not order.sums or number > SUMMED:
            return Totals(number, {}, more)
        exact = number
    result = search.run(None, EVERYTHING, search.narrowed() if among is None else among)
    found = of_rows(order, result)
    return Totals(exact or found.count, {}, exact is None) if result.partial else found


def count(search: Search) -> tuple[int, bool]:
    """How many main documents the ranges of a plain question hold, and whether there may be more: time ran out."""
    question, deadline = search.question, time.monotonic() + SEARCH
    sets, found = sorted(search.reading.visible.sets), 0
    first = f" AND e.n < {LEVELS}" if question.first_only else ""
    main = f" AND e.n % {LEVELS} = 0" if question.order.tree else ""
    for start in range(0, len(sets), SETS):
        if time.monotonic() > deadline:
            return found, True
        wanted = orjson.dumps(sets[start : start + SETS]).decode()
        for low, high in question.ranges:
            found += search.reading.connection.execute(
                "SELECT count(*) FROM json_each(?) AS v CROSS JOIN entries_of_access AS e"
                f" ON e.ord = ? AND e.access = v.value AND e.key >= ? AND e.key < ?{first}{main}",
                (wanted, question.number, low, high),
            ).fetchone()[0]
    return found, False


def joined(order: Order, found: Iterable[Total]) -> Totals:
    """Totals added up, sums by their columns."""
    found = list(found)
    nothing = [Amounts({}) if each.currency else Decimal(0) for each in order.sums]
    sums = [sum((each.sums[n] for each in found), none) for n, none in enumerate(nothing)]
    named = {each.name: amounts.shown(amount) for each, amount in zip(order.sums, sums, strict=True)}
    return Totals(sum(each.count for each in found), named)
