"""From the YAML of a view to a View. Labels and types of columns come from the form's items."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from app.design import conditions, keys
from app.design.expressions import SYSTEM_ITEMS, near
from app.design.mapping import Keys
from app.design.model import Column, Form, Item, Label, Problem, Sort, View
from app.design.source import Located
from app.errors import BadRequest, Message

STYLES = ("table", "kanban", "calendar")
SHOWN_BY = frozenset({"now", "today", "person", "principals", "level"})  # there is no document whose items could count
SYSTEM_COLUMNS: dict[str, tuple[str, Label]] = {
    "form": ("text", Label({"en": "Form", "zh": "表单"})),
    "parent": ("text", Label({"en": "Responds to", "zh": "答复"})),
    "created_by": ("names", Label({"en": "Added by", "zh": "信息添加人"})),
    "created_at": ("datetime", Label({"en": "Added on", "zh": "信息添加日期"})),
    "changed_by": ("names", Label({"en": "Changed by", "zh": "最后修改人"})),
    "changed_at": ("datetime", Label({"en": "Changed on", "zh": "最后修改日期"})),
    "remarks": ("longtext", Label({"en": "Remarks", "zh": "备注"})),
    "readers": ("readers", Label({"en": "Readers", "zh": "读者"})),
    "authors": ("authors", Label({"en": "Authors", "zh": "作者"})),
    "title": ("text", Label({"en": "Title", "zh": "标题"})),
}


def build_view(name: str, values: Located, file: str, problems: list[Problem], forms: Mapping[str, Form]) -> View:
    """A view over these forms. Mistakes go into `problems`; what is built then must not be used."""
    top = Keys(values, file, problems, keys.VIEW_KEYS)
    label = top.label("label", Label({"en": name.replace("_", " ").capitalize()})) or Label({})
    chosen = top.names("forms")
    for form in chosen:
        if form not in forms:
            top.problem("forms", Message('there is no form "%(form)s"%(hint)s', form=form, hint=near(form, forms)))
    items = _items(chosen or tuple(forms), forms)
    known = frozenset(items) | SYSTEM_ITEMS
    columns = tuple(_columns(top, items, known))
    sortable = known | {column.name for column in columns}
    view = View(
        name=name,
        label=label,
        forms=chosen,
        columns=columns,
        where=top.expression("where", known),
        filter=top.text("filter"),
        categories=top.names("categories"),
        sort=tuple(_sort(top, sortable)),
        responses=top.flag("responses"),
        style=top.word("style", STYLES, "table"),
        group=top.text("group"),
        date=top.text("date"),
        end=top.text("end"),
        new=top.text("new"),
        show_when=top.expression("show_when", SHOWN_BY),
        order=top.integer("order", 100),
        icon=top.text("icon"),
        help=top.label("help"),
        unread=top.flag("unread", True),
        collapsed=top.flag("collapsed"),
        heading=top.label("heading"),
    )
    _references(top, view, sortable, forms)
    _filter(top, view, sortable)
    return view


def _filter(top: Keys, view: View, known: Collection[str]) -> None:
    """The filter is understood, and what it names is there."""
    try:
        found = conditions.parse(view.filter)
    except BadRequest as problem:
        top.problem("filter", problem.reason)
        return
    for each in found:
        if each.name not in known:
            hint = near(each.name, known)
            top.problem("filter", Message('there is no item or column "%(by)s"%(hint)s', by=each.name, hint=hint))


def _items(chosen: tuple[str, ...], forms: Mapping[str, Form]) -> dict[str, Item]:
    found: dict[str, Item] = {}
    for form in reversed(chosen):
        if form in forms:
            found.update(forms[form].items)
    return found


def _columns(top: Keys, items: Mapping[str, Item], known: Collection[str]) -> Iterator[Column]:
    for values, path in top.rows("columns"):
        column = Keys(values, top.file, top.problems, keys.COLUMN_KEYS, path)
        name = column.text("name", required=True) or ""
        value = column.expression("value", known)
        item = items.get(name) if not column.has("value") else None
        system = SYSTEM_COLUMNS.get(name)
        if item is None and system is None and not column.has("value"):
            column.problem(
                "name", Message('no form of the view has an item "%(name)s"%(hint)s', name=name, hint=near(name, known))
            )
        label = item.label if item else system[1] if system else Label({"en": name.capitalize()})
        kind = item.type if item else system[0] if system else "text"
        yield Column(
            name=name,
            label=column.label("label", label) or label,
            type=column.word("type", keys.TYPES, kind),
            value=value,
            width=column.integer("width", 0) or None,
            sortable=column.flag("sortable"),
            indexed=column.flag("indexed"),
            total=column.flag("total"),
            hidden=column.flag("hidden"),
            item=item,
        )


def _sort(top: Keys, known: Collection[str]) -> Iterator[Sort]:
    for values, path in top.rows("sort", "by"):
        sort = Keys(values, top.file, top.problems, keys.SORT_KEYS, path)
        by = sort.text("by", required=True) or ""
        if by and by not in known:
            sort.problem("by", Message('there is no item or column "%(by)s"%(hint)s', by=by, hint=near(by, known)))
        yield Sort(by, sort.flag("descending"))


def _references(top: Keys, view: View, known: Collection[str], forms: Mapping[str, Form]) -> None:
    if len(view.categories) > 3:
        top.problem("categories", "at most three columns can group")
    named = [("categories", name) for name in view.categories]
    named += [(key, name) for key, name in (("group", view.group), ("date", view.date), ("end", view.end)) if name]
    for key, name in named:
        if name not in known:
            top.problem(
                key, Message('there is no item or column "%(name)s"%(hint)s', name=name, hint=near(name, known))
            )
    if view.style == "kanban" and not view.group:
        top.problem("style", 'a kanban view needs "group"')
    if view.style == "calendar" and not view.date:
        top.problem("style", 'a calendar view needs "date"')
    if view.new and view.new not in forms:
        top.problem("new", Message('there is no form "%(new)s"%(hint)s', new=view.new, hint=near(view.new, forms)))
    if not view.columns and view.style == "table":
        top.problem("columns", "the view shows no columns")
