"""What the expressions of a form see: the items, and who saves what, when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app import clock
from app.access.identity import Identity, Person
from app.access.model import Document
from app.errors import DavenportError

if TYPE_CHECKING:
    from app.access.database import Database
    from app.access.databases import Databases
    from app.access.directory import Directory

_NOTHING: dict[str, Any] = {}


def names_for(database: Database, form: str, old: Document | None, uses: frozenset[str]) -> dict[str, Any]:
    """The context names an expression may use, the costly ones only where they are used."""
    identity: Identity = database.identity
    found: dict[str, Any] = {
        "form": form,
        "person": identity.person.key or None,
        "level": int(database.rights.level),
        "is_new": old is None,
        "old": old if old is not None else _NOTHING,
    }
    if "principals" in uses:
        found["principals"] = database.principals
    if "now" in uses:
        found["now"] = clock.now()
    if "today" in uses:
        found["today"] = clock.today().isoformat()
    if old is not None:
        found.update((stamp, old.get(stamp)) for stamp in ("created_by", "created_at", "changed_by", "changed_at"))
    else:
        found["created_by"] = found["person"]
    return found


class Asking:
    """`lookup`, `leader_of` and their like, with the rights of the person who saves."""

    def __init__(self, databases: Databases | None, directory: Directory | None, identity: Identity) -> None:
        self._databases = databases
        self._directory = directory
        self._identity = identity

    def lookup(self, database: str, id: str, item: str) -> Any:
        """An item of a document, or None where the person may not read it."""
        if self._databases is None or not isinstance(id, str):
            return None
        try:
            found: Mapping[str, Any] = self._databases.open(database, self._identity).get(id)
        except DavenportError:
            return None
        return found.get(item) if not str(item).startswith("_") else None

    def leader_of(self, unit: str) -> str | None:
        """Who leads a unit."""
        leader = self._directory.leader(unit) if self._directory else None
        return leader.key if leader else None

    def unit_of(self, person: str) -> str | None:
        """The unit of a person, `unit:south`."""
        found = self._directory.snapshot().persons.get(person) if self._directory else None
        return found.unit or None if found else None

    def members_of(self, group: str) -> list[str]:
        """The persons who hold a group's name."""
        if self._directory is None:
            return []
        snapshot = self._directory.snapshot()
        return sorted(p.key for p in snapshot.active() if group in snapshot.subject(p.key).principals)

    def label_of(self, name: str) -> str:
        """How somebody is called."""
        return self._directory.label(name) if self._directory else name


class DirectoryPeople:
    """The directory as names items see it."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def label(self, key: str, language: str) -> str:
        """How the holder of a key is called."""
        return self._directory.label(key, language)

    def key_of(self, text: str, kinds: tuple[str, ...]) -> str | None:
        """The key meant by a key, sign-in name, mail address or label; None when nobody or several are."""
        snapshot = self._directory.snapshot()
        if "person" in kinds and text in snapshot.persons:
            return text
        if "group" in kinds and text in snapshot.groups:
            return text
        if "unit" in kinds and (text in snapshot.units or f"unit:{text}" in snapshot.units):
            return text if text in snapshot.units else f"unit:{text}"
        if "leader" in kinds and text.startswith("leader-of:"):
            return text if f"unit:{text.removeprefix('leader-of:')}" in snapshot.units else None
        if "person" in kinds and (key := snapshot.by_sign_in.get(text.casefold())):
            return key
        return self._by_label(text, kinds)

    def _by_label(self, text: str, kinds: tuple[str, ...]) -> str | None:
        snapshot = self._directory.snapshot()
        wanted = text.casefold()
        found = [p.key for p in snapshot.persons.values() if "person" in kinds and wanted in _called(p)]
        for kind, holders in (("group", snapshot.groups), ("unit", snapshot.units)):
            if kind in kinds:
                found += [key for key, holder in holders.items() if wanted in _words(holder.name)]
        if "leader" in kinds:
            positions = ("leader-of:" + unit.removeprefix("unit:") for unit in snapshot.units)
            found += [key for key in positions if wanted in self._position(key)]
        return found[0] if len(found) == 1 else None

    def _position(self, key: str) -> set[str]:
        return {self._directory.label(key, language).casefold() for language in ("en", "zh")}


def _called(person: Person) -> set[str]:
    return {person.name.casefold(), person.latin_name.casefold()} - {""}


def _words(name: str | Mapping[str, str]) -> set[str]:
    return {name.casefold()} if isinstance(name, str) else {word.casefold() for word in name.values()}
