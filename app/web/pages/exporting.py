"""Export of a view: the rows, columns and filter of the screen, as xlsx or csv, by right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, g, render_template, request, url_for
from flask_babel import gettext as _

from app import clock
from app.errors import BadRequest, Forbidden
from app.transfer.exporting import wanted_columns
from app.web import context
from app.web.documents.sending import TYPES, send_table
from app.web.exporting import exporter
from app.web.lists import page

blueprint = Blueprint("exporting", __name__)


@blueprint.get("/db/<database>/export/<view>")
@context.sign_in_required
def export(database: str, view: str) -> Any:
    """`?as=xlsx|csv` gives the file; without it, the choice. The other arguments are those of the view's address."""
    opened = context.open_database(database)
    if not opened.may_copy:
        raise Forbidden(_("You may read here, but not copy or export documents."))
    found = page.open_page(database, view, request.args)
    kind = request.args.get("as")
    title = context.label(found.view.label)
    names = [shown.name for shown in found.columns]
    if kind is None:
        return render_template(
            "transfer/export.html",
            database=opened,
            title=title,
            back=found.address(),
            links=[(one, _link(database, view, one)) for one in TYPES],
            columns=[context.label(one.label) for one in wanted_columns(found.view, names, grouped=found.grouped)],
            count=_count(found),
        )
    if kind not in TYPES:
        raise BadRequest(_("A view is exported as xlsx or csv."))
    query = replace(found.state.query(), limit=500)
    node, language = context.node(), str(g.language)
    log = node.databases

    def write(path: Any) -> int:
        log.export_logged(opened.identity, database, view, kind=kind)
        return exporter(node, opened, language).write(
            opened, view, query, path, kind=kind, language=language, columns=names
        )

    return send_table(f"{title} {clock.today(g.zone).isoformat()}.{kind}", kind, write)


def _link(database: str, view: str, kind: str) -> str:
    pairs = [(key, value) for key, value in request.args.items(multi=True) if key != "as"]
    return f"{url_for('exporting.export', database=database, view=view)}?{urlencode([*pairs, ('as', kind)])}"


def _count(found: Any) -> int | None:
    total = context.node().views.total(found.database, found.view.name, found.state.query())
    return None if total.more else total.count
