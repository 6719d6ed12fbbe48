"""One document: read (also as its revisions), saved, pushed (`new_edits=false`, `multipart/related`), deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response, g, request

from app import jsonio
from app.access.replica import Found, Replica
from app.errors import BadRequest, NotFound
from replication import multipart
from replication.multipart import JSON, Part
from replication.routes.bulk_docs import save
from replication.routes.gate import LARGEST, answer, blueprint, body_object, json_of, opened, replica, revision, yes
from replication.routes.parts import part_of, reader, related
from replication.shapes import Wanted, document, incoming

RULE = "/<database>/<syncid:id>"
DESIGN = "/<database>/_design/<syncid:id>"


@blueprint.get(DESIGN)
def read_design(database: str, id: str) -> Response:
    """As `read`, of a design document."""
    return read(database, f"_design/{id}")


@blueprint.get(RULE)
def read(database: str, id: str) -> Response:
    """The document; with `open_revs` a list of revisions. 404 when missing, deleted or not readable."""
    base = replica(database)
    since = json_of("atts_since")
    if not isinstance(since, list | None):
        raise BadRequest("`atts_since` is a list of revisions.")
    held = frozenset(each for each in since if isinstance(each, str)) if since is not None else None
    wanted = Wanted(yes("revs"), yes("attachments"), held)
    if "open_revs" in request.args:
        return _open_revs(base, id, wanted)
    found = _one(base, id)
    if wanted.attachments and _prefers("multipart/related"):
        line = multipart.boundary()
        content = multipart.write(related(base, found, wanted), line)
        return Response(content, content_type=f'multipart/related; boundary="{line}"')
    told = document(found, wanted, reader(base))
    _add_conflicts(base, told)
    return answer(told, ETag=f'"{found.revision.rev}"')


def _prefers(kind: str) -> bool:
    return request.accept_mimetypes.best_match([JSON, kind], JSON) == kind


def _one(base: Replica, id: str) -> Found:
    rev = request.args.get("rev")
    if rev:
        found = base.revisions(id, [rev], latest=yes("latest"))[rev]
        if not found:
            raise NotFound("missing")
        return found[0]
    leaf = base.all_leaves(id)[0]
    if leaf.revision.deleted:
        raise NotFound("deleted")
    return leaf


def _add_conflicts(base: Replica, told: dict[str, Any]) -> None:
    for name, deleted in (("conflicts", False), ("deleted_conflicts", True)):
        if yes(name):
            leaves = base.leaves(told["_id"])[1:]
            rest = [leaf.rev for leaf in leaves if leaf.deleted is deleted and leaf.rev != told["_rev"]]
            if rest:
                told[f"_{name}"] = rest


def _open_revs(base: Replica, id: str, wanted: Wanted) -> Response:
    """`open_revs=all` or a JSON list: [{ok: document} | {missing: rev}], or multipart/mixed."""
    asked = request.args["open_revs"]
    results: list[Found | str]
    if asked == "all":
        results = list(base.all_leaves(id))
    else:
        revs = jsonio.loads(asked)
        if not isinstance(revs, list) or not all(isinstance(rev, str) for rev in revs):
            raise BadRequest("`open_revs` is `all` or a JSON list of revisions.")
        found = base.revisions(id, revs, latest=yes("latest"))
        leaves = {each.revision.rev: each for rev in revs for each in found[rev]}
        results = [*leaves.values(), *(rev for rev in revs if not found[rev])]
    if _prefers("multipart/mixed"):
        wanted = wanted._replace(attachments=True)
        line = multipart.boundary()
        parts = multipart.write(_mixed(base, results, wanted), line)
        return Response(parts, content_type=f'multipart/mixed; boundary="{line}"')
    content = reader(base)
    return answer(
        [{"missing": each} if isinstance(each, str) else {"ok": document(each, wanted, content)} for each in results]
    )


def _mixed(base: Replica, results: list[Found | str], wanted: Wanted) -> Iterator[Part]:
    for each in results:
        if isinstance(each, str):
            yield Part(f'{JSON}; error="true"', iter([jsonio.dumps({"missing": each})]))
        else:
            yield part_of(base, each, wanted)


@blueprint.put(DESIGN)
def write_design(database: str, id: str) -> Response:
    """As `write`, of a design document; designers only."""
    return write(database, f"_design/{id}")


@blueprint.put(RULE)
def write(database: str, id: str) -> Response:
    """201 {ok, id, rev}. 403, 409, 412 missing_stub."""
    base = opened(database)
    if request.mimetype == "multipart/related":
        sent, attachments = _read_related(base.replica)
    else:
        sent, attachments = body_object(), None
    if sent.setdefault("_id", id) != id:
        raise BadRequest("The id of the document and that of the address differ.")
    if request.args.get("new_edits") == "false":
        branch = incoming(sent, attachments)
        problem = base.replica.push([branch])[0]
        if problem is not None:
            raise problem
        return answer({"ok": True, "id": id, "rev": branch.revisions[0]}, 201)
    rev = sent.get("_rev") or revision()
    told = save(
        base, {**sent, "_rev": rev} if attachments is None else {**sent, "_rev": rev, "_attachments": attachments}
    )
    return answer(told, 201, ETag=f'"{told["rev"]}"')


def _read_related(base: Replica) -> tuple[dict[str, Any], dict[str, Any]]:
    line = request.mimetype_params.get("boundary")
    if not line:
        raise BadRequest("A multipart body needs a boundary.")
    limit = g.node.settings.max_attachment
    return multipart.read_related(
        request.stream,  # type: ignore[arg-type]
        line,
        limit=max(limit, LARGEST),
        most=g.node.settings.max_document,
        keep=lambda _, kind, stream: base.keep(kind, stream),
    )


@blueprint.delete(DESIGN)
def delete_design(database: str, id: str) -> Response:
    """As `delete`, of a design document; designers only."""
    return delete(database, f"_design/{id}")


@blueprint.delete(RULE)
def delete(database: str, id: str) -> Response:
    """{ok, id, rev}: a tombstone for each live leaf, or for the conflict that `rev` names. 403, 404, 409."""
    return answer(save(opened(database), {"_id": id, "_rev": revision() or "", "_deleted": True}))


@blueprint.post("/<database>", strict_slashes=False)
def add(database: str) -> Response:
    """201 {ok, id, rev}: a new document, with an id of ours when it has none."""
    return answer(save(opened(database), body_object()), 201)
