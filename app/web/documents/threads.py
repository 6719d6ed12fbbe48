"""Responses to a document, at any depth, as a tree of readable ones.

    topic (the page)
     ├─ reply                        read
     │   └─ reply to the reply       read
     └─ (restricted)                 not readable: a place without title, id or author …
         └─ reply to it              … shown only because this one is readable

One query walks the `responses` rows; who may read each is decided in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from app import jsonio
from app.web.context import label
from app.web.documents.titles import document_url, form_of, title_of

if TYPE_CHECKING:
    from app.access import Database

MOST = 500  # responses on one page
DEEPEST = 30

_WALK = """
WITH RECURSIVE tree (doc, parent, level) AS (
    SELECT doc, parent, 1 FROM responses WHERE db = :db AND parent = :id
    UNION
    SELECT r.doc, r.parent, tree.level + 1 FROM tree JOIN documents AS above ON above.doc = tree.doc
        JOIN responses AS r ON r.db = :db AND r.parent = above.id WHERE tree.level < :deepest
    LIMIT :most
)
SELECT d.id, tree.parent, tree.level, d.access IN (SELECT access FROM {table}), d.body
FROM tree JOIN documents AS d ON d.doc = tree.doc WHERE d.deleted = 0
"""


class Response(NamedTuple):
    """A response in the tree. A restricted one has nothing but its place."""

    level: int
    restricted: bool
    id: str = ""
    title: str = ""
    url: str = ""
    icon: str = "lock"
    kind: str = ""
    by: str = ""
    at: str = ""
    document: Mapping[str, Any] = {}


class _Node(NamedTuple):
    id: str
    readable: bool
    body: dict[str, Any]
    below: list[_Node]


def responses(database: Database, id: str) -> list[Response]:
    """The responses to a document in the order they stand on its page: oldest first, each followed by its own."""
    with database.reading() as reading:
        rows = reading.connection.execute(
            _WALK.format(table=reading.table),
            {"db": reading.number, "id": id, "deepest": DEEPEST, "most": MOST},
        ).fetchall()
    nodes: dict[str, _Node] = {}
    parents: dict[str, str] = {}
    for own, parent, _level, readable, body in rows:
        if own != id and own not in nodes:
            nodes[own] = _Node(own, bool(readable), jsonio.loads(body), [])
            parents[own] = parent
    top: list[_Node] = []
    for own, node in nodes.items():
        above = nodes.get(parents[own])
        (above.below if above is not None else top).append(node)
    found: list[Response] = []
    _flatten(database, top, 1, found)
    return found


def _flatten(database: Database, nodes: list[_Node], level: int, found: list[Response]) -> None:
    for node in sorted(nodes, key=lambda one: (str(one.body.get("created_at", "")), one.id)):
        if not _worth(node):
            continue
        found.append(_shown(database, node, level) if node.readable else Response(level, True))
        _flatten(database, node.below, level + 1, found)


def _worth(node: _Node) -> bool:
    """Readable, or standing above something readable."""
    return node.readable or any(_worth(below) for below in node.below)


def _shown(database: Database, node: _Node, level: int) -> Response:
    document = {"_id": node.id, **node.body}
    form = form_of(database.design, document)
    return Response(
        level,
        False,
        node.id,
        title_of(database.design, document),
        document_url(database.name, node.id),
        form.icon if form else "reply",
        label(form.label) if form else "",
        str(document.get("created_by", "")),
        str(document.get("created_at", "")),
        document,
    )
