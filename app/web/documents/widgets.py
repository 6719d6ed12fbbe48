"""A form as its edit page shows it: sections of fields, each with what its input needs.

    Page of sections ─ Field(item, input, value, choices, error, …)      the templates choose the input by `Field.input`

Choices come from the form rules, so that retired ones and those of another branch of a tree are not offered, and
a value that is already there stays choosable whatever became of its choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from flask import g, url_for
from flask_babel import gettext

from app.design import Expression, Form, Item
from app.web.context import label, node, person_label
from app.web.documents import formdata
from app.web.documents.display import Shower, currency_of
from app.web.documents.layout import STAMPS, fixed, hidden, holds, names_of
from app.web.documents.titles import linked

if TYPE_CHECKING:
    from app.access import Database

LONG_LIST = 12  # choices; more than these get type-ahead
INPUTS = {
    "text": "text", "longtext": "area", "number": "number", "integer": "number", "money": "number", "date": "date",
    "time": "time", "datetime": "datetime", "boolean": "checkbox", "keyword": "select", "names": "pick",
    "readers": "pick", "authors": "pick", "link": "pick", "richtext": "richtext", "attachment": "files",
    "table": "table", "code": "text", "email": "email", "phone": "tel", "url": "url", "partial_date": "partial",
    "lunar_date": "partial",
}  # fmt: skip


class Option(NamedTuple):
    """One thing to choose."""

    value: str
    label: str
    chosen: bool = False
    retired: bool = False
    hint: str = ""


class Field(NamedTuple):
    """One field of the form: `name` is what the browser sends, `values` the texts in it."""

    item: Item
    name: str
    id: str
    label: str
    help: str
    placeholder: str
    input: str
    values: list[str]
    options: list[Option]
    shown: Any  # what a fixed or computed field shows
    error: str
    required: bool
    fixed: bool
    hidden: bool
    wide: bool
    picker: bool = False
    url: str = ""
    unit: str = ""
    lunar: bool = False
    rows: list[list[Field]] = []  # noqa: RUF012 - a NamedTuple's default is never changed
    blank: list[Field] = []  # noqa: RUF012

    @property
    def value(self) -> str:
        """The first text, for inputs that have one."""
        return self.values[0] if self.values else ""


class Group(NamedTuple):
    """A section of the form."""

    name: str
    label: str
    icon: str | None
    hidden: bool
    fields: list[Field]


class Editor:
    """Builds the fields of one form for one document and person."""

    def __init__(
        self,
        database: Database,
        form: Form,
        document: Mapping[str, Any],
        *,
        old: Mapping[str, Any] | None,
        errors: Mapping[str, str] | None = None,
    ) -> None:
        self.database = database
        self.form = form
        self.document = document
        self.errors = errors or {}
        self.names = names_of(database, document, old=old)
        self.shower = Shower(database.design, form, document)
        self.zone: str = g.zone

    def groups(self) -> list[Group]:
        """The sections with their fields; hidden ones stand in the page, hidden, so that they can appear at once."""
        found = []
        for section in self.form.sections:
            fields = [self.field(item) for item in section.items if item.name not in STAMPS]
            if fields:
                gone = holds(section.hide_when, self.names)
                found.append(Group(section.name, label(section.label), section.icon, gone, fields))
        return found

    def field(self, item: Item) -> Field:
        """The field of one item."""
        return self._field(
            item,
            formdata.PREFIX + item.name,
            f"f-{item.name}",
            self.document.get(item.name),
            self.errors.get(item.name, ""),
        )

    def _field(self, item: Item, name: str, id: str, value: Any, error: str, *, cell: bool = False) -> Field:
        kind = "area" if item.type == "text" and item.lines > 1 else INPUTS.get(item.type, "text")
        closed = fixed(item, self.names)
        options = self.options(item, value) if kind in ("select", "pick") and not closed else []
        many = item.many and kind in ("select", "pick")
        if item.many and kind in ("text", "email", "tel", "url"):
            kind = "area"
        made = Field(
            item=item,
            name=name,
            id=id,
            label=label(item.label),
            help=label(item.help),
            placeholder=label(item.placeholder),
            input=kind,
            values=self.texts(item, value),
            options=options,
            shown=self.shower.html(item, value) if closed else None,
            error=error,
            required=item.required or holds(item.required_when, self.names),
            fixed=closed,
            hidden=not cell and hidden(item, self.names),
            wide=item.width == "full" or kind in ("richtext", "table", "area", "files"),
            picker=kind == "pick" or (kind == "select" and (many or item.allow_new or len(options) > LONG_LIST)),
            url=self.source(item),
            unit=currency_of(item, self.document) if item.type == "money" else label(item.unit),
            lunar=isinstance(value, dict) and bool(value.get("lunar")),
        )
        return self._with_rows(made, value, error) if kind == "table" else made

    def _with_rows(self, field: Field, value: Any, error: str) -> Field:
        lines = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
        rows = [self._cells(field, str(number), row) for number, row in enumerate(lines)]
        return field._replace(rows=rows, blank=self._cells(field, "__n__", {}))

    def _cells(self, field: Field, number: str, row: Mapping[str, Any]) -> list[Field]:
        start = f"{field.name}.{number}."
        return [
            self._field(
                cell,
                start + cell.name,
                f"f-{field.item.name}-{number}-{cell.name}",
                row.get(cell.name),
                "",
                cell=True,
            )
            for cell in field.item.items
        ]

    def texts(self, item: Item, value: Any) -> list[str]:
        """A stored value as the texts its input holds."""
        if value in (None, "", []) or item.type == "table":
            return []
        if item.type == "boolean":
            return ["1"] if value is True else []
        if isinstance(value, dict):
            return [str(value.get("date") or "")]
        if isinstance(value, list):
            texts = [str(entry) for entry in value]
            return texts if INPUTS.get(item.type) in ("select", "pick") else ["\n".join(texts)]
        if item.type == "datetime":
            return [formdata.local_moment(value, self.zone)]
        if isinstance(value, float):
            return [format(value, ".12g")]
        return [str(value)]

    def options(self, item: Item, value: Any) -> list[Option]:
        """What can be chosen: for keywords all that is offered now, for pickers only what is chosen."""
        values = [str(entry) for entry in (value if isinstance(value, list) else [value]) if entry not in (None, "")]
        if item.type == "link":
            known = linked(item.database or self.database.name, values)
            return [Option(one, known[one].title, True) for one in values]
        if item.type in ("names", "readers", "authors"):
            return [Option(one, person_label(one), True) for one in values]
        return keyword_options(self.database, self.form, item, self.document, values)

    def source(self, item: Item) -> str:
        """Where a picker looks while somebody types."""
        if item.type == "link":
            query = {"database": item.database or self.database.name, "form": ",".join(item.forms)}
            return f"{url_for('pick.documents')}?{urlencode(query)}"
        if item.type in ("names", "readers", "authors"):
            query = {"kinds": ",".join(item.kinds), "database": self.database.name}
            return f"{url_for('pick.names')}?{urlencode(query)}"
        return ""


def keyword_options(
    database: Database, form: Form, item: Item, document: Mapping[str, Any], values: Iterable[str]
) -> list[Option]:
    """The choices of a keyword item for a document, and what is chosen already even where it is not offered now."""
    chosen = list(values)
    offered = node().rules.choices(database, form, item, document)
    found = [
        Option(choice.value, label(choice.label), choice.value in chosen, choice.retired)
        for choice in offered
        if not choice.retired or choice.value in chosen
    ]
    known = {option.value for option in found}
    shower = Shower(database.design, form, document)
    for value in chosen:
        if value not in known:
            choice = shower.choice(item, value)
            found.append(Option(value, label(choice.label) if choice else value, True, choice is not None))
    return found


def dynamic(form: Form) -> bool:
    """Whether anything in a form follows from something else, so that the page asks the server after changes."""
    items = [*form.items.values(), *(cell for item in form.items.values() for cell in item.items)]
    return any(section.hide_when for section in form.sections) or any(_follows(item) for item in items)


def _follows(item: Item) -> bool:
    conditions: tuple[Expression | None, ...] = (
        item.computed, item.visible_when, item.hide_when, item.required_when, item.readonly_when,
    )  # fmt: skip
    return any(conditions) or bool(item.depends_on or item.pull)


def nothing_chosen(field: Field) -> str:
    """The words of an empty choice."""
    return gettext("Choose…") if field.required else ""
