"""What the frame asks for by itself: unread counts, the menu of new documents, language and colours."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, g, jsonify, redirect, render_template, request, url_for

from app import jsonio
from app.errors import DavenportError, NotFound
from app.web import context, frame, i18n, preferences, security

blueprint = Blueprint("frame", __name__)

CAP = 99
YEAR = 31_536_000


@blueprint.get("/frame/unread")
def unread() -> Response:
    """{"customers": "14", "customers/customers": "12", …}: unread documents of every database, and of the views of
    the unfolded ones (`open`, with commas); "99+" beyond the cap.
    """
    counts: dict[str, str] = {}
    if not context.signed_in():
        return jsonify(counts)
    node, unfolded = context.node(), set(request.args.get("open", "").split(","))
    for info in context.readable_databases():
        if info.name == "directory":  # that somebody chose another language is no news
            continue
        try:
            database = context.open_database(info.name)
        except NotFound:
            continue
        whole = node.marks.unread_count(database, cap=CAP + 1)
        if not whole:
            continue
        counts[info.name] = _capped(whole)
        for view in node.views.describe(database) if info.name in unfolded else ():
            if not view.unread:
                continue
            count = node.marks.unread_count(database, view.name, cap=CAP + 1)
            if count:
                counts[f"{info.name}/{view.name}"] = _capped(count)
    return jsonify(counts)


def _capped(count: int) -> str:
    return f"{CAP}+" if count > CAP else str(count)


@blueprint.post("/frame/opened")
@context.sign_in_required
def opened() -> Response:
    """Keep which databases stand unfolded in the navigation: {"databases": [names]}."""
    sent = jsonio.loads_object(request.get_data()).get("databases")
    known = {info.name for info in context.readable_databases()}
    names = [name for name in sent if name in known] if isinstance(sent, list) else []
    preferences.write(frame.OPENED, {"databases": names} if names else {})
    return Response(status=204)


@blueprint.get("/new")
@context.sign_in_required
def new_menu() -> Any:
    """What the person may write, by database; a menu for htmx, a page otherwise."""
    groups = []
    for info in context.readable_databases():
        database = context.open_database(info.name)
        design = database.design
        if design is None:
            continue
        forms = [
            {
                "label": context.label(form.label),
                "icon": form.icon,
                "url": url_for("edit.new", database=info.name, form=form.name),
            }
            for form in sorted(design.forms.values(), key=lambda form: form.order)
            if (not form.response_to or form.parent_optional) and database.may_create(form.name)
        ]
        if forms:
            groups.append((design.order, {"title": context.label(design.title), "forms": forms}))
    groups.sort(key=lambda pair: pair[0])
    template = "frame/new_menu.html" if context.from_htmx() else "frame/new_page.html"
    return render_template(template, groups=[group for _, group in groups])


def _keep(name: str, value: str, known: Any) -> Response:
    answer = redirect(security.safe_next(request.form.get("next")))
    if value in known:
        answer.set_cookie(name, value, max_age=YEAR, samesite="Lax", secure=request.is_secure)
    return answer  # type: ignore[return-value]


@blueprint.post("/frame/language")
def set_language() -> Response:
    """Another language: kept with the person, and in the browser for the sign-in page."""
    value = request.form.get("language", "")
    if value in i18n.LANGUAGES and context.signed_in():
        with suppress(DavenportError):  # where the directory refuses, the browser still remembers it
            context.node().directory.change_person(g.identity, g.identity.key, language=value)
    return _keep("language", value, i18n.LANGUAGES)


@blueprint.post("/frame/theme")
def set_theme() -> Response:
    """Other colours, without JavaScript; with it the browser sets its cookie itself."""
    return _keep("theme", request.form.get("theme", ""), frame.THEMES)
