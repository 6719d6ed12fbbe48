"""What is done in a list: reading marks, one row shown anew, a card moved, an item changed in many documents.

POST /db/<database>/marks                   {"ids": […], "read": true}  or  {"all": true} GET
/db/<database>/view/<view>/row/<id>    one row after a change POST /db/<database>/view/<view>/move
{"id", "rev", "value"} → {"rev", "before", "columns": [{key, count, totals}]} GET
/db/<database>/view/<view>/bulk        the dialog;  POST starts the job
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, jsonify, render_template, request
from flask_babel import gettext as _

from app import jsonio
from app.access import Database
from app.design import Item
from app.errors import BadRequest, Conflict, Forbidden, NotFound
from app.transfer.updating import TARGETS, allowed
from app.web import context
from app.web.documents import formdata
from app.web.documents.widgets import Editor
from app.web.lists import board, grid, page
from app.web.lists.page import ListPage

blueprint = Blueprint("lists", __name__)

MOST = 10_000  # documents named one by one
CHANGED = {
    "text",
    "keyword",
    "names",
    "date",
    "datetime",
    "money",
    "number",
    "integer",
    "boolean",
    "email",
    "phone",
    "url",
}
NEVER = {"form", "readers", "authors", "created_by", "created_at", "changed_by", "changed_at", "code"}


@blueprint.post("/db/<database>/marks")
@context.sign_in_required
def marks(database: str) -> Response:
    """Mark documents read or unread, or everything read."""
    opened = context.open_database(database)
    sent = jsonio.loads_object(request.get_data())
    node = context.node()
    if sent.get("all") is True:
        node.marks.read_all(opened)
        return Response(status=204)
    ids = _ids(sent.get("ids"))
    readable = opened.get_many(ids)
    for id in ids:
        if id in readable:
            (node.marks.read if sent.get("read") is not False else node.marks.unread)(opened, id)
    return Response(status=204)


def _ids(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST or not all(isinstance(id, str) for id in value):
        raise BadRequest(_("Name the documents."))
    return list(dict.fromkeys(value))


@blueprint.get("/db/<database>/view/<view>/row/<path:id>")
@context.sign_in_required
def row(database: str, view: str, id: str) -> str:
    """One row, with its columns computed from the document as it is now."""
    found = page.open_page(database, view, request.args)
    found.rows = [_row(found, found.database.get(id))]
    return render_template("view/rows.html", page=found, category_key=None)


def _row(found: ListPage, document: Any) -> grid.ShownRow:
    values = {column.column.name: grid.value_of(column.column, document) for column in found.columns}
    bare = grid.Bare(document["_id"], document["_rev"], document.get("form"), values, document)
    return grid.shown_rows(found.database, found.columns, [bare])[0]


@blueprint.post("/db/<database>/view/<view>/move")
@context.sign_in_required
def move(database: str, view: str) -> Response:
    """Put a card into another column: a change of the group item, checked like any other."""
    found = page.open_page(database, view, request.args)
    sent = jsonio.loads_object(request.get_data())
    item = found.items.get(found.view.group or "")
    id, value = sent.get("id"), sent.get("value")
    if item is None or not isinstance(id, str):
        raise NotFound
    document = found.database.get(id)
    before = document.get(item.name)
    if not found.database.may_edit(document):
        raise Forbidden(_("You may read this document but not change it."))
    saved = _change(found.database, document, item, value or None)
    return jsonify(rev=saved, before=before, columns=board.counts(found))


def _change(database: Database, document: Any, item: Item, value: Any) -> str:
    """Change one item; an edit of other items meanwhile does not matter."""
    try:
        return str(database.change(document["_id"], {item.name: value}, document["_rev"]).rev)
    except Conflict as conflict:
        current = conflict.current
        if current is None or current.get(item.name) != document.get(item.name):
            raise
        return str(database.change(document["_id"], {item.name: value}, current["_rev"]).rev)


@blueprint.get("/db/<database>/view/<view>/bulk")
@context.sign_in_required
def bulk(database: str, view: str) -> str:
    """The dialog: which item, and its new value in the item's own input."""
    found = page.open_page(database, view, request.args)
    items = _changeable(found)
    if not items:
        raise Forbidden(_("Nothing in this list can be changed in bulk."))
    chosen = next((item for item in items if item.name == request.args.get("_item")), items[0])
    form = next(form for form in _forms(found) if chosen.name in form.items)
    field = Editor(found.database, form, {"form": form.name}, old=None).field(chosen)
    part = "view/bulk_value.html" if request.args.get("_item") else "view/bulk.html"
    return render_template(
        part, page=found, items=items, chosen=chosen, field=field, count=request.args.get("count", "")
    )


def _forms(found: ListPage) -> list[Any]:
    design = found.database.design
    return [design.forms[name] for name in found.view.forms if name in design.forms] if design else []


def _changeable(found: ListPage) -> list[Item]:
    return [
        item
        for item in found.items.values()
        if item.type in CHANGED
        and item.name not in NEVER
        and not item.computed
        and not item.readonly
        and item.min_level <= int(found.database.rights.level)
    ]


@blueprint.post("/db/<database>/view/<view>/bulk")
@context.sign_in_required
def start(database: str, view: str) -> Any:
    """Start the job: over the documents named (`ids`), or over everything the address lists."""
    found = page.open_page(database, view, request.args)
    name = request.form.get("_item", "")
    item = next((item for item in _changeable(found) if item.name == name), None)
    if item is None:
        raise NotFound
    value = formdata.read_item(item, request.form, g.zone, formdata.PREFIX)
    if value in (None, "", []) and request.form.get("_empty") != "1":
        raise BadRequest(_("Give a value, or tick “empty it”."))
    items = allowed({name: value})
    jobs = context.node().jobs
    key = context.identity().person.key
    detail = {"view": view, "query": _parameters(found), "items": items}
    job = jobs.create("update", key, database, detail)
    ids = [id for id in request.form.get("ids", "").split("\n") if id]
    if ids:
        named = _ids(ids)
        with jobs.file(job.id, TARGETS).open("w", encoding="utf-8") as file:
            file.write("".join(f"{id}\n" for id in named))
    jobs.submit(job.id)
    return render_template("jobs/progress.html", job=jobs.get(job.id), dialog=True)


def _parameters(found: ListPage) -> dict[str, Any]:
    """The list's query as the job keeps it: the parameters of REST."""
    state = found.state
    given = {
        "sort": state.sort,
        "descending": state.descending,
        "starts": state.starts,
        "unread": state.unread,
        "filter": state.condition(),
    }
    return {name: value for name, value in given.items() if value}
