"""Laptops as devices: registering one, what it reports of itself, and the end of one."""

from __future__ import annotations

from typing import Any

from flask import Response, g

from app.errors import BadRequest, Forbidden
from replication.me import hub_id
from replication.routes.gate import answer, blueprint, body_object, token_sent

SMALL = 100_000  # bytes of a body here


@blueprint.post("/_devices")
def register() -> Response:
    """201 {device, token, wipe_key, hub}: with name and password, for {label, platform, databases?, selection?}."""
    if g.identity.via != "basic":
        raise Forbidden("A device is registered with a name and password.")
    asked = body_object(SMALL)
    label, platform = (_text(asked, name) for name in ("label", "platform"))
    detail = {name: asked[name] for name in ("databases", "selection") if asked.get(name) is not None}
    made = g.node.secrets.devices.register(g.identity.key, label, platform, detail)
    hub = hub_id(g.node.store.node)
    return answer({"device": made.device.id, "token": made.token, "wipe_key": made.wipe_key, "hub": hub}, 201)


def _text(asked: dict[str, Any], name: str) -> str:
    value = asked.get(name, "")
    if not isinstance(value, str):
        raise BadRequest("`label` and `platform` are texts.")
    return value


@blueprint.post("/_report")
def report() -> Response:
    """{ok}: a device tells how far it is ({last_sync, databases: {name: {unsent, rejected, …}}})."""
    if g.identity.device is None:
        raise Forbidden("Only devices report.")
    g.node.secrets.devices.report(g.identity.device, body_object(SMALL))
    return answer({"ok": True})


@blueprint.post("/_wiped")
def wiped() -> Response:
    """{ok}: a revoked device says that nothing is left on it; with its token, which opens nothing else. 404."""
    g.node.secrets.devices.wiped(token_sent() or "")
    return answer({"ok": True})
