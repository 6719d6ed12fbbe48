"""Persons, groups and units made, changed and removed: one by one, or persons many at once from rows.

Everything goes through the door of the `directory` database, so its guard checks keys and references and the
log has an entry, whichever path a change takes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from app.access.identity import Identity, Person
from app.access.model import Saved
from app.access.principals import UNIT, is_key
from app.errors import BadRequest, Conflict, DavenportError, Forbidden, Message, NotFound

if TYPE_CHECKING:
    from app.access.database import Database
    from app.access.databases import Databases

DIRECTORY = "directory"
BATCH = 50  # persons in one transaction: the write lock is held for some 50 ms
OWN_ITEMS = frozenset({"language", "zone", "phone", "mobile", "signature", "notifications"})  # of one's own profile
_SYNONYMS = {
    "mail": "email",
    "department": "unit",
    "sign-in name": "sign_in",
    "signin": "sign_in",
    "group": "groups",
}


class RowResult(NamedTuple):
    """What became of a row: the person, or what is wrong with it."""

    row: int  # from 0
    person: Person | None
    error: DavenportError | None


def create(databases: Databases, identity: Identity, form: str, key: str, items: Mapping[str, Any]) -> Saved:
    """A new entry of the directory. Forbidden, BadRequest."""
    document = {"form": form, **{name: value for name, value in items.items() if value not in (None, "")}}
    try:
        return _open(databases, identity).create(document, id=key)
    except Conflict:
        sentence = Message("The key “%(key)s” is in use.", key=key)
        raise BadRequest(sentence, fields={"_id": sentence}) from None


def create_person(
    databases: Databases, identity: Identity, *, name: str, key: str | None = None, **items: Any
) -> Person:
    """A new person, active, with a key."""
    document = _person_items({**items, "name": name})
    key = key or free_key(databases, _wish(document))
    document.setdefault("sign_in", key)
    create(databases, identity, "person", key, document)
    return databases.directory.snapshot().persons[key]


def change_person(databases: Databases, identity: Identity, key: str, items: Mapping[str, Any]) -> Saved:
    """Items of a person: by managers of the directory, or the few of one's own profile by oneself."""
    if key == identity.key and OWN_ITEMS.issuperset(items) and identity.scope.write:
        return _changed(databases.trusted(DIRECTORY, identity), key, "person", items)
    return change(databases, identity, key, "person", items)


def change(databases: Databases, identity: Identity, key: str, form: str, items: Mapping[str, Any]) -> Saved:
    """Items of an entry of the directory; None removes one. NotFound, Forbidden, BadRequest."""
    return _changed(_open(databases, identity), key, form, items)


def _changed(database: Database, key: str, form: str, items: Mapping[str, Any]) -> Saved:
    document = _entry(database, key, form)
    document.update(items)
    kept = {name: value for name, value in document.items() if value is not None}
    return database.update(key, kept, document["_rev"])


def change_group(
    databases: Databases,
    identity: Identity,
    key: str,
    add: list[str],
    remove: list[str],
    items: Mapping[str, Any],
) -> Saved:
    """Members added and removed, in one change."""
    database = _open(databases, identity)
    with databases.store.transaction():
        members = items.get("members", _entry(database, key, "group").get("members", []))
        kept = [member for member in members if member not in remove]
        return _changed(database, key, "group", {**items, "members": list(dict.fromkeys([*kept, *add]))})


def remove(databases: Databases, identity: Identity, key: str, form: str) -> Saved:
    """Remove an entry. Members and lists that name it stay as they are: the key belongs to nobody else,
    ever."""
    database = _open(databases, identity)
    _entry(database, key, form)
    return database.delete(key)


def _open(databases: Databases, identity: Identity) -> Database:
    try:
        return databases.open(DIRECTORY, identity)
    except NotFound:
        raise Forbidden("Only managers of the directory change persons, groups and units.") from None


