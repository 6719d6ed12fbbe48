"""A database as replicas see it: revisions, leaves, the feed, `_local`; for the gateway, still through the one door.

Who reads the winner (or could read what its tombstone ended) reads the document; of its branches those whose
own leaf admits them, with the ancestors of these. Everything else is missing, and asked about it looks unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from io import BufferedReader
from typing import Any, NamedTuple

import orjson

from app.access import rules
from app.access.directory import DIRECTORY
from app.access.following import PAGE, Followed, Follower, Place
from app.access.guards import DESIGNERS
from app.access.opened import Opened
from app.access.pushing import Incoming, Pusher
from app.access.writer import READ_ONLY_TOKEN, Writer
from app.errors import DavenportError, Forbidden, NotFound
from app.store import Change, Local, Revision, RevisionTree, Stub
from app.store.blobs import Readable
from app.store.rows import COLUMNS, Row, find_many

_PENDING = 10_000  # further rows that are counted at most


class Figures(NamedTuple):
    """What a person learns of a database: documents and tombstones they see, where the feed stands."""

    documents: int
    deleted: int
    update_seq: int
    incarnation: str


class Found(NamedTuple):
    """A revision with its ancestry, newest first, itself included."""

    revision: Revision
    path: list[str]


class Replica:
    """From `Database.replica`."""

    def __init__(self, opened: Opened, writer: Writer) -> None:
        self._opened = opened
        self._raw = opened.raw
        self._pusher = Pusher(opened, writer)
        self._follower = Follower(opened)

    @property
    def reading(self) -> frozenset[str]:
        """The names with which the person reads documents here."""
        return self._opened.standing.reading

    # -- the database

    def figures(self) -> Figures:
        """Counts of what the person sees; `update_seq` and `incarnation` of the node."""
        info = self._raw.info()
        visible = self._opened.visible()
        deleted = self._count("documents_deleted", "deleted = 1", 0, -1)
        return Figures(
            self._opened.store.sets.count(self._raw.number, visible), deleted, info.update_seq, info.incarnation
        )

    def pending(self, since: int) -> int:
        """How many visible documents changed after `since`; counted up to 10,000."""
        return self._count("documents_by_seq", "1", since, _PENDING)

    def _count(self, index: str, where: str, since: int, most: int) -> int:
        visible = self._opened.visible()
        with self._opened.store.reading() as connection:
            table = self._opened.store.sets.table(connection, visible)
            seen = "" if visible.everything else f" AND access IN {table}"
            row = connection.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM documents INDEXED BY {index}"
                f" WHERE db = ? AND {where} AND seq > ?{seen} LIMIT ?)",
                (self._raw.number, since, most),
            ).fetchone()
        return int(row[0])

    def listing(
        self, start: str | None, end: str | None, limit: int, skip: int, *, descending: bool, inclusive: bool = True
    ) -> list[Revision]:
        """Readable documents in the order of their ids, from `start` to `end`."""
        visible = self._opened.visible()
        low, high = (end, start) if descending else (start, end)
        above = ">" if descending and not inclusive else ">="
        below = "<" if not descending and not inclusive else "<="
        bounds, arguments = "", []
        for bound, sign in ((low, above), (high, below)):
            if bound is not None:
                bounds += f" AND id {sign} ?"
                arguments.append(bound)
        with self._opened.store.reading() as connection:
            table = self._opened.store.sets.table(connection, visible)
            seen = "" if visible.everything else f" AND access IN {table}"
            ids = [
                id
                for (id,) in connection.execute(
                    f"SELECT id FROM documents INDEXED BY documents_by_id WHERE db = ? AND deleted = 0{bounds}{seen}"
                    f" ORDER BY id {'DESC' if descending else 'ASC'} LIMIT ? OFFSET ?",
                    (self._raw.number, *arguments, limit, skip),
                )
            ]
        found = self._readable(ids)
        return [found[id] for id in ids if id in found]

    # -- documents

    def _readable(self, ids: Iterable[str]) -> dict[str, Revision]:
        found = self._raw.get_many(ids, deleted=True)
        return {id: revision for id, revision in found.items() if self._opened.reads(revision)}

    def winners(self, ids: Iterable[str]) -> dict[str, Revision]:
        """The readable ones among these documents, tombstones too."""
        return self._readable(ids)

    def winner(self, id: str) -> Revision:
        """The winner, or its tombstone. NotFound."""
        found = self._readable([id]).get(id)
        if found is None:
            raise NotFound("missing")
        return found

    def leaves(self, id: str) -> list[Revision]:
        """The leaves of a readable document that the person reads, the winner first. NotFound."""
        winner = self.winner(id)
        tree = self._raw.tree(id)
        if len(tree.leaves) == 1:
            return [winner]
        return [leaf for leaf in self._raw.leaves(id) if leaf.rev == winner.rev or self._reads(leaf, tree)]

    def _reads(self, leaf: Revision, tree: RevisionTree) -> bool:
        """Whether a leaf beside the winner exists for this person; a tombstone for those who read what it ended."""
        if not leaf.deleted:
            return self._opened.reads(leaf)
        return self._opened.reads_end(leaf.id, leaf.rev, tree)

    def all_leaves(self, id: str) -> list[Found]:
        """`leaves` with their ancestry. NotFound."""
        tree = self._raw.tree(id) if self.winner(id) else None
        assert tree is not None
        return [Found(leaf, tree.path(leaf.rev)) for leaf in self.leaves(id)]

    def revisions(self, id: str, revs: Sequence[str], *, latest: bool = False) -> dict[str, list[Found]]:
        """What is readable and kept of the revisions asked; with `latest` the leaves that descend from each."""
        try:
            leaves = self.all_leaves(id)
        except NotFound:
            return {rev: [] for rev in revs}
        return {rev: self._revision(id, rev, leaves, latest=latest) for rev in revs}

    def _revision(self, id: str, rev: str, leaves: list[Found], *, latest: bool) -> list[Found]:
        holding = [leaf for leaf in leaves if rev in leaf.path]
        if latest or any(leaf.revision.rev == rev for leaf in holding):
            return holding if latest else [leaf for leaf in holding if leaf.revision.rev == rev]
        for leaf in holding:
            try:
                return [Found(self._raw.get(id, rev), leaf.path[leaf.path.index(rev) :])]
            except NotFound:
                continue
        return []

    def missing(self, asked: Mapping[str, Sequence[str]]) -> dict[str, dict[str, list[str]]]:
        """As `RawDatabase.revs_diff`; a document the person does not read looks unknown."""
        readable = self._readable(asked)
        answer = self._raw.revs_diff({id: revs for id, revs in asked.items() if id in readable})
        for id in asked.keys() - readable.keys():
            revs = list(dict.fromkeys(asked[id]))
            if revs:
                answer[id] = {"missing": revs}
        for id in readable:
            tree = self._raw.tree(id)
            if len(tree.leaves) > 1:
                self._hide_branches(id, asked[id], answer)
        return answer

    def _hide_branches(self, id: str, revs: Sequence[str], answer: dict[str, dict[str, list[str]]]) -> None:
        leaves = self.all_leaves(id)
        shown = {rev for leaf in leaves for rev in leaf.path}
        missing = [rev for rev in dict.fromkeys(revs) if rev not in shown]
        told = answer.pop(id, {})
        if missing:
            answer[id] = {"missing": missing}
            ancestors = [rev for rev in told.get("possible_ancestors", ()) if rev in shown]
            if ancestors:
                answer[id]["possible_ancestors"] = ancestors

    def feed(self, since: int, limit: int | None, **options: Any) -> list[Change]:
        """Rows of the changes feed, unreadable leaves left out; options as in `RawDatabase.changes`."""
        rows = self._raw.changes(since, limit, visible=self._opened.visible(), **options)
        return [self._without_branches(row) if len(row.revs) > 1 else row for row in rows]

    def _without_branches(self, row: Change) -> Change:
        try:
            return row._replace(revs=[leaf.rev for leaf in self.leaves(row.id)])
        except NotFound:  # lost while the rows were read
            return row._replace(revs=row.revs[:1])

    def place(self, token: object = 0, *, revocations: bool = False) -> tuple[Place, str]:
        """Where a replica with this token stands, and the incarnation; what means nothing here stands at the beginning,
        or, with `revocations`, is a Recompare. BadRequest."""
        return self._follower.place(token, revocations=revocations)

    def follow(
        self,
        place: Place,
        limit: int = PAGE,
        *,
        revocations: bool = False,
        content: bool = False,
        size: int | None = None,
    ) -> Followed:
        """Rows behind a place: lost (with `revocations`), gained, new. With `content` bodies come along; with `size`
        no further row once that many bytes of them are in."""
        return self._follower.follow(place, limit, revocations=revocations, content=content, size=size)

    def wait(self, place: Place, timeout: float) -> bool:
        """Whether anything changes within so many seconds, here or in the directory, which gives rights. Holds no
        connection meanwhile."""
        marks = {self._raw.number: place.seq}
        databases = self._opened.databases
        if self._raw.name != DIRECTORY and DIRECTORY in self._opened.store.names():
            marks[databases.known(DIRECTORY).raw.number] = self._opened.known.snapshot.seq
        return self._opened.store.waiting.wait_any(marks, timeout)

    def concerned(self, since: int) -> bool:
        """Whether anything that changed after a sequence was, before or now, for this person."""
        visible = self._opened.visible()
        touched = self._opened.databases.touched.sets(self._raw.number, since)
        if touched is not None:
            return not visible.sets.isdisjoint(touched)
        place = Place(since, self._follower.now()[0].epochs)
        return not self._follower.follow(place, 1, revocations=True).end

    def left(self, place: Place) -> int:
        """About how many rows are still to come: counted up to 10,000, beyond estimated by the sequence."""
        counted = self.pending(place.seq)
        if counted < _PENDING:
            return counted
        newest = self._raw.info().update_seq
        return max(counted, self._opened.visible().documents * (newest - place.seq) // max(newest, 1))

    def branches(self, row: Row) -> list[Found]:
        """The leaves of a row of the feed that the person reads, the winner first; none when it was lost meanwhile."""
        try:
            return self.all_leaves(row.id)
        except NotFound:
            return []

    def held(self, rows: Iterable[Row], seq: int) -> set[str]:
        """Those of these documents that were there at a sequence already, whoever read them then."""
        asked = orjson.dumps([row.doc for row in rows]).decode()
        with self._opened.store.reading() as connection:
            found = connection.execute(
                "SELECT d.id FROM json_each(?) AS a CROSS JOIN documents AS d ON d.doc = a.value AND d.born <= ?",
                (asked, seq),
            )
            return {id for (id,) in found}

    def ids(self, after: str, limit: int) -> list[Row]:
        """What the person reads, tombstones too, in the order of ids from behind one: to compare a replica with."""
        visible = self._opened.visible()
        with self._opened.store.reading() as connection:
            table = self._opened.store.sets.table(connection, visible)
            seen = "" if visible.everything else f" AND access IN {table}"
            found = connection.execute(
                f"SELECT {COLUMNS} FROM documents INDEXED BY documents_by_id WHERE db = ? AND id > ?{seen}"
                " ORDER BY id LIMIT ?",
                (self._raw.number, after, limit),
            )
            return [Row(*row) for row in found]

    def rows(self, ids: Iterable[str]) -> list[Row]:
        """The documents of these ids that the person reads, tombstones too, in the order of ids."""
        sets = self._opened.visible().sets
        with self._opened.store.reading() as connection:
            found = [row for row in find_many(connection, self._raw.number, ids) if row.access in sets]
        return sorted(found, key=lambda row: row.id.encode())

    def revs(self, row: Row) -> list[str]:
        """The leaves of a row of the feed that the person reads, the winner first."""
        if len(row.revisions().leaves) == 1:
            return [row.rev]
        try:
            return [leaf.rev for leaf in self.leaves(row.id)]
        except NotFound:  # lost while the rows were read
            return [row.rev]

    def content(self, stub: Stub) -> BufferedReader:
        """The content of an attachment of a revision that was found here, open for reading. NotFound."""
        return self._opened.store.blobs.open(stub.address)

    # -- writing

    def keep(self, content_type: str, stream: Readable) -> Stub:
        """Store content that comes beside its document; whether that may name it is decided at the push. Forbidden."""
        if not self._opened.identity.scope.write:
            raise Forbidden(READ_ONLY_TOKEN)
        blob = self._opened.store.blobs.write(stream)
        return Stub(content_type, blob.length, blob.digest, blob.address)

    def guard_design(self, id: str) -> None:
        """Refuse a CouchDB design document to all but designers. Forbidden."""
        if id.startswith("_design/") and not rules.may_design(self._opened.standing.rights):
            raise Forbidden(DESIGNERS)

    def push(self, branches: Sequence[Incoming]) -> list[DavenportError | None]:
        """Revisions made elsewhere, each judged alone: None when accepted, or why not."""
        return self._pusher.push(branches)

    # -- checkpoints of this person's replicators

    def local(self, id: str) -> Local:
        """A `_local` document of this person. NotFound."""
        return self._raw.local_get(self._local_id(id))

    def put_local(self, id: str, body: dict[str, Any], rev: str | None) -> str:
        """Write it; its revision. Conflict when `rev` is given and not current; Forbidden for a reading token."""
        if not self._opened.identity.scope.write:
            raise Forbidden(READ_ONLY_TOKEN)
        return self._raw.local_put(self._local_id(id), body, rev)

    def delete_local(self, id: str) -> None:
        """Remove it. NotFound."""
        if not self._opened.identity.scope.write:
            raise Forbidden(READ_ONLY_TOKEN)
        self._raw.local_delete(self._local_id(id))

    def _local_id(self, id: str) -> str:
        """Keys of persons hold no slash, so that nobody reaches another's."""
        return f"person/{self._opened.identity.key}/{id}"


__all__ = ["Figures", "Found", "Incoming", "Replica"]
