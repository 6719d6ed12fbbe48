"""An import as a job: survey the file, compare, convert, validate, write in batches; or the same without
writing.

    rows ── convert ──> items ── duplicates? ──> create / change / skip ──> job_rows
              │ what nobody understands: an error row with the reason

Every row has a number (`part · 10⁷ + row in the file`), which is its job row and, with the job, the id of
the document it makes. So a killed import goes on without making anything twice, even when the kill came
between the documents and the job's rows.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from app.access import Database, Databases, Directory, Identity
from app.clock import DEFAULT_ZONE
from app.design import Design, Form
from app.errors import BadRequest, Conflict, DavenportError, Forbidden, Message, packed
from app.store.files import Place
from app.transfer import matching
from app.transfer.converting import Converter
from app.transfer.jobs import ERROR, JobRow, Run
from app.transfer.mapping import normal
from app.transfer.plans import Part, Plan, checked, form_of
from app.transfer.readers import Row, Table, open_table

BATCH = 500  # rows a transaction
PART = 10_000_000  # rows a part may have
SOURCE = "source"  # the file in the job's folder
NOT_ALLOWED = Message("You may not create documents of this form here.")
NOT_YOURS = Message("You may not change this document.")


class Task(NamedTuple):
    """A row on its way: what it says, and what it turned out to be."""

    n: int
    id: str
    items: dict[str, Any]
    keys: list[matching.Key]


@dataclass(frozen=True)
class Importer:
    """The kind of job `import`; with `dry_run` in the detail it writes nothing."""

    databases: Databases
    directory: Directory

    def run(self, run: Run) -> None:
        """Import, or go on after `run.last`."""
        database = self.databases.open(run.job.database or "", self._identity(run.job.person))
        plan = checked(database.design, Plan.from_json(run.detail["plan"]))
        table = open_table(run.file(SOURCE), plan.name)
        dry = bool(run.detail.get("dry_run"))
        outlook = _Outlook()
        total = sum(1 for part in plan.parts for row in table.rows(part.sheet) if row.number > part.header)
        counts = Counter[str](run.detail.get("counts", {}))
        run.progress(run.job.done, total, counts=dict(counts))
        done = 0
        for number, part in enumerate(plan.parts):
            one = _PartRun(self, run, database, table, part, number * PART, dry=dry, outlook=outlook)
            done = one.run(done, counts)
        run.progress(done, total, counts=dict(counts))

    def undo(self, run: Run) -> None:
        """Take the import back: delete what it made, put back what it changed, where nobody changed it
        since."""
        if run.detail.get("dry_run"):
            return
        database = self.databases.open(run.job.database or "", self._identity(run.detail["undo_by"]))
        undo(run, database)

    def _identity(self, key: str) -> Identity:
        return identity_of(self.directory, key)


class _Outlook:
    """What a dry run would have made so far, so that a second sheet finds the customers of the first."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []


