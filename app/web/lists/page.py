"""Everything the page of a view shows, asked of the index in as few questions as will do.

A view with categories asks for the categories (cached by the index) and then for the rows of those that stand
unfolded; a view without asks for one page of rows. Number and sums stand below where they are known at once; else
the page asks for them afterwards (`part=total`). What the person may not read is not in any of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote

from app.access import Database
from app.design import Item, View
from app.errors import NotFound
from app.views.shapes import Totals
from app.web import context, preferences
from app.web.lists import columns as columns_of
from app.web.lists import folds, grid
from app.web.lists.cells import Cells
from app.web.lists.columns import ShownColumn
from app.web.lists.state import State

PAGE = 50


@dataclass
class ListPage:
    """A view as its page shows it."""

    database: Database
    view: View
    state: State
    base: str
    columns: list[ShownColumn]
    items: dict[str, Item]
    rows: list[grid.ShownRow] = field(default_factory=list)
    groups: list[grid.Group] | None = None
    next: str | None = None
    more: bool = False
    indexing: int = 0
    partial: bool = False
    count: int | None = None  # None: not known at once
    least: int = 0  # how many there are at least, …
    beyond: bool = False  # … and whether there are certainly more
    totals: dict[str, str] = field(default_factory=dict)

    @property
    def grouped(self) -> bool:
        """Whether categories are shown (a click on a heading sorts flat)."""
        return bool(self.view.categories) and self.state.sort is None

    def address(self, state: State | None = None, **extra: str) -> str:
        """The address of the view in another state."""
        return (state or self.state).address(self.base, self.view.style, **extra)

    @property
    def width(self) -> int:
        """The least width of the grid; where there is more, the flexible column takes it."""
        return sum(column.width for column in self.columns) + 36

    @cached_property
    def cells(self) -> Cells:
        """Makes cells and words of values."""
        return Cells(self.database.design)


def view_of(database: Database, name: str) -> View:
    """A view the person may open. NotFound otherwise."""
    for view in context.node().views.describe(database):
        if view.name == name:
            return view
    raise NotFound


def open_page(database_name: str, view_name: str, arguments: Any) -> ListPage:
    """The view with its state and columns; nothing asked of the index yet."""
    database = context.open_database(database_name)
    view = view_of(database, view_name)
    items = columns_of.items_of(database.design, view)
    state = State.read(arguments, view, columns_of.kinds_of(view, items))
    kept = preferences.read(columns_of.name_of(database_name, view_name))
    if state.columns:
        others = [column.name for column in view.columns if column.name not in state.columns]
        kept = {**kept, "order": list(state.columns), "shown": list(state.columns), "hidden": others}
    grouped = bool(view.categories) and state.sort is None
    return ListPage(
        database=database,
        view=view,
        state=state,
        base=f"/db/{quote(database_name, safe='')}/view/{quote(view_name, safe='')}",
        columns=columns_of.chosen(view, kept, grouped=grouped and state.style == "table"),
        items=items,
    )


def fetch(page: ListPage, *, after: str | None = None, category: Any = None, limit: int = PAGE) -> Any:
    """One page of rows from the index, shown."""
    query = page.state.query(limit=limit, after=after, category=category)
    found = context.node().views.page(page.database, page.view.name, query)
    page.rows = grid.shown_rows(page.database, page.columns, found.rows, page.cells)
    page.next, page.more = found.next, found.more
    page.indexing = max(page.indexing, found.indexing)
    page.partial = page.partial or found.partial
    return found


def fill(page: ListPage, after: str | None = None, category: str | None = None) -> ListPage:
    """The first screen: groups or rows, and below them what is known of number and sums."""
    total = None
    if page.grouped and not after and category is None:
        page.groups = _groups(page)
        page.least = max((group.count for group in page.groups), default=0)
    else:
        found = fetch(page, after=after, category=category)
        total = found.total if category is None else None
        page.least = sum(not row.restricted for row in page.rows)
        page.beyond = page.more and not page.partial
    total = total or context.node().views.known_total(page.database, page.view.name, page.state.query())
    if total is not None:
        _tell(page, total)
    return page


def count(page: ListPage) -> ListPage:
    """Number and sums, as far as 0.2 s of counting reach."""
    _tell(page, context.node().views.total(page.database, page.view.name, page.state.query()))
    return page


def _tell(page: ListPage, total: Totals) -> None:
    page.count, page.least, page.beyond = None if total.more else total.count, total.count, False
    page.totals = grid.totals_shown(page.view, total.sums)


def _groups(page: ListPage) -> list[grid.Group]:
    depth = len(page.view.categories)
    query = replace(page.state.query(), expand=depth > 1)
    cells, chosen = page.cells, folds.read(page.database.name, page.view.name)
    groups: list[grid.Group] = []
    standing, budget, shut = 0, grid.OPEN_ROWS, depth
    for row in context.node().views.categories(page.database, page.view.name, query):
        level, leaf = len(row.values) - 1, not row.children
        shut = depth if level <= shut else shut  # past the end of the folded category
        unfolded = chosen.chosen(row.category)
        if unfolded is None:
            unfolded = not page.view.collapsed and (not leaf or min(row.count, PAGE) <= budget)
            if leaf:  # only the first ones are unfolded by themselves, not a later small one
                budget = budget - min(row.count, PAGE) if unfolded else 0
        hidden, shown, following = level > shut, None, None
        if unfolded and leaf and not hidden and standing < grid.SENT_ROWS:
            fetch(page, category=row.category)
            shown, following = page.rows, page.next if page.more else None
            standing += len(shown)
        if not unfolded and not hidden:
            shut = level
        groups.append(
            grid.Group(
                word=grid.word_of(cells, page.view, row.values),
                count=row.count,
                totals=grid.totals_shown(page.view, row.totals),
                url=page.address(part="rows", category=row.category),
                key=row.category,
                level=level,
                rows=shown,
                next=following,
                tone=grid.tone_of(cells, page.view, row.values),
                leaf=leaf,
                open=unfolded,
                hidden=hidden,
            )
        )
    page.rows = []
    return groups
