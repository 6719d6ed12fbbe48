"""The shapes that cross the door: documents, what a save answers, and what the form layer plugs in."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from app.access.acl import Level, Rights
from app.store import Revision, Stub, Visible

if TYPE_CHECKING:
    from app.access.database import Database

Document = dict[str, Any]  # {"_id", "_rev", items…, "_attachments"?, "_conflicts"?}

MISSING = "missing"  # the one sentence for what is not there and for what may not be read


class Saved(NamedTuple):
    """What a write made. `warnings` are sentences for the person: the save stands."""

    id: str
    rev: str
    warnings: list[str]


class Composed(NamedTuple):
    """What a form makes of sent items: everything to be stored, `readers` and `authors` included."""

    items: dict[str, Any]
    warnings: list[str] = []  # noqa: RUF012  (never changed)


class Rules(Protocol):
    """The form layer, for databases that have a design."""

    def compose(
        self, database: Database, old: Document | None, new: dict[str, Any], *, action: str | None = None
    ) -> Composed:
        """Translate, default, compute, validate, number, and compute access. BadRequest with `fields`,
        Forbidden."""

    def check(
        self, database: Database, old: Document | None, new: dict[str, Any], *, action: str | None = None
    ) -> Composed:
        """As compose, and refused like there, but nothing is written and no number drawn: for dry runs."""

    def together(self, database: Database, rows: Sequence[Mapping[str, Any]]) -> AbstractContextManager[None]:
        """Around composing (or checking) these new documents one after the other: what they share is asked
        once."""


class FormRights(Protocol):
    """What forms say about rights beyond the ACL. A Rules object may have these too."""

    def may_create(self, database: Database, form: str) -> bool:
        """Whether the form lets this person make one."""

    def may_keep(self, database: Database, id: str) -> bool:
        """Whether this person keeps the keyword list `design:keywords:…` without being a designer."""

    def element_problems(self, database: Database, id: str, items: Mapping[str, Any]) -> list[str]:
        """What is wrong with a design element as it is about to be stored, beside the others of the design."""


class DatabaseInfo(NamedTuple):
    """A database a person may open."""

    name: str
    title: Any  # the design's label, or the name
    level: Level


class Standing(NamedTuple):
    """A person in a database: rights, names held, and the names with which documents are read."""

    rights: Rights
    principals: frozenset[str]
    reading: frozenset[str]


class Reading(NamedTuple):
    """A connection for SQL that joins `documents.access` against `table` (access INTEGER PRIMARY KEY)."""

    connection: sqlite3.Connection
    visible: Visible
    table: str
    number: int


def document_of(revision: Revision) -> Document:
    """A revision as people and programs get it."""
    document = {"_id": revision.id, "_rev": revision.rev, **revision.body}
    if revision.deleted:
        document["_deleted"] = True
    if revision.attachments:
        document["_attachments"] = {name: stub_of(stub) for name, stub in revision.attachments.items()}
    return document


def stub_of(stub: Stub) -> dict[str, Any]:
    """An attachment as CouchDB writes it when its content is left out."""
    return {
        "content_type": stub.content_type,
        "length": stub.length,
        "digest": stub.digest,
        "revpos": stub.revpos,
        "stub": True,
    }


def items_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The items alone, without `_id`, `_rev` and the like."""
    return {name: value for name, value in document.items() if name[:1] != "_"}
