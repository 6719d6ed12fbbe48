"""What an import is to do: which sheet becomes documents of which form, column by column. JSON in a job's
detail.

    Plan(name, parts)
      Part(form, sheet, header, columns, duplicates)      customers
      Part(form, …) their contacts, from a second sheet or from the same one

A part on the same sheet as the one before it takes the columns that the first left over, such as `联系人`
and `联系人电话` beside a customer, and fills its link item from the customer's own name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from app.design import Design, Form
from app.errors import BadRequest, Message, NotFound
from app.transfer import mapping
from app.transfer.readers import Row, Table, head

POLICIES = ("skip", "create", "update")
PREVIEW = 20


@dataclass(frozen=True)
class Part:
    """One sheet into one form. `columns` is {index from 0: item}; `duplicates` is what to do with a known
    one."""

    form: str
    sheet: str | None
    header: int
    columns: dict[int, str]
    duplicates: str = "skip"
    repeats: bool = False  # rows may repeat the same document (customers of a one-sheet file): not worth a word
    optional: bool = False  # a row without any value of its own is no error


@dataclass(frozen=True)
class Plan:
    """An import: the file's name as the person knows it, and its parts in order."""

    name: str
    parts: tuple[Part, ...]

    def to_json(self) -> dict[str, Any]:
        """As a job keeps it."""
        parts = [asdict(part) for part in self.parts]
        for part in parts:
            part["columns"] = {str(index): name for index, name in part["columns"].items()}
        return {"name": self.name, "parts": parts}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Plan:
        """What `to_json` wrote, or a program sent. BadRequest when it is not of the right form."""
        try:
            return cls(str(value.get("name", "")), tuple(_part(part) for part in value["parts"]))
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise BadRequest("This is not a plan of an import.") from problem


def _part(value: Mapping[str, Any]) -> Part:
    columns = {int(index): str(name) for index, name in value["columns"].items() if name}
    policy = value.get("duplicates", "skip")
    if policy not in POLICIES:
        raise BadRequest(Message("Duplicates are one of %(names)s.", names=", ".join(POLICIES)))
    return Part(
        form=str(value["form"]),
        sheet=value.get("sheet") or None,
        header=int(value.get("header", 1)),
        columns=columns,
        duplicates=policy,
        repeats=bool(value.get("repeats")),
        optional=bool(value.get("optional")),
    )


@dataclass(frozen=True)
class Preview:
    """What a page shows before an import: per part the header, sample rows and the mapping found."""

    part: Part
    header: list[Any]
    sample: list[Row]


def form_of(design: Design | None, name: str) -> Form:
    """A form of a design. NotFound."""
    form = design.forms.get(name) if design else None
    if form is None:
        raise NotFound(Message("There is no form %(name)s here.", name=name))
    return form


def propose(
    design: Design | None,
    table: Table,
    form_name: str,
    name: str,
    *,
    duplicates: str = "skip",
    parts: Sequence[str] | None = None,
) -> Plan:
    """The plan for a file as far as it can be guessed: its main form, and a form that links to it if one
    shows.

    `parts` names the further forms to look for; None: every form of the database that links to the main one.
    """
    form = form_of(design, form_name)
    assert design is not None
    linking = [
        other
        for other in design.forms.values()
        if other.name != form_name
        and any(item.type == "link" and form_name in item.forms for item in other.items.values())
        and (parts is None or other.name in parts)
        and not other.response_to
    ]
    sheet = _best_sheet(table, form)
    first = _part_of(table, form, sheet, duplicates)
    found = [first]
    for other in linking:
        second = _elsewhere(table, other, sheet, duplicates) or _beside(table, form, other, first, duplicates)
        if second is not None:
            found.append(second)
            if second.sheet == first.sheet:
                taken = set(second.columns) - set(_link_columns(other, form, second))
                kept = {index: item for index, item in first.columns.items() if index not in taken}
                found[0] = replace(first, columns=kept, repeats=True)
            break
    return Plan(name, tuple(found))


def _best_sheet(table: Table, form: Form) -> str | None:
    fits = [(len(_guess(table, form, sheet)[1]), sheet) for sheet in table.sheets]
    return max(fits, key=lambda entry: entry[0])[1] or None


def _guess(table: Table, form: Form, sheet: str | None) -> tuple[Row | None, dict[int, str]]:
    rows = head(table.rows(sheet), mapping.HEADER_ROWS)
    if not rows:
        return None, {}
    header = mapping.find_header(form, rows)
    return header, mapping.propose(form, header.cells)


def _part_of(table: Table, form: Form, sheet: str | None, duplicates: str) -> Part:
    header, columns = _guess(table, form, sheet)
    if header is None:
        raise BadRequest("There are no rows in this file.")
    return Part(form.name, sheet, header.number, columns, duplicates)


