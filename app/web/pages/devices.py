"""Laptops that hold a copy: one's own under /me, everybody's for administrators. Revoked, they wipe themselves."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from app.web import context

blueprint = Blueprint("devices", __name__)


@blueprint.get("/me/devices")
@context.sign_in_required
def own() -> str:
    """One's own devices."""
    found = context.node().secrets.devices.list(context.identity().key)
    return render_template("profile/devices.html", tab="devices", devices=found)


@blueprint.post("/me/devices/<id>/revoke")
@context.sign_in_required
def revoke_own(id: str) -> Any:
    """End one of one's own. NotFound for anybody else's."""
    key = context.identity().key
    context.node().secrets.devices.revoke(id, person=key, by=key)
    flash(_("The device wipes itself at its next contact."), "success")
    return redirect(url_for("devices.own"), 303)


@blueprint.get("/admin/devices/")
@context.admin_required
def devices() -> str:
    """Everybody's devices."""
    return render_template("admin/devices.html", devices=context.node().secrets.devices.list())


@blueprint.post("/admin/devices/<id>/revoke")
@context.admin_required
def revoke(id: str) -> Any:
    """End anybody's. NotFound."""
    context.node().secrets.devices.revoke(id, by=context.identity().key)
    flash(_("The device wipes itself at its next contact."), "success")
    return redirect(url_for("devices.devices"), 303)
