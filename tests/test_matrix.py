"""Every path is a read, every path is a write: the same people and documents through each route there is.

`north` has customers, contacts, an attachment, history, a deleted customer and a job, all holding the marker
`MARK`. `south` and `outsider` may read none of it. Each GET of the application is walked as them, with the hidden
documents' own ids, and no answer may hold the marker, an id or a title. Each route that writes is tried on those
documents too, and nothing may change.

A route that is in neither table makes `test_every_route_is_in_the_matrix` fail: add it, with what it needs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.access import SYSTEM, Identity
from app.access.acl import Acl, AclEntry, Level
from app.errors import Forbidden, NotFound
from app.node import Node
from app.store import Branch, Context

from .conftest import PASSWORD

MARK = "Zyxwolframmarker"
PEOPLE = ("south", "outsider", None)
BYSTANDERS = ("south", "outsider")
PROGRAMS = ("/api/", "/sync/")
NOT_OURS = 501  # calls of CouchDB that the gateway does not have

# What stands for the arguments of a route: the hidden documents themselves.
VIEWS = ("customers", "contacts", "customers_by_class")
QUERIES = (
    "",
    f"?q={MARK}&database=customers",
    f"?starts={MARK[:4]}&sort=name",
    f"?filter={MARK}",
    "?limit=1000",
    f"?form=customer&name={MARK}&phone=020-55554444",
    f"?item=customer&form=contact&q={MARK[:5]}",
)
# Not about documents, or open to everybody by design; each says why.
NOT_ABOUT_DOCUMENTS = {
    "healthz": "says only that the node is up",
    "assets.asset": "shipped files",
    "assets.file": "shipped files",
    "static": "shipped files",
    "bootstrap.static": "shipped files",
}


@dataclass
class Hidden:
    """What north has and the others must not learn of."""

    ids: list[str] = field(default_factory=list)
    customer: str = ""
    rev: str = ""
    contact: str = ""
    deleted: str = ""
    branched: str = ""  # in two versions, and deleted elsewhere
    half: str = ""  # south's, with a version beside it that only north reads
    job: str = ""
    marks: tuple[str, ...] = (MARK, "55554444")

    def leaks(self, text: str) -> list[str]:
        """Which secrets stand in a text."""
        return [secret for secret in (*self.marks, *self.ids) if secret in text]


@pytest.fixture
def hidden(node: Node, opened: Any) -> Hidden:
    found = Hidden()
    database = opened("customers", "north")
    items = {"form": "customer", "name": f"{MARK} Ltd", "owner": "north", "phone": "020-55554444"}
    saved = database.create({**items, "class": "existing", "remarks": f"about {MARK}"})
    saved = database.change(saved.id, {"remarks": f"more about {MARK}"}, saved.rev)
    put = database.put_attachment(saved.id, f"{MARK}.txt", BytesIO(MARK.encode()), "text/plain", saved.rev)
    found.customer, found.rev = saved.id, put.rev
    found.contact = database.create({"form": "contact", "name": f"{MARK} Li", "customer": saved.id}).id
    gone = database.create({**items, "name": f"{MARK} gone", "phone": "020-55554445"})
    database.delete(gone.id, gone.rev)
    found.deleted = gone.id
    found.branched = database.create({**items, "name": f"{MARK} twice", "class": "existing"}).id
    raw, at = node.store.database("customers"), Context("north", "2026-01-01T00:00:00.000Z")
    first = raw.get(found.branched)
    versions = [(["2-1", first.rev], {**first.body, "fax": MARK}, False), (["2-2", first.rev], {}, True)]
    versions.append((["2-3", first.rev], {**first.body, "fax": f"{MARK} other"}, False))
    raw.insert([Branch(found.branched, *version) for version in versions], at)
    half = {**items, "name": "Half", "owner": "south", "class": "existing", "phone": "020-12345670"}
    found.half = opened("customers", "south").create(half).id
    mine = raw.get(found.half)
    only = {**mine.body, "remarks": MARK, "readers": ["north"], "authors": ["north"]}
    raw.insert([Branch(found.half, ["2-1", mine.rev], only)], at)
    raw.insert([Branch(found.half, ["2-2", mine.rev], {**mine.body, "fax": "020-1"})], at)
    job = node.jobs.create("update", "north", "customers", {"view": "customers", "items": {"fax": MARK}, "query": {}})
    found.job = job.id
    node.jobs.run_here(job.id)
    found.rev = database.get(saved.id)["_rev"]
    found.ids = [found.customer, found.contact, found.deleted, found.branched]
    node.views.catch_up()
    return found


def client_of(app: Flask, person: str | None) -> FlaskClient:
    """A browser that is signed in as somebody."""
    client = app.test_client()
    if person:
        page = client.get("/sign-in").get_data(as_text=True)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        form = {"name": person, "password": PASSWORD, "csrf_token": token[1] if token else ""}
        assert client.post("/sign-in", data=form).status_code == 302
    return client


def routes(app: Flask, *methods: str) -> Iterator[tuple[str, str, str]]:
    """(method, endpoint, rule) of every route with one of the methods."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & set(methods)):
            yield method, rule.endpoint, rule.rule


