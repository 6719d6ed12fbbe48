"""Documents: create, read, replace, change, delete; their history and who may see them."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for

from app.access import Database
from app.errors import BadRequest, Conflict
from app.web import context
from app.web.api.base import (
    Api,
    answer,
    body,
    checked_id,
    open_database,
    revision,
    sentence,
    text,
    yes,
)

api = Api("documents")
blueprint = api.blueprint

DOCUMENT = "/databases/<database>/documents/<docid:id>"
WRITE_ERRORS = (400, 401, 403, 404, 409, 412, 413)
REFUSE = "`refuse`: answer 409 when a document with the same name, telephone … is there already"


@api.post(
    "/databases/<database>/documents",
    "Create a document",
    query={"duplicates": REFUSE},
    body="Items",
    answer="Saved",
    status=201,
    errors=WRITE_ERRORS,
)
def create(database: str) -> Response:
    """201 {id, rev, warnings?, duplicates?}."""
    items = body()
    id = items.get("_id")
    if id is not None and (not isinstance(id, str) or not id):
        raise BadRequest("A document id is a text.")
    if "_rev" in items:
        raise BadRequest("A new document has no _rev; use PUT to change one.")
    return _created(open_database(database), checked_id(id) if id else None, items)


def _created(opened: Database, id: str | None, items: dict[str, Any]) -> Response:
    if id is not None and ("/" in id or "%2f" in id.lower()):  # documents of other programs may have such ids
        raise BadRequest("The id of a new document holds no slash.")
    matches = _duplicates(opened, items)
    if matches and text("duplicates") == "refuse":
        return answer({"error": "conflict", "reason": "There is such a document already.", "duplicates": matches}, 409)
    saved = opened.create(items, id=id)
    told: dict[str, Any] = {"id": saved.id, "rev": saved.rev}
    if saved.warnings:
        told["warnings"] = [sentence(warning) for warning in saved.warnings]
    if matches:
        told["duplicates"] = matches
    where = url_for("api_documents.read", database=opened.name, id=saved.id)
    return answer(told, 201, Location=where, ETag=f'"{saved.rev}"')


def _duplicates(opened: Database, items: dict[str, Any]) -> list[dict[str, Any]]:
    """Readable documents that look the same: [{id, title, items}]."""
    form = items.get("form")
    if opened.design is None or not isinstance(form, str) or form not in opened.design.forms:
        return []
    found = context.node().rules.duplicates(opened, form, items)
    return [{"id": match.id, "title": match.title, "items": list(match.items)} for match in found]


@api.get(
    DOCUMENT,
    "A document",
    query={"rev": "A kept revision instead of the current one", "conflicts": "true: with `_conflicts`"},
    answer="Document",
    errors=(401, 404),
)
def read(database: str, id: str) -> Response:
    """The document; `ETag` is its revision."""
    document = open_database(database).get(checked_id(id), text("rev"), conflicts=yes("conflicts"))
    found = answer(document, ETag=f'"{document["_rev"]}"')
    found.headers["Cache-Control"] = "private, no-cache"
    found.make_conditional(request)
    return found


@api.put(
    DOCUMENT,
    "Replace a document, or create it under this id",
    query={"rev": "The revision you read; or `_rev` in the body, or If-Match"},
    body="Document",
    answer="Saved",
    errors=WRITE_ERRORS,
)
def replace(database: str, id: str) -> Response:
    """{id, rev}; 201 when it is new, 409 when the revision is not the current one."""
    items = body()
    rev = _named_revision(checked_id(id), items)
    opened = open_database(database)
    if rev is None:
        if opened.exists(id):
            raise Conflict
        return _created(opened, id, items)
    return _saved(opened.update(id, items, rev))


@api.patch(
    DOCUMENT,
    "Change some items of a document",
    query={"rev": "The revision you read; or `_rev` in the body, or If-Match"},
    body="Items",
    answer="Saved",
    errors=WRITE_ERRORS,
)
def change(database: str, id: str) -> Response:
    """{id, rev}; items that are not named stay, null takes one away."""
    items = body()
    rev = _named_revision(checked_id(id), items)
    for name in ("_id", "_rev"):
        items.pop(name, None)
    return _saved(open_database(database).change(id, items, rev))


def _named_revision(id: str, items: dict[str, Any]) -> str | None:
    """The revision named in the body, the query or a header; they must not differ. BadRequest."""
    if items.get("_id", id) != id:
        raise BadRequest("The _id in the body is not the one in the address.")
    inside, outside = items.get("_rev"), revision()
    if inside is not None and not isinstance(inside, str):
        raise BadRequest("A _rev is a text.")
    if inside and outside and inside != outside:
        raise BadRequest("The _rev in the body is not the one in the query or If-Match.")
    return inside or outside


def _saved(saved: Any) -> Response:
    told: dict[str, Any] = {"id": saved.id, "rev": saved.rev}
    if saved.warnings:
        told["warnings"] = [sentence(warning) for warning in saved.warnings]
    return answer(told, ETag=f'"{saved.rev}"')


@api.delete(
    DOCUMENT,
    "Delete a document",
    query={"rev": "The revision you read, or If-Match"},
    answer="Saved",
    errors=WRITE_ERRORS,
)
def delete(database: str, id: str) -> Response:
    """{id, rev} of the tombstone; 409 without the current revision."""
    opened = open_database(database)
    rev = revision()
    if rev is None:
        opened.get(checked_id(id))
        raise Conflict("Name the revision you read: ?rev= or If-Match.")
    return _saved(opened.delete(checked_id(id), rev))


@api.get(DOCUMENT + "/history", "What each revision changed", answer="History", errors=(401, 404))
def history(database: str, id: str) -> Response:
    """[{rev, at, by, action, comment, items: {name: [old, new]}}], newest first."""
    entries = open_database(database).history(checked_id(id))
    return answer([entry._asdict() for entry in entries])


@api.get(
    DOCUMENT + "/access",
    "Who may see it and which entry decides",
    query={"person": "Explain one person instead, also one who may not see it"},
    answer="Access",
    errors=(401, 404),
)
def access(database: str, id: str) -> Response:
    """[{person, label, level, entry, list, names, edits}], or the explanation for one person."""
    opened = open_database(database)
    person = text("person")
    if person:
        found = opened.explain(checked_id(id), person)._asdict()
        return answer({**found, "level": found["level"].label})
    return answer([{**seen._asdict(), "level": seen.level.label} for seen in opened.who_may_see(checked_id(id))])
