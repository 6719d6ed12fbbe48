"""New documents and edits: the form, its saves and conflicts, drafts, what follows from what, one item in place.

    GET  /db/<database>/new/<form>          ?copy=<id>  ?parent=<id>  ?<item>=<value>  ?draft=<key>
    POST /db/<database>/new/<form>
    GET  /db/<database>/doc/<id>/edit       POST the same
    POST /db/<database>/recompute/<form>    what is computed, hidden, required, offered now
    POST /db/<database>/draft/<key>         DELETE the same
    GET  /db/<database>/doc/<id>/item/<item>  POST: one item changed where it stands

Scripts ask with `Accept: application/json` and get `{location}`, `{errors, reason}` or `{dialog}`; without them
the same save answers with a redirect or the page again.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, g, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from app.access import Database
from app.design import Form
from app.errors import BadRequest, Conflict, Forbidden, NotFound
from app.ids import new_id
from app.web import context, i18n
from app.web.documents import conflict, formdata, itemfiles, recompute, saving, sentfiles
from app.web.documents.display import Shower
from app.web.documents.drafts import Draft, Drafts
from app.web.documents.layout import fixed, names_of
from app.web.documents.titles import document_url, form_of, title_of
from app.web.documents.widgets import Editor, dynamic

blueprint = Blueprint("edit", __name__)


def the_form(database: Database, name: str) -> Form:
    """A form of the database. NotFound."""
    form = database.design.forms.get(name) if database.design else None
    if form is None:
        raise NotFound
    return form


def drafts(database: Database) -> Drafts:
    """The person's drafts in a database."""
    return Drafts(context.node().store.node, context.identity().key, database.name)


def said(text: str) -> str:
    """A sentence of the rules in the person's language."""
    return i18n.say(text)


def wants_json() -> bool:
    """Whether a script asks."""
    return request.accept_mimetypes.best == "application/json"


# -- new --------------------------------------------------------------------------------------------------------------


@blueprint.get("/db/<database>/new/<form>")
@context.sign_in_required
def new(database: str, form: str) -> Any:
    """An empty form, a copy, a response, or one with items filled in from the address."""
    opened = context.open_database(database)
    made = the_form(opened, form)
    if not opened.may_create(form):
        raise Forbidden(_("You may not create documents of this kind here."))
    key = request.args.get("draft") or f"new:{form}:{new_id()[:12]}"
    draft = drafts(opened).get(key)
    start = starting_items(opened, made)
    items = {**start, **formdata.read_items(made, draft.sent(), g.zone)} if draft else start
    others = [] if draft else drafts(opened).of_form(form)[:3]
    return show_form(opened, made, items, old=None, key=key, draft=draft, others=others)


def starting_items(database: Database, form: Form) -> dict[str, Any]:
    """What a new document begins with: a copied document, then what the address says, then the form's defaults."""
    items: dict[str, Any] = {"form": form.name}
    if source := request.args.get("copy"):
        copied = database.get(source)
        left_out = {name for name, item in form.items.items() if item.type in ("code", "attachment") or item.computed}
        items |= {name: copied[name] for name in form.items if name in copied and name not in left_out}
    if parent := request.args.get("parent"):
        database.get(parent)  # NotFound for what the person may not read
        items["parent"] = parent
    given = {name: item for name, item in form.items.items() if name in request.args and item.type != "table"}
    for name, item in given.items():
        items[name] = formdata.read_item(item, request.args, g.zone)
    filled = context.node().rules.preview(database, None, items).items
    filled.update(items)
    for name, value in recompute.pulled(database, form, filled, None).items():
        if filled.get(name) in (None, "", []):
            filled[name] = formdata.read_value(form.items[name], value["value"], g.zone)
    return dict(filled)


@blueprint.post("/db/<database>/new/<form>")
@context.sign_in_required
def create(database: str, form: str) -> Any:
    """Save a new document."""
    opened = context.open_database(database)
    made = the_form(opened, form)
    items = formdata.read_items(made, request.form, g.zone)
    for name in recompute.untouched(made, items, request.form, g.zone):
        del items[name]  # the form fills it as the other items have it now
    if parent := request.form.get("_parent"):
        items["parent"] = parent
    key = request.form.get("_key") or f"new:{form}:{new_id()[:12]}"
    if "_anyway" not in request.form:
        matches = context.node().rules.duplicates(opened, made, items)
        if matches:
            return show_duplicates(opened, made, items, key, matches)
    problems: list[str] = []
    outcome = saving.create(opened, made, items, sent_files(opened, made, None, items, problems))
    if not outcome.saved:
        return show_refusal(opened, made, items, outcome, old=None, key=key)
    return finish(opened, outcome, key, problems)