def values(hidden: Hidden, argument: str, rule: str) -> list[str]:
    """What to put in place of an argument of a rule; KeyError when the matrix does not know it."""
    if argument == "id" and "/jobs" in rule:
        return [hidden.job]
    if argument == "id" and "/documents/" not in rule and "/doc/" not in rule and "/db/" not in rule:
        return [hidden.customer]
    known = {
        "database": ["customers"],
        "id": [hidden.customer, hidden.contact, hidden.deleted, hidden.branched, hidden.half],
        "document": [hidden.customer, hidden.deleted],
        "view": list(VIEWS),
        "form": ["customer", "contact"],
        "name": [quote(f"{MARK}.txt")],
        "action": ["delete", "restore"],
        "person": ["north"],
        "key": ["north", "sales"],
        "item": ["customer", "owner", "name"],
        "rev": [hidden.rev],
        "n": ["1"],
        "token": ["x"],
        "secret": ["x"],
        "kind": ["form", "person", "group"],
        "element": ["form:customer"],
        "filter": ["x"],
        "path": ["app/css/theme.css"],
        "filename": ["app/css/theme.css"],
        "package": ["app"],
        "version": ["x"],
        "language": ["en"],
        "theme": ["dark"],
        "provider": ["x"],
        "job": [hidden.job],
        "webhook": ["x"],
        "number": ["1"],
        "series": ["customer"],
        "draft": ["x"],
        "file": [quote(f"{MARK}.txt")],
        "digest": ["x"],
        "source": ["app"],
        "call": ["find"],  # a call of CouchDB that the gateway does not have
    }
    return known[argument]


def addresses(hidden: Hidden, rule: str) -> list[str]:
    """Every address a rule stands for here."""
    found = [rule]
    for kind, argument in re.findall(r"<(?:([^:<>]+):)?([^<>]+)>", rule):
        marked = f"<{kind}:{argument}>" if kind else f"<{argument}>"
        found = [each.replace(marked, value) for each in found for value in values(hidden, argument, rule)]
    return found


def everything_of(answer: Any) -> str:
    """All that an answer says, headers and compressed sheets included."""
    data: bytes = answer.get_data()
    if data.startswith(b"PK"):
        from zipfile import ZipFile

        with ZipFile(BytesIO(data)) as sheet:
            data = b"\n".join(sheet.read(name) for name in sheet.namelist())
    return f"{answer.headers}\n" + data.decode("utf-8", "replace")


def asked_for(text: str, address: str) -> str:
    """The answer without what the question itself held (a form that shows the search again, a link back)."""
    question = address.split("?", 1)
    for part in (address, quote(address, safe="/"), quote(address, safe=""), *question):
        if len(part) > 3:
            text = text.replace(part, "").replace(part.replace("&", "&amp;"), "")
    return text


def test_every_route_is_in_the_matrix(app: Flask, hidden: Hidden) -> None:
    unknown = []
    for method, endpoint, rule in routes(app, "GET", "POST", "PUT", "PATCH", "DELETE"):
        try:
            addresses(hidden, rule)
        except KeyError as missing:
            unknown.append(f"{method} {rule} ({endpoint}): say what {missing} stands for in values()")
    assert not unknown


