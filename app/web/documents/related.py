"""Documents that link to this one, in any database, each kind as a small view; and what can be made for it.

    customer ◀── contact.customer, deal.customer, activity.customer, complaint.customer …

Which items link here is read from the designs; the documents come through a view whose index has the link as a
column (`{name: customer, indexed: true, hidden: true}`): the cost is that of a page of a view, the rights are its.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from flask import g, url_for

from app.design import Column, Design, Form, Item, View
from app.errors import NotFound
from app.views import Page, ViewQuery
from app.web.context import label, node, open_database, readable_databases
from app.web.documents.display import Shower
from app.web.documents.titles import document_url

if TYPE_CHECKING:
    from app.access import Database

ROWS = 5
FIRST = 30  # rows of a kind asked for at once
BATCH = 200
COLUMNS = 4
TITLES = ("name", "title", "subject", "question", "product")


class Linking(NamedTuple):
    """A form whose item links to documents of ours, and the view that finds them."""

    database: str
    design: Design
    form: Form
    item: Item
    view: View | None


class SmallView(NamedTuple):
    """Related documents of one kind."""

    heading: str
    icon: str
    columns: list[str]
    link: int  # which column leads to the document
    rows: list[Line]
    more: bool
    url: str  # all of them, in the view
    new_url: str
    new_label: str


class Line(NamedTuple):
    """One related document."""

    id: str
    url: str
    cells: list[Any]
    unread: bool
    document: Mapping[str, Any]


class Making(NamedTuple):
    """A button that makes a response or a related document."""

    label: str
    icon: str
    url: str
    first: bool = False  # a button of its own, not a line of the menu


def linking(database: str, form: str) -> list[Linking]:
    """Every item of every readable design that links to this form; one per form (the required or first item)."""
    known: dict[tuple[str, str], list[Linking]] = g.setdefault("linking", {})
    if (database, form) not in known:
        known[database, form] = list(_linking(database, form))
    return known[database, form]


def _linking(database: str, form: str) -> Iterator[Linking]:
    for info in readable_databases():
        try:
            design = open_database(info.name).design
        except NotFound:
            continue
        if design is None:
            continue
        for other in sorted(design.forms.values(), key=lambda one: one.order):
            items = [item for item in other.items.values() if _links(design.database, item, database, form)]
            if items:
                item = next((one for one in items if one.required), items[0])
                yield Linking(info.name, design, other, item, _view(design, other, item))


def _links(home: str, item: Item, database: str, form: str) -> bool:
    if item.type != "link" or (item.database or home) != database:
        return False
    return not item.forms or form in item.forms


def _view(design: Design, form: Form, item: Item) -> View | None:
    """The view that finds documents of the form by the link: the narrowest whose index has it as a column."""
    fitting = [
        view
        for view in design.views.values()
        if form.name in view.forms
        and any(column.name == item.name and (column.indexed or column.sortable) for column in view.columns)
    ]
    fitting.sort(key=lambda view: (view.where is not None, bool(view.categories), len(view.forms), view.order))
    return fitting[0] if fitting else None


def first_rows(found: Linking, id: str) -> Page:
    """The first rows of the view that link to the document: asked once, for the small view and the timeline."""
    known: dict[tuple[str, str, str], Page] = g.setdefault("related", {})
    key = (found.database, found.form.name, id)
    if key not in known:
        known[key] = _page(found, id, FIRST, None)
    return known[key]


def _page(found: Linking, id: str, limit: int, after: str | None) -> Page:
    if found.view is None:
        return Page([], None, False)
    query = ViewQuery(limit=limit, after=after, filter={found.item.name: id})
    try:
        return node().views.page(open_database(found.database), found.view.name, query)
    except NotFound:
        return Page([], None, False)


def rows_of(found: Linking, id: str, limit: int) -> tuple[list[Any], bool]:
    """The first rows of the view that link to the document, and whether there are more."""
    page = first_rows(found, id)
    rows = _own(found, page)
    return rows[:limit], page.more or len(rows) > limit


def _own(found: Linking, page: Page) -> list[Any]:
    return [row for row in page.rows if not row.restricted and row.form == found.form.name]


def every_row(found: Linking, id: str, most: int) -> Iterator[Any]:
    """The rows of the view that link to the document, page after page, as long as somebody takes them."""
    page, seen = first_rows(found, id), 0
    while True:
        yield from _own(found, page)
        seen += len(page.rows)
        if seen >= most or not page.more or not page.next:
            return
        page = _page(found, id, BATCH, page.next)


def small_views(database: Database, form: Form | None, id: str) -> list[SmallView]:
    """The related documents of a document, kind by kind; kinds without any are left out."""
    found = []
    for one in linking(database.name, form.name) if form else ():
        rows, more = rows_of(one, id, ROWS)
        if rows and one.view is not None:
            found.append(_small(one, one.view, id, rows, more))
    return found


def _small(one: Linking, view: View, id: str, rows: list[Any], more: bool) -> SmallView:
    columns = _columns(view, one.item)
    documents = open_database(one.database).get_many([row.id for row in rows])
    lines = [
        Line(
            row.id,
            document_url(one.database, row.id),
            [_cell(one, column, row, documents.get(row.id, {})) for column in columns],
            row.unread,
            documents.get(row.id, {}),
        )
        for row in rows
    ]
    new = url_for("edit.new", database=one.database, form=one.form.name) + "?" + urlencode({one.item.name: id})
    address = url_for("views.view", database=one.database, view=view.name)
    return SmallView(
        label(one.form.plural),
        one.form.icon,
        [label(column.label) for column in columns],
        next((n for n, column in enumerate(columns) if column.name in TITLES), 0),
        lines,
        more,
        f"{address}?{urlencode({f'f.{one.item.name}': id})}",
        new if open_database(one.database).may_create(one.form.name) else "",
        label(one.form.label),
    )


def _columns(view: View, link: Item) -> list[Column]:
    """The columns worth a place here: not the link back, nor what is pulled in from it."""
    repeated = {link.name, *link.pull}
    return [column for column in view.columns if not column.hidden and column.name not in repeated][:COLUMNS]


def _cell(one: Linking, column: Column, row: Any, document: Mapping[str, Any]) -> Any:
    value = row.columns.get(column.name)
    item = column.item or one.form.items.get(column.name)
    if item is None:
        item = Item(name=column.name, type=column.type, label=column.label)
    return Shower(one.design, one.form, document).html(item, value)


def to_make(database: Database, form: Form | None, document: Mapping[str, Any]) -> tuple[list[Making], list[Making]]:
    """What the person may write here: responses to the document, and related documents that will link to it."""
    if form is None or database.design is None:
        return [], []
    id = str(document["_id"])
    answers = [
        Making(label(other.label), other.icon, _new(database.name, other, {"parent": id}))
        for other in database.design.forms.values()
        if form.name in other.response_to and database.may_create(other.name)
    ]
    names = {form.name}
    others = [
        Making(
            label(one.form.button or one.form.label),
            one.form.icon,
            _new(one.database, one.form, {one.item.name: id}),
            one.form.button is not None,
        )
        for one in linking(database.name, form.name)
        if (one.database, one.form.name) not in {(database.name, name) for name in names}
        and open_database(one.database).may_create(one.form.name)
    ]
    return answers, others


def _new(database: str, form: Form, values: Mapping[str, str]) -> str:
    return url_for("edit.new", database=database, form=form.name) + "?" + urlencode(values)
