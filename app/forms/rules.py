"""What forms make documents do: the Rules the door asks on every save, and what pages ask to draw a form.

door ── compose(database, old, new) ──→ Composed(items, warnings)      or BadRequest(fields), Forbidden
page ── preview, choices, duplicates, title, may_create, field, display
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app import clock
from app.access.identity import Identity
from app.access.model import Composed, Document
from app.design import Choice, Design, Form, Item
from app.design.expressions import ExpressionError
from app.design.loader import KINDS
from app.errors import BadRequest, DavenportError, Forbidden
from app.forms.composing import EDITOR, Composing
from app.forms.elements import check, element_id
from app.forms.fields import Around, Field, Keyword, Message, field_of
from app.forms.numbering import Numbering
from app.forms.plan import Plan, Plans
from app.forms.scope import Asking, DirectoryPeople, names_for
from app.forms.together import Together
from app.forms.uniques import Match, Uniques

if TYPE_CHECKING:
    from app.access.database import Database
    from app.access.databases import Databases
    from app.access.directory import Directory
    from app.forms.catalog import Catalog

DESIGN, ACL = "design", "acl"


class FormRules:
    """Implements the door's `Rules` and `FormRights`. `databases` is set once the door exists."""

    def __init__(
        self,
        catalog: Catalog,
        directory: Directory | None,
        numbering: Numbering,
        uniques: Uniques | None = None,
    ) -> None:
        self.catalog = catalog
        self.directory = directory
        self.numbering = numbering
        self.uniques = uniques or Uniques(numbering.store, catalog.design)
        self.databases: Databases | None = None
        self.zone = numbering.zone
        self._people = DirectoryPeople(directory) if directory is not None else None
        self._plans = Plans()
        self._local = threading.local()

    # -- what the door asks

    def compose(
        self, database: Database, old: Document | None, new: dict[str, Any], *, action: str | None = None
    ) -> Composed:
        """What is stored for what was sent. BadRequest (its `fields` name the items), Forbidden."""
        return self._compose(database, old, new, action, dry=False)

    def check(
        self, database: Database, old: Document | None, new: dict[str, Any], *, action: str | None = None
    ) -> Composed:
        """As compose, without drawing numbers or learning words: for dry runs. BadRequest, Forbidden."""
        return self._compose(database, old, new, action, dry=True)

    @contextlib.contextmanager
    def together(self, database: Database, rows: Sequence[Mapping[str, Any]]) -> Iterator[None]:
        """Around composing these new documents one after the other: what they share is asked once."""
        outer = getattr(self._local, "together", None)
        shared = Together(self, database, self.catalog.design(database.name), rows)
        self._local.together = shared
        try:
            yield
        finally:
            self._local.together = outer
            shared.close()

    def _compose(
        self, database: Database, old: Document | None, new: dict[str, Any], action: str | None, *, dry: bool
    ) -> Composed:
        design = self.catalog.design(database.name)
        form = new.get("form") or (old.get("form") if old is not None else None)
        if form in (DESIGN, ACL) or design is None or not design.forms:
            return Composed({name: value for name, value in new.items() if name[:1] != "_"}, [])
        plan = self._plan(database, design, form, old)
        if old is None and not database.identity.is_system and not self.may_create(database, plan.form.name, new):
            raise Forbidden(Message("You may not create this kind of document."))
        save = Composing(self, database, plan, old, action)
        shared: Together | None = getattr(self._local, "together", None)
        if old is None and shared is not None and shared.database is database:
            save.together = shared
            shared.began()
        return self._composed(save, new, dry=dry)

    def _composed(self, save: Composing, new: dict[str, Any], *, dry: bool) -> Composed:
        save.take(new)
        save.fill(new)
        save.check()
        save.duplicates()
        save.refuse()
        if not dry:
            save.number()
            save.learn()
        save.access()
        save.refuse()
        if save.together is not None:
            save.together.composed(save.form, save.items)
        return Composed(save.items, save.warnings)

    def preview(self, database: Database, old: Document | None, items: dict[str, Any]) -> Composed:
        """As compose, for a page while somebody edits: nothing is refused, no number drawn; warnings are
        problems."""
        design = self.catalog.design(database.name)
        form = items.get("form") or (old.get("form") if old is not None else None)
        plan = self._plans.get(design, str(form)) if design is not None else None
        if plan is None:
            return Composed(dict(items), [])
        save = Composing(self, database, plan, old, None)
        save.take(items)
        save.fill(items)
        save.check()
        return Composed(save.items, list(save.problems.values()))

    def plan_of(self, database: Database, document: Mapping[str, Any]) -> Plan | None:
        """The compiled form of a document; None where the design has none for it."""
        design = self.catalog.design(database.name)
        return self._plans.get(design, str(document.get("form"))) if design is not None else None

    def may_create(self, database: Database, form: str, items: Mapping[str, Any] | None = None) -> bool:
        """Whether the form's `create` lets the person make one; the level is the door's business."""
        design = self.catalog.design(database.name)
        found = design.forms.get(form) if design is not None else None
        if found is None or found.create is None:
            return found is not None or design is None or form in (DESIGN, ACL)
        names = names_for(database, form, None, found.create.names)
        names["parent"] = items.get("parent") if items else None
        try:
            return found.create.holds(names, self._asking(database.identity))
        except ExpressionError:
            return False

    def may_keep(self, database: Database, id: str) -> bool:
        """Whether the person keeps the keyword list `design:keywords:…`."""
        design = self.catalog.design(database.name)
        name = id.removeprefix("design:keywords:")
        keywords = design.keywords.get(name) if design is not None and name != id else None
        if keywords is None or keywords.keepers is None:
            return False
        names = names_for(database, "", None, keywords.keepers.names)
        try:
            return keywords.keepers.holds(names, self._asking(database.identity))
        except ExpressionError:
            return False

    def element_problems(self, database: Database, id: str, items: Mapping[str, Any]) -> list[str]:
        """What is wrong with a design element as a document; empty when it may be stored."""
        _, kind, name = (*id.split(":", 2), "", "")[:3]
        name = name or database.name
        if kind not in KINDS or id != element_id(kind, name, database.name):
            return [f"“{id[:80]}” is no design element: {', '.join(KINDS)} and a name are."]
        if items.get("kind", kind) != kind or items.get("name", name) != name:
            return [f"kind and name must fit the id: “{kind}” and “{name}”."]
        text = items.get("text")
        if not isinstance(text, str):
            return ["The item “text” is missing."]
        return [str(problem) for problem in check(self.catalog.design(database.name), database.name, kind, name, text)]

    # -- what pages ask

    def choices(
        self,
        database: Database,
        form: Form | str,
        item: Item | str,
        document: Mapping[str, Any] | None = None,
    ) -> list[Choice]:
        """The choices offered in a document: fitting what they depend on, retired ones only where it has
        them."""
        found = self._item(database, form, item)
        field = field_of(found, self.catalog.design(database.name)) if found is not None else None
        return list(field.offered(document or {})) if isinstance(field, Keyword) else []

    def duplicates(
        self,
        database: Database,
        form: Form | str,
        items: Mapping[str, Any],
        *,
        id: str | None = None,
    ) -> list[Match]:
        """Readable documents with the same name, telephone number …; `id` is the document itself, if it
        is saved."""
        found = self._form(database, form)
        if found is None:
            return []
        own = id or items.get("_id")
        rows = self.uniques.same(database, found, items, id=own)
        return [Match(other, self.title(database, body) or other, names) for other, body, names in rows]

    def title(self, database: Database | str, document: Mapping[str, Any]) -> str:
        """What a document is called: its form's title, else the first text there is."""
        design = self.catalog.design(database if isinstance(database, str) else database.name)
        form = design.forms.get(str(document.get("form"))) if design is not None else None
        if form is not None and form.title is not None:
            try:
                found = form.title.evaluate(document)
                if found not in (None, ""):
                    return str(found)
            except ExpressionError:
                pass
        named = (document.get(name) for name in ("name", "title", "subject", "code"))
        return next((value for value in named if isinstance(value, str) and value), "")

    def title_of(self, identity: Identity) -> Any:
        """(database, id) → title of a document the person may read, or None: for links."""

        def title(database: str, id: str) -> str | None:
            if self.databases is None:
                return None
            try:
                return self.title(database, self.databases.open(database, identity).get(id)) or id
            except DavenportError:
                return None

        return title

    def around(self, identity: Identity, language: str | None = None, *, titles: bool = False) -> Around:
        """Language, zone and directory for parsing and showing values to a person; `titles`: links by
        title."""
        person = identity.person
        return Around(
            language or person.language or "en",
            person.zone or self.zone,
            self._people,
            self.title_of(identity) if titles else None,
        )

    def field(self, database: Database | str, form: str, item: str) -> Field | None:
        """The field of an item: parse, display, form_text, widget."""
        design = self.catalog.design(database if isinstance(database, str) else database.name)
        plan = self._plans.get(design, form) if design is not None else None
        return plan.fields.get(item) if plan is not None else None

    def names(self, database: Database, form: str, document: Document | None = None) -> dict[str, Any]:
        """What expressions of the form see (hide_when, readonly_when …), for pages: items and context."""
        uses = frozenset({"principals", "now", "today"})
        return {**names_for(database, form, document, uses), **(document or {})}

    # -- parts

    def _plan(self, database: Database, design: Design, form: Any, old: Document | None) -> Plan:
        before = old.get("form") if old is not None else None
        if not isinstance(form, str) or not form:
            raise _bad(
                "form",
                Message("The form is missing; this database has: %(forms)s.", forms=", ".join(design.forms)),
            )
        if before is not None and form != before and int(database.rights.level) < EDITOR:
            raise _bad("form", Message("A document keeps its form."))
        plan = self._plans.get(design, form)
        if plan is None:
            raise _bad(
                "form",
                Message(
                    "There is no form “%(form)s”; this database has: %(forms)s.",
                    form=form[:60],
                    forms=", ".join(design.forms),
                ),
            )
        return plan

    def _form(self, database: Database, form: Form | str) -> Form | None:
        if isinstance(form, Form):
            return form
        design = self.catalog.design(database.name)
        return design.forms.get(form) if design is not None else None

    def _item(self, database: Database, form: Form | str, item: Item | str) -> Item | None:
        if isinstance(item, Item):
            return item
        found = self._form(database, form)
        return found.items.get(item) if found is not None else None

    def _asking(self, identity: Identity) -> Asking:
        return Asking(self.databases, self.directory, identity)


def _bad(item: str, message: Message) -> BadRequest:
    return BadRequest(message, fields={item: message})


__all__ = ["Composed", "FormRules", "clock"]
