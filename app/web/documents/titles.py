"""What documents are called: the form's title expression; never a title the person may not read.

Titles of linked documents are fetched in one read per database and kept for the request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flask import g, url_for
from flask_babel import gettext

from app.design import Design, ExpressionError, Form
from app.errors import NotFound
from app.web.context import label, open_database


class Linked(NamedTuple):
    """A document as a link shows it. `restricted`: missing or not readable, which look the same."""

    id: str
    title: str
    url: str
    icon: str
    restricted: bool = False


def form_of(design: Design | None, document: Mapping[str, Any]) -> Form | None:
    """The form of a document; None in a database without designs or for a form that is no longer there."""
    return design.forms.get(str(document.get("form", ""))) if design else None


def title_of(design: Design | None, document: Mapping[str, Any]) -> str:
    """What to call a document: its title expression, else the first telling item, else its kind."""
    form = form_of(design, document)
    if form and form.title:
        try:
            found = form.title.evaluate(document)
        except ExpressionError:
            found = None
        if isinstance(found, str | int | float) and str(found).strip():
            return str(found)
    for name in ("title", "name", "subject", "content"):
        value = document.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip().splitlines()[0][:120]
    return gettext("%(kind)s without a title", kind=label(form.label)) if form else str(document.get("_id", ""))


def linked(database: str, ids: Iterable[str]) -> dict[str, Linked]:
    """The documents with these ids in a database, as links; those the person may not read are marked restricted."""
    known: dict[tuple[str, str], Linked] = g.setdefault("linked", {})
    wanted = [id for id in dict.fromkeys(ids) if (database, id) not in known]
    if wanted:
        known.update({(database, id): found for id, found in _fetch(database, wanted).items()})
    return {id: known[database, id] for id in dict.fromkeys(ids)}


def _fetch(database: str, ids: list[str]) -> dict[str, Linked]:
    try:
        opened = open_database(database)
        documents = opened.get_many(ids)
        design = opened.design
    except NotFound:
        documents, design = {}, None
    found = {}
    for id in ids:
        document = documents.get(id)
        if document is None:
            found[id] = Linked(id, gettext("(restricted)"), "", "lock", True)
        else:
            form = form_of(design, document)
            icon = form.icon if form else "file-earmark-text"
            found[id] = Linked(id, title_of(design, document), document_url(database, id), icon)
    return found


def document_url(database: str, id: str) -> str:
    """The page of a document."""
    return url_for("document.document", database=database, id=id)
