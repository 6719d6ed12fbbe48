"""Documents follow the readers of the document above them: contacts their customer, activities their deal.

    customer handed over ─► indexer notes it ─► the door, before the commit ─► contacts computed anew, as the node
                                                                          └─► more than MOST: a job, after the commit

What follows may be followed itself (a reply its reply): the round ends when nothing changes any more. Which documents
lie below is asked of the index of a view; where none has the link as a column, the job reads them one by one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from sqlite3 import Connection
from typing import Any, NamedTuple, Protocol

from app.access import SYSTEM, Database, Databases, inheriting
from app.design import Design, View
from app.design.inheriting import Inherits, inherits
from app.errors import NotFound
from app.store import Changed, Store
from app.transfer import exporting
from app.transfer.jobs import Jobs, Run

KIND = "follow"
MOST = 100  # documents that follow within the transaction of the change
BATCH = 200
DEEPEST = 10_000  # documents above in one round: a circle of designs ends here


class Above(NamedTuple):
    """A document whose readers changed, and what may lie below."""

    database: str
    id: str


class Inherited(Protocol):
    """What a document should take from above, as its form says: items that differ."""

    def __call__(self, database: Database, document: dict[str, Any]) -> dict[str, Any]: ...


class Views(exporting.Views, Protocol):
    """What this asks of app/views."""

    def pending(self, database: Database) -> int:
        """How many documents wait for their index."""


class Marks(Protocol):
    """What this asks of the unread marks."""

    def keep_read(
        self, database: str, id: str, seq: int, rev: str, body: Mapping[str, Any], people: Collection[str]
    ) -> None:
        """See app/views/marks.py."""


class Followers:
    """An indexer, and the kind of job `follow`: detail {above: [[database, id]]}."""

    def __init__(
        self,
        store: Store,
        databases: Databases,
        views: Views,
        query: Callable[[dict[str, Any]], Any],
        jobs: Jobs,
        inherited: Inherited,
        marks: Marks,
    ) -> None:
        self._store = store
        self._databases = databases
        self._views = views
        self._query = query
        self._jobs = jobs
        self._inherited = inherited
        self._marks = marks
        self._local = threading.local()
        self._known: dict[str, tuple[Design, list[Inherits]]] = {}

    # -- noting, as an indexer

    def __call__(self, connection: Connection, db: int, changes: Sequence[Changed], deferred: bool) -> None:
        """Note documents whose watched items changed; those new or deleted have nothing below that would follow."""
        edited = [change for change in changes if change.old is not None and change.new is not None]
        if not edited or self._databases.laptop is not None:
            return
        name = str(connection.execute("SELECT name FROM databases WHERE db = ?", (db,)).fetchone()[0])
        below = [one for _database, one in self._below(name)]
        for change in edited:
            assert change.old is not None
            assert change.new is not None
            if any(_matters(one, change.old, change.new) for one in below):
                self._note(Above(name, change.id))

    def _note(self, above: Above) -> None:
        waiting = self._waiting()
        if not waiting:
            self._store.documents.on_commit(self._left_over)
            self._store.documents.on_rollback(waiting.clear)
        if above not in waiting:
            waiting.append(above)

    def _waiting(self) -> list[Above]:
        if not hasattr(self._local, "waiting"):
            self._local.waiting = []
        found: list[Above] = self._local.waiting
        return found

    def _below(self, above: str) -> Iterator[tuple[str, Inherits]]:
        """The forms of every database that inherit from documents of this one."""
        for name in self._store.names():
            design = self._databases.designs(name) if self._databases.designs else None
            if design is None:
                continue
            kept = self._known.get(name)
            if kept is None or kept[0] is not design:
                kept = self._known[name] = (design, inherits(design))
            yield from ((name, one) for one in kept[1] if one.above == above)

    # -- following, before the commit

    def settle(self) -> None:
        """Let what lies below follow, within the transaction; much of it later, as a job."""
        waiting = self._waiting()
        if not waiting or getattr(self._local, "busy", False):
            return
        self._local.busy = True
        try:
            done, later, count = 0, list[Above](), 0
            while waiting and done < DEEPEST:
                above = waiting.pop(0)
                done += 1
                ids = self._few(above, MOST - count)
                if ids is None:
                    later.append(above)
                    continue
                count += len(ids)
                for name, id in ids:
                    self._follow(name, id)
            waiting.extend(later)  # for the job, at the commit
        finally:
            self._local.busy = False

    def _few(self, above: Above, most: int) -> list[tuple[str, str]] | None:
        """What lies below, when it is little and an index knows it; None: too much for now."""
        found: list[tuple[str, str]] = []
        for name, one in self._below(above.database):
            database = self._databases.open(name, SYSTEM)
            ids = self._indexed(database, one, above.id)
            if ids is None:
                return None
            found += [(name, id) for id in islice(ids, most + 1)]
            if len(found) > most:
                return None
        return list(dict.fromkeys(found))

    def _follow(self, name: str, id: str) -> bool:
        database = self._databases.open(name, SYSTEM)
        try:
            changed = self._inherited(database, database.get(id))
        except NotFound:
            return False
        if not changed:
            return False
        with self._store.transaction():
            done = inheriting.write(database, id, changed)
            old = done.old
            kept = partial(self._marks.keep_read, name, id, old.seq, done.rev, old.body, done.people)
            self._store.documents.on_commit(kept)
        return True

    def _left_over(self) -> None:
        """After the commit: what was too much, or was written past the door, follows in a job."""
        waiting = self._waiting()
        if waiting:
            detail = {"above": [list(above) for above in waiting]}
            waiting.clear()
            self._jobs.submit(self._jobs.create(KIND, SYSTEM.key, None, detail).id)

    # -- which documents lie below

    def _indexed(self, database: Database, one: Inherits, id: str) -> Iterator[str] | None:
        """Ids by an index; None where there is none, or it is behind."""
        views = database.design.views.values() if database.design else ()
        if one.link == "parent" and any(view.responses and one.form in view.forms for view in views):
            return self._responses(database, one, id)
        fitting = [view for view in views if _finds(view, one)]
        if not fitting or self._views.pending(database):
            return None
        return self._rows(database, fitting[0], one, id)

    def _responses(self, database: Database, one: Inherits, id: str) -> Iterator[str]:
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT d.id FROM responses AS r JOIN documents AS d USING (doc)"
                " WHERE r.db = ? AND r.parent = ? AND d.form = ? AND d.deleted = 0 ORDER BY r.doc",
                (database.number, id, one.form),
            ).fetchall()
        return (str(found) for (found,) in rows)

    def _rows(self, database: Database, view: View, one: Inherits, id: str) -> Iterator[str]:
        after = None
        while True:
            query = self._query({"limit": BATCH, "after": after, "filter": {one.link: id}})
            page = self._views.page(database, view.name, query)
            yield from (row.id for row in page.rows if row.form == one.form)
            after = page.next
            if not page.more or not after:
                return

    def _scanned(self, database: Database, one: Inherits, id: str) -> Iterator[str]:
        last = 0
        while True:
            with self._store.reading() as connection:
                rows = connection.execute(
                    "SELECT doc, id, json_extract(CAST(body AS TEXT), '$.' || ?) FROM documents"
                    " WHERE db = ? AND form = ? AND deleted = 0 AND doc > ? ORDER BY doc LIMIT ?",
                    (one.link, database.number, one.form, last, BATCH),
                ).fetchall()
            yield from (str(found) for _doc, found, linked in rows if linked == id)
            if len(rows) < BATCH:
                return
            last = rows[-1][0]

    # -- as a job

    def run(self, run: Run) -> None:
        """Follow document by document; done again after a kill, what has followed already is left as it is."""
        count = 0
        for database, id in run.detail.get("above", []):
            for name, one in list(self._below(database)):
                opened = self._databases.open(name, SYSTEM)
                found = self._indexed(opened, one, id)
                ids = list(found if found is not None else self._scanned(opened, one, id))
                for other in ids:
                    self._follow(name, other)
                    count += 1
                    run.progress(count, None)

    def undo(self, run: Run) -> None:
        """Nothing to take back: a change of the document above is followed again."""


def _matters(one: Inherits, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if one.forms and new.get("form") not in one.forms:
        return False
    return any(old.get(item) != new.get(item) for item in one.watched)


def _finds(view: View, one: Inherits) -> bool:
    return (
        one.form in view.forms
        and view.where is None
        and any(column.name == one.link and (column.indexed or column.sortable) for column in view.columns)
    )
