"""Versions that did not merge, and edits of what was deleted elsewhere: which wait, what they say, settling them."""

from __future__ import annotations

from typing import Any

from flask import Response

from app.access.conflicts import PAGE
from app.errors import BadRequest
from app.web.api.base import Api, answer, body, checked_id, open_database, sentence, whole
from app.web.documents.titles import title_of

api = Api("conflicts")
blueprint = api.blueprint

DOCUMENT = "/databases/<database>/documents/<docid:id>/conflicts"


@api.get(
    "/databases/<database>/conflicts",
    "Documents of which you may settle the versions",
    query={"limit": "At most so many, 50 unless said", "before": "`next` of the page before"},
    answer="Conflicts",
    errors=(400, 401, 404),
)
def listing(database: str) -> Response:
    """{rows: [{id, rev, title, versions, deletions}], next}, changed last first."""
    opened = open_database(database)
    limit, before = whole("limit", PAGE, least=1, most=500), whole("before", 0)
    found = opened.conflicts.listing(limit + 1, before or None)
    rows = [
        {
            "id": one.id,
            "rev": one.document["_rev"],
            "title": title_of(opened.design, one.document),
            "versions": one.versions,
            "deletions": one.deletions,
        }
        for one in found[:limit]
    ]
    return answer({"rows": rows, "next": str(found[limit - 1].seq) if len(found) > limit else None})


@api.get(DOCUMENT, "The versions of a document side by side", answer="Versions", errors=(401, 404))
def versions(database: str, id: str) -> Response:
    """{versions: [the winner first], base, deletions: [{rev, at, by}]}; `base` is what they started from, or null."""
    found = open_database(database).conflicts.versions(checked_id(id))
    deletions = [{"rev": entry.rev, "at": entry.at, "by": entry.by} for entry in found.deletions]
    return answer({"versions": found.versions, "base": found.base, "deletions": deletions})


@api.post(
    DOCUMENT,
    "Settle the versions of a document, or keep what was deleted elsewhere",
    body="Settlement",
    answer="Saved",
    errors=(400, 401, 403, 404, 409),
)
def settle(database: str, id: str) -> Response:
    """{id, rev}. `rev`: the winner, onto which `items` go; `others`: the versions that end. 409 when these are no
    longer the versions. `{"keep": true}` answers that a document deleted elsewhere stays."""
    sent = body()
    opened = open_database(database)
    if sent.get("keep") is True:
        opened.conflicts.keep(checked_id(id))
        return answer({"id": id, "rev": opened.get(id)["_rev"]})
    rev, others, items = sent.get("rev"), sent.get("others"), sent.get("items", {})
    files, comment = sent.get("files", {}), sent.get("comment")
    if not isinstance(rev, str) or not _texts(others) or not isinstance(items, dict):
        raise BadRequest("Send `rev`, `others` (a list of revisions) and `items` (an object).")
    if not isinstance(files, dict) or not _texts([name for name in files.values() if name is not None]):
        raise BadRequest("`files` is an object: the name of a file, and the version that has it, or null.")
    saved = opened.conflicts.settle(
        checked_id(id),
        rev,
        list(others or ()),
        items,
        files=files,
        comment=comment if isinstance(comment, str) else None,
    )
    told: dict[str, Any] = {"id": saved.id, "rev": saved.rev}
    if saved.warnings:
        told["warnings"] = [sentence(warning) for warning in saved.warnings]
    return answer(told)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