class _PartRun:
    """One part of one run."""

    def __init__(
        self,
        importer: Importer,
        run: Run,
        database: Database,
        table: Table,
        part: Part,
        base: int,
        *,
        dry: bool,
        outlook: _Outlook,
    ) -> None:
        self._importer = importer
        self._run = run
        self._database = database
        self._table = table
        self._part = part
        self._base = base
        self._dry = dry
        self._outlook = outlook
        self._form = form_of(database.design, part.form)
        if not database.may_create(part.form):
            raise Forbidden(NOT_ALLOWED)
        self._links = {
            name: matching.Links(self._form.items[name], self._form.items[name].label.get("en"))
            for name in part.columns.values()
            if self._form.items[name].type == "link"
        }
        self._convert = converter(database, importer.directory, self._form, self._links)
        self._known = self._survey()

    def _rows(self) -> Iterator[Row]:
        return (row for row in self._table.rows(self._part.sheet) if row.number > self._part.header)

    def _survey(self) -> matching.Known:
        """The first pass: what links and keys the file holds; then one look at what is there."""
        link_columns = [(index, self._links[name]) for index, name in self._part.columns.items() if name in self._links]
        for row in self._rows() if link_columns else ():
            for index, links in link_columns:
                if index < len(row.cells) and row.cells[index] is not None:
                    links.want(str(row.cells[index]))
        for links in self._links.values():
            name = links.item.database or self._database.name
            links.scan(
                self._database
                if name == self._database.name
                else self._importer.databases.open(name, self._database.identity)
            )
            for document in self._outlook.documents:
                if document.get("form") in links.item.forms:
                    links.add(document)
        wanted: set[int] = set()
        compared = matching.compared(self._form)
        columns = {index: name for index, name in self._part.columns.items() if name in compared}
        for row in self._rows() if columns else ():
            items = self._items(row, columns)
            if isinstance(items, dict):
                wanted.update(matching.digest(self._form, key) for key in matching.keys(self._form, items))
        known = matching.Known(self._form, wanted)
        known.scan(self._database)
        return known

    def _items(self, row: Row, columns: Mapping[int, str] | None = None) -> dict[str, Any] | BadRequest:
        try:
            return self._convert.row(row.cells, self._part.columns if columns is None else columns)
        except BadRequest as problem:
            return problem

    def run(self, done: int, counts: Counter[str]) -> int:
        """Work through the rows in batches; the number of rows done."""
        last = self._run.last
        rows = self._rows()
        first = True
        while batch := list(islice(rows, BATCH)):
            done += len(batch)
            fresh = [row for row in batch if self._base + row.number > last]
            if fresh:
                made = self._batch(fresh, counts, resumed=first and last > 0)
                first = False
                self._run.progress(done, rows=made, counts=dict(counts))
        return done

    def _batch(self, rows: list[Row], counts: Counter[str], *, resumed: bool) -> list[JobRow]:
        outcome: dict[int, JobRow] = {}
        create: list[Task] = []
        ids = {row.number: document_id(self._run.job.id, self._base + row.number) for row in rows}
        there = self._database.get_many(list(ids.values())) if resumed else {}
        for row in rows:
            n, id = self._base + row.number, ids[row.number]
            items = self._items(row)
            if isinstance(items, BadRequest):
                outcome[n] = JobRow(n, skipped=ERROR + reason(items, self._form))
                continue
            if not items or (self._part.optional and not self._own_values(items)):
                continue
            keys = matching.keys(self._form, items)
            if id in there:
                outcome[n] = JobRow(n, id, after_rev=there[id]["_rev"])
                counts["new"] += 1
                continue
            match = self._known.match(keys)
            if match is None or self._part.duplicates == "create":
                create.append(Task(n, id, items, keys))
                self._known.add(keys, id, matching.called({"_id": id, **items}))
            elif self._part.duplicates == "update":
                if any(task.id == match.id for task in create):  # an earlier row of this batch makes it
                    self._create(create, outcome)
                    create = []
                outcome[n] = self._update(n, match, items)
            elif not self._part.repeats or match.id not in ids.values():
                outcome[n] = JobRow(n, skipped=self._same(match))
        self._create(create, outcome)
        for made in outcome.values():
            counts[_kind(made)] += 1
        if resumed:
            counts["new"] -= sum(1 for made in outcome.values() if made.id in there)
        return [outcome[n] for n in sorted(outcome)]

    def _own_values(self, items: Mapping[str, Any]) -> bool:
        """Does the row say anything beside whose document it is?"""
        return any(name not in self._links for name in items)

    def _same(self, match: matching.Match) -> str:
        label = self._form.items[match.item].label
        return Message("The same %(item)s as “%(title)s”.", item=label, title=match.called).pack()

    def _create(self, tasks: list[Task], outcome: dict[int, JobRow]) -> None:
        if not tasks:
            return
        wanted = [{"form": self._form.name, **task.items} for task in tasks]
        if self._dry:
            answers: list[Any] = self._database.check_many(wanted)
        else:
            answers = self._database.create_many(wanted, ids=[task.id for task in tasks])
        for task, answer in zip(tasks, answers, strict=True):
            if isinstance(answer, Conflict):
                outcome[task.n] = JobRow(task.n, task.id)  # written before the kill, and not readable to the person
            elif isinstance(answer, DavenportError) and not self._excused(answer, task):
                outcome[task.n] = JobRow(task.n, skipped=ERROR + reason(answer, self._form))
            else:
                outcome[task.n] = JobRow(task.n, task.id, after_rev=getattr(answer, "rev", None))
                if self._dry:
                    named = {name: task.items[name] for name in matching.NAMING if name in task.items}
                    self._outlook.documents.append({"_id": task.id, "form": self._form.name, **named})

    def _excused(self, problem: DavenportError, task: Task) -> bool:
        """In a dry run a link may point to a document that the run itself would make."""
        if not self._dry or not problem.fields:
            return False
        planned = {document["_id"] for document in self._outlook.documents}
        return all(name in self._links and task.items.get(name) in planned for name in problem.fields)

    def _update(self, n: int, match: matching.Match, items: dict[str, Any]) -> JobRow:
        try:
            if self._dry and self._planned(match.id):
                return JobRow(n, match.id, before={"old": {}, "new": items})
            old = self._database.get(match.id)
            changed = {name: value for name, value in items.items() if old.get(name) != value and name != "code"}
            if not changed:
                return JobRow(n, skipped=Message("Everything is there already.").pack())
            before = {"old": {name: old.get(name) for name in changed}, "new": changed}
            if self._dry:
                return self._would_update(n, match, old, before)
            saved = self._database.change(match.id, changed, old["_rev"])
        except DavenportError as problem:
            return JobRow(n, skipped=ERROR + reason(problem, self._form))
        return JobRow(n, match.id, before, saved.rev)

    def _would_update(self, n: int, match: matching.Match, old: Mapping[str, Any], before: dict[str, Any]) -> JobRow:
        """What an update in a dry run comes to."""
        if not self._database.may_edit(old):
            raise Forbidden(NOT_YOURS)
        return JobRow(n, match.id, before)

    def _planned(self, id: str) -> bool:
        """Is this a document that an earlier row of the dry run would make?"""
        return any(document["_id"] == id for document in self._outlook.documents)


