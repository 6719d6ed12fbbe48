"""What Ctrl+K offers: views, documents whose name begins so, and actions, best first.

GET /palette?q=&here=<database>    [{group, label, detail, url, icon}]
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask_babel import gettext as _

from app.web import context, frame
from app.web.api.search import find
from app.web.assets import icon
from app.web.lists.grid import document_url

blueprint = Blueprint("palette", __name__)

DOCUMENTS, VIEWS, ACTIONS = 8, 7, 6


@blueprint.get("/palette")
@context.sign_in_required
def palette() -> Response:
    """The entries for what was typed; without anything, the views at hand and the actions."""
    wanted = request.args.get("q", "").strip().casefold()[:100]
    here = request.args.get("here", "")
    entries = [*_views(wanted, here), *(_documents(wanted) if wanted else []), *_actions(wanted, here)]
    return jsonify(entries)


def _entry(group: str, label: str, url: str, sign: str, detail: str = "") -> dict[str, Any]:
    return {"group": group, "label": label, "detail": detail, "url": url, "icon": icon(sign)}


def _fits(wanted: str, *texts: str) -> bool:
    """Every word typed stands somewhere in the texts."""
    joined = " ".join(texts).casefold()
    return all(word in joined for word in wanted.split())


def _views(wanted: str, here: str) -> list[dict[str, Any]]:
    found = []
    for database in frame.navigation():
        for view in database.views:
            if _fits(wanted, view.label, database.title):
                near = (database.name != here, not view.label.casefold().startswith(wanted))
                found.append((near, _entry(_("Views"), view.label, view.url, view.icon, database.title)))
    found.sort(key=lambda pair: pair[0])
    return [entry for _near, entry in found[:VIEWS]]


def _documents(wanted: str) -> list[dict[str, Any]]:
    rows = []
    for hit in find(wanted, None, DOCUMENTS):
        detail = hit.snippet if hit.snippet != hit.title else ""
        rows.append(_entry(_("Documents"), hit.title, document_url(hit.database, hit.id), "file-earmark-text", detail))
    return rows


def _actions(wanted: str, here: str) -> list[dict[str, Any]]:
    made: list[tuple[str, str, str]] = []
    names = [info.name for info in context.readable_databases()]
    for name in sorted(names, key=lambda name: name != here):
        database = context.open_database(name)
        for form in database.design.forms.values() if database.design else ():
            if (not form.response_to or form.parent_optional) and database.may_create(form.name):
                words = _("New: %(form)s", form=context.label(form.label))
                made.append((words, f"/db/{name}/new/{form.name}", form.icon))
    made += [
        (_("Start page"), "/", "house"),
        (_("Keyboard shortcuts"), "#shortcuts", "keyboard"),
        (_("My profile"), "/me", "person"),
        (_("Guide"), "/guide", "book"),
    ]
    if here:
        made += [(_("Trash"), f"/db/{here}/trash", "trash3"), (_("Import a table"), f"/db/{here}/import", "upload")]
    if context.is_admin():
        made.append((_("Administration"), "/admin/", "sliders"))
    chosen = [one for one in made if _fits(wanted, one[0])]
    return [_entry(_("Actions"), label, url, sign) for label, url, sign in chosen[: ACTIONS if not wanted else 10]]
