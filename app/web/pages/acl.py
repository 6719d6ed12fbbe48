"""Access control of a database: entries, checks before saving, what somebody would be allowed, and why.

The form is the state: adding and removing a line sends it and shows it again, nothing is kept until “Save”.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.access import Acl, AclEntry, Level
from app.access.acl import ACL_ID, ANONYMOUS_ENTRY
from app.errors import BadRequest, DavenportError, NotFound
from app.web import context
from app.web.admin import aclform, directory, words
from app.web.admin.said import said
from app.web.documents.titles import title_of

blueprint = Blueprint("acl", __name__, url_prefix="/admin/acl")


@blueprint.get("/")
@context.sign_in_required
def index() -> Any:
    """The databases whose rights this person manages (administrators see all of them)."""
    rows = []
    node = context.node()
    for name in node.store.names():
        try:
            mine = node.databases.open(name, context.identity()).rights.level >= Level.MANAGER
        except NotFound:
            mine = False
        if mine or context.is_admin():
            acl = node.databases.known(name).acl
            rows.append((name, directory.title_of(name), len(acl.entries), acl.default.level, mine))
    if not rows:
        raise NotFound
    return render_template("admin/acl_index.html", rows=rows)


@blueprint.route("/<database>", methods=["GET", "POST"])
@context.sign_in_required
def acl(database: str) -> Any:
    """The entries. POST: `action` is add, remove:n, test, check or save."""
    stored = _stored(database)
    if request.method == "GET":
        return _page(database, stored, stored, test=request.args.get("person", ""))
    action, _colon, number = request.form.get("action", "save").partition(":")
    test = request.form.get("test", "")
    try:
        draft = aclform.read(request.form)
        if action == "add":
            draft = _added(draft)
        elif action == "remove":
            draft = _without(draft, request.form.get(f"e{number}-name", ""))
        elif action == "save":
            return _save(database, stored, draft, test)
    except DavenportError as problem:
        return _page(database, stored, stored, problem=said(problem), test=test, status=400)
    return _page(database, stored, draft, test=test, looked=action == "check")


def _stored(database: str) -> Acl:
    return context.node().databases.acl(database, context.identity())


def _added(draft: Acl) -> Acl:
    kind = request.form.get("add-kind", "name")
    name = {"anonymous": ANONYMOUS_ENTRY, "path": _wildcard(request.form.get("add-path", ""))}.get(
        kind, request.form.get("add-name", "").strip()
    )
    if not name or name in ("*/", "*/*"):
        raise BadRequest(_("Choose whom the new entry is for."))
    if name in draft.entries:
        raise BadRequest(_("“%(name)s” has an entry already.", name=words.entry(name)))
    level = Level.NONE if name == ANONYMOUS_ENTRY else Level.READER
    fresh = AclEntry(name, aclform.usual_type(name), level, frozenset())
    return Acl({**draft.entries, name: fresh})


def _wildcard(path: str) -> str:
    path = path.strip().strip("/")
    return path if path.startswith("*/") else f"*/{path}"


def _without(draft: Acl, name: str) -> Acl:
    return Acl({other: entry for other, entry in draft.entries.items() if other != name})


def _save(database: str, stored: Acl, draft: Acl, test: str) -> Any:
    opened = context.open_database(database)
    if request.form.get("rev") != _rev(database):
        problem = _("Somebody changed these rights meanwhile. Look at them and change them again.")
        return _page(database, stored, draft, problem=problem, test=test, status=409)
    if not aclform.changes(stored, draft):
        flash(_("Nothing was changed."), "message")
        return redirect(url_for("acl.acl", database=database), 303)
    if "anyway" not in request.form and aclform.warnings(stored, draft, opened.identity.key):
        return _page(database, stored, draft, test=test, looked=True, status=400)
    try:
        context.node().databases.set_acl(database, context.identity(), draft)
    except DavenportError as problem:
        return _page(database, stored, draft, problem=said(problem), test=test, status=400)
    flash(_("Saved. It counts from everybody's next page on."), "success")
    try:
        _stored(database)
    except DavenportError:  # the person has just given this up
        return redirect(url_for("start.start"), 303)
    return redirect(url_for("acl.acl", database=database), 303)


def _rev(database: str) -> str:
    try:
        return str(context.open_database(database).get(ACL_ID)["_rev"])
    except NotFound:
        return ""


def _page(
    database: str,
    stored: Acl,
    draft: Acl,
    *,
    problem: str = "",
    test: str = "",
    looked: bool = False,
    status: int = 200,
) -> Any:
    opened = context.open_database(database)
    changed = aclform.changes(stored, draft)
    design = opened.design
    roles = sorted({*(design.roles if design else ()), *draft.roles})
    tested = None
    if test:
        rights = aclform.rights_of(draft, test)
        tested = {"person": test, "rights": rights, "via": aclform.via(rights.entry, test)}
    page = render_template(
        "admin/acl.html",
        database=database,
        title_text=directory.title_of(database),
        lines=aclform.lines(draft),
        roles=roles,
        levels=words.levels(),
        flags=words.flags(),
        types=words.types(),
        rev=request.form.get("rev") or _rev(database),
        changed=changed,
        warnings=aclform.warnings(stored, draft, opened.identity.key) if changed else [],
        looked=looked,
        problem=problem,
        tested=tested,
        why=None,
        has_anonymous=ANONYMOUS_ENTRY in draft.entries,
    )
    return page, status


# -- why


@blueprint.get("/<database>/why")
@context.sign_in_required
def why(database: str) -> Any:
    """Why somebody may or may not see a document, by its link."""
    _stored(database)  # managers only
    opened = context.open_database(database)
    link, person = request.args.get("document", "").strip(), request.args.get("person", "")
    found: dict[str, Any] = {"link": link, "person": person, "problem": "", "answer": None}
    if link and person:
        other, id = parse_link(link, database)
        if other != database:
            return redirect(url_for("acl.why", database=other, document=link, person=person))
        try:
            document = opened.get(id)
            found |= {
                "answer": opened.explain(id, person),
                "document": title_of(opened.design, document),
                "id": id,
            }
        except NotFound:
            found["problem"] = _("You cannot see such a document here yourself.")
    elif link or person:
        found["problem"] = _("Give both the document and the person.")
    return render_template("admin/acl_why.html", database=database, title_text=directory.title_of(database), why=found)


def parse_link(link: str, database: str) -> tuple[str, str]:
    """Database and document id of a link `…/db/<database>/doc/<id>`; a bare id is one of this database."""
    path = unquote(urlsplit(link).path if "://" in link else link)
    match = re.search(r"/db/([^/]+)/doc/(.+?)(?:/(?:edit|history|access))?/?$", path)
    return (match[1], match[2]) if match else (database, link)