def _entry(database: Database, key: str, form: str) -> dict[str, Any]:
    document = database.get(key)
    if document.get("form") != form:
        raise NotFound("missing")
    return document


# -- many


def create_persons(databases: Databases, identity: Identity, rows: list[Mapping[str, Any]]) -> list[RowResult]:
    """Persons from rows. `groups` (list or text with commas) must exist; `unit` is a key or a label.

    Each row stands alone: one that fails says why and the others are made.
    """
    results: list[RowResult] = []
    joined: dict[str, list[str]] = {}
    for start in range(0, len(rows), BATCH):
        with databases.store.transaction():
            for place, row in enumerate(rows[start : start + BATCH], start):
                results.append(_create_row(databases, identity, place, row, joined))
    for group, members in joined.items():
        change_group(databases, identity, group, members, [], {})
    return results


def _create_row(
    databases: Databases, identity: Identity, place: int, row: Mapping[str, Any], joined: dict[str, list[str]]
) -> RowResult:
    """The person of one row; whom to add to which group is noted in `joined`."""
    try:
        items = _person_items(row)
        groups = _groups(databases, items.pop("groups", None))
        items["unit"] = _unit(databases, items.get("unit"))
        key, name = items.pop("key", None), items.pop("name", "")
        person = create_person(databases, identity, name=name, key=key, **items)
    except (BadRequest, Forbidden) as problem:
        return RowResult(place, None, problem)
    for group in groups:
        joined.setdefault(group, []).append(person.key)
    return RowResult(place, person, None)


def _person_items(row: Mapping[str, Any]) -> dict[str, Any]:
    """The items of a row under their names, empty ones left out."""
    items: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, str):
            value = value.strip()
        if value not in (None, ""):
            items[_SYNONYMS.get(name.lower(), name)] = value
    return items


def _groups(databases: Databases, value: object) -> list[str]:
    wanted = re.split(r"[,;，；、]", value) if isinstance(value, str) else value
    if not isinstance(wanted, list):
        return []
    known = databases.directory.snapshot().groups
    by_label = {label: group.key for group in known.values() for label in _labels(group.name)}
    found = []
    for name in (str(text).strip() for text in wanted):
        key = name if name in known else by_label.get(name)
        if name and key is None:
            sentence = Message("There is no group “%(name)s”.", name=name)
            raise BadRequest(sentence, fields={"groups": sentence})
        if key:
            found.append(key)
    return found


def _unit(databases: Databases, value: object) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    units = databases.directory.snapshot().units
    if value in units or UNIT + value in units:
        return UNIT + value.removeprefix(UNIT)
    found = next((unit.key for unit in units.values() if value in _labels(unit.name)), None)
    if found is None:
        sentence = Message("There is no unit “%(value)s”.", value=value)
        raise BadRequest(sentence, fields={"unit": sentence})
    return found


def _labels(name: str | Mapping[str, str]) -> list[str]:
    return [name] if isinstance(name, str) else list(name.values())


# -- keys


def _wish(items: Mapping[str, Any]) -> str:
    """What a key is made from: sign-in name, else the mail address before the @, else the name."""
    mail = str(items.get("email") or "").partition("@")[0]
    return str(items.get("sign_in") or mail or items.get("name") or "")


def free_key(databases: Databases, wish: str) -> str:
    """A key that was never issued, near the wish: Chinese in pinyin, accents dropped, a number when taken."""
    from pypinyin import lazy_pinyin  # 30 MB and a third of a second: only who makes persons pays

    plain = unicodedata.normalize("NFKD", "".join(lazy_pinyin(wish))).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^a-z0-9._-]+", ".", plain.lower()).strip(".-_")[:40] or "person"
    with databases.store.reading() as connection:
        for key in _numbered(stem):
            taken = connection.execute("SELECT 1 FROM issued_keys WHERE key = ?", (key,)).fetchone()
            if is_key(key) and not taken:
                return key
    raise AssertionError


def _numbered(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}{number}"
        number += 1
