"""People: the list, one person, and what an administrator does for them: passwords, sessions, leaving.

The key of a person stands in access lists and never changes; name and sign-in name may.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.access import Person
from app.errors import BadRequest, DavenportError, Message, NotFound
from app.web import context
from app.web.admin import directory, firstkeys, mailing
from app.web.admin.said import fields_of, said

blueprint = Blueprint("people", __name__, url_prefix="/admin/people")

PAGE = 100
ITEMS = ("name", "sign_in", "title", "unit", "email", "phone", "mobile", "language", "zone")


class Line(NamedTuple):
    """A person in the list."""

    person: Person
    groups: list[str]
    signs_in: bool


def the_person(key: str) -> Person:
    """A person by key. NotFound."""
    person = context.node().directory.person(key)
    if person is None or key == "system":
        raise NotFound
    return person


@blueprint.get("/")
@context.admin_required
def people() -> Any:
    """Everybody, or those who fit the words, the state, the group."""
    words = request.args.get("q", "").strip().casefold()[:100]
    state = request.args.get("state", "active")
    group = request.args.get("group", "")
    page = max(request.args.get("page", 1, type=int), 1)
    snapshot = context.node().directory.snapshot()
    found = [
        person
        for person in context.node().directory.persons()
        if _fits(person, words)
        and (state == "all" or person.active == (state == "active"))
        and (not group or group in snapshot.subject(person.key).principals)
    ]
    shown = found[(page - 1) * PAGE : page * PAGE]
    return render_template(
        "admin/people.html",
        lines=[_line(person) for person in shown],
        total=len(found),
        everybody=len(snapshot.persons),
        page=page,
        pages=-(-len(found) // PAGE),
        q=request.args.get("q", ""),
        state=state,
        group=group,
    )


def _fits(person: Person, words: str) -> bool:
    unit = context.person_label(person.unit) if person.unit else ""
    names = (person.name, person.latin_name, person.key, person.sign_in)
    text = " ".join((*names, person.title, person.email, unit)).casefold()
    return all(word in text for word in words.split())


def _line(person: Person) -> Line:
    groups = [context.person_label(group.key) for group in directory.groups_of(person.key)]
    return Line(person, groups, context.node().secrets.has_password(person.key))


# -- new


@blueprint.route("/new", methods=["GET", "POST"])
@context.admin_required
def new() -> Any:
    """One more person, with a first password or a one-time link."""
    sent = request.form if request.method == "POST" else request.args
    values = {name: sent.get(name, "").strip() for name in (*ITEMS, "key")}
    groups = sent.getlist("groups")
    way, typed = sent.get("way", "link"), sent.get("password", "")
    if request.method == "GET":
        return _new_page(values, groups, way, {})
    node, identity = context.node(), context.identity()
    try:
        if way == "type":
            weak(typed)
        with node.store.transaction():
            items = {name: value for name, value in values.items() if value and name not in ("name", "key")}
            made = node.directory.create_person(identity, name=values["name"], key=values["key"] or None, **items)
            for group in groups:
                node.directory.change_group(identity, group, add=[made.key])
        key = firstkeys.make(made, way, typed, mail="mail" in sent)
    except DavenportError as problem:
        return _new_page(values, groups, way, fields_of(problem)), 400
    heading = _("%(name)s has been added", name=made.name)
    return firstkeys.page([key], url_for("people.person", key=made.key), heading)


def weak(password: str) -> None:
    """Refuse a first password that is too short before the person is made. BadRequest."""
    if len(password) < 8:
        sentence = _("A password has at least 8 characters.")
        raise BadRequest(sentence, fields={"password": sentence})


def _new_page(values: dict[str, str], groups: list[str], way: str, errors: dict[str, str]) -> str:
    return render_template(
        "admin/person_new.html",
        values=values,
        chosen=groups,
        way=way,
        errors=errors,
        units=directory.unit_choices(),
        relay=mailing.relay_set(),
    )


# -- one person


@blueprint.route("/person/<key>", methods=["GET", "POST"])
@context.admin_required
def person(key: str) -> Any:
    """A person: what the directory knows, groups, rights, passwords, leaving."""
    found = the_person(key)
    document = context.open_database("directory").get(key)
    before = {name: str(document.get(name) or "") for name in ITEMS}
    held = [group.key for group in directory.groups_of(key)]
    if request.method == "GET":
        return _person_page(found, before, held, {})
    values = {name: request.form.get(name, "").strip() for name in ITEMS}
    wanted = request.form.getlist("groups")
    try:
        _change(key, before, values, held, wanted)
    except DavenportError as problem:
        return _person_page(found, values, wanted, fields_of(problem)), 400
    flash(_("Saved"), "success")
    return redirect(url_for("people.person", key=key), 303)


def _change(key: str, before: dict[str, str], values: dict[str, str], held: list[str], wanted: list[str]) -> None:
    node, identity = context.node(), context.identity()
    changed: dict[str, Any] = {name: value or None for name, value in values.items() if value != before[name]}
    if changed.get("name", "") is None:
        raise BadRequest("A person needs a name.", fields={"name": Message("A person needs a name.")})
    with node.store.transaction():
        if changed:
            node.directory.change_person(identity, key, **changed)
        for group in set(wanted) - set(held):
            node.directory.change_group(identity, group, add=[key])
        for group in set(held) - set(wanted):
            node.directory.change_group(identity, group, remove=[key])


def _person_page(found: Person, values: dict[str, str], groups: list[str], errors: dict[str, str]) -> str:
    secrets = context.node().secrets
    snapshot = context.node().directory.snapshot()
    return render_template(
        "admin/person.html",
        found=found,
        values=values,
        chosen=groups,
        through=directory.indirect_groups(found.key),
        leads=snapshot.led_by.get(found.key, []),
        rights=directory.levels_of(found.key) if found.active else [],
        tokens=secrets.tokens.list(found.key),
        has_password=secrets.has_password(found.key),
        must_change=secrets.must_change(found.key),
        log=context.node().databases.search_audit(context.identity(), person=found.key, limit=6),
        errors=errors,
        units=directory.unit_choices(),
        relay=mailing.relay_set(),
    )


@blueprint.post("/person/<key>/password")
@context.admin_required
def password(key: str) -> Any:
    """A new first password or link."""
    found = the_person(key)
    try:
        made = firstkeys.make(
            found,
            request.form.get("way", "link"),
            request.form.get("password", ""),
            mail="mail" in request.form,
        )
    except DavenportError as problem:
        flash(said(problem), "error")
        return redirect(url_for("people.person", key=key), 303)
    return firstkeys.page([made], url_for("people.person", key=key), _("A new way in for %(name)s", name=found.name))


@blueprint.post("/person/<key>/sign-out")
@context.admin_required
def sign_out(key: str) -> Any:
    """End every session of a person."""
    found = the_person(key)
    context.node().secrets.end_sessions(key)
    context.node().audit.record("sessions_ended", context.identity().key, subject=key)
    flash(_("%(name)s is signed out everywhere.", name=found.name), "success")
    return redirect(url_for("people.person", key=key), 303)


@blueprint.post("/person/<key>/active")
@context.admin_required
def active(key: str) -> Any:
    """Let a person sign in again, or no more: documents and lists stay as they are."""
    found = the_person(key)
    on = request.form.get("active") == "1"
    try:
        context.node().directory.change_person(context.identity(), key, active=on)
    except DavenportError as problem:
        flash(said(problem), "error")
    else:
        sentence = _("%(name)s may sign in again.") if on else _("%(name)s can no longer sign in.")
        flash(sentence % {"name": found.name}, "success")
    return redirect(url_for("people.person", key=key), 303)


@blueprint.post("/person/<key>/token/<id>")
@context.admin_required
def revoke(key: str, id: str) -> Any:
    """End a token of a person."""
    context.node().secrets.tokens.revoke(id, person=key, by=context.identity().key)
    flash(_("The token has ended."), "success")
    return redirect(url_for("people.person", key=key), 303)


@blueprint.route("/person/<key>/remove", methods=["GET", "POST"])
@context.admin_required
def remove(key: str) -> Any:
    """Remove a person, after saying what happens then."""
    found = the_person(key)
    problem = ""
    if request.method == "POST":
        try:
            context.node().directory.remove_person(context.identity(), key)
        except DavenportError as refused:
            problem = said(refused)
        else:
            flash(_("%(name)s has been removed.", name=found.name), "success")
            return redirect(url_for("people.people"), 303)
    return render_template(
        "admin/person_remove.html",
        found=found,
        problem=problem,
        groups=directory.groups_of(key),
        uses=directory.uses(key),
        leads=context.node().directory.snapshot().led_by.get(key, []),
    ), 400 if problem else 200
