"""The start page: what waits for this person, in the databases they may open.

    Panel(title, rows, more)     from the views the shipped designs bring; a view that is not there is no panel

Which panels a person sees follows from what they may open and from their role: a salesperson's due activities and
deals, a leader's overdue ones of the team, the open cases of support, drafts that wait for an editor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, g, render_template
from flask_babel import lazy_gettext as _l

from app import clock
from app.access import Database
from app.errors import BadRequest, NotFound
from app.views import ViewQuery
from app.web import context
from app.web.documents.titles import title_of
from app.web.lists import cells, grid

blueprint = Blueprint("start", __name__)

ROWS = 6
RECENT = 8


@dataclass(frozen=True)
class Plan:
    """A panel: a view with a filter, for those who hold a name (or everybody)."""

    database: str
    view: str
    title: Any
    icon: str
    filter: str | None = None
    sort: str | None = None
    shown: tuple[str, ...] = ()
    date: str = ""
    holders: tuple[str, ...] = ()
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Line:
    """A document in a panel."""

    url: str
    title: str
    detail: list[Any]
    when: str = ""
    late: bool = False
    unread: bool = False


@dataclass(frozen=True)
class Panel:
    """What the page shows of a plan."""

    title: str
    icon: str
    lines: list[Line]
    more: str = ""
    new: tuple[str, str] | None = None


OPEN_STAGES = ("lead", "qualified", "proposal", "negotiation")
PLANS = (
    Plan(
        "deals", "activities_due", _l("Due for me"), "check2-square", "owner=me;due_at<=today+7",
        shown=("customer_name",), date="due_at", arguments=(("f.owner", "me"),),
    ),
    Plan(
        "deals", "activities_due", _l("Overdue in the team"), "alarm", "due_at<=today-1",
        shown=("owner", "customer_name"), date="due_at", holders=("[Leaders]",),
    ),
    Plan(
        "deals", "deals", _l("My deals"), "briefcase", f"owner=me;stage={','.join(OPEN_STAGES)}", sort="close_date",
        shown=("stage", "amount"), date="close_date",
        arguments=(("f.owner", "me"), *(("f.stage", stage) for stage in OPEN_STAGES)),
    ),
    Plan(
        "customers", "customers", _l("Customers to call"), "telephone", "owner=me;next_contact<=today+7",
        shown=("phone",), date="next_contact", arguments=(("f.owner", "me"),),
    ),
    Plan(
        "service", "open_complaints", _l("Open complaints"), "life-preserver", shown=("state",), date="expected_by"
    ),
    Plan("knowledge", "drafts", _l("Drafts and reviews"), "pencil-square", shown=("state",), date="changed_at"),
)  # fmt: skip


@blueprint.get("/")
@context.sign_in_required
def start() -> Any:
    """What is due, mine, unread and new."""
    panels = [panel for plan in PLANS if (panel := _panel(plan)) is not None]
    unread, recent = _unread(), _recent()
    return render_template("start/start.html", panels=panels, unread=unread, recent=recent, admin=context.is_admin())


def _opened(name: str) -> Database | None:
    try:
        return context.open_database(name)
    except NotFound:
        return None


def _panel(plan: Plan) -> Panel | None:
    database = _opened(plan.database)
    if database is None or (plan.holders and not database.principals.intersection(plan.holders)):
        return None
    views = {view.name: view for view in context.node().views.describe(database)}
    view = views.get(plan.view)
    if view is None:
        return None
    query = ViewQuery(limit=ROWS, filter=plan.filter, sort=plan.sort)
    try:
        page = context.node().views.page(database, plan.view, query)
    except BadRequest:  # a customised view without these columns has no panel
        return None
    if plan is not PLANS[0] and not page.rows:
        return None
    base = f"/db/{database.name}/view/{view.name}"
    more = f"{base}?{urlencode(plan.arguments)}" if plan.arguments else base
    new = None
    if view.new and database.design and database.may_create(view.new):
        new = (context.label(database.design.forms[view.new].label), f"/db/{database.name}/new/{view.new}")
    known = {column.name: column for column in view.columns}
    words = cells.Cells(database.design)
    lines = [_line(database, words, known, row, plan) for row in page.rows]
    return Panel(str(plan.title), plan.icon, lines, more if page.more or lines else "", new=new)


def _line(database: Database, words: cells.Cells, known: dict[str, Any], row: Any, plan: Plan) -> Line:
    detail = [
        words.html(known[name], row.columns.get(name), row.doc)
        for name in plan.shown
        if name in known and row.columns.get(name) not in (None, "", [])
    ]
    date = row.doc.get(plan.date)
    today = clock.today(g.zone).isoformat()
    return Line(
        grid.document_url(database.name, row.id),
        title_of(database.design, row.doc),
        detail,
        str(date or ""),
        late=plan.date != "changed_at" and bool(date) and str(date)[:10] < today,
        unread=row.unread,
    )


def _unread() -> list[Line]:
    """The newest unread documents of each database's first view that shows the mark."""
    found: list[tuple[str, Line]] = []
    for info in context.readable_databases():
        database = _opened(info.name)
        if database is None or info.name == "directory":
            continue
        view = next((one for one in context.node().views.describe(database) if one.unread and one.forms), None)
        if view is None:
            continue
        for document in context.node().marks.newest(database, view.name, ROWS):
            found.append((str(document.get("changed_at") or ""), _document_line(database, document, unread=True)))
    found.sort(key=lambda pair: pair[0], reverse=True)
    return [line for _at, line in found[:RECENT]]


def _recent() -> list[Line]:
    """What changed last, in all databases."""
    found: list[tuple[str, Line]] = []
    for info in context.readable_databases():
        database = _opened(info.name)
        if database is None or info.name == "directory" or database.design is None:
            continue
        for change in database.changes(0, RECENT * 2, descending=True, include_docs=True):
            body = change.revision.body if change.revision and not change.deleted else None
            if body and body.get("form") in database.design.forms:
                document = {**body, "_id": change.id}
                found.append((str(body.get("changed_at") or ""), _document_line(database, document)))
    found.sort(key=lambda pair: pair[0], reverse=True)
    return [line for _at, line in found[:RECENT]]


def _document_line(database: Database, document: Any, *, unread: bool = False) -> Line:
    design = database.design
    form = design.forms.get(str(document.get("form"))) if design else None
    who = document.get("changed_by") or document.get("created_by")
    detail: list[Any] = [context.label(form.label)] if form else []
    if who:
        detail.append(context.person_label(str(who)))
    return Line(
        grid.document_url(database.name, document["_id"]),
        title_of(design, document),
        detail,
        str(document.get("changed_at") or ""),
        unread=unread,
    )
