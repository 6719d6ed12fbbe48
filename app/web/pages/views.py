"""The page of a view."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, url_for

from app.errors import NotFound
from app.web import context

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
    context.open_database(database)
    return render_template("start/start.html")