def show_duplicates(database: Database, form: Form, items: dict[str, Any], key: str, matches: list[Any]) -> Any:
    """The documents that look like the new one: open one of them, or save anyway."""
    found = [
        {
            "id": match.id,
            "title": match.title,
            "url": document_url(database.name, match.id),
            "items": [context.label(form.items[name].label) for name in match.items if name in form.items],
        }
        for match in matches
    ]
    if wants_json():
        return jsonify(dialog=render_template("edit/duplicates.html", matches=found))
    return show_form(database, form, items, old=None, key=key, duplicates=found), 409


# -- edit -------------------------------------------------------------------------------------------------------------


@blueprint.get("/db/<database>/doc/<path:id>/edit")
@context.sign_in_required
def edit(database: str, id: str) -> Any:
    """The form of a document; a draft that was left is put back."""
    opened = context.open_database(database)
    document = opened.get(id)
    form = form_of(opened.design, document)
    if form is None:
        raise NotFound
    if not opened.may_edit(document):
        raise Forbidden(_("You may read this document but not change it."))
    draft = drafts(opened).get(id)
    base: dict[str, Any] = dict(document)
    items = dict(document)
    if draft:
        base = saving.base_of(opened, id, draft.rev or "") or base
        items = {**base, **formdata.read_items(form, draft.sent(), g.zone)}
    return show_form(opened, form, items, old=base, key=id, draft=draft)


@blueprint.post("/db/<database>/doc/<path:id>/edit")
@context.sign_in_required
def update(database: str, id: str) -> Any:
    """Save an edit; merge it with what others saved meanwhile."""
    opened = context.open_database(database)
    document = opened.get(id)
    form = form_of(opened.design, document)
    if form is None:
        raise NotFound
    items = formdata.read_items(form, request.form, g.zone)
    problems: list[str] = []
    files = sent_files(opened, form, document, items, problems)
    outcome = saving.update(opened, form, id, items, request.form, g.zone, files)
    if outcome.saved:
        return finish(opened, outcome, id, problems)
    if outcome.gone:
        raise NotFound
    if outcome.clashes:
        shown = conflict.rows(opened, form, outcome)
        if wants_json():
            return jsonify(dialog=render_template("edit/conflict.html", **shown))
        return show_form(opened, form, {**document, **items}, old=document, key=id, clashes=shown), 409
    return show_refusal(opened, form, {**document, **items}, outcome, old=document, key=id)


def sent_files(
    database: Database, form: Form, document: dict[str, Any] | None, items: dict[str, Any], problems: list[str]
) -> sentfiles.Files:
    """The files and pictures that came with the form, and those to take off the document."""
    sent = {name: request.files.getlist(name) for name in request.files}
    addresses, gone = request.form.getlist("_picture"), request.form.getlist("_remove_file")
    return sentfiles.store(database, form, document, sent, problems, addresses=addresses, gone=gone, items=items)


def finish(database: Database, outcome: saving.Outcome, key: str, problems: list[str]) -> Any:
    """After a save: the draft gone, on to the document."""
    warnings = [*(said(warning) for warning in outcome.warnings), *problems]
    drafts(database).drop(key)
    context.node().marks.read(database, outcome.id)
    if outcome.merged:
        warnings.append(_("Somebody else had changed other fields meanwhile; both changes are kept."))
    if wants_json() and "_stay" in request.form and key == outcome.id and not outcome.merged:
        return jsonify(rev=outcome.rev, saved=_("Saved"), warnings=warnings)
    flash(_("Saved"), "success")
    for warning in warnings:
        flash(warning, "warning")
    address = document_url(database.name, outcome.id)
    return jsonify(location=address) if wants_json() else redirect(address, 303)


def show_refusal(
    database: Database,
    form: Form,
    items: dict[str, Any],
    outcome: saving.Outcome,
    *,
    old: dict[str, Any] | None,
    key: str,
) -> Any:
    """The form again, with what is wrong beside the fields."""
    errors = {name: said(sentence) for name, sentence in outcome.errors.items()}
    reason = said(outcome.reason) if not errors else _("This is not saved yet. Please mend:")
    if outcome.reason == "busy":
        reason = _("Many people are changing this document right now. Please save again.")
    if wants_json():
        return jsonify(errors=errors, reason=reason), 422
    return show_form(database, form, items, old=old, key=key, errors=errors, reason=reason), 422


