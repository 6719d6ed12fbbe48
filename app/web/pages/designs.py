"""Designs in the browser: what a database is made of, each element as YAML with checks and a preview.

GET  /admin/designs/                                    databases of which the person is designer
GET  /admin/designs/<database>/                         its elements and their state
GET  …/element/<kind>/<name>                            the editor; POST: check, preview, save
POST …/element/<kind>/<name>/check                      JSON for the editor: {problems, others}
POST …/element/<kind>/<name>/preview                    the form or view as it will look
GET  …/element/<kind>/<name>/shipped                    what differs; POST takes the shipped text
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, flash, g, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.access import AclEntry, Level, acl
from app.access.acl import DEFAULT, FLAGS
from app.design.loader import ELEMENT_NAME, KINDS
from app.errors import BadRequest, Conflict, DavenportError, FileExists, Forbidden, NotFound
from app.forms.elements import Element, element_id, listed, save_element, state_of
from app.forms.install import take_newer
from app.web import context, i18n
from app.web.admin import drafting, previewing
from app.web.admin.directory import title_of
from app.web.admin.said import fields_of, said

if TYPE_CHECKING:
    from app.access import Database
    from app.design import Problem

blueprint = Blueprint("designs", __name__, url_prefix="/admin/designs")

ICONS = {"database": "database", "form": "ui-checks", "view": "list-ul", "keywords": "tags", "workflow": "diagram-2",
         "agent": "robot"}  # fmt: skip
MADE_HERE = ("form", "view", "keywords")
MOST = 200_000


def open_design(name: str) -> Database:
    """A database for its designers. NotFound where nothing may be done, Forbidden below designer."""
    opened = context.open_database(name)
    if opened.rights.level < Level.DESIGNER:
        raise Forbidden(_("Only designers of this database change its forms and views."))
    return opened


def kind_words() -> dict[str, str]:
    """Kinds of elements, as headings."""
    return {
        "database": _("Database"),
        "form": _("Forms"),
        "view": _("Views"),
        "keywords": _("Keyword lists"),
        "workflow": _("Workflows"),
        "agent": _("Agents"),
    }


@blueprint.get("/")
@context.sign_in_required
def index() -> Any:
    """The databases of which the person is designer (administrators see all)."""
    rows = []
    node = context.node()
    for name in node.store.names():
        try:
            mine = node.databases.open(name, context.identity()).rights.level >= Level.DESIGNER
        except NotFound:
            mine = False
        if mine or context.is_admin():
            design = node.catalog.design(name)
            counts = (len(design.forms), len(design.views), len(design.keywords)) if design else (0, 0, 0)
            wrong = len(design.problems) if design else 0
            rows.append((name, title_of(name), design.icon if design else "archive", counts, wrong, mine))
    may_create = node.databases.may_create(context.identity())
    if not rows and not may_create:
        raise NotFound
    return render_template("admin/designs_index.html", rows=rows, may_create=may_create)


@blueprint.get("/<database>/")
@context.sign_in_required
def designs(database: str) -> Any:
    """The elements by kind, with their state."""
    opened = open_design(database)
    design = context.node().catalog.design(database)
    elements = listed(opened, design)
    groups: list[tuple[str, str, list[Element]]] = []
    for kind, heading in kind_words().items():
        rows = [element for element in elements if element.kind == kind]
        if rows or kind in MADE_HERE:
            groups.append((kind, heading, sorted(rows, key=lambda row: _order(design, row))))
    return render_template(
        "admin/designs.html",
        database=database,
        title_text=title_of(database),
        groups=groups,
        icons=ICONS,
        made_here=MADE_HERE,
        problems=design.problems if design else (),
        newer=[element for element in elements if element.newer],
        design=design,
    )


def _order(design: Any, element: Element) -> tuple[int, str]:
    held = {"form": design.forms, "view": design.views}.get(element.kind, {}) if design else {}
    return getattr(held.get(element.name), "order", 100), element.name


# -- the editor


@blueprint.route("/<database>/element/<kind>/<name>", methods=["GET", "POST"])
@context.sign_in_required
def element(database: str, kind: str, name: str) -> Any:
    """An element's text. A name that does not exist yet begins with a small example."""
    opened = open_design(database)
    stored, document = _stored(opened, kind, name)
    fresh = document is None
    if fresh and (kind not in MADE_HERE or not ELEMENT_NAME.fullmatch(name)):
        raise NotFound
    text = stored or drafting.starter(kind, name, context.node().catalog.design(database))
    rev = str(document["_rev"]) if document else ""
    if request.method == "GET":
        return _editor(opened, kind, name, text, rev, document)
    text, action = _sent(), request.form.get("action", "save")
    if action == "save":
        return _save(opened, kind, name, text, document)
    own, others = _check(opened, kind, name, text)
    return _editor(
        opened, kind, name, text, request.form.get("rev", rev), document, own=own, others=others, looked=True
    )


