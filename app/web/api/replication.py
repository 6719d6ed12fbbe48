"""How this node stands with its hub. A node that has none says so: nothing is unsent, rejected or in conflict."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from app.errors import BadRequest, NotFound
from app.web import context
from app.web.api.base import Api, answer, identity, open_database, signed_in
from app.web.replicating import figures_of, upstream_of

api = Api("replication")
blueprint = api.blueprint


@api.get("/replication", "How far replication is", answer="Replication", errors=(401,))
def replication() -> Response:
    """{upstream, databases: [{name, documents, unsent, rejected, conflicts, last_sync, error}]}."""
    signed_in()
    return answer(standing())


def standing() -> dict[str, Any]:
    """What GET and POST answer."""
    return {"upstream": upstream_of(context.node()), "databases": states()}


def states() -> list[dict[str, Any]]:
    """The state of each database the person may open; `documents` counts the readable ones."""
    node = context.node()
    progress = {row["name"]: row for row in node.replication.databases()} if node.replication is not None else {}
    found = []
    for info in node.databases.readable(identity()):
        try:
            opened = open_database(info.name)
        except NotFound:
            continue
        row = {**figures_of(node, info.name), "documents": opened.count(), "conflicts": opened.conflicts.count()}
        if info.name in progress:
            row |= {key: progress[info.name][key] for key in ("phase", "done", "total", "rate", "missing")}
        found.append(row)
    return found


@api.get("/replication/rejected", "Changes the upstream refused", answer="Rejected", errors=(401,))
def rejected() -> Response:
    """[{database, id, reason, document}]: none on a node without an upstream."""
    signed_in()
    return answer([])


@api.post("/replication/run", "Replicate now", answer="Replication", errors=(401, 503))
def run() -> Response:
    """The state after a full round that began now; a node without a hub is done at once. `?recompare=true`."""
    signed_in()
    replication = context.node().replication
    if replication is not None:
        replication.run(recompare=_yes("recompare"))
    return answer(standing())


def _yes(name: str) -> bool:
    value = request.args.get(name, "")
    if value not in ("", "true", "false"):
        raise BadRequest(f"{name} is true or false.")
    return value == "true"
