"""Finding documents by how their name, code, title or telephone number begins.

Each readable view that can be sorted by such a column answers from its index, so a hit is always a row that
the person could also see in a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Response

from app.access import Database
from app.clock import now
from app.errors import BadRequest, Message, NotFound
from app.views import ViewQuery
from app.web import context
from app.web.api.base import Api, answer, identity, open_database, text, whole

api = Api("search")
blueprint = api.blueprint

COLUMNS = {
    "code": 1.0,
    "name": 0.9,
    "title": 0.9,
    "short_name": 0.8,
    "subject": 0.7,
    "phone": 0.6,
    "mobile": 0.6,
}
LONGEST = 200


class Hit(NamedTuple):
    """A document found: where, and by which column."""

    database: str
    id: str
    title: str
    snippet: str
    score: float


@api.get(
    "/search",
    "Find documents",
    query={
        "q": "How a name, code, title or telephone number begins",
        "database": "Only in this database",
        "limit": "How many, at most 1000",
        "after": "`next` of the page before",
    },
    answer="Hits",
    errors=(400, 401, 404),
    open=True,
)
def search() -> Response:
    """{hits: [{database, id, title, snippet, score}], next, indexed_to}."""
    wanted = (text("q") or "").strip()
    if not wanted or len(wanted) > LONGEST:
        raise BadRequest(
            "Say what to look for.", fields={"q": Message("This is required, with at most 200 characters.")}
        )
    limit, skip = whole("limit", 20, least=1, most=100), whole("after", 0, most=1000)
    moment = now()
    found = find(wanted, text("database"), skip + limit + 1)
    hits = found[skip : skip + limit]
    more = len(found) > skip + limit
    told = {
        "hits": [hit._asdict() for hit in hits],
        "next": str(skip + limit) if more else None,
        "indexed_to": moment,
    }
    return answer(told)


def find(wanted: str, database: str | None, limit: int) -> list[Hit]:
    """The best hits, best first; in one database or in all the person may open."""
    names = [database] if database else [info.name for info in context.node().databases.readable(identity())]
    best: dict[tuple[str, str], Hit] = {}
    for name in names:
        try:
            opened = open_database(name)
        except NotFound:
            if database:
                raise
            continue
        for hit in _in(opened, wanted, limit):
            known = best.get((hit.database, hit.id))
            if known is None or known.score < hit.score:
                best[hit.database, hit.id] = hit
    return sorted(best.values(), key=lambda hit: (-hit.score, hit.title, hit.id))[:limit]


def _in(opened: Database, wanted: str, limit: int) -> Iterator[Hit]:
    node = context.node()
    asked: set[tuple[Any, ...]] = set()
    for view in node.views.describe(opened):
        for column in view.columns:
            about = (view.forms, str(view.where), column.name)
            if column.name not in COLUMNS or not column.sortable or about in asked:
                continue
            asked.add(about)
            query = ViewQuery(limit=limit, sort=column.name, starts=wanted)
            for row in node.views.page(opened, view.name, query).rows:
                if row.restricted:
                    continue
                value = str(row.columns.get(column.name) or "")
                whole_word = 0.1 if value.casefold() == wanted.casefold() else 0.0
                title = node.rules.title(opened, row.doc) or row.id
                yield Hit(opened.name, row.id, title, value, COLUMNS[column.name] + whole_word)
