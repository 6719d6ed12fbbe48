"""Long work: imports, and the jobs that imports and bulk updates are. Each person sees the own ones."""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

from flask import Response, g, request

from app import jsonio
from app.errors import BadRequest, Conflict, DavenportError, Forbidden, Message, NotFound
from app.store.files import Place
from app.transfer import errorfile, plans
from app.transfer.importing import NOT_ALLOWED, SOURCE, keep_source
from app.transfer.jobs import Job
from app.transfer.readers import open_table
from app.web import context
from app.web.api.attachments import Limited
from app.web.api.base import Api, answer, open_database, sentence, signed_in, text, whole, yes
from app.web.api.views import TYPES

api = Api("jobs")
blueprint = api.blueprint


@api.post(
    "/databases/<database>/imports",
    "Import a table (the body is the xlsx or csv file) as a job",
    query={
        "form": "The form its rows become",
        "name": "The file's name",
        "duplicates": "skip (the default), create or update",
        "dry_run": "true: only count what would happen",
        "map": "What the columns are, as JSON: `{header: item}`",
    },
    body="binary",
    answer="Job",
    status=202,
    errors=(400, 401, 403, 404, 413),
)
def start(database: str) -> Response:
    """202 {id, state, plan, …}; see `/jobs/{id}`."""
    person = signed_in()
    opened = open_database(database)
    form = text("form") or ""
    policy = text("duplicates", "skip") or "skip"
    if policy not in plans.POLICIES:
        raise BadRequest(Message("Duplicates are one of %(names)s.", names=", ".join(plans.POLICIES)))
    plans.form_of(opened.design, form)
    if not opened.may_create(form):
        raise Forbidden(NOT_ALLOWED)
    wanted = jsonio.loads_object(text("map") or "{}")
    name = Path((text("name") or "import").replace("\\", "/")).name
    with tempfile.TemporaryDirectory(prefix="davenport-") as folder:
        path = context.node().store.files.at(Path(folder) / SOURCE)
        _receive(path)
        table = open_table(path, name)
        plan = plans.propose(opened.design, table, form, name, duplicates=policy)
        if wanted:
            plan = plans.with_map(opened.design, table, plan, wanted)
        plans.checked(opened.design, plan)
        jobs = context.node().jobs
        detail = {"plan": plan.to_json(), "dry_run": yes("dry_run"), "name": name}
        job = jobs.create("import", person.key, database, detail)
        keep_source(jobs.file(job.id, SOURCE), path)
    jobs.submit(job.id)
    return answer(_shown(jobs.get(job.id)), 202, Location=f"/api/v1/jobs/{job.id}")


def _receive(path: Place) -> None:
    stream = Limited(request.stream, context.node().settings.max_attachment)
    with path.open("wb") as file:
        while block := stream.read(1 << 20):
            file.write(block)


def _shown(job: Job) -> dict[str, Any]:
    shown = job.shown()
    for name in ("plan", "dry_run", "view", "items", "undo"):
        if name in job.detail:
            shown[name] = job.detail[name]
    return shown


def own(id: str) -> Job:
    """A job of the person who asks. NotFound for those of others."""
    job: Job = context.node().jobs.get(id)
    scope = signed_in().scope
    if job.person != signed_in().key or (job.database and not scope.covers(job.database)):
        raise NotFound("missing")
    return job


@api.get(
    "/jobs",
    "Your jobs, newest first",
    query={"database": "Only of this database", "limit": "How many, at most 1000"},
    answer="Jobs",
    errors=(401,),
)
def jobs() -> Response:
    """[{id, kind, state, done, total, counts, …}]."""
    person = signed_in()
    found = context.node().jobs.list(person=person.key, database=text("database"), limit=whole("limit", 50, least=1))
    return answer([_shown(job) for job in found if not job.database or person.scope.covers(job.database)])


@api.get("/jobs/<id>", "How far a job is", answer="Job", errors=(401, 404))
def job(id: str) -> Response:
    """{id, kind, state, done, total, counts, problem, …}."""
    return answer(_shown(own(id)))


@api.get(
    "/jobs/<id>/skipped",
    "What a job skipped, with reasons",
    query={"limit": "How many, at most 1000"},
    answer="Skipped",
    errors=(401, 404),
)
def skipped(id: str) -> Response:
    """[{row, id, reason}]; `row` is that of the file in an import."""
    found = own(id)
    rows = islice(context.node().jobs.rows(found.id, skipped=True), whole("limit", 100, least=1))
    return answer([{"row": row.n % 10_000_000, "id": row.id, "reason": sentence(row.why)} for row in rows])


@api.get("/jobs/<id>/errors", "The rows an import refused, as a file", answer="binary", errors=(401, 404))
def errors(id: str) -> Response:
    """The same kind of file with one more column, the reason."""
    found = own(id)
    if found.kind != "import":
        raise NotFound("missing")
    jobs = context.node().jobs
    name = found.detail["plan"]["name"]
    with tempfile.TemporaryDirectory(prefix="davenport-") as folder:
        kind = open_table(jobs.file(found.id, SOURCE), name).kind
        path = context.node().store.files.at(Path(folder) / f"errors.{kind}")
        errorfile.write(jobs, found.id, path, language=g.language, say=sentence)
        with path.open("rb") as file:
            answered = Response(file.read(), content_type=TYPES[kind])
    filename = errorfile.name_of(name, kind)
    answered.headers.set("Content-Disposition", "attachment", filename=filename.encode("ascii", "ignore").decode())
    return answered


@api.post("/jobs/<id>/cancel", "Stop a job after its present batch", answer="Job", errors=(401, 403, 404))
def cancel(id: str) -> Response:
    """The job."""
    context.node().jobs.cancel(own(id).id)
    return answer(_shown(own(id)))


@api.post("/jobs/<id>/undo", "Take back what a job did", answer="Job", status=202, errors=(401, 403, 404, 409))
def undo(id: str) -> Response:
    """202 the job; what was changed since is left."""
    found = own(id)
    if found.database:
        try:
            open_database(found.database)
        except DavenportError as problem:
            raise Conflict("You can no longer open the database of this job.") from problem
    context.node().jobs.undo(found.id, signed_in().key)
    return answer(_shown(own(id)), 202)
