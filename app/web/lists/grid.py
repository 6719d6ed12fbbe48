"""Rows of a view as the grid shows them, and its categories as groups that unfold.

Group(word, count, totals, url, rows | None)            rows None: still folded, fetched when it is opened
ShownRow(id, url, rev, unread, level, cells…)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import quote

from babel import dates
from flask import g
from flask_babel import gettext as _
from markupsafe import Markup

from app.access import Database
from app.design import Column, ExpressionError, View
from app.web.documents.titles import linked
from app.web.i18n import format_number
from app.web.lists.cells import BADGED, Cells, money
from app.web.lists.columns import ShownColumn

MONTH = re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])")
OPEN_ROWS = 60  # groups are unfolded from the top until so many rows stand on the page
ON_CARD = 6
SENT_ROWS = 200  # rows of unfolded groups sent with the page; the rest comes when it is scrolled to


class Cell(NamedTuple):
    """One cell: its HTML, its column, and the plain text for the tooltip of what is cut off."""

    html: Markup
    column: ShownColumn


class Bare(NamedTuple):
    """A row made from a document itself, where no index was asked."""

    id: str
    rev: str
    form: str | None
    columns: Mapping[str, Any]
    doc: Mapping[str, Any]
    unread: bool = False
    level: int = 0
    restricted: bool = False


def value_of(column: Column, document: Mapping[str, Any]) -> Any:
    """What a column shows of a document."""
    if column.value is None:
        return document.get(column.name)
    try:
        return column.value.evaluate(document)
    except ExpressionError:
        return None


@dataclass(frozen=True)
class ShownRow:
    """One document in the grid."""

    id: str
    url: str
    rev: str
    form: str
    unread: bool
    level: int
    restricted: bool
    cells: list[Cell]
    columns: Mapping[str, Any] = field(default_factory=dict)
    doc: Mapping[str, Any] = field(default_factory=dict)

    @property
    def html(self) -> Markup:
        """The cells as table cells. Joined here: a list has hundreds, and a template takes four times as long."""
        made = []
        for html, column in self.cells:
            if column.linking:
                made.append(f'<td class="cell-link indent-{self.level}"{column.marked}>')
                made.append(f'<a href="{self.url}" tabindex="-1">{html or "—"}</a></td>')
            else:
                made.append(f"{column.opening}{html}</td>")
        return Markup("".join(made))  # noqa: S704 - cells are HTML, addresses are quoted

    def card(self, group: str | None) -> Markup:
        """The cells as they stand on a card of a board grouped by `group`: one amount, six values at most."""
        made, amounts, place = [], 0, 0
        for html, column in self.cells:
            if column.linking or column.name == group or not html:
                continue
            place += 1
            amounts += column.right
            if place <= ON_CARD and not (column.right and amounts > 1):
                made.append(f"{column.on_card}{html}</span>")
        return Markup("".join(made))  # noqa: S704 - cells are HTML


@dataclass(frozen=True)
class Group:
    """A category. `key` is its path in the index. Unfolded ones without `rows` fetch them when they come into sight;
    `hidden` ones stand under a folded category.
    """

    word: str
    count: int
    totals: dict[str, str]
    url: str
    key: str
    level: int = 0
    rows: list[ShownRow] | None = None
    next: str | None = None
    tone: str = ""
    leaf: bool = True
    open: bool = False
    hidden: bool = False


def document_url(database: str, id: str) -> str:
    """The address of a document's page."""
    return f"/db/{quote(database, safe='')}/doc/{quote(id, safe='')}"


def shown_rows(
    database: Database, columns: Sequence[ShownColumn], rows: Iterable[Any], cells: Cells | None = None
) -> list[ShownRow]:
    """Rows of a page as cells, made by `cells` where the page has them. Titles of linked documents are fetched
    together.
    """
    cells = cells or Cells(database.design)
    rows = list(rows)
    _fetch_links(database, columns, rows)
    named = [(column, column.column, column.name) for column in columns]
    base, nothing = document_url(database.name, ""), Markup("")
    found = []
    for row in rows:
        doc = row.doc or {}
        shown = [
            Cell(nothing if row.restricted else cells.html(column, row.columns.get(name), doc), shown_column)
            for shown_column, column, name in named
        ]
        found.append(
            ShownRow(
                row.id,
                base + quote(row.id, safe=""),
                row.rev,
                row.form or "",
                row.unread,
                min(row.level or 0, 8),
                row.restricted,
                shown,
                row.columns,
                doc,
            )
        )
    return found


def _fetch_links(database: Database, columns: Sequence[ShownColumn], rows: Sequence[Any]) -> None:
    for column in columns:
        if column.column.type != "link":
            continue
        ids: list[str] = []
        for row in rows:
            value = row.columns.get(column.name)
            ids += [str(one) for one in (value if isinstance(value, list) else [value]) if one]
        if ids:
            linked((column.item.database if column.item else None) or database.name, ids)


def totals_shown(view: View, totals: Mapping[str, Any] | None) -> dict[str, str]:
    """Sums as they stand under their columns."""
    shown = {}
    for column in view.columns:
        value = (totals or {}).get(column.name)
        if not column.total:
            continue
        if isinstance(value, dict):
            shown[column.name] = _by_currency(value)
        elif not isinstance(value, int | float):
            continue
        elif column.type == "money":
            named = column.item.currency if column.item else None
            shown[column.name] = money(round(value, 2), named or "CNY", g.language)
        else:
            shown[column.name] = _plain(round(value, 2))
    return shown


def _by_currency(amounts: Mapping[str, float]) -> str:
    """`¥1,200`, or `CNY 1,200 · USD 300`: amounts of several currencies are not added up."""
    if len(amounts) == 1:
        currency, amount = next(iter(amounts.items()))
        return money(round(amount, 2), currency, g.language)
    return " · ".join(f"{currency} {_plain(round(each, 2), 2)}" for currency, each in amounts.items()) or _plain(0)


def _plain(value: float, places: int | None = None) -> str:
    return format_number(int(value)) if float(value).is_integer() else format_number(value, places)


def category_column(view: View, level: int) -> Column | None:
    """The column (or an equivalent of the item) that a level of categories shows."""
    name = view.categories[level] if level < len(view.categories) else None
    return next((column for column in view.columns if column.name == name), None)


def word_of(cells: Cells, view: View, path: Sequence[Any]) -> str:
    """The heading of a category."""
    value = path[-1] if path else None
    if value is None or value == "" or value == []:
        return str(_("(none)"))
    if isinstance(value, str) and MONTH.fullmatch(value):
        return dates.format_skeleton("yMMMM", date.fromisoformat(f"{value}-01"), locale=g.language)
    column = category_column(view, len(path) - 1)
    return cells.text(column.item, column.type, value) if column else str(value)


def tone_of(cells: Cells, view: View, path: Sequence[Any]) -> str:
    """The colour of a category that is a stage or state."""
    column = category_column(view, len(path) - 1)
    if column is None or column.item is None or column.name not in BADGED or not path[-1]:
        return ""
    return cells.tone(column.item, path[-1])
