"""Importing a table: upload, look at the mapping, a dry run with counts, the import as a job, its undo.

    GET  /db/<database>/import                 upload, and the imports so far
    POST /db/<database>/import                 the file: a dry run begins with the mapping that was guessed
    GET  /db/<database>/import/<job>           mapping, sample rows and counts, or how far the import is
    POST /db/<database>/import/<job>/check     the same file with another mapping
    POST /db/<database>/import/<job>/start     import it
    POST /db/<database>/import/<job>/cancel    stop; …/resume goes on, …/undo takes it back
    GET  /db/<database>/import/<job>/errors    the rows that were refused, with the reason

A dry run is a job like the import itself, so that a large file does not hold up the page.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.access import Database
from app.errors import BadRequest, Forbidden, NotFound
from app.store.files import Place
from app.transfer import errorfile, mapping, plans
from app.transfer.importing import PART, SOURCE, keep_source
from app.transfer.jobs import ERROR, Job
from app.transfer.plans import Part, Plan
from app.transfer.readers import Table, open_table
from app.web import context, i18n
from app.web.documents.sending import send_table

blueprint = Blueprint("importing", __name__)

SAMPLE = 5
LISTED = 30


def creatable(database: Database) -> list[Any]:
    """The forms whose documents the person may create here, those of the first view first."""
    forms = database.design.forms.values() if database.design else ()
    views = context.node().views.describe(database)
    first = views[0].forms if views else ()
    found = [form for form in forms if database.may_create(form.name) and not form.response_to]
    return sorted(found, key=lambda form: (form.name not in first, form.order))


@blueprint.get("/db/<database>/import")
@context.sign_in_required
def begin(database: str, problem: str = "") -> str:
    """Choose a file; below, what was imported before."""
    opened = context.open_database(database)
    forms = creatable(opened)
    if not forms:
        raise Forbidden(_("You may not create documents here, so you cannot import any."))
    found = context.node().jobs.list(person=context.identity().key, database=database, kind="import", limit=LISTED * 3)
    return render_template(
        "transfer/import.html",
        database=opened,
        database_title=title_of(opened),
        forms=forms,
        chosen=request.values.get("form") or forms[0].name,
        jobs=[job for job in found if not job.detail.get("dry_run")][:LISTED],
        problem=problem,
    )


def title_of(database: Database) -> str:
    """What the database is called."""
    return context.label(database.design.title) if database.design else database.name


@blueprint.post("/db/<database>/import")
@context.sign_in_required
def upload(database: str) -> Any:
    """Take the file, guess the mapping, begin the dry run."""
    opened = context.open_database(database)
    form = request.form.get("form", "")
    if not opened.may_create(form):
        raise Forbidden(_("You may not create documents of this kind here."))
    file = request.files.get("file")
    if file is None or not file.filename:
        return begin(database, _("Choose a file first.")), 422
    name = Path(file.filename.replace("\\", "/")).name
    with tempfile.TemporaryDirectory(prefix="davenport-") as folder:
        path = context.node().store.files.at(Path(folder) / SOURCE)
        with path.open("wb") as target:
            file.save(target)
        try:
            table = open_table(path, name)
            policy = request.form.get("duplicates", "skip")
            plan = plans.propose(opened.design, table, form, name, duplicates=policy)
        except BadRequest as problem:
            return begin(database, i18n.say(problem.reason)), 422
        job = _start(opened, plan, path, dry=True)
    return redirect(url_for("importing.show", database=database, job=job.id), 303)


def _start(database: Database, plan: Plan, source: Place, *, dry: bool) -> Job:
    jobs = context.node().jobs
    detail = {"plan": plan.to_json(), "dry_run": dry, "name": plan.name}
    job = jobs.create("import", context.identity().key, database.name, detail)
    keep_source(jobs.file(job.id, SOURCE), source)
    jobs.submit(job.id)
    return job


def own(database: str, id: str) -> Job:
    """An import of the person who asks. NotFound."""
    found = context.node().jobs.get(id)
    if found.person != context.identity().key or found.database != database or found.kind != "import":
        raise NotFound
    return found


def source_of(job: Job) -> tuple[Plan, Table, Place]:
    """The plan and the file of an import."""
    path = context.node().jobs.file(job.id, SOURCE)
    plan = Plan.from_json(job.detail["plan"])
    return plan, open_table(path, plan.name), path


@blueprint.get("/db/<database>/import/<job>")
@context.sign_in_required
def show(database: str, job: str) -> str:
    """Mapping and counts of a dry run; progress and outcome of an import."""
    opened = context.open_database(database)
    found = own(database, job)
    if request.args.get("part") == "status":
        return render_template("transfer/status.html", database=opened, job=found, **outcome(found))
    plan, table, _path = source_of(found)
    parts = (
        [_shown(opened, one) for one in plans.preview(table, plan, rows=SAMPLE)] if found.detail.get("dry_run") else []
    )
    return render_template(
        "transfer/job.html",
        database=opened,
        database_title=title_of(opened),
        job=found,
        name=plan.name,
        sheets=table.sheets,
        parts=parts,
        duplicates=plan.parts[0].duplicates,
        **outcome(found),
    )


def outcome(job: Job) -> dict[str, Any]:
    """Counts in words, and the first rows that were refused."""
    refused = []
    if job.finished and job.state != "undone":
        for row in context.node().jobs.rows(job.id, skipped=True):
            if (row.skipped or "").startswith(ERROR):
                refused.append((row.n % PART, i18n.say(row.why)))
            if len(refused) == 20:
                break
    return {"counts": job.detail.get("counts", {}), "refused": refused}


def _shown(database: Database, one: plans.Preview) -> dict[str, Any]:
    form = plans.form_of(database.design, one.part.form)
    items = sorted(mapping.mappable(form), key=lambda item: context.label(item.label).casefold())
    width = max([len(one.header), *(len(row.cells) for row in one.sample)], default=0)
    return {
        "form": context.label(form.plural),
        "part": one.part,
        "items": [(item.name, context.label(item.label), item.required) for item in items],
        "header": [_cell(one.header, index) for index in range(width)],
        "sample": [(row.number, [_cell(row.cells, index) for index in range(width)]) for row in one.sample],
        "missing": [
            context.label(item.label)
            for item in items
            if item.required
            and item.default is None
            and item.type != "code"
            and item.name not in one.part.columns.values()
        ],
    }


def _cell(cells: list[Any], index: int) -> str:
    value = cells[index] if index < len(cells) else None
    return "" if value is None else str(value)


@blueprint.post("/db/<database>/import/<job>/check")
@context.sign_in_required
def check(database: str, job: str) -> Any:
    """The dry run again with the mapping as it stands in the page."""
    opened = context.open_database(database)
    _found, plan, path = _adjusted(opened, job)
    return redirect(url_for("importing.show", database=database, job=_start(opened, plan, path, dry=True).id), 303)


@blueprint.post("/db/<database>/import/<job>/start")
@context.sign_in_required
def start(database: str, job: str) -> Any:
    """Import with the mapping as it stands in the page."""
    opened = context.open_database(database)
    _found, plan, path = _adjusted(opened, job)
    return redirect(url_for("importing.show", database=database, job=_start(opened, plan, path, dry=False).id), 303)


def _adjusted(database: Database, id: str) -> tuple[Job, Plan, Place]:
    found = own(database.name, id)
    plan, table, path = source_of(found)
    parts = [
        part
        for number, old in enumerate(plan.parts)
        if f"use.{number}" in request.form or number == 0
        for part in [_part(database, table, old, number, request.form)]
        if part.columns
    ]
    fresh = replace(plan, parts=tuple(parts))
    return found, plans.checked(database.design, fresh), path


def _part(database: Database, table: Table, old: Part, number: int, sent: Mapping[str, str]) -> Part:
    duplicates = sent.get("duplicates", old.duplicates)
    if duplicates not in plans.POLICIES:
        raise BadRequest(_("Duplicates are skipped, created or updated."))
    sheet = sent.get(f"sheet.{number}", old.sheet or "") or None
    if sheet != old.sheet:  # another sheet: its columns are guessed anew
        wanted: dict[str, Any] = {
            "parts": [{"form": old.form, "sheet": sheet, "duplicates": duplicates, "columns": {}}]
        }
        return plans.with_map(database.design, table, Plan("", (old,)), wanted).parts[0]
    start = f"map.{number}."
    columns = {int(key.removeprefix(start)): name for key, name in sent.items() if key.startswith(start) and name}
    return replace(old, columns=columns, duplicates=duplicates)


@blueprint.get("/db/<database>/import/<job>/errors")
@context.sign_in_required
def errors(database: str, job: str) -> Response:
    """The refused rows in a file of the same kind, each with its reason."""
    found = own(database, job)
    plan, table, _path = source_of(found)
    name = errorfile.name_of(plan.name, table.kind)
    return send_table(
        name,
        table.kind,
        lambda path: errorfile.write(context.node().jobs, job, path, language=g.language, say=i18n.say),
    )


@blueprint.post("/db/<database>/import/<job>/undo")
@context.sign_in_required
def undo(database: str, job: str) -> Any:
    """Take the import back where nobody changed its documents since."""
    context.node().jobs.undo(own(database, job).id, context.identity().key)
    return redirect(url_for("importing.show", database=database, job=job), 303)


@blueprint.post("/db/<database>/import/<job>/resume")
@context.sign_in_required
def resume(database: str, job: str) -> Any:
    """Go on where it stopped; nothing is imported twice."""
    context.node().jobs.go_on(own(database, job).id)
    return redirect(url_for("importing.show", database=database, job=job), 303)


@blueprint.post("/db/<database>/import/<job>/cancel")
@context.sign_in_required
def cancel(database: str, job: str) -> Any:
    """Stop after the present batch; what is imported stays and can be taken back."""
    context.node().jobs.cancel(own(database, job).id)
    return redirect(url_for("importing.show", database=database, job=job), 303)
