"""The trash of a database: what was deleted and the person may bring back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.errors import DavenportError
from app.web import context, i18n
from app.web.documents.titles import document_url, form_of, title_of

blueprint = Blueprint("trash", __name__)

PAGE = 50


@blueprint.get("/db/<database>/trash")
@context.sign_in_required
def trash(database: str) -> str:
    """Deleted documents, last deleted first."""
    opened = context.open_database(database)
    rows = opened.trash(PAGE + 1, request.args.get("after", type=int))
    shown = []
    for row in rows[:PAGE]:
        form = form_of(opened.design, row.document)
        shown.append(
            {
                "id": row.id,
                "title": title_of(opened.design, row.document),
                "icon": form.icon if form else "file-earmark-text",
                "kind": context.label(form.label) if form else str(row.document.get("form", "")),
                "by": row.by,
                "at": row.at,
            }
        )
    return render_template(
        "trash/trash.html",
        database=opened,
        database_title=context.label(opened.design.title) if opened.design else database,
        rows=shown,
        after=rows[PAGE - 1].seq if len(rows) > PAGE else None,
        may_purge=opened.may_purge,
    )


@blueprint.post("/db/<database>/trash/restore")
@context.sign_in_required
def restore(database: str) -> Any:
    """Bring the ticked documents back."""
    opened = context.open_database(database)
    ids = request.form.getlist("id")
    done, problems = 0, []
    for id in ids:
        try:
            opened.restore(id)
            done += 1
        except DavenportError as problem:
            problems.append(i18n.say(problem.reason))
    for reason in dict.fromkeys(problems):
        flash(reason, "error")
    if done == 1 and len(ids) == 1:
        flash(_("Restored"), "success")
        return redirect(document_url(database, ids[0]), 303)
    if done:
        flash(_("%(count)s documents are back.", count=done), "success")
    return redirect(url_for("trash.trash", database=database), 303)


@blueprint.post("/db/<database>/trash/purge")
@context.sign_in_required
def purge(database: str) -> Any:
    """Remove the ticked documents for good; managers only."""
    opened = context.open_database(database)
    done = 0
    for id in request.form.getlist("id"):
        opened.purge(id)
        done += 1
    if done:
        flash(_("%(count)s documents are gone for good.", count=done), "success")
    return redirect(url_for("trash.trash", database=database), 303)
