"""Filters of a view: the chips over the list, what can be filtered by, and the ones kept under a name.

A saved filter is the view's address without its base; a shared one is offered to everybody who may open the
view, and shows each of them only what they may read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from flask_babel import gettext as _

from app.access import Database
from app.design import Item, View
from app.errors import Forbidden, NotFound
from app.ids import new_id
from app.web import context
from app.web.lists import columns
from app.web.lists.page import ListPage, view_of
from app.web.lists.state import WORDS, Filter

FILTERED = {
    "text", "keyword", "names", "date", "datetime", "money", "number", "integer", "boolean", "email", "phone",
    "code", "url", "link",
}  # fmt: skip
STAMPS = ("created_by", "created_at", "changed_by", "changed_at")


class Chip(NamedTuple):
    """A condition in words, and the address without it."""

    name: str
    words: str
    without: str


@dataclass(frozen=True)
class Saved:
    """A filter kept under a name."""

    id: str
    name: str
    query: str
    url: str
    shared: bool
    mine: bool
    current: bool


def chips(found: ListPage) -> list[Chip]:
    """The conditions that hold now."""
    state, made = found.state, []
    if state.starts:
        made.append(Chip(_("Begins with"), f"“{state.starts}”", found.address(replace(state, starts=""))))
    if state.unread:
        made.append(Chip(_("Unread"), "", found.address(replace(state, unread=False))))
    for one in state.filters:
        made.append(Chip(word_of(found, one.item), words(found, one), found.address(state.without(one))))
    if state.sort and found.view.categories:
        column = next((c for c in found.view.columns if c.name == state.sort), None)
        name = context.label(column.label) if column else state.sort
        made.append(Chip(_("Sorted by"), name, found.address(replace(state, sort=None, descending=False))))
    return made


def word_of(found: ListPage, name: str) -> str:
    """The label of an item or column."""
    item = found.items.get(name)
    if item is not None:
        return context.label(item.label)
    column = next((column for column in found.view.columns if column.name == name), None)
    return context.label(column.label) if column else name


def words(found: ListPage, one: Filter) -> str:
    """A condition's operator and values in words."""
    if one.operator == "empty":
        return str(_("is empty"))
    if one.operator == "filled":
        return str(_("is filled in"))
    item = found.items.get(one.item)
    kind = item.type if item else "text"
    values = [found.cells.text(item, kind, _typed(kind, value)) or value for value in one.values]
    joined = _(" or ").join(values)
    sentences: dict[str, str] = {
        "is": joined,
        "not": _("not %(value)s", value=joined),
        "has": _("contains %(value)s", value=joined),
        "min": _("from %(value)s", value=joined),
        "max": _("up to %(value)s", value=joined),
    }
    return sentences[one.operator]


def _typed(kind: str, value: str) -> Any:
    if kind in ("money", "number", "integer"):
        try:
            return float(value) if "." in value else int(value)
        except ValueError:
            return value
    return value


def offered(found: ListPage) -> list[Item]:
    """The items one can filter by: the view's columns first, then the rest of the forms."""
    names = [column.name for column in found.view.columns if column.name in found.items]
    names += [name for name in found.items if name not in names]
    return [found.items[name] for name in names if found.items[name].type in FILTERED]


def find_hint(found: ListPage) -> str:
    """What "begins with" looks at: the column sorted by, else the first of the view's own order."""
    name = found.state.sort or found.state.find or (found.view.sort[0].by if found.view.sort else "")
    kinds = columns.kinds_of(found.view, found.items)
    if found.state.style == "calendar" or kinds.get(name, "text") not in WORDS:
        return ""
    return word_of(found, name)


# -- kept under a name


def saved(found: ListPage) -> list[Saved]:
    """The person's own filters of this view and those others share."""
    key = context.identity().person.key
    with context.node().store.node.reading() as connection:
        rows = connection.execute(
            "SELECT id, person, name, shared, query FROM filters WHERE database = ? AND view = ?"
            " AND (person = ? OR shared = 1) ORDER BY shared, name",
            (found.database.name, found.view.name, key),
        ).fetchall()
    now = urlencode(found.state.arguments(found.view.style))
    return [
        Saved(id, name, query, f"{found.base}?{query}", bool(shared), person == key, query == now)
        for id, person, name, shared, query in rows
    ]


