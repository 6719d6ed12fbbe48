"""Organisation units as a tree, each with a leader. `unit:x` and `leader-of:x` in access lists follow at once."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.access import Unit
from app.access.people import free_key
from app.access.principals import UNIT
from app.errors import BadRequest, DavenportError, NotFound
from app.web import context
from app.web.admin import directory
from app.web.admin.said import fields_of, said

blueprint = Blueprint("units", __name__, url_prefix="/admin/units")


def the_unit(key: str) -> Unit:
    """A unit by key. NotFound."""
    found = context.node().directory.snapshot().units.get(key)
    if found is None:
        raise NotFound
    return found


@blueprint.get("/")
@context.admin_required
def units() -> Any:
    """The tree."""
    rows = directory.flat(directory.tree())
    without = [person for person in context.node().directory.snapshot().active() if not person.unit]
    return render_template("admin/units.html", rows=rows, without=len(without))


@blueprint.route("/new", methods=["GET", "POST"])
@context.admin_required
def new() -> Any:
    """A new unit, below another one or at the top."""
    values = {name: request.values.get(name, "").strip() for name in ("name", "key", "parent", "leader")}
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            if not values["name"]:
                raise BadRequest("A unit needs a name.", fields={"name": _("A unit needs a name.")})
            key = values["key"].removeprefix(UNIT) or free_unit(values["name"])
            context.node().directory.create_unit(
                context.identity(), key, name=values["name"], parent=values["parent"], leader=values["leader"]
            )
        except DavenportError as problem:
            errors = fields_of(problem)
        else:
            flash(_("The unit “%(name)s” has been made.", name=values["name"]), "success")
            return redirect(url_for("units.units"), 303)
    return _page(None, values, errors)


def free_unit(name: str) -> str:
    """A unit's key near its name that was never issued."""
    taken = set(context.node().directory.snapshot().units)
    stem = free_key(context.node().databases, name)
    number, key = 1, stem
    while UNIT + key in taken:
        number += 1
        key = f"{stem}{number}"
    return key


@blueprint.route("/unit/<key>", methods=["GET", "POST"])
@context.admin_required
def unit(key: str) -> Any:
    """A unit: label, where it hangs, who leads it, who is in it."""
    found = the_unit(key)
    values = {"name": context.person_label(key), "key": key, "parent": found.parent, "leader": found.leader}
    if request.method == "GET":
        return _page(found, values, {})
    sent = {name: request.form.get(name, "").strip() for name in ("name", "parent", "leader")}
    items: dict[str, Any] = {name: sent[name] or None for name in ("parent", "leader")}
    if sent["name"] != values["name"]:
        items["name"] = directory.name_in(found.name, sent["name"])
    try:
        if not sent["name"]:
            raise BadRequest("A unit needs a name.", fields={"name": _("A unit needs a name.")})
        context.node().directory.change_unit(context.identity(), key, **items)
    except DavenportError as problem:
        return _page(found, {**values, **sent}, fields_of(problem))
    flash(_("Saved"), "success")
    return redirect(url_for("units.units"), 303)


def _page(found: Unit | None, values: dict[str, str], errors: dict[str, str]) -> Any:
    page = render_template(
        "admin/unit.html",
        unit=found,
        values=values,
        errors=errors,
        units=directory.unit_choices(without=found.key if found else ""),
        everybody=directory.members_all(found.key) if found else [],
        uses=[*directory.uses(found.key), *directory.uses("leader-of:" + found.key.removeprefix(UNIT))]
        if found
        else [],
    )
    return page, 400 if errors else 200


@blueprint.post("/unit/<key>/remove")
@context.admin_required
def remove(key: str) -> Any:
    """Remove a unit that is empty: nobody in it, none below."""
    found = the_unit(key)
    snapshot = context.node().directory.snapshot()
    inside = [person for person in snapshot.persons.values() if person.unit == key]
    below = [other for other in snapshot.units.values() if other.parent == key]
    name = context.person_label(found.key)
    if inside or below:
        flash(_("“%(name)s” still holds people or units. Move them first.", name=name), "error")
        return redirect(url_for("units.unit", key=key), 303)
    try:
        context.node().directory.remove_unit(context.identity(), key)
    except DavenportError as problem:
        flash(said(problem), "error")
        return redirect(url_for("units.unit", key=key), 303)
    flash(_("The unit “%(name)s” has been removed.", name=name), "success")
    return redirect(url_for("units.units"), 303)
