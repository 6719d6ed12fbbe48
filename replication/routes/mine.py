"""`/sync/_mine`: a person's own things go from device to device by way of the hub (app/views/personal.py)."""

from __future__ import annotations

from typing import Any

from flask import Response, g

from app.access import Database
from app.errors import BadRequest
from app.views.personal import PORTION, Personal, thing
from replication.routes.gate import answer, blueprint, body_object, whole


@blueprint.post("/_mine")
def mine() -> Response:
    """{since, things} → {things, last, end}: takes what was set on the device, gives what was set here after `since`.

    Only the person's own, and only of databases that are open to the person.
    """
    asked: dict[str, Any] = body_object()
    sent = asked.get("things", [])
    if not isinstance(sent, list) or len(sent) > PORTION:
        raise BadRequest("`things` is a list of at most 2000.")
    since = whole("since", asked.get("since"), 0) or 0

    def opened(name: str) -> Database:
        found: Database = g.node.databases.open(name, g.identity)
        return found

    personal = Personal(g.node.store, g.node.marks, g.identity.key, opened)
    personal.apply([thing(row) for row in sent])
    things, last, end = personal.changed(since)
    return answer({"things": [list(each) for each in things], "last": last, "end": end})
