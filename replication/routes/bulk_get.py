"""`_bulk_get`: many revisions of many documents at once, as JSON or as multipart/mixed with the attachments beside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Response, request

from app import jsonio
from app.access.replica import Found, Replica
from app.errors import BadRequest
from replication import multipart
from replication.multipart import JSON, Part
from replication.routes.gate import answer, blueprint, body_object, replica, yes
from replication.routes.parts import part_of, reader
from replication.shapes import Wanted, document


class Result(NamedTuple):
    """What one entry asked for: revisions, or the one that is missing."""

    id: str
    rev: str | None
    found: list[Found]
    wanted: Wanted


@blueprint.post("/<database>/_bulk_get")
def bulk_get(database: str) -> Response:
    """{results: [{id, docs: [{ok: document} | {error: {id, rev, error, reason}}]}]}."""
    base = replica(database)
    docs = body_object().get("docs")
    if not isinstance(docs, list):
        raise BadRequest("Missing JSON list of 'docs'.")
    asked = [_checked(each) for each in docs]
    results = [_result(base, each) for each in asked]
    if request.accept_mimetypes.best_match([JSON, "multipart/mixed", "multipart/related"], JSON) != JSON:
        line = multipart.boundary()
        parts = (part for result in results for part in _parts(base, result))
        return Response(multipart.write(parts, line), content_type=f'multipart/mixed; boundary="{line}"')
    content = reader(base)
    return answer({"results": [{"id": each.id, "docs": _docs(each, content)} for each in results]})


def _checked(entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise BadRequest("Each of 'docs' is {id, rev?}.")
    if not isinstance(entry.get("rev"), str | None) or not isinstance(entry.get("atts_since"), list | None):
        raise BadRequest("Each of 'docs' is {id, rev?, atts_since?}.")
    return entry


def _result(base: Replica, entry: dict[str, Any]) -> Result:
    id, rev, since = entry["id"], entry.get("rev"), entry.get("atts_since")
    held = frozenset(each for each in since if isinstance(each, str)) if since is not None else None
    wanted = Wanted(yes("revs"), yes("attachments"), held)
    if rev is not None:
        return Result(id, rev, base.revisions(id, [rev], latest=yes("latest"))[rev], wanted)
    found = base.winners([id])
    return Result(id, None, base.all_leaves(id) if found else [], wanted)


def _error(result: Result) -> dict[str, Any]:
    return {"id": result.id, "rev": result.rev or "undefined", "error": "not_found", "reason": "missing"}


def _docs(result: Result, content: Any) -> list[dict[str, Any]]:
    if not result.found:
        return [{"error": _error(result)}]
    return [{"ok": document(each, result.wanted, content)} for each in result.found]


def _parts(base: Replica, result: Result) -> Iterator[Part]:
    if not result.found:
        yield Part(f'{JSON}; error="true"', iter([jsonio.dumps(_error(result))]))
    for each in result.found:
        yield part_of(base, each, result.wanted, {"X-Doc-Id": result.id, "X-Rev-Id": each.revision.rev})
