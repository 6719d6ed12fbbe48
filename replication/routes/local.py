"""`_local/<id>`: checkpoints of a person's replicators. Each person has their own; nobody sees another's."""

from __future__ import annotations

from flask import Response

from app.access.model import items_of
from replication.routes.gate import answer, blueprint, body_object, replica, revision

RULE = "/<database>/_local/<syncpath:id>"


@blueprint.get(RULE)
def read_local(database: str, id: str) -> Response:
    """The document. 404."""
    found = replica(database).local(id)
    return answer({"_id": f"_local/{id}", "_rev": found.rev, **found.body})


@blueprint.put(RULE)
def write_local(database: str, id: str) -> Response:
    """201 {ok, id, rev}; 409 when `_rev` is not the current one."""
    sent = body_object()
    named = sent.get("_rev") or revision()
    rev = replica(database).put_local(id, items_of(sent), named if isinstance(named, str) else None)
    return answer({"ok": True, "id": f"_local/{id}", "rev": rev}, 201)


@blueprint.delete(RULE)
def delete_local(database: str, id: str) -> Response:
    """{ok}. 404."""
    replica(database).delete_local(id)
    return answer({"ok": True, "id": f"_local/{id}", "rev": "0-0"})
