"""One's own page: language, zone, colours, password, tokens for programs, sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.access.acl import Level
from app.clock import stamp, utcnow
from app.errors import BadRequest, DavenportError
from app.web import context, frame, i18n
from app.web.admin.directory import groups_of, title_of
from app.web.admin.said import fields_of
from app.web.pages.session import begin

blueprint = Blueprint("profile", __name__, url_prefix="/me")

OWN = ("language", "zone", "phone", "mobile")
DAYS = (30, 90, 365)
LONGEST = 3650


@blueprint.route("", methods=["GET", "POST"], strict_slashes=False)
@context.sign_in_required
def profile() -> Any:
    """The profile; POST keeps language, zone, numbers and colours."""
    errors: dict[str, str] = {}
    person = context.identity().person
    document = context.node().databases.trusted("directory", context.identity()).get(person.key)
    values = {name: str(document.get(name) or "") for name in OWN}
    if request.method == "POST":
        values = {name: request.form.get(name, "").strip() for name in OWN}
        try:
            _save(values)
        except DavenportError as problem:
            errors = fields_of(problem)
        else:
            flash(_("Saved"), "success")
            answer = redirect(url_for("profile.profile"), 303)
            for name, value, known in (
                ("theme", request.form.get("theme"), frame.THEMES),
                ("language", values["language"], i18n.LANGUAGES),
            ):
                if value in known:
                    answer.set_cookie(name, value or "", max_age=31_536_000, samesite="Lax", secure=request.is_secure)
            return answer
    return _page(values=values, errors=errors), 400 if errors else 200


def _save(values: dict[str, str]) -> None:
    if values["zone"] and values["zone"] not in available_timezones():
        raise BadRequest("", fields={"zone": _("There is no such time zone.")})
    if values["language"] and values["language"] not in i18n.LANGUAGES:
        raise BadRequest("", fields={"language": _("There is no such language.")})
    changed = {name: value or None for name, value in values.items()}
    context.node().directory.change_person(context.identity(), context.identity().key, **changed)


def _page(**more: Any) -> str:
    node, identity = context.node(), context.identity()
    managed = [info for info in context.readable_databases() if info.level >= Level.DESIGNER]
    values: dict[str, Any] = {
        "tab": "profile",
        "zones": sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC"),
        "groups": groups_of(identity.key),
        "managed": [(info.name, title_of(info.name)) for info in managed],
        "has_password": node.secrets.has_password(identity.key),
        "default_zone": node.settings.zone,
        "errors": {},
    }
    return render_template("profile/profile.html", **{**values, **more})


# -- sessions


@blueprint.post("/sign-out-everywhere")
@context.sign_in_required
def sign_out_everywhere() -> Any:
    """End every other session; this one goes on."""
    identity = context.identity()
    context.node().secrets.end_sessions(identity.key)
    context.node().audit.record("sessions_ended", identity.key, subject=identity.key, address=request.remote_addr)
    begin(identity.person)
    flash(_("You are signed out everywhere else."), "success")
    return redirect(url_for("profile.profile"), 303)


# -- tokens


@blueprint.route("/tokens", methods=["GET", "POST"])
@context.sign_in_required
def tokens() -> Any:
    """Tokens for programs: made, shown once, ended."""
    if request.method == "GET":
        return _tokens_page()
    identity = context.identity()
    try:
        label, databases, write, end = _asked()
        made, secret = context.node().secrets.tokens.create(
            identity.key, label, databases=databases, write=write, expires_at=end
        )
    except DavenportError as problem:
        return _tokens_page(errors=fields_of(problem)), 400
    answer = make_response(_tokens_page(made=made, secret=secret))
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _asked() -> tuple[str, list[str] | None, bool, str | None]:
    label = request.form.get("label", "").strip()
    if not label:
        raise BadRequest("", fields={"label": _("Say what the token is for.")})
    readable = {info.name for info in context.readable_databases()}
    databases: list[str] | None = None
    if request.form.get("which") == "some":
        databases = [name for name in request.form.getlist("databases") if name in readable]
        if not databases:
            raise BadRequest("", fields={"databases": _("Choose at least one database.")})
    days = request.form.get("days", type=int) or 0
    if not 0 < days <= LONGEST:
        raise BadRequest("", fields={"days": _("Choose how long it works.")})
    return label, databases, request.form.get("write") == "1", stamp(utcnow() + timedelta(days=days))


def _tokens_page(**more: Any) -> str:
    values: dict[str, Any] = {
        "tab": "tokens",
        "tokens": context.node().secrets.tokens.list(context.identity().key),
        "databases": [(info.name, title_of(info.name)) for info in context.readable_databases()],
        "days": DAYS,
        "errors": {},
        "made": None,
        "secret": "",
        "now": stamp(utcnow()),
    }
    return render_template("profile/tokens.html", **{**values, **more})


@blueprint.post("/tokens/<id>/revoke")
@context.sign_in_required
def revoke(id: str) -> Any:
    """End one's own token. NotFound for anybody else's."""
    context.node().secrets.tokens.revoke(id, person=context.identity().key)
    flash(_("The token has ended."), "success")
    return redirect(url_for("profile.tokens"), 303)
