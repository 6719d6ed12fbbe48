"""What a device may hold at most: set by an administrator for everybody who holds a name (a group, a unit, `*`).

    [{"name": "sales", "databases": ["deals"], "selection": {"deals": "owner == person"}, "attachments": 100000}]

Kept in node.db; several rules that meet one person all hold. They bind devices: a person's password opens a foreign
replicator as wide as their rights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from app import jsonio
from app.access import Databases, Identity
from app.design.expressions import Expression, ExpressionError
from app.errors import BadRequest, Message
from app.store import SqliteFile

SETTING = "replication.limits"
EVERYBODY = "*"


class Limits(NamedTuple):
    """What one device may hold; None = no limit. `selection`: an expression per database; attachments in bytes."""

    databases: frozenset[str] | None = None
    selection: Mapping[str, str] = {}
    attachments: int | None = None

    def covers(self, database: str) -> bool:
        """Whether the device may hold anything of a database."""
        return self.databases is None or database in self.databases

    def told(self) -> dict[str, Any]:
        """As `_me` gives it."""
        databases = None if self.databases is None else sorted(self.databases)
        return {"databases": databases, "selection": dict(self.selection), "attachments": self.attachments}


def of(databases: Databases, identity: Identity) -> Limits:
    """What binds this identity: nothing unless it is a device."""
    if identity.device is None:
        return Limits()
    names = databases.directory.principals(identity.key) | {EVERYBODY}
    found = Limits()
    for rule in read(databases.store.node):
        if rule["name"] in names:
            found = _both(found, rule)
    return found


def _both(found: Limits, rule: Mapping[str, Any]) -> Limits:
    databases, selection, attachments = found
    if rule.get("databases") is not None:
        named = frozenset(rule["databases"])
        databases = named if databases is None else databases & named
    joined = dict(selection)
    for database, source in (rule.get("selection") or {}).items():
        joined[database] = f"({joined[database]}) and ({source})" if database in joined else source
    if rule.get("attachments") is not None:
        attachments = min(rule["attachments"], attachments) if attachments is not None else rule["attachments"]
    return Limits(databases, joined, attachments)


def read(file: SqliteFile) -> list[dict[str, Any]]:
    """The rules, in order."""
    with file.reading() as connection:
        row = connection.execute("SELECT value FROM settings WHERE name = ?", (SETTING,)).fetchone()
    rules: list[dict[str, Any]] = jsonio.loads(row[0]) if row else []
    return rules


def write(file: SqliteFile, rules: Sequence[Mapping[str, Any]]) -> None:
    """Replace the rules. BadRequest for what is none; the caller sees to it that an administrator asks."""
    for rule in rules:
        _check(rule)
    with file.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (SETTING, jsonio.dumps(list(rules)).decode())
        )


def _check(rule: Mapping[str, Any]) -> None:
    databases, selection, attachments = (rule.get(name) for name in ("databases", "selection", "attachments"))
    if not isinstance(rule.get("name"), str) or not rule["name"]:
        raise BadRequest("Each limit names whom it binds.")
    if databases is not None and not (isinstance(databases, list) and all(isinstance(each, str) for each in databases)):
        raise BadRequest("The databases of a limit are a list of names.")
    if attachments is not None and (type(attachments) is not int or attachments < 0):
        raise BadRequest("The size of attachments is a number of bytes.")
    for source in (selection or {}).values():
        try:
            Expression(source)
        except ExpressionError as problem:
            raise BadRequest(Message("The selection is not understood: %(why)s", why=str(problem))) from problem
