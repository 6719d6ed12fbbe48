"""Changes that the hub refused: why, what the person had set, and the three choices. Only a laptop has any.

GET  /replication/rejected
POST /replication/rejected/<n>     choice = resend | new | discard
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup, escape

from app.access import Database
from app.access.mirroring import Rejected
from app.access.model import Document
from app.errors import DavenportError, NotFound
from app.web import context, i18n
from app.web.documents.display import Shower
from app.web.documents.titles import document_url, form_of, title_of

blueprint = Blueprint("rejected", __name__)


class Line(NamedTuple):
    """An item of a refused change."""

    label: str
    base: Markup
    mine: Markup
    earlier: list[Markup]


class Row(NamedTuple):
    """A refused change as the page shows it. `url`: of the document, while the person reads it."""

    n: int
    title: str
    icon: str
    database: str
    url: str
    at: str
    reason: str
    what: str
    lines: list[Line]
    files: list[str]
    again: bool
    anew: bool


@blueprint.get("/replication/rejected")
@context.sign_in_required
def rejected() -> str:
    """All of them, oldest first."""
    rows = [_row(one) for one in context.node().databases.rejected(context.identity())]
    return render_template("replication/rejected.html", rows=rows)


@blueprint.post("/replication/rejected/<int:n>")
@context.sign_in_required
def settle(n: int) -> Any:
    """One choice for one change. When it cannot be done the page says why, and the change stays."""
    choice = request.form.get("choice", "")
    databases = context.node().databases
    row = next((one for one in databases.rejected(context.identity()) if one.n == n), None)
    if row is None:
        raise NotFound
    try:
        saved = databases.settle_rejected(n, choice, context.identity())
    except DavenportError as problem:
        if problem.status >= 500:
            raise
        flash(i18n.say(problem.reason), "error")
        for text in problem.fields.values():
            flash(i18n.say(text), "error")
        return redirect(url_for("rejected.rejected"), 303)
    if choice == "resend":
        flash(_("The change was made again. It goes to the hub with the next round."), "success")
    elif choice == "new" and saved is not None:
        flash(_("It was saved as a new document."), "success")
        return redirect(document_url(row.database, saved.id), 303)
    else:
        flash(_("The change was discarded."), "success")
    return redirect(url_for("rejected.rejected"), 303)


def _row(row: Rejected) -> Row:
    try:
        database = context.open_database(row.database)
    except NotFound:
        database = None
    current = _current(database, row.id)
    shown = current or {"_id": row.id, **row.body}
    design = database.design if database else None
    form = form_of(design, shown)
    return Row(
        row.n,
        title_of(design, shown),
        form.icon if form else "file-earmark-text",
        context.label(design.title) if design else row.database,
        document_url(row.database, row.id) if current else "",
        row.at,
        i18n.say(row.reason),
        _what(row),
        _lines(database, shown, row),
        sorted(row.attachments),
        database is not None and (current is not None or row.new),
        database is not None and not row.deleted and database.may_create(),
    )


def _current(database: Database | None, id: str) -> Document | None:
    try:
        return database.get(id) if database else None
    except NotFound:
        return None


def _what(row: Rejected) -> str:
    if row.deleted:
        return str(_("Deleted"))
    return str(_("New document") if row.new else _("Changed"))


def _lines(database: Database | None, document: Document, row: Rejected) -> list[Line]:
    design = database.design if database else None
    form = form_of(design, document)
    shower = Shower(design, form, document)
    found = []
    for name, (base, mine, *earlier) in row.items.items():
        item = form.items.get(name) if form else None
        label = context.label(item.label) if item else name
        base_html, mine_html, *rest = (
            shower.html(item, value) if item else _plain(value) for value in (base, mine, *earlier)
        )
        found.append(Line(label, base_html, mine_html, rest))
    return found


def _plain(value: Any) -> Markup:
    return Markup("") if value is None else escape(str(value))