@pytest.mark.parametrize("person", PEOPLE)
def test_every_path_is_a_read(app: Flask, hidden: Hidden, person: str | None) -> None:
    client = client_of(app, person)
    leaks, broken, seen = [], [], 0
    for _, endpoint, rule in routes(app, "GET"):
        if endpoint in NOT_ABOUT_DOCUMENTS:
            continue
        for address in addresses(hidden, rule):
            for query in QUERIES:
                answer = client.get(address + query, buffered=True)
                text = asked_for(everything_of(answer), address + query)
                secrets = [found for found in hidden.leaks(text) if found not in address + query]
                seen += 1
                if secrets:
                    leaks.append(f"{address + query} -> {answer.status_code}: {secrets}")
                if answer.status_code >= 500 and answer.status_code != NOT_OURS:
                    broken.append(f"{address + query} -> {answer.status_code}")
    assert seen > 100
    assert not leaks
    assert not broken


@pytest.mark.parametrize("person", BYSTANDERS)
def test_every_path_of_rest_with_a_password_is_a_read(app: Flask, hidden: Hidden, person: str) -> None:
    leaks = []
    client = app.test_client()
    for _, _, rule in routes(app, "GET"):
        if not rule.startswith(PROGRAMS):
            continue
        for address in addresses(hidden, rule):
            for query in QUERIES:
                answer = client.get(address + query, auth=(person, PASSWORD), buffered=True)
                text = asked_for(everything_of(answer), address + query)
                if [found for found in hidden.leaks(text) if found not in address + query]:
                    leaks.append(f"{address + query}: {text[:200]}")
    assert not leaks


@pytest.mark.parametrize("person", BYSTANDERS)
def test_parts_of_a_list_are_reads(app: Flask, hidden: Hidden, person: str) -> None:
    """Rows, cards and numbers that a page of a view asks for by themselves: the same with and without the hidden."""
    owner, client = client_of(app, "north"), client_of(app, person)
    for view in VIEWS:
        for part in ("rows", "board", "total"):
            address = f"/db/customers/view/{view}?part={part}"
            for given in ("", "&f.form=customer", f"&f.name.has={MARK}", f"&starts={MARK}", "&unread=1"):
                answer = client.get(address + given, buffered=True)
                assert not hidden.leaks(asked_for(everything_of(answer), address + given)), address + given
    counted = "/db/customers/view/customers?part=total"
    assert ">2 " in owner.get(f"{counted}&f.name.has={MARK}").text
    for given in (f"f.name.has={MARK}", f"starts={MARK}", "f.phone=020-55554444", f"f.name={MARK}+Ltd"):
        answer = client.get(f"{counted}&{given}")
        assert answer.status_code == 404 or ">0 " in answer.text, given  # who may not open the database
    told = client.get(f"/api/v1/databases/customers/views/customers/totals?filter=name~{MARK}")
    assert told.status_code == 404 or told.json == {"count": 0, "sums": {}}


def test_the_owner_sees_all_of_it(app: Flask, hidden: Hidden) -> None:
    client = app.test_client()
    shown = 0
    for _, _, rule in routes(app, "GET"):
        if rule.startswith(PROGRAMS):
            for address in addresses(hidden, rule):
                answer = client.get(address, auth=("north", PASSWORD), buffered=True)
                shown += bool(hidden.leaks(asked_for(everything_of(answer), address)))
    assert shown >= 10, "the matrix looks at nothing"


def test_hidden_and_missing_look_the_same(app: Flask, hidden: Hidden) -> None:
    client = app.test_client()
    missing = "0" * 32
    for method, _, rule in routes(app, "GET", "PUT", "PATCH", "DELETE", "POST"):
        if not rule.startswith(PROGRAMS) or not ("<docid:id>" in rule or "<syncid:id>" in rule):
            continue
        for address in addresses(hidden, rule):
            if hidden.customer not in address:
                continue
            answers = [
                client.open(
                    each, method=method, auth=("south", PASSWORD), json={"_rev": hidden.rev, "form": "customer"}
                )
                for each in (address, address.replace(hidden.customer, missing))
            ]
            assert answers[0].status_code == answers[1].status_code, address
            assert answers[0].json == answers[1].json, address


