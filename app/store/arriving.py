"""Revisions that come from the node above, and those that it refuses: a laptop's hub has decided already.

They are taken whatever was purged here, contents of attachments may follow later, and history tells who made them by
their own items. Most are documents that are not here yet, with one leaf: these are written without a look at trees.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app import jsonio
from app.store import rows
from app.store.history import differences, dump_items
from app.store.model import Body, Branch, Context, Stub
from app.store.revisions import generation
from app.store.rows import Content
from app.store.tree import REVS_LIMIT, dump_path
from app.store.validity import attachment_name, document_id
from app.store.writing import NOTHING, Batch

HERE = Context("", "")


class Arrivals(Batch):
    """A batch of what comes from upstream."""

    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self._known_sets: dict[tuple[tuple[Any, ...], ...], int] = {}

    def _set_of(self, body: Body, deleted: bool) -> int:
        """Few lists come again and again: each is looked up once."""
        readers, authors = body.get("readers"), body.get("authors")
        if type(readers) is not list or type(authors) is not list:
            return super()._set_of(body, deleted)
        try:
            lists = (tuple(readers), tuple(authors))
            found = self._known_sets.get(lists)
        except TypeError:  # something else than names stands in them
            return super()._set_of(body, deleted)
        if found is None:
            found = self._known_sets[lists] = super()._set_of(body, deleted)
        return found

    def insert(self, branch: Branch) -> bool:
        """Add a revision under its name; whether it was not here. BadRequest."""
        if branch.id in self._rows or branch.id in self._touched:
            known = super().insert(branch)
            if known:
                self._note_missing(branch)
            return known
        path = branch.revisions
        stubs = self._named(branch, generation(path[0]))
        content = Content(jsonio.canonical(branch.body), rows.dump_stubs(stubs) if stubs else None)
        tree = dump_path(path if len(path) <= REVS_LIMIT else path[:REVS_LIMIT], branch.deleted)
        self._found(document_id(branch.id), path[0], branch.deleted, content, branch.body, tree)
        if stubs:
            self._note_missing(branch)
        return True

    def _named(self, branch: Branch, brought: int) -> dict[str, Stub]:
        if not branch.attachments:
            return {}
        return {name: self._stub(name, stub, None, stub.revpos or brought) for name, stub in branch.attachments.items()}

    def _note_missing(self, branch: Branch) -> None:
        for name, stub in (branch.attachments or {}).items():
            if not self._blobs.exists(stub.address):
                self._ledger.missing(branch.id, branch.revisions[0], name, stub)

    def _purged_generation(self, document: str) -> int:
        return 0

    def _stub(self, name: str, stub: Stub, kept: Stub | None, generation: int) -> Stub:
        return stub._replace(revpos=generation) if attachment_name(name) else stub

    def _note_history(self, document: str, rev: str, before: Content, after: Content) -> None:
        self._ledger.history(document, rev, _made_by(after, self._context), dump_items(differences(before, after)))

    # -- taking back

    def prune(self, document: str, revs: Iterable[str]) -> bool:
        """Take back these revisions and what descends from them; whether something of the document is left.

        Of what remains, a leaf whose content is not here goes too. Nothing is done when nothing would remain.
        """
        row = self._current(document)
        if row is None:
            return False
        before = row.revisions()
        tree = before.without(revs)
        while hollow := [rev for rev in tree.leaves if rows.content(self._connection, row, rev) is None]:
            tree = tree.without(hollow)
        if not tree.nodes:
            return False
        gone = [rev for rev in before.nodes if rev not in tree]
        if not gone:
            return True
        for table, key in (("bodies", "doc"), ("history", "id"), ("missing_content", "id")):
            whose = (row.doc,) if key == "doc" else (self._db, row.id)
            where = "doc = ?" if key == "doc" else "db = ? AND id = ?"
            self._connection.executemany(
                f"DELETE FROM {table} WHERE {where} AND rev = ?", [(*whose, rev) for rev in gone]
            )
        winner = tree.winner
        content = rows.content(self._connection, row, winner) or NOTHING
        if winner != row.rev:
            self._ledger.take(row.doc, winner)
            if row.rev in tree:
                self._ledger.keep(row.doc, row.rev, Content(row.body, row.attachments))
        self._replace(row, tree, winner, content, rows.loads(content.body))
        self._branched.add(row.doc)
        return True


def _made_by(content: Content, here: Context) -> Context:
    """Who made a revision that came from upstream, as its own items say."""
    items = rows.loads(content.body)
    at, by = items.get("changed_at"), items.get("changed_by")
    return Context(by if isinstance(by, str) else "", at if isinstance(at, str) else here.at)
