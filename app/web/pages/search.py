"""(being written)"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template

from app.web import context

blueprint = Blueprint("search", __name__)


@blueprint.get("/search")
@context.sign_in_required
def results() -> Any:
    """Documents whose name, code or phone begins so."""
    return render_template("start/start.html")
