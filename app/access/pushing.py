"""Revisions made elsewhere, pushed by a person: each judged as if made here, and stored under the name it has.

    pushed revision ─► does the document exist for the person ─► rights on what it would replace ─► form, guards
                       no: as refused as an unknown id           winner and parent, as of now       as at a save
        ─► stored as sent ─► where the door would store something else: a corrected child, in the same transaction
        ─► at the end of the batch: branches of one document are merged (joining.py)

Never believed: `readers` and `authors` where a form computes them, `created_by`, `changed_by`, an ancestry that
goes round the winner. A tombstone keeps the lists of what it ended. Where a database has no design, stamps that a
foreign client does not send are not forced on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from app import clock
from app.access import rules
from app.access.guards import DESIGNERS, guard_of
from app.access.joining import Joiner
from app.access.merging import Leaf, Merged, Unsettled
from app.access.newcomers import RUN, Newcomers
from app.access.opened import Opened
from app.errors import BadRequest, DavenportError, Forbidden, Message, NotFound
from app.store import Branch, Edit, Revision, RevisionTree
from app.store.branching import MERGED_INTO
from app.store.revisions import check_ancestry
from app.store.validity import document_id

if TYPE_CHECKING:
    from app.access.writer import Prepared, Writer

BATCH = 100  # documents in one transaction, when they are judged one by one
NO_CREATE = Message("You may not create documents here.")
NOT_HERE = Message("You may not write this document.")
NO_DELETE = Message("You may not delete this document.")
NOT_SETTLED = Message("It was settled in a version that is not here.")
OTHERS_READ = Message("Somebody else changed meanwhile who reads or edits this document.")
MAKER = Message("Who made a document stays as it is.")
STAMPS = ("created_by", "created_at", "changed_by", "changed_at")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Incoming(NamedTuple):
    """A revision from elsewhere: `revisions` newest first; attachments as sent (data, stubs, or a stored `Stub`)."""

    id: str
    revisions: Sequence[str]
    items: dict[str, Any]
    deleted: bool = False
    attachments: Mapping[str, Any] = {}


class Pusher:
    """Judges and stores what one person pushes into one database."""

    def __init__(self, opened: Opened, writer: Writer) -> None:
        self._opened = opened
        self._raw = opened.raw
        self._writer = writer
        self._joiner = Joiner(opened.databases, opened.raw)
        self._newcomers = Newcomers(opened, writer, self._stamped)
        self._held: dict[str, str] = {}  # documents of this batch that were here → what won before
        self._taken: set[str] = set()  # revisions of this batch

    def push(self, branches: Sequence[Incoming]) -> list[DavenportError | None]:
        """None for each that was accepted or is here already, else its own error. Forbidden for reading tokens."""
        answers: list[DavenportError | None] = []
        while len(answers) < len(branches):
            self._held.clear()
            self._taken.clear()
            answers += self._some(branches[len(answers) : len(answers) + RUN])
        for branch, answer in zip(branches, answers, strict=True):
            if isinstance(answer, Forbidden):
                self._log(branch, answer)
        return answers

    def _some(self, branches: Sequence[Incoming]) -> list[DavenportError | None]:
        """Answers for the first of these, in one transaction: many when they are new, else at most BATCH."""
        with self._writer.transaction():
            answers = self._newcomers.push(branches) if self._newcomers.many(branches) else None
            if answers is None:
                answers = [self._attempt(branch) for branch in branches[:BATCH]]
                self._join()
        return answers

    def _attempt(self, branch: Incoming) -> DavenportError | None:
        try:
            with self._opened.store.transaction():
                self._one(branch)
        except DavenportError as problem:
            if problem.status >= 500:
                raise
            self._opened.checks.clear()
            self._opened.notes.clear()
            return problem
        return None

    def _join(self) -> None:
        """Merge what the batch has brought beside other leaves; what cannot be merged stays a conflict."""
        for id, held in self._held.items():
            try:
                with self._opened.store.transaction():
                    self._joiner.join(id, held)
            except DavenportError as problem:
                if problem.status >= 500:
                    raise  # full disk and the like; a merge that would be too large stays a conflict

    def _log(self, branch: Incoming, problem: DavenportError) -> None:
        self._opened.databases.audit.record(
            "push_refused",
            self._opened.identity.key,
            database=self._raw.name,
            subject=branch.id,
            detail={"rev": branch.revisions[0], "reason": str(problem.reason)},
        )

    # -- judging

    @property
    def _rights(self) -> Any:
        return self._opened.standing.rights

    def _one(self, sent: Incoming) -> None:
        check_ancestry(sent.revisions)
        if document_id(sent.id).startswith("_local/"):
            raise BadRequest("Local documents are not replicated.")
        current = self._current(sent)
        tree = self._raw.tree(sent.id) if current else None
        if current:
            self._held.setdefault(sent.id, current.rev)
        if tree and sent.revisions[0] in tree and tree.nodes[sent.revisions[0]].known:
            return
        if sent.id.startswith("_design/") and not rules.may_design(self._rights):
            raise Forbidden(DESIGNERS)
        parent = self._parent(sent, tree) if tree else None
        if sent.deleted:
            self._bury(sent, current, parent, tree)
        else:
            self._grow(sent, current, parent, tree)

    def _current(self, sent: Incoming) -> Revision | None:
        """The document as it is, None when there is none. Forbidden, in the words used for unknown ids, when it
        is not for this person."""
        try:
            found = self._raw.get(sent.id, deleted=True)
        except NotFound:
            return None
        if self._opened.reads(found):
            return found
        public = sent.items.get("public") is True
        raise Forbidden(NOT_HERE if rules.may_create(self._rights, public=public) else NO_CREATE)

    def _parent(self, sent: Incoming, tree: RevisionTree) -> str | None:
        """The youngest ancestor that is known here, on a branch that the person reads."""
        found = next((rev for rev in sent.revisions[1:] if rev in tree), None)
        if found and not tree.nodes[found].deleted and found not in self._opened.readable_branches(sent.id):
            winner = self._raw.get(sent.id, deleted=True)
            if found not in tree.path(winner.rev):
                raise Forbidden(NOT_HERE)
        return found

    def _grow(self, sent: Incoming, current: Revision | None, parent: str | None, tree: RevisionTree | None) -> None:
        items = {**sent.items, "_attachments": dict(sent.attachments)}
        if current is None or tree is None or (current.deleted and (parent is None or tree.deleted(parent))):
            self._store(sent, None, self._writer.judge_new(sent.id, items))
            return
        last = self._last(current)
        old = self._kept(sent.id, parent) or last
        if old.rev != last.rev:  # an ancestry that goes round the winner does not go round its rules
            self._writer.judge_change(last, {**self._beside(sent, last, tree), "_attachments": {}})
        prepared = self._writer.judge_change(old, items)
        if sent.revisions[1:2] == [old.rev] and _only_maker(sent.items, old, prepared.edit.attachments or {}):
            raise Forbidden(MAKER)
        self._store(sent, old, prepared)

    def _beside(self, sent: Incoming, last: Revision, tree: RevisionTree) -> dict[str, Any]:
        """What a revision beside the winner will make of it: the items of the merge, or its own, all of them. Forbidden
        where both changed who reads or edits the document: then the hub's value stands."""
        if not self._joiner.active or guard_of(self._raw.name, sent.id, last.body.get("form")):
            return sent.items
        head = sent.revisions[0]
        revs, grown = [last.rev, head], tree.graft(sent.revisions)
        incoming = {head: Leaf(head, sent.items, last.attachments)}
        found = self._joiner.attempt(sent.id, revs, grown, self._raw.joined(sent.id), incoming)
        if isinstance(found, Merged):
            return found.body
        access = self._joiner.traits(last.body.get("form")).access
        if isinstance(found, Unsettled) and grown.merge_base(revs, {}) and not access.isdisjoint(found.items):
            raise Forbidden(OTHERS_READ)
        return sent.items

    def _kept(self, id: str, rev: str | None) -> Revision | None:
        """A live revision that is still kept."""
        try:
            found = self._raw.get(id, rev) if rev else None
        except NotFound:
            return None
        return None if found is None or found.deleted else found

    def _last(self, current: Revision) -> Revision:
        """The live revision that decides who may write: the winner, or what its tombstone ended. Forbidden."""
        if not current.deleted:
            return current
        tree = self._raw.tree(current.id)
        for rev in tree.path(current.rev)[1:]:
            found = self._kept(current.id, rev)
            if found is not None:
                return found
        raise Forbidden(NOT_HERE)

    def _bury(self, sent: Incoming, current: Revision | None, parent: str | None, tree: RevisionTree | None) -> None:
        if current is None or tree is None:  # made and deleted elsewhere
            if not rules.may_create(self._rights) or "delete" not in self._rights.flags:
                raise Forbidden(NO_DELETE)
            self._insert(sent, _without_lists(sent.items), anonymous=False)
            return
        last = self._last(current)
        old = self._kept(sent.id, parent) or last
        if parent and tree.deleted(parent) and MERGED_INTO in sent.items:
            self._answer(sent, last, tree)
            return
        for replaced in {last.rev: last, old.rev: old}.values():
            if not rules.may_delete(self._rights, self._opened.standing.principals, replaced.body):
                raise Forbidden(NO_DELETE)
        guard = guard_of(self._raw.name, sent.id, last.body.get("form"))
        if guard:
            if parent != current.rev:
                raise Forbidden(NOT_HERE)
            guard.deleting(self._writer.database, self._opened, last)
        ended = _lists(old.body)
        ended |= self._settled(sent, parent, tree)
        anonymous = last.body.get("anonymous") is True
        self._insert(sent, {**_without_lists(sent.items), "readers": [], **ended}, anonymous=anonymous)
        self._writer.done(sent.id, "push", anonymous=anonymous)

    def _settled(self, sent: Incoming, parent: str | None, tree: RevisionTree) -> dict[str, Any]:
        """What a tombstone says it was merged into: as sent, or, where a client removed one of several versions that
        were here, the one that is left. Nobody is asked about such a deletion."""
        if MERGED_INTO in sent.items:
            if sent.items[MERGED_INTO] not in tree:
                raise Forbidden(NOT_SETTLED)
            return {}
        left = [rev for rev in tree.live if rev != parent]
        if left and parent in tree.live and parent not in self._taken:
            return {MERGED_INTO: left[0]}
        return {}

    def _answer(self, sent: Incoming, last: Revision, tree: RevisionTree) -> None:
        """“Edited here, deleted there” was answered elsewhere: the document is kept."""
        if not rules.may_edit(self._rights, self._opened.standing.principals, last.body):
            raise Forbidden(NOT_HERE)
        self._settled(sent, None, tree)
        self._insert(sent, {**sent.items, **_lists(last.body)}, anonymous=last.body.get("anonymous") is True)

    # -- storing

    def _store(self, sent: Incoming, old: Revision | None, prepared: Prepared) -> None:
        """As sent, and a corrected child where the door would store something else."""
        branch = sent._replace(attachments=prepared.edit.attachments or {})
        self._insert(branch, sent.items, anonymous=prepared.anonymous)
        wanted = self._stamped(prepared.edit.body, sent.items, old)
        head = sent.revisions[0]
        if wanted != sent.items and head in self._raw.tree(sent.id).leaves:
            context = self._opened.context(anonymous=prepared.anonymous, action="correct")
            self._raw.put(Edit(sent.id, head, wanted), context)
        self._writer.done(sent.id, "push", anonymous=prepared.anonymous, notes=prepared.notes)

    def _insert(self, sent: Incoming, items: dict[str, Any], *, anonymous: bool) -> None:
        context = self._opened.context(anonymous=anonymous, action="push")
        branch = Branch(sent.id, sent.revisions, items, sent.deleted, {} if sent.deleted else sent.attachments)
        problem = self._raw.insert([branch], context)[0]
        if problem is not None:
            raise problem
        self._taken.add(sent.revisions[0])

    def _stamped(self, body: Mapping[str, Any], sent: Mapping[str, Any], old: Revision | None) -> dict[str, Any]:
        """The door's items, with the moments of the edit as they were noted where it was made."""
        found = dict(body)
        for name in ("changed_at",) if old else ("changed_at", "created_at"):
            if _is_past(sent.get(name)):
                found[name] = sent[name]
        if self._writer.database.design is None:
            for name in STAMPS:
                if name not in sent and (old is None or name not in old.body):
                    found.pop(name, None)
        return found


def _only_maker(items: Mapping[str, Any], old: Revision, attachments: Mapping[str, Any]) -> bool:
    """Whether nothing but who made the document, and when, is new: what another hub corrects, which believes no more
    than this one. Taken and corrected here, it would go to and fro between the two for ever."""
    made = any(items.get(name) != old.body.get(name) for name in ("created_by", "created_at"))
    rest = [{name: value for name, value in body.items() if name not in STAMPS} for body in (items, old.body)]
    return made and rest[0] == rest[1] and attachments == old.attachments


def _is_past(moment: object) -> bool:
    return isinstance(moment, str) and _MOMENT.fullmatch(moment) is not None and moment <= clock.now()


def _lists(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ("form", "readers", "authors") if name in body}


def _without_lists(items: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in items.items() if name not in ("form", "readers", "authors")}


__all__ = ["BATCH", "Incoming", "Pusher"]
