"""How this node stands with its hub. A node that has none says so: nothing is unsent, rejected or in conflict."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from app.access.mirroring import Rejected
from app.errors import BadRequest, NotFound
from app.web import context
from app.web.api.base import Api, answer, body, identity, open_database, sentence, signed_in
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
    """[{n, database, id, at, error, reason, items, document, new, deleted}]: none on a node without an upstream.
    `items` = {name: [before, mine, earlier values …]} of what the person set."""
    rows = context.node().databases.rejected(signed_in())
    return answer([_told(row) for row in rows])


def _told(row: Rejected) -> dict[str, Any]:
    return {
        "n": row.n,
        "database": row.database,
        "id": row.id,
        "at": row.at,
        "error": row.error,
        "reason": sentence(row.reason),
        "items": row.items,
        "document": {"_id": row.id, **row.body},
        "new": row.new,
        "deleted": row.deleted,
    }


@api.post(
    "/replication/rejected/<int:n>",
    "Send a refused change again, save it as a new document, or discard it",
    body="Choice",
    answer="Settled",
    errors=(400, 401, 403, 404, 409),
)
def settle(n: int) -> Response:
    """`{"choice": "resend" | "new" | "discard"}`: what was saved; the change stays when it cannot be done."""
    saved = context.node().databases.settle_rejected(n, str(body().get("choice")), signed_in())
    return answer({"id": saved.id if saved else None, "rev": saved.rev if saved else None})


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