def identity_of(directory: Directory, key: str, via: str = "job") -> Identity:
    """The identity a job acts with. Forbidden when the person is gone."""
    person = directory.person(key)
    if person is None or not person.active:
        raise Forbidden("The person this was started by can no longer sign in.")
    return Identity(person, via=via)


def _kind(row: JobRow) -> str:
    if row.skipped:
        return "error" if row.skipped.startswith(ERROR) else "duplicate"
    return "updated" if row.before is not None else "new"


def document_id(job: str, n: int) -> str:
    """The id of the document that row `n` of a job makes."""
    return hashlib.sha256(f"{job}:{n}".encode()).hexdigest()[:32]


def reason(problem: DavenportError, form: Form | None = None) -> str:
    """A refusal in one line, as it is kept: each item's label and what is wrong with it."""
    if not problem.fields:
        return packed(problem.reason)
    said: Message | None = None
    for name, text in problem.fields.items():
        item = form.items.get(name.split(".")[0].split("[")[0]) if form else None
        part = Message("%(item)s: %(problem)s", item=item.label if item else name, problem=text)
        said = part if said is None else Message("%(one)s %(two)s", one=said, two=part)
    return packed(said or "")


def converter(database: Database, directory: Directory, form: Form, links: Mapping[str, matching.Links]) -> Converter:
    """The converter of a form's rows for the person the database is open for."""

    labels = named(directory)

    def somebody(text: str) -> str | None:
        person = directory.find(text)
        return person.key if person else labels.get(normal(text))

    return Converter(
        form.items,
        keywords=keyword_values(database.design, form),
        names=lru_cache(maxsize=10_000)(somebody),
        links={name: link.find for name, link in links.items()},
        zone=database.identity.person.zone or DEFAULT_ZONE,
    )


def named(directory: Directory) -> dict[str, str]:
    """{normal name: key} of persons and groups; a name that two of them have means neither."""
    found: dict[str, str | None] = {}
    for person in directory.persons():
        for text in (person.name, person.key):
            _once(found, normal(text), person.key)
    for group in directory.groups():
        texts = [group.name] if isinstance(group.name, str) else list(group.name.values())
        for text in (*texts, group.key):
            _once(found, normal(text), group.key)
    return {text: key for text, key in found.items() if key is not None}


def _once(found: dict[str, str | None], text: str, key: str) -> None:
    found[text] = key if found.get(text, key) == key else None


def keyword_values(design: Design | None, form: Form) -> dict[str, dict[str, str]]:
    """{item: {normal label or value: value}} of a form's keyword items; a current choice wins over a
    retired one.
    """
    found: dict[str, dict[str, str]] = {}
    for item in form.items.values():
        if item.type != "keyword":
            continue
        listed = design.keywords.get(item.keywords) if design and item.keywords else None
        choices = listed.choices if listed else item.choices
        words = found[item.name] = {}
        for choice in sorted(choices, key=lambda choice: choice.retired):
            for text in (choice.value, *choice.label.texts.values()):
                words.setdefault(normal(text), choice.value)
    return found


def undo(run: Run, database: Database) -> None:
    """Take back what the rows of a job say, newest first; what was changed since is left and says why."""
    total = sum(1 for row in run.rows() if row.id and not row.skipped)
    counts = Counter[str]()
    done, gone = 0, []
    for row in run.rows(backwards=True):
        if row.id is None or row.skipped:
            continue
        try:
            _take_back(database, row)
            counts["undone"] += 1
            gone.append(row.n)
        except DavenportError as problem:
            counts["kept"] += 1
            run.detail.setdefault("kept", [])[:100] = [
                *run.detail.get("kept", []),
                {"id": row.id, "reason": packed(problem.reason)},
            ][:100]
        done += 1
        if done % 100 == 0:
            run.forget(gone)
            gone = []
            run.progress(done, total, undo=dict(counts))
    run.forget(gone)
    run.progress(done, total, undo=dict(counts))


def _take_back(database: Database, row: JobRow) -> None:
    assert row.id is not None
    current = database.get(row.id)
    if row.before is None:
        if row.after_rev and current["_rev"] != row.after_rev:
            raise Conflict("It was changed since.")
        database.delete(row.id, current["_rev"])
        return
    old, new = row.before["old"], row.before["new"]
    back = {name: old[name] for name in old if current.get(name) == new.get(name)}
    if not back:
        raise Conflict("It was changed since.")
    database.change(row.id, back, current["_rev"])


def keep_source(target: Place, source: Place) -> None:
    """Put a copy of the file into the job's folder, so that the job can go on later."""
    with source.open("rb") as given, target.open("wb") as kept:
        shutil.copyfileobj(given, kept)
