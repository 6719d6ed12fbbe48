"""What a picker offers: names of the directory, and documents found by the beginning of their name or code.

Documents come through views, so that nobody is offered a title that a list would not show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import g
from flask_babel import gettext

from app.design import Form, View
from app.errors import DavenportError, NotFound
from app.views import ViewQuery
from app.web.context import label, node, person_label
from app.web.documents.titles import title_of

if TYPE_CHECKING:
    from app.access import Database

MOST = 12
NAMING = ("name", "title", "subject", "code", "short_name", "customer_name", "phone", "mobile")

Row = dict[str, str]


def names(words: str, kinds: list[str], database: str) -> list[Row]:
    """Holders of names that match the words; those whose name begins with them first."""
    wanted = words.casefold().strip()
    found = [
        row
        for row in _everybody(kinds, database)
        if wanted in f"{row['label']} {row['hint']} {row['value']} {_other_name(row['value'])}".casefold()
    ]
    found.sort(key=lambda row: (not row["label"].casefold().startswith(wanted), row["label"]))
    return found[:MOST]


def _everybody(kinds: list[str], database: str) -> list[Row]:
    directory = node().directory
    rows: list[Row] = []
    if "person" in kinds:
        for person in directory.persons():
            if person.active:
                where = person_label(person.unit) if person.unit else ""
                hint = " · ".join(part for part in (person.title, where) if part)
                rows.append({"value": person.key, "label": person_label(person.key), "hint": hint})
    if "group" in kinds:
        rows += [_row(group.key, gettext("Group")) for group in directory.groups()]
    if "unit" in kinds:
        rows += [_row(unit.key, gettext("Unit")) for unit in directory.units()]
    if "leader" in kinds:
        rows += [_row("leader-of:" + unit.key.removeprefix("unit:"), gettext("Position")) for unit in directory.units()]
    if "role" in kinds and database:
        try:
            design = node().databases.open(database, g.identity).design
        except NotFound:
            design = None
        for role in design.roles if design else ():
            rows.append({"value": f"[{role}]", "label": f"[{role}]", "hint": gettext("Role")})
    return rows


def _other_name(key: str) -> str:
    """The names of a person in either script, whichever the page shows."""
    person = node().directory.person(key)
    return f"{person.name} {person.latin_name}" if person else ""


def quoted(words: str) -> str:
    """Words that may hold the signs of the filter language."""
    return '"' + words.replace('"', '""') + '"'


def _row(key: str, hint: str) -> Row:
    return {"value": key, "label": person_label(key), "hint": hint}


def documents(database: Database, forms: list[str], words: str) -> list[Row]:
    """Readable documents of these forms: names and codes beginning with the words, then those that hold them."""
    design = database.design
    if design is None:
        return []
    wanted = [form for form in forms if form in design.forms] or list(design.forms)
    found: dict[str, Row] = {}
    for name in wanted:
        form = design.forms[name]
        for view, column in _views(design.views.values(), name):
            if len(found) >= MOST:
                break
            query = ViewQuery(limit=MOST, sort=column, starts=words) if words else ViewQuery(limit=MOST, sort=column)
            _gather(database, form, view, query, found)
            if not words:
                break
        if words and len(found) < MOST:
            for view, column in _views(design.views.values(), name)[:2]:
                _gather(database, form, view, ViewQuery(limit=MOST, filter={column: f"~{quoted(words)}"}), found)
    return list(found.values())[:MOST]


def _views(views: Any, form: str) -> list[tuple[View, str]]:
    """Views that list the form whole, with a sortable column that names documents."""
    pairs: list[tuple[View, str]] = []
    seen: set[str] = set()
    for view in sorted(views, key=lambda one: (len(one.forms), one.order)):
        if form not in view.forms or view.where is not None or view.categories or view.responses:
            continue
        for column in view.columns:
            if column.name in NAMING and (column.sortable or column.indexed) and column.name not in seen:
                seen.add(column.name)
                pairs.append((view, column.name))
    return sorted(pairs, key=lambda pair: NAMING.index(pair[1]))


def _gather(database: Database, form: Form, view: View, query: ViewQuery, found: dict[str, Row]) -> None:
    try:
        page = node().views.page(database, view.name, query)
    except DavenportError:
        return
    for row in page.rows:
        if row.restricted or row.form != form.name or row.id in found or len(found) >= MOST:
            continue
        title = title_of(database.design, {"_id": row.id, **row.doc})
        hints = [str(row.doc.get(name)) for name in ("code", "customer_name", "phone") if row.doc.get(name)]
        found[row.id] = {"value": row.id, "label": title, "hint": " · ".join(hints) or label(form.label)}
