"""Many people from a sheet: paste or upload, preview with the reason beside each row, make, list of first keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _

from app.errors import BadRequest, DavenportError
from app.store.files import InMemory
from app.web import context
from app.web.admin import firstkeys, mailing, sheet
from app.web.admin.said import said

blueprint = Blueprint("people_sheet", __name__, url_prefix="/admin/people/sheet")

MOST_PASSWORDS = 200  # hashing one takes a tenth of a second on purpose


@blueprint.get("/")
@context.admin_required
def start() -> Any:
    """Where to paste or choose a file."""
    return render_template("admin/sheet.html", problem="", text="")


@blueprint.get("/example.csv")
@context.admin_required
def example() -> Response:
    """A sheet to begin with."""
    lines = [
        ",".join([_("Name"), _("Department"), _("Title"), _("Groups"), _("Mail")]),
        "Li Na,Sales North,Sales representative,sales,li.na@example.com",
        '王伟,技术支持,工程师,"support, service",wang.wei@example.com',
    ]
    answer = Response("\ufeff" + "\r\n".join(lines) + "\r\n", mimetype="text/csv")
    answer.headers["Content-Disposition"] = "attachment; filename=people.csv"
    return answer


@blueprint.post("/preview")
@context.admin_required
def preview() -> Any:
    """Read the rows and say of each whether it can be made."""
    text = request.form.get("text", "")
    try:
        rows = _read(text)
    except DavenportError as problem:
        return render_template("admin/sheet.html", problem=said(problem), text=text), 400
    make = ["units"]
    return _preview(rows, make, "link")


def _read(text: str) -> list[dict[str, str]]:
    file = request.files.get("file")
    if file is None or not file.filename:
        if not text.strip():
            raise BadRequest(_("Paste some rows or choose a file."))
        return sheet.from_text(text)
    return sheet.from_file(InMemory(file.read()), Path(file.filename).name)


def _preview(rows: list[dict[str, str]], make: list[str], way: str, status: int = 200) -> Any:
    return render_template(
        "admin/sheet_preview.html",
        checked=sheet.check(rows, make=make),
        columns=sheet.COLUMNS,
        make=make,
        way=way,
        relay=mailing.relay_set(),
        most_passwords=MOST_PASSWORDS,
    ), status


@blueprint.post("/create")
@context.admin_required
def create() -> Any:
    """Check once more, or make them and show how each gets in."""
    rows, make = sheet.from_form(request.form), request.form.getlist("make")
    way = request.form.get("way", "link")
    if request.form.get("action") == "check" or not rows:
        return _preview(rows, make, way)
    if way != "link" and len(rows) > MOST_PASSWORDS:
        way = "link"
    made, left = sheet.create(rows, make=make)
    keys = [firstkeys.make(person, way, mail="mail" in request.form) for person in made]
    if not keys:
        return _preview(rows, make, way, 400)
    context.node().audit.record(
        "bulk", context.identity().key, database="directory", detail={"people": len(keys), "refused": len(left)}
    )
    notes = []
    if left:
        notes.append(
            _("%(count)s rows were left out: %(names)s", count=len(left), names=", ".join(_why(line) for line in left))
        )
    heading = _("%(count)s people have been added", count=len(keys))
    return firstkeys.page(keys, url_for("people.people"), heading, notes)


def _why(line: sheet.Line) -> str:
    return f"{line.cells.get('name') or '?'} ({line.error})"
