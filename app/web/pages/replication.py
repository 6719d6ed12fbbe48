"""The replication page: what moves, what waits, what went wrong; start, stop, compare anew, limits.

GET  /replication                      the page; `?fragment=state` the part that asks for itself again
POST /replication/run                  a round now (`recompare=1`: with a comparison of everything)
POST /replication/stop · /start        nothing by itself until further notice, and again
POST /replication/limits               megabytes a day; megabytes above which attachments stay with the hub

On a node without a hub it says so, and how many conflicts wait.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.errors import BadRequest, Forbidden, NotFound
from app.web import context, i18n
from app.web.replicating import figures_of, upstream_of
from replication.client.service import Replication

blueprint = Blueprint("replication_page", __name__)

MEGABYTE = 1_000_000


@blueprint.get("/replication")
@context.sign_in_required
def page() -> str:
    """The page, or its moving part."""
    found = context.node().replication
    part = request.args.get("fragment") == "state"
    template = "replication/state.html" if part else "replication/replication.html"
    return render_template(
        template,
        upstream=upstream_of(context.node()),
        rows=_rows(),
        busy=found is not None and found.running,
        options=found.options if found is not None else None,
        megabyte=MEGABYTE,
        new_url=None,
    )


def _rows() -> list[dict[str, Any]]:
    """The databases the person opens: figures, how far each is, what went wrong in words."""
    node = context.node()
    moving = {row["name"]: row for row in node.replication.databases()} if node.replication is not None else {}
    found = []
    for info in context.readable_databases():
        try:
            count = context.open_database(info.name).count()
        except NotFound:
            continue
        row = {**figures_of(node, info.name), **moving.get(info.name, {}), "documents": count}
        row["title"] = context.label(info.title) or info.name
        row["error"] = i18n.say(row["error"]) if row["error"] else ""
        found.append(row)
    return found


def _own() -> Replication:
    """The laptop's replication. NotFound on nodes without a hub, Forbidden for others than its person."""
    node = context.node()
    if node.replication is None or node.laptop is None:
        raise NotFound
    if not node.laptop.is_own(context.identity().person):
        raise Forbidden("Only the person of this laptop does this.")
    return node.replication


def _back() -> Any:
    return redirect(url_for("replication_page.page"), 303)


@blueprint.post("/replication/run")
@context.sign_in_required
def run() -> Any:
    """A round begins; the page shows how far it is."""
    _own().begin(recompare=request.form.get("recompare") == "1")
    return _back()


@blueprint.post("/replication/stop")
@context.sign_in_required
def stop() -> Any:
    """The round that runs ends, and none begins by itself."""
    found = _own()
    found.pause(True)
    found.interrupt()
    return _back()


@blueprint.post("/replication/start")
@context.sign_in_required
def start() -> Any:
    """By itself again, and now."""
    found = _own()
    found.pause(False)
    found.begin()
    return _back()


@blueprint.post("/replication/limits")
@context.sign_in_required
def limits() -> Any:
    """The limits for mobile networks."""
    options = _own().options
    options.put_json("data_limit", _bytes("data_limit") or 0)
    options.put_json("attachments", _bytes("attachments"))
    flash(_("Saved"), "success")
    return _back()


def _bytes(name: str) -> int | None:
    """Megabytes as typed, in bytes; None when nothing is typed. BadRequest."""
    text = request.form.get(name, "").strip().replace(",", ".")
    if not text:
        return None
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 <= amount < 1e9:
        raise BadRequest("Type a number of megabytes, or nothing.")
    return int(amount * MEGABYTE)
