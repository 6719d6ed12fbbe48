"""Every change of a document by a person: decided and written in one transaction, on the revision named.

    sent items ─► rights on the revision named ─► form (compose) ─► lists settled ─► guard ─► put
                  404 / 403 / 409                 400                400: nobody could read

`created_*` and `changed_*` come from the identity and the clock, `readers` and `authors` from the form where
the database has a design. An anonymous document holds no name: not in its items, not in its history.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from app import clock
from app.access import files, rules
from app.access.acl import ACL_ID, Level
from app.access.directory import DIRECTORY
from app.access.guards import Guard, guard_of
from app.access.joining import ENDED, Joiner
from app.access.model import Document, Saved, document_of, items_of
from app.access.opened import Opened
from app.errors import BadRequest, Conflict, DavenportError, Forbidden, Message, NotFound
from app.ids import new_id
from app.store import Edit, Revision, Stub
from app.store.branching import MERGED_INTO

if TYPE_CHECKING:
    from app.access.database import Database

LOST = "After this save you can no longer read the document."
NOBODY_READS = Message("Nobody could read this document any more.")
READ_ONLY_TOKEN = Message("This token may only read.")
_OURS = ("created_by", "created_at", "changed_by", "changed_at")
_LISTS = ("readers", "authors")
_SENT_BESIDE = frozenset({"_id", "_rev", "_attachments", "_conflicts", "_revisions", "_revs_info"})
BATCH = 500  # documents in one transaction of a bulk write: about 40 ms with the write lock


class Prepared(NamedTuple):
    """A decided change, ready to be put."""

    edit: Edit
    anonymous: bool
    warnings: list[str]
    notes: tuple[Callable[[], None], ...] = ()  # what guards note in the log once this has been committed


class Writer:
    """Writes to one database for the person it was opened for."""

    def __init__(self, opened: Opened, database: Database) -> None:
        self._opened = opened
        self._database = database
        self._store = opened.store
        self._joiner = Joiner(opened.databases, opened.raw)

    # -- single documents

    def create(
        self,
        items: Mapping[str, Any],
        id: str | None = None,
        action: str | None = None,
        comment: str | None = None,
    ) -> Saved:
        """A new document. Forbidden, BadRequest, Conflict (the id is in use)."""
        with self._transaction():
            prepared = self._new(id or items.get("_id") or new_id(), items, action, fresh=id is None)
            return self._put(prepared, action, comment)

    def replace(
        self, id: str, items: Mapping[str, Any], rev: str | None, action: str | None, comment: str | None
    ) -> Saved:
        """All items anew; attachments stay unless `_attachments` is sent."""
        with self._transaction():
            if rev is None:
                self._opened.free(id)
                return self.create(items, id, action, comment)
            old = self._opened.named(id, rev)
            return self._put(self._changed(old, dict(items), action), action, comment)

    def change(
        self, id: str, items: Mapping[str, Any], rev: str | None, action: str | None, comment: str | None
    ) -> Saved:
        """Only the items named; the rest as it was."""
        with self._transaction():
            old = self._opened.named(id, rev)
            return self._put(self._changed(old, {**old.body, **items}, action), action, comment)

    def attach(self, id: str, name: str, stub: Stub | None, rev: str | None) -> Saved:
        """Put or remove (None) one attachment."""
        with self._transaction():
            old = self._opened.named(id, rev)
            self._may_edit(old)
            if stub is None and name not in old.attachments:
                raise NotFound("missing")
            attachments = {**old.attachments, name: stub} if stub else dict(old.attachments)
            if stub is None:
                del attachments[name]
            prepared = self._settled(old.id, old, dict(old.body), attachments, [])
            return self._put(prepared, "attach" if stub else "detach", None)

    def delete(self, id: str, rev: str | None, comment: str | None) -> Saved:
        """Tombstones for all live leaves; for a conflict alone when `rev` names one."""
        opened = self._opened
        with self._transaction():
            old = opened.named(id, rev)
            if not rules.may_delete(self._rights, self._principals, old.body):
                raise Forbidden("You may not delete this document.")
            guard = self._guard(id, old.body)
            if guard:
                guard.deleting(self._database, opened, old)
            context = opened.context(anonymous=_is_anonymous(old), action="delete", comment=comment)
            winner = opened.raw.get(id).rev
            if old.rev == winner:
                new = opened.raw.delete(id, old.rev, context)
            else:
                settled = Edit(id, old.rev, {MERGED_INTO: winner}, deleted=True)
                new = opened.raw.put(settled, context._replace(action=ENDED))
            self._promise(self._noted())
            self._finish(id, "delete", anonymous=_is_anonymous(old))
            return Saved(id, new, [])

    def restore(self, id: str) -> Saved:
        """From the trash: the last content, under the same id, as a new revision."""
        opened = self._opened
        with self._transaction():
            tombstone = opened.tombstone(id)
            last = self.last_content(tombstone)
            if not rules.may_delete(self._rights, self._principals, last.body):
                raise Forbidden("You may not restore this document.")
            guard = self._guard(id, last.body)
            items = dict(last.body)
            if guard:
                guard.saving(self._database, opened, id, last, items)
                guard.restored(opened, last)
            self._stamp(items, last, anonymous=_is_anonymous(last))
            edit = Edit(id, tombstone.rev, items, attachments=last.attachments)
            return self._put(Prepared(edit, _is_anonymous(last), [], self._noted()), "restore", None)

    def last_content(self, tombstone: Revision) -> Revision:
        """The live revision that a tombstone ended. NotFound when it is no longer kept or not readable."""
        raw = self._opened.raw
        parent = raw.tree(tombstone.id).nodes[tombstone.rev].parent
        last = raw.get(tombstone.id, parent) if parent else None
        if last is None or last.deleted or not self._opened.reads(last):
            raise NotFound("missing")
        return last

    # -- many new documents

    def create_many(
        self,
        items: Sequence[Mapping[str, Any]],
        ids: Sequence[str | None] | None,
        on_row: Callable[[int, Saved | DavenportError], None] | None,
    ) -> list[Saved | DavenportError]:
        """New documents in short transactions; each is saved, or has its own error."""
        results: list[Saved | DavenportError] = []
        for start in range(0, len(items), BATCH):
            chunk = items[start : start + BATCH]
            named = ids[start : start + BATCH] if ids else [None] * len(chunk)
            for result in self._create_chunk(list(zip(named, chunk, strict=True))):
                results.append(result)
                if on_row:
                    on_row(len(results) - 1, result)
        return results

    def _create_chunk(self, rows: list[tuple[str | None, Mapping[str, Any]]]) -> list[Saved | DavenportError]:
        if not self._opened.identity.scope.write:
            return [Forbidden(READ_ONLY_TOKEN) for _ in rows]
        if self._are_guarded(rows):
            with self._transaction():
                return [self._create_guarded(id, items) for id, items in rows]
        with self._together([items for _, items in rows]):
            ready = [self._attempt(id, items) for id, items in rows]
        return self._put_many(ready)

    @contextlib.contextmanager
    def _together(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[None]:
        """Rows are decided on one snapshot; the form asks once what they share."""
        form = self._opened.databases.rules
        with self._store.documents.steady():
            if form is None or self._database.design is None:
                yield
                return
            with form.together(self._database, rows):
                yield

    def _are_guarded(self, rows: Iterable[tuple[str | None, Mapping[str, Any]]]) -> bool:
        """Guards judge by what is there already, and may write: such rows are decided one after the other."""
        if self._database.name == DIRECTORY:
            return True
        return any(self._guard(str(id or items.get("_id") or ""), items) for id, items in rows)

    def _create_guarded(self, id: str | None, items: Mapping[str, Any]) -> Saved | DavenportError:
        """A row whose guard may write beside it: what fails leaves nothing."""
        try:
            with self._store.transaction():
                return self.create(items, id, "import")
        except DavenportError as problem:
            if problem.status >= 500:
                raise
            return problem

    def _attempt(self, id: str | None, items: Mapping[str, Any], *, dry: bool = False) -> Prepared | DavenportError:
        try:
            return self._new(id or items.get("_id") or new_id(), items, "import", fresh=id is None, dry=dry)
        except DavenportError as problem:
            if problem.status >= 500:
                raise
            return problem

    def _put_many(self, ready: Iterable[Prepared | DavenportError]) -> list[Saved | DavenportError]:
        results: list[Saved | DavenportError] = []
        places: dict[bool, list[int]] = {False: [], True: []}
        rows = list(ready)
        for place, row in enumerate(rows):
            if isinstance(row, Prepared):
                places[row.anonymous].append(place)
                results.append(Saved(row.edit.id, "", row.warnings))
            else:
                results.append(row)
        with self._transaction():
            for anonymous, chosen in places.items():
                if not chosen:
                    continue
                edits = [rows[place].edit for place in chosen]  # type: ignore[union-attr]
                answers = self._opened.raw.put_many(edits, self._opened.context(anonymous=anonymous))
                for place, answer in zip(chosen, answers, strict=True):
                    saved, row = results[place], rows[place]
                    if isinstance(answer, str) and isinstance(row, Prepared):
                        self._promise(row.notes)
                    results[place] = (
                        saved._replace(rev=answer)
                        if isinstance(answer, str) and isinstance(saved, Saved)
                        else answer
                        if isinstance(answer, DavenportError)
                        else saved
                    )
            self._finish(f"{len(rows)} documents", "create", anonymous=False)
        return results

    def check_many(self, items: Sequence[Mapping[str, Any]]) -> list[list[str] | DavenportError]:
        """What `create_many` would say, without writing or drawing numbers: warnings, or the error, of each."""
        if not self._opened.identity.scope.write:
            return [Forbidden(READ_ONLY_TOKEN) for _ in items]
        answers: list[list[str] | DavenportError] = []

        def check(chunk: Sequence[Mapping[str, Any]]) -> None:
            for row in chunk:
                result = self._attempt(None, row, dry=True)
                answers.append(result.warnings if isinstance(result, Prepared) else result)
            self._opened.checks.clear()

        if self._are_guarded((None, row) for row in items):
            with contextlib.suppress(_TakeBack), self._transaction():
                check(items)
                raise _TakeBack
        else:
            for start in range(0, len(items), BATCH):
                chunk = items[start : start + BATCH]
                with self._together(chunk):
                    check(chunk)
        return answers

    # -- deciding

    @property
    def _rights(self) -> Any:
        return self._opened.standing.rights

    @property
    def _principals(self) -> frozenset[str]:
        return self._opened.standing.principals

    def _new(
        self, id: object, sent: Mapping[str, Any], action: str | None, *, fresh: bool, dry: bool = False
    ) -> Prepared:
        """Decide a new document. `fresh`: a random id, so that nobody can have it already; `dry`: draw no
        number."""
        if not isinstance(id, str):
            raise BadRequest("A document id is a text.")
        if not rules.may_create(self._rights, public=sent.get("public") is True):
            raise Forbidden("You may not create documents here.")
        if not fresh or "_id" in sent:
            self._opened.free(id)
        items = _plain(sent)
        attachments = files.settle(self._opened, None, sent["_attachments"]) if sent.get("_attachments") else None
        items, warnings = self._composed(id, None, items, action, dry=dry)
        if not rules.may_create(self._rights, public=items.get("public") is True):
            raise Forbidden("You may not create documents here.")
        return self._settled(id, None, items, attachments, warnings)

    def _changed(self, old: Revision, sent: dict[str, Any], action: str | None) -> Prepared:
        """Decide a new revision of a document."""
        self._may_edit(old)
        items = _plain(sent)
        attachments = files.settle(self._opened, old, sent["_attachments"]) if "_attachments" in sent else None
        if items.get("form", old.body.get("form")) != old.body.get("form"):
            self._may_change_form(old)
        items, warnings = self._composed(old.id, old, items, action)
        return self._settled(old.id, old, items, attachments, warnings)

    def _may_edit(self, old: Revision) -> None:
        if self._guard(old.id, old.body) and self._database.may_keep(old.id):
            return
        if not rules.may_edit(self._rights, self._principals, old.body):
            raise Forbidden("You may not change this document.")

    def _may_change_form(self, old: Revision) -> None:
        if self._database.design is not None and self._rights.level < Level.EDITOR:
            raise Forbidden("You may not change what kind of document this is.")

    def _composed(
        self, id: str, old: Revision | None, items: dict[str, Any], action: str | None, *, dry: bool = False
    ) -> tuple[dict[str, Any], list[str]]:
        """What the form makes of the items; as sent where no design says anything."""
        form = self._opened.databases.rules
        if form is None or self._database.design is None or _is_ours(id):
            return items, []
        for name in (*_LISTS, "anonymous"):
            items.pop(name, None)
        compose = form.check if dry else form.compose
        composed = compose(self._database, document_of(old) if old else None, items, action=action)
        return dict(composed.items), list(composed.warnings)

    def _settled(
        self,
        id: str,
        old: Revision | None,
        items: dict[str, Any],
        attachments: Mapping[str, Stub] | None,
        warnings: list[str],
    ) -> Prepared:
        """Lists checked, guard asked, stamps set, nobody locked out."""
        anonymous = self._anonymous(old, items)
        self._opened.notes.clear()
        rules.settle_lists(items)
        guard = self._guard(id, old.body if old else {}, items)
        if guard:
            guard.saving(self._database, self._opened, id, old, items)
        self._stamp(items, old, anonymous=anonymous)
        if id != ACL_ID:  # its guard sees to a living manager, under the new list
            self._refuse_lock_out(items)
        if self._loses(old, items):
            warnings = [*warnings, LOST]
        edit = Edit(id, old.rev if old else None, items, attachments=attachments)
        return Prepared(edit, anonymous, warnings, self._noted())

    def _guard(self, id: str, *bodies: Mapping[str, Any]) -> Guard | None:
        return guard_of(self._database.name, id, *(body.get("form") for body in bodies))

    def _anonymous(self, old: Revision | None, items: dict[str, Any]) -> bool:
        """Once anonymous, always; else as the form says, or the document where no design says anything."""
        design = self._database.design
        if old is not None and _is_anonymous(old):
            anonymous = True
        elif design is None:
            anonymous = items.get("anonymous") is True and old is None
        else:
            form = design.forms.get(str(items.get("form")))
            anonymous = form is not None and form.anonymous
        if anonymous:
            items["anonymous"] = True
        elif design is not None:
            items.pop("anonymous", None)
        return anonymous

    def _stamp(self, items: dict[str, Any], old: Revision | None, *, anonymous: bool) -> None:
        now, key = clock.now(), self._opened.identity.key
        for name in _OURS:
            items.pop(name, None)
        items["created_at"] = old.body.get("created_at", now) if old else now
        items["changed_at"] = now
        if not anonymous:
            if old is None:
                items["created_by"] = key
            elif "created_by" in old.body:
                items["created_by"] = old.body["created_by"]
            items["changed_by"] = key

    def _refuse_lock_out(self, items: Mapping[str, Any]) -> None:
        readers = rules.readers_of(items)
        if rules.EVERYBODY in readers or self._opened.identity.is_system:
            return
        if not self._opened.known.someone_reads(readers):
            raise BadRequest(NOBODY_READS, fields={"readers": NOBODY_READS})

    def _loses(self, old: Revision | None, items: Mapping[str, Any]) -> bool:
        """Whether the writer could read before (or reads documents at all) and cannot afterwards."""
        if self._rights.level < Level.READER and old is None:
            return False
        return not rules.may_read(self._rights, self._principals, items)

    # -- for revisions made elsewhere (pushing.py)

    @property
    def database(self) -> Database:
        """The database as it was opened for the person."""
        return self._database

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        """A write transaction. Forbidden for a token that may only read."""
        return self._transaction()

    def judge_new(self, id: str, items: Mapping[str, Any]) -> Prepared:
        """What a document that was made elsewhere would be, had it been made here. Forbidden, BadRequest, …"""
        return self._new(id, items, "push", fresh=False)

    def judge_newcomer(self, id: str, items: Mapping[str, Any]) -> Prepared:
        """`judge_new` of a document of which the caller knows that it is not here."""
        return self._new(id, items, "push", fresh=True)

    def together(self, rows: Sequence[Mapping[str, Any]]) -> contextlib.AbstractContextManager[None]:
        """Around judging these new documents one after the other: what they share is asked once."""
        return self._together(rows)

    def judge_change(self, old: Revision, items: Mapping[str, Any]) -> Prepared:
        """The same for a revision that replaces `old`."""
        return self._changed(old, dict(items), "push")

    def settled(
        self,
        old: Revision,
        items: Mapping[str, Any],
        attachments: Mapping[str, Stub] | None,
        action: str,
        comment: str | None,
    ) -> Saved:
        """For conflicts.py, within its transaction: a new revision of `old` with these items and attachments of other
        versions; nothing is merged yet."""
        prepared = self._changed(old, {**old.body, **items}, action)
        edit = prepared.edit._replace(attachments=attachments) if attachments is not None else prepared.edit
        return self._put(prepared._replace(edit=edit), action, comment, join=False)

    def done(
        self, subject: str, action: str, *, anonymous: bool, notes: Iterable[Callable[[], None]] | None = None
    ) -> None:
        """After writing what was judged: guards look again, and what they noted is logged at the commit."""
        self._promise(self._noted() if notes is None else notes)
        self._finish(subject, action, anonymous=anonymous)

    # -- for documents that follow another (inheriting.py)

    def put_settled(self, old: Revision, items: dict[str, Any], action: str) -> Saved:
        """A new revision with these items and lists, which the form has made already. Nobody changed the document: who
        did last, and when, stays."""
        prepared = self._settled(old.id, old, items, None, [])
        for name in ("changed_at", "changed_by"):
            prepared.edit.body.pop(name, None)
            if name in old.body:
                prepared.edit.body[name] = old.body[name]
        return self._put(prepared, action, None)

    # -- writing

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        if not self._opened.identity.scope.write:
            raise Forbidden(READ_ONLY_TOKEN)
        self._opened.checks.clear()
        self._opened.notes.clear()
        with self._store.transaction():
            yield

    def _noted(self) -> tuple[Callable[[], None], ...]:
        """What the guards noted of the change that was just decided."""
        notes = tuple(self._opened.notes)
        self._opened.notes.clear()
        return notes

    def _promise(self, notes: Iterable[Callable[[], None]]) -> None:
        """Within the transaction that wrote a change: note it once that is committed."""
        for note in notes:
            self._store.documents.on_commit(note)

    def _put(self, prepared: Prepared, action: str | None, comment: str | None, *, join: bool = True) -> Saved:
        context = self._opened.context(anonymous=prepared.anonymous, action=action, comment=comment)
        try:
            rev = self._opened.raw.put(prepared.edit, context)
        except Conflict:
            self._opened.named(prepared.edit.id, prepared.edit.rev)
            raise
        self._promise(prepared.notes)
        self._finish(prepared.edit.id, action or "save", anonymous=prepared.anonymous)
        if join and prepared.edit.rev is not None:  # this save may be what a branch beside it waited for
            rev = self._joiner.join(prepared.edit.id) or rev
        return Saved(prepared.edit.id, rev, prepared.warnings)

    def _finish(self, subject: str, action: str, *, anonymous: bool) -> None:
        """What guards wanted to see after writing; and full access leaves a trace of each write."""
        opened = self._opened
        for check in opened.checks:
            check()
        opened.checks.clear()
        for follow in opened.databases.before_commit:
            follow()
        if opened.identity.full_access:
            detail = {"action": action}
            name = None if anonymous else subject
            opened.store.documents.on_commit(
                lambda: opened.databases.audit.record(
                    "full_access_write",
                    opened.identity.key,
                    database=opened.raw.name,
                    subject=name,
                    detail=detail,
                )
            )


class _TakeBack(Exception):
    """Ends the transaction of a dry run."""


def _plain(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The items alone. BadRequest for `_` names that mean nothing here."""
    for name in sent:
        if name[:1] == "_" and name not in _SENT_BESIDE:
            raise BadRequest(Message("Item names do not start with an underscore: %(text)s", text=name[:80]))
    return items_of(sent)


def _is_ours(id: str) -> bool:
    """Whether a document is part of the database itself: its ACL, an element of its design."""
    return id == ACL_ID or id.startswith("design:")


def _is_anonymous(revision: Revision) -> bool:
    return revision.body.get("anonymous") is True


__all__ = ["LOST", "NOBODY_READS", "Document", "Writer"]