def show_form(
    database: Database,
    form: Form,
    items: dict[str, Any],
    *,
    old: dict[str, Any] | None,
    key: str,
    draft: Draft | None = None,
    others: list[Draft] | None = None,
    **more: Any,
) -> str:
    """The edit page."""
    editor = Editor(database, form, items, old=old, errors=more.get("errors"))
    groups = editor.groups()
    offered = [field.item.name for group in groups for field in group.fields if not field.fixed]
    id = str(old["_id"]) if old else ""
    return render_template(
        "edit/edit.html",
        database=database,
        form=form,
        form_label=context.label(form.label),
        heading=title_of(database.design, items) if old else _("New: %(kind)s", kind=context.label(form.label)),
        groups=groups,
        offered=offered,
        key=key,
        id=id,
        rev=str((old or {}).get("_rev", "")),
        parent=items.get("parent"),
        draft=draft,
        others=[
            (other, url_for("edit.new", database=database.name, form=form.name, draft=other.id))
            for other in others or []
        ],
        stubs={one.item: one.files for one in itemfiles.groups(database, form, old, editable=True)} if old else {},
        back=document_url(database.name, id) if old else url_for("views.first", database=database.name),
        dynamic=dynamic(form) or (old is None and bool(recompute.dependent(form))),
        defaults=recompute.defaults(database, form, items) if old is None else {},
        **more,
    )


# -- what follows from what -------------------------------------------------------------------------------------------


@blueprint.post("/db/<database>/recompute/<form>")
@context.sign_in_required
def recomputed(database: str, form: str) -> Response:
    """What the page should show for the values it holds now."""
    opened = context.open_database(database)
    made = the_form(opened, form)
    id = request.form.get("_id")
    old: dict[str, Any] | None = dict(opened.get(id)) if id else None
    items = {**(old or {}), **formdata.read_items(made, request.form, g.zone), "form": form}
    if parent := request.form.get("_parent"):
        items["parent"] = parent
    filled = context.node().rules.preview(opened, old, items).items
    return jsonify(recompute.answer(opened, made, items, old=old, before={**items, **filled}))


# -- drafts -----------------------------------------------------------------------------------------------------------


@blueprint.post("/db/<database>/draft/<path:key>")
@context.sign_in_required
def keep_draft(database: str, key: str) -> Response:
    """Keep what is typed."""
    opened = context.open_database(database)
    if len(key) > 300:
        raise BadRequest(_("This draft has no proper name."))
    at = drafts(opened).put(key, request.form.get("_rev") or None, formdata.kept(request.form))
    shown = formdata.local_moment(at, g.zone)[-5:]
    return jsonify(saved=_("Draft kept %(time)s", time=shown))


@blueprint.delete("/db/<database>/draft/<path:key>")
@context.sign_in_required
def drop_draft(database: str, key: str) -> Response:
    """Forget what was typed."""
    drafts(context.open_database(database)).drop(key)
    return Response(status=204)


@blueprint.post("/db/<database>/discard/<path:key>")
@context.sign_in_required
def discard(database: str, key: str) -> Any:
    """The button on the notice of a draft: forget it and start from what is saved."""
    opened = context.open_database(database)
    drafts(opened).drop(key)
    if key.startswith("new:"):
        return redirect(url_for("edit.new", database=database, form=key.split(":")[1]), 303)
    return redirect(url_for("edit.edit", database=database, id=key), 303)


# -- one item in place ------------------------------------------------------------------------------------------------


@blueprint.get("/db/<database>/doc/<path:id>/item/<item>")
@context.sign_in_required
def item(database: str, id: str, item: str) -> str:
    """The input of one item, to stand where its value stood."""
    opened = context.open_database(database)
    document = opened.get(id)
    form, field = _one(opened, document, item)
    return render_template("edit/item.html", database=database, id=id, rev=document["_rev"], field=field, form=form)


@blueprint.post("/db/<database>/doc/<path:id>/item/<item>")
@context.sign_in_required
def change_item(database: str, id: str, item: str) -> Any:
    """Change one item; the answer is its new value as the page shows it, or what is wrong."""
    opened = context.open_database(database)
    document = opened.get(id)
    form, _field = _one(opened, document, item)
    sent = MultiDict(request.form)
    sent["_fields"] = item
    outcome = saving.update(opened, form, id, formdata.read_items(form, sent, g.zone), sent, g.zone)
    if outcome.saved:
        fresh = opened.get(id)
        shown = Shower(opened.design, form, fresh).html(form.items[item], fresh.get(item))
        return jsonify(
            html=str(shown),
            rev=fresh["_rev"],
            saved=_("Saved"),
            warnings=[said(warning) for warning in outcome.warnings],
        )
    if outcome.clashes:
        theirs = Shower(opened.design, form, outcome.current).text(form.items[item], outcome.current.get(item))
        raise Conflict(_("Meanwhile somebody set this to “%(value)s”. Open the form to settle it.", value=theirs))
    raise BadRequest(said(outcome.errors.get(item) or outcome.reason))


def _one(database: Database, document: Any, item: str) -> tuple[Form, Any]:
    form = form_of(database.design, document)
    if form is None or item not in form.items:
        raise NotFound
    names = names_of(database, document, old=document)
    if not database.may_edit(document) or fixed(form.items[item], names):
        raise Forbidden(_("You may read this field but not change it."))
    return form, Editor(database, form, document, old=document).field(form.items[item])
