"""Mails about passwords, through the relay of the settings (Flask-Mail). Without a relay nothing is sent.

Texts are short lines; a relay that does not answer is given up after `TIMEOUT` seconds.
"""

from __future__ import annotations

import smtplib
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, request
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_mail import Connection, Mail, Message

from app.access import Person
from app.errors import Unavailable
from app.web import context

TIMEOUT = 15.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def install(app: Flask) -> None:
    """Give Flask-Mail the node's settings."""
    settings = app.extensions["davenport"].settings
    for name in ("server", "port", "username", "password", "use_tls", "use_ssl", "default_sender"):
        app.config.setdefault(f"MAIL_{name.upper()}", getattr(settings, f"mail_{name}") or None)
    if "mail" not in app.extensions:
        Mail(app)


class _Relay(Connection):
    """A connection that does not wait for ever."""

    def configure_host(self) -> Any:
        kind = smtplib.SMTP_SSL if self.mail.use_ssl else smtplib.SMTP
        host = kind(self.mail.server, self.mail.port or 25, timeout=TIMEOUT)
        if self.mail.use_tls:
            host.starttls()
        if self.mail.username and self.mail.password:
            host.login(self.mail.username, self.mail.password)
        return host


def relay_set() -> bool:
    """Whether a relay is set, so that mail can be sent."""
    return bool(context.node().settings.mail_server)


def base_url() -> str:
    """How links begin, without a slash at the end."""
    return (context.node().settings.base_url or request.url_root).rstrip("/")


def may_mail_strangers() -> bool:
    """Whether links may be mailed on a stranger's request: the address must not come from their Host header."""
    host = urlsplit(request.url_root).hostname
    return relay_set() and (bool(context.node().settings.base_url) or host in LOOPBACK)


def send(to: str, subject: str, body: str) -> None:
    """Send one mail now. Unavailable with the relay's reason."""
    settings = current_app.extensions["davenport"].settings
    sender = settings.mail_default_sender or settings.mail_username or f"davenport@{settings.mail_server}"
    message = Message(subject=" ".join(subject.split()), recipients=[to], body=body, sender=sender)
    try:
        with _Relay(current_app.extensions["mail"]) as relay:
            relay.send(message)
    except (OSError, smtplib.SMTPException) as problem:
        raise Unavailable(_("The mail relay refused: %(reason)s", reason=str(problem)[:200])) from problem


def link_mail(person: Person, address: str, hours: int, *, asked: bool = False) -> tuple[str, str]:
    """Subject and text of the mail that brings a link, in the person's language."""
    organisation = current_app.extensions["davenport"].settings.organisation
    with force_locale(person.language or _usual_language()):
        if asked:
            subject = _("%(organisation)s: a new password", organisation=organisation)
            lead = _("Somebody, probably you, asked for a new password.")
            tail = _("If it was not you, do nothing: the old password goes on.")
        else:
            subject = _("%(organisation)s: your sign-in", organisation=organisation)
            lead = _("You can now sign in as %(name)s.", name=person.sign_in or person.key)
            tail = _("After that, sign in at the same address with your name and password.")
        lines = [
            _("Hello %(name)s,", name=person.name),
            "",
            lead,
            _("Choose a password here (once, within %(hours)s hours):", hours=hours),
            "",
            address,
            "",
            tail,
            "",
            organisation,
        ]
    return subject, "\n".join(lines)


def _usual_language() -> str:
    """The organisation's language, for somebody who chose none."""
    return str(current_app.extensions["davenport"].settings.language)
