"""One save, from what was sent to what is stored.

    sent ─ parse, translate ─ defaults ─ links pull ─ computed ─ tables ─ checks ─ number ─ readers, authors

Only what changed is parsed; only items with expressions run any. Problems are gathered, so that a person
sees all of them at once, and raised together as one BadRequest whose `fields` name the items.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from app.access.model import Document
from app.access.rules import SEPARATED
from app.design.expressions import Expression, ExpressionError, near, plain
from app.errors import BadRequest, DavenportError, NotFound
from app.forms.fields import Around, Field, FieldProblem, Message
from app.forms.keywords import KeywordLists
from app.forms.numbering import is_provisional
from app.forms.plan import KEPT, STAMPS, Plan
from app.forms.scope import Asking, names_for
from app.forms.uniques import values

if TYPE_CHECKING:
    from app.access.database import Database
    from app.design import Item
    from app.forms.rules import FormRules
    from app.forms.together import Together

REQUIRED = Message("This must be filled in.")
FIXED = Message("This may not be changed now.")
NOT_ALLOWED = Message("You may not change this.")
EDITOR = 4
PLAIN_ACTIONS = frozenset(  # nothing vouches for them
    {"import", "restore", "restore_item", "save", "bulk", "undo", "settle_conflict"}
)
REPLICATED = frozenset({"push", "merge"})  # made elsewhere: of two documents with one code both are kept
NO_DOCUMENT = Message("There is no such document.")


class Composing:
    """The state of one save: `items` grows into what is stored."""

    def __init__(
        self, rules: FormRules, database: Database, plan: Plan, old: Document | None, action: str | None
    ) -> None:
        self.rules = rules
        self.database = database
        self.plan = plan
        self.form = plan.form
        self.old = old
        self.action = action
        vouched = action is not None and action not in PLAIN_ACTIONS
        if action == "push" and old is not None:  # a new one brings the defaults of fixed items with it
            vouched = False
        self.free = vouched or database.identity.is_system  # a workflow or the node itself: no item is fixed
        self.names = names_for(database, plan.form.name, old, plan.uses)
        self.asking = Asking(rules.databases, rules.directory, database.identity)
        self.around = rules.around(database.identity)
        self.items: dict[str, Any] = {}
        self.changed: set[str] = set()
        self.problems: dict[str, str] = {}
        self.warnings: list[str] = []
        self.together: Together | None = None
        self.refreshed: set[str] = set()  # pulled items that somebody says are no longer as they were

    # -- what was sent

    def take(self, sent: Mapping[str, Any]) -> None:
        """Parse and translate what changed; keep what the person cannot send."""
        fields, old, derived = self.plan.fields, self.old, self.plan.derived
        for name, raw in sent.items():
            if raw is None and old is None and name in fields:
                continue
            field = fields.get(name)
            if field is None:
                self._other(name, raw)
            elif name in derived:
                if old is not None and not _same(old.get(name), raw):
                    self.refreshed.add(name)  # not believed, but taken anew from the linked document
            elif old is not None and name in old and _same(old[name], raw):
                self.items[name] = old[name]
            else:
                self._take(name, field, raw)
        if old is not None:
            self._left_out(sent, old)
        self.items["form"] = self.form.name
        self.names.update(self.items)

    def _take(self, name: str, field: Field, raw: Any) -> None:
        try:
            value = field.parse(raw, self.around)
            if name in self.plan.translated and value is not None:
                self.names["value"] = value
                value = field.parse(plain(self._run(name, self.plan.translated[name])), self.around)
            if value is not None:
                field.validate(value)
                self.items[name] = value
        except FieldProblem as problem:
            self.problems[name] = problem.message
            return
        if self.old is None:
            if value is not None:
                self.changed.add(name)
        elif not _same(self.old.get(name), value):
            self.changed.add(name)

    def _other(self, name: str, raw: Any) -> None:
        """Items that no form names."""
        if name in STAMPS or name in ("readers", "authors", "form") or name[:1] == "_":
            return
        if name == "parent":
            if isinstance(raw, str) and raw:
                self.items["parent"] = raw
            elif raw not in (None, "", []):
                self.problems["parent"] = NO_DOCUMENT
            return
        if name == "public":
            if isinstance(raw, bool):
                self.items["public"] = raw
            return
        before = self.old.get(name) if self.old is not None else None
        if self.form.open or name in KEPT or (self.old is not None and name in self.old and before == raw):
            self.items[name] = raw
        elif raw is not None or self.old is None or name not in self.old:
            hint = near(name, self.plan.fields)
            self.problems[name] = Message("The form has no item “%(item)s”%(hint)s", item=name[:60], hint=hint or ".")

    def _left_out(self, sent: Mapping[str, Any], old: Document) -> None:
        """Items that stood in the document and were not sent: gone, unless they are not the person's to
        remove."""
        for name in old:
            if name in sent or name[:1] == "_" or name in STAMPS:
                continue
            item = self.form.items.get(name)
            if name in KEPT or name == "parent" or (item is not None and (item.readonly or item.type == "code")):
                self.items[name] = old[name]
            elif item is not None and name not in self.plan.derived:
                self.changed.add(name)

    # -- what follows from it

    def fill(self, sent: Mapping[str, Any]) -> None:
        """Defaults of a new document, items pulled from links, computed items, cells of tables."""
        if self.old is None:
            for name, field, default in self.plan.defaults:
                if name not in sent and name not in self.items:
                    self._give(name, field, default)
        if self.plan.links:
            self._links()
        for name, table in self.plan.tables:
            if self.items.get(name):
                try:
                    self._put(name, table.complete(self.items[name], self.names, self.asking))
                except FieldProblem as problem:
                    self.problems.setdefault(name, problem.message)
                except ExpressionError as problem:
                    self.problems[name] = self._failed(name, str(problem))
        self.compute()

    def compute(self) -> None:
        """Computed items, as the others are now."""
        for name, field, computed in self.plan.computed:
            assert computed is not None
            self._give(name, field, computed)

    def _give(self, name: str, field: Field, expression: Expression) -> None:
        try:
            self._put(name, field.parse(self._run(name, expression), self.around))
        except FieldProblem as problem:
            self.problems.setdefault(name, problem.message)

    def _put(self, name: str, value: Any) -> None:
        if value is None:
            self.items.pop(name, None)
        else:
            self.items[name] = value
        self.names[name] = value

    def _run(self, name: str, expression: Expression) -> Any:
        try:
            return expression.run(self.names, self.asking)
        except ExpressionError as problem:
            raise FieldProblem(self._failed(name, f"{problem} in `{expression.source}`")) from None

    def _failed(self, name: str, reason: str) -> Message:
        return Message(
            "The design of the form “%(form)s” fails at “%(item)s”: %(reason)s",
            form=self.form.name, item=name, reason=reason,
        )  # fmt: skip

    def _links(self) -> None:
        """Newly linked documents must be readable and of the right form; their items are copied."""
        for name, item in self.plan.links:
            value = self.items.get(name)
            if name not in self.changed and self.old is not None:
                self._keep_pulled(item, value)
                continue
            if value is None:
                for own in item.pull:
                    self._put(own, None)
                continue
            before = self.old.get(name) if self.old is not None else None
            kept = before if isinstance(before, list) else [before]
            for id in value if isinstance(value, list) else [value]:
                if id in kept and isinstance(value, list):
                    continue
                target = self.target(item.database or self.database.name, id)
                if target is None or (item.forms and target.get("form") not in item.forms):
                    self.problems[name] = NO_DOCUMENT
                    break
                for own, source in item.pull.items():
                    self.pull(own, target.get(source))

    def _keep_pulled(self, item: Item, value: Any) -> None:
        """What was copied stays, until somebody says it is no longer so: then as the linked document has it now."""
        assert self.old is not None
        target = None
        if isinstance(value, str) and not self.refreshed.isdisjoint(item.pull):
            target = self.target(item.database or self.database.name, value)
        for own, source in item.pull.items():
            if target is None:
                self._put(own, self.old.get(own))
            else:
                self.pull(own, target.get(source))

    def pull(self, own: str, value: Any) -> None:
        """An item taken from a linked document."""
        field = self.plan.fields.get(own)
        try:
            self._put(own, field.parse(value) if field else value)
        except FieldProblem:
            self._put(own, None)

    def target(self, database: str, id: str) -> Mapping[str, Any] | None:
        """A linked document, if the person may read it."""
        try:
            found: Mapping[str, Any] | None = None
            if database == self.database.name:
                found = self.database.get(id)
            elif self.rules.databases is not None:
                found = self.rules.databases.open(database, self.database.identity).get(id)
            return found
        except (NotFound, BadRequest):
            return None

    # -- whether it may be stored

    def check(self) -> None:
        """Everything that can be wrong with the whole."""
        self._guards()
        self._required()
        self._choices()
        for name, item in self.plan.checked:
            if name in self.items and name not in self.problems and item.validate is not None:
                self.names["value"] = self.items[name]
                if not self._holds(name, item.validate):
                    self.problems[name] = self._label(item.message) or Message("This does not fit.")
        for check in self.form.checks:
            if self._holds(check.item or "form", check.when):
                self.problems.setdefault(check.item or "form", self._label(check.message) or "")
        self._parent()

    def _holds(self, name: str, expression: Expression) -> bool:
        try:
            return expression.holds(self.names, self.asking)
        except ExpressionError as problem:
            self.problems[name] = self._failed(name, f"{problem} in `{expression.source}`")
            return False

    def _label(self, label: Any) -> Message | None:
        return Message(label.get(self.around.language)) if label else None

    def _guards(self) -> None:
        """Items that may not be changed: by this person, now, or at all."""
        if self.free:
            return
        level = int(self.database.rights.level)
        for name, item in self.plan.guarded.items():
            if name not in self.changed or name in self.problems:
                continue
            if item.min_level > level:
                self.problems[name] = NOT_ALLOWED
            elif (item.readonly or self._numbered(name)) and level < EDITOR:
                self.problems[name] = FIXED
            elif item.readonly_when is not None and self.old is not None:
                context = {n: value for n, value in self.names.items() if n not in self.plan.fields}
                before = {**context, **self.old}
                if item.readonly_when.holds(before, self.asking):
                    self.problems[name] = FIXED

    def _numbered(self, name: str) -> bool:
        return name in self.plan.codes and self.old is not None and bool(self.old.get(name))

    def _required(self) -> None:
        items, problems = self.items, self.problems
        for name in self.plan.required:
            if name not in items and name not in problems and not self.hidden(name):
                problems[name] = REQUIRED
        for name, when in self.plan.required_when:
            if name not in items and name not in problems and when and self._holds(name, when):
                problems.setdefault(name, REQUIRED)

    def hidden(self, name: str) -> bool:
        """Is the item hidden by itself or with its section?"""
        rules = self.plan.hidden.get(name)
        return rules is not None and any(self._holds(name, rule) is hides for rule, hides in rules)

    def _choices(self) -> None:
        items, changed = self.items, self.changed
        for name, field in self.plan.keywords:
            value = items.get(name)
            if value is None or not (name in changed or field.item.depends_on in changed):
                continue
            if type(value) is str and value in field.always:
                continue
            before = self.old.get(name) if self.old is not None else None
            problem = field.unfit(value, self.items, before)
            if problem is not None:
                self.problems.setdefault(name, problem)

    def _parent(self) -> None:
        """A response names a readable document of one of the right forms, and is not its own ancestor."""
        parent = self.items.get("parent")
        before = self.old.get("parent") if self.old is not None else None
        if parent is None:
            if self.form.response_to and not self.form.parent_optional and before is None:
                self.problems["parent"] = REQUIRED
            return
        if parent == before:
            return
        target = self.target(self.database.name, parent)
        allowed = self.form.response_to
        if target is None or (allowed and "*" not in allowed and target.get("form") not in allowed):
            self.problems["parent"] = NO_DOCUMENT
            return
        own = self.old.get("_id") if self.old is not None else None
        for _ in range(50):
            if own is not None and target is not None and target.get("_id") == own:
                self.problems["parent"] = Message("A document cannot respond to itself.")
                return
            above = target.get("parent") if target is not None else None
            target = self.target(self.database.name, above) if isinstance(above, str) and own else None
            if target is None:
                return

    # -- what the program adds

    def number(self) -> None:
        """Codes of new documents; a code that was sent is kept, but for a provisional one that reaches the source."""
        for name in self.plan.codes:
            item = self.form.items[name]
            pattern = self.plan.design.numbering.get(item.series or "")
            if pattern is None or item.series is None:
                continue
            numbering, database = self.rules.numbering, self.database.name
            sent = self.items.get(name)
            if self.old is None and numbering.source and is_provisional(str(sent)):
                sent = None
            if sent is not None:
                if name in self.changed and self.together is not None:
                    self.together.note(item.series, pattern, self.items, sent)
                elif name in self.changed:
                    numbering.note(database, item.series, pattern, self.items, sent)
                continue
            code = None
            if self.together is not None:
                code = self.together.draw(self.form, name, item.series, pattern, self.items)
            if code is None:
                taken = partial(self.rules.uniques.taken, database, self.form, name)
                code = numbering.draw(database, item.series, pattern, self.items, taken)
            self._put(name, code)

    def learn(self) -> None:
        """New words of `allow_new` items join their list, where this person keeps it; else they stay free words."""
        rules = self.rules
        if rules.databases is None or not rules.numbering.store.documents.writing:
            return
        for name, field in self.plan.keywords:
            item, value = field.item, self.items.get(name)
            if not item.allow_new or item.keywords is None or name not in self.changed or value is None:
                continue
            for word in value if isinstance(value, list) else [value]:
                if word not in field.by_value:
                    self._add_word(item.keywords, word)

    def _add_word(self, keywords: str, word: str) -> None:
        assert self.rules.databases is not None
        opened = self.rules.databases.open(self.database.name, self.database.identity)
        kept = KeywordLists(opened, self.rules.catalog.design(self.database.name))
        if kept.may_keep(keywords):
            with contextlib.suppress(DavenportError):
                kept.add(keywords, word)

    def access(self) -> None:
        """Effective readers and authors: the form's expressions and all items of these types together."""
        access, plan = self.form.access, self.plan
        readers = self._list("readers", access.readers, plan.readers)
        authors = self._list("authors", access.authors, plan.authors)
        if readers:
            self.items["readers"] = readers
        if authors:
            self.items["authors"] = authors

    def _list(self, which: str, expression: Expression | None, items: Iterable[str]) -> list[str]:
        found: dict[str, None] = {}
        if expression is not None:
            try:
                value = expression.run(self.names, self.asking)
            except ExpressionError as problem:
                self.problems[which] = self._failed(which, f"{problem} in `{expression.source}`")
                return []
            self._add(found, which, value)
        for name in items:
            self._add(found, which, self.items.get(name))
        return list(found)

    def _add(self, found: dict[str, None], which: str, value: Any) -> None:
        if value is None or value == "":
            return
        for name in value if isinstance(value, list | tuple) else (value,):
            if name is None or name == "":
                continue
            if not isinstance(name, str):
                self.problems[which] = self._failed(which, "it must give names")
            elif SEPARATED.search(name):
                self.problems[which] = Message(
                    "“%(value)s” is several names in one text; each name must stand alone.", value=name
                )
            else:
                found[name] = None

    def duplicates(self) -> None:
        """Readable documents with the same unique values: refused or warned of."""
        form, uniques = self.form, self.rules.uniques
        changed = None if self.old is None else self.changed
        own = self.old.get("_id") if self.old is not None else None
        wanted = list(values(form, self.items, changed))
        if self.together is not None:
            for body, names in self.together.same(wanted):
                self._duplicate(self.rules.title(self.database, body), names)
            absent = self.together.absent
            wanted = [(entry, value) for entry, value in wanted if (entry.key, value) not in absent]
        if wanted:
            for id, body, found in uniques.having(self.database, wanted, id=own):
                self._duplicate(self.rules.title(self.database, body) or id, found)

    def _duplicate(self, title: str, names: Iterable[str]) -> None:
        for name in names:
            item = self.form.items[name]
            if (item.unique == "refuse" or item.type == "code") and self.action not in REPLICATED:
                self.problems.setdefault(name, Message("“%(title)s” has the same.", title=title))
            else:
                label = item.label
                self.warnings.append(Message("“%(title)s” has the same %(item)s.", title=title, item=label))

    def refuse(self) -> None:
        """BadRequest when there are problems."""
        if self.problems:
            raise BadRequest(_sentence(self.form, self.problems, self.around), fields=self.problems)


def _sentence(form: Any, problems: Mapping[str, str], around: Around) -> str:
    said: Message | None = None
    for name, problem in list(problems.items())[:5]:
        item = form.items.get(name)
        part = Message("%(item)s: %(problem)s", item=item.label if item else name, problem=problem)
        said = part if said is None else Message("%(one)s %(two)s", one=said, two=part)
    return said or ""


def _same(one: Any, two: Any) -> bool:
    """Equal as JSON: 1 is not true."""
    return type(one) is type(two) and one == two
