"""The frame around every page: who asks, the navigation on the left, the state of the top bar.

Before each request the cookie becomes an Identity (Flask-Login; a session whose version is out of date has
ended). The navigation lists the databases and views the person may open; unread counts are fetched by the
page afterwards, so that no page waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Flask, Response, current_app, g, redirect, render_template, request
from flask_login import LoginManager, UserMixin, current_user
from markupsafe import Markup

from app.access import ANONYMOUS, Identity
from app.errors import DavenportError, NotFound
from app.web import context, i18n, preferences, security
from app.web.lists import cells

if TYPE_CHECKING:
    from app.design import View

THEMES = ("auto", "light", "dark", "contrast")
PANES = ("auto", "right", "below", "off")
PASSWORD_PAGES = ("/me/password", "/sign-out", "/assets/", "/frame/", "/healthz")


class SignedIn(UserMixin):  # type: ignore[misc]
    """A person of a session: `key:version`. The version ends all sessions at once when it is raised."""

    def __init__(self, key: str, version: int) -> None:
        self.key = key
        self.version = version

    def get_id(self) -> str:
        return f"{self.key}:{self.version}"


@dataclass(frozen=True)
class NavigationView:
    """A view in the navigation. `heading` stands above it where it begins a group."""

    name: str
    label: str
    icon: str
    current: bool
    url: str
    heading: str = ""


@dataclass(frozen=True)
class NavigationDatabase:
    """A database in the navigation; `open` says whether its views are unfolded."""

    name: str
    title: str
    icon: str
    open: bool
    current: bool
    views: list[NavigationView]
    html: Markup


MOST_WAITING = 10  # a badge says "9+" then
OPENED = "navigation"  # the preference that holds which databases stand unfolded
DRAWN = 1_000  # lists of views kept as HTML
STYLE_ICONS = {"kanban": "kanban", "calendar": "calendar3"}


def navigation() -> list[NavigationDatabase]:
    """The databases and views the person may open, in the order their designs ask for."""
    opened = set(preferences.read(OPENED).get("databases") or ()) if context.signed_in() else set()
    values = request.view_args or {}
    here, view_here = values.get("database"), values.get("view")
    found = []
    with context.node().store.documents.steady():
        for info in context.readable_databases():
            try:
                database = context.open_database(info.name)
                views = context.node().views.describe(database)
            except NotFound:
                continue
            if not views:
                continue
            design = database.design
            rows, html = _views(design, info.name, views, view_here if info.name == here else None)
            order = getattr(design, "order", 100) if design else 1000
            title = context.label(getattr(design, "title", None)) or context.label(info.title) or info.name
            icon = getattr(design, "icon", "") or "archive"
            unfolded = info.name == here or info.name in opened
            made = NavigationDatabase(info.name, title, icon, unfolded, info.name == here, rows, html)
            found.append((order, made))
    return [entry for _, entry in sorted(found, key=lambda pair: (pair[0], pair[1].title))]


def _views(design: Any, database: str, views: list[View], current: str | None) -> tuple[list[NavigationView], Markup]:
    """The views of a database and their lines, made once for as long as the design is the same: they stand on every
    page.
    """
    shown = tuple(view.name for view in views)
    drawn: dict[tuple[Any, ...], Any] = current_app.extensions["davenport.navigation"]
    place = (database, g.language, current, shown)
    known = drawn.get(place)
    if known is not None and known[0] is design:
        return known[1], known[2]
    rows, above = [], ""
    for view in views:
        heading = context.label(view.heading)
        rows.append(
            NavigationView(
                view.name,
                context.label(view.label),
                STYLE_ICONS.get(view.style, "list-ul"),
                view.name == current,
                f"/db/{quote(database, safe='')}/view/{quote(view.name, safe='')}",
                heading if heading != above else "",
            )
        )
        above = heading
    html = Markup(render_template("frame/side_views.html", database=database, views=rows))  # noqa: S704 - a template's
    if len(drawn) >= DRAWN:
        drawn.clear()
    drawn[place] = (design, rows, html)
    return rows, html


def conflicts_waiting() -> int:
    """How many documents wait for the person to choose between versions; counted up to 10."""
    total = 0
    for info in context.readable_databases() if context.signed_in() else ():
        try:
            total += context.open_database(info.name).conflicts.count(MOST_WAITING - total)
        except NotFound:
            continue
        if total >= MOST_WAITING:
            break
    return total


def replication_state() -> Any:
    """What the top bar says about replication: None on a node that has no upstream."""
    replication = context.node().replication
    return replication.standing() if replication is not None else None


def _identify() -> None:
    g.identity = ANONYMOUS
    g.signed_in = False
    nameless = request.endpoint in security.NAMELESS  # the same for everybody, so that caches may keep it
    if not nameless and current_user.is_authenticated:
        person = context.node().directory.person(current_user.key)
        if person is not None and person.active:
            g.identity = Identity(person=person)
            g.signed_in = True
    g.language = i18n.choose_language()
    g.zone = i18n.choose_zone()


def _must_change_password() -> Response | None:
    if not g.signed_in or security.is_program() or request.path.startswith(PASSWORD_PAGES):
        return None
    if context.node().secrets.must_change(current_user.key):
        return redirect("/me/password")  # type: ignore[return-value]
    return None


def _load(text: str) -> SignedIn | None:
    key, _, version = text.rpartition(":")
    try:
        current = context.node().secrets.session_version(key)
    except DavenportError:
        return None
    return SignedIn(key, current) if version == str(current) else None


def _choice(name: str, known: tuple[str, ...]) -> str:
    value = request.cookies.get(name)
    return value if value in known else known[0]


def _variables() -> dict[str, Any]:
    """What every template may use."""
    return {
        "language": g.get("language", "en"),
        "identity": g.get("identity"),
        "signed_in": context.signed_in(),
        "theme": _choice("theme", THEMES),
        "pane": _choice("pane", PANES),
        "layout": context.layout(),
        "is_admin": context.is_admin,
        "navigation": navigation,
        "replication_state": replication_state,
        "conflicts_waiting": conflicts_waiting,
        "person_label": context.person_label,
        "tone_of": cells.tone_of,
        "label": context.label,
    }


def install(app: Flask) -> None:
    """Sign-in state, navigation and template variables for `app`."""
    manager = LoginManager(app)
    manager.user_loader(_load)
    manager.session_protection = None  # a laptop changes its address; the session's version ends it
    app.before_request(_identify)
    app.before_request(security.check_origin)
    app.before_request(_must_change_password)
    app.context_processor(_variables)
    app.extensions["davenport.navigation"] = {}
