"""The history of a document: field by field, who, what it was and what it became; one field put back."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup

from app.access import Database
from app.access.joining import MERGE
from app.design import Form
from app.errors import BadRequest
from app.web import context
from app.web.documents.display import Shower
from app.web.documents.layout import STAMPS, action_word, fixed, item_of, names_of
from app.web.documents.titles import form_of, title_of

blueprint = Blueprint("history", __name__)

PAGE = 50


class Change(NamedTuple):
    """One item of an entry. `was` can be put back with `restore` (the revision before)."""

    name: str
    label: str
    old: Markup
    new: Markup
    long: bool
    restore: str


class Entry(NamedTuple):
    """What one revision changed."""

    rev: str
    at: str
    by: str
    device: str | None
    action: str
    comment: str | None
    changes: list[Change]
    merged: list[tuple[str, str]] = []  # noqa: RUF012  (never changed) · whose versions it took up, and of when


@blueprint.get("/db/<database>/doc/<path:id>/history")
@context.sign_in_required
def history(database: str, id: str) -> str:
    """The entries, newest first."""
    opened = context.open_database(database)
    document = opened.get(id)
    form = form_of(opened.design, document)
    start = max(request.args.get("from", 0, type=int), 0)
    entries = opened.conflicts.history(id)
    return render_template(
        "history/history.html",
        database=opened,
        id=id,
        document=document,
        heading=title_of(opened.design, document),
        entries=rows(opened, form, document, entries, start),
        following=start + PAGE if len(entries) > start + PAGE else None,
        may_edit=opened.may_edit(document),
    )


def rows(
    database: Database, form: Form | None, document: dict[str, Any], entries: list[Any], start: int
) -> list[Entry]:
    """Entries in words; what a person may put back has the revision that held it."""
    shower = Shower(database.design, form, document)
    names = names_of(database, document, old=document)
    may_edit = form is not None and database.may_edit(document)
    merged = database.conflicts.merged(str(document["_id"]))
    made = {entry.rev: (entry.by, entry.at) for entry in entries}
    found = []
    for entry in entries[start : start + PAGE]:
        changes = []
        for name, (old, new) in entry.items.items():
            if name in ("changed_at", "changed_by"):
                continue
            if name == "_attachments":
                changes.append(_files(old or {}, new or {}))
                continue
            item = item_of(form, database.design, name, new if new is not None else old)
            may_restore = may_edit and form is not None and name in form.items and not fixed(item, names)
            shown_old, shown_new = shower.html(item, old), shower.html(item, new)
            long = max(len(shown_old), len(shown_new)) > 160
            restore = entry.rev if may_restore and name not in STAMPS else ""
            changes.append(Change(name, context.label(item.label), shown_old, shown_new, long, restore))
        taken = [made[rev] for rev in merged.get(entry.rev, ()) if rev in made]
        word = action_word(entry.action or (MERGE if taken else None))
        found.append(Entry(entry.rev, entry.at, entry.by, entry.device, word, entry.comment, changes, taken))
    return found


def _files(old: dict[str, str], new: dict[str, str]) -> Change:
    gone = [name for name in old if old[name] != new.get(name)]
    come = [name for name in new if new[name] != old.get(name)]
    comma = Markup(", ")
    return Change("_attachments", _("Files"), comma.join(gone), comma.join(come), False, "")


@blueprint.post("/db/<database>/doc/<path:id>/history/restore")
@context.sign_in_required
def restore(database: str, id: str) -> Any:
    """Put one item back to what it was before an entry; that is a change of its own in the history."""
    opened = context.open_database(database)
    name, rev = request.form.get("item", ""), request.form.get("rev", "")
    entry = next((one for one in opened.history(id) if one.rev == rev), None)
    if entry is None or name not in entry.items or name.startswith("_"):
        raise BadRequest(_("This entry is no longer there."))
    opened.change(id, {name: entry.items[name][0]}, action="restore_item")
    form = form_of(opened.design, opened.get(id))
    flash(_("%(item)s was put back.", item=context.label(item_of(form, opened.design, name).label)), "success")
    return redirect(url_for("history.history", database=database, id=id), 303)
