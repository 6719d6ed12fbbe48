"""The way into administration: what there is, and full access, which an administrator takes on purpose.

Full access is a second state beside the session: noted on the server with its end, named in the cookie by an id,
given to pages only (never to programs), shown by a banner on every page, over by itself after `MINUTES`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from flask import Blueprint, Flask, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _

from app import clock
from app.access.acl import Level
from app.errors import NotFound
from app.ids import new_id
from app.web import context, preferences, security
from app.web.admin import mailing, words
from app.web.admin.directory import title_of

blueprint = Blueprint("admin", __name__)
blueprint.record_once(lambda state: mailing.install(cast("Flask", state.app)))

MINUTES = 15
FULL = "full_access"
SHORTEST_REASON = 5


@blueprint.get("/admin/")
@context.sign_in_required
def overview() -> Any:
    """What this person may look after."""
    own = [(info.name, title_of(info.name), info.level) for info in context.readable_databases()]
    designed = [row for row in own if row[2] >= Level.DESIGNER]
    managed = [row for row in own if row[2] >= Level.MANAGER]
    if not context.is_admin() and not designed:
        raise NotFound
    return render_template("admin/overview.html", designed=designed, managed=managed)


# -- full access


@blueprint.before_app_request
def raise_identity() -> None:
    """Give the pages of this session full access while it lasts."""
    g.full_access_until = None
    held = session.get(FULL)
    if not held or not context.signed_in() or security.is_program():
        return
    kept = preferences.read(FULL)
    if kept.get("id") != held or not context.node().databases.is_administrator(g.identity):
        session.pop(FULL, None)
        return
    if str(kept.get("until", "")) <= clock.now():
        _end("time")
        flash(_("Full access has ended."), "message")
        return
    g.full_access_until = kept["until"]
    g.identity = replace(g.identity, full_access=True)


def _end(why: str) -> None:
    preferences.write(FULL, {})
    session.pop(FULL, None)
    context.node().audit.record(
        "full_access_ended", context.identity().key, detail={"why": why}, address=request.remote_addr
    )


@blueprint.app_context_processor
def variables() -> dict[str, Any]:
    """What the banner of every page asks, and words for rights and events."""
    return {
        "full_access_until": g.get("full_access_until"),
        "level_word": words.level,
        "entry_words": words.entries,
        "event_word": lambda name: words.events().get(name, name),
    }


@blueprint.route("/admin/full-access", methods=["GET", "POST"])
@context.admin_required
def full_access() -> Any:
    """Take full access, with a reason that the log keeps."""
    reason = " ".join(request.form.get("reason", "").split())[:500]
    if request.method == "GET":
        return render_template("admin/full_access.html", reason="", problem="", minutes=MINUTES)
    if len(reason) < SHORTEST_REASON:
        problem = _("Say why, so that the log can tell others.")
        return render_template("admin/full_access.html", reason=reason, problem=problem, minutes=MINUTES), 400
    until = clock.stamp(clock.utcnow() + timedelta(minutes=MINUTES))
    held = new_id()
    preferences.write(FULL, {"id": held, "until": until})
    session[FULL] = held
    context.node().audit.record(
        "full_access_taken",
        context.identity().key,
        detail={"reason": reason, "minutes": MINUTES},
        address=request.remote_addr,
    )
    flash(_("You have full access for %(minutes)s minutes.", minutes=MINUTES), "warning")
    return redirect(security.safe_next(request.form.get("next"), url_for("admin.overview")), 303)


@blueprint.post("/admin/full-access/end")
@context.sign_in_required
def end_full_access() -> Any:
    """Give full access up before its time."""
    if context.identity().full_access:
        _end("given up")
        flash(_("Full access has ended."), "success")
    return redirect(url_for("admin.overview"), 303)