def _stored(opened: Database, kind: str, name: str) -> tuple[str, dict[str, Any] | None]:
    if kind not in KINDS or (kind == "database" and name != opened.name):
        raise NotFound
    try:
        return previewing.text_of(opened, kind, name)
    except NotFound:
        return "", None


def _sent() -> str:
    text = request.form.get("text", "").replace("\r\n", "\n")
    if len(text) > MOST:
        raise BadRequest(_("This is too long for a design element."))
    return text if text.endswith("\n") else text + "\n"


def _check(opened: Database, kind: str, name: str, text: str) -> tuple[list[Problem], list[Problem]]:
    return previewing.problems(opened, context.node().catalog.design(opened.name), kind, name, text)


def _save(opened: Database, kind: str, name: str, text: str, document: dict[str, Any] | None) -> Any:
    own, others = _check(opened, kind, name, text)
    rev = request.form.get("rev", "")
    known = str(document["_rev"]) if document else ""
    if own or (others and "anyway" not in request.form):
        return _editor(opened, kind, name, text, rev, document, own=own, others=others, looked=True, status=400)
    problem = ""
    if rev != known:
        problem = _("Somebody changed this element meanwhile. Compare before you save again.")
    else:
        try:
            left = save_element(opened, context.node().catalog.design(opened.name), kind, name, text, rev or None)
            if left:
                return _editor(opened, kind, name, text, rev, document, own=left, looked=True, status=400)
        except Conflict:
            problem = _("Somebody changed this element meanwhile. Compare before you save again.")
        except DavenportError as refused:
            problem = said(refused)
    if problem:
        return _editor(opened, kind, name, text, known, document, problem=problem, status=409)
    flash(_("Saved. It counts from the next page on."), "success")
    return redirect(url_for("designs.element", database=opened.name, kind=kind, name=name), 303)


def _editor(
    opened: Database,
    kind: str,
    name: str,
    text: str,
    rev: str,
    document: dict[str, Any] | None,
    *,
    own: list[Problem] | None = None,
    others: list[Problem] | None = None,
    looked: bool = False,
    problem: str = "",
    status: int = 200,
) -> Any:
    if own is None and document is not None:
        own, others = _check(opened, kind, name, text)
    state = state_of(document) if document else "new"
    page = render_template(
        "admin/design_element.html",
        database=opened.name,
        title_text=title_of(opened.name),
        kind=kind,
        kind_word=kind_words()[kind],
        name=name,
        text=text,
        rev=rev,
        state=state,
        newer=bool(document and document.get("newer")),
        shipped=state == "customised",
        own=own or [],
        others=others or [],
        looked=looked,
        problem=problem,
        icon_name=ICONS[kind],
        keys_help=kind,
        used=_has_documents(opened, kind, name),
    )
    return page, status


