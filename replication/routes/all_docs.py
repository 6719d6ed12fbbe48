"""`_all_docs`: ids and revisions in the order of ids, readable documents only."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from app import jsonio
from app.errors import BadRequest
from app.store import Revision
from replication.routes.gate import answer, blueprint, body_object, opened, whole, yes
from replication.shapes import plain

MOST = 100_000  # rows of one answer


@blueprint.get("/<database>/_all_docs")
@blueprint.post("/<database>/_all_docs")
def all_docs(database: str) -> Response:
    """{total_rows, offset, rows: [{id, key, value: {rev}, doc?}]}."""
    base = opened(database)
    found, asked = base.replica, _asked()
    full = asked.get("include_docs") is True
    skip = whole("skip", asked.get("skip"), 0) or 0
    limit = whole("limit", asked.get("limit"), MOST, most=MOST)
    assert limit is not None
    keys = asked.get("keys")
    if keys is not None:
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise BadRequest("`keys` is a list of document ids.")
        winners = found.winners(keys)
        rows = [_of_key(key, winners.get(key), full) for key in keys[skip : skip + limit]]
        return answer({"total_rows": base.count(), "offset": None, "rows": rows})
    start, end = (_bound(asked, *names) for names in (("startkey", "start_key", "key"), ("endkey", "end_key", "key")))
    listed = found.listing(
        start,
        end,
        limit,
        skip,
        descending=asked.get("descending") is True,
        inclusive=asked.get("inclusive_end") is not False,
    )
    return answer({"total_rows": base.count(), "offset": skip, "rows": [_row(each, full) for each in listed]})


def _asked() -> dict[str, Any]:
    """Parameters of the query, as JSON where they are, under what a body says."""
    asked: dict[str, Any] = {
        name: jsonio.loads(request.args[name])
        for name in ("keys", "key", "startkey", "start_key", "endkey", "end_key")
        if name in request.args
    }
    asked |= {name: request.args[name] for name in ("limit", "skip") if name in request.args}
    for name, default in (("include_docs", False), ("descending", False), ("inclusive_end", True)):
        asked[name] = yes(name, default)
    return asked | (body_object() if request.method == "POST" else {})


def _bound(asked: dict[str, Any], *names: str) -> str | None:
    for name in names:
        value = asked.get(name)
        if value is not None:
            if not isinstance(value, str):
                raise BadRequest("Keys of _all_docs are texts.")
            return value
    return None


def _row(revision: Revision, full: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"id": revision.id, "key": revision.id, "value": {"rev": revision.rev}}
    if full:
        row["doc"] = plain(revision)
    return row


def _of_key(key: str, revision: Revision | None, full: bool) -> dict[str, Any]:
    if revision is None:
        return {"key": key, "error": "not_found"}
    if not revision.deleted:
        return _row(revision, full)
    gone: dict[str, Any] = {"id": key, "key": key, "value": {"rev": revision.rev, "deleted": True}}
    return {**gone, "doc": None} if full else gone
