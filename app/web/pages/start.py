"""The start page: what waits for this person."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template

from app.web import context

blueprint = Blueprint("start", __name__)


@blueprint.get("/")
@context.sign_in_required
def start() -> Any:
    """What is due, unread, mine and new."""
    return render_template("start/start.html", panels=[])
