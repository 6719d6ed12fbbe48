"""Signing in and out, by name and password. Other ways in (LDAP, OIDC) end in `begin` too.

A wrong name and a wrong password give the same answer in the same time; after several failures the answer is
429.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, session
from flask_babel import gettext as _
from flask_login import login_user, logout_user

from app.access import Person
from app.errors import TooManyRequests, Unauthorized, Unavailable
from app.web import context, i18n, security
from app.web.frame import SignedIn
from app.web.pages import signin_external

blueprint = Blueprint("session", __name__)


def begin(person: Person) -> None:
    """Start a session for a person who has proved who they are."""
    session.clear()
    session.permanent = True
    login_user(SignedIn(person.key, context.node().secrets.session_version(person.key)))


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Any:
    """The sign-in page; `next` (on this site) is where to go afterwards."""
    wanted = security.safe_next(request.values.get("next"))
    if request.method == "GET":
        return redirect(wanted) if context.signed_in() else _page(wanted)
    security.csrf.protect()
    name = request.form.get("name", "").strip()[:200]
    password = request.form.get("password", "")[:1000]
    try:
        person = signin_external.verify(name, password, request.remote_addr or "")
    except TooManyRequests as problem:
        return _page(wanted, name, i18n.say(problem.reason)), 429
    except Unavailable as problem:
        return _page(wanted, name, i18n.say(problem.reason)), 503
    except Unauthorized:
        return _page(wanted, name, _("This name and password do not fit together.")), 401
    begin(person)
    return redirect(wanted)


def _page(wanted: str, name: str = "", problem: str = "") -> str:
    settings = context.node().settings
    return render_template(
        "session/sign_in.html",
        next=wanted,
        name=name,
        problem=problem,
        organisation=settings.organisation,
        oidc=bool(settings.oidc_issuer),
    )


@blueprint.post("/sign-out")
def sign_out() -> Any:
    """End this session."""
    logout_user()
    session.clear()
    return redirect("/sign-in")
