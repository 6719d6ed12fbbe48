"""The log: searched by person, event, database and time, and taken away as csv. Nobody changes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, g, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _

from app import clock
from app.access import AuditEntry
from app.transfer.tables import harmless
from app.web import context
from app.web.admin import words

blueprint = Blueprint("audit", __name__, url_prefix="/admin/audit")

PAGE = 60
BLOCK, MOST = 1000, 200_000


@blueprint.get("/")
@context.admin_required
def audit() -> Any:
    """Entries that fit, newest first."""
    query = _query()
    rows = context.node().databases.search_audit(
        context.identity(), **query, limit=PAGE + 1, before=request.args.get("before", type=int)
    )
    names = ("person", "event", "database", "since", "until")
    asked: dict[str, Any] = {name: request.args.get(name, "") for name in names}
    shown = rows[:PAGE]
    return render_template(
        "admin/audit.html",
        rows=[(row, words.detail(row.detail)) for row in shown],
        asked=asked,
        more=url_for("audit.audit", **asked, before=shown[-1].n) if len(rows) > PAGE else "",
        events=sorted(words.events().items(), key=lambda pair: pair[1]),
        databases=context.node().store.names(),
        csv=url_for("audit.download", **asked),
    )


def _query() -> dict[str, Any]:
    query: dict[str, Any] = {}
    for name in ("person", "event", "database"):
        if value := request.args.get(name, "").strip():
            query[name] = value
    if since := _day(request.args.get("since", "")):
        query["since"] = since
    if until := _day(request.args.get("until", ""), 1):
        query["until"] = until
    return query


def _day(text: str, add: int = 0) -> str | None:
    """The beginning of a day in the person's zone, as the log writes moments."""
    try:
        day = date.fromisoformat(text) + timedelta(days=add)
    except (ValueError, OverflowError):
        return None
    return clock.stamp(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(g.zone)))


@blueprint.get("/log.csv")
@context.admin_required
def download() -> Response:
    """The same entries as csv; the download is in the log too."""
    query = _query()
    node, identity = context.node(), context.identity()
    node.databases.search_audit(identity, limit=1)
    node.databases.export_logged(identity, "", "audit", **query)
    names = words.events()

    def blocks() -> Iterator[str]:
        head = [_("Number"), _("Time (UTC)"), _("Person"), _("Event"), _("Database"), _("Subject"), _("Address"),
                _("Detail")]  # fmt: skip
        yield "\ufeff" + _row(head)
        before: int | None = None
        for _round in range(MOST // BLOCK):
            rows = node.databases.search_audit(identity, **query, limit=BLOCK, before=before)
            yield "".join(_row(_cells(row, names)) for row in rows)
            if len(rows) < BLOCK:
                return
            before = rows[-1].n

    answer = Response(stream_with_context(blocks()), mimetype="text/csv")
    answer.headers["Content-Disposition"] = "attachment; filename=log.csv"
    return answer


def _cells(row: AuditEntry, names: dict[str, str]) -> list[str]:
    detail = "; ".join(f"{name}: {text}" for name, text in words.detail(row.detail))
    who = f"{context.person_label(row.person)} ({row.person})" if row.person else ""
    return [str(row.n), row.at, who, names.get(row.event, row.event), row.database or "", row.subject or "",
            row.address or "", detail]  # fmt: skip


def _row(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([harmless(cell) for cell in cells])
    return line.getvalue()
