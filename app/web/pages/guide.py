"""(being written)"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template

from app.web import context

blueprint = Blueprint("guide", __name__)


@blueprint.get("/guide")
@context.sign_in_required
def guide() -> Any:
    """The guide."""
    return render_template("start/start.html")
