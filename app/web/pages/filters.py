"""Filters, columns and folds of a view: the dialog that makes a condition, filters kept under a name, columns chosen
and resized, categories folded.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app import jsonio
from app.design import Item
from app.errors import NotFound
from app.web import context, security
from app.web.lists import columns as columns_of
from app.web.lists import filters, folds, page
from app.web.lists.page import ListPage

blueprint = Blueprint("filters", __name__)

MOST = 60  # choices that stand as boxes to tick


@blueprint.get("/db/<database>/view/<view>/condition")
@context.sign_in_required
def condition(database: str, view: str) -> str:
    """The inputs of one condition: which item, and what it should hold."""
    found = page.open_page(database, view, request.args)
    items = filters.offered(found)
    if not items:
        raise NotFound
    name = request.args.get("_item")
    chosen = next((item for item in items if item.name == name), items[0])
    current = {value for one in found.state.filters if one.item == chosen.name for value in one.values}
    return render_template(
        "view/condition.html",
        page=found,
        items=items,
        chosen=chosen,
        options=_options(found, chosen),
        current=current,
    )


def _options(found: ListPage, item: Item) -> list[tuple[str, str]]:
    """The values to tick: choices, people, yes and no."""
    if item.type == "boolean":
        return [("true", _("Yes")), ("false", _("No"))]
    if item.type == "names":
        people = context.node().directory.persons()
        known = [("me", _("me, whoever looks"))]
        return (
            known + [(person.key, context.person_label(person.key)) for person in people if person.active][: MOST - 1]
        )
    if item.type != "keyword":
        return []
    design = found.database.design
    listed = design.keywords.get(item.keywords or "") if design else None
    choices = item.choices or (listed.choices if listed else ())
    return [(choice.value, context.label(choice.label)) for choice in choices[:MOST]]


@blueprint.post("/db/<database>/view/<view>/filters")
@context.sign_in_required
def save(database: str, view: str) -> Any:
    """Keep the present list under a name."""
    found = page.open_page(database, view, request.args)
    address = filters.save(
        found,
        request.form.get("name", ""),
        request.form.get("query", ""),
        shared=request.form.get("shared") == "1",
        columns=request.form.get("columns") == "1",
    )
    flash(_("The list is kept under “Saved” and “My views”."), "success")
    return redirect(address)


@blueprint.app_context_processor
def _offered() -> dict[str, Any]:
    return {"own_views": filters.own}


@blueprint.get("/me/views")
@context.sign_in_required
def own() -> str:
    """The lists of one's own: called otherwise, shared, given other columns, deleted."""
    return render_template("profile/views.html", tab="views", lists=filters.own())


@blueprint.post("/me/views/<id>")
@context.sign_in_required
def change(id: str) -> Any:
    """Change one of them."""
    sent = request.form
    filters.change(id, sent.get("name", ""), sent.getlist("columns"), shared=sent.get("shared") == "1")
    flash(_("Saved"), "success")
    return redirect(url_for("filters.own"), 303)


@blueprint.post("/filters/<id>/drop")
@context.sign_in_required
def drop(id: str) -> Any:
    """Forget a filter of one's own."""
    filters.drop(id)
    return redirect(security.safe_next(request.form.get("next")))


@blueprint.post("/db/<database>/view/<view>/folds")
@context.sign_in_required
def fold(database: str, view: str) -> Response:
    """Keep which categories stand unfolded for this person: {key, open} or {all: open | closed}."""
    opened = context.open_database(database)
    folds.keep(database, page.view_of(opened, view).name, jsonio.loads_object(request.get_data()))
    return Response(status=204)


@blueprint.post("/db/<database>/view/<view>/columns")
@context.sign_in_required
def columns(database: str, view: str) -> Response:
    """Keep which columns this person sees, in which order, how wide: {order, hidden, shown, widths} or
    {reset: true}.
    """
    opened = context.open_database(database)
    columns_of.keep(database, page.view_of(opened, view), jsonio.loads_object(request.get_data()))
    return Response(status=204)
