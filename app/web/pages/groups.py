"""Groups and their members: persons, units, positions and other groups."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.access import Group
from app.access.people import free_key
from app.errors import BadRequest, DavenportError, NotFound
from app.web import context
from app.web.admin import directory
from app.web.admin.said import fields_of, said

blueprint = Blueprint("groups", __name__, url_prefix="/admin/groups")


def the_group(key: str) -> Group:
    """A group by key. NotFound."""
    found = context.node().directory.snapshot().groups.get(key)
    if found is None:
        raise NotFound
    return found


@blueprint.get("/")
@context.admin_required
def groups() -> Any:
    """Every group, with who is in it and where it gives rights."""
    words = request.args.get("q", "").strip().casefold()
    rows = [
        (group, context.person_label(group.key), len(directory.members_all(group.key)), directory.uses(group.key))
        for group in context.node().directory.groups()
    ]
    rows = [row for row in rows if words in f"{row[1]} {row[0].key}".casefold()]
    rows.sort(key=lambda row: row[1])
    return render_template("admin/groups.html", rows=rows, q=request.args.get("q", ""))


@blueprint.route("/new", methods=["GET", "POST"])
@context.admin_required
def new() -> Any:
    """A new group; its key is made from the name unless one is given."""
    name, key = request.form.get("name", "").strip(), request.form.get("key", "").strip()
    members, about = request.form.getlist("members"), request.form.get("description", "").strip()
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            if not name:
                raise BadRequest("A group needs a name.", fields={"name": _("A group needs a name.")})
            key = key or free_key(context.node().databases, name)
            context.node().directory.create_group(
                context.identity(), key, name=name, members=members, description=about or None
            )
        except DavenportError as problem:
            errors = fields_of(problem)
        else:
            flash(_("The group “%(name)s” has been made.", name=name), "success")
            return redirect(url_for("groups.group", key=key), 303)
    shown = {"name": name, "key": key, "description": about}
    return render_template("admin/group.html", group=None, values=shown, members=members, errors=errors), (
        400 if errors else 200
    )


@blueprint.route("/group/<key>", methods=["GET", "POST"])
@context.admin_required
def group(key: str) -> Any:
    """A group: label, members, everybody in it, and where it gives rights."""
    found = the_group(key)
    document = context.open_database("directory").get(key)
    values = {"name": context.person_label(key), "key": key, "description": str(document.get("description") or "")}
    members, errors = list(found.members), {}
    if request.method == "POST":
        name, members = request.form.get("name", "").strip(), request.form.getlist("members")
        about = request.form.get("description", "").strip()
        items: dict[str, Any] = {"members": members, "description": about or None}
        if name != values["name"]:
            items["name"] = directory.name_in(found.name, name)
        values = {**values, "name": name, "description": about}
        try:
            if not name:
                raise BadRequest("A group needs a name.", fields={"name": _("A group needs a name.")})
            context.node().directory.change_group(context.identity(), key, **items)
        except DavenportError as problem:
            errors = fields_of(problem)
        else:
            flash(_("Saved"), "success")
            return redirect(url_for("groups.group", key=key), 303)
    return render_template(
        "admin/group.html",
        group=found,
        values=values,
        members=members,
        errors=errors,
        everybody=directory.members_all(key),
        uses=directory.uses(key),
        within=directory.groups_of(key),
    ), (400 if errors else 200)


@blueprint.post("/group/<key>/remove")
@context.admin_required
def remove(key: str) -> Any:
    """Remove a group: nobody holds its name any more, and nobody ever will."""
    the_group(key)
    name = context.person_label(key)
    try:
        context.node().directory.remove_group(context.identity(), key)
    except DavenportError as problem:
        flash(said(problem), "error")
        return redirect(url_for("groups.group", key=key), 303)
    flash(_("The group “%(name)s” has been removed.", name=name), "success")
    return redirect(url_for("groups.groups"), 303)
