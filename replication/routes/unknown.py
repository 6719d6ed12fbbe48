"""Calls of CouchDB that this gateway does not have: 501 with the reason, never a wrong answer."""

from __future__ import annotations

from typing import NoReturn

from app.errors import Message, NotImplementedHere
from replication.routes.gate import blueprint

METHODS = ["GET", "POST", "PUT", "DELETE"]


@blueprint.route("/<database>/_<call>", methods=METHODS)
@blueprint.route("/<database>/_<call>/<syncpath:id>", methods=METHODS)
def unknown(database: str, call: str, id: str = "") -> NoReturn:
    """501."""
    raise NotImplementedHere(Message("This gateway has no _%(call)s.", call=call[:60]))


@blueprint.route("/_<call>", methods=METHODS)
def unknown_of_server(call: str) -> NoReturn:
    """501."""
    raise NotImplementedHere(Message("This gateway has no _%(call)s.", call=call[:60]))
