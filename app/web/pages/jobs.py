"""Long work as its owner sees it: progress, what was skipped and why, cancel, undo.

GET /jobs/<id>    the page; `HX-Request` the box that asks for itself again until the job has ended
POST /jobs/<id>/cancel · /jobs/<id>/undo
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from flask import Blueprint, redirect, render_template

from app.errors import NotFound
from app.transfer.jobs import Job
from app.web import context, i18n

blueprint = Blueprint("jobs", __name__)

SKIPPED = 100  # skipped rows on the page


def own(id: str) -> Job:
    """A job of the person who asks; an administrator sees every one. NotFound otherwise."""
    job = context.node().jobs.get(id)
    if job.person != context.identity().person.key and not context.is_admin():
        raise NotFound
    return job


@blueprint.get("/jobs/<id>")
@context.sign_in_required
def job(id: str) -> str:
    """How far a job is."""
    return _shown(own(id))


@blueprint.post("/jobs/<id>/cancel")
@context.sign_in_required
def cancel(id: str) -> Any:
    """Stop after the present batch; what is done stays done and can be undone."""
    context.node().jobs.cancel(own(id).id)
    return _answer(id)


@blueprint.post("/jobs/<id>/undo")
@context.sign_in_required
def undo(id: str) -> Any:
    """Put back what the job changed, where nobody changed it since."""
    context.node().jobs.undo(own(id).id, context.identity().person.key)
    return _answer(id)


def _answer(id: str) -> Any:
    return _shown(own(id)) if context.from_htmx() else redirect(f"/jobs/{id}")


def _shown(found: Job) -> str:
    skipped = []
    if found.finished:
        rows = islice(context.node().jobs.rows(found.id, skipped=True), SKIPPED)
        skipped = [(row.id, i18n.say(row.why)) for row in rows]
    template = "jobs/progress.html" if context.from_htmx() else "jobs/job.html"
    return render_template(template, job=found, skipped=skipped)