def _has_documents(opened: Database, kind: str, name: str) -> bool:
    if kind != "form":
        return False
    with opened.reading() as reading:
        found = reading.connection.execute(
            "SELECT 1 FROM documents WHERE db = ? AND form = ? AND deleted = 0 LIMIT 1", (reading.number, name)
        ).fetchone()
    return found is not None


@blueprint.post("/<database>/element/<kind>/<name>/check")
@context.sign_in_required
def check(database: str, kind: str, name: str) -> Response:
    """{problems: [{line, key, reason}], others: [{file, line, key, reason}]} of a text."""
    opened = open_design(database)
    own, others = _check(opened, kind, name, _sent())
    return jsonify(
        problems=[{"line": one.line, "key": one.key, "reason": i18n.say(one.reason)} for one in own],
        others=[{"file": one.file, "line": one.line, "key": one.key, "reason": i18n.say(one.reason)} for one in others],
    )


@blueprint.post("/<database>/element/<kind>/<name>/preview")
@context.sign_in_required
def preview(database: str, kind: str, name: str) -> Any:
    """The form or view that a text describes."""
    opened = open_design(database)
    return _preview(opened, kind, name, _sent())


def _preview(opened: Database, kind: str, name: str, text: str) -> str:
    problem, groups, sample = "", None, None
    try:
        if kind == "form":
            groups = previewing.form_groups(opened, name, text)
        elif kind == "view":
            design = context.node().catalog.design(opened.name)
            sample = previewing.view_sample(opened, name, text, design) if design else None
    except DavenportError as refused:
        problem = said(refused)
    return render_template("admin/design_preview.html", problem=problem, groups=groups, sample=sample)


# -- the shipped text


@blueprint.route("/<database>/element/<kind>/<name>/shipped", methods=["GET", "POST"])
@context.sign_in_required
def shipped(database: str, kind: str, name: str) -> Any:
    """How the own text differs from the shipped one; POST takes that."""
    opened = open_design(database)
    mine, document = _stored(opened, kind, name)
    if document is None:
        raise NotFound
    newer = document.get("newer")
    theirs = newer if isinstance(newer, str) else previewing.shipped_text(database, kind, name)
    if theirs is None:
        raise NotFound
    if request.method == "POST":
        id = element_id(kind, name, database)
        try:
            if isinstance(newer, str):
                take_newer(opened, id)
            else:
                opened.change(id, {"text": theirs}, request.form.get("rev") or None)
        except DavenportError as problem:
            flash(said(problem), "error")
        else:
            flash(_("The shipped text is in force; your own is in the history."), "success")
        return redirect(url_for("designs.element", database=database, kind=kind, name=name), 303)
    return render_template(
        "admin/design_shipped.html",
        database=database,
        title_text=title_of(database),
        kind=kind,
        name=name,
        rev=document["_rev"],
        newer=isinstance(newer, str),
        lines=previewing.difference(mine, theirs),
    )


# -- new, removed


@blueprint.post("/<database>/new")
@context.sign_in_required
def new_element(database: str) -> Any:
    """Begin a form, view or keyword list: its name, then the editor."""
    open_design(database)
    kind, wanted = request.form.get("kind", ""), request.form.get("name", "").strip()
    if kind not in MADE_HERE:
        raise NotFound
    name = wanted if ELEMENT_NAME.fullmatch(wanted) else drafting.name_of(wanted, fallback=kind)
    if context.open_database(database).exists(element_id(kind, name, database)):
        flash(_("There is “%(name)s” already.", name=name), "error")
        return redirect(url_for("designs.designs", database=database), 303)
    return redirect(url_for("designs.element", database=database, kind=kind, name=name), 303)


