"""Views as the rest of the program uses them: pages, categories, totals, boards, calendars."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date as day
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from app.access.database import Database
from app.access.model import Reading
from app.design import Design, View
from app.errors import BadRequest, NotFound
from app.store import Store
from app.views import amounts, collation, counting
from app.views.batch import State
from app.views.checking import check
from app.views.index import Index
from app.views.marks import Marks, Seen, of_view, unread_documents
from app.views.orders import Order, ViewOrders
from app.views.pages import Search
from app.views.plans import Position
from app.views.query import Question, ask, category_prefixes, context_names, shown
from app.views.shapes import MOST, BoardColumn, CategoryRow, Page, Row, Totals, ViewQuery, path_of, split_path
from app.views.tokens import Sealer
from app.views.totals import Total
from app.views.totals import Totals as Sums

SOON = 500  # documents waiting that a page indexes by itself before it answers
CATEGORIES = 2_000  # rows of categories in one answer
EVENTS = 2_000  # rows in one calendar
LONGEST_EVENT = 31  # days before the start of a calendar in which a running event may have begun


class Asked(NamedTuple):
    """A view in use: the snapshot, the index's state in it, and the view's orders."""

    reading: Reading
    state: State
    view: View
    own: ViewOrders
    missing: int


class Views:
    """All views of the node. `designs(name)`: the design of a database, the same object until it changes."""

    def __init__(
        self,
        store: Store,
        designs: Callable[[str], Design | None],
        marks: Marks | None = None,
        *,
        follow: bool = True,
    ) -> None:
        self.store = store
        self.index = Index(store, designs)
        self.marks = marks or Marks(store)
        self._sums = Sums()
        self._sealer = Sealer(store)
        if follow:
            store.indexers.append(self.index)
            store.checks.append(lambda connection: check(connection, self.index))

    # -- which views there are

    def describe(self, database: Database) -> list[View]:
        """The views the person may open, in the design's order."""
        design = database.design
        if design is None:
            return []
        found = [view for view in design.views.values() if shown(view, database)]
        return sorted(found, key=lambda view: (view.order, view.name))

    # -- pages

    def page(self, database: Database, view: str, query: ViewQuery | None = None) -> Page:
        """One page. NotFound: no such view (for the person); BadRequest: a malformed query."""
        query = query or ViewQuery()
        with self._asked(database, view) as asked:
            return self._page(database, asked, query)

    def _page(self, database: Database, asked: Asked, query: ViewQuery) -> Page:
        question = self._question(database, asked, query)
        after = self._open_token(question, query)
        seen = self.marks.seen(database)
        search = Search(asked.reading, asked.state, question, seen, query.unread)
        among = self._unread(database, asked, seen) if query.unread else None
        limit = max(1, min(query.limit, MOST))
        result = search.first(after, limit) if among is None else search.run(after, limit, among)
        rows = search.rows(result, after, context_names(database))
        token = None
        if result.more and result.last is not None:
            token = self._sealer.seal([_signature(asked.view, question, query), *_portable(result.last)])
        total = None if query.after or result.more else counting.of_rows(self._own(asked), result)
        return Page(rows, token, result.more, asked.missing, result.partial, total)

    @staticmethod
    def _unread(database: Database, asked: Asked, seen: Seen) -> list[int] | None:
        """The unread documents of the view, when they are not too many to list."""
        docs, whole = unread_documents(asked.reading, seen, of_view(database, asked.view.name))
        return docs if whole else None

    def _question(self, database: Database, asked: Asked, query: ViewQuery, *, by_category: bool = False) -> Question:
        state = asked.state
        assert state.design is not None
        return ask(database, state.design, state.orders, state.numbers, asked.view, query, by_category=by_category)

    def _open_token(self, question: Question, query: ViewQuery) -> Position | None:
        if not query.after:
            return None
        opened = self._sealer.open(query.after)
        if not isinstance(opened, list) or opened[0] != _signature(question.view, question, query):
            raise BadRequest("`after` belongs to another list; start again without it.")
        _, key, doc, n = opened
        return Position(key.encode("latin-1"), doc, n)

    @contextmanager
    def _asked(self, database: Database, view: str) -> Iterator[Asked]:
        with database.reading() as reading:
            db = reading.number
        self._refresh(db)
        with database.reading() as reading:
            state = self.index.state(reading.connection, db)
            found = state.design.views.get(view) if state.design else None
            if found is None or not shown(found, database):
                raise NotFound("There is no such view.")
            missing = self.index.missing(reading.connection, db, state)
            yield Asked(reading, state, found, state.orders.views[view], missing)

    def _refresh(self, db: int) -> None:
        """Enter new orders, and index what few documents wait, so that the page is right."""
        if self.store.documents.writing:
            return
        self.index.current(db)
        with self.store.reading() as connection:
            waiting = connection.execute(
                "SELECT count(*) FROM (SELECT 1 FROM pending WHERE db = ? LIMIT ?)", (db, SOON + 1)
            ).fetchone()[0]
        if 0 < waiting <= SOON:
            self.index.index_waiting(db, SOON)

    # -- categories and totals

    def categories(self, database: Database, view: str, query: ViewQuery | None = None) -> list[CategoryRow]:
        """The categories below `query.category` (or the first ones) that hold a readable document.

        With `query.expand` those of all levels, each before its own. With a filter, counts and totals are of
        the documents that fit, as far as 0.2 s of looking reaches.
        """
        query = query or ViewQuery()
        with self._asked(database, view) as asked:
            digest = self._categorised(asked)
            if digest is None:
                return []
            order = asked.state.orders.by_digest[digest]
            depth = len(order.categories)
            if asked.view.filter or query.filter or query.unread or query.starts:
                totals = self._filtered(database, asked, query)
            else:
                totals = self._totals_below(asked, digest, query)
            rows = [_category_row(order, key, total, depth) for key, total in sorted(totals.items()) if total.count]
            return rows[:CATEGORIES]

    @staticmethod
    def _categorised(asked: Asked) -> str | None:
        if asked.state.orders.by_digest[asked.own.default].categories:
            return asked.own.default
        return asked.own.board

    def _totals_below(self, asked: Asked, digest: str, query: ViewQuery) -> dict[bytes, Total]:
        order, number = asked.state.orders.by_digest[digest], asked.state.numbers.get(digest, -1)
        start = len(split_path(query.category)) if query.category is not None else 0
        prefixes = [b""] if query.category is None else category_prefixes(order, query.category)
        last = len(order.categories) if query.expand else min(start + 1, len(order.categories))
        found: dict[bytes, Total] = {}
        for prefix in prefixes:
            for level in range(start + 1, last + 1):
                found.update(self._read(asked, number, level, prefix))
        return found

    def _read(self, asked: Asked, number: int, level: int, prefix: bytes) -> dict[bytes, Total]:
        reading = asked.reading
        return self._sums.read(
            reading.connection,
            reading.number,
            number,
            reading.visible,
            reading.table,
            level,
            prefix,
            remember=not self.store.documents.writing,
        )

    def _filtered(self, database: Database, asked: Asked, query: ViewQuery) -> dict[bytes, Total]:
        """Categories of the documents that fit a filter, found by looking through the order."""
        question = self._question(database, asked, replace(query, sort=None), by_category=True)
        search = Search(asked.reading, asked.state, question, self.marks.seen(database), query.unread)
        order = question.order
        start = len(split_path(query.category)) if query.category is not None else 0
        last = len(order.categories) if query.expand else min(start + 1, len(order.categories))
        found: dict[bytes, Total] = {}
        counted: set[tuple[bytes, int]] = set()
        for position, document in search.run(None, 1_000_000, search.narrowed()).rows:
            if position.n % 64:
                continue
            sums = tuple(each.value(document.body) for each in order.sums)
            for level in range(start + 1, last + 1):
                key = position.key[: _prefix_length(order, position.key, level)]
                if (key, position.doc) not in counted:
                    counted.add((key, position.doc))
                    before = found.get(key, Total(0, (Decimal(0),) * len(sums)))
                    found[key] = Total(before.count + 1, tuple(a + b for a, b in zip(before.sums, sums, strict=True)))
        return found

    def total(self, database: Database, view: str, query: ViewQuery | None = None) -> Totals:
        """Number and sums of the readable documents of the view or a category that fit; up to 0.2 s of counting."""
        query = query or ViewQuery()
        with self._asked(database, view) as asked:
            return self._known_total(database, asked, query) or self._searched_total(database, asked, query)

    def known_total(self, database: Database, view: str, query: ViewQuery | None = None) -> Totals | None:
        """The same where the index keeps it, in a few milliseconds; else None."""
        with self._asked(database, view) as asked:
            return self._known_total(database, asked, query or ViewQuery())

    def _known_total(self, database: Database, asked: Asked, query: ViewQuery) -> Totals | None:
        if not (asked.view.filter or query.filter or query.unread or query.starts):
            digest, prefixes, level = asked.own.default, [b""], 0
            if query.category is not None:
                digest = self._categorised(asked) or digest
                prefixes = category_prefixes(asked.state.orders.by_digest[digest], query.category)
                level = len(split_path(query.category))
            order = asked.state.orders.by_digest[digest]
            number = asked.state.numbers.get(digest, -1)
            found = [self._read(asked, number, level, prefix).get(prefix) for prefix in prefixes]
            return counting.joined(order, [each for each in found if each is not None])
        if query.unread or asked.missing:
            return None

        def read(digest: str, prefix: bytes) -> dict[bytes, Total]:
            return self._read(asked, asked.state.numbers.get(digest, -1), 1, prefix)

        question = self._counted(database, asked, query)
        return counting.of_values(self._own(asked), asked.state.orders, question, read)

    def _searched_total(self, database: Database, asked: Asked, query: ViewQuery) -> Totals:
        seen = self.marks.seen(database)
        search = Search(asked.reading, asked.state, self._counted(database, asked, query), seen, query.unread)
        among = self._unread(database, asked, seen) if query.unread else None
        return counting.searched(self._own(asked), search, among)

    def _counted(self, database: Database, asked: Asked, query: ViewQuery) -> Question:
        """The question in whichever order answers it best; in a tree, that of a column lists responses too."""
        sorted_by = query.sort if query.starts or asked.view.responses else None
        return self._question(database, asked, replace(query, sort=sorted_by))

    @staticmethod
    def _own(asked: Asked) -> Order:
        return asked.state.orders.by_digest[asked.own.default]

    # -- boards and calendars

    def board(self, database: Database, view: str, query: ViewQuery | None = None) -> list[BoardColumn]:
        """The columns of a board with their first cards (`query.limit` in each), counts and totals."""
        query = query or ViewQuery(limit=20)
        found = []
        for each in self.categories(database, view, ViewQuery(filter=query.filter, unread=query.unread)):
            ask_for = ViewQuery(limit=query.limit, category=each.category, filter=query.filter, unread=query.unread)
            page = self.page(database, view, ask_for)
            found.append(BoardColumn(each.values[-1], each.count, each.totals, page.rows, page.next))
        return found

    def calendar(
        self,
        database: Database,
        view: str,
        start: str,
        end: str,
        filter: Mapping[str, Any] | str | None = None,
    ) -> list[Row]:
        """Rows whose date lies in [start, end), and those that began before and still run."""
        with self._asked(database, view) as asked:
            date, until = asked.view.date, asked.view.end
            if date is None:
                raise BadRequest("This view is no calendar.")
            question = self._question(database, asked, ViewQuery(sort=date, filter=filter))
            early = _days_before(start, LONGEST_EVENT) if until else start
            low, high = collation.text_key(early), collation.text_key(end)
            question = replace(question, ranges=((low, high),), first_only=False)
            search = Search(asked.reading, asked.state, question, self.marks.seen(database), False)
            result = search.run(None, EVENTS)
            rows = search.rows(result, None, context_names(database))
        return [row for row in rows if _runs(row.doc, date, until, start)]

    # -- upkeep

    def catch_up(self, limit: int | None = None, *, seconds: float | None = None) -> int:
        """Index what waits, in all databases; how many documents. For a background thread."""
        return self.index.catch_up(None, limit=limit, seconds=seconds)

    def pending(self, database: Database) -> int:
        """Documents of the database that are not in the index yet."""
        with database.reading() as reading:
            return self.index.pending(reading.number)

    def rebuild(self, database: Database) -> None:
        """Build all orders of the database anew, in the background."""
        with database.reading() as reading:
            number = reading.number
        self.index.rebuild(number)

    def work(self, stopped: Callable[[], bool], idle: float = 0.5) -> None:
        """The background thread: catches up, then looks again every half second until `stopped()`."""
        while not stopped():
            if not self.catch_up(limit=2_000, seconds=2.0):
                time.sleep(idle)
            else:
                time.sleep(0.01)  # let waiting writers in


