"""The set-up checklist: what a new installation needs, each step done or missing, with where to do it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app import clock, jsonio
from app.access import DIRECTORY, SYSTEM
from app.errors import DavenportError, NotFound
from app.forms.elements import state_of
from app.web import context
from app.web.admin import mailing
from app.web.admin.directory import title_of
from app.web.admin.said import said

blueprint = Blueprint("setup", __name__, url_prefix="/admin/setup")

MAIL_TESTED = "mail_tested"
BUSINESS = ("customers", "deals")


class Step(NamedTuple):
    """A step: `state` is done, missing or optional."""

    name: str
    title: str
    state: str
    found: str
    advice: str
    links: list[tuple[str, str]]


@blueprint.get("/")
@context.admin_required
def setup() -> Any:
    """The steps."""
    found = steps()
    done = sum(step.state == "done" for step in found)
    own = context.identity().person.email
    return render_template("admin/setup.html", steps=found, done=done, relay=mailing.relay_set(), own=own)


def steps() -> list[Step]:
    """Every step, as of now."""
    return [_organisation(), _people(), _groups(), _rights(), _codes(), _mail(), _import(), _backup()]


def _state(done: bool) -> str:
    return "done" if done else "missing"


def _organisation() -> Step:
    settings = context.node().settings
    return Step(
        "organisation",
        _("Organisation and time zone"),
        _state(settings.organisation != "Davenport"),
        _("%(name)s, %(zone)s", name=settings.organisation, zone=settings.zone),
        _("Set organisation, zone and base_url in davenport.toml in the data directory, then start again."),
        [],
    )


def _people() -> Step:
    people = list(context.node().directory.snapshot().active())
    return Step(
        "people",
        _("People"),
        _state(len(people) > 1),
        _("%(count)s people can sign in", count=len(people)),
        _("Add your colleagues one by one or from a sheet, with one-time links or first passwords."),
        [(_("People"), url_for("people.people")), (_("From a sheet"), url_for("people_sheet.start"))],
    )


def _groups() -> Step:
    snapshot = context.node().directory.snapshot()
    led = sum(bool(unit.leader) for unit in snapshot.units.values())
    return Step(
        "groups",
        _("Groups, units and leaders"),
        _state(len(snapshot.groups) > 1 and bool(snapshot.units)),
        _("%(groups)s groups, %(units)s units, %(led)s with a leader", groups=len(snapshot.groups),
          units=len(snapshot.units), led=led),
        _("Rights name groups and units. Draw the organisation and say who leads what."),
        [(_("Groups"), url_for("groups.groups")), (_("Units"), url_for("units.units"))],
    )  # fmt: skip


def _rights() -> Step:
    node = context.node()
    open_to_all = [
        name for name in node.store.names() if name != DIRECTORY and len(node.databases.known(name).acl.entries) <= 2
    ]
    logged = node.databases.search_audit(context.identity(), event="acl", limit=200)
    wrote = [row for row in logged if row.person != SYSTEM.key]
    found = _("Looked at: last change %(when)s", when=wrote[0].at[:10]) if wrote else _("Still as they were delivered")
    if open_to_all:
        found += " · " + _("hardly any entries in: %(names)s", names=", ".join(map(title_of, open_to_all)))
    return Step(
        "rights",
        _("Rights in each database"),
        _state(bool(wrote)),
        found,
        _("Look at who may do what in each database. What is delivered suits a small trading company."),
        [(_("Rights"), url_for("acl.index"))],
    )


def _codes() -> Step:
    series = []
    custom = False
    for name in context.node().store.names():
        design = context.node().catalog.design(name)
        if design is not None and design.numbering:
            series += [f"{pattern}" for pattern in design.numbering.values()]
            custom = custom or _changed(name)
    links = [
        (title_of(name), url_for("designs.element", database=name, kind="database", name=name))
        for name in BUSINESS
        if name in context.node().store.names()
    ]
    return Step(
        "codes",
        _("Codes of customers and deals"),
        "done" if custom else "optional",
        _("Patterns: %(patterns)s", patterns=", ".join(series[:4])) if series else _("None"),
        _("Change “numbering” if you have your own rule; {year} and {seq:5} are filled in."),
        links,
    )


def _changed(name: str) -> bool:
    try:
        document = context.open_database(name).get("design:database")
    except NotFound:
        return False
    return state_of(document) != "shipped"


def _mail() -> Step:
    settings = context.node().settings
    tested = _setting(MAIL_TESTED)
    found = _("None set") if not mailing.relay_set() else f"{settings.mail_server}:{settings.mail_port}"
    if tested:
        found += " · " + _("test mail sent %(when)s", when=tested[:10])
    if mailing.relay_set() and not settings.base_url:
        found += " · " + _("base_url is not set: forgotten passwords are not mailed")
    return Step(
        "mail",
        _("Mail relay"),
        _state(mailing.relay_set() and bool(tested)),
        found,
        _("Set mail_server and its like in davenport.toml; then send yourself a test mail here. Links for forgotten "
          "passwords also need base_url."),
        [],
    )  # fmt: skip


def _import() -> Step:
    node = context.node()
    counts = {}
    for name in BUSINESS:
        if name in node.store.names():
            try:
                counts[name] = context.open_database(name).count()
            except NotFound:
                counts[name] = 0
    links = [(_("Import into %(name)s", name=title_of(name)), f"/db/{name}/import") for name in counts]
    total = sum(counts.values())
    return Step(
        "import",
        _("First import"),
        _state(total > 20),
        _("You see %(count)s documents in customers and deals", count=total),
        _("Bring your customers from a spreadsheet: the owner column decides who sees each of them."),
        links,
    )


def _backup() -> Step:
    folder: Path = context.node().data
    return Step(
        "backup",
        _("Backup"),
        "optional",
        _("The data lie in %(folder)s", folder=folder.name),
        _("Let the system run this every night, also while people work, and keep the file on another machine:"),
        [],
    )


def _setting(name: str) -> str:
    with context.node().store.node.reading() as connection:
        row = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return str(jsonio.loads(row[0])) if row else ""


def _keep_setting(name: str, value: str) -> None:
    with context.node().store.node.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, jsonio.dumps(value).decode())
        )


@blueprint.post("/test-mail")
@context.admin_required
def test_mail() -> Any:
    """Send a test mail to an address."""
    to = request.form.get("to", "").strip()
    if not re.fullmatch(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+", to):
        flash(_("Give one mail address."), "error")
        return redirect(url_for("setup.setup"), 303)
    if not mailing.relay_set():
        flash(_("No mail relay is set."), "error")
        return redirect(url_for("setup.setup"), 303)
    try:
        organisation = context.node().settings.organisation
        mailing.send(to, _("%(name)s: test mail", name=organisation), _("The mail relay works.") + "\n")
    except DavenportError as problem:
        flash(said(problem), "error")
    else:
        _keep_setting(MAIL_TESTED, clock.now())
        flash(_("The relay has taken the mail. Look whether it arrives."), "success")
    return redirect(url_for("setup.setup"), 303)