def bodies(hidden: Hidden) -> list[dict[str, Any]]:
    """What a writer would send to get at the hidden documents."""
    forged = {"form": "customer", "name": "Forged", "owner": "south", "readers": ["*"], "created_by": "north"}
    return [
        {},
        forged,
        {**forged, "_id": hidden.customer, "_rev": hidden.rev},
        {"items": {"name": "Forged"}, "ids": [hidden.customer], "id": hidden.customer, "rev": hidden.rev, "value": "x"},
        {"rev": "2-3", "others": ["2-1"], "items": {"name": "Forged"}, "version": ["2-3", "2-1"], "keep": True},
        {"database": "customers", "url": "http://example.com/", "events": ["created"], "label": "x"},
        {"new_edits": False, "docs": [{**forged, "_id": hidden.customer, "_rev": "9-f"}], "doc_ids": hidden.ids},
        {"docs": [{"id": id} for id in hidden.ids], "keys": hidden.ids, hidden.customer: ["1-a"]},
        {"ids": f"{hidden.customer}\n{hidden.contact}", "_item": "name", "name": "Forged", "rev": hidden.rev},
    ]


SKIPPED_WRITES = {"session.sign_out": "ends the session the walk needs", "session.sign_in": "is how the walk begins"}


@pytest.mark.parametrize("person", BYSTANDERS)
def test_every_path_is_a_write(app: Flask, node: Node, hidden: Hidden, opened: Any, person: str) -> None:
    owner = opened("customers", "north")
    before = {id: owner.get(id) for id in (hidden.customer, hidden.contact, hidden.branched)}
    client = client_of(app, person)
    page = client.get("/").get_data(as_text=True)
    token = re.search(r'name="csrf-token"[^>]*content="([^"]+)"', page) or re.search(
        r'csrf_token"[^>]*value="([^"]+)"', page
    )
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "X-CSRFToken": token[1] if token else ""}
    leaks = []
    for method, endpoint, rule in routes(app, "POST", "PUT", "PATCH", "DELETE"):
        if endpoint in SKIPPED_WRITES or rule.startswith(("/me", "/sign")):
            continue
        for address in addresses(hidden, rule):
            for body in bodies(hidden):
                for query in ("", f"?rev={hidden.rev}"):
                    sent: dict[str, Any] = {"json": body} if rule.startswith(PROGRAMS) else {"data": body}
                    answer = client.open(address + query, method=method, headers=headers, buffered=True, **sent)
                    text = asked_for(everything_of(answer), address + query)
                    told = repr(body) + address + query
                    status = answer.status_code
                    assert status < 500 or status == NOT_OURS, f"{method} {address + query}: {status}"
                    if [secret for secret in hidden.leaks(text) if secret not in told]:
                        leaks.append(f"{method} {address + query}: {answer.status_code}")
    _settle(node)
    assert not leaks
    assert {id: owner.get(id) for id in before} == before
    assert hidden.deleted not in owner.get_many([hidden.deleted])


def _settle(node: Node) -> None:
    """Wait for jobs that the walk started."""
    for _ in range(200):
        if all(job.finished for job in node.jobs.list(limit=100)):
            return
        time.sleep(0.05)


def test_the_feed_and_the_import_check_show_nothing(node: Node, hidden: Hidden, opened: Callable[..., Any]) -> None:
    database = opened("customers", "south")
    assert not [row for row in database.changes(include_docs=True) if row.id in hidden.ids]
    items = {"form": "customer", "name": f"{MARK} Ltd", "owner": "south", "phone": "020-55554444"}
    saved = database.create(items)
    assert not [warning for warning in saved.warnings if hidden.leaks(str(warning))]
    assert all(match.id == saved.id for match in node.rules.duplicates(database, "customer", items))


