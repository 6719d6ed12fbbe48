"""Passwords: one's own change (also the forced one), one-time links, and forgotten ones by mail.

The answer to “forgotten” is the same whether the name exists, and so is its time: looking up and mailing happen
afterwards, beside the request.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.errors import DavenportError, Forbidden, TooManyRequests, Unauthorized
from app.web import context, security
from app.web.admin import mailing
from app.web.admin.said import fields_of, said
from app.web.pages.session import begin

blueprint = Blueprint("passwords", __name__)

HOURS = 2
AGAIN = 300.0  # seconds before another mail goes to the same person
BY_ADDRESS = 20  # requests an hour from one address
log = logging.getLogger("davenport.web")
_sending = ThreadPoolExecutor(2, thread_name_prefix="passwords")
_lock = threading.Lock()
_mailed: dict[tuple[str, str], float] = {}
_asked: dict[str, list[float]] = {}


# -- one's own


@blueprint.route("/me/password", methods=["GET", "POST"])
@context.sign_in_required
def own() -> Any:
    """Change one's own password; the first page of somebody who got one from an administrator."""
    if context.node().laptop is not None:
        raise Forbidden("You change your password on the hub; the next time you sign in here, the new one counts.")
    secrets, person = context.node().secrets, context.identity().person
    forced = secrets.must_change(person.key)
    has_one = secrets.has_password(person.key)
    errors: dict[str, str] = {}
    if request.method == "POST":
        old, new = request.form.get("old", "")[:1000], request.form.get("password", "")[:1001]
        try:
            if new != request.form.get("again", ""):
                errors = {"again": _("The two do not agree.")}
            elif not has_one:
                errors = {"": _("You sign in elsewhere and have no password here.")}
            else:
                secrets.change_password(person, old, new, request.remote_addr or "")
        except Unauthorized:
            errors = {"old": _("This is not your password.")}
        except TooManyRequests as problem:
            errors = {"": said(problem)}
        except DavenportError as problem:
            errors = fields_of(problem)
        if not errors:
            begin(person)
            flash(_("Your password has been changed; other sessions have ended."), "success")
            return redirect(url_for("start.start") if forced else url_for("profile.profile"), 303)
    page = render_template("passwords/own.html", forced=forced, has_one=has_one, errors=errors)
    return page, 400 if errors else 200


# -- one-time links


@blueprint.route("/password/<token>", methods=["GET", "POST"])
def link(token: str) -> Any:
    """Choose a password with a one-time link, and be signed in."""
    secrets = context.node().secrets
    person = secrets.link_person(token[:200])
    if person is None:
        return _kept_by_nobody(render_template("passwords/dead_link.html"), 404)
    errors: dict[str, str] = {}
    if request.method == "POST":
        security.csrf.protect()
        try:
            if request.form.get("password") != request.form.get("again"):
                errors = {"again": _("The two do not agree.")}
            else:
                person = secrets.use_link(token[:200], request.form.get("password", "")[:1001])
        except DavenportError as problem:
            errors = fields_of(problem)
        if not errors:
            begin(person)
            context.node().audit.record("sign_in", person.key, address=request.remote_addr, detail={"via": "link"})
            flash(_("Welcome, %(name)s.", name=person.name), "success")
            return redirect(url_for("start.start"), 303)
    page = render_template("passwords/link.html", person=person, errors=errors, token=token)
    return _kept_by_nobody(page, 400 if errors else 200)


def _kept_by_nobody(page: str, status: int) -> Any:
    answer = make_response(page, status)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


# -- forgotten


@blueprint.route("/password/forgotten", methods=["GET", "POST"])
def forgotten() -> Any:
    """Ask for a link by mail. Without a relay: ask an administrator."""
    possible = mailing.may_mail_strangers()
    if request.method == "GET" or not possible:
        return render_template("passwords/forgotten.html", possible=possible, sent=False, name="")
    security.csrf.protect()
    name = request.form.get("name", "").strip()[:200]
    _count(request.remote_addr or "")
    address = mailing.base_url() + url_for("passwords.link", token="TOKEN")  # noqa: S106 - a place holder
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    _sending.submit(_mail_link, app, name, address)
    return render_template("passwords/forgotten.html", possible=True, sent=True, name=name)


def _count(address: str) -> None:
    """Slow down who asks all the time. TooManyRequests."""
    now = time.monotonic()
    with _lock:
        recent = [moment for moment in _asked.get(address, []) if now - moment < 3600]
        if len(recent) >= BY_ADDRESS:
            raise TooManyRequests(_("Too many questions from here. Try again in an hour."))
        _asked[address] = [*recent, now]
        if len(_asked) > 10_000:
            _asked.clear()


def _mail_link(app: Any, name: str, address: str) -> None:
    """After the answer: look the person up and mail the link."""
    node = app.extensions["davenport"]
    try:
        person = node.directory.find(name) if name else None
        if person is None or not person.active or not person.email or _just_mailed(str(node.data), person.key):
            return
        secret = node.secrets.create_link(person.key, "forgotten_password", hours=HOURS)
        with app.test_request_context("/", base_url=address.partition("/password/")[0]):
            subject, body = mailing.link_mail(person, address.replace("TOKEN", secret), HOURS, asked=True)
            mailing.send(person.email, subject, body)
    except DavenportError as problem:
        log.warning("A link for a forgotten password was not mailed: %s", problem.reason)
    except Exception:
        log.exception("A link for a forgotten password was not mailed")


def _just_mailed(node: str, person: str) -> bool:
    now = time.monotonic()
    with _lock:
        if now - _mailed.get((node, person), -AGAIN) < AGAIN:
            return True
        _mailed[node, person] = now
    return False
