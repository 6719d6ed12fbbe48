"""A laptop's replica of one database, as the replicator handles it: what came is put in, what is unsent goes out.

    hub ──► apply(rows, checkpoint)      one transaction: documents, purges, the token up to which they came
    hub ◄── unsent() … settle(results)   oldest first; what is refused leaves the tree and becomes a rejected change

No rights are asked: the hub has decided what comes, and judges what goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from app import clock, jsonio
from app.access import rejecting, rules
from app.access.laptop import Laptop, standing_of
from app.access.mirroring import (
    Applied,
    Joined,
    Leaf,
    Me,
    Missing,
    Pulled,
    Refusal,
    Rejected,
    Revoked,
    Unsent,
)
from app.access.rejecting import LOST
from app.errors import BadRequest, DavenportError, NotFound
from app.store import Branch, RawDatabase, RevisionTree, Stub, erasing
from app.store.blobs import Part

if TYPE_CHECKING:
    from app.access.databases import Databases


class Mirror:
    """From `Databases.mirror(name)`; only on a laptop. NotFound when the database is not here."""

    def __init__(self, databases: Databases, laptop: Laptop, name: str) -> None:
        self._databases = databases
        self._laptop = laptop
        self._store = databases.store
        self._raw: RawDatabase = databases.store.database(name)
        self.name = name

    # -- what comes

    def checkpoint(self) -> str | None:
        """The token up to which the hub's changes are in; None before the first batch."""
        with self._store.reading() as connection:
            row = connection.execute("SELECT checkpoint FROM upstream WHERE name = ?", (self.name,)).fetchone()
        return row[0] if row else None

    def forget_checkpoint(self) -> None:
        """Pull from the beginning next time."""
        with self._store.transaction() as connection:
            connection.execute("UPDATE upstream SET checkpoint = NULL WHERE name = ?", (self.name,))

    def apply(self, rows: Sequence[Pulled | Revoked], checkpoint: str) -> Applied:
        """Rows of the hub and the token behind them, in one transaction; what is purged is gone when this returns."""
        lost: dict[str, None] = {}
        pulled: list[Pulled] = []
        for row in rows:
            if isinstance(row, Revoked):
                lost[row.id] = None
            else:
                pulled.append(row)
        if lost:
            after = {row.id: place for place, row in enumerate(rows) if isinstance(row, Revoked)}
            pulled = [
                row for place, row in enumerate(rows) if isinstance(row, Pulled) and place > after.get(row.id, -1)
            ]
        with self._store.transaction() as connection:
            purged = self._purge(list(lost)) if lost else 0
            documents = self._take(pulled) if pulled else 0
            connection.execute("UPDATE upstream SET checkpoint = ? WHERE name = ?", (checkpoint, self.name))
        if lost:
            erasing.finish(self._store)
        return Applied(documents, purged)

    def _purge(self, ids: list[str]) -> int:
        rejecting.keep_lost(self._store, self._raw, ids, LOST, self._computed())
        return erasing.purge(self._store, self.name, self._raw.number, ids)

    def _take(self, rows: Sequence[Pulled]) -> int:
        known = self._known([row.id for row in rows])
        taken = 0
        with self._raw.arriving([row.id for row in rows]) as batch:
            for id, leaves in rows:
                grown = False
                for path, deleted, body, stubs in leaves:
                    attachments = {name: Stub(*stub) for name, stub in stubs.items()} if stubs else None
                    grown |= batch.insert(Branch(id, path, body, bool(deleted), attachments))
                taken += grown
        for row in rows:
            if row.id in known:
                self._drop_hidden(row)
        return taken

    def _known(self, ids: Sequence[str]) -> set[str]:
        """Those of the documents that are here and have branches, or an unsent revision."""
        return {id for id, found in self._raw.get_many(ids, deleted=True).items() if found is not None}

    def _drop_hidden(self, row: Pulled) -> None:
        """Branches that the person may not read (any more): leaves that the hub does not show and that are not ours."""
        tree = self._raw.tree(row.id)
        if len(tree.leaves) == len(row.leaves):
            return
        shown = {path[0] for path, *_ in row.leaves}
        hidden = [leaf for leaf in tree.leaves if shown.isdisjoint(tree.path(leaf))]
        ours = self._unsent_of(row.id) if hidden else set()
        gone = [leaf for leaf in hidden if ours.isdisjoint(tree.path(leaf))]
        if gone:
            self._raw.prune(row.id, gone)

    def _unsent_of(self, id: str) -> set[str]:
        with self._store.reading() as connection:
            rows = connection.execute("SELECT rev FROM unsent WHERE db = ? AND id = ?", (self._raw.number, id))
            return {rev for (rev,) in rows}

    # -- what goes

    def unsent(self, limit: int = 100, max_bytes: int = 2_000_000) -> list[Unsent]:
        """Revisions to push, oldest first; at least one when there is any. Flagged rejected changes are tried first."""
        self._retry()
        found: list[Unsent] = []
        size = 0
        gone: list[int] = []
        with self._store.reading() as connection:
            waiting = connection.execute(
                "SELECT n, id, rev FROM unsent WHERE db = ? ORDER BY n LIMIT ?", (self._raw.number, limit)
            ).fetchall()
            for n, id, rev in waiting:
                try:
                    revision, tree = self._raw.get(id, rev, deleted=True), self._raw.tree(id)
                except NotFound:  # purged here by hand since
                    gone.append(n)
                    continue
                path = tree.path(rev)
                found.append(Unsent(n, id, path, revision.body, revision.attachments, revision.deleted))
                size += len(str(revision.body))
                if size > max_bytes:
                    break
        if gone:
            self._sent(gone)
        return found

    def count_unsent(self) -> int:
        """How many revisions the hub has not acknowledged, with the refused ones that `unsent` tries again."""
        return self._count("unsent", "db", self._raw.number) + len(rejecting.flagged(self._store, self.name))

    def _count(self, table: str, column: str, value: object) -> int:
        with self._store.reading() as connection:
            row = connection.execute(f"SELECT count(*) FROM {table} WHERE {column} = ?", (value,)).fetchone()
        return int(row[0])

    def settle(self, results: Sequence[tuple[int, Refusal | None]]) -> None:
        """What the hub said to unsent revisions: taken, or refused (they leave the tree and are kept as rejected)."""
        with self._store.transaction():
            taken = [n for n, refusal in results if refusal is None]
            ids = self._ids_of(taken)
            self._sent(taken)
            for n, refusal in results:
                if refusal is not None:
                    self._refused(n, refusal)
            given_away = self._given_away(ids)
            if given_away:
                erasing.purge(self._store, self.name, self._raw.number, given_away)
        if given_away:
            erasing.finish(self._store)

    def _ids_of(self, numbers: Sequence[int]) -> set[str]:
        listed = jsonio.dumps(list(numbers)).decode()
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT id FROM unsent WHERE db = ? AND n IN (SELECT value FROM json_each(?))",
                (self._raw.number, listed),
            )
            return {id for (id,) in rows}

    def _given_away(self, ids: set[str]) -> list[str]:
        """Documents of which the hub has everything, and which their maker closed to themselves: no feed brings them
        here, nor tells of them any more."""
        listed = jsonio.dumps(sorted(ids)).decode()
        with self._store.reading() as connection:
            waiting = connection.execute(
                "SELECT id FROM unsent WHERE db = ? AND id IN (SELECT value FROM json_each(?))",
                (self._raw.number, listed),
            )
            ids = ids - {id for (id,) in waiting}
        own = self._databases.known(self.name).standing(self._laptop.person)
        found = self._raw.get_many(ids)
        return [id for id, winner in found.items() if not rules.may_read(own.rights, own.principals, winner.body)]

    def _sent(self, numbers: Sequence[int]) -> None:
        with self._store.transaction() as connection:
            connection.executemany("DELETE FROM unsent WHERE n = ?", [(n,) for n in numbers])

    def _refused(self, n: int, refusal: Refusal) -> None:
        with self._store.transaction() as connection:
            row = connection.execute(
                "SELECT id, rev FROM unsent WHERE n = ? AND db = ?", (n, self._raw.number)
            ).fetchone()
            if row is None:  # it left with an ancestor of it
                return
            id, rev = row
            tree = self._raw.tree(id)
            ours = self._unsent_of(id)
            chain = _from(tree, rev)
            if any(later not in ours for later in chain):  # the hub took a later one: that one stands
                self._sent([n])
                return
            rejecting.keep(self._raw, connection, id, chain, refusal, self._computed())
            connection.executemany(
                "DELETE FROM unsent WHERE db = ? AND id = ? AND rev = ?", [(self._raw.number, id, one) for one in chain]
            )
            self._raw.prune(id, [rev])

    # -- running numbers

    def numbers_wanted(self) -> list[tuple[str, int, int]]:
        """(series, year, count) of the blocks of running numbers to lease, where the person makes documents."""
        numbers, me = self._laptop.numbers, self._laptop.me(self.name)
        if numbers is None or me is None or not rules.may_create(standing_of(me).rights):
            return []
        return numbers.wanted(self.name)

    def grant_numbers(self, series: str, year: int, first: int, last: int) -> None:
        """A block that the hub leased to this laptop."""
        if self._laptop.numbers is not None:
            self._laptop.numbers.grant(series, year, first, last)

    # -- rejected changes

    def rejected(self) -> list[Rejected]:
        """What the hub refused here, oldest first."""
        return rejecting.every(self._store, self.name)

    def _retry(self) -> None:
        """Rights have changed since: what was refused is done once more, where the rights of now allow it."""
        for row in rejecting.flagged(self._store, self.name):
            rejecting.unflag(self._store, row.n)
            try:
                self._databases.settle_rejected(row.n, "resend", self._laptop.identity())
            except DavenportError:  # still not allowed, or the document has not come back: the person decides
                continue

    def _computed(self) -> rejecting.Computed:
        designs = self._databases.designs
        return rejecting.computed_by(designs(self.name) if designs else None)

    # -- contents

    def missing_content(self, limit: int = 100, largest: int | None = None) -> list[Missing]:
        """Attachments whose content is not here, small ones first."""
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT id, rev, name, address, length, digest FROM missing_content WHERE db = ? AND length <= ?"
                " ORDER BY length LIMIT ?",
                (self._raw.number, 1 << 62 if largest is None else largest, limit),
            ).fetchall()
        return [Missing(*row) for row in rows]

    def missing_one(self, id: str, address: str) -> Missing | None:
        """Where the content of an attachment can be asked for; None when it is here."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT id, rev, name, address, length, digest FROM missing_content"
                " WHERE db = ? AND id = ? AND address = ? LIMIT 1",
                (self._raw.number, id, address),
            ).fetchone()
        return Missing(*row) if row else None

    def content_arrived(self, address: str, source: Path | IO[bytes]) -> None:
        """Store a content that was fetched. BadRequest when it is not the one of this address."""
        blobs = self._store.blobs
        if isinstance(source, Path):
            with source.open("rb") as stream:
                blobs.write(stream, f"sha256-{address}", limit=1 << 62)
        else:
            blobs.write(source, f"sha256-{address}", limit=1 << 62)
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM missing_content WHERE address = ?", (address,))

    def part(self, address: str) -> Part:
        """Where a content comes together that arrives in parts; sealed on an encrypted laptop."""
        return self._store.blobs.part(address)

    def content(self, address: str) -> IO[bytes]:
        """A content of an unsent revision, open for reading. NotFound."""
        return self._store.blobs.open(address)

    # -- comparing anew

    def ids(self, after: str | None = None, limit: int = 1000) -> list[tuple[str, list[str]]]:
        """Documents in order of id with their leaf revisions, tombstones too: for re-compare."""
        with self._store.reading() as connection:
            ids = [
                id
                for (id,) in connection.execute(
                    "SELECT id FROM documents WHERE db = ? AND id > ? ORDER BY id LIMIT ?",
                    (self._raw.number, after or "", limit),
                )
            ]
            return [(id, self._raw.tree(id).leaves) for id in ids]

    def resubmit(self, ids: Sequence[str]) -> int:
        """Note the live leaves of these documents as unsent: the hub has lost them. How many."""
        noted = 0
        with self._store.transaction() as connection:
            for id in ids:
                try:
                    live = self._raw.tree(id).live
                except NotFound:
                    continue
                for rev in live:
                    noted += connection.execute(
                        "INSERT OR IGNORE INTO unsent (db, id, rev, at) VALUES (?, ?, ?, ?)",
                        (self._raw.number, id, rev, clock.now()),
                    ).rowcount
        return noted

    # -- figures

    def state(self) -> dict[str, Any]:
        """{checkpoint, last_sync, error, unsent, rejected, missing, documents}."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT checkpoint, last_sync, error FROM upstream WHERE name = ?", (self.name,)
            ).fetchone()
            return {
                **dict(zip(("checkpoint", "last_sync", "error"), row or (None, None, None), strict=True)),
                "unsent": self._count("unsent", "db", self._raw.number),
                "rejected": self._count("rejected", "database", self.name),
                "missing": self._count("missing_content", "db", self._raw.number),
                "documents": self._raw.info().documents,
            }

    def note_run(self, error: str | None = None) -> None:
        """A round of this database ended: done (None), or why not, as a sentence."""
        with self._store.transaction() as connection:
            connection.execute("UPDATE upstream SET error = ? WHERE name = ?", (error, self.name))
            if error is None:
                connection.execute("UPDATE upstream SET last_sync = ? WHERE name = ?", (clock.now(), self.name))


def _from(tree: RevisionTree, rev: str) -> list[str]:
    """A revision and all that descend from it, oldest first."""
    kept = tree.without([rev])
    return sorted((one for one in tree.nodes if one not in kept), key=lambda one: int(one.partition("-")[0]))


__all__ = [
    "Applied",
    "BadRequest",
    "Joined",
    "Leaf",
    "Me",
    "Mirror",
    "Missing",
    "Pulled",
    "Refusal",
    "Rejected",
    "Revoked",
    "Unsent",
]
