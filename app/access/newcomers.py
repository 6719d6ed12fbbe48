"""New documents of a push, many at once: judged one after the other as ever, written in one go.

Only what stands by itself goes this way: a document that is not here, whose judgement does not hang on what was
written a moment before (no guard, no mention of another document of the same run). Where anything is out of the
ordinary the whole run is taken back, and each goes the long way (pushing.py).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from app.access.directory import DIRECTORY
from app.access.guards import guard_of
from app.errors import DavenportError
from app.store import Branch, Edit
from app.store.revisions import check_ancestry
from app.store.validity import document_id

if TYPE_CHECKING:
    from app.access.opened import Opened
    from app.access.pushing import Incoming
    from app.access.writer import Prepared, Writer

RUN = 500  # documents written in one go

Stamped = Callable[[Mapping[str, Any], Mapping[str, Any], None], dict[str, Any]]


class _Judged(NamedTuple):
    place: int
    sent: Incoming
    prepared: Prepared


class _OneByOne(Exception):
    """This run goes the long way after all."""


class Newcomers:
    """Stores runs of new documents for one person."""

    def __init__(self, opened: Opened, writer: Writer, stamped: Stamped) -> None:
        self._opened = opened
        self._raw = opened.raw
        self._writer = writer
        self._stamped = stamped

    def many(self, branches: Sequence[Incoming]) -> bool:
        """Whether a run of these is worth it: all of them are new."""
        if len(branches) < 2 or self._raw.name == DIRECTORY:
            return False
        return not self._raw.get_many([branch.id for branch in branches], deleted=True)

    def push(self, branches: Sequence[Incoming]) -> list[DavenportError | None] | None:
        """Within a transaction: an answer for each, or None when they must go one by one."""
        if any(self._is_special(branch) for branch in branches) or self._hang_together(branches):
            return None
        try:
            with self._opened.store.transaction(), self._writer.together([branch.items for branch in branches]):
                return self._run(branches)
        except _OneByOne:
            self._opened.checks.clear()
            self._opened.notes.clear()
            return None

    def _is_special(self, branch: Incoming) -> bool:
        special = branch.deleted or branch.id.startswith(("_", "design:"))
        return special or guard_of(self._raw.name, branch.id, branch.items.get("form")) is not None

    def _hang_together(self, branches: Sequence[Incoming]) -> bool:
        ids = {branch.id for branch in branches}
        if len(ids) < len(branches):
            return True
        if self._writer.database.design is None:
            return False
        return any(not ids.isdisjoint(_texts(branch.items)) for branch in branches)

    def _run(self, branches: Sequence[Incoming]) -> list[DavenportError | None]:
        answers: list[DavenportError | None] = [None] * len(branches)
        judged: list[_Judged] = []
        for place, sent in enumerate(branches):
            try:
                with self._alone():
                    check_ancestry(sent.revisions)
                    document_id(sent.id)
                    items = {**sent.items, "_attachments": dict(sent.attachments)}
                    judged.append(_Judged(place, sent, self._writer.judge_newcomer(sent.id, items)))
            except DavenportError as problem:
                if problem.status >= 500:
                    raise
                answers[place] = problem
            if self._opened.checks:
                raise _OneByOne
        for anonymous in (False, True):
            self._write([each for each in judged if each.prepared.anonymous is anonymous], answers, anonymous=anonymous)
        return answers

    def _alone(self) -> contextlib.AbstractContextManager[object]:
        """A form may write while it judges (numbers, learnt keywords): what is refused leaves none of it."""
        if self._writer.database.design is None:
            return contextlib.nullcontext()
        return self._opened.store.transaction()

    def _write(self, judged: Sequence[_Judged], answers: list[DavenportError | None], *, anonymous: bool) -> None:
        if not judged:
            return
        branches = [
            Branch(sent.id, sent.revisions, sent.items, False, prepared.edit.attachments or {})
            for _, sent, prepared in judged
        ]
        corrections: list[Edit] = []
        stored = self._raw.insert(branches, self._opened.context(anonymous=anonymous, action="push"))
        for (place, sent, prepared), problem in zip(judged, stored, strict=True):
            answers[place] = problem
            if problem is None:
                wanted = self._stamped(prepared.edit.body, sent.items, None)
                if wanted != sent.items:
                    corrections.append(Edit(sent.id, sent.revisions[0], wanted))
                self._writer.done(sent.id, "push", anonymous=anonymous, notes=prepared.notes)
        if corrections:
            context = self._opened.context(anonymous=anonymous, action="correct")
            if any(isinstance(each, DavenportError) for each in self._raw.put_many(corrections, context)):
                raise _OneByOne


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
