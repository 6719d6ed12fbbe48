"""Persons, groups and units, as the `directory` database has them, and the names each person holds.

    {"_id": "north", "form": "person", "name": "李明", "unit": "unit:north", "email": …, "sign_in": "north",
    "active": true} {"_id": "sales", "form": "group", "name": "Sales", "members": ["north", "unit:south",
    "leaders"]} {"_id": "unit:north", "form": "unit", "name": "North", "parent": "unit:sales", "leader":
    "leader"}

A `Snapshot` is immutable and holds everything; it is renewed when the directory's update sequence has moved,
whichever process moved it, and only what changed is read again. Changing the directory is the business of
`people.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from app.access import people
from app.access.acl import NOBODY, Subject
from app.access.identity import SYSTEM, Identity, Person
from app.access.principals import LEADER, UNIT, in_directory, unit_path
from app.errors import NotFound
from app.store import RawDatabase, Store

if TYPE_CHECKING:
    from app.access.databases import Databases
    from app.access.model import Saved

DIRECTORY = "directory"
_WORDS = {
    "zh": {"leader": "{unit}负责人", "*": "所有人", "system": "系统", "": "匿名"},
    "en": {"leader": "Leader of {unit}", "*": "Everybody", "system": "System", "": "Anonymous"},
}
Name = str | Mapping[str, str]  # a label, or one per language


@dataclass(frozen=True, slots=True)
class Group:
    """A group: members are keys of persons and groups, units and positions."""

    key: str
    name: Name
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """An organisation unit: the one above it, and who leads it."""

    key: str
    name: Name
    parent: str = ""
    leader: str = ""


@dataclass(frozen=True)
class Snapshot:
    """The whole directory at one moment (`incarnation`, `seq`)."""

    incarnation: str = ""
    seq: int = 0
    persons: Mapping[str, Person] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    by_sign_in: Mapping[str, str] = field(default_factory=dict)  # sign-in name or mail, casefolded → key

    @cached_property
    def groups_of(self) -> dict[str, list[str]]:
        """For every member the groups that name it."""
        return _inverted((group.key, group.members) for group in self.groups.values())

    @cached_property
    def led_by(self) -> dict[str, list[str]]:
        """For every leader the units led."""
        return _inverted((unit.key, (unit.leader,)) for unit in self.units.values())

    @cached_property
    def parents(self) -> dict[str, str]:
        """For every unit the one above."""
        return {unit.key: unit.parent for unit in self.units.values()}

    @cached_property
    def _subjects(self) -> dict[str, Subject]:
        return {}

    def subject(self, key: str) -> Subject:
        """Whom an ACL is asked about. An inactive or unknown person is nobody who signed in."""
        found = self._subjects.get(key)
        if found is None:
            person = self.persons.get(key)
            if person is None or not person.active:
                return NOBODY
            held = in_directory(key, person.unit, self.groups_of, self.parents, self.led_by)
            found = self._subjects[key] = Subject(key, held, unit_path(person.unit, self.parents))
        return found

    def active(self) -> Iterable[Person]:
        """Everybody who can sign in."""
        return (person for person in self.persons.values() if person.active)

    def label(self, key: str, language: str | None = None) -> str:
        """How a name is shown to people; a key that nobody holds as it is."""
        words = _WORDS["zh" if language == "zh" else "en"]
        if key in self.persons:
            return self.persons[key].label(language)
        if key in words and key != "leader":
            return words[key]
        if key.startswith(LEADER):
            return words["leader"].format(unit=self.label(UNIT + key.removeprefix(LEADER), language))
        found: Group | Unit | None = self.groups.get(key) or self.units.get(key)
        return _in_language(found.name, language, key) if found else key.removeprefix(UNIT)

    def with_changes(self, seq: int, changes: Iterable[tuple[str, dict[str, Any] | None]]) -> Snapshot:
        """A new snapshot after some documents changed (None: deleted)."""
        persons, groups, units = dict(self.persons), dict(self.groups), dict(self.units)
        names, touched = dict(self.by_sign_in), set()
        for key, body in changes:
            before = persons.pop(key, None) or groups.pop(key, None) or units.pop(key, None)
            if isinstance(before, Person):
                for text in _sign_in_names(before):
                    if names.get(text) == key:
                        del names[text]
            form = body.get("form") if body else None
            if body is not None and form == "person":
                person = persons[key] = person_of(key, body)
                names.update(dict.fromkeys(_sign_in_names(person), key))
            elif body is not None and form == "group":
                groups[key] = Group(key, _name(body, key), tuple(_texts(body.get("members"))))
            elif body is not None and form == "unit":
                units[key] = Unit(key, _name(body, key), _text(body, "parent"), _text(body, "leader"))
            if not isinstance(before, Person | None) or form != "person":
                touched.add("others")
            touched.add(key)
        new = Snapshot(self.incarnation, seq, persons, groups, units, names)
        if "others" not in touched:
            self._hand_over(new, touched)
        return new

    def _hand_over(self, new: Snapshot, touched: set[str]) -> None:
        """Only persons changed: what was derived from groups and units still holds."""
        for derived in ("groups_of", "led_by", "parents"):
            if derived in self.__dict__:
                new.__dict__[derived] = self.__dict__[derived]
        new._subjects.update((key, found) for key, found in self._subjects.items() if key not in touched)


def _sign_in_names(person: Person) -> list[str]:
    return [text.casefold() for text in (person.email, person.sign_in or person.key) if text]


def person_of(key: str, body: Mapping[str, Any]) -> Person:
    """The person a document describes. Whatever is malformed counts as absent."""
    return Person(
        key=key,
        name=_text(body, "name") or key,
        title=_text(body, "title"),
        unit=_text(body, "unit"),
        email=_text(body, "email"),
        language=_text(body, "language") or None,
        zone=_text(body, "zone") or None,
        active=body.get("active") is not False,
        sign_in=_text(body, "sign_in") or key,
        latin_name=_text(body, "latin_name"),
    )


def _text(body: Mapping[str, Any], item: str) -> str:
    value = body.get(item)
    return value if isinstance(value, str) else ""


def _name(body: Mapping[str, Any], key: str) -> Name:
    value = body.get("name")
    return value if isinstance(value, (str, dict)) and value else key


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _inverted(rows: Iterable[tuple[str, Iterable[str]]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, names in rows:
        for name in names:
            if name:
                found.setdefault(name, []).append(key)
    return found


class Directory:
    """The directory of a node. Reading needs no rights: it decides rights. Pages show it through the door."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.databases: Databases | None = None  # set by Databases: changes go through the door
        self.own: Callable[[], Person] | None = None  # a laptop's person, who is known before the directory has come
        self._snapshot = Snapshot()
        self._version: int | None = None
        self._uncommitted: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """Everything as of now; inside a write transaction, with what that transaction changed."""
        if self.store.documents.writing:
            return self._of_transaction()
        version = self.store.data_version()
        if version != self._version:
            self._snapshot = self._renewed(self._snapshot)
            self._version = version
        return self._snapshot

    def _of_transaction(self) -> Snapshot:
        """As this thread's open transaction has it; forgotten when that ends, or a part of it is taken
        back."""
        if self._uncommitted is None:
            self.store.documents.on_commit(self._forget)
            self.store.documents.on_rollback(self._forget)
        self._uncommitted = self._renewed(self._uncommitted or self._snapshot)
        return self._uncommitted

    def _forget(self) -> None:
        self._uncommitted = None

    def _renewed(self, known: Snapshot) -> Snapshot:
        try:
            raw: RawDatabase = self.store.database(DIRECTORY)
            info = raw.info()
        except NotFound:
            return Snapshot()
        if (info.incarnation, info.update_seq) == (known.incarnation, known.seq):
            return known
        if info.incarnation != known.incarnation or info.update_seq < known.seq:
            known = Snapshot(info.incarnation)
        changes = raw.changes(since=known.seq, include_docs=True)
        return known.with_changes(
            changes[-1].seq if changes else info.update_seq,
            ((row.id, row.revision.body if row.revision and not row.deleted else None) for row in changes),
        )

    def person(self, key: str) -> Person | None:
        """A person by key; None when there is none (any more)."""
        if key == SYSTEM.key:
            return SYSTEM.person
        return self.snapshot().persons.get(key) or self._own_person(key)

    def _own_person(self, name: str) -> Person | None:
        own = self.own() if self.own is not None and name else None
        return own if own is not None and name in (own.key, own.sign_in.casefold(), own.email.casefold()) else None

    def persons(self) -> list[Person]:
        """Everybody, by name."""
        return sorted(self.snapshot().persons.values(), key=lambda person: (person.name, person.key))

    def groups(self) -> list[Group]:
        """Every group, by key."""
        return [group for _, group in sorted(self.snapshot().groups.items())]

    def units(self) -> list[Unit]:
        """Every unit, by key."""
        return [unit for _, unit in sorted(self.snapshot().units.items())]

    def find(self, name: str) -> Person | None:
        """Who signs in with this name or mail address; case does not count."""
        snapshot, name = self.snapshot(), name.strip().casefold()
        return snapshot.persons.get(snapshot.by_sign_in.get(name, "")) or self._own_person(name)

    def principals(self, key: str) -> frozenset[str]:
        """The names a person holds in every database; empty for unknown and inactive persons."""
        return self.snapshot().subject(key).principals

    def leader(self, unit: str) -> Person | None:
        """Who leads a unit (`unit:south` or `south`)."""
        snapshot = self.snapshot()
        found = snapshot.units.get(UNIT + unit.removeprefix(UNIT))
        return snapshot.persons.get(found.leader) if found else None

    def label(self, key: str, language: str | None = None) -> str:
        """How a name in a list is shown to people: labels of persons, groups, units and positions."""
        return self.snapshot().label(key, language)

    # -- changing, through the door: only managers of the directory, but everybody their own profile

    def create_person(self, identity: Identity, *, name: str, key: str | None = None, **items: Any) -> Person:
        """A new person; the key is made from sign-in name, mail or name when not given. See `people.py`."""
        return people.create_person(self._door(), identity, name=name, key=key, **items)

    def change_person(self, identity: Identity, key: str, **items: Any) -> Saved:
        """Change items of a person: label, sign-in name, unit, …; the key stays. None removes an item."""
        return people.change_person(self._door(), identity, key, items)

    def remove_person(self, identity: Identity, key: str) -> Saved:
        """Remove a person: sessions, passwords and tokens end; the key is never issued again."""
        return people.remove(self._door(), identity, key, "person")

    def create_persons(self, identity: Identity, rows: Iterable[Mapping[str, Any]]) -> list[people.RowResult]:
        """Persons from rows (name, key, mail, unit, title, groups …); each is made or has its own error."""
        return people.create_persons(self._door(), identity, list(rows))

    def create_group(
        self, identity: Identity, key: str, *, name: Name = "", members: Iterable[str] = (), **items: Any
    ) -> Saved:
        """A new group."""
        items = {**items, "name": name or key, "members": list(members)}
        return people.create(self._door(), identity, "group", key, items)

    def change_group(
        self,
        identity: Identity,
        key: str,
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
        **items: Any,
    ) -> Saved:
        """Add and remove members, change the label."""
        return people.change_group(self._door(), identity, key, list(add), list(remove), items)

    def remove_group(self, identity: Identity, key: str) -> Saved:
        """Remove a group; the key is never issued again."""
        return people.remove(self._door(), identity, key, "group")

    def create_unit(
        self,
        identity: Identity,
        key: str,
        *,
        name: Name = "",
        parent: str = "",
        leader: str = "",
        **items: Any,
    ) -> Saved:
        """A new unit (`unit:south` or `south`)."""
        items = {**items, "name": name or key.removeprefix(UNIT), "parent": parent, "leader": leader}
        return people.create(self._door(), identity, "unit", UNIT + key.removeprefix(UNIT), items)

    def change_unit(self, identity: Identity, key: str, **items: Any) -> Saved:
        """Change label, parent or leader of a unit: who holds `unit:` and `leader-of:` changes at once."""
        return people.change(self._door(), identity, UNIT + key.removeprefix(UNIT), "unit", items)

    def remove_unit(self, identity: Identity, key: str) -> Saved:
        """Remove a unit; the key is never issued again."""
        return people.remove(self._door(), identity, UNIT + key.removeprefix(UNIT), "unit")

    def _door(self) -> Databases:
        assert self.databases is not None
        return self.databases


def _in_language(name: Name, language: str | None, key: str) -> str:
    if isinstance(name, str):
        return name
    return name.get(language or "en") or next(iter(name.values()), key)
