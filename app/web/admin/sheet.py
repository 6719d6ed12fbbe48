"""Many people from a sheet: rows pasted or read from a file, checked by making them and taking that back.

    text or file ── rows ──> Line(cells, error) ── dry run ──> shown, mended in place ── made ──> persons

The dry run is the real thing inside a transaction that is rolled back, so it knows every reason the real one knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flask_babel import gettext as _

from app.access import Person
from app.access.people import free_key
from app.errors import BadRequest, DavenportError
from app.store.files import InMemory, Readable
from app.transfer.readers import open_table
from app.web import context
from app.web.admin.said import said

COLUMNS = ("name", "unit", "title", "groups", "email", "sign_in")
MOST = 1000
HEADINGS = {
    "name": ("name", "full name", "姓名", "名字", "人员"),
    "unit": ("department", "unit", "team", "部门", "单位", "所属部门"),
    "title": ("title", "job title", "position", "职务", "职位", "岗位"),
    "groups": ("groups", "group", "群组", "组", "用户组"),
    "email": ("mail", "email", "e-mail", "邮箱", "电子邮件", "邮件"),
    "sign_in": ("sign-in", "sign-in name", "sign in", "sign_in", "login", "user name", "username", "登录名",
                "用户名", "账号"),
}  # fmt: skip


class Line(NamedTuple):
    """A row as it will be made, or why not."""

    cells: dict[str, str]
    error: str = ""
    field: str = ""


class Checked(NamedTuple):
    """What a dry run found. `units` and `groups` are named but do not exist."""

    lines: list[Line]
    units: list[str]
    groups: list[str]

    @property
    def good(self) -> int:
        """Rows that can be made."""
        return sum(not line.error for line in self.lines)


class _TakeBack(Exception):
    """Ends a dry run."""


def from_text(text: str) -> list[dict[str, str]]:
    """Rows pasted from a sheet (tabs) or written with commas. BadRequest."""
    return from_file(InMemory(text.strip().encode() + b"\n"), "people.csv")


def from_file(path: Readable, name: str) -> list[dict[str, str]]:
    """Rows of an xlsx or csv file. BadRequest."""
    rows = []
    for row in open_table(path, name).rows():
        rows.append(["" if cell is None else str(cell).strip() for cell in row.cells])
        if len(rows) > MOST + 1:
            raise BadRequest(_("More than %(most)s rows: split the sheet.", most=MOST))
    if not rows:
        raise BadRequest(_("The sheet is empty."))
    places = _places(rows[0])
    body = rows[1:] if places else rows
    places = places or dict(zip(COLUMNS[:5], range(5), strict=True))
    found = [
        {name: row[place] if place < len(row) else "" for name, place in places.items()} for row in body if any(row)
    ]
    if not found:
        raise BadRequest(_("The sheet holds a heading but no people."))
    return found


def _places(heading: list[str]) -> dict[str, int]:
    """Which column holds what, by the words of the first row; {} when that is no heading."""
    found: dict[str, int] = {}
    for place, text in enumerate(heading):
        word = re.sub(r"\s*[(（*].*$", "", text).strip().casefold()
        for name, words in HEADINGS.items():
            if word in words and name not in found:
                found[name] = place
    return found if "name" in found else {}


def from_form(sent: Any) -> list[dict[str, str]]:
    """The rows of the preview as the person left them."""
    columns = {name: sent.getlist(name) for name in COLUMNS}
    count = min(max(map(len, columns.values()), default=0), MOST)
    rows = [
        {name: values[place].strip() if place < len(values) else "" for name, values in columns.items()}
        for place in range(count)
    ]
    return [row for row in rows if any(row.values())]


def check(rows: list[dict[str, str]], *, make: Iterable[str] = ()) -> Checked:
    """A dry run. `make`: "units" and "groups" that do not exist are made too."""
    lines: list[Line] = []
    units, groups = missing(rows)
    try:
        with context.node().store.transaction():
            _make_missing(make, units, groups)
            for row, (person, error) in zip(rows, _persons(rows), strict=True):
                lines.append(Line(row) if person else _refused(row, error))
            raise _TakeBack
    except _TakeBack:
        pass
    return Checked(lines, units, groups)


def create(rows: list[dict[str, str]], *, make: Iterable[str] = ()) -> tuple[list[Person], list[Line]]:
    """Make the people; those that cannot be made come back with their reason."""
    made, left = [], []
    units, groups = missing(rows)
    with context.node().store.transaction():
        _make_missing(make, units, groups)
        for row, (person, error) in zip(rows, _persons(rows), strict=True):
            if person:
                made.append(person)
            else:
                left.append(_refused(row, error))
    return made, left


def missing(rows: list[dict[str, str]]) -> tuple[list[str], list[str]]:
    """Departments and groups that the rows name and the directory does not have."""
    snapshot = context.node().directory.snapshot()
    units = {text for unit in snapshot.units.values() for text in (unit.key, unit.key[5:], *_labels(unit.name))}
    groups = {text for group in snapshot.groups.values() for text in (group.key, *_labels(group.name))}
    wanted_units = dict.fromkeys(row.get("unit", "") for row in rows)
    wanted_groups = dict.fromkeys(
        name.strip() for row in rows for name in re.split(r"[,;，；、]", row.get("groups", ""))
    )
    return [one for one in wanted_units if one and one not in units], [
        one for one in wanted_groups if one and one not in groups
    ]


def _labels(name: str | Mapping[str, str]) -> list[str]:
    return [name] if isinstance(name, str) else list(name.values())


def _make_missing(make: Iterable[str], units: list[str], groups: list[str]) -> None:
    node, identity = context.node(), context.identity()
    if "units" in make:
        for name in units:
            node.directory.create_unit(identity, free_key(node.databases, name), name=name)
    if "groups" in make:
        for name in groups:
            node.directory.create_group(identity, free_key(node.databases, name), name=name)


def _persons(rows: list[dict[str, str]]) -> list[tuple[Person | None, DavenportError | None]]:
    found = context.node().directory.create_persons(context.identity(), rows)
    return [(result.person, result.error) for result in found]


def _refused(row: dict[str, str], error: DavenportError | None) -> Line:
    if error is None:
        return Line(row, _("This row could not be made."))
    field = next(iter(error.fields), "")
    return Line(row, said(error), "name" if field == "_id" else field)
