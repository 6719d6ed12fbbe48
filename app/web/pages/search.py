"""The search page: documents whose name, code, subject or telephone number begins with what was typed."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from flask import Blueprint, redirect, render_template, request

from app.web import context
from app.web.api.search import find
from app.web.lists.grid import document_url

blueprint = Blueprint("search", __name__)

MOST = 60


@blueprint.get("/search")
@context.sign_in_required
def results() -> Any:
    """Hits by database; each is a row the person also sees in a list. One alone is opened at once."""
    wanted = request.args.get("q", "").strip()[:200]
    hits = find(wanted, None, MOST) if wanted else []
    if len(hits) == 1:
        return redirect(document_url(hits[0].database, hits[0].id))
    groups = []
    for name, found in groupby(sorted(hits, key=lambda hit: hit.database), key=lambda hit: hit.database):
        database = context.open_database(name)
        rows = list(found)
        documents = database.get_many([hit.id for hit in rows])
        design = database.design
        shown = []
        for hit in rows:
            document = documents.get(hit.id)
            if document is None:
                continue
            form = design.forms.get(str(document.get("form"))) if design else None
            shown.append(
                {
                    "url": document_url(name, hit.id),
                    "title": hit.title,
                    "snippet": hit.snippet if hit.snippet != hit.title else str(document.get("code") or ""),
                    "kind": context.label(form.label) if form else "",
                    "icon": form.icon if form else "file-earmark-text",
                    "changed": document.get("changed_at"),
                }
            )
        if shown:
            groups.append((context.label(design.title) if design else name, shown))
    return render_template("search/results.html", q=wanted, groups=groups, count=len(hits), most=MOST)
