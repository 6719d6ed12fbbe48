"""Who may see a document, and why: which ACL entry gave the level and which list names the person.

Answers are data, for pages to put into words:

    Explanation(person="south", level=AUTHOR, entry="-Default-", reads=False, edits=False,
                reason="not_listed", names=(), readers=("north", "[Leaders]"), authors=("north",))

reasons: `full_access` · `level` (the level reads no documents) · `public` · `open` (no readers) · `readers`
(named in readers, by `names`) · `authors` (named in authors only) · `not_listed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from app.access import rules
from app.access.acl import Level, Rights
from app.access.identity import Person
from app.access.model import Standing
from app.store import EVERY_READER, Revision

if TYPE_CHECKING:
    from app.access.opened import Opened

REASONS = ("full_access", "level", "public", "open", "readers", "authors", "not_listed")


class Explanation(NamedTuple):
    """Why a person may or may not read and edit a document."""

    person: str
    label: str
    level: Level
    entry: str  # of the ACL: one name, or several groups joined with ", "
    roles: tuple[str, ...]
    reads: bool
    edits: bool
    deletes: bool
    reason: str
    names: tuple[str, ...]  # those of the person's names that stand in the deciding list
    readers: tuple[str, ...]
    authors: tuple[str, ...]

    @property
    def params(self) -> dict[str, Any]:
        """The parts of a sentence."""
        return self._asdict()


class Seen(NamedTuple):
    """Somebody who can read a document."""

    person: str
    label: str
    level: Level
    entry: str
    list: str  # readers | authors | open | public
    names: tuple[str, ...]
    edits: bool


def explain(opened: Opened, revision: Revision, person: str) -> Explanation:
    """The decision about one person, as they would meet it at sign-in."""
    standing = opened.known.standing(person)
    rights, body = standing.rights, revision.body
    reason, names = why(rights, standing, body)
    return Explanation(
        person=person,
        label=opened.databases.directory.label(person, opened.identity.person.language),
        level=rights.level,
        entry=rights.entry,
        roles=tuple(sorted(rights.roles)),
        reads=rules.may_read(rights, standing.principals, body),
        edits=rules.may_edit(rights, standing.principals, body),
        deletes=rules.may_delete(rights, standing.principals, body),
        reason=reason,
        names=names,
        readers=tuple(sorted(rules.names(body.get("readers")))),
        authors=tuple(sorted(rules.names(body.get("authors")))),
    )


def why(rights: Rights, standing: Standing, body: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The reason, and which of the person's names decide."""
    held = standing.reading
    if EVERY_READER in held:
        return "full_access", ()
    readers, authors = rules.names(body.get("readers")), rules.names(body.get("authors"))
    if rights.level < Level.READER:
        return ("public", (rules.PUBLIC,)) if held & readers else ("level", ())
    if rules.EVERYBODY in rules.readers_of(body) or rules.ALL_LEVELS in readers:
        return "open", ()
    for reason, listed in (("readers", readers), ("authors", authors)):
        if held & listed and readers:  # authors read beside readers, not where a broken list names nobody
            return reason, tuple(sorted(held & listed))
    return "not_listed", ()


def readers(opened: Opened, revision: Revision) -> Iterator[Person]:
    """Everybody active who can read it."""
    for person in opened.known.snapshot.active():
        standing = opened.known.standing(person.key)
        if rules.may_read(standing.rights, standing.principals, revision.body):
            yield person


def who_may_see(opened: Opened, revision: Revision) -> list[Seen]:
    """Everybody active who can read it, by label. The asker sees this of a document they can read
    themselves."""
    language = opened.identity.person.language
    found = []
    for person in readers(opened, revision):
        standing = opened.known.standing(person.key)
        reason, names = why(standing.rights, standing, revision.body)
        edits = rules.may_edit(standing.rights, standing.principals, revision.body)
        label = opened.databases.directory.label(person.key, language)
        rights = standing.rights
        found.append(Seen(person.key, label, rights.level, rights.entry, reason, names, edits))
    return sorted(found, key=lambda seen: (seen.label, seen.person))
