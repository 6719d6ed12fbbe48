"""What a person keeps of views, in node.db: saved filters and private views, columns, collapsed categories.

Saved       a name for a query on a view (a private view is one with columns of its own); shared ones are
            seen by everybody who may open the view and made by those with the flag `shared_views`
Choice      which columns, in which order, how wide; one per person and view
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from app import ids
from app.access import Database, Level
from app.errors import BadRequest, Forbidden, Message, NotFound
from app.store import Store
from app.views.filters import parse

LONGEST_NAME, LARGEST, MOST = 80, 8_000, 100
QUERY_KEYS = frozenset({"category", "sort", "descending", "starts", "filter", "unread"})


@dataclass(frozen=True)
class Saved:
    """A saved filter. `query`: as ViewQuery, without paging; `columns`: names, None = the view's."""

    id: str
    name: str
    view: str
    query: dict[str, Any]
    columns: list[str] | None
    shared: bool
    mine: bool


@dataclass(frozen=True)
class Choice:
    """A person's columns of a view: shown ones in order (None = all), widths in pixels, categories closed."""

    columns: list[str] | None = None
    widths: dict[str, int] = field(default_factory=dict)
    collapsed: list[str] = field(default_factory=list)


class SavedFilters:
    """Saved filters, private views and column choices of the person a database is opened for."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def list(self, database: Database, view: str | None = None) -> list[Saved]:
        """The person's own and the shared ones, by name; only those on views that are there."""
        person = database.identity.key
        with self.store.node.reading() as connection:
            rows = connection.execute(
                "SELECT id, person, view, name, shared, query FROM filters WHERE database = ?"
                " AND (person = ? OR shared = 1) ORDER BY name, id",
                (database.name, person),
            ).fetchall()
        found = [_saved(row, person) for row in rows]
        known = database.design.views if database.design else {}
        return [each for each in found if each.view in known and view in (None, each.view)]

    def get(self, database: Database, id: str) -> Saved:
        """One of those listed. NotFound."""
        for each in self.list(database):
            if each.id == id:
                return each
        raise NotFound("There is no such saved filter.")

    def save(
        self,
        database: Database,
        view: str,
        name: str,
        query: Mapping[str, Any],
        *,
        columns: Sequence[str] | None = None,
        shared: bool = False,
        id: str | None = None,
    ) -> Saved:
        """Keep a query under a name, or replace the one with this id. Forbidden without the flag."""
        self._may(database, shared)
        kept = _checked(database, view, name, query, columns)
        person, before = database.identity.key, None
        if id is not None:
            before = self.get(database, id)
            if not before.mine:
                raise Forbidden("This filter belongs to somebody else.")
        elif len([each for each in self.list(database) if each.mine]) >= MOST:
            raise BadRequest(Message("You may keep %(most)s filters in a database.", most=MOST))
        number = id or ids.new_id()
        with self.store.node.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO filters (id, person, database, view, name, shared, query)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (number, person, database.name, view, name.strip(), int(shared), kept),
            )
        return self.get(database, number)

    def remove(self, database: Database, id: str) -> None:
        """Remove one's own; a shared one also by designers and managers."""
        found = self.get(database, id)
        if not found.mine and database.rights.level < Level.DESIGNER:
            raise Forbidden("This filter belongs to somebody else.")
        with self.store.node.transaction() as connection:
            connection.execute("DELETE FROM filters WHERE id = ? AND database = ?", (id, database.name))

    @staticmethod
    def _may(database: Database, shared: bool) -> None:
        flag = "shared_views" if shared else "personal_views"
        if database.identity.is_anonymous or database.rights.level < Level.READER:
            raise Forbidden("Only those who read the database keep filters in it.")
        if flag not in database.rights.flags:
            if shared:
                raise Forbidden("You may not keep shared views in this database.")
            raise Forbidden("You may not keep private views in this database.")

    # -- columns

    def choice(self, database: Database, view: str) -> Choice:
        """The person's columns of a view."""
        with self.store.node.reading() as connection:
            row = connection.execute(
                "SELECT value FROM preferences WHERE person = ? AND name = ?",
                (database.identity.key, _preference(database, view)),
            ).fetchone()
        if row is None:
            return Choice()
        held = orjson.loads(row[0])
        return Choice(held.get("columns"), held.get("widths", {}), held.get("collapsed", []))

    def choose(self, database: Database, view: str, choice: Choice) -> None:
        """Keep the person's columns of a view; columns it does not have are left out."""
        if database.identity.is_anonymous:
            return
        known = {column.name for column in _view_of(database, view).columns}
        held = {
            "columns": None if choice.columns is None else [each for each in choice.columns if each in known],
            "widths": {name: max(30, min(int(width), 2000)) for name, width in choice.widths.items() if name in known},
            "collapsed": choice.collapsed[:500],
        }
        text = orjson.dumps(held).decode()
        if len(text) > LARGEST * 4:
            raise BadRequest("This is too much to keep.")
        with self.store.node.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO preferences (person, name, value) VALUES (?, ?, ?)",
                (database.identity.key, _preference(database, view), text),
            )

    def forget(self, person: str) -> None:
        """Remove what a person kept."""
        with self.store.node.transaction() as connection:
            connection.execute("DELETE FROM filters WHERE person = ?", (person,))
            connection.execute("DELETE FROM preferences WHERE person = ? AND name LIKE 'view:%'", (person,))


def _preference(database: Database, view: str) -> str:
    return f"view:{database.name}:{view}"


def _view_of(database: Database, view: str) -> Any:
    found = database.design.views.get(view) if database.design else None
    if found is None:
        raise NotFound("There is no such view.")
    return found


def _checked(database: Database, view: str, name: str, query: Mapping[str, Any], columns: Sequence[str] | None) -> str:
    known = {column.name for column in _view_of(database, view).columns}
    if not name.strip() or len(name) > LONGEST_NAME:
        raise BadRequest(Message("A filter needs a name of at most %(most)s characters.", most=LONGEST_NAME))
    unknown = sorted(set(query) - QUERY_KEYS) + sorted(set(columns or ()) - known)
    if unknown:
        raise BadRequest(Message("This cannot be kept in a filter: %(names)s.", names=", ".join(map(str, unknown))))
    parse(query.get("filter"))
    kept = {"query": dict(query), "columns": None if columns is None else list(columns)}
    text = orjson.dumps(kept).decode()
    if len(text) > LARGEST:
        raise BadRequest("This filter is too long.")
    return text


def _saved(row: tuple[str, str, str, str, int, str], person: str) -> Saved:
    id, owner, view, name, shared, kept = row
    held = orjson.loads(kept)
    return Saved(id, name, view, held["query"], held["columns"], bool(shared), owner == person)
