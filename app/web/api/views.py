"""Views: their rows page by page, categories, totals, the same as a file, and one change to all of their
documents.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from flask import Response, g

from app import jsonio
from app.access import Database
from app.errors import BadRequest, Message, NotFound
from app.store.files import Place, length
from app.transfer.updating import allowed
from app.views import ViewQuery
from app.views.amounts import single
from app.web import context
from app.web.api.base import Api, answer, body, identity, label, open_database, text, whole, yes
from app.web.exporting import exporter

api = Api("views")
blueprint = api.blueprint

VIEW = "/databases/<database>/views/<view>"
QUERY = {
    "category": "Only rows of this category, a path as in `categories`",
    "sort": "A sortable column",
    "descending": "true: from the end",
    "starts": "Only rows whose sorted column begins so",
    "filter": "A filter: `{column: value}` as JSON, or text as in the page's filter",
}
PAGED = {"limit": "How many, at most 1000", "after": "`next` of the page before", **QUERY}
TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}


@api.get("/databases/<database>/views", "The views of a database", answer="Views", errors=(401, 404))
def views(database: str) -> Response:
    """[{name, label, columns: [{name, label, type}]}]."""
    return answer(
        [
            {
                "name": view.name,
                "label": label(view.label),
                "columns": [
                    {
                        "name": column.name,
                        "label": label(column.label),
                        "type": column.type,
                        "sortable": column.sortable,
                    }
                    for column in view.columns
                ],
                "categories": list(view.categories),
            }
            for view in context.node().views.describe(open_database(database))
        ]
    )


def parameters() -> dict[str, Any]:
    """The query's parameters as app/views takes them. BadRequest."""
    found: dict[str, Any] = {
        "category": text("category"),
        "sort": text("sort"),
        "descending": yes("descending"),
        "starts": text("starts"),
        "filter": _filter(text("filter")),
    }
    return {name: value for name, value in found.items() if value not in (None, False)}


def _filter(given: str | None) -> Any:
    if given is None or not given.lstrip().startswith("{"):
        return given
    return jsonio.loads_object(given)


def known_view(opened: Database, view: str) -> Any:
    """A view the person may open. NotFound."""
    for found in context.node().views.describe(opened):
        if found.name == view:
            return found
    raise NotFound("There is no such view.")


@api.get(VIEW, "Rows of a view", query=PAGED, answer="Page", errors=(400, 401, 404))
def rows(database: str, view: str) -> Response:
    """{rows: [{id, category?, level?, columns: {…}, unread}], next, more}."""
    opened = open_database(database)
    known_view(opened, view)
    query = ViewQuery(limit=whole("limit", 50, least=1), after=text("after"), **parameters())
    page = context.node().views.page(opened, view, query)
    told: dict[str, Any] = {"rows": [_row(row) for row in page.rows], "next": page.next, "more": page.more}
    if page.indexing:
        told["indexing"] = page.indexing
    if page.partial:
        told["partial"] = True
    return answer(told)


def _row(row: Any) -> dict[str, Any]:
    if row.restricted:
        return {"id": None, "level": row.level, "columns": {}, "unread": False, "restricted": True}
    told: dict[str, Any] = {"id": row.id, "rev": row.rev, "form": row.form}
    if row.category is not None:
        told["category"] = row.category
    if row.level:
        told["level"] = row.level
    return {**told, "columns": row.columns, "unread": row.unread}


@api.get(
    VIEW + "/categories",
    "The categories of a view that hold a document you may read",
    query={**QUERY, "expand": "true: categories of all levels"},
    answer="Categories",
    errors=(400, 401, 404),
)
def categories(database: str, view: str) -> Response:
    """[{category, count, totals: {…}}]; a total of several currencies is {currency: amount}."""
    opened = open_database(database)
    known_view(opened, view)
    query = ViewQuery(expand=yes("expand"), **parameters())
    found = context.node().views.categories(opened, view, query)
    return answer([{**_plain(row), "totals": single(row.totals)} for row in found])


@api.get(
    VIEW + "/totals",
    "How many documents, and the sums of columns that have them",
    query=QUERY,
    answer="Totals",
    errors=(400, 401, 404),
)
def totals(database: str, view: str) -> Response:
    """{count, sums}: of what you may read; when time ran out {count: null, at_least, sums: {}}."""
    opened = open_database(database)
    known_view(opened, view)
    found = context.node().views.total(opened, view, ViewQuery(**parameters()))
    if found.more:
        return answer({"count": None, "at_least": found.count, "sums": {}})
    return answer({"count": found.count, "sums": single(found.sums)})


def _plain(value: Any) -> dict[str, Any]:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else dict(value._asdict())


@api.get(
    VIEW + "/export",
    "The view as a file",
    query={"format": "xlsx or csv", "columns": "Names of columns with commas between; else the design's", **QUERY},
    answer="binary",
    errors=(400, 401, 403, 404),
)
def export(database: str, view: str) -> Response:
    """The file, with the rows and columns of the screen."""
    kind = text("format", "xlsx") or "xlsx"
    if kind not in TYPES:
        raise BadRequest("A view is written as xlsx or csv.", fields={"format": Message("This is xlsx or csv.")})
    opened = open_database(database)
    named = text("columns")
    names = [name.strip() for name in named.split(",") if name.strip()] if named else None
    folder = tempfile.TemporaryDirectory(prefix="davenport-")
    path = context.node().store.files.at(Path(folder.name) / f"view.{kind}")
    try:
        exporter(context.node(), opened, g.language).write(
            opened,
            view,
            ViewQuery(**parameters()),
            path,
            kind=kind,
            language=g.language,
            columns=names,
            log=lambda subject, **detail: context.node().databases.export_logged(
                identity(), database, subject, **detail
            ),
        )
    except BaseException:
        folder.cleanup()
        raise
    found = Response(_sent(path, folder), content_type=TYPES[kind])
    found.headers["Content-Length"] = str(length(path))
    found.headers.set("Content-Disposition", "attachment", filename=f"{view}.{kind}")
    return found


def _sent(path: Place, folder: tempfile.TemporaryDirectory[str]) -> Iterator[bytes]:
    """The file block by block; the folder goes with it."""
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 16):
                yield block
    finally:
        folder.cleanup()


@api.post(
    VIEW + "/update",
    "Change items of every document of the view, as a job",
    query=QUERY,
    body="Update",
    answer="Job",
    status=202,
    errors=(400, 401, 403, 404),
)
def update(database: str, view: str) -> Response:
    """202 {id, state, …}; see `/jobs/{id}`. The body is {items: {…}}."""
    opened = open_database(database)
    known_view(opened, view)
    items = allowed(body().get("items"))
    if not opened.writable or identity().is_anonymous:
        raise NotFound("missing")
    jobs = context.node().jobs
    detail = {"view": view, "query": parameters(), "items": items}
    job = jobs.create("update", identity().key, database, detail)
    jobs.submit(job.id)
    return answer(jobs.get(job.id).shown(), 202, Location=f"/api/v1/jobs/{job.id}")
