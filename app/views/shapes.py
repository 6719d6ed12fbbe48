"""What is asked of a view and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.views.amounts import Figure

MOST = 200  # rows on a page
NONE = "(none)"  # how a category path writes a missing value


@dataclass(frozen=True)
class ViewQuery:
    """One request for a page.

    `after` is `Page.next` of the page before. `category`: path of `CategoryRow`. `sort`: a sortable column;
    `descending` turns its direction, or that of the view's own order. `starts` matches the first letters of
    the sorted column. `filter`: see filters.py. `expand`: categories of all levels, not only the next.
    """

    limit: int = 50
    after: str | None = None
    category: str | None = None
    sort: str | None = None
    descending: bool = False
    starts: str | None = None
    filter: Mapping[str, Any] | str | None = None
    unread: bool = False
    expand: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a page. A *restricted* row stands for a parent the person cannot read, and tells nothing."""

    id: str
    rev: str
    form: str | None
    level: int
    category: str | None
    columns: dict[str, Any]
    unread: bool = False
    restricted: bool = False
    doc: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """Rows in order. `next` continues; `more`: there is a further row (or, when `partial`, perhaps).

    `indexing`: documents that are not in the index yet. `partial`: time ran out before the page was full;
    ask again with `next` to search on. `total`: number and sums, known when all rows are on this page.
    """

    rows: list[Row]
    next: str | None
    more: bool
    indexing: int = 0
    partial: bool = False
    total: Totals | None = None


@dataclass(frozen=True)
class Totals:
    """Number of main documents, and sums by column; by currency, too, where the column has a currency item.

    Time may run out while counting: without sums (`{}`) then, and with `more` the number is the least there are.
    """

    count: int
    sums: dict[str, Figure]
    more: bool = False


@dataclass(frozen=True)
class CategoryRow:
    """A category that holds a readable document. `category` is its path, `values` the raw values."""

    category: str
    values: tuple[Any, ...]
    level: int
    count: int
    totals: dict[str, Figure]
    children: bool = False


@dataclass(frozen=True)
class BoardColumn:
    """A column of a board: the value all its cards have, how many there are, the first of them."""

    value: Any
    count: int
    totals: dict[str, Figure]
    rows: list[Row]
    next: str | None


def path_of(values: tuple[Any, ...]) -> str:
    """Category values as a path, joined with `\\`; a backslash within a value is doubled."""
    return "\\".join(text_of(value).replace("\\", "\\\\") for value in values)


def text_of(value: Any) -> str:
    """A category value in a path."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def split_path(path: str) -> list[str]:
    """The texts of a path."""
    held = path.replace("\\\\", "\0")
    return [piece.replace("\0", "\\") for piece in held.split("\\")]
