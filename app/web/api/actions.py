"""What may be done with a document beside changing items: deleting, restoring, and what forms and workflows
offer.

A node that has workflows gives them in `node.actions(database, document)`; without, there are the two that
every document has.
"""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_babel import gettext as _

from app.access import Database
from app.errors import NotFound
from app.web.api.base import Api, answer, body, checked_id, missing, open_database, revision

api = Api("actions")
blueprint = api.blueprint

ACTIONS = "/databases/<database>/documents/<docid:id>/actions"


@api.get(ACTIONS, "What you may do with the document now", answer="Actions", errors=(401, 404))
def actions(database: str, id: str) -> Response:
    """[{name, label, needs: [{name, type, choices?}]}]."""
    return answer(offered(open_database(database), checked_id(id)))


def offered(opened: Database, id: str) -> list[dict[str, Any]]:
    """The actions open to the person; of a deleted document only its restoring. NotFound."""
    try:
        document = opened.get(id)
    except NotFound:
        if _in_trash(opened, id):
            return [{"name": "restore", "label": _("Restore"), "needs": []}]
        raise
    if opened.may_delete(document):
        needs = [{"name": "comment", "type": "text"}]
        return [{"name": "delete", "label": _("Delete"), "needs": needs}]
    return []


def _in_trash(opened: Database, id: str) -> bool:
    after: int | None = None
    while rows := opened.trash(200, after):
        if any(row.id == id for row in rows):
            return True
        after = rows[-1].seq
    return False


@api.post(
    ACTIONS + "/<action>",
    "Do it",
    query={"rev": "Refused with 409 when the document is no longer at this revision"},
    body="Items",
    answer="Saved",
    errors=(400, 401, 403, 404, 409),
)
def act(database: str, id: str, action: str) -> Response:
    """{id, rev}; the body holds items the action needs, and `comment`."""
    opened = open_database(database)
    sent = body() if body_sent() else {}
    if action == "delete":
        rev = sent.get("_rev") or revision() or opened.get(checked_id(id))["_rev"]
        comment = sent.get("comment")
        saved = opened.delete(checked_id(id), rev, comment=comment if isinstance(comment, str) else None)
    elif action == "restore":
        saved = opened.restore(checked_id(id))
    else:
        opened.get(checked_id(id))
        missing()
    return answer({"id": saved.id, "rev": saved.rev})


def body_sent() -> bool:
    """Whether there is a body at all."""
    return bool(request.content_length) or "Transfer-Encoding" in request.headers
