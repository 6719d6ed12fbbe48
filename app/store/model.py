"""The shapes that cross the border of the store: plain tuples. Bodies are JSON objects without `_` names."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

Body = dict[str, Any]


class Stub(NamedTuple):
    """What a document says about one attachment; the content is the blob at `address`."""

    content_type: str
    length: int  # bytes
    digest: str  # "md5-<base64>", as CouchDB shows it
    address: str  # SHA-256 in hex: the name of the file
    revpos: int = 0  # generation that brought it; filled in by the store when 0


class Revision(NamedTuple):
    """One revision of a document with its content."""

    id: str
    rev: str
    body: Body
    deleted: bool
    attachments: dict[str, Stub]
    doc: int
    seq: int  # of the document's last change
    access: int  # reader set; 0 = nobody's


class Edit(NamedTuple):
    """A change by somebody here: `rev` names the leaf it replaces (None: a new document)."""

    id: str
    rev: str | None
    body: Body
    deleted: bool = False
    attachments: Mapping[str, Stub] | None = None  # None: keep the parent's


class Branch(NamedTuple):
    """A revision made elsewhere, with its ancestry: `revisions` newest first, as `n-hash`."""

    id: str
    revisions: Sequence[str]
    body: Body
    deleted: bool = False
    attachments: Mapping[str, Stub] | None = None


class Context(NamedTuple):
    """Who writes, when, from where; goes into the history beside the revision."""

    person: str
    at: str
    device: str | None = None
    action: str | None = None
    comment: str | None = None


class Changed(NamedTuple):
    """What an indexer is told inside the write transaction. `old`/`new` are None where deleted or absent."""

    doc: int
    id: str
    seq: int
    old: Body | None
    new: Body | None
    access_before: int | None
    access: int
    rev: str
    created: bool


class Indexer(Protocol):
    """Keeps rows derived from documents; runs inside the write transaction."""

    def __call__(self, connection: sqlite3.Connection, db: int, changes: Sequence[Changed], deferred: bool, /) -> None:
        """Bring the derived rows up to date, or note the documents as pending when `deferred`."""


class Change(NamedTuple):
    """A row of the changes feed; `revs` is the winner, or all leaves with style `all_docs`."""

    seq: int
    id: str
    revs: list[str]
    deleted: bool
    revision: Revision | None


class Info(NamedTuple):
    """Figures of a database; `size` in bytes is that of the shared file."""

    documents: int
    deleted: int
    update_seq: int
    incarnation: str
    size: int


class HistoryEntry(NamedTuple):
    """What one revision changed: `items` maps a name to [old, new], null where absent."""

    rev: str
    at: str
    by: str
    device: str | None
    action: str | None
    comment: str | None
    items: dict[str, list[Any]]


class Deleted(NamedTuple):
    """A row of the trash: the tombstone and the last live content, as far as it is still kept."""

    id: str
    rev: str
    doc: int
    seq: int
    access: int
    at: str | None
    by: str | None
    last: Body | None
    last_rev: str | None


class Purge(NamedTuple):
    """A document that was removed without trace, for those who keep derived data."""

    seq: int
    id: str
    doc: int


class Local(NamedTuple):
    """A `_local` document: never replicated, no tree. `rev` is `0-<n>`."""

    rev: str
    body: Body


class Visible(NamedTuple):
    """The reader sets that admit a person in one database.

    `everything` holds only for the node itself and full access (`EVERY_READER`): somebody who is in every set
    today is still filtered, because a set made a moment later may not admit him.

    `documents` and `total` count live documents and may lag a little: they choose query plans. For exact
    figures ask `Sets.count`.
    """

    digest: str
    everything: bool
    sets: frozenset[int]
    documents: int
    total: int
