"""First passwords and one-time links: made, shown once, mailed on request.

Nothing of them is kept but digests; a page that shows one is not kept by the browser either.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

from flask import Response, make_response, render_template, url_for
from flask_babel import gettext as _

from app.access import Person
from app.access.secrets import LINK_HOURS
from app.errors import BadRequest, DavenportError
from app.web import context
from app.web.admin import mailing
from app.web.admin.said import said

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else
WAYS = ("link", "generate", "type")


class Key(NamedTuple):
    """What a person first signs in with."""

    person: Person
    kind: str  # link | password
    secret: str
    mailed: bool = False
    problem: str = ""


def generated() -> str:
    """A first password that can be read out: hk3m-9tqw-x7dn (59 bits)."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(3))


def make(person: Person, way: str, typed: str = "", *, mail: bool = False) -> Key:
    """A link, or a password that must be changed at first sign-in. BadRequest when a typed one is weak."""
    node, by = context.node(), context.identity().key
    if way == "link":
        secret = node.secrets.create_link(person.key, by=by)
        address = mailing.base_url() + url_for("passwords.link", token=secret)
        return _mailed(person, address) if mail and person.email and mailing.relay_set() else Key(person, way, address)
    if way not in WAYS:
        raise BadRequest(_("Choose a link or a password."))
    password = typed if way == "type" else generated()
    node.secrets.set_password(person.key, password, must_change=True, by=by)
    return Key(person, "password", password)


def _mailed(person: Person, address: str) -> Key:
    subject, body = mailing.link_mail(person, address, LINK_HOURS)
    try:
        mailing.send(person.email, subject, body)
    except DavenportError as problem:
        return Key(person, "link", address, problem=said(problem))
    return Key(person, "link", address, mailed=True)


def page(keys: list[Key], back: str, heading: str, notes: list[str] | None = None) -> Response:
    """The one page that shows them. Caches must not keep it."""
    shown = render_template(
        "admin/first_keys.html", keys=keys, back=back, heading=heading, hours=LINK_HOURS, notes=notes or []
    )
    answer = make_response(shown)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
