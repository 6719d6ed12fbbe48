"""Every path of a laptop is a read and a write: to others it says nothing, and of a lost document it shows nothing."""

from __future__ import annotations

from io import BytesIO

import pytest
from flask import Flask

from app.access.mirroring import Revoked
from app.web import create_app
from tests.conftest import PASSWORD
from tests.laptop.conftest import Pair
from tests.test_matrix import (
    MARK,
    NOT_ABOUT_DOCUMENTS,
    NOT_OURS,
    PROGRAMS,
    Hidden,
    addresses,
    asked_for,
    bodies,
    client_of,
    everything_of,
    routes,
)

QUERIES = ("", f"?q={MARK}&database=customers", "?limit=1000")


@pytest.fixture
def hidden(pair: Pair) -> Hidden:
    """What north has on the laptop: a customer with history and attachment, one unsent, one refused, one deleted."""
    found = Hidden()
    hub = pair.at_hub("customers")
    items = {"form": "customer", "name": f"{MARK} Ltd", "owner": "north", "class": "existing", "phone": "020-55554444"}
    found.customer = hub.create({**items, "remarks": f"about {MARK}"}).id
    hub.put_attachment(found.customer, f"{MARK}.txt", BytesIO(MARK.encode()), "text/plain")
    found.contact = hub.create({"form": "contact", "name": f"{MARK} Li", "customer": found.customer}).id
    found.deleted = found.branched = hub.create({**items, "name": f"{MARK} gone", "phone": "020-55554445"}).id
    hub.delete(found.deleted)
    pair.pull()
    here = pair.here("customers")
    here.change(found.customer, {"remarks": f"more about {MARK}"})
    pair.laptop.marks.read(here, [found.customer])
    found.rev = here.get(found.customer)["_rev"]
    found.ids = [found.customer, found.contact, found.deleted]
    return found


@pytest.fixture
def app(pair: Pair) -> Flask:
    return create_app(pair.laptop, TESTING=True)


def test_its_person_sees_it(app: Flask, hidden: Hidden) -> None:
    client, shown = app.test_client(), 0
    for _, _, rule in routes(app, "GET"):
        if rule.startswith(PROGRAMS):
            for address in addresses(hidden, rule):
                answer = client.get(address, auth=("north", PASSWORD), buffered=True)
                shown += bool(hidden.leaks(asked_for(everything_of(answer), address)))
    assert shown >= 8, "the walk looks at nothing"


@pytest.mark.parametrize("person", ["south", "admin", None])
def test_nobody_else_reads_or_writes_by_any_path(app: Flask, pair: Pair, hidden: Hidden, person: str | None) -> None:
    before = pair.here("customers").get(hidden.customer)
    auth = (person, PASSWORD) if person else None
    client = app.test_client()
    leaks = []
    for method, endpoint, rule in routes(app, "GET", "POST", "PUT", "PATCH", "DELETE"):
        if endpoint in NOT_ABOUT_DOCUMENTS or (method != "GET" and not rule.startswith(PROGRAMS)):
            continue
        for address in addresses(hidden, rule)[:6]:
            body = {} if method == "GET" else {"json": bodies(hidden)[2]}
            answer = client.open(address, method=method, auth=auth, buffered=True, **body)  # type: ignore[arg-type]
            text = asked_for(everything_of(answer), address)
            if [secret for secret in hidden.leaks(text) if secret not in address + repr(body)]:
                leaks.append(f"{method} {address} -> {answer.status_code}")
    assert not leaks
    assert pair.here("customers").get(hidden.customer) == before


def test_no_path_shows_a_document_that_was_lost(app: Flask, pair: Pair, hidden: Hidden) -> None:
    mirror = pair.laptop.databases.mirror("customers")
    mirror.settle([(each.n, None) for each in mirror.unsent()])
    mirror.apply([Revoked(id) for id in hidden.ids], "after")
    client = client_of(app, "north")
    leaks, broken = [], []
    for _, endpoint, rule in routes(app, "GET"):
        if endpoint in NOT_ABOUT_DOCUMENTS:
            continue
        for address in addresses(hidden, rule):
            for query in QUERIES:
                answer = client.get(address + query, buffered=True)
                text = asked_for(everything_of(answer), address + query)
                if [secret for secret in hidden.leaks(text) if secret not in address + query]:
                    leaks.append(f"{address + query} -> {answer.status_code}")
                if answer.status_code >= 500 and answer.status_code != NOT_OURS:
                    broken.append(f"{address + query} -> {answer.status_code}")
    assert not leaks
    assert not broken
