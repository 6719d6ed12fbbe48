"""A view as a file: the rows and columns of the screen, in its order and with its filter, for the person
who asks.

Rows come page by page through the view, so nobody gets a row that the list would not show. Without the flag
`replicate_or_copy` it is refused, and each export is written to the audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from app.access import Database
from app.clock import DEFAULT_ZONE
from app.design import Column, View
from app.errors import BadRequest, Message, NotFound
from app.store.files import Place
from app.transfer.tables import writer

PAGE = 500
RESTRICTED = {"en": "(restricted)", "zh": "（受限）"}

Show = Callable[[Column, Any, str], Any]  # column, raw value, language -> what the screen says


class Views(Protocol):
    """What is needed of app/views."""

    def page(self, database: Database, view: str, query: Any) -> Any:
        """Rows in order, `next` and `more`."""

    def describe(self, database: Database) -> Any:
        """The views the person may open."""

    def catch_up(self, limit: int | None = None) -> int:
        """Index what waits; how many documents."""


class Log(Protocol):
    """Notes the export before the first row leaves."""

    def __call__(self, subject: str, **detail: Any) -> None:
        """Write an entry in the name of the person who exports."""


@dataclass(frozen=True)
class Exporter:
    """Writes views. `show` turns raw values into what people read; numbers and dates stay what they are."""

    views: Views
    show: Show

    def write(
        self,
        database: Database,
        view: str,
        query: Any,
        path: Place,
        *,
        kind: str,
        language: str = "en",
        columns: Sequence[str] | None = None,
        log: Log | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Write the view into `path`; the number of rows. `columns` names the ones to write, in their order.

        Forbidden without `replicate_or_copy`, NotFound, BadRequest for a column the view does not have.
        """
        database.require_copy()
        design = next((found for found in self.views.describe(database) if found.name == view), None)
        if design is None:
            raise NotFound("There is no such view.")
        wanted = wanted_columns(design, columns, grouped=getattr(query, "sort", None) is None)
        if log:
            log(view, kind=kind)
        return self._write(database, design, query, path, kind, language, wanted, progress)

    def _write(
        self,
        database: Database,
        view: View,
        query: Any,
        path: Place,
        kind: str,
        language: str,
        columns: Sequence[Column],
        progress: Callable[[int], None] | None,
    ) -> int:
        by_name = {column.name: column for column in view.columns}
        own = {column.name for column in view.columns if not column.hidden or column in columns}
        above = [name for name in view.categories if name not in own]
        header = [_category_label(database, view, name, language) for name in above]
        header += [column.label.get(language) for column in columns]
        kinds = ["" for _ in above] + [column.type for column in columns]
        zone = database.identity.person.zone or DEFAULT_ZONE
        count = 0
        with writer(path, kind, zone=zone) as table:
            table.begin(view.label.get(language), header, kinds)
            for row in self._rows(database, view.name, query):
                if getattr(row, "restricted", False):
                    table.row([RESTRICTED.get(language, RESTRICTED["en"])])
                    continue
                cells: list[Any] = [_category(row, by_name, view, name) for name in above]
                cells += [self.show(column, row.columns.get(column.name), language) for column in columns]
                table.row(cells)
                count += 1
                if progress and count % PAGE == 0:
                    progress(count)
        return count

    def _rows(self, database: Database, view: str, query: Any) -> Iterator[Any]:
        complete(self.views)
        query = replace(query, limit=PAGE)
        while True:
            page = self.views.page(database, view, query)
            yield from page.rows
            if not page.next or not page.rows:
                return
            query = replace(query, after=page.next)


def wanted_columns(view: View, names: Sequence[str] | None, *, grouped: bool) -> list[Column]:
    """The columns of a file: those named, else those the design shows. A column that stands as a category above the
    rows on the screen becomes one of the first. BadRequest."""
    if names is None:
        return [column for column in view.columns if not column.hidden]
    known = {column.name: column for column in view.columns}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise BadRequest(Message("This view has no column %(names)s.", names=", ".join(unknown)))
    above = [name for name in view.categories if grouped and name in known and name not in names]
    return [known[name] for name in dict.fromkeys([*above, *names])]


def complete(views: Views) -> None:
    """Index what waits, so that a file or a bulk update misses no document."""
    while views.catch_up(limit=2000):
        pass


def _category_label(database: Database, view: View, name: str, language: str) -> str:
    for form in view.forms:
        item = database.design.forms[form].items.get(name) if database.design else None
        if item is not None:
            return item.label.get(language)
    return name


def _category(row: Any, columns: Mapping[str, Column], view: View, name: str) -> Any:
    """The row's value of a category that is no column of its own."""
    held = (row.category or "").replace("\\\\", "\0")
    path = [piece.replace("\0", "\\") for piece in held.split("\\")]
    index = view.categories.index(name)
    value = path[index] if index < len(path) else None
    return None if value == "(none)" else value


def plain(column: Column, value: Any, language: str) -> Any:
    """A raw value without a design's help: keyword labels, lists with a comma."""
    if isinstance(value, list):
        return ", ".join(str(plain(column, entry, language)) for entry in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {entry}" for name, entry in value.items())
    return value
