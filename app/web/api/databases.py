"""The databases a person may open, and what they hold that is no document: forms, trash."""

from __future__ import annotations

from typing import Any

from flask import Response

from app.access import Database
from app.web import context
from app.web.api.base import Api, answer, identity, label, open_database, whole

api = Api("databases")
blueprint = api.blueprint


@api.get("/databases", "The databases you may open", answer="Databases", errors=(401,), open=True)
def databases() -> Response:
    """[{name, title, level}]."""
    found = context.node().databases.readable(identity())
    return answer([{"name": info.name, "title": label(info.title), "level": info.level.label} for info in found])


@api.get("/databases/<database>", "One database: your rights and its forms", answer="Database", errors=(404,))
def database(database: str) -> Response:
    """{name, title, level, flags, roles, forms}."""
    opened = open_database(database)
    title = opened.design.title if opened.design else opened.name
    return answer(
        {
            "name": opened.name,
            "title": label(title),
            "level": opened.rights.level.label,
            "flags": sorted(opened.rights.flags),
            "roles": sorted(opened.rights.roles),
            "forms": _forms(opened),
        }
    )


def _forms(opened: Database) -> list[dict[str, Any]]:
    """The forms and their items, so that a program knows what it may send."""
    if opened.design is None:
        return []
    return [
        {
            "name": form.name,
            "label": label(form.label),
            "may_create": opened.may_create(form.name),
            "items": [
                {
                    "name": item.name,
                    "label": label(item.label),
                    "type": item.type,
                    "required": item.required,
                    "multiple": item.many,
                    "computed": item.computed is not None,
                }
                for item in form.items.values()
            ],
        }
        for form in opened.design.forms.values()
    ]


@api.get(
    "/databases/<database>/trash",
    "Deleted documents you may restore",
    query={"limit": "How many, at most 1000", "after": "`next` of the page before"},
    answer="Trash",
    errors=(404,),
)
def trash(database: str) -> Response:
    """{rows: [{id, rev, at, by, document}], next}."""
    limit = whole("limit", 50, least=1)
    rows = open_database(database).trash(limit, whole("after", 0, most=1 << 60) or None)
    shown = [
        {"id": row.id, "rev": row.rev, "deleted_at": row.at, "deleted_by": row.by, "document": row.document}
        for row in rows
    ]
    return answer({"rows": shown, "next": str(rows[-1].seq) if len(rows) == limit else None})
