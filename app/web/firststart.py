"""The first start of a laptop: one page on an empty folder that asks for hub, name and password, joins, and gives way.

    browser ─► Door ─► the page, until the join is done ─► from then on the application of the new node

Answers loopback alone, and only pages it made itself: who listens on this machine's other addresses, or has a page of
another site send a form, gets nothing.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, redirect, render_template, request

from app.errors import DavenportError, Message, UserError
from app.node import Node
from app.web import assets, i18n
from app.web.joining import join

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'"


def loopback_only(host: str) -> None:
    """UserError unless an address is this machine's own."""
    if not _is_loopback(host):
        raise UserError("The page that joins a hub is for this machine alone: leave --host out, or give 127.0.0.1.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Door:
    """A WSGI application: the joining page first, the node's own application once there is one."""

    def __init__(self, data: Path, opened: Callable[[Node], WSGIApplication]) -> None:
        """`opened` gets the new node and gives the application that takes over."""
        self._data = data
        self._opened = opened
        self._lock = threading.Lock()
        self._application: WSGIApplication = make_page(self)
        self.node: Node | None = None

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        return self._application(environ, start)

    def join(self, url: str, name: str, password: str) -> None:
        """Join and give way. DavenportError."""
        with self._lock:
            if self.node is None:
                self.node = join(url, self._data, name, password)
                self._application = self._opened(self.node)


def make_page(door: Door) -> Flask:
    """The page as an application of its own: there is no node yet."""
    app = Flask(__name__, static_folder=None)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    assets.install(app)

    @app.before_request
    def ours() -> Any:
        origin = request.headers.get("Origin")
        host = urlsplit(f"//{request.host}").hostname or ""
        foreign = origin is not None and origin != request.host_url.rstrip("/")
        if not _is_loopback(host) or (request.method == "POST" and (foreign or origin is None)):
            return "This page is for this machine alone.", 403
        return None

    @app.after_request
    def headers(answer: Any) -> Any:
        answer.headers["Content-Security-Policy"] = POLICY
        answer.headers["Referrer-Policy"] = "same-origin"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    @app.route("/", methods=["GET", "POST"])
    def first() -> Any:
        typed = {name: request.form.get(name, "").strip() for name in ("hub", "name")}
        problem: str | None = None
        if request.method == "POST":
            try:
                if not all((*typed.values(), request.form.get("password"))):
                    raise UserError(Message("Hub, name and password are all needed."))
                door.join(typed["hub"], typed["name"], request.form["password"])
                return redirect("/sign-in?next=/replication", 303)
            except (DavenportError, OSError) as refused:
                problem = str(getattr(refused, "reason", refused))
                if isinstance(refused, DavenportError):
                    problem = _said(refused.reason)
        return render_template("firststart.html", typed=typed, problem=problem, language=_language(), _=_said)

    @app.route("/<path:anything>")
    def elsewhere(anything: str) -> Any:
        return redirect("/", 303)

    return app


def _language() -> str:
    wanted = request.accept_languages.best_match(["zh", "zh-CN", "zh-TW", "zh-HK", "en"])
    return wanted[:2] if wanted else "en"


def _said(sentence: str) -> str:
    """A text in the language of the browser."""
    language = _language()
    catalog = i18n.translations(language)
    if catalog is None:
        return str(sentence)
    if isinstance(sentence, Message):
        return sentence.say(catalog.ugettext, language)
    return str(catalog.ugettext(sentence))


__all__ = ["Door", "loopback_only"]
