"""Webhooks in the browser: one's own under /me, everybody's for administrators. The engine is app/transfer/webhooks.

A test sends one signed message now and shows what the other side answered; it is no delivery and not repeated.
"""

from __future__ import annotations

import http.client
import time
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app import clock, jsonio
from app.errors import BadRequest, DavenportError, NotFound
from app.transfer.sending import post, signature
from app.transfer.webhooks import EVENTS, Webhook
from app.web import context
from app.web.admin.directory import title_of
from app.web.admin.said import fields_of, said

blueprint = Blueprint("hooks", __name__)

PAGE = 50


def the_hook(id: str) -> Webhook:
    """A webhook of the person who asks, or any for an administrator. NotFound."""
    hook = context.node().webhooks.get(id)
    if hook.person != context.identity().key and not context.is_admin():
        raise NotFound
    return hook


@blueprint.get("/admin/webhooks")
@context.admin_required
def hooks() -> Any:
    """Everybody's."""
    return _list(None)


@blueprint.route("/me/webhooks", methods=["GET", "POST"])
@context.sign_in_required
def own() -> Any:
    """One's own; POST makes one, and shows its secret once."""
    key = context.identity().key
    if request.method == "GET":
        return _list(key)
    try:
        database = context.open_database(request.form.get("database", ""))
        made, secret = context.node().webhooks.create(
            database,
            request.form.get("url", "").strip(),
            request.form.getlist("events"),
            label=request.form.get("label", "").strip(),
        )
    except DavenportError as problem:
        return _list(key, errors=_words(problem)), 400
    context.node().audit.record(
        "webhook_created", key, database=database.name, subject=made.id, detail={"url": made.url}
    )
    answer = make_response(_list(key, made=made, secret=secret))
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _words(problem: DavenportError) -> dict[str, str]:
    if isinstance(problem, NotFound):
        return {"database": _("Choose a database.")}
    found = fields_of(problem)
    return found if set(found) <= {"url", "events", "database", "label", ""} else {"": said(problem)}


def _list(person: str | None, **more: Any) -> str:
    node = context.node()
    offered = []
    for info in context.readable_databases():
        if context.open_database(info.name).may_copy:
            offered.append((info.name, title_of(info.name)))
    values: dict[str, Any] = {
        "hooks": node.webhooks.list(person=person),
        "databases": offered,
        "titles": {name: title_of(name) for name in node.store.names()},
        "events": events(),
        "tab": "webhooks",
        "errors": {},
        "made": None,
        "secret": "",
        "values": request.form,
    }
    template = "admin/webhooks.html" if person is None else "profile/webhooks.html"
    return render_template(template, **{**values, **more})


def events() -> list[tuple[str, str]]:
    """What a webhook can be told of."""
    shown = {"created": _("created"), "updated": _("changed"), "deleted": _("deleted")}
    return [(name, shown.get(name, name)) for name in EVENTS]


# -- one webhook


@blueprint.get("/webhooks/<id>")
@context.sign_in_required
def hook(id: str) -> Any:
    """A webhook and what was sent."""
    return _page(the_hook(id))


def _page(found: Webhook, **more: Any) -> str:
    before = request.args.get("before", type=int)
    rows = context.node().webhooks.deliveries(found.id, limit=PAGE + 1, before=before)
    values: dict[str, Any] = {
        "hook": found,
        "rows": rows[:PAGE],
        "more": rows[PAGE - 1].n if len(rows) > PAGE else None,
        "events": events(),
        "title_text": title_of(found.database),
        "tested": None,
        "errors": {},
        "tab": "webhooks",
    }
    return render_template("admin/webhook.html", **{**values, **more})


@blueprint.post("/webhooks/<id>")
@context.sign_in_required
def change(id: str) -> Any:
    """Change address, events, label; switch on or off."""
    found = the_hook(id)
    kept = context.node().webhooks
    try:
        if "active" in request.form:
            kept.change(id, active=request.form["active"] == "1")
        else:
            kept.change(
                id,
                url=request.form.get("url", "").strip(),
                events=request.form.getlist("events"),
                label=request.form.get("label", "").strip(),
            )
    except DavenportError as problem:
        return _page(found, errors=_words(problem)), 400
    flash(_("Saved"), "success")
    return redirect(url_for("hooks.hook", id=id), 303)


@blueprint.post("/webhooks/<id>/remove")
@context.sign_in_required
def remove(id: str) -> Any:
    """Remove a webhook and its log."""
    found = the_hook(id)
    context.node().webhooks.delete(id)
    context.node().audit.record(
        "webhook_removed", context.identity().key, database=found.database, subject=id, detail={"url": found.url}
    )
    flash(_("The webhook has been removed."), "success")
    mine = found.person == context.identity().key
    return redirect(url_for("hooks.own") if mine else url_for("hooks.hooks"), 303)


@blueprint.post("/webhooks/<id>/repeat/<int:n>")
@context.sign_in_required
def repeat(id: str, n: int) -> Any:
    """Send a delivery once more."""
    the_hook(id)
    context.node().webhooks.repeat(id, n)
    flash(_("It goes out again in a moment."), "success")
    return redirect(url_for("hooks.hook", id=id), 303)


@blueprint.post("/webhooks/<id>/test")
@context.sign_in_required
def test(id: str) -> Any:
    """Send a test message now and show the answer."""
    found = the_hook(id)
    node = context.node()
    with node.store.node.reading() as connection:
        (secret,) = connection.execute("SELECT secret FROM webhooks WHERE id = ?", (id,)).fetchone()
    body = jsonio.dumps({"event": "test", "database": found.database, "at": clock.now()})
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Davenport",
        "Davenport-Event": "test",
        "Davenport-Delivery": f"{id}-test",
        "Davenport-Signature": signature(secret, int(time.time()), body),
    }
    try:
        status, text = post(found.url, body, headers, loopback=node.webhooks.loopback)
        tested = {"good": 200 <= status < 300, "text": f"{status} {text[:500]}"}
    except (OSError, http.client.HTTPException, BadRequest) as problem:
        tested = {"good": False, "text": str(problem) or type(problem).__name__}
    return _page(found, tested=tested)
