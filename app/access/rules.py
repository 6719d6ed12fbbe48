"""What rights and a document's lists allow: each rule a pure function, each a row of the requirements'
tables.

`readers` restricts, it never grants; a manager is bound by it like everybody. `authors` is a right to edit
for level author, and implies reading. Levels below reader see nothing but public documents, and these only
with the flag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.access.acl import Level, Rights
from app.errors import BadRequest, Message
from app.store.sets import EVERY_READER

EVERYBODY = "*"
PUBLIC = "flag:read_public"  # stands in `readers` of a public document; holders of the flag have it as a name
ALL_LEVELS = "level:reader"  # says the same as `*`, but leaves room for another name beside it
SEPARATED = re.compile("[,;\n，；、]")  # several names in one text


def names(value: object) -> frozenset[str]:
    """A stored list of names as a set. A single string is one name; blanks name nobody."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, (list, tuple)):
        return frozenset()
    return frozenset(name for name in value if isinstance(name, str) and name.strip())


def readers_of(document: Mapping[str, Any]) -> frozenset[str]:
    """Who may read: everybody when `readers` is empty, else readers and authors together.

    A list that holds something, but no name (blanks, numbers, an object), opens the document to nobody, not
    even to authors; the store's reader sets say the same (`app.store.sets.reader_names`).
    """
    readers = names(document.get("readers"))
    if readers:
        return readers | names(document.get("authors"))
    return frozenset() if document.get("readers") else frozenset({EVERYBODY})


def reading_names(rights: Rights, principals: frozenset[str]) -> frozenset[str]:
    """The names with which a person reads: all from level reader up, below only what `read_public` gives."""
    if rights.level >= Level.READER:
        return principals
    return frozenset({PUBLIC}) if "read_public" in rights.flags else frozenset()


def may_read(rights: Rights, principals: frozenset[str], document: Mapping[str, Any]) -> bool:
    """Whether the document exists for this person."""
    held = reading_names(rights, principals)
    return EVERY_READER in held or not readers_of(document).isdisjoint(held)


def may_create(rights: Rights, *, public: bool = False) -> bool:
    """Whether the level allows a new document: editor and above, depositor, author with the flag `create`."""
    if rights.level >= Level.EDITOR or rights.level == Level.DEPOSITOR:
        return True
    if rights.level == Level.AUTHOR and "create" in rights.flags:
        return True
    return public and "write_public" in rights.flags


def may_edit(rights: Rights, principals: frozenset[str], document: Mapping[str, Any]) -> bool:
    """Editor and above: what they may read. Author: where `authors` names them. Below: public documents by
    flag."""
    if not may_read(rights, principals, document):
        return False
    if rights.level >= Level.EDITOR:
        return True
    if rights.level == Level.AUTHOR and not principals.isdisjoint(names(document.get("authors"))):
        return True
    return document.get("public") is True and "write_public" in rights.flags


def may_delete(rights: Rights, principals: frozenset[str], document: Mapping[str, Any]) -> bool:
    """With the flag `delete` (a manager needs it too), never below author; an author only what it may
    edit."""
    if "delete" not in rights.flags or rights.level < Level.AUTHOR:
        return False
    if rights.level == Level.AUTHOR:
        return may_read(rights, principals, document) and not principals.isdisjoint(names(document.get("authors")))
    return may_edit(rights, principals, document)


def may_copy(rights: Rights) -> bool:
    """Whether documents may leave the page: sync, export, print."""
    return "replicate_or_copy" in rights.flags


def may_design(rights: Rights) -> bool:
    """Whether forms, views and the like may be changed."""
    return rights.level >= Level.DESIGNER


def may_manage(rights: Rights) -> bool:
    """Whether the ACL may be read and changed."""
    return rights.level >= Level.MANAGER


def checked_names(item: str, value: object) -> list[str]:
    """A list of names as it may be stored. BadRequest for anything that would lock people out by its form.

    `"A, B"` in one string names nobody: in Notes the classic way to lose a document, so it is refused. Empty
    strings are dropped, the order is kept, a name stands once.
    """
    if value is None or value == "":
        return []
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        raise _bad(item, "A list of names is expected here.")
    for name in value:
        if SEPARATED.search(name):
            raise _bad(item, Message("“%(name)s” is several names in one text; each name must stand alone.", name=name))
    return list(dict.fromkeys(name.strip() for name in value if name.strip()))


def _bad(item: str, sentence: str) -> BadRequest:
    return BadRequest(sentence, fields={item: sentence})


def settle_lists(items: dict[str, Any]) -> None:
    """Put checked `readers` and `authors` into items; a public document is also open to holders of
    `read_public`.

    Absent lists stay absent, so that a document of a database without designs keeps the shape it came in.
    """
    for item in ("readers", "authors"):
        if item in items:
            items[item] = checked_names(item, items[item])
    readers = [name for name in items.get("readers", ()) if name != PUBLIC]
    if items.get("public") is True:
        items["readers"] = [ALL_LEVELS if name == EVERYBODY else name for name in readers or [EVERYBODY]] + [PUBLIC]
    elif "readers" in items:
        items["readers"] = [EVERYBODY] if readers == [ALL_LEVELS] else readers
