"""The page of a view: grid, board or calendar, and the parts of it that htmx asks for.

GET /db/<database>/view/<view>            the page; `HX-Target: list` only the list
    ?part=rows&after=…&category=…         more rows
    ?part=board&category=…&after=…        more cards of a column
    ?part=total                           number and sums, where the page could not tell them; 204: no better now
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from app.errors import NotFound
from app.web import context
from app.web.lists import board, calendar, filters, page
from app.web.lists.page import ListPage

blueprint = Blueprint("views", __name__)


@blueprint.get("/db/<database>/")
@context.sign_in_required
def first(database: str) -> Any:
    """A database opens on its first view."""
    views = context.node().views.describe(context.open_database(database))
    if not views:
        raise NotFound
    return redirect(url_for("views.view", database=database, view=views[0].name))


@blueprint.get("/db/<database>/view/<view>")
@context.sign_in_required
def view(database: str, view: str) -> Any:
    """A view."""
    found = page.open_page(database, view, request.args)
    part = request.args.get("part")
    if part == "rows":
        return _rows(found)
    if part == "board":
        return render_template(
            "view/cards.html", page=found, column=board.more(found, request.args.get("category"), _after())
        )
    if part == "total":
        return _total(found)
    extra: dict[str, Any] = {}
    if found.state.style == "kanban" and found.view.group:
        extra["board"] = board.build(found)
    elif found.state.style == "calendar" and found.view.date:
        extra["calendar"] = calendar.build(found)
    else:
        page.fill(found, _after(), request.args.get("category"))
    if request.headers.get("HX-Target") == "list":
        return render_template("view/list.html", page=found, **_around(found), **extra)
    return render_template("view/view.html", page=found, **_around(found), **extra)


def _after() -> str | None:
    return request.args.get("after") or None


def _rows(found: ListPage) -> str:
    """More rows: of the whole list, or of one category."""
    key = request.args.get("category")
    page.fetch(found, after=_after(), category=key)
    return render_template("view/rows.html", page=found, category_key=key)


def _total(found: ListPage) -> Any:
    page.count(found)
    if found.count is None and found.least <= page.PAGE:  # a page of rows says as much
        return "", 204
    return render_template("view/total.html", page=found)


def _around(found: ListPage) -> dict[str, Any]:
    """What stands around the list: chips, menus, the New button."""
    database, design = found.database, found.database.design
    new_url = new_label = None
    if found.view.new and design and found.view.new in design.forms and database.may_create(found.view.new):
        new_url = f"/db/{database.name}/new/{found.view.new}"
        new_label = context.label(design.forms[found.view.new].label)
    return {
        "new_url": new_url,
        "new_label": new_label,
        "chips": filters.chips(found),
        "saved": filters.saved(found),
        "find_hint": filters.find_hint(found),
        "styles": _styles(found),
    }


def _styles(found: ListPage) -> list[tuple[str, str]]:
    """The styles this view can be shown in, with their icons; one alone is no choice."""
    known = [("table", "table")]
    if found.view.group:
        known.append(("kanban", "kanban"))
    if found.view.date:
        known.append(("calendar", "calendar3"))
    return known if len(known) > 1 else []
