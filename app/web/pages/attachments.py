"""Attachments of a document: shown, downloaded, uploaded, removed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _

from app.errors import BadRequest, NotArrived, NotFound, Unavailable
from app.web import context, i18n
from app.web.documents import attaching, itemfiles, sentfiles
from app.web.documents.titles import document_url, form_of, title_of

blueprint = Blueprint("attachments", __name__)


@blueprint.get("/db/<database>/doc/<path:id>/attachments/<path:file>")
@context.sign_in_required
def file(database: str, id: str, file: str) -> Response:
    """The content of an attachment; `?download` never shows it."""
    opened = context.open_database(database)
    try:
        stub, content = opened.attachment(id, file)
    except NotArrived:
        heading = title_of(opened.design, opened.get(id))
        page = render_template("document/not_arrived.html", database=opened, id=id, file=file, heading=heading)
        return Response(page, 503)
    kind = attaching.safe_type(file, stub.content_type)
    answer = send_file(content, mimetype=kind, conditional=False, etag=False, max_age=None)
    answer.headers.update(attaching.headers(file, kind, stub.digest, download="download" in request.args))
    return attaching.in_parts(answer, stub.length)


@blueprint.post("/db/<database>/doc/<path:id>/fetch-attachment/<path:file>")
@context.sign_in_required
def fetch(database: str, id: str, file: str) -> Any:
    """On a laptop: the content from the hub, now."""
    try:
        context.open_database(database).fetch_attachment(id, file)
    except Unavailable as problem:
        flash(i18n.say(problem.reason), "error")
    return redirect(url_for("attachments.file", database=database, id=id, file=file), 303)


@blueprint.post("/db/<database>/doc/<path:id>/attachments")
@context.sign_in_required
def upload(database: str, id: str) -> Any:
    """Attach files: from the button, dropped, pasted; `item` names the attachment item they belong to."""
    opened = context.open_database(database)
    document = opened.get(id)
    form = form_of(opened.design, document)
    item = itemfiles.open_item(opened, form, document, request.form.get("item", ""))
    problems: list[str] = []
    sent = {itemfiles.FIELD + item.name if item else "_files": request.files.getlist("file")}
    files = sentfiles.store(opened, form, document, sent, problems)
    rev, changed = document["_rev"], files.onto(id, document, {})
    if changed:
        rev = opened.change(id, changed, rev, action="attach").rev
    names = files.names
    if problems and not names:
        raise BadRequest(" ".join(problems))
    if request.accept_mimetypes.best != "application/json":
        for problem in problems:
            flash(problem, "error")
        return redirect(document_url(database, id) + "#files", 303)
    fresh = opened.get(id)
    added = [{"name": name, "url": url_for("attachments.file", database=database, id=id, file=name)} for name in names]
    html = render_template(
        "document/files.html",
        database=opened,
        id=id,
        file_groups=itemfiles.groups(opened, form, fresh, editable=opened.may_edit(fresh)),
    )
    return jsonify(rev=rev, files=added, html=html, problems=problems)


@blueprint.post("/db/<database>/doc/<path:id>/remove-attachment/<path:file>")
@context.sign_in_required
def remove(database: str, id: str, file: str) -> Any:
    """Take an attachment off the document; the history keeps that it was there."""
    opened = context.open_database(database)
    document = opened.get(id)
    if file not in (document.get("_attachments") or {}):
        raise NotFound
    files = sentfiles.store(opened, form_of(opened.design, document), document, {}, [], gone=[file])
    opened.change(id, files.onto(id, document, {}), document["_rev"], action="detach")
    flash(_("%(name)s was removed.", name=file), "success")
    return redirect(document_url(database, id) + "#files", 303)