@pytest.mark.parametrize("person", [*BYSTANDERS, "north"])
def test_replicas_get_what_their_person_reads(app: Flask, hidden: Hidden, person: str) -> None:
    client = app.test_client()

    def asked(path: str, body: dict[str, Any], as_whom: str = person) -> Any:
        return client.post(f"/sync/customers/{path}", json=body, auth=(as_whom, PASSWORD))

    owns = asked("_pull", {}, "north").json["last_seq"]
    leaks = []
    for path, body in (
        ("_pull", {}),
        ("_pull", {"ids": hidden.ids}),
        ("_pull", {"since": owns}),
        ("_pull", {"since": owns.replace(owns.split("-")[0], "1", 1)}),
        ("_pull", {"selection": f"name.startswith('{MARK}')"}),
        ("_ids", {}),
        ("_changes?include_docs=true&revocations=true", {}),
        (f"_changes?include_docs=true&since={owns}", {}),
    ):
        text = asked_for(everything_of(asked(path, body)), path)
        if [secret for secret in hidden.leaks(text) if "ids" not in body or secret not in hidden.ids]:
            leaks.append(path)
    assert len(leaks) >= 5 if person == "north" else not leaks


def test_webhooks_tell_only_what_their_person_reads(node: Node, hidden: Hidden, opened: Callable[..., Any]) -> None:
    hook, _ = node.webhooks.create(opened("customers", "south"), "http://example.com/", ["created", "updated"])
    opened("customers", "north").change(hidden.customer, {"fax": "020-1111111"})
    node.webhooks.poll()
    assert not [row for row in node.webhooks.deliveries(hook.id) if row.document in hidden.ids]


def test_a_token_opens_only_its_databases(app: Flask, node: Node, hidden: Hidden) -> None:
    _, secret = node.secrets.tokens.create("north", "deals only", databases=["deals"], write=False)
    client = app.test_client()
    for method, _, rule in routes(app, "GET"):
        if rule.startswith(PROGRAMS):
            for address in addresses(hidden, rule):
                headers = {"Authorization": f"Bearer {secret}"}
                answer = client.open(address, method=method, headers=headers, buffered=True)
                assert not hidden.leaks(asked_for(everything_of(answer), address)), address


def test_identities_of_tokens_are_not_full_access(node: Node) -> None:
    _, secret = node.secrets.tokens.create("admin", "everything")
    identity = node.secrets.identify(secret)
    assert isinstance(identity, Identity)
    assert not identity.full_access


# -- paths that need more than an address


def _posted(app: Flask, person: str) -> Callable[..., Any]:
    """`post(address, form)` as somebody signed in."""
    client = client_of(app, person)
    page = client.get("/").get_data(as_text=True)
    token = re.search(r'name="csrf-token"[^>]*content="([^"]+)"', page)
    assert token is not None
    return lambda address, form: client.post(address, data={"csrf_token": token[1], **form}, buffered=True)


def test_my_views_are_ones_own(app: Flask, node: Node, hidden: Hidden) -> None:
    kept = _posted(app, "north")("/db/customers/view/customers/filters", {"name": MARK, "query": f"starts={MARK}"})
    assert kept.status_code == 302
    with node.store.node.reading() as connection:
        (id,) = connection.execute("SELECT id FROM filters WHERE name = ?", (MARK,)).fetchone()
    assert MARK in client_of(app, "north").get("/me/views").get_data(as_text=True)
    for person in BYSTANDERS:
        assert MARK not in client_of(app, person).get("/me/views").get_data(as_text=True)
        post = _posted(app, person)
        for address in (f"/me/views/{id}", f"/filters/{id}/drop"):
            answers = [post(each, {"name": "Mine", "shared": "1"}) for each in (address, address.replace(id, "x" * 32))]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert not hidden.leaks(everything_of(answers[0]))
    with node.store.node.reading() as connection:
        assert connection.execute("SELECT name, shared FROM filters WHERE id = ?", (id,)).fetchone() == (MARK, 0)