def _elsewhere(table: Table, form: Form, main: str | None, duplicates: str) -> Part | None:
    """The part for a form that has a sheet of its own."""
    for sheet in table.sheets:
        if (sheet or None) == main:
            continue
        header, columns = _guess(table, form, sheet)
        if header and _needed(form) <= set(columns.values()):
            return Part(form.name, sheet, header.number, columns, duplicates)
    return None


def _needed(form: Form) -> set[str]:
    """What a sheet must have to be worth importing: the items that nobody else fills."""
    return {
        item.name
        for item in form.items.values()
        if item.required and item.type != "code" and item.default is None and not item.computed
    }


def _beside(table: Table, form: Form, other: Form, first: Part, duplicates: str) -> Part | None:
    """The part for contacts that stand in the same rows as their customer, under headers that begin with
    the form's label (`联系人`, `联系人电话`, `Contact phone`)."""
    rows = head(table.rows(first.sheet), mapping.HEADER_ROWS)
    header = next(row for row in rows if row.number == first.header).cells
    prefixes = {mapping.normal(other.label.get(language)) for language in ("zh", "en")} - {""}
    columns: dict[int, str] = {}
    for index, cell in enumerate(header):
        text = mapping.normal(cell or "")
        prefix = next((prefix for prefix in prefixes if text.startswith(prefix)), None)
        if prefix is None:
            continue
        rest = text.removeprefix(prefix)
        guess = mapping.propose(other, [rest or other.label.get("zh")]) or mapping.propose(other, [text])
        if rest in ("", "name", "姓名"):
            guess = {0: "name"} if "name" in other.items else guess
        if guess and guess[0] not in columns.values():
            columns[index] = guess[0]
    link = next(item.name for item in other.items.values() if item.type == "link" and form.name in item.forms)
    named = next((index for index, item in first.columns.items() if item == "name"), None)
    columns = {index: item for index, item in columns.items() if item != link}
    if named is None or not _needed(other) - {link} <= set(columns.values()):
        return None
    columns[named] = link
    return Part(other.name, first.sheet, first.header, columns, duplicates, optional=True)


def _link_columns(other: Form, form: Form, part: Part) -> list[int]:
    links = {item.name for item in other.items.values() if item.type == "link" and form.name in item.forms}
    return [index for index, item in part.columns.items() if item in links]


def with_map(design: Design | None, table: Table, plan: Plan, wanted: Mapping[str, Any]) -> Plan:
    """The plan with what a mapping file says over it.

    The file is `{header: item}` for the main form, or
    `{duplicates: update, parts: [{form, sheet, header, columns: {header: item}, duplicates}]}`.
    """
    if isinstance(wanted.get("parts"), list):
        return replace(plan, parts=tuple(_given(design, table, part, wanted) for part in wanted["parts"]))
    columns = wanted["columns"] if isinstance(wanted.get("columns"), Mapping) else wanted
    given: dict[str, Any] = {"form": plan.parts[0].form, "sheet": plan.parts[0].sheet, "columns": columns}
    if columns is not wanted and "duplicates" in wanted:
        given["duplicates"] = wanted["duplicates"]
    first = _given(design, table, given, {"duplicates": plan.parts[0].duplicates})
    return replace(plan, parts=(replace(first, repeats=plan.parts[0].repeats), *plan.parts[1:]))


def _given(design: Design | None, table: Table, value: Any, defaults: Mapping[str, Any]) -> Part:
    if not isinstance(value, Mapping) or not isinstance(value.get("columns", {}), Mapping):
        raise BadRequest("Each part of a mapping file has a form and columns.")
    form = form_of(design, str(value.get("form")))
    sheet = value.get("sheet") or None
    rows = head(table.rows(sheet), mapping.HEADER_ROWS)
    if not rows:
        raise BadRequest("There are no rows on this sheet.")
    number = value.get("header")
    header = next((row for row in rows if row.number == number), None) or mapping.find_header(form, rows)
    columns = mapping.by_header(form, header.cells, value.get("columns", {}))
    policy = value.get("duplicates", defaults.get("duplicates", "skip"))
    return _part({"form": form.name, "sheet": sheet, "header": header.number, "columns": columns, "duplicates": policy})


def preview(table: Table, plan: Plan, *, rows: int = PREVIEW) -> list[Preview]:
    """The header and first rows of each part."""
    shown = []
    for part in plan.parts:
        header: list[Any] = []
        sample: list[Row] = []
        for row in table.rows(part.sheet):
            if row.number == part.header:
                header = row.cells
            elif row.number > part.header:
                sample.append(row)
                if len(sample) == rows:
                    break
        shown.append(Preview(part, header, sample))
    return shown


def checked(design: Design | None, plan: Plan) -> Plan:
    """The plan, after a look at every form, item and policy it names. NotFound or BadRequest."""
    if not plan.parts:
        raise BadRequest("There is nothing to import: no sheet is mapped to a form.")
    for part in plan.parts:
        mapping.checked(form_of(design, part.form), part.columns)
        if not part.columns:
            raise BadRequest(Message("No column is mapped to an item of %(form)s.", form=part.form))
    return plan
