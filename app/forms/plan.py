"""A form compiled for saving: which of its items have which work to do, found once per design.

A customer has 25 items and perhaps three expressions; a save runs those three and touches nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.design import Design, Expression, Form, Item
from app.forms.fields import Field, Keyword, Table, field_of
from app.forms.fields.names import Authors, Readers

SYSTEM_ITEMS = frozenset({"form", "parent", "public", "readers", "authors"})
STAMPS = frozenset({"created_by", "created_at", "changed_by", "changed_at"})
KEPT = frozenset({"merged", "merged_into", "imported", "state_since"})  # written by the program, never by a form


class Plan:
    """One form, ready to compose documents."""

    def __init__(self, design: Design, form: Form) -> None:
        self.design = design
        self.form = form
        self.fields: dict[str, Field] = {name: field_of(item, design) for name, item in form.items.items()}
        if "remarks" not in self.fields:
            item = Item("remarks", "longtext", form.label, lines=4)
            self.fields["remarks"] = field_of(item, design)
        items = {name: field.item for name, field in self.fields.items()}
        self.pulled = frozenset(name for item in items.values() for name in item.pull)
        self.derived = self.pulled | {name for name, item in items.items() if item.computed is not None}
        self.defaults = [(n, self.fields[n], i.default) for n, i in items.items() if i.default is not None]
        self.computed = [(n, self.fields[n], items[n].computed) for n in _in_order(items)]
        self.translated = {n: i.translate for n, i in items.items() if i.translate is not None}
        self.checked = [(n, i) for n, i in items.items() if i.validate is not None]
        self.required = [n for n, i in items.items() if i.required and i.type != "code"]
        self.required_when = [(n, i.required_when) for n, i in items.items() if i.required_when is not None]
        self.guarded = {
            n: i
            for n, i in items.items()
            if i.min_level or i.readonly or i.readonly_when is not None or i.type == "code"
        }
        self.codes = [n for n, i in items.items() if i.type == "code"]
        self.links = [(n, i) for n, i in items.items() if i.type == "link"]
        self.keywords = [(n, f) for n, f in self.fields.items() if isinstance(f, Keyword)]
        self.tables = [
            (n, f)
            for n, f in self.fields.items()
            if isinstance(f, Table)
            and any(c.computed is not None or c.default is not None or c.required for c in f.item.items)
        ]
        self.readers = [n for n, f in self.fields.items() if type(f) is Readers]
        self.authors = [n for n, f in self.fields.items() if type(f) is Authors]
        self.hidden = _hidden(form)
        self.uses = frozenset(name for expression in self._expressions() for name in expression.names)

    def _expressions(self) -> Iterator[Expression]:
        form = self.form
        found = [
            form.access.readers,
            form.access.authors,
            form.create,
            *(check.when for check in form.checks),
        ]
        for field in self.fields.values():
            for item in (field.item, *field.item.items):
                found += [
                    item.default, item.computed, item.translate, item.validate, item.required_when,
                    item.readonly_when, item.visible_when, item.hide_when,
                ]  # fmt: skip
        found += [section.hide_when for section in form.sections]
        return (expression for expression in found if expression is not None)


def _hidden(form: Form) -> dict[str, list[tuple[Expression, bool]]]:
    """For items that may be hidden: expressions, and the truth that hides."""
    found: dict[str, list[tuple[Expression, bool]]] = {}
    for section in form.sections:
        for item in section.items:
            rules = [
                (e, hides)
                for e, hides in (
                    (section.hide_when, True),
                    (item.hide_when, True),
                    (item.visible_when, False),
                )
                if e is not None
            ]
            if rules:
                found[item.name] = rules
    return found


def _in_order(items: dict[str, Item]) -> list[str]:
    """Computed items, each after those its expression uses. A circle is cut where the form lists it."""
    done: list[str] = []
    open_: set[str] = set()

    def visit(name: str) -> None:
        item = items.get(name)
        if item is None or item.computed is None or name in open_ or name in done:
            return
        open_.add(name)
        for used in sorted(item.computed.names):
            visit(used)
        done.append(name)

    for name in items:
        visit(name)
    return done


class Plans:
    """The plans of each design, kept as long as the design is current."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Design, dict[str, Plan]]] = {}

    def get(self, design: Design, form: str) -> Plan | None:
        """The plan of a form; None when the design has no such form."""
        kept = self._kept.get(design.database)
        if kept is None or kept[0] is not design:
            kept = self._kept[design.database] = (design, {})
        plan = kept[1].get(form)
        if plan is None and form in design.forms:
            plan = kept[1][form] = Plan(design, design.forms[form])
        return plan
