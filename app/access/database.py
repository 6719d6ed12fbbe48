"""A database opened for a person: every read and write of a document goes through here and is decided here.

What the person may not read is missing: in `get`, lists, counts, the trash, history, attachments and the
feed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from io import BufferedReader
from typing import TYPE_CHECKING, Any, NamedTuple

from app.access import explain, restoring, rules
from app.access.acl import Rights
from app.access.conflicts import Conflicts
from app.access.identity import Identity
from app.access.model import MISSING, Document, Reading, Saved, Standing, document_of
from app.access.opened import Opened
from app.access.replica import Replica
from app.access.writer import Writer
from app.errors import DavenportError, Forbidden, Message, NotArrived, NotFound
from app.store import Change, HistoryEntry, Stub, Visible
from app.store.blobs import Readable

if TYPE_CHECKING:
    from app.access.databases import Databases, Known
    from app.access.mirroring import Missing
    from app.design import Design


NOT_ARRIVED = Message("The content of “%(name)s” has not arrived on this laptop yet.")


class TrashRow(NamedTuple):
    """A deleted document the person may restore. `by` is empty for an anonymous one; `seq` is where to go
    on."""

    id: str
    rev: str
    seq: int
    at: str | None
    by: str | None
    document: Document


class Database:
    """From `Databases.open`. Rights are those at the time of opening; open anew for every request."""

    def __init__(self, databases: Databases, known: Known, identity: Identity, standing: Standing) -> None:
        self._databases = databases
        self._opened = Opened(databases, known, identity, standing)
        self._writer = Writer(self._opened, self)
        self.name: str = known.raw.name
        self.identity: Identity = identity
        self.rights: Rights = standing.rights
        self.principals: frozenset[str] = standing.principals

    def __repr__(self) -> str:
        return f"Database({self.name!r}, {self.identity.key!r}, {self.rights.level.label})"

    @property
    def number(self) -> int:
        """The number of the database in SQL."""
        return self._opened.raw.number

    @property
    def visible(self) -> Visible:
        """The reader sets the person sees, as of now."""
        return self._opened.visible()

    @cached_property
    def design(self) -> Design | None:
        """The design of the database, None when it has none."""
        designs = self._databases.designs
        found = designs(self.name) if designs else None
        return found if found is not None and found.forms else None

    # -- reading

    def get(self, id: str, rev: str | None = None, *, conflicts: bool = False) -> Document:
        """A document, or a kept revision of it. NotFound when missing or not readable, without a
        difference."""
        revision = self._opened.find(id) if rev is None else self._opened.shown(id, rev)
        document = document_of(revision)
        if conflicts:
            leaves = self._opened.raw.leaves(id)
            rest = [leaf.rev for leaf in leaves if not leaf.deleted and self._opened.reads(leaf)]
            if len(rest) > 1:
                document["_conflicts"] = [other for other in rest if other != revision.rev]
        return document

    def get_many(self, ids: Iterable[str]) -> dict[str, Document]:
        """The readable ones among these ids."""
        found = self._opened.raw.get_many(ids)
        return {id: document_of(revision) for id, revision in found.items() if self._opened.reads(revision)}

    def exists(self, id: str) -> bool:
        """Whether there is a readable document of this id."""
        return id in self.get_many([id])

    def count(self) -> int:
        """How many documents the person sees, exactly."""
        return self._opened.store.sets.count(self.number, self.visible)

    def changes(self, since: int = 0, limit: int | None = None, **options: Any) -> list[Change]:
        """The feed of what the person reads, tombstones included; options as in `RawDatabase.changes`."""
        return self._opened.raw.changes(since, limit, visible=self.visible, **options)

    def wait(self, since: int, timeout: float) -> bool:
        """Whether anything changes in the database within so many seconds. Holds no connection."""
        return self._opened.raw.wait(since, timeout)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Reading]:
        """For SQL of views and search: always join `documents.access` against `table`."""
        with self._opened.store.reading() as connection:
            visible = self.visible
            yield Reading(connection, visible, self._opened.store.sets.table(connection, visible), self.number)

    def history(self, id: str) -> list[HistoryEntry]:
        """What each revision changed, newest first, without branches the person does not read. NotFound."""
        self._opened.find(id)
        entries = self._opened.raw.history(id)
        if len(self._opened.raw.tree(id).leaves) == 1:
            return entries
        shown = self._opened.readable_branches(id)
        return [entry for entry in entries if entry.rev in shown]

    def trash(self, limit: int = 50, after: int | None = None) -> list[TrashRow]:
        """Deleted documents the person could read and may restore, last deleted first; `after` a row's
        `seq`."""
        shown: list[TrashRow] = []
        visible = self.visible
        while len(shown) < limit:
            rows = self._opened.raw.deleted_documents(limit, after, visible=visible)
            for row in rows:
                if row.last is not None and rules.may_delete(self.rights, self.principals, row.last):
                    document = {"_id": row.id, "_rev": row.last_rev, **row.last}
                    shown.append(TrashRow(row.id, row.rev, row.seq, row.at, row.by, document))
            if len(rows) < limit:
                break
            after = rows[-1].seq
        return shown[:limit]

    # -- rights

    @property
    def may_copy(self) -> bool:
        """Whether documents may leave the page: sync, export, print."""
        return rules.may_copy(self.rights)

    @property
    def writable(self) -> bool:
        """Whether the credential allows writing at all."""
        return self.identity.scope.write

    def may_create(self, form: str | None = None) -> bool:
        """Whether the person may make documents here, of this form when given."""
        public = "write_public" in self.rights.flags
        if not self.writable or not rules.may_create(self.rights, public=public):
            return False
        asked = self._databases.form_rights
        return form is None or asked is None or self.design is None or asked.may_create(self, form)

    def may_edit(self, document: Mapping[str, Any]) -> bool:
        """Whether the person may change this document."""
        return self.writable and rules.may_edit(self.rights, self.principals, document)

    def may_delete(self, document: Mapping[str, Any]) -> bool:
        """Whether the person may delete this document."""
        return self.writable and rules.may_delete(self.rights, self.principals, document)

    def may_keep(self, id: str) -> bool:
        """Whether the person keeps this keyword list without being a designer."""
        asked = self._databases.form_rights
        return asked is not None and id.startswith("design:keywords:") and asked.may_keep(self, id)

    def require_copy(self) -> None:
        """Refuse sync, export and print where the flag is off. Forbidden."""
        if not self.may_copy:
            raise Forbidden("You may read here, but not export, print or replicate.")

    # -- writing

    def create(
        self,
        items: Mapping[str, Any],
        *,
        id: str | None = None,
        action: str | None = None,
        comment: str | None = None,
    ) -> Saved:
        """A new document. Forbidden, BadRequest (`fields`), Conflict when the id is in use."""
        return self._writer.create(items, id, action, comment)

    def update(
        self,
        id: str,
        items: Mapping[str, Any],
        rev: str | None = None,
        *,
        action: str | None = None,
        comment: str | None = None,
    ) -> Saved:
        """All items of the person anew (REST PUT). Without `rev` only where there is none yet. Conflict, …"""
        return self._writer.replace(id, items, rev, action, comment)

    def change(
        self,
        id: str,
        items: Mapping[str, Any],
        rev: str | None = None,
        *,
        action: str | None = None,
        comment: str | None = None,
    ) -> Saved:
        """Only the named items. With a stale `rev` a Conflict, with `current` and `base` to settle it."""
        return self._writer.change(id, items, rev, action, comment)

    def delete(self, id: str, rev: str | None = None, *, comment: str | None = None) -> Saved:
        """Delete; `rev` of a conflict removes that branch alone. NotFound, Forbidden, Conflict."""
        return self._writer.delete(id, rev, comment)

    def restore(self, id: str) -> Saved:
        """Bring a document back from the trash, with id, content and attachments. NotFound, Forbidden."""
        return self._writer.restore(id)

    @property
    def may_purge(self) -> bool:
        """Whether the person may remove documents of the trash for good: managers with the flag `delete`."""
        return self.writable and rules.may_manage(self.rights) and "delete" in self.rights.flags

    def purge(self, id: str) -> None:
        """Remove a document of the trash for good; logged. NotFound, Forbidden."""
        self._opened.tombstone(id)
        if not self.may_purge:
            raise Forbidden("Only managers remove documents for good.")
        self._opened.raw.purge(id)
        self._databases.audit.record("purged", self.identity.key, database=self.name, subject=id)

    def restore_item(self, id: str, rev: str, item: str) -> Saved:
        """Set one item to what it was in a revision. NotFound, Forbidden."""
        return self.change(id, {item: restoring.value_at(self, id, rev, item)}, action="restore_item")

    def create_many(
        self,
        items: Sequence[Mapping[str, Any]],
        *,
        ids: Sequence[str | None] | None = None,
        on_row: Callable[[int, Saved | DavenportError], None] | None = None,
    ) -> list[Saved | DavenportError]:
        """New documents in short transactions (import); each is saved or has its own error."""
        return self._writer.create_many(items, ids, on_row)

    def check_many(self, items: Sequence[Mapping[str, Any]]) -> list[list[str] | DavenportError]:
        """A dry run of `create_many`: warnings or the error of each; nothing is written."""
        return self._writer.check_many(items)

    # -- attachments

    def attachment(self, id: str, name: str, rev: str | None = None) -> tuple[Stub, BufferedReader]:
        """An attachment and its content, open for reading. NotFound."""
        revision = self._opened.find(id) if rev is None else self._opened.shown(id, rev)
        stub = revision.attachments.get(name)
        if stub is None:
            raise NotFound(MISSING)
        try:
            return stub, self._opened.store.blobs.open(stub.address)
        except NotFound:
            if self._missing(id, stub) is None:
                raise
            raise NotArrived(Message(NOT_ARRIVED, name=name)) from None

    def fetch_attachment(self, id: str, name: str) -> None:
        """On a laptop: ask the hub for the content of an attachment now. NotFound, Unavailable."""
        stub = self._opened.find(id).attachments.get(name)
        if stub is None:
            raise NotFound(MISSING)
        missing, laptop = self._missing(id, stub), self._databases.laptop
        if missing is None:
            return
        if laptop is None or laptop.fetch is None:
            raise NotArrived(Message(NOT_ARRIVED, name=name))
        laptop.fetch(self.name, missing).close()

    def _missing(self, id: str, stub: Stub) -> Missing | None:
        return self._databases.mirror(self.name).missing_one(id, stub.address) if self._databases.laptop else None

    def put_attachment(self, id: str, name: str, stream: Readable, content_type: str, rev: str | None = None) -> Saved:
        """Add or replace an attachment. Refused before the content is read. NotFound, Forbidden, Conflict."""
        if not self.may_edit(self._opened.named(id, rev).body):
            raise Forbidden("You may not change this document.")
        blob = self._opened.store.blobs.write(stream)
        stub = Stub(content_type, blob.length, blob.digest, blob.address)
        return self._writer.attach(id, name, stub, rev)

    def store_content(
        self, stream: Readable, content_type: str, *, id: str | None = None, form: str | None = None
    ) -> Stub:
        """Content that a save of this document (None: of a new one) will name in `_attachments`; what no save names
        is collected. Refused before it is read. NotFound, Forbidden."""
        if not (self.may_edit(self._opened.find(id).body) if id else self.may_create(form)):
            raise Forbidden("You may not change this document.")
        blob = self._opened.store.blobs.write(stream)
        return Stub(content_type, blob.length, blob.digest, blob.address)

    def delete_attachment(self, id: str, name: str, rev: str | None = None) -> Saved:
        """Remove an attachment. NotFound, Forbidden, Conflict."""
        return self._writer.attach(id, name, None, rev)

    # -- replication

    @cached_property
    def replica(self) -> Replica:
        """Revisions, feed and pushes for replicas of other nodes. Forbidden where `replicate_or_copy` is off."""
        self.require_copy()
        return Replica(self._opened, self._writer)

    @cached_property
    def conflicts(self) -> Conflicts:
        """Versions made on different replicas that wait for a person."""
        return Conflicts(self._opened, self._writer)

    # -- why

    def who_may_see(self, id: str) -> list[explain.Seen]:
        """Everybody who can read this document, with the entry and the list that decide. NotFound."""
        return explain.who_may_see(self._opened, self._opened.find(id))

    def explain(self, id: str, person: str) -> explain.Explanation:
        """Why a person may or may not read and edit this document. NotFound."""
        return explain.explain(self._opened, self._opened.find(id), person)