def _signature(view: View, question: Question, query: ViewQuery) -> str:
    filter = sorted(query.filter.items()) if isinstance(query.filter, Mapping) else query.filter
    asked = (query.sort, query.descending, query.category, query.starts, filter, query.unread)
    return f"{view.name}|{question.order.digest}|{asked}"


def _portable(position: Position) -> tuple[str, int, int]:
    return position.key.decode("latin-1"), position.doc, position.n


def _category_row(order: Order, key: bytes, total: Total, depth: int) -> CategoryRow:
    values: list[Any] = []
    at = 0
    while at < len(key):
        value, at = collation.decode(key, at, descending=order.categories[len(values)].descending)
        values.append(value)
    named = {each.name: amounts.shown(amount) for each, amount in zip(order.sums, total.sums, strict=True)}
    level = len(values)
    return CategoryRow(path_of(tuple(values)), tuple(values), level - 1, total.count, named, level < depth)


def _prefix_length(order: Order, key: bytes, level: int) -> int:
    at = 0
    for part in order.categories[:level]:
        at = collation.decode(key, at, descending=part.descending)[1]
    return at


def _days_before(moment: str, days: int) -> str:
    return (day.fromisoformat(moment[:10]) - timedelta(days=days)).isoformat()


def _runs(doc: Mapping[str, Any], date: str, until: str | None, start: str) -> bool:
    begins = doc.get(date)
    ends = doc.get(until) if until else None
    return str(max(begins or "", ends or "") if isinstance(ends, str) else begins) >= start
