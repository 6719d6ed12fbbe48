"""`_bulk_docs`: many documents at once. Revisions made elsewhere (`new_edits: false`) are judged one by one and keep
their names; otherwise each is a save as on a page, and the revision is named here.

A replicator skips what answers `forbidden` and goes on; so whatever keeps a pushed revision out for good (rights, form
rules) answers so, for this document alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from app.access import Database
from app.access.replica import Incoming
from app.errors import BadRequest, DavenportError
from app.ids import new_id
from replication.routes.gate import answer, blueprint, body, opened, told
from replication.shapes import incoming, items

ALWAYS = frozenset({"forbidden", "missing_stub", "document_too_large"})  # names that replicators know


@blueprint.post("/<database>/_bulk_docs")
def bulk_docs(database: str) -> Response:
    """201 [{ok, id, rev} | {id, rev?, error, reason}]; with `new_edits: false` only the refusals."""
    base = opened(database)
    sent = body()
    docs, new_edits = (sent.get("docs"), sent.get("new_edits", True)) if isinstance(sent, dict) else (None, True)
    if not isinstance(docs, list) or not all(isinstance(each, dict) for each in docs):
        raise BadRequest("`docs` is a list of documents.")
    if new_edits is False:
        return answer(pushed(base, docs), 201)
    return answer([_saved(base, each) for each in docs], 201)


def pushed(base: Database, docs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The refusals among revisions made elsewhere."""
    replica = base.replica
    refused: list[dict[str, Any]] = []
    branches: list[Incoming] = []
    for each in docs:
        try:
            branches.append(incoming(each))
        except BadRequest as problem:
            refused.append(_refusal(each.get("_id"), each.get("_rev"), problem))
    for branch, refusal in zip(branches, replica.push(branches), strict=True):
        if refusal is not None:
            refused.append(_refusal(branch.id, branch.revisions[0], refusal))
    return refused


def _refusal(id: object, rev: object, problem: DavenportError) -> dict[str, Any]:
    said = told(problem)
    if said["error"] not in ALWAYS:
        said["error"] = "forbidden"
    return {"id": id, "rev": rev, **said}


def _saved(base: Database, sent: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return save(base, sent)
    except DavenportError as problem:
        if problem.status >= 500:
            raise
        return {"id": sent.get("_id"), **told(problem)}


def save(base: Database, sent: Mapping[str, Any]) -> dict[str, Any]:
    """One document as a save on a page; {ok, id, rev}. Forbidden, Conflict, BadRequest, …"""
    id, rev = sent.get("_id", new_id()), sent.get("_rev")
    if not isinstance(id, str) or not isinstance(rev, str | None):
        raise BadRequest("“_id” and “_rev” are texts.")
    base.replica.guard_design(id)
    gone = sent.get("_deleted") is True
    saved = base.delete(id, rev or "") if gone else base.update(id, items(sent), rev)
    return {"ok": True, "id": saved.id, "rev": saved.rev}
