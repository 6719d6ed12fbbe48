"""The shapes of the REST interface as JSON Schema, by the names that routes use."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
YES: Schema = {"type": "boolean"}
ANYTHING: Schema = {"type": "object", "additionalProperties": True}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}


def shape(required: dict[str, Schema], **optional: Schema) -> Schema:
    """An object with these properties."""
    return {"type": "object", "properties": {**required, **optional}, "required": list(required)}


def rows(entry: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": entry}


def named(name: str) -> Schema:
    """A shape that has a name here."""
    return {"$ref": f"#/components/schemas/{name}"}


_DUPLICATE = shape({"id": TEXT, "title": TEXT, "items": rows(TEXT)})
_STATE = shape(
    {
        "name": TEXT,
        "documents": WHOLE,
        "unsent": WHOLE,
        "rejected": WHOLE,
        "conflicts": WHOLE,
        "last_sync": TEXT_OR_NULL,
        "error": TEXT_OR_NULL,
    }
)
_SCOPE = {"databases": {"type": ["array", "null"], "items": TEXT}, "write": YES, "expires_at": TEXT_OR_NULL}
_EVENTS = rows({"type": "string", "enum": ["created", "updated", "deleted"]})

SCHEMAS: dict[str, Schema] = {
    "Error": shape({"error": TEXT, "reason": TEXT}, fields={"type": "object", "additionalProperties": TEXT}),
    "Items": ANYTHING,
    "Document": {
        "type": "object",
        "properties": {"_id": TEXT, "_rev": TEXT, "form": TEXT, "_attachments": ANYTHING},
        "additionalProperties": True,
    },
    "Saved": shape({"id": TEXT, "rev": TEXT}, warnings=rows(TEXT), duplicates=rows(_DUPLICATE)),
    "Databases": rows(shape({"name": TEXT, "title": TEXT, "level": TEXT})),
    "Database": shape(
        {
            "name": TEXT,
            "title": TEXT,
            "level": TEXT,
            "flags": rows(TEXT),
            "roles": rows(TEXT),
            "forms": rows(shape({"name": TEXT, "label": TEXT, "may_create": YES, "items": rows(ANYTHING)})),
        }
    ),
    "Trash": shape(
        {
            "rows": rows(
                shape(
                    {
                        "id": TEXT,
                        "rev": TEXT,
                        "deleted_at": TEXT_OR_NULL,
                        "deleted_by": TEXT_OR_NULL,
                        "document": ANYTHING,
                    }
                )
            ),
            "next": TEXT_OR_NULL,
        }
    ),
    "Conflicts": shape(
        {
            "rows": rows(shape({"id": TEXT, "rev": TEXT, "title": TEXT, "versions": WHOLE, "deletions": WHOLE})),
            "next": TEXT_OR_NULL,
        }
    ),
    "Versions": shape(
        {
            "versions": rows(named("Document")),
            "base": {"anyOf": [named("Document"), {"type": "null"}]},
            "deletions": rows(shape({"rev": TEXT, "at": TEXT, "by": TEXT})),
        }
    ),
    "Settlement": shape(
        {}, rev=TEXT, others=rows(TEXT), items=ANYTHING, files=ANYTHING, comment=TEXT_OR_NULL, keep=YES
    ),
    "History": rows(
        shape(
            {
                "rev": TEXT,
                "at": TEXT,
                "by": TEXT,
                "action": TEXT_OR_NULL,
                "comment": TEXT_OR_NULL,
                "items": ANYTHING,
            }
        )
    ),
    "Access": {
        "anyOf": [
            rows(shape({"person": TEXT, "label": TEXT, "level": TEXT, "entry": TEXT, "list": TEXT, "edits": YES})),
            shape({"person": TEXT, "label": TEXT, "level": TEXT, "entry": TEXT, "reads": YES, "reason": TEXT}),
        ]
    },
    "Actions": rows(
        shape(
            {
                "name": TEXT,
                "label": TEXT,
                "needs": rows(shape({"name": TEXT, "type": TEXT}, choices=rows({}))),
            }
        )
    ),
    "Views": rows(
        shape(
            {
                "name": TEXT,
                "label": TEXT,
                "columns": rows(shape({"name": TEXT, "label": TEXT, "type": TEXT, "sortable": YES})),
            },
            categories=rows(TEXT),
        )
    ),
    "Page": shape(
        {
            "rows": rows(
                shape(
                    {"id": TEXT_OR_NULL, "columns": ANYTHING, "unread": YES},
                    rev=TEXT,
                    form=TEXT_OR_NULL,
                    category=TEXT,
                    level=WHOLE,
                    restricted=YES,
                )
            ),
            "next": TEXT_OR_NULL,
            "more": YES,
        },
        indexing=WHOLE,
        partial=YES,
    ),
    "Categories": rows(shape({"category": TEXT, "count": WHOLE, "totals": ANYTHING})),
    "Totals": shape({"count": {"type": ["integer", "null"]}, "sums": ANYTHING}, at_least=WHOLE),
    "Update": shape({"items": ANYTHING}),
    "Job": shape(
        {
            "id": TEXT,
            "kind": TEXT,
            "state": {
                "type": "string",
                "enum": ["waiting", "running", "done", "cancelled", "failed", "undone"],
            },
            "done": WHOLE,
            "total": {"type": ["integer", "null"]},
            "counts": {"type": "object", "additionalProperties": WHOLE},
            "problem": TEXT_OR_NULL,
        }
    ),
    "Jobs": rows(named("Job")),
    "Skipped": rows(shape({"row": WHOLE, "id": TEXT_OR_NULL, "reason": TEXT})),
    "NewToken": shape({"label": TEXT}, days=WHOLE, **_SCOPE),
    "Token": shape({"id": TEXT, "label": TEXT, **_SCOPE}, token=TEXT, created_at=TEXT, last_used=TEXT_OR_NULL),
    "Tokens": rows(named("Token")),
    "NewWebhook": shape({"database": TEXT, "url": TEXT, "events": _EVENTS}, label=TEXT),
    "WebhookChange": shape({}, url=TEXT, events=_EVENTS, label=TEXT, active=YES),
    "Webhook": shape(
        {
            "id": TEXT,
            "database": TEXT,
            "url": TEXT,
            "events": _EVENTS,
            "active": YES,
            "failures": WHOLE,
            "problem": TEXT_OR_NULL,
        },
        secret=TEXT,
        label=TEXT,
    ),
    "Webhooks": rows(named("Webhook")),
    "Deliveries": rows(
        shape(
            {
                "n": WHOLE,
                "event": TEXT,
                "document": TEXT,
                "rev": TEXT,
                "state": {"type": "string", "enum": ["queued", "retry", "sent", "failed", "dropped"]},
                "tries": WHOLE,
                "status": {"type": ["integer", "null"]},
                "answer": TEXT_OR_NULL,
                "at": TEXT,
            }
        )
    ),
    "Hits": shape(
        {
            "hits": rows(
                shape(
                    {
                        "database": TEXT,
                        "id": TEXT,
                        "title": TEXT,
                        "snippet": TEXT,
                        "score": {"type": "number"},
                    }
                )
            ),
            "next": TEXT_OR_NULL,
            "indexed_to": TEXT,
        }
    ),
    "Replication": shape({"upstream": TEXT_OR_NULL, "databases": rows(_STATE)}),
    "Rejected": rows(
        shape(
            {
                "n": WHOLE,
                "database": TEXT,
                "id": TEXT,
                "at": TEXT,
                "error": TEXT,
                "reason": TEXT,
                "items": ANYTHING,
                "document": ANYTHING,
                "new": YES,
                "deleted": YES,
            }
        )
    ),
    "Choice": shape({"choice": {"type": "string", "enum": ["resend", "new", "discard"]}}),
    "Settled": shape({"id": TEXT_OR_NULL, "rev": TEXT_OR_NULL}),
    "OpenApi": ANYTHING,
}
