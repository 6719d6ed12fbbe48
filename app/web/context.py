"""What a request knows: the node, who asks, in which language, and the databases opened for that person.

    g.node      Node                 g.identity  Identity or ANONYMOUS
    g.language  "zh" | "en"          g.zone      "Asia/Shanghai"

Every page opens databases here, so that one request opens each of them once.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import quote

from flask import Response, g, redirect, request

from app.access import Identity
from app.errors import Forbidden, NotFound, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.access import Database, DatabaseInfo
    from app.node import Node

P = ParamSpec("P")
R = TypeVar("R")


def node() -> Node:
    """The node that answers this request."""
    found: Node = g.node
    return found


def identity() -> Identity:
    """Who asks."""
    found: Identity = g.identity
    return found


def signed_in() -> bool:
    """Whether somebody asks whom we know."""
    return bool(g.get("signed_in", False))


def open_database(name: str) -> Database:
    """A database opened for the person who asks. NotFound where nothing may be done."""
    opened: dict[str, Database] = g.setdefault("opened", {})
    if name not in opened:
        opened[name] = node().databases.open(name, identity())
    return opened[name]


def readable_databases() -> list[DatabaseInfo]:
    """The databases the person may open."""
    if "readable" not in g:
        g.readable = node().databases.readable(identity())
    found: list[DatabaseInfo] = g.readable
    return found


def is_admin() -> bool:
    """Whether the person holds [Admins] in the directory; nobody on a laptop, where there is nothing to administer."""
    if "is_admin" not in g:
        try:
            g.is_admin = node().laptop is None and "[Admins]" in open_database("directory").principals
        except NotFound:
            g.is_admin = False
    return bool(g.is_admin)


def label(text: Any) -> str:
    """A design's label (or plain text) in the language of the request."""
    if text is None:
        return ""
    get = getattr(text, "get", None)
    return str(get(g.language)) if callable(get) else str(text)


def person_label(key: str) -> str:
    """The name people know for a key of a person, group or unit; looked up once per request."""
    if "directory" not in g:
        g.directory, g.labels = node().directory.snapshot(), {}
    known: dict[tuple[str, str], str] = g.labels
    found = known.get((key, g.language))
    if found is None:
        found = known[key, g.language] = g.directory.label(key, g.language)
    return found


def from_htmx() -> bool:
    """Whether htmx asks for a part of a page (and not for a whole one after history was lost)."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def layout() -> str:
    """The template that a page extends: the frame, or nothing around it in the preview pane."""
    return "pane.html" if from_htmx() and not request.headers.get("HX-Boosted") else "base.html"


def sign_in_required(page: Callable[P, R]) -> Callable[P, R | Response]:
    """A page for signed-in people: others are sent to sign in and come back."""

    @wraps(page)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        if not signed_in():
            return ask_to_sign_in()
        return page(*args, **kwargs)

    return checked


def ask_to_sign_in() -> Response:
    """Send the browser to the sign-in page; a part of a page asks the whole page to go."""
    if request.method != "GET" and not from_htmx():
        raise Unauthorized("Please sign in again; what you typed was not saved.")
    wanted = request.full_path.rstrip("?") if request.method == "GET" else "/"
    address = "/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted, safe='/')}"
    if from_htmx():
        return Response("", 401, {"HX-Redirect": "/sign-in"})
    return redirect(address)  # type: ignore[return-value]


def admin_required(page: Callable[P, R]) -> Callable[P, R | Response]:
    """A page for holders of [Admins] in the directory."""

    @wraps(page)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        if not signed_in():
            return ask_to_sign_in()
        if node().laptop is not None:
            raise Forbidden("This is a laptop: people, groups, units and the like are administered on the hub.")
        if not is_admin():
            raise Forbidden("This page is for administrators.")
        return page(*args, **kwargs)

    return checked
