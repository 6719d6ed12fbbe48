"""From the YAML of a form to a Form."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from app.design import keys
from app.design.expressions import CONTEXT_NAMES, LEVELS, SYSTEM_ITEMS
from app.design.functions import pattern_of
from app.design.mapping import Keys
from app.design.model import Access, Check, Choice, Form, Item, Label, Problem, Section
from app.design.source import Located
from app.errors import Message

ITEM_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
KINDS = ("person", "group", "unit", "role", "leader")
RESERVED = SYSTEM_ITEMS - {"parent", "remarks", "public"} | CONTEXT_NAMES
_REQUIRED_KEYS = {"table": ("items",), "code": ("series",), "link": ("database",)}
_ONLY_FOR = {
    "series": ("code",), "pull": ("link",), "database": ("link",), "form": ("link",), "forms": ("link",),
    "items": ("table",), "kinds": ("names", "readers", "authors"), "keywords": ("keyword",),
    "choices": ("keyword",), "depends_on": ("keyword",), "allow_new": ("keyword",), "currency": ("money",),
    "currency_item": ("money",),
}  # fmt: skip


def build_form(name: str, values: Located, file: str, problems: list[Problem]) -> Form:
    """A form. Mistakes go into `problems`; what is built then must not be used."""
    top = Keys(values, file, problems, keys.FORM_KEYS)
    label = top.label("label", Label({"en": name.replace("_", " ").capitalize()}))
    assert label is not None
    known = frozenset(_names_in(values)) | CONTEXT_NAMES | SYSTEM_ITEMS
    sections = tuple(_sections(top, known, name, label))
    items: dict[str, Item] = {}
    for section in sections:
        for item in section.items:
            if item.name in items:
                top.problem("sections", Message('the item "%(name)s" is there twice', name=item.name))
            items[item.name] = item
    if not items:
        top.problem("sections", "the form has no items")
    form = Form(
        name=name,
        label=label,
        plural=top.label("plural", label) or label,
        sections=sections,
        items=items,
        icon=top.text("icon", "file-earmark-text") or "",
        title=top.expression("title", known),
        create=top.expression("create", CONTEXT_NAMES | {"parent"}),
        response_to=top.names("response_to"),
        parent_optional=top.flag("parent_optional"),
        duplicates=top.names("duplicates"),
        access=_access(top, known),
        checks=tuple(_checks(top, known, items)),
        open=top.flag("open"),
        anonymous=top.flag("anonymous"),
        order=top.integer("order", 100),
        button=top.label("button"),
        help=top.label("help"),
    )
    _references(top, form)
    return form


def _names_in(values: Mapping[str, Any]) -> Iterator[str]:
    groups = values.get("sections") if isinstance(values.get("sections"), list) else [values]
    for group in groups or []:
        if isinstance(group, Mapping):
            yield from _names_of(group.get("items"))


def _names_of(rows: Any) -> Iterator[str]:
    """The names of a list of items; a plain word is one."""
    for row in rows if isinstance(rows, list) else []:
        name = row.get("name") if isinstance(row, Mapping) else row
        if isinstance(name, str):
            yield name


def _sections(top: Keys, known: Collection[str], form: str, label: Label) -> Iterator[Section]:
    if top.has("items"):
        if top.has("sections"):
            top.problem("items", 'items stand inside "sections"')
        yield Section("main", label, tuple(_items(top, known, "main")))
        return
    for values, path in top.rows("sections"):
        section = Keys(values, top.file, top.problems, keys.SECTION_KEYS, path)
        name = section.text("name", required=True) or ""
        heading = section.label("label", Label({"en": name.replace("_", " ").capitalize()}))
        yield Section(
            name=name,
            label=heading or label,
            items=tuple(_items(section, known, name)),
            hide_when=section.expression("hide_when", known),
            collapsed=section.flag("collapsed"),
            icon=section.text("icon"),
        )


def _items(owner: Keys, known: Collection[str], section: str, *, cells: bool = False) -> Iterator[Item]:
    for values, path in owner.rows("items"):
        yield build_item(Keys(values, owner.file, owner.problems, keys.ITEM_KEYS, path), known, section, cell=cells)


def build_item(item: Keys, known: Collection[str], section: str, *, cell: bool = False) -> Item:
    """One item, or one cell of a table."""
    name = item.text("name", required=True) or ""
    if name and not ITEM_NAME.fullmatch(name):
        item.problem("name", "small letters, digits and _ are expected, starting with a letter")
    if name in RESERVED:
        hint = f'; call an item of this type "extra_{name}"' if name in ("readers", "authors") else ""
        item.problem("name", Message('"%(name)s" is kept by the system%(hint)s', name=name, hint=hint))
    kind = item.word("type", keys.TYPES, "text")
    if kind == "computed":
        if not item.has("computed"):
            item.problem("type", 'a computed item needs "computed"')
        kind = "text"
    for key in _REQUIRED_KEYS.get(kind, ()):
        if not item.has(key):
            item.problem(key, Message('a %(kind)s item needs "%(key)s"', kind=kind, key=key))
    for key, kinds in _ONLY_FOR.items():
        if item.has(key) and kind not in kinds:
            item.problem(
                key, Message("only for %(names)s items, this is %(kind)s", names=" and ".join(kinds), kind=kind)
            )
    if cell and kind in ("table", "attachment", "code", "readers", "authors"):
        item.problem("type", Message("a table cannot hold %(kind)s cells", kind=kind))
    cells = (
        tuple(_items(item, frozenset(known) | frozenset(_names_of(item.values.get("items"))), section, cells=True))
        if kind == "table"
        else ()
    )
    choices = tuple(build_choices(item))
    if kind == "keyword" and not item.has("choices") and not item.has("keywords"):
        item.problem("type", 'a keyword item needs "choices" or "keywords"')
    return Item(
        name=name,
        type=kind,
        label=item.label("label", Label({"en": name.replace("_", " ").capitalize()})) or Label({}),
        help=item.label("help"),
        placeholder=item.label("placeholder"),
        required=item.flag("required"),
        required_when=item.expression("required_when", known),
        readonly=item.flag("readonly"),
        readonly_when=item.expression("readonly_when", known),
        visible_when=item.expression("visible_when", known),
        hide_when=item.expression("hide_when", known),
        multiple=item.flag("multiple"),
        default=item.expression("default", known),
        computed=item.expression("computed", known),
        translate=item.expression("translate", known),
        validate=item.expression("validate", known),
        message=item.label("message"),
        unique=item.word("unique", ("warn", "refuse"), "warn") if item.has("unique") else None,
        min_level=_level(item),
        minimum=item.limit("minimum"),
        maximum=item.limit("maximum"),
        max_length=item.integer("max_length", 0) or None,
        pattern=_pattern(item),
        lines=item.integer("lines", 4 if kind == "longtext" else 1),
        places=item.integer("places", -1) if item.has("places") else None,
        unit=item.label("unit"),
        currency=item.text("currency"),
        currency_item=item.text("currency_item"),
        choices=choices,
        keywords=item.text("keywords"),
        depends_on=item.text("depends_on"),
        allow_new=item.flag("allow_new"),
        kinds=_kinds(item),
        database=item.text("database"),
        forms=item.names("forms") or item.names("form"),
        pull=item.words("pull"),
        items=cells,
        series=item.text("series"),
        width=item.word("width", ("half", "full"), "half") if item.has("width") else None,
        section=section,
    )


def build_choices(owner: Keys) -> Iterator[Choice]:
    """The choices under `choices`. A value may stand under several parents, but has one label."""
    seen: set[str] = set()
    for values, path in owner.rows("choices", "value"):
        choice = Keys(values, owner.file, owner.problems, keys.CHOICE_KEYS, path)
        value = choice.text("value", required=True) or ""
        if value in seen:
            choice.problem(
                "value", Message('"%(value)s" is there twice; for several parents write parent: [a, b]', value=value)
            )
        seen.add(value)
        yield Choice(
            value=value,
            label=choice.label("label", Label({"en": value})) or Label({}),
            parents=choice.names("parent"),
            retired=choice.flag("retired"),
        )


def _level(item: Keys) -> int:
    found = item.text("min_level")
    if found is None:
        return 0
    if found.upper() not in LEVELS:
        item.problem(
            "min_level",
            Message('"%(found)s" is no level; levels: %(names)s', found=found, names=", ".join(LEVELS).lower()),
        )
        return 0
    return LEVELS[found.upper()]


def _kinds(item: Keys) -> tuple[str, ...]:
    kinds = item.names("kinds")
    for kind in kinds:
        if kind not in KINDS:
            item.problem("kinds", Message('"%(kind)s" is none of %(names)s', kind=kind, names=", ".join(KINDS)))
    return kinds


def _pattern(item: Keys) -> str | None:
    source = item.text("pattern")
    if source is not None:
        try:
            pattern_of(source)
        except ValueError as problem:
            item.problem("pattern", str(problem))
    return source


def _access(top: Keys, known: Collection[str]) -> Access:
    values = top.mapping("access")
    if values is None:
        return Access()
    access = Keys(values, top.file, top.problems, keys.ACCESS_KEYS, "access")
    return Access(access.expression("readers", known), access.expression("authors", known))


def _checks(top: Keys, known: Collection[str], items: Mapping[str, Item]) -> Iterator[Check]:
    for values, path in top.rows("validate"):
        check = Keys(values, top.file, top.problems, keys.CHECK_KEYS, path)
        when = check.expression("when", known)
        if when is None and not check.has("when"):
            check.problem("when", '"when" is missing')
        item = check.text("item")
        if item is not None and item not in items:
            check.problem("item", Message('the form has no item "%(item)s"', item=item))
        message = check.label("message")
        if message is None and not check.has("message"):
            check.problem("message", '"message" is missing')
        if when is not None and message is not None:
            yield Check(when, message, item)


def _references(top: Keys, form: Form) -> None:
    """Items that items and keys of the same form name."""
    for named in form.duplicates:
        if named not in form.items:
            top.problem("duplicates", Message('the form has no item "%(named)s"', named=named))
    for item in form.items.values():
        for key, name in (("depends_on", item.depends_on), ("currency_item", item.currency_item)):
            if name is not None and name not in form.items:
                top.problem(
                    "sections",
                    Message(
                        '%(key)s of "%(name)s": the form has no item "%(other)s"', key=key, name=item.name, other=name
                    ),
                )
        for pulled in item.pull:
            if pulled not in form.items:
                top.problem(
                    "sections",
                    Message('pull of "%(name)s": the form has no item "%(pulled)s"', name=item.name, pulled=pulled),
                )
