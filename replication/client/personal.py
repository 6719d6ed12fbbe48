"""The person's own things, this laptop's and the hub's, joined on both sides; how far is noted here."""

from __future__ import annotations

from typing import Any

from app.errors import BadRequest
from app.views.personal import Personal, thing
from replication.client.faults import Unreachable
from replication.client.hub import Hub
from replication.client.options import Options

NOTED = "mine"


def exchange(hub: Hub, options: Options, personal: Personal) -> None:
    """Until neither has anything more. HubError; what was exchanged before stays so."""
    known: dict[str, Any] = options.json(NOTED, {})
    sent, seen = int(known.get("sent", 0)), int(known.get("seen", 0))
    while True:
        things, sent, ours = personal.changed(sent)
        answer = hub.mine({"since": seen, "things": [list(each) for each in things]})
        try:
            given = [thing(row) for row in answer["things"]]
            seen, theirs = int(answer["last"]), bool(answer["end"])
        except (BadRequest, KeyError, TypeError, ValueError) as problem:
            raise Unreachable("The hub's answer is not understood; is something on the way changing it?") from problem
        personal.apply(given)
        options.put_json(NOTED, {"sent": sent, "seen": seen})
        if ours and theirs:
            return
