"""Webhooks of the person who asks; administrators see and end those of everybody."""

from __future__ import annotations

from typing import Any

from flask import Response

from app.errors import BadRequest, Message, NotFound
from app.transfer.webhooks import Webhook, Webhooks
from app.web import context
from app.web.api.base import Api, answer, body, open_database, signed_in, whole

api = Api("webhooks")
blueprint = api.blueprint


def kept() -> Webhooks:
    """The webhooks of the node."""
    found: Webhooks = context.node().webhooks
    return found


def own(id: str, *, change: bool = False) -> Webhook:
    """A webhook of the person, or any for an administrator. NotFound."""
    person = signed_in()
    hook = kept().get(id)
    theirs = hook.person == person.key and person.scope.covers(hook.database)
    if not theirs and (person.via == "token" or not context.is_admin()):
        raise NotFound("missing")
    return hook


@api.get("/webhooks", "Your webhooks", answer="Webhooks", errors=(401,))
def webhooks() -> Response:
    """[{id, database, url, events, active, failures, problem, …}]; for an administrator those of
    everybody."""
    person = signed_in()
    everybody = person.via != "token" and context.is_admin()
    found = kept().list(person=None if everybody else person.key)
    return answer([hook.shown() for hook in found if person.scope.covers(hook.database)])


@api.post(
    "/webhooks",
    "Have another system told of changes",
    body="NewWebhook",
    answer="Webhook",
    status=201,
    errors=(400, 401, 403, 404),
)
def create() -> Response:
    """201 with `secret`, shown this once. The body: {database, url, events, label?}."""
    signed_in()
    sent = body()
    database, url, events = sent.get("database"), sent.get("url"), sent.get("events", [])
    if not isinstance(database, str) or not isinstance(url, str):
        raise BadRequest("A webhook has a database and a url.")
    hook, secret = kept().create(open_database(database), url, _events(events), label=_text(sent, "label") or "")
    return answer({**hook.shown(), "secret": secret}, 201)


def _events(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(event, str) for event in value):
        raise BadRequest("events is a list of names.", fields={"events": Message("This is a list of names.")})
    return value


def _text(sent: dict[str, Any], name: str) -> str | None:
    value = sent.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(Message("%(name)s is a text.", name=name), fields={name: Message("This is a text.")})
    return value


@api.get("/webhooks/<id>", "A webhook", answer="Webhook", errors=(401, 404))
def webhook(id: str) -> Response:
    """{id, database, url, events, active, failures, problem, …}."""
    return answer(own(id).shown())


@api.patch("/webhooks/<id>", "Change a webhook", body="WebhookChange", answer="Webhook", errors=(400, 401, 404))
def change(id: str) -> Response:
    """The webhook. `active: true` switches one on again that was switched off after failures."""
    hook = own(id)
    sent = body()
    active = sent.get("active")
    if active is not None and not isinstance(active, bool):
        raise BadRequest("active is true or false.", fields={"active": Message("This is true or false.")})
    changed = kept().change(
        hook.id,
        url=_text(sent, "url"),
        events=_events(sent["events"]) if "events" in sent else None,
        label=_text(sent, "label"),
        active=active,
    )
    return answer(changed.shown())


@api.delete("/webhooks/<id>", "Remove a webhook", status=204, errors=(401, 404))
def delete(id: str) -> Response:
    """204; nothing is sent any more."""
    kept().delete(own(id).id)
    return Response(status=204)


@api.get(
    "/webhooks/<id>/deliveries",
    "What was sent, and what the other side answered",
    query={"limit": "How many, at most 1000", "before": "`n` of the last one shown"},
    answer="Deliveries",
    errors=(401, 404),
)
def deliveries(id: str) -> Response:
    """[{n, event, document, rev, state, tries, status, answer, at}], newest first."""
    rows = kept().deliveries(
        own(id).id, limit=whole("limit", 50, least=1), before=whole("before", 0, most=1 << 60) or None
    )
    return answer([row.shown() for row in rows])


@api.post("/webhooks/<id>/deliveries/<int:n>", "Send a delivery once more", status=204, errors=(401, 404))
def repeat(id: str, n: int) -> Response:
    """204; it goes out in a moment."""
    kept().repeat(own(id).id, n)
    return Response(status=204)
