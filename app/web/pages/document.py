"""The page of a document, its parts that htmx fetches, and what can be done with it: delete, restore.

GET  /db/<database>/doc/<id>              ?fragment=preview: for the preview pane of a view
GET  /db/<database>/doc/<id>/timeline     ?before=<moment>
GET  /db/<database>/doc/<id>/access       who may see it, and why
POST /db/<database>/doc/<id>/delete       POST …/restore
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup

from app.access import Database
from app.design import Form
from app.web import context
from app.web.admin import words
from app.web.documents import itemfiles, related, threads, timeline
from app.web.documents.display import Shower
from app.web.documents.layout import blocks
from app.web.documents.titles import document_url, form_of, linked, title_of

blueprint = Blueprint("document", __name__)

STATES = ("state", "stage", "status")


@blueprint.get("/db/<database>/doc/<path:id>")
@context.sign_in_required
def document(database: str, id: str) -> Any:
    """The page, or what of it stands in the preview pane."""
    opened = context.open_database(database)
    found = opened.get(id, conflicts=True)
    form = form_of(opened.design, found)
    context.node().marks.read(opened, id)
    preview = request.args.get("fragment") == "preview"
    shown = common(opened, form, found)
    if preview:
        answer = Response(render_template("document/preview.html", **shown))
        answer.headers["HX-Trigger"] = "marks"
        return answer
    answers, others = related.to_make(opened, form, found)
    events, following = timeline.page(opened, form, found, None)
    return render_template(
        "document/document.html",
        **shown,
        answers=answers,
        others=others,
        small_views=related.small_views(opened, form, id),
        events=events,
        following=following,
        may_copy=opened.may_copy,
        may_make_copy=form is not None and opened.may_create(form.name),
    )


def common(database: Database, form: Form | None, document: dict[str, Any]) -> dict[str, Any]:
    """What the page and its preview share."""
    id = str(document["_id"])
    may_edit = form is not None and database.may_edit(document)
    return {
        "database": database,
        "database_title": context.label(database.design.title) if database.design else database.name,
        "form": form,
        "kind": context.label(form.label) if form else str(document.get("form", "")),
        "form_icon": form.icon if form else "file-earmark-text",
        "heading": title_of(database.design, document),
        "document": document,
        "id": id,
        "states": states(database, form, document),
        "blocks": blocks(database, form, document, editable=may_edit),
        "parent": parent_of(database, document),
        "responses": threads.responses(database, id),
        "answer_html": lambda response: answer_html(database, response),
        "file_groups": itemfiles.groups(database, form, document, editable=may_edit),
        "may_edit": may_edit,
        "may_delete": database.may_delete(document),
        "conflicts": len(document.get("_conflicts", [])),
        "deleted_there": database.conflicts.asks(id),
    }


def states(database: Database, form: Form | None, document: dict[str, Any]) -> list[Markup]:
    """The state of a document, as words beside its title."""
    shower = Shower(database.design, form, document)
    items = [form.items[name] for name in STATES if form and name in form.items and form.items[name].type == "keyword"]
    return [shower.html(item, document.get(item.name)) for item in items if document.get(item.name)]


def parent_of(database: Database, document: dict[str, Any]) -> Any:
    """What a response responds to, as a link; restricted where the person may not read it."""
    parent = document.get("parent")
    return linked(database.name, [parent])[parent] if isinstance(parent, str) and parent else None


def answer_html(database: Database, response: threads.Response) -> Markup:
    """What a response says, for reading it where it stands: its long text, or nothing."""
    form = form_of(database.design, response.document)
    for name in ("body", "content", "result"):
        item = form.items.get(name) if form else None
        if item and response.document.get(name):
            return Shower(database.design, form, response.document).html(item, response.document[name])
    return Markup("")


@blueprint.get("/db/<database>/doc/<path:id>/timeline")
@context.sign_in_required
def events(database: str, id: str) -> str:
    """The next page of the timeline."""
    opened = context.open_database(database)
    found = opened.get(id)
    shown, following = timeline.page(opened, form_of(opened.design, found), found, request.args.get("before"))
    return render_template("document/events.html", database=opened, id=id, events=shown, following=following)


@blueprint.get("/db/<database>/doc/<path:id>/access")
@context.sign_in_required
def access(database: str, id: str) -> str:
    """Who may see the document, and which entry and list decide."""
    opened = context.open_database(database)
    found = opened.get(id)
    return render_template(
        "document/access.html",
        database=opened,
        id=id,
        heading=title_of(opened.design, found),
        seen=opened.who_may_see(id),
        readers=[context.person_label(key) for key in found.get("readers") or []],
        authors=[context.person_label(key) for key in found.get("authors") or []],
        level_word=words.level,
        entry_words=words.entries,
    )


# -- deleting ---------------------------------------------------------------------------------------------------------


@blueprint.post("/db/<database>/doc/<path:id>/delete")
@context.sign_in_required
def delete(database: str, id: str) -> Any:
    """Into the trash, with a way back in the message."""
    opened = context.open_database(database)
    found = opened.get(id)
    opened.delete(id, request.form.get("_rev") or found["_rev"])
    flash(undo_message(opened, id, title_of(opened.design, found)), "success")
    address = url_for("views.first", database=database)
    if context.from_htmx():
        return Response(status=204, headers={"HX-Redirect": address})
    return redirect(address, 303)


def undo_message(database: Database, id: str, title: str) -> Markup:
    """ "Deleted" with an undo that works at once; without scripts it leads to the trash."""
    trash, back = (
        url_for("trash.trash", database=database.name),
        url_for("document.restore", database=database.name, id=id),
    )
    return Markup('{} <a class="toast-action btn btn-quiet btn-sm" href="{}" hx-post="{}">{}</a>').format(
        _("“%(title)s” is in the trash.", title=title), trash, back, _("Undo")
    )


@blueprint.post("/db/<database>/doc/<path:id>/restore")
@context.sign_in_required
def restore(database: str, id: str) -> Any:
    """Out of the trash, with id, content, files and links."""
    opened = context.open_database(database)
    opened.restore(id)
    flash(_("Restored"), "success")
    address = document_url(database, id)
    if context.from_htmx():
        return Response(status=204, headers={"HX-Redirect": address})
    return redirect(address, 303)


@blueprint.get("/db/<database>/doc/<path:id>/state")
@context.sign_in_required
def state(database: str, id: str) -> Response:
    """The revision now, for a page that wants to know whether it is still current."""
    return jsonify(rev=context.open_database(database).get(id)["_rev"])