@blueprint.post("/<database>/element/<kind>/<name>/remove")
@context.sign_in_required
def remove(database: str, kind: str, name: str) -> Any:
    """Remove an element of one's own; shipped ones come back at the next start, so they stay."""
    opened = open_design(database)
    _mine, document = _stored(opened, kind, name)
    if document is None or kind == "database":
        raise NotFound
    here = redirect(url_for("designs.element", database=database, kind=kind, name=name), 303)
    if state_of(document) != "own":
        flash(_("A shipped element comes back; change it instead."), "error")
        return here
    if _has_documents(opened, kind, name):
        flash(_("There are documents of this form; it cannot go."), "error")
        return here
    try:
        opened.delete(document["_id"], document["_rev"])
    except DavenportError as problem:
        flash(said(problem), "error")
        return here
    flash(_("“%(name)s” has been removed.", name=name), "success")
    return redirect(url_for("designs.designs", database=database), 303)


# -- a new database


@blueprint.route("/new-database", methods=["GET", "POST"])
@context.sign_in_required
def new_database() -> Any:
    """A database from a template, its maker manager."""
    node = context.node()
    if not node.databases.may_create(context.identity()):
        raise Forbidden(_("You may not make databases."))
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            name = _create_database()
        except FileExists:
            errors = {"name": _("There is a database of this name already.")}
        except DavenportError as problem:
            errors = fields_of(problem)
        else:
            flash(_("The database has been made. You are its manager."), "success")
            return redirect(url_for("designs.designs", database=name), 303)
    names = [(info.name, title_of(info.name)) for info in context.readable_databases()]
    page = render_template("admin/database_new.html", errors=errors, values=request.form, databases=names)
    return page, 400 if errors else 200


def _create_database() -> str:
    node, identity = context.node(), context.identity()
    title = drafting.label(request.form.get("label_en", ""), request.form.get("label_zh", ""), "label_en")
    name = request.form.get("name", "").strip() or drafting.name_of(title["en"], node.store.names(), "database")
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,60}", name):
        sentence = _("A name has small letters, digits and _ and begins with a letter.")
        raise BadRequest(sentence, fields={"name": sentence})
    texts = _template(request.form.get("template", "notes"), title)
    everybody = Level.named(request.form.get("default", "none"))
    first = acl.make(
        [
            AclEntry(DEFAULT, "unspecified", min(everybody, Level.EDITOR), frozenset({"create", "replicate_or_copy"})),
            AclEntry(identity.key, "person", Level.MANAGER, FLAGS),
        ]
    )
    with node.store.transaction():
        node.databases.create(name, identity, first)
        opened = node.databases.open(name, identity)
        for kind, element, text in texts:
            own = name if kind == "database" else element
            left = save_element(opened, node.catalog.design(name), kind, own, text)
            if left:
                raise BadRequest(str(left[0]))
    g.pop("readable", None)
    return name


def _template(template: str, title: dict[str, str]) -> list[tuple[str, str, str]]:
    """(kind, name, text) of what a template brings."""
    if template == "register":
        text = drafting.database_text(title, "card-list", {"entry": "R{year}{seq:4}"})
        views = [("view", name, view) for name, view in drafting.REGISTER_VIEWS.items()]
        return [("database", "", text), ("form", "entry", drafting.REGISTER_FORM), *views]
    if template.startswith("like:"):
        return _copied(template.removeprefix("like:"), title)
    text = drafting.database_text(title, "journal")
    return [("database", "", text), ("form", "note", drafting.NOTE_FORM), ("view", "notes", drafting.NOTE_VIEW)]


def _copied(source: str, title: dict[str, str]) -> list[tuple[str, str, str]]:
    """The design of another database, without its documents; its title and first rights are not taken."""
    opened = context.open_database(source)
    design = context.node().catalog.design(source)
    if design is None:
        raise BadRequest(_("This database has no design to copy."))
    texts = [("database", "", drafting.database_text(title, design.icon, design.numbering))]
    order = list(KINDS)
    for found in sorted(listed(opened, design), key=lambda one: order.index(one.kind) if one.kind in order else 99):
        if found.kind in MADE_HERE:
            text, _document = previewing.text_of(opened, found.kind, found.name)
            texts.append((found.kind, found.name, text))
    return texts
