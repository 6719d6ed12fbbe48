"""Tokens of the person who asks: made, listed, ended. A token makes no tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response

from app.access import Identity
from app.clock import stamp, utcnow
from app.errors import BadRequest, Forbidden, Message
from app.web import context
from app.web.api.base import Api, answer, body, signed_in

api = Api("tokens")
blueprint = api.blueprint

MOST_DAYS = 3660


def proved() -> Identity:
    """The person, signed in with a password or a page's session. Forbidden with a token."""
    person = signed_in()
    if person.via == "token":
        raise Forbidden("Tokens are made with a name and password, not with a token.")
    return person


def shown(token: Any) -> dict[str, Any]:
    """A token without its secret."""
    databases = token.scope.databases
    return {
        "id": token.id,
        "label": token.label,
        "databases": sorted(databases) if databases is not None else None,
        "write": token.scope.write,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used": token.last_used,
    }


@api.get("/tokens", "Your tokens", answer="Tokens", errors=(401, 403))
def tokens() -> Response:
    """[{id, label, databases, write, created_at, expires_at, last_used}]."""
    return answer([shown(token) for token in context.node().secrets.tokens.list(proved().key)])


@api.post("/tokens", "Make a token", body="NewToken", answer="Token", status=201, errors=(400, 401, 403))
def create() -> Response:
    """201 {id, token, …}; `token` is shown this once. The body: {label, databases?, write?, days? |
    expires_at?}.
    """
    person = proved()
    sent = body()
    made, secret = context.node().secrets.tokens.create(person.key, _label(sent), **scope_of(sent))
    return answer({**shown(made), "token": secret}, 201)


def _label(sent: dict[str, Any]) -> str:
    label = sent.get("label", "")
    if not isinstance(label, str) or not label.strip():
        raise BadRequest("Say what the token is for.", fields={"label": Message("This is required.")})
    return label.strip()


def scope_of(sent: dict[str, Any]) -> dict[str, Any]:
    """databases, write and expires_at of a new token. BadRequest."""
    databases, write = sent.get("databases"), sent.get("write", True)
    if databases is not None and not (
        isinstance(databases, list) and databases and all(isinstance(name, str) for name in databases)
    ):
        raise BadRequest("databases is a list of names.", fields={"databases": Message("This is a list of names.")})
    if not isinstance(write, bool):
        raise BadRequest("write is true or false.", fields={"write": Message("This is true or false.")})
    return {"databases": databases, "write": write, "expires_at": _end(sent)}


def _end(sent: dict[str, Any]) -> str | None:
    days, end = sent.get("days"), sent.get("expires_at")
    if days is not None:
        if not isinstance(days, int) or isinstance(days, bool) or not 0 < days <= MOST_DAYS:
            raise BadRequest("days is a number from 1 to 3660.", fields={"days": Message("This is from 1 to 3660.")})
        return stamp(utcnow() + timedelta(days=days))
    if end is not None and not isinstance(end, str):
        raise BadRequest("expires_at is a moment.", fields={"expires_at": Message("This is a date or a moment.")})
    return end


@api.delete("/tokens/<id>", "End a token", status=204, errors=(401, 403, 404))
def revoke(id: str) -> Response:
    """204; programs that use it are refused from now on."""
    person = proved()
    context.node().secrets.tokens.revoke(id, person=person.key)
    return Response(status=204)
