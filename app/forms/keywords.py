"""Keyword lists, kept by those the design entitles: add, call otherwise, retire, bring back, reorder, rename a value.

Documents hold a choice's value; a new label reaches them all at once, and nothing is rewritten. Only
renaming the *value* rewrites documents: `rename_value` yields what it has done, so that a job can show
progress and be cancelled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import yaml

from app import jsonio
from app.design import Choice, Design, Form, Keywords
from app.design.loader import build_keywords
from app.design.source import read
from app.errors import BadRequest, DavenportError, Forbidden, Message, NotFound
from app.forms.elements import check, element_id

if TYPE_CHECKING:
    from app.access.database import Database

BATCH = 200


class Renamed(NamedTuple):
    """One document of a renaming: its new revision, or why it was left as it was."""

    id: str
    rev: str | None
    problem: str | None


class Renaming(Protocol):
    """Which value of which list becomes which."""

    @property
    def list(self) -> str: ...
    @property
    def old(self) -> str: ...
    @property
    def new(self) -> str: ...


def rename(database: Database, wanted: Renaming) -> Iterator[Renamed]:
    """`rename_value` for a job."""
    return KeywordLists(database, database.design).rename_value(wanted.list, wanted.old, wanted.new)


class KeywordLists:
    """The keyword lists of a database, for the person it was opened for."""

    def __init__(self, database: Database, design: Design | None) -> None:
        self.database = database
        self.design = design

    def may_keep(self, name: str) -> bool:
        """Designers always; else as the list says."""
        return int(self.database.rights.level) >= 5 or self.database.may_keep(element_id("keywords", name, ""))

    def add(self, name: str, value: str, label: Mapping[str, str] | None = None, parents: Sequence[str] = ()) -> None:
        """A new choice at the end. BadRequest when it is there already."""
        value = value.strip()
        found = self._list(name)
        if not value or value in found.by_value:
            raise BadRequest(
                "The list has this choice already.", fields={"value": Message("The list has this choice already.")}
            )
        row: dict[str, Any] = {"value": value, "label": dict(label or {"en": value, "zh": value})}
        if parents:
            row["parent"] = list(parents)
        self._change(name, lambda rows: [*rows, row])

    def call(self, name: str, value: str, label: Mapping[str, str]) -> None:
        """Another label; documents follow because they hold the value."""
        self._edit(name, value, {"label": dict(label)})

    def retire(self, name: str, value: str, retired: bool = True) -> None:
        """No longer offered (or offered again); documents that have it keep and show it."""
        self._edit(name, value, {"retired": retired})

    def place(self, name: str, value: str, parents: Sequence[str]) -> None:
        """Hang a choice under others, or under none."""
        self._edit(name, value, {"parent": list(parents)})

    def reorder(self, name: str, values: Sequence[str]) -> None:
        """The order in which choices are offered; those not named keep theirs, after the others."""
        place = {value: n for n, value in enumerate(values)}
        self._change(name, lambda rows: sorted(rows, key=lambda row: place.get(str(row["value"]), len(place))))

    def rename_value(self, name: str, old: str, new: str) -> Iterator[Renamed]:
        """The value itself: first the list holds both, then each document is changed, then the old one is retired.

        Documents this person may not edit keep the old value, which stays readable; they are reported.
        """
        self._choice(name, old)
        new = new.strip()
        if not new:
            raise BadRequest("A value is needed.", fields={"value": Message("This must be filled in.")})
        if new not in self._list(name).by_value:
            self._change(name, lambda rows: [other for row in rows for other in _both(row, old, new)])
        else:
            self.retire(name, old)  # merged: no longer offered, whatever may still hold it
        for form, items in sorted(self._used(name), key=_copies):
            yield from self._rewrite(form, items, old, new)
        if not self._remaining(name, old):
            self._change(name, lambda rows: [row for row in rows if str(row["value"]) != old])

    # -- parts

    def _list(self, name: str) -> Keywords:
        found = self.design.keywords.get(name) if self.design else None
        if found is None:
            raise NotFound("missing")
        return found

    def _choice(self, name: str, value: str) -> Choice:
        found = self._list(name).by_value.get(value)
        if found is None:
            raise NotFound("missing")
        return found

    def _edit(self, name: str, value: str, changed: Mapping[str, Any]) -> None:
        self._choice(name, value)
        self._change(name, lambda rows: [{**row, **changed} if str(row["value"]) == value else row for row in rows])

    def _change(self, name: str, act: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
        """Rewrite the list's text: the same element, other choices. Forbidden for who does not keep it."""
        if not self.may_keep(name):
            raise Forbidden("You may not change this list.")
        id = element_id("keywords", name, self.database.name)
        document = self.database.get(id)
        source = yaml.load(document["text"], Loader=yaml.BaseLoader) or {}  # noqa: S506  (texts only)
        rows = [row if isinstance(row, dict) else {"value": row} for row in source.get("choices") or []]
        source["choices"] = [_tidy(row) for row in act(rows)]
        text = yaml.safe_dump(source, allow_unicode=True, sort_keys=False, width=110)
        problems = check(self.design, self.database.name, "keywords", name, text)
        if problems:
            raise BadRequest(problems[0].reason, fields={"value": problems[0].reason})
        self.database.change(id, {"text": text}, document["_rev"])
        self.design = _with(self.design, name, text)

    def _used(self, name: str) -> list[tuple[Form, list[str]]]:
        """The forms that use a list, with their items (a table's cells as `table.cell`)."""
        found = []
        for form in self.design.forms.values() if self.design else ():
            items = [item.name for item in form.items.values() if item.keywords == name]
            items += [
                f"{table.name}.{cell.name}"
                for table in form.items.values()
                for cell in table.items
                if cell.keywords == name
            ]
            if items:
                found.append((form, items))
        return found

    def _rewrite(self, form: Form, items: Sequence[str], old: str, new: str) -> Iterator[Renamed]:
        for id, rev, body in self._documents(form.name):
            changed = {
                name: value for name, value in _replaced(body, items, old, new).items() if value != body.get(name)
            }
            if not changed:
                continue
            try:
                yield Renamed(id, self.database.change(id, changed, rev, comment=f"{old} → {new}").rev, None)
            except DavenportError as problem:
                yield Renamed(id, None, problem.reason)

    def _remaining(self, name: str, old: str) -> bool:
        """Does any document, of those this person reads, still hold the value? Unread ones count as holding it."""
        with self.database.reading() as reading:
            if not reading.visible.everything:
                return True
        return any(
            _replaced(body, items, old, "")
            != {item.partition(".")[0]: body.get(item.partition(".")[0]) for item in items}
            for form, items in self._used(name)
            for _, _, body in self._documents(form.name)
        )

    def _documents(self, form: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        last = 0
        while True:
            with self.database.reading() as reading:
                rows = reading.connection.execute(
                    "SELECT doc, id, rev, body FROM documents WHERE db = ? AND doc > ? AND deleted = 0 AND form = ?"
                    f" AND access IN (SELECT access FROM {reading.table}) ORDER BY doc LIMIT ?",
                    (reading.number, last, form, BATCH),
                ).fetchall()
            for _, id, rev, body in rows:
                yield str(id), str(rev), jsonio.loads(body)
            if len(rows) < BATCH:
                return
            last = rows[-1][0]


def _copies(used: tuple[Form, list[str]]) -> bool:
    """Whether a form copies the items from linked documents: such forms come last, so that copies are taken anew."""
    form, items = used
    return any(name in link.pull for link in form.items.values() for name in items)


def _both(row: dict[str, Any], old: str, new: str) -> list[dict[str, Any]]:
    """The renamed choice, and the old one behind it, retired, until no document holds it."""
    return [{**row, "value": new}, {**row, "retired": True}] if str(row["value"]) == old else [row]


def _tidy(row: dict[str, Any]) -> dict[str, Any]:
    """`retired` as true or not at all."""
    retired = row.get("retired") in (True, "true", "True")
    kept = {key: value for key, value in row.items() if key != "retired"}
    return {**kept, "retired": True} if retired else kept


def _replaced(body: Mapping[str, Any], items: Sequence[str], old: str, new: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in items:
        name, _, cell = path.partition(".")
        value = found.get(name, body.get(name))
        if cell and isinstance(value, list):
            value = [
                {**row, cell: _swap(row[cell], old, new)} if isinstance(row, dict) and cell in row else row
                for row in value
            ]
        elif not cell:
            value = _swap(value, old, new)
        found[name] = value
    return found


def _swap(value: Any, old: str, new: str) -> Any:
    if isinstance(value, list):
        return list(dict.fromkeys(new if entry == old else entry for entry in value))
    return new if value == old else value


def _with(design: Design | None, name: str, text: str) -> Design | None:
    """The design with this list as just written, before it is loaded anew."""
    if design is None:
        return None
    values, _ = read(text, name)
    return replace(design, keywords={**design.keywords, name: build_keywords(name, values, name, [])})