def test_who_keeps_a_list_renames_only_what_they_read(
    app: Flask, node: Node, hidden: Hidden, opened: Callable[..., Any]
) -> None:
    entries = node.databases.acl("customers").entries
    editor = AclEntry("south", "person", Level.EDITOR, frozenset({"create"}))
    node.databases.set_acl("customers", SYSTEM, Acl({**entries, "south": editor}))
    before = opened("customers", "north").get(hidden.customer)
    seen = opened("customers", "south").create({"form": "customer", "name": "Seen", "class": "existing"}).id
    client, post = client_of(app, "south"), _posted(app, "south")
    told = [client.get(f"/db/customers/keywords/customer_classes{part}") for part in ("", "/usage")]
    assert [answer.status_code for answer in told] == [200, 200]
    for wanted in ({"old": "existing", "new": "current"}, {"old": "current", "into": "potential"}):
        answer = post("/db/customers/keywords/customer_classes/rename", wanted)
        assert answer.status_code == 303
        _settle(node)
        told += [answer, client.get(answer.headers["Location"])]
    job = answer.headers["Location"].rpartition("/")[2]
    told.append(client.get(f"/api/v1/jobs/{job}", auth=("south", PASSWORD)))
    assert node.jobs.get(job).state == "done"
    assert opened("customers", "south").get(seen)["class"] == "potential"
    assert opened("customers", "north").get(hidden.customer) == before
    assert not [secret for answer in told for secret in hidden.leaks(everything_of(answer))]
    assert client_of(app, "outsider").get(answer.headers["Location"]).status_code == 404


def test_documents_that_follow_leave_with_their_customer(
    app: Flask, node: Node, hidden: Hidden, opened: Callable[..., Any]
) -> None:
    """After a hand-over the former owner finds the contact on no path, and the new one does."""
    opened("customers", "leader").change(hidden.customer, {"owner": "south"})
    _settle(node)
    assert opened("customers", "south").get(hidden.contact)["name"] == f"{MARK} Li"
    client, leaks, shown = app.test_client(), [], 0
    for _, _, rule in routes(app, "GET"):
        if not rule.startswith(PROGRAMS):
            continue
        for address in addresses(hidden, rule):
            for person in ("north", "outsider", "south"):
                answer = client.get(address, auth=(person, PASSWORD), buffered=True)
                told = hidden.contact in asked_for(everything_of(answer), address)
                shown += told and person == "south"
                if told and person != "south":
                    leaks.append(f"{person} {address}: {answer.status_code}")
    assert shown
    assert not leaks


def test_content_is_stored_only_for_who_may_save_it(
    app: Flask, node: Node, hidden: Hidden, opened: Callable[..., Any]
) -> None:
    """A file beside a save is refused before it is read, hidden and missing documents alike."""

    class Unread:
        def read(self, size: int = -1) -> bytes:
            raise AssertionError("content of a refused save was read")

    for person, id in (("south", hidden.customer), ("south", "0" * 32), ("south", hidden.deleted)):
        with pytest.raises(NotFound):
            opened("customers", person).store_content(Unread(), "text/plain", id=id)
    with pytest.raises(Forbidden):  # reads it, as the support team reads every customer, and changes none
        opened("customers", "support").store_content(Unread(), "text/plain", id=hidden.customer)
    with pytest.raises((NotFound, Forbidden)):
        opened("customers", "support").store_content(Unread(), "text/plain", form="customer")
    client = app.test_client()
    for person in BYSTANDERS:
        post = _posted(app, person)
        answers = []
        for id in (hidden.customer, "0" * 32):
            file = f"/api/v1/databases/customers/documents/{id}/attachments/new.txt?rev={hidden.rev}&item=files"
            put = client.put(file, data=b"x", auth=(person, PASSWORD))
            page = f"/db/customers/doc/{id}/attachments"
            sent = post(page, {"item": "files", "file": (BytesIO(b"x"), "new.txt")})
            answers.append((put.status_code, put.json, sent.status_code))
        assert answers[0] == answers[1]
        assert answers[0][0] == answers[0][2] == 404
    assert list(opened("customers", "north").get(hidden.customer)["_attachments"]) == [f"{MARK}.txt"]
