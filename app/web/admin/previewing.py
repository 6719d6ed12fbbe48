"""A form or view as it will look, before it is saved; and what a changed element would break.

A view's sample is computed from recent documents that the person may read; nothing of it is indexed.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from app import jsonio
from app.design import Design, ExpressionError, Form, Problem, View, load_documents
from app.design.forms import build_form
from app.design.loader import sources_of
from app.design.source import read
from app.design.views import build_view
from app.errors import BadRequest, NotFound
from app.forms.elements import element_id, listed
from app.node import DESIGNS
from app.web.documents.widgets import Editor
from app.web.lists.cells import Cells

if TYPE_CHECKING:
    from app.access import Database

LOOK_AT, SHOW = 400, 12


class Sample(NamedTuple):
    """Rows of a view to be: cells in the order of its columns, under headings of its categories."""

    view: View
    groups: list[tuple[str, list[list[Markup]]]]
    fitting: int


def problems(
    database: Database, design: Design | None, kind: str, name: str, text: str
) -> tuple[list[Problem], list[Problem]]:
    """The element's own mistakes, and those that it would make in others which have none now."""
    id = element_id(kind, name, database.name)
    ids = [element.id for element in listed(database, design)]
    documents = {found: {"_id": found, **document} for found, document in database.get_many(ids).items()}
    documents[id] = {"_id": id, "form": "design", "kind": kind, "name": name, "text": text}
    after = load_documents(database.name, documents.values())
    before = {problem.file for problem in design.problems} if design else set()
    own = [problem for problem in after.problems if problem.file == id]
    others = [problem for problem in after.problems if problem.file != id and problem.file not in before]
    return own, others


def form_of(name: str, text: str) -> Form:
    """The form a text describes. BadRequest when it has mistakes."""
    found: list[Problem] = []
    values, mistakes = read(text, name)
    form = build_form(name, values, name, found)
    if mistakes or found:
        raise BadRequest([*mistakes, *found][0].reason)
    return form


def form_groups(database: Database, name: str, text: str) -> list[Any]:
    """The sections of a form, empty, as its edit page shows them. BadRequest."""
    form = form_of(name, text)
    groups = Editor(database, form, {"form": name}, old=None).groups()
    return [group for group in groups if not group.hidden]


def view_sample(database: Database, name: str, text: str, design: Design) -> Sample:
    """A view over recent documents. BadRequest when the text has mistakes."""
    found: list[Problem] = []
    values, mistakes = read(text, name)
    view = build_view(name, values, name, found, design.forms)
    if mistakes or found:
        raise BadRequest([*mistakes, *found][0].reason)
    rows = [document for document in _recent(database, view) if _fits(view, document)]
    for sort in reversed(view.sort):
        rows.sort(key=lambda row: _order(row.get(sort.by)), reverse=sort.descending)
    cells = Cells(design)
    groups: dict[str, list[list[Markup]]] = {}
    for document in rows[:SHOW]:
        line = [cells.html(column, _value(column.value, column.name, document), document) for column in view.columns]
        groups.setdefault(_heading(view, document, design), []).append(line)
    return Sample(view, sorted(groups.items()) if view.categories else list(groups.items()), len(rows))


def _recent(database: Database, view: View) -> list[dict[str, Any]]:
    marks = ", ".join("?" for _ in view.forms)
    with database.reading() as reading:
        rows = reading.connection.execute(
            f"SELECT id, body FROM documents WHERE db = ? AND deleted = 0 AND form IN ({marks})"
            f" AND access IN (SELECT access FROM {reading.table}) ORDER BY doc DESC LIMIT ?",
            (reading.number, *view.forms, LOOK_AT),
        ).fetchall()
    return [{"_id": id, **jsonio.loads(body)} for id, body in rows]


def _fits(view: View, document: Mapping[str, Any]) -> bool:
    try:
        return view.where is None or view.where.holds(document)
    except ExpressionError:
        return False


def _value(expression: Any, name: str, document: Mapping[str, Any]) -> Any:
    if expression is None:
        return document.get(name)
    try:
        return expression.evaluate(document)
    except ExpressionError:
        return None


def _order(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return 0, float(value), ""
    return (2, 0.0, "") if value in (None, "", []) else (1, 0.0, str(value).casefold())


def _heading(view: View, document: Mapping[str, Any], design: Design) -> str:
    words = []
    for name in view.categories:
        form = design.forms.get(str(document.get("form")))
        item = form.items.get(name) if form else None
        value = document.get(name)
        value = value[0] if isinstance(value, list) and value else value
        words.append(Cells(design).text(item, item.type if item else "text", value) or "–")
    return " · ".join(words)


def shipped_text(database: str, kind: str, name: str) -> str | None:
    """The text that this version of the program brings for an element; None for own ones."""
    folder = DESIGNS / database
    if not folder.is_dir():
        return None
    sources, _problems = sources_of(folder)
    return next((one.text for one in sources if (one.kind, one.name) == (kind, name)), None)


class DiffLine(NamedTuple):
    """A line of a comparison: sign is "+", "-" or " "."""

    sign: str
    text: str


def difference(mine: str, theirs: str) -> list[DiffLine]:
    """What would change if the shipped text were taken."""
    lines = difflib.unified_diff(mine.splitlines(), theirs.splitlines(), lineterm="", n=2)
    return [DiffLine(line[0], line[1:]) for line in list(lines)[2:]]


def text_of(database: Database, kind: str, name: str) -> tuple[str, dict[str, Any]]:
    """The stored text of an element and its document. NotFound."""
    document = database.get(element_id(kind, name, database.name))
    text = document.get("text")
    if not isinstance(text, str):
        raise NotFound
    return text, document
