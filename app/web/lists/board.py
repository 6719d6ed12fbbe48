"""A view as a board: a column for each value of its group item, in the order of the choices, empty ones too.

    Column(value, word, tone, count, totals, cards, next)

The index has an order by the group for every kanban view, so a column is the rows of one category; its totals
are those of the same filter as the list.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from app.design import Choice, Column, ExpressionError, Item
from app.views.shapes import path_of
from app.web import context, i18n
from app.web.lists import grid
from app.web.lists.page import ListPage

CARDS = 25


@dataclass(frozen=True)
class BoardColumn:
    """One column of a board."""

    value: Any
    key: str
    word: str
    tone: str
    count: int
    totals: dict[str, str]
    cards: list[grid.ShownRow]
    next: str | None
    url: str


@dataclass(frozen=True)
class Board:
    """A board."""

    item: str
    columns: list[BoardColumn]
    indexing: int = 0


def group_column(found: ListPage) -> tuple[Item | None, Column | None]:
    """The item a board is grouped by, and its column when the view shows one."""
    name = found.view.group or ""
    column = next((column for column in found.view.columns if column.name == name), None)
    return found.items.get(name), column


def choices(found: ListPage, item: Item | None) -> list[Choice]:
    """What the group item may hold, in order."""
    if item is None:
        return []
    if item.choices:
        return list(item.choices)
    design = found.database.design
    listed = design.keywords.get(item.keywords or "") if design else None
    return list(listed.choices) if listed else []


def build(found: ListPage) -> Board:
    """The whole board: one question for counts and totals, one for each column that has cards."""
    item, _ = group_column(found)
    counted = {
        row.values[-1]: row for row in context.node().views.categories(found.database, found.view.name, _query(found))
    }
    known = [choice.value for choice in choices(found, item) if not choice.retired or choice.value in counted]
    if found.view.where is not None:
        known = [value for value in known if value in counted or _may_stand(found, value)]
    values: list[Any] = [*known, *(value for value in counted if value not in known)]
    columns = [_column(found, value, counted.get(value), item) for value in values]
    return Board(found.view.group or "", columns, found.indexing)


def _may_stand(found: ListPage, value: Any) -> bool:
    """Whether a document with this value could be in the view at all (its `where` may rule it out)."""
    where = found.view.where
    try:
        return bool(where.evaluate({found.view.group or "": value})) if where else True
    except ExpressionError:  # it speaks of other items too
        return True


def counts(found: ListPage) -> list[dict[str, Any]]:
    """Count and total of each column that has cards: what changes when a card moves."""
    rows = context.node().views.categories(found.database, found.view.name, _query(found))
    return [
        {
            "key": row.category,
            "count": i18n.format_number(row.count),
            "total": next(iter(grid.totals_shown(found.view, row.totals).values()), ""),
        }
        for row in rows
    ]


def more(found: ListPage, key: str | None, after: str | None) -> BoardColumn:
    """The next cards of a column."""
    item, _ = group_column(found)
    return _column(found, key, None, item, after=after)


def _query(found: ListPage, **extra: Any) -> Any:
    return replace(found.state, sort=None).query(**extra)


def _column(found: ListPage, value: Any, row: Any, item: Item | None, *, after: str | None = None) -> BoardColumn:
    """A column; `value` is that of its cards, or the path of the category when more cards are asked for."""
    cards: list[grid.ShownRow] = []
    following = None
    key = row.category if row is not None else path_of((value,))
    if row is not None or after:
        query = _query(found, limit=CARDS, after=after, category=value if after else key)
        answer = context.node().views.page(found.database, found.view.name, query)
        cards = grid.shown_rows(found.database, found.columns, answer.rows, found.cells)
        following = answer.next if answer.more else None
        found.indexing = max(found.indexing, answer.indexing)
    cells = found.cells
    return BoardColumn(
        value=value,
        key=key,
        word=cells.text(item, item.type if item else "text", value),
        tone=cells.tone(item, value) if item and value else "none",
        count=row.count if row else 0,
        totals=grid.totals_shown(found.view, row.totals) if row else {},
        cards=cards,
        next=following,
        url=found.address(part="board", category=key),
    )
