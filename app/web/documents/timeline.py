"""What happened around a document, newest first: its own changes, responses to it, documents that link to it.

    Event(at, kind, who, title, url, detail)     kind: created | changed | response | related

Each source gives its newest events before a moment; they are merged and cut to a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from flask_babel import gettext

from app import clock
from app.design import Form
from app.web.context import label
from app.web.documents.layout import action_word, item_of
from app.web.documents.related import every_row, linking
from app.web.documents.threads import responses
from app.web.documents.titles import document_url, title_of

if TYPE_CHECKING:
    from app.access import Database

PAGE = 20
MOST_RELATED = 6_000  # rows looked at per kind
WHEN = (
    "done_at",
    "occurred_at",
    "received_at",
    "visited_at",
    "served_on",
    "opened_at",
    "due_at",
    "created_at",
)
QUIET = {"changed_at", "changed_by", "readers", "authors"}


class Event(NamedTuple):
    """Something that happened."""

    at: str
    kind: str
    icon: str
    who: str
    title: str
    url: str
    detail: str
    of: str = ""  # the kind of document


def page(
    database: Database, form: Form | None, document: Mapping[str, Any], before: str | None
) -> tuple[list[Event], str]:
    """A page of events older than `before`, and the moment the next page begins at ("" when there is none)."""
    events = [
        event
        for event in [
            *_own(database, form, document),
            *_answers(database, document),
            *_related(database, form, document, before),
        ]
        if event.at and (before is None or event.at < before)
    ]
    events.sort(key=lambda event: event.at, reverse=True)
    shown = events[:PAGE]
    if len(events) > PAGE:  # events of one moment are never split over two pages
        last = shown[-1].at
        shown = [event for event in events if event.at >= last]
    return shown, shown[-1].at if len(events) > len(shown) else ""


def _own(database: Database, form: Form | None, document: Mapping[str, Any]) -> list[Event]:
    found = []
    for entry in database.conflicts.history(str(document["_id"])):
        names = [name for name in entry.items if name not in QUIET]
        told = ", ".join(_called(database, form, name) for name in names[:4])
        if len(names) > 4:
            told = gettext("%(items)s and %(count)s more", items=told, count=len(names) - 4)
        if not names and not entry.action:
            continue
        title = action_word(entry.action) or gettext("Changed")
        found.append(Event(entry.at, "changed", "pencil", entry.by, title, "", entry.comment or told))
    created = str(document.get("created_at") or "")
    if created:
        found.append(
            Event(
                created,
                "created",
                "plus-circle",
                str(document.get("created_by") or ""),
                gettext("Created"),
                "",
                "",
            )
        )
    return found


def _called(database: Database, form: Form | None, name: str) -> str:
    if name == "_attachments":
        return str(gettext("Files"))
    item = item_of(form, database.design, name)
    return str(label(item.label))


def _answers(database: Database, document: Mapping[str, Any]) -> list[Event]:
    return [
        Event(
            _when(one.document),
            "response",
            one.icon,
            one.by,
            one.title,
            one.url,
            _gist(one.document),
            one.kind,
        )
        for one in responses(database, str(document["_id"]))
        if not one.restricted
    ]


def _related(database: Database, form: Form | None, document: Mapping[str, Any], before: str | None) -> list[Event]:
    id = str(document["_id"])
    found = []
    for one in linking(database.name, form.name) if form else ():
        newest_first = one.view is not None and bool(one.view.sort) and one.view.sort[0].descending
        told = 0
        for row in every_row(one, id, MOST_RELATED):
            other = {"_id": row.id, **row.doc}
            at = _when(other)
            if other.get("parent") == id or not at or (before is not None and at >= before):
                continue  # told as a response already, or on an earlier page
            who = str(other.get("owner") or other.get("created_by") or "")
            url = document_url(one.database, row.id)
            title, kind = title_of(one.design, other), str(label(one.form.label))
            found.append(Event(at, "related", one.form.icon, who, title, url, _gist(other), kind))
            told += 1
            if newest_first and told > PAGE:
                break
    return found


def _when(document: Mapping[str, Any]) -> str:
    """When it happened: what the document says, else when it was written."""
    for name in WHEN:
        value = document.get(name)
        if isinstance(value, str) and len(value) > 10:
            return value
        if isinstance(value, str) and len(value) == 10:  # a day: noon, or the moment of writing when that is near
            written = str(document.get("created_at") or "")
            return written if _near(value, written) else f"{value}T04:00:00.000Z"
    return ""


def _near(day: str, moment: str) -> bool:
    try:
        return abs((clock.parse(day) - clock.parse(moment)).days) <= 1
    except ValueError:
        return False


def _gist(document: Mapping[str, Any]) -> str:
    """A few words of it."""
    for name in ("result", "content", "body", "next_step", "remarks"):
        value = document.get(name)
        if isinstance(value, str) and value.strip():
            text = " ".join(value.split())
            return text[:160] + ("…" if len(text) > 160 else "")
    return ""