def save(found: ListPage, name: str, query: str, *, shared: bool, columns: bool = False) -> str:
    """Keep a list for oneself or for everybody: each needs its flag of the ACL. `columns`: those shown now, too."""
    _may_keep(found.database, shared=shared)
    pairs = [(key, value) for key, value in parse_qsl(query)][:60]
    if columns and "columns" not in dict(pairs):
        pairs.append(("columns", ",".join(column.name for column in found.columns)))
    clean = urlencode(pairs)
    id = new_id()
    with context.node().store.node.transaction() as connection:
        connection.execute(
            "INSERT INTO filters (id, person, database, view, name, shared, query) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                id,
                context.identity().person.key,
                found.database.name,
                found.view.name,
                name.strip()[:80] or _("Filter"),
                int(shared),
                clean,
            ),
        )
    return f"{found.base}?{clean}"


def _may_keep(database: Database, *, shared: bool) -> None:
    flags = database.rights.flags
    if shared and "shared_views" not in flags:
        raise Forbidden(_("Sharing filters is not among your rights in this database. Keep it for yourself instead."))
    if not shared and "personal_views" not in flags:
        raise Forbidden(_("Keeping lists of your own is not among your rights in this database."))


def drop(id: str) -> None:
    """Forget a filter of one's own. NotFound for those of others."""
    with context.node().store.node.transaction() as connection:
        cursor = connection.execute(
            "DELETE FROM filters WHERE id = ? AND person = ?", (id, context.identity().person.key)
        )
    if not cursor.rowcount:
        raise NotFound


# -- lists of one's own, over all databases


class Own(NamedTuple):
    """A list the person keeps: a view with order, conditions and columns of its own."""

    id: str
    name: str
    database: str
    view: View
    place: str  # database and view in words
    url: str
    shared: bool
    columns: tuple[str, ...]
    may_keep: bool
    may_share: bool


def own() -> list[Own]:
    """The person's lists by name, those of databases and views that can be opened now."""
    with context.node().store.node.reading() as connection:
        rows = connection.execute(
            "SELECT id, name, database, view, shared, query FROM filters WHERE person = ? ORDER BY name, id",
            (context.identity().person.key,),
        ).fetchall()
    titles = {info.name: context.label(info.title) for info in context.readable_databases()} if rows else {}
    found = []
    for id, name, database, view_name, shared, query in rows:
        if database not in titles:
            continue
        opened = context.open_database(database)
        try:
            view = view_of(opened, view_name)
        except NotFound:
            continue
        base = f"/db/{quote(database, safe='')}/view/{quote(view_name, safe='')}"
        columns = tuple((dict(parse_qsl(query)).get("columns") or "").split(",")) if "columns=" in query else ()
        flags = opened.rights.flags
        place = f"{titles[database]} · {context.label(view.label)}"
        may_keep, may_share = "personal_views" in flags, "shared_views" in flags
        found.append(
            Own(id, name, database, view, place, f"{base}?{query}", bool(shared), columns, may_keep, may_share)
        )
    return found


def change(id: str, name: str, columns: Sequence[str], *, shared: bool) -> None:
    """Another name, other columns, shared or not. NotFound for a list of somebody else, Forbidden."""
    kept = next((one for one in own() if one.id == id), None)
    if kept is None:
        raise NotFound
    if shared != kept.shared:
        _may_keep(context.open_database(kept.database), shared=shared)
    known = {column.name for column in kept.view.columns}
    pairs = [(key, value) for key, value in parse_qsl(kept.url.partition("?")[2]) if key != "columns"]
    if chosen := [column for column in dict.fromkeys(columns) if column in known]:
        pairs.append(("columns", ",".join(chosen)))
    with context.node().store.node.transaction() as connection:
        connection.execute(
            "UPDATE filters SET name = ?, shared = ?, query = ? WHERE id = ? AND person = ?",
            (name.strip()[:80] or kept.name, int(shared), urlencode(pairs), id, context.identity().person.key),
        )
