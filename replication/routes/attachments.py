"""Attachments of a document, one by one."""

from __future__ import annotations

from flask import Response, g, request, send_file
from werkzeug.exceptions import HTTPException

from app.access.replica import Replica
from app.errors import BadRequest, Forbidden, Message, NotFound, TooLarge
from app.store.validity import attachment_name
from replication.routes.gate import answer, blueprint, opened, replica, revision

RULE = "/<database>/<syncid:id>/<syncpath:name>"


@blueprint.get(RULE)
def read_attachment(database: str, id: str, name: str) -> Response:
    """The bytes; ranges and `If-None-Match` work. 404."""
    return send(replica(database), id, request.args.get("rev"), name)


def send(base: Replica, id: str, rev: str | None, name: str, most: int | None = None) -> Response:
    """An attachment of a revision (None: of the winner). NotFound; Forbidden when it has more bytes than `most`."""
    found = base.revisions(id, [rev])[rev] if rev else base.all_leaves(id)[:1]
    stub = found[0].revision.attachments.get(name) if found and not found[0].revision.deleted else None
    if stub is None:
        raise NotFound("missing")
    if most is not None and stub.length > most:
        raise Forbidden("This device may not hold attachments of this size.")
    file = base.content(stub)
    told = send_file(file, mimetype=stub.content_type, etag=stub.digest, conditional=False, max_age=0)
    told.content_length = stub.length
    told.make_conditional(request, accept_ranges=True, complete_length=stub.length)
    told.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    told.headers["Content-Disposition"] = "attachment"
    return told


@blueprint.put(RULE)
def write_attachment(database: str, id: str, name: str) -> Response:
    """201 {ok, id, rev}; to a document that is there already. 403, 404, 409, 413."""
    base = opened(database)
    base.replica.guard_design(id)
    attachment_name(name)
    limit = g.node.settings.max_attachment
    if (request.content_length or 0) > limit:
        raise TooLarge(Message("This is larger than %(count)s MB.", count=limit // 1_000_000))
    kind = request.content_type or "application/octet-stream"
    try:
        saved = base.put_attachment(id, name, request.stream, kind, revision() or "")
    except HTTPException as problem:
        raise BadRequest("The body cannot be read.") from problem
    return answer({"ok": True, "id": saved.id, "rev": saved.rev}, 201)


@blueprint.delete(RULE)
def delete_attachment(database: str, id: str, name: str) -> Response:
    """{ok, id, rev}. 403, 404, 409."""
    base = opened(database)
    base.replica.guard_design(id)
    saved = base.delete_attachment(id, name, revision() or "")
    return answer({"ok": True, "id": saved.id, "rev": saved.rev})
