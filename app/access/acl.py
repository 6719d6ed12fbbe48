"""Levels, flags, entries, and which entry of an access control list counts for a person. Pure.

An ACL is one document a database, `_id: "acl"`:

    {"form": "acl", "readers": ["level:manager"], "entries": {
        "-Default-": {"level": "author", "flags": ["create"]},
        "admins":    {"type": "group", "level": "manager", "flags": ["delete"], "roles": ["Admins"]}}}

The rules are those of Notes, as requirements decide them where Notes contradicts itself: an entry with the
person's own name counts alone; otherwise groups, units and positions together; otherwise the highest wildcard
over the unit path (`*/sales/acme`); otherwise `-Default-`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from app.errors import BadRequest, Message

DEFAULT = "-Default-"
ANONYMOUS_ENTRY = "Anonymous"
ACL_ID = "acl"
FLAGS = frozenset(
    {
        "create",
        "delete",
        "replicate_or_copy",
        "read_public",
        "write_public",
        "personal_views",
        "shared_views",
    }
)
TYPES = frozenset({"person", "group", "unit", "server", "unspecified"})


class Level(IntEnum):
    """What a person may do at most, from nothing to changing the ACL."""

    NONE = 0
    DEPOSITOR = 1
    READER = 2
    AUTHOR = 3
    EDITOR = 4
    DESIGNER = 5
    MANAGER = 6

    @property
    def label(self) -> str:
        """The level as ACL documents write it: `editor`."""
        return self.name.lower()

    @classmethod
    def named(cls, name: object) -> Level:
        """The level of a name. BadRequest when there is none."""
        if isinstance(name, str) and name.upper() in cls.__members__:
            return cls[name.upper()]
        raise BadRequest(
            Message(
                "“%(name)s” is no level; levels are %(names)s.",
                name=name,
                names=", ".join(level.label for level in cls),
            )
        )


@dataclass(frozen=True, slots=True)
class AclEntry:
    """One line of an ACL: to whom it gives which level, flags and roles (roles without brackets)."""

    name: str
    type: str
    level: Level
    flags: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()

    @property
    def is_wildcard(self) -> bool:
        """`*/sales/acme`: everybody whose unit path ends so."""
        return self.name.startswith("*/")


@dataclass(frozen=True, slots=True)
class Acl:
    """All entries of a database, by name. There is always a `-Default-` (level none when the document has
    none)."""

    entries: Mapping[str, AclEntry]

    @property
    def default(self) -> AclEntry:
        """What everybody gets whom nothing else names."""
        return self.entries.get(DEFAULT) or AclEntry(DEFAULT, "unspecified", Level.NONE)

    @property
    def roles(self) -> frozenset[str]:
        """Every role some entry gives."""
        return frozenset(role for entry in self.entries.values() for role in entry.roles)


@dataclass(frozen=True, slots=True)
class Rights:
    """What a person may do in a database, and the entry or entries that decided it."""

    level: Level
    flags: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    entry: str = DEFAULT


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom an ACL is asked about: own key (None = not signed in), principals, unit path from the nearest unit
    up."""

    key: str | None
    principals: frozenset[str] = frozenset()
    path: tuple[str, ...] = field(default=())


NOBODY = Subject(None)


def effective(acl: Acl, subject: Subject) -> Rights:
    """The rights of a person by "Which entry counts" (1 own name, 2 groups, 3 wildcards, 4 -Default-)."""
    if subject.key is None:
        entry = acl.entries.get(ANONYMOUS_ENTRY) or acl.default
        return Rights(entry.level, entry.flags, entry.roles, entry.name)
    own = acl.entries.get(subject.key)
    if own is not None and own.type in ("person", "server", "unspecified"):
        return Rights(own.level, own.flags, own.roles, own.name)
    groups = [entry for entry in acl.entries.values() if _names_group(entry, subject)]
    if groups:
        return Rights(
            max(entry.level for entry in groups),
            frozenset().union(*(entry.flags for entry in groups)),
            frozenset().union(*(entry.roles for entry in groups)),
            ", ".join(sorted(entry.name for entry in groups)),
        )
    wildcards = [entry for entry in acl.entries.values() if matches(entry.name, subject.path)]
    if wildcards:
        best = max(wildcards, key=lambda entry: (entry.level, len(entry.name), entry.name))
        return Rights(best.level, best.flags, best.roles, best.name)
    return Rights(acl.default.level, acl.default.flags, acl.default.roles, DEFAULT)


