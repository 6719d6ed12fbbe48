"""How this node stands with its upstream. A standalone node has none and says so: nothing is unsent,
rejected or in conflict.
"""

from __future__ import annotations

from typing import Any

from flask import Response

from app.errors import NotFound
from app.web import context
from app.web.api.base import Api, answer, identity, open_database, signed_in

api = Api("replication")
blueprint = api.blueprint


@api.get("/replication", "How far replication is", answer="Replication", errors=(401,))
def replication() -> Response:
    """{upstream, databases: [{name, documents, unsent, rejected, conflicts, last_sync, error}]}."""
    signed_in()
    return answer({"upstream": None, "databases": states()})


def states() -> list[dict[str, Any]]:
    """The state of each database the person may open; `documents` counts the readable ones."""
    found = []
    for info in context.node().databases.readable(identity()):
        try:
            opened = open_database(info.name)
        except NotFound:
            continue
        found.append(
            {
                "name": info.name,
                "documents": opened.count(),
                "unsent": 0,
                "rejected": 0,
                "conflicts": 0,
                "last_sync": None,
                "error": None,
            }
        )
    return found


@api.get("/replication/rejected", "Changes the upstream refused", answer="Rejected", errors=(401,))
def rejected() -> Response:
    """[{database, id, reason, document}]: none on a node without an upstream."""
    signed_in()
    return answer([])


@api.post("/replication/run", "Replicate now", answer="Replication", errors=(401,))
def run() -> Response:
    """The state after this round; a node without an upstream is done at once."""
    signed_in()
    return answer({"upstream": None, "databases": states()})
