"""The guide in the product: one short page in each language, kept as templates because it is prose."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, render_template

from app.web import context

blueprint = Blueprint("guide", __name__)


@blueprint.get("/guide")
@context.sign_in_required
def guide() -> Any:
    """The guide in the person's language."""
    return render_template("guide/guide.html", text=f"guide/{'zh' if g.language == 'zh' else 'en'}.html")