def _names_group(entry: AclEntry, subject: Subject) -> bool:
    if entry.name in (subject.key, DEFAULT, ANONYMOUS_ENTRY) or entry.type in ("person", "server"):
        return False
    return entry.name in subject.principals


def matches(wildcard: str, path: tuple[str, ...]) -> bool:
    """Whether `*/sales/acme` covers a unit path such as ("east", "sales", "acme"). Case does not count."""
    if not wildcard.startswith("*/"):
        return False
    tail = tuple(part.casefold() for part in wildcard[2:].split("/"))
    return len(tail) <= len(path) and tuple(part.casefold() for part in path[-len(tail) :]) == tail


def from_document(document: Mapping[str, Any]) -> Acl:
    """The ACL a document describes. BadRequest with `fields` when an entry is not of the right form."""
    entries = document.get("entries")
    if not isinstance(entries, Mapping):
        raise BadRequest("An ACL has “entries”.", fields={"entries": Message("This must be an object of entries.")})
    return Acl({name: _entry(name, value) for name, value in entries.items()})


def _entry(name: str, value: object) -> AclEntry:
    if not isinstance(value, Mapping):
        raise BadRequest(
            Message("The entry “%(name)s” must be an object.", name=name),
            fields={name: Message("This must be an object.")},
        )
    kind = value.get("type") or _usual_type(name)
    flags, roles = _strings(name, value.get("flags")), _strings(name, value.get("roles"))
    unknown = flags - FLAGS
    if kind not in TYPES or unknown:
        wrong = (
            Message("The type “%(value)s” is unknown.", value=kind)
            if kind not in TYPES
            else Message("The flag “%(value)s” is unknown.", value=min(unknown))
        )
        raise BadRequest(Message("“%(name)s”: %(problem)s", name=name, problem=wrong), fields={name: wrong})
    return AclEntry(name, kind, Level.named(value.get("level")), flags, frozenset(role.strip("[]") for role in roles))


def _usual_type(name: str) -> str:
    return "unit" if name.startswith(("unit:", "*/")) else "unspecified"


def _strings(name: str, value: object) -> frozenset[str]:
    if value is None:
        return frozenset()
    if isinstance(value, (list, tuple, set, frozenset)) and all(isinstance(text, str) and text for text in value):
        return frozenset(value)
    raise BadRequest(
        Message("Flags and roles of “%(name)s” are lists of names.", name=name),
        fields={name: Message("A list of names is expected.")},
    )


def to_document(acl: Acl) -> dict[str, Any]:
    """The ACL as its document: only managers read it, and nobody gets in through `authors`."""
    return {
        "form": "acl",
        "entries": {name: entry_items(acl.entries[name]) for name in sorted(acl.entries)},
        "readers": ["level:manager"],
        "authors": [],
    }


def entry_items(entry: AclEntry) -> dict[str, Any]:
    """One entry as JSON, lists sorted."""
    return {
        "type": entry.type,
        "level": entry.level.label,
        "flags": sorted(entry.flags),
        "roles": sorted(entry.roles),
    }


def make(entries: Mapping[str, Mapping[str, Any]] | Iterable[AclEntry]) -> Acl:
    """An Acl from entries as designs write them (`{"-Default-": {"level": "author", "flags": […]}}`) or as
    objects."""
    if isinstance(entries, Mapping):
        return from_document({"entries": entries})
    return Acl({entry.name: entry for entry in entries})
