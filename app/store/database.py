"""One database of the store, without rights: documents, revisions, the feed. The door is app/access."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.errors import Conflict, DavenportError, NotFound
from app.store import branching, changes, compaction, history, local, purging, reading, rows, validity
from app.store.arriving import HERE, Arrivals
from app.store.model import (
    Body,
    Branch,
    Change,
    Context,
    Deleted,
    Edit,
    HistoryEntry,
    Info,
    Local,
    Purge,
    Revision,
    Visible,
)
from app.store.tree import RevisionTree
from app.store.writing import Batch

if TYPE_CHECKING:
    from app.store.store import Store

DEFER_FROM = 100  # documents in one call from which indexers may put their work off


class RawDatabase:
    """Documents of one database, from `Store.database`. A write is one transaction, or joins the open one."""

    def __init__(self, store: Store, name: str, number: int) -> None:
        self._store = store
        self.name = name
        self.number = number

    def __repr__(self) -> str:
        return f"RawDatabase({self.name!r}, {self.number})"

    def info(self) -> Info:
        """Counts, sequence, incarnation, file size."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT documents, deleted, update_seq, incarnation FROM databases WHERE db = ?",
                (self.number,),
            ).fetchone()
        if row is None:
            raise NotFound("The database does not exist.")
        documents, deleted, update_seq, incarnation = row
        return Info(documents, deleted, update_seq, incarnation, self._store.documents.size())

    # -- reading

    def get(self, id: str, rev: str | None = None, *, deleted: bool = False) -> Revision:
        """The winner, or revision `rev` while it is kept. NotFound `missing` or `deleted`."""
        with self._store.reading() as connection:
            return reading.get(connection, self._store.sets, self.number, id, rev, deleted)

    def get_many(self, ids: Iterable[str], *, deleted: bool = False) -> dict[str, Revision]:
        """Winners by id; missing ones are left out, and tombstones unless wanted."""
        with self._store.reading() as connection:
            found = rows.find_many(connection, self.number, ids)
            return {row.id: row.revision() for row in found if deleted or not row.deleted}

    def exists(self, id: str) -> bool:
        """Whether there is a live document with this id."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT deleted FROM documents WHERE db = ? AND id = ?", (self.number, id)
            ).fetchone()
        return row is not None and not row[0]

    def leaves(self, id: str) -> list[Revision]:
        """All leaves, the winner first, tombstones too. NotFound."""
        with self._store.reading() as connection:
            return reading.leaves(connection, self._store.sets, self.number, id)

    def conflicts(self, id: str) -> list[str]:
        """Live leaves beside the winner. NotFound."""
        return self.tree(id).conflicts

    def tree(self, id: str) -> RevisionTree:
        """The revision tree. NotFound."""
        with self._store.reading() as connection:
            return reading.tree(connection, self.number, id)

    def joined(self, id: str) -> dict[str, str]:
        """What was merged or settled: the leaf that was ended → the revision that took it up. NotFound."""
        with self._store.reading() as connection:
            row = reading.row(connection, self.number, id)
            return branching.joined(connection, row, row.revisions())

    def ends(self, id: str) -> list[str]:
        """Tombstones beside a live leaf that nobody has settled. NotFound."""
        with self._store.reading() as connection:
            row = reading.row(connection, self.number, id)
            return branching.ends(connection, row, row.revisions())

    def branched(
        self, limit: int, before: int | None = None, *, visible: Visible
    ) -> Sequence[tuple[int, branching.Branched]]:
        """Visible documents with branches to settle, changed last first: (seq, row); `before` a row's seq."""
        with self._store.reading() as connection:
            return branching.branched(connection, self._store.sets, self.number, visible, limit, before)

    def revision_body(self, id: str, rev: str) -> Body | None:
        """The items of any revision, None when they are no longer kept."""
        try:
            return self.get(id, rev).body
        except NotFound:
            return None

    def revs_diff(self, asked: Mapping[str, Sequence[str]]) -> dict[str, dict[str, list[str]]]:
        """As CouchDB: {id: {"missing": […], "possible_ancestors": […]}}; complete ids are left out."""
        with self._store.reading() as connection:
            return reading.revs_diff(connection, self.number, asked)

    def history(self, id: str) -> list[HistoryEntry]:
        """What each revision changed, newest first."""
        with self._store.reading() as connection:
            return history.read(connection, self.number, id)

    def deleted_documents(
        self, limit: int = 50, before: int | None = None, *, visible: Visible | None = None
    ) -> list[Deleted]:
        """The trash, last deleted first; `before` = seq of the last row shown."""
        with self._store.reading() as connection:
            return reading.deleted_documents(connection, self._store.sets, self.number, limit, before, visible)

    # -- changes

    def changes(
        self,
        since: int = 0,
        limit: int | None = None,
        *,
        descending: bool = False,
        visible: Visible | None = None,
        ids: Sequence[str] | None = None,
        include_docs: bool = False,
        style: str = "main_only",
    ) -> list[Change]:
        """Documents changed after `since`, in order; of the visible sets and these ids only, when given."""
        with self._store.reading() as connection:
            return changes.read(
                connection,
                self._store.sets,
                self.number,
                since,
                limit,
                descending=descending,
                visible=visible,
                ids=ids,
                include_docs=include_docs,
                style=style,
            )

    def wait(self, since: int, timeout: float) -> bool:
        """Whether any process writes past `since` within `timeout` seconds. Holds no connection meanwhile."""
        return self._store.waiting.wait(self.number, since, timeout)

    def purges(self, since: int = 0, limit: int = 1000) -> list[Purge]:
        """Documents purged after a seq: who keeps derived data removes theirs."""
        with self._store.reading() as connection:
            return reading.purges(connection, self.number, since, limit)

    # -- writing

    def put(self, edit: Edit, context: Context) -> str:
        """Make a revision here; its name. Conflict, NotFound, BadRequest, TooLarge, MissingStub."""
        with self._batch(context, [edit.id]) as batch:
            return batch.put(edit)

    def put_many(self, edits: Sequence[Edit], context: Context, *, defer: bool = True) -> list[str | DavenportError]:
        """Many revisions in one transaction; each has its name or its own error."""
        with self._batch(context, [edit.id for edit in edits], defer=defer) as batch:
            return [_attempt(batch.put, edit) for edit in edits]

    def insert(
        self, branches: Sequence[Branch], context: Context, *, defer: bool = True
    ) -> list[DavenportError | None]:
        """Revisions made elsewhere, under their names (`new_edits=false`); each None or its own error."""
        with self._batch(context, [branch.id for branch in branches], defer=defer) as batch:
            answers = [_attempt(batch.insert, branch) for branch in branches]
        return [answer if isinstance(answer, DavenportError) else None for answer in answers]

    def delete(self, id: str, rev: str, context: Context, body: Body | None = None) -> str:
        """Tombstone every live leaf at once; the name of the winner's tombstone. `rev` must be the winner."""
        with self._store.transaction():
            leaves = self.leaves(id)
            if leaves[0].deleted:
                raise NotFound("deleted")
            if leaves[0].rev != rev:
                raise Conflict
            together = {branching.MERGED_INTO: rev}  # who brings the winner back is not asked about the others
            with self._batch(context, [id]) as batch:
                for leaf in reversed([leaf for leaf in leaves if not leaf.deleted]):
                    more = {} if leaf.rev == rev else together
                    name = batch.put(Edit(id, leaf.rev, {**(body or {}), **more}, deleted=True))
        return name

    def prune(self, id: str, revs: Iterable[str]) -> bool:
        """Take back revisions, with all that descend from them; whether anything of the document is left.

        What the document was before shows again, under a new seq; history and bodies of what goes are removed. A
        document of which nothing is left is purged and may come again.
        """
        with self._store.transaction():
            with self.arriving([id]) as batch:
                left = batch.prune(id, revs)
            if not left:
                self.purge(id, remember=False)
        return left

    @contextlib.contextmanager
    def arriving(self, ids: Sequence[str]) -> Iterator[Arrivals]:
        """For revisions that come from upstream, many at once: a batch that takes them as they are."""
        store = self._store
        with store.transaction() as connection:
            batch = Arrivals(connection, store.sets, store.blobs, self.number, HERE, ids)
            yield batch
            self._flush(batch, deferred=len(ids) > DEFER_FROM)

    @contextlib.contextmanager
    def _batch(self, context: Context, ids: Sequence[str], *, defer: bool = False) -> Iterator[Batch]:
        store = self._store
        with store.transaction() as connection:
            note = store.notes_unsent
            batch = Batch(connection, store.sets, store.blobs, self.number, context, ids, note_unsent=note)
            yield batch
            self._flush(batch, deferred=defer and len(ids) > DEFER_FROM)
            if note:
                store.documents.on_commit(store.on_unsent)

    def _flush(self, batch: Batch, *, deferred: bool) -> None:
        changed = batch.flush()
        if changed:
            self._store.changed(self.number, changed, deferred=deferred)

    # -- local documents, upkeep

    def local_get(self, id: str) -> Local:
        """A `_local` document (id with or without the prefix). NotFound."""
        with self._store.reading() as connection:
            return local.get(connection, self.number, id)

    def local_put(self, id: str, body: Body, rev: str | None = None) -> str:
        """Write a `_local` document; its revision. With `rev`, Conflict unless that is the current one."""
        with self._store.transaction() as connection:
            return local.put(connection, self.number, id, validity.encode(body), rev)

    def local_delete(self, id: str) -> None:
        """Remove a `_local` document. NotFound."""
        with self._store.transaction() as connection:
            local.delete(connection, self.number, id)

    def compact(self, keep_days: int = compaction.KEEP_DAYS) -> compaction.Compacted:
        """Drop bodies that nobody needs any more, and the access log of that age. Short transactions."""
        return compaction.compact(self._store, self.number, keep_days)

    def purge(self, ids: str | Sequence[str], *, remember: bool = True) -> int:
        """Remove documents without trace. `remember`: refuse pushes of the generations they had."""
        return purging.purge(self._store, self.number, [ids] if isinstance(ids, str) else ids, remember)

    def purge_deleted(self, before: str) -> int:
        """Purge, remembering generations, the documents deleted before a moment; how many."""
        return purging.purge_deleted(self._store, self.number, before)


def _attempt(write: Callable[[Any], Any], one: Edit | Branch) -> Any:
    """The result, or the error of this one alone. A full disk or a locked file fails the whole call."""
    try:
        return write(one)
    except DavenportError as problem:
        if problem.status >= 500:
            raise
        return problem
