"""Who asks: a person as the directory knows them, and the identity a request, token or job acts with."""

from __future__ import annotations

from dataclasses import dataclass, field

SYSTEM_KEY = "system"
ANONYMOUS_KEY = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A person. `key` never changes and stands in access lists; `name` is the label people see."""

    key: str
    name: str
    title: str = ""
    unit: str = ""  # "unit:south"
    email: str = ""
    language: str | None = None  # zh | en
    zone: str | None = None
    active: bool = True
    sign_in: str = ""  # what is typed at sign-in; the key unless renamed
    latin_name: str = ""

    def label(self, language: str | None = None) -> str:
        """What people read: in English the name in Latin letters, where there is one."""
        return self.latin_name if language == "en" and self.latin_name else self.name


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token is good for: some databases (None = all), writing or only reading."""

    databases: frozenset[str] | None = None
    write: bool = True

    def covers(self, database: str) -> bool:
        """Whether the token may open this database."""
        return self.databases is None or database in self.databases


ALL = Scope()


@dataclass(frozen=True, slots=True)
class Identity:
    """A person, and how they came in. `full_access` is an administrator's rescue, on purpose and logged."""

    person: Person
    scope: Scope = field(default=ALL)
    device: str | None = None
    full_access: bool = False
    via: str = "session"  # session | basic | token | job | system

    @property
    def key(self) -> str:
        """The person's key; empty for somebody who is not signed in."""
        return self.person.key

    @property
    def is_anonymous(self) -> bool:
        """Nobody is signed in."""
        return self.person.key == ANONYMOUS_KEY

    @property
    def is_system(self) -> bool:
        """The node itself: installing designs, indexing. No request ever gets this identity."""
        return self.via == "system" and self.person.key == SYSTEM_KEY


ANONYMOUS = Identity(Person(ANONYMOUS_KEY, ""), via="anonymous")
SYSTEM = Identity(Person(SYSTEM_KEY, "System"), via="system")
