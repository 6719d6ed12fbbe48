"""A keyword list for those who keep it: choices added, called otherwise, retired, put in order, hung under others.

Documents hold values; labels may change at any time and reach every document at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.design import Design, Keywords
from app.errors import BadRequest, DavenportError, Forbidden, NotFound
from app.forms.keywords import KeywordLists
from app.transfer import renaming
from app.web import context
from app.web.admin import drafting
from app.web.admin.directory import title_of
from app.web.admin.said import fields_of

if TYPE_CHECKING:
    from app.access import Database

blueprint = Blueprint("keywords", __name__)

MOST_COUNTED = 50_000


def open_list(database: str, name: str) -> tuple[Database, Design, KeywordLists, Keywords]:
    """A list for its keepers. NotFound, Forbidden."""
    opened = context.open_database(database)
    design = context.node().catalog.design(database)
    found = design.keywords.get(name) if design else None
    if design is None or found is None:
        raise NotFound
    lists = KeywordLists(opened, design)
    if not lists.may_keep(name):
        raise Forbidden(_("You may not change this list."))
    return opened, design, lists, found


@blueprint.app_context_processor
def _offered() -> dict[str, Any]:
    return {"keeps_lists": keeps_lists}


def keeps_lists(database: Database) -> bool:
    """Whether the person keeps any keyword list of the database, so that a page leads there."""
    design = database.design
    if design is None:
        return False
    lists = KeywordLists(database, design)
    return any(lists.may_keep(name) for name in design.keywords)


@blueprint.get("/db/<database>/keywords/")
@context.sign_in_required
def index(database: str) -> Any:
    """The lists of a database that the person keeps."""
    opened = context.open_database(database)
    design = context.node().catalog.design(database)
    lists = KeywordLists(opened, design)
    kept = [found for found in (design.keywords.values() if design else ()) if lists.may_keep(found.name)]
    if not kept:
        raise NotFound
    kept.sort(key=lambda found: context.label(found.label))
    return render_template("admin/keywords_index.html", database=database, title_text=title_of(database), lists=kept)


@blueprint.get("/db/<database>/keywords/<name>")
@context.sign_in_required
def keywords(database: str, name: str) -> Any:
    """The choices."""
    return _page(database, name)


def _page(database: str, name: str, errors: dict[str, str] | None = None, status: int = 200) -> Any:
    _opened, design, _lists, found = open_list(database, name)
    users = used_by(design, name)
    above = {choice.value: 0 for choice in found.choices}
    known = set(above)
    for choice in found.choices:
        above[choice.value] = _depth(found, choice.value, known)
    page = render_template(
        "admin/keywords.html",
        database=database,
        title_text=title_of(database),
        found=found,
        depth=above,
        hangs=any(choice.parents for choice in found.choices) or any(item.depends_on for _f, item in users),
        used_by=users,
        parents=_parents(design, found),
        errors=errors or {},
        values=request.form if errors else {},
    )
    return page, status


def _depth(found: Keywords, value: str, known: set[str]) -> int:
    depth, seen = 0, {value}
    while depth < 4:
        choice = found.by_value.get(value)
        value = next((parent for parent in choice.parents if parent in known), "") if choice else ""
        if not value or value in seen:
            break
        seen.add(value)
        depth += 1
    return depth


def used_by(design: Design, name: str) -> list[tuple[Any, Any]]:
    """Pairs of form and item (or cell) whose choices the list is."""
    found = []
    for form in design.forms.values():
        for item in form.items.values():
            if item.keywords == name:
                found.append((form, item))
            found += [(form, cell) for cell in item.items if cell.keywords == name]
    return found


def _parents(design: Design, found: Keywords) -> list[tuple[str, str]]:
    """Under what a choice may hang: choices of the list itself, and of the list it depends on."""
    rows = [(choice.value, context.label(choice.label)) for choice in found.choices]
    for form, item in used_by(design, found.name):
        other = form.items.get(item.depends_on or "")
        listed = design.keywords.get(other.keywords or "") if other else None
        rows += [(choice.value, context.label(choice.label)) for choice in (listed.choices if listed else ())]
    return list(dict.fromkeys(rows))


def _counts(opened: Database, design: Design, name: str) -> tuple[dict[str, int], bool]:
    """How many documents hold each choice, and whether not all were looked at."""
    counts: dict[str, int] = {}
    capped = False
    for form, item in used_by(design, name):
        if item.name not in form.items:
            continue
        with opened.reading() as reading:
            rows = reading.connection.execute(
                "SELECT value, count(*) FROM (SELECT CAST(body AS TEXT) AS text FROM documents WHERE db = ?"
                f" AND form = ? AND deleted = 0 AND access IN (SELECT access FROM {reading.table}) LIMIT ?),"
                " json_each(text, '$.' || ?) GROUP BY value",
                (reading.number, form.name, MOST_COUNTED, item.name),
            ).fetchall()
        for value, count in rows:
            counts[str(value)] = counts.get(str(value), 0) + count
        capped = capped or sum(count for _value, count in rows) >= MOST_COUNTED
    return counts, capped


@blueprint.get("/db/<database>/keywords/<name>/usage")
@context.sign_in_required
def usage(database: str, name: str) -> Any:
    """How many documents (that the keeper reads) hold each choice; a part of the page, fetched afterwards."""
    opened, design, _lists, found = open_list(database, name)
    counts, capped = _counts(opened, design, name)
    return render_template("admin/keywords_usage.html", found=found, counts=counts, capped=capped)


@blueprint.post("/db/<database>/keywords/<name>")
@context.sign_in_required
def change(database: str, name: str) -> Any:
    """`action`: add, call, retire, bring_back, up, down, order, hang."""
    _opened, _design, lists, found = open_list(database, name)
    action, _colon, value = request.form.get("action", "").partition(":")
    try:
        value = _act(lists, found, action, value)
    except DavenportError as problem:
        return _page(database, name, fields_of(problem), 400)
    return redirect(url_for("keywords.keywords", database=database, name=name) + f"#choice-{value}", 303)


@blueprint.post("/db/<database>/keywords/<name>/rename")
@context.sign_in_required
def rename(database: str, name: str) -> Any:
    """Give a choice another value, or merge it into another choice; every document that holds it follows, as a job."""
    opened, design, _lists, found = open_list(database, name)
    old, new = request.form.get("old", ""), request.form.get("into", "") or request.form.get("new", "").strip()
    if old not in found.by_value:
        raise NotFound
    if not new or new == old:
        return _page(database, name, {"rename": _("Type another value, or choose the one to merge into.")}, 400)
    jobs = context.node().jobs
    total = _counts(opened, design, name)[0].get(old, 0)
    detail = {"list": name, "old": old, "new": new, "total": total}
    job = jobs.create(renaming.KIND, context.identity().person.key, database, detail)
    jobs.submit(job.id)
    return redirect(url_for("jobs.job", id=job.id), 303)


def _act(lists: KeywordLists, found: Keywords, action: str, value: str) -> str:
    name = found.name
    order = [choice.value for choice in found.choices]
    if action == "add":
        named = drafting.label(request.form.get("label_en", ""), request.form.get("label_zh", ""), "label_en")
        value = request.form.get("value", "").strip() or drafting.name_of(named["en"], order, "choice")
        parent = request.form.get("parent", "")
        lists.add(name, value, named, [parent] if parent else [])
        flash(_("Added"), "success")
        return value
    if value not in order:
        raise NotFound
    if action == "call":
        english, chinese = request.form.get(f"en:{value}", ""), request.form.get(f"zh:{value}", "")
        lists.call(name, value, drafting.label(english, chinese, ""))
        _hang(lists, found, value)
        flash(_("Saved"), "success")
    elif action in ("retire", "bring_back"):
        lists.retire(name, value, action == "retire")
    elif action in ("up", "down"):
        place = order.index(value)
        other = place + (-1 if action == "up" else 1)
        if 0 <= other < len(order):
            order[place], order[other] = order[other], order[place]
            lists.reorder(name, order)
    elif action == "order":
        lists.reorder(name, [one for one in request.form.getlist("order") if one in order])
    else:
        raise BadRequest(_("Nothing was changed."))
    return value


def _hang(lists: KeywordLists, found: Keywords, value: str) -> None:
    field = f"parent:{value}"
    if field not in request.form:
        return
    wanted = [request.form[field]] if request.form[field] else []
    if wanted == [value]:
        raise BadRequest(_("A choice cannot hang under itself."))
    if list(found.by_value[value].parents) != wanted and len(found.by_value[value].parents) <= 1:
        lists.place(found.name, value, wanted)
