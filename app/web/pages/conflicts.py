"""What waits for a person: versions that did not merge, edits of what was deleted elsewhere, codes given twice.

GET  /conflicts                            of all databases the person may open, and which to settle first
GET  /db/<database>/conflicts              of one database; ?before=<seq>
GET  /db/<database>/doc/<id>/branches      the versions side by side     POST: settle
POST /db/<database>/doc/<id>/keep          “edited here, deleted there”: keep it
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.access import Database
from app.access.conflicts import PAGE, Waiting
from app.errors import Conflict, NotFound
from app.web import context
from app.web.documents import versions
from app.web.documents.titles import document_url, form_of, title_of

blueprint = Blueprint("conflicts", __name__)

FIRST = 8  # rows of each database on the page of all


class Row(NamedTuple):
    """A document of the list."""

    title: str
    icon: str
    kind: str
    url: str
    versions: int
    deletions: int
    by: str
    at: str


class Twins(NamedTuple):
    """Documents with one code or name that must be unique: its label, the value, and (title, url) of each."""

    label: str
    value: str
    documents: list[tuple[str, str]]


class Group(NamedTuple):
    """What waits in one database. `more`: there is a page of its own with the rest."""

    name: str
    title: str
    icon: str
    rows: list[Row]
    twins: list[Twins]
    more: bool


@blueprint.get("/conflicts")
@context.sign_in_required
def conflicts() -> str:
    """All databases, those with nothing to settle left out."""
    groups = []
    for info in context.readable_databases():
        try:
            opened = context.open_database(info.name)
        except NotFound:
            continue
        waiting = opened.conflicts.listing(FIRST + 1)
        twins = duplicates(opened, FIRST)
        if waiting or twins:
            groups.append(_group(opened, waiting[:FIRST], twins, more=len(waiting) > FIRST))
    return render_template("conflicts/all.html", groups=groups)


@blueprint.get("/db/<database>/conflicts")
@context.sign_in_required
def of_database(database: str) -> str:
    """One database, page by page."""
    opened = context.open_database(database)
    before = request.args.get("before", type=int)
    waiting = opened.conflicts.listing(PAGE + 1, before)
    twins = duplicates(opened) if before is None else []
    group = _group(opened, waiting[:PAGE], twins, more=len(waiting) > PAGE)
    return render_template(
        "conflicts/database.html", group=group, before=waiting[PAGE - 1].seq if len(waiting) > PAGE else None
    )


def _group(database: Database, waiting: list[Waiting], twins: list[Twins], *, more: bool) -> Group:
    design = database.design
    title = context.label(design.title) if design else database.name
    rows = [_row(database, one) for one in waiting]
    return Group(database.name, title, design.icon if design else "archive", rows, twins, more)


def _row(database: Database, one: Waiting) -> Row:
    form = form_of(database.design, one.document)
    return Row(
        title_of(database.design, one.document),
        form.icon if form else "file-earmark-text",
        context.label(form.label) if form else str(one.document.get("form", "")),
        url_for("conflicts.branches", database=database.name, id=one.id),
        one.versions,
        one.deletions,
        str(one.document.get("changed_by") or ""),
        str(one.document.get("changed_at") or ""),
    )


def duplicates(database: Database, limit: int = 100) -> list[Twins]:
    """Readable documents that share what should be unique."""
    found: list[Twins] = []
    for form in database.design.forms.values() if database.design else ():
        if len(found) >= limit:
            break
        for name, value, ids in context.node().rules.uniques.clashes(database, form, limit - len(found)):
            readable = database.get_many(ids)
            documents = [
                (title_of(database.design, document), document_url(database.name, id))
                for id, document in readable.items()
            ]
            item = form.items[name]
            said = next((str(one.get(name)) for one in readable.values() if one.get(name)), value)
            found.append(Twins(context.label(item.label), said, documents))
    return found


# -- one document -----------------------------------------------------------------------------------------------------


@blueprint.get("/db/<database>/doc/<path:id>/branches")
@context.sign_in_required
def branches(database: str, id: str) -> str:
    """Versions of the document made on different replicas, side by side."""
    opened = context.open_database(database)
    found = opened.conflicts.versions(id)
    document = found.versions[0]
    form = form_of(opened.design, document)
    return render_template(
        "conflicts/branches.html",
        database=opened,
        id=id,
        heading=title_of(opened.design, document),
        versions=found.versions,
        base=found.base,
        sides=versions.sides(opened, form, found),
        deletions=found.deletions,
        may_edit=all(opened.may_edit(version) for version in found.versions),
        may_delete=opened.may_delete(document),
        following=_next(opened, id),
    )


def _next(database: Database, id: str) -> str | None:
    """The address of another document of the database to settle."""
    waiting = (one.id for one in database.conflicts.listing(2) if one.id != id)
    other = next(waiting, None)
    return url_for("conflicts.branches", database=database.name, id=other) if other else None


@blueprint.post("/db/<database>/doc/<path:id>/branches")
@context.sign_in_required
def settle(database: str, id: str) -> Any:
    """One version stays, with the items chosen from the others; the others end, and the history says so."""
    opened = context.open_database(database)
    found = opened.conflicts.versions(id)
    shown = request.form.getlist("version")
    again = redirect(url_for("conflicts.branches", database=database, id=id), 303)
    if shown != [version["_rev"] for version in found.versions]:
        flash(_("The document has changed meanwhile. Please look at the versions again."), "warning")
        return again
    given = {key.removeprefix("choose."): rev for key, rev in request.form.items() if key.startswith("choose.")}
    wanted = versions.chosen(found, given)
    try:
        opened.conflicts.settle(id, shown[0], shown[1:], wanted.items, files=wanted.files)
    except Conflict:
        flash(_("The document has changed meanwhile. Please look at the versions again."), "warning")
        return again
    flash(_("The versions are one again; what was not chosen stays in the history."), "success")
    return redirect(document_url(database, id), 303)


@blueprint.post("/db/<database>/doc/<path:id>/keep")
@context.sign_in_required
def keep(database: str, id: str) -> Any:
    """Deleted elsewhere, edited here: it stays, and nobody is asked again."""
    context.open_database(database).conflicts.keep(id)
    flash(_("The document is kept."), "success")
    return redirect(document_url(database, id), 303)
