"""What our own replicator asks of the gateway: who it is, its rows, ids to compare, devices, numbers."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import threading
from collections.abc import Callable
from io import BytesIO
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.access import SYSTEM
from app.access.acl import make
from app.node import Node
from app.web.cli import main
from replication import limits
from tests.conftest import PASSWORD
from tests.replication.conftest import Sync, revision
from tests.web_admin.conftest import Client


@pytest.fixture
def registered(sync: Sync) -> dict[str, Any]:
    """A device of north: {device, token, wipe_key, hub}."""
    asked = {"label": "Laptop", "platform": "Linux"}
    answer = sync("north", "POST", "/_devices", json=asked)
    assert answer.status_code == 201
    found: dict[str, Any] = answer.json
    return found


@pytest.fixture
def browse(app: Flask) -> Callable[[str], Client]:
    """A browser in which somebody is signed in."""

    def browsing(person: str) -> Client:
        client = Client(app)
        client.get("/sign-in")
        client.post("/sign-in", {"name": person, "password": PASSWORD}, 302)
        client.get("/me")
        return client

    return browsing


def as_device(client: FlaskClient, token: str, method: str, path: str, **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Davenport-Protocol": "1", **options.pop("headers", {})}
    return client.open("/sync" + path, method=method, headers=headers, buffered=True, **options)


def pulled(sync: Sync, person: str, since: Any = None, **asked: Any) -> dict[str, Any]:
    answer = sync(person, "POST", "/notes/_pull", json={"since": since, **asked})
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


# -- _me


def test_me_tells_what_a_laptop_must_know(sync: Sync, node: Node, opened: Any) -> None:
    opened("notes", "north").create({"title": "a"}, id="a")
    answer = sync("north", "GET", "/_me")
    told = answer.json
    assert (told["protocol"], told["person"]["key"], told["device"]) == (1, "north", None)
    assert told["person"]["unit"] == "unit:sales"
    assert told["limits"] == {"databases": None, "selection": {}, "attachments": None}
    notes = told["databases"]["notes"]
    assert (notes["level"], notes["documents"]) == ("editor", 1)
    assert {"north", "sales", "unit:sales", "level:editor", "*"} <= set(notes["principals"])
    assert notes["reading"] == notes["principals"]
    assert notes["flags"] == ["create", "delete", "replicate_or_copy"]
    assert told["databases"]["customers"]["title"]["en"]
    assert not told["admin"]
    assert sync("admin", "GET", "/_me").json["admin"]
    assert sync("south", "GET", "/_me").json["hub"] == told["hub"]


def test_me_leaves_out_what_may_not_be_copied(sync: Sync) -> None:
    assert "notes" not in sync("outsider", "GET", "/_me").json["databases"]
    assert sync(None, "GET", "/_me").status_code == 401


# -- _pull


def test_pull_gives_bodies_paths_and_stubs(sync: Sync, opened: Any) -> None:
    base = opened("notes", "north")
    rev = base.create({"title": "Ä", "n": 1.5}, id="a").rev
    rev2 = base.put_attachment("a", "x.txt", BytesIO(b"content"), "text/plain", rev).rev
    gone = base.create({"title": "gone"}, id="b").rev
    rev3 = base.delete("b", gone).rev
    answer = pulled(sync, "north")
    a, b = (next(row for row in answer["rows"] if row["id"] == id) for id in ("a", "b"))
    path, deleted, body, stubs = a["leaves"][0]
    assert (path, deleted, body["title"], body["n"]) == ([rev2, rev], 0, "Ä", 1.5)
    kind, length, digest, address, revpos = stubs["x.txt"]
    assert (kind, length, revpos) == ("text/plain", 7, 2)
    assert digest.startswith("md5-")
    assert address == hashlib.sha256(b"content").hexdigest()
    assert b["leaves"][0][:2] == [[rev3, gone], 1]
    assert (answer["end"], answer["pending"]) == (True, 0)
    again = pulled(sync, "north", answer["last_seq"])
    assert (again["rows"], again["last_seq"]) == ([], answer["last_seq"])


def test_pull_gives_the_branches_that_the_person_reads(sync: Sync, push: Any) -> None:
    push("north", "notes", revision("a", "1-a", title="a"))
    push(
        "north",
        "notes",
        revision("a", "2-b", "1-a", title="b"),
        revision("a", "2-c", "1-a", title="c", readers=["north"]),
    )
    leaves = {person: pulled(sync, person)["rows"] for person in ("north", "south")}
    north = next(row for row in leaves["north"] if row["id"] == "a")
    assert [leaf[0] for leaf in north["leaves"]] == [["2-c", "1-a"], ["2-b", "1-a"]]
    assert not [row for row in leaves["south"] if row["id"] == "a"]


def test_pull_comes_in_portions_by_rows_and_by_bytes(sync: Sync, opened: Any) -> None:
    base = opened("notes", "north")
    for number in range(9):
        base.create({"text": "x" * 1000}, id=f"n{number}")
    for portion in ({"limit": 2}, {"bytes": 2500}):
        seen: list[str] = []
        since, rounds = None, 0
        while True:
            answer = pulled(sync, "north", since, **portion)
            seen += [row["id"] for row in answer["rows"]]
            assert len(answer["rows"]) <= 3
            rounds += 1
            if answer["end"]:
                break
            since = answer["last_seq"]
        assert sorted(seen) == [f"n{number}" for number in range(9)]
        assert rounds >= 4


def test_pull_goes_on_from_any_row(sync: Sync, opened: Any) -> None:
    base = opened("notes", "north")
    for number in range(5):
        base.create({}, id=f"n{number}")
    rows = pulled(sync, "north")["rows"]
    for place, row in enumerate(rows):
        rest = pulled(sync, "north", row["seq"])["rows"]
        assert [each["id"] for each in rest] == [each["id"] for each in rows[place + 1 :]]


def test_pull_is_packed_for_who_takes_it(sync: Sync, opened: Any) -> None:
    opened("notes", "north").create({"text": "x" * 10_000}, id="a")
    answer = sync("north", "POST", "/notes/_pull", json={}, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert orjson.loads(gzip.decompress(answer.data))["end"]


def test_pull_by_id_tells_what_is_gone(sync: Sync, opened: Any) -> None:
    opened("notes", "north").create({"title": "a"}, id="a")
    opened("notes", "north").create({"title": "b", "readers": ["north"]}, id="b")
    rows = pulled(sync, "south", ids=["a", "b", "c"])["rows"]
    assert [(row["id"], "leaves" in row) for row in rows] == [("a", True), ("b", False), ("c", False)]
    assert rows[1] == {"id": "b", "revoked": True}


@pytest.mark.parametrize("since", ["7", "3-deadbeef", "3-deadbeef-0123456789abcdef", "23-g1AAAACTeJzLYWBg_"])
def test_a_token_that_means_nothing_asks_to_compare(sync: Sync, opened: Any, since: str) -> None:
    answer = sync("north", "POST", "/notes/_pull", json={"since": since})
    assert (answer.status_code, answer.json["error"]) == (410, "recompare")
    answer = sync("north", "GET", f"/notes/_changes?revocations=true&since={since}")
    assert (answer.status_code, answer.json["error"]) == (410, "recompare")


@pytest.mark.parametrize(
    "asked", [{"since": "x"}, {"limit": "x"}, {"ids": 3}, {"selection": 3}, {"selection": "a +"}, []]
)
def test_malformed_pulls_are_refused(sync: Sync, asked: Any) -> None:
    answer = sync("north", "POST", "/notes/_pull", json=asked)
    assert (answer.status_code, answer.json["error"]) == (400, "bad_request")


def test_ids_list_what_the_person_reads_with_tombstones(sync: Sync, opened: Any) -> None:
    base = opened("notes", "north")
    revs = {
        id: base.create({"readers": readers}, id=id).rev for id, readers in (("a", []), ("b", ["north"]), ("c", []))
    }
    tombstone = base.delete("c", revs["c"]).rev
    south = sync("south", "POST", "/notes/_ids", json={}).json
    assert south["ids"][:1] == [["a", [revs["a"]], 0]]
    assert [row[0] for row in south["ids"]] == ["a", "c"]
    assert south["ids"][-1] == ["c", [tombstone], 1]
    assert south["next"] is None
    first = sync("north", "POST", "/notes/_ids", json={"limit": 2}).json
    rest = sync("north", "POST", "/notes/_ids", json={"limit": 2, "after": first["next"]}).json
    assert [row[0] for row in first["ids"] + rest["ids"]] == ["a", "b", "c"]
    assert pulled(sync, "north", first["last_seq"])["rows"] == []


# -- selection


def test_a_selection_leaves_documents_out_and_forgets_those_that_leave_it(sync: Sync, opened: Any) -> None:
    base = opened("notes", "north")
    revs = {id: base.create({"kind": kind}, id=id).rev for id, kind in (("a", "x"), ("b", "y"))}
    first = pulled(sync, "north", selection="kind == 'x'")
    assert [row["id"] for row in first["rows"]] == ["a"]
    base.change("a", {"kind": "z"}, revs["a"])
    base.change("b", {"kind": "x"}, revs["b"])
    base.create({"kind": "z"}, id="c")
    rows = pulled(sync, "north", first["last_seq"], selection="kind == 'x'")["rows"]
    assert [(row["id"], row.get("revoked", False)) for row in rows] == [("a", True), ("b", False)]
    listed = sync("north", "POST", "/notes/_ids", json={"selection": "kind == 'x'"}).json["ids"]
    assert [row[0] for row in listed] == ["b"]


def test_a_device_gets_no_more_than_its_limits(
    client: FlaskClient, node: Node, opened: Any, registered: dict[str, Any]
) -> None:
    base = opened("notes", "north")
    base.create({"kind": "x"}, id="a")
    rev = base.create({"kind": "y"}, id="b").rev
    base.put_attachment("b", "big", BytesIO(b"x" * 1000), "text/plain", rev)
    rules = [
        {"name": "sales", "databases": ["notes"], "selection": {"notes": "kind == 'x'"}, "attachments": 100},
        {"name": "support-team", "databases": []},
    ]
    limits.write(node.store.node, rules)
    token = registered["token"]
    told = as_device(client, token, "GET", "/_me").json
    assert list(told["databases"]) == ["notes"]
    assert told["limits"] == {"databases": ["notes"], "selection": {"notes": "kind == 'x'"}, "attachments": 100}
    rows = as_device(client, token, "POST", "/notes/_pull", json={"selection": "True"}).json["rows"]
    assert [row["id"] for row in rows] == ["a"]
    assert as_device(client, token, "GET", "/customers/_changes").status_code == 403
    rev = base.get("b")["_rev"]
    assert as_device(client, token, "GET", f"/notes/_content/b/{rev}/big").status_code == 403


# -- attachments


def test_content_of_a_revision_comes_in_ranges(sync: Sync, opened: Any) -> None:
    base = opened("notes", "north")
    rev = base.create({}, id="a/b").rev
    rev = base.put_attachment("a/b", "d/ä.txt", BytesIO(b"0123456789"), "text/plain", rev).rev
    base.change("a/b", {"later": 1}, rev)
    path = f"/notes/_content/a%2Fb/{rev}/d%2F%C3%A4.txt"
    assert sync("north", "GET", path).data == b"0123456789"
    part = sync("north", "GET", path, headers={"Range": "bytes=4-"})
    assert (part.status_code, part.data) == (206, b"456789")
    assert sync("north", "GET", path + "x").status_code == 404
    hidden = base.create({"readers": ["north"]}, id="h").rev
    hidden = base.put_attachment("h", "x", BytesIO(b"secret"), "text/plain", hidden).rev
    assert sync("south", "GET", f"/notes/_content/h/{hidden}/x").status_code == 404


# -- devices


def test_a_device_acts_as_its_person_whatever_the_password(
    client: FlaskClient, node: Node, registered: dict[str, Any], opened: Any
) -> None:
    node.secrets.set_password("north", "another-lamp-8")
    token = registered["token"]
    told = as_device(client, token, "GET", "/_me").json
    assert told["device"] == {"id": registered["device"], "label": "Laptop", "state": "active"}
    basic = client.get("/sync/_me", auth=("north", token))
    assert basic.json["device"]["id"] == registered["device"]
    assert client.get("/sync/_me", auth=("south", token)).status_code == 401
    docs = {"docs": [revision("a", "1-a", title="a"), revision("a", "2-b", "1-a", title="b")], "new_edits": False}
    assert as_device(client, token, "POST", "/notes/_bulk_docs", json=docs).json == []
    assert opened("notes", "south").history("a")[0].device == registered["device"]
    assert node.secrets.devices.get(registered["device"]).last_seen


def test_a_device_token_opens_the_gateway_alone(client: FlaskClient, registered: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {registered['token']}"}
    assert client.get("/api/v1/databases", headers=headers).status_code == 401


def test_only_a_password_registers_a_device(client: FlaskClient, node: Node, registered: dict[str, Any]) -> None:
    _, secret = node.secrets.tokens.create("north", "program")
    for token in (registered["token"], secret):
        assert as_device(client, token, "POST", "/_devices", json={"label": "x", "platform": "y"}).status_code == 403


def test_a_revoked_device_hears_it_with_a_proof_and_says_when_it_is_empty(
    client: FlaskClient, node: Node, registered: dict[str, Any]
) -> None:
    device, token = registered["device"], registered["token"]
    assert as_device(client, token, "POST", "/_wiped").status_code == 404
    node.secrets.devices.revoke(device, by="admin")
    answer = as_device(client, token, "GET", "/_me", headers={"Davenport-Nonce": "abc"})
    assert (answer.status_code, answer.json["error"], answer.json["device"]) == (401, "device_revoked", device)
    assert answer.headers["Davenport-Nonce"] == "abc"
    right = hmac.new(registered["wipe_key"].encode(), f"{device}:abc".encode(), hashlib.sha256).hexdigest()
    assert answer.json["proof"] == right
    assert as_device(client, token, "POST", "/_wiped").json == {"ok": True}
    assert node.secrets.devices.get(device).state == "wiped"
    unknown = as_device(client, token + "x", "GET", "/_me")
    assert (unknown.status_code, unknown.json["error"]) == (401, "unauthorized")


def test_devices_end_with_their_person(client: FlaskClient, node: Node, registered: dict[str, Any]) -> None:
    node.directory.remove_person(SYSTEM, "north")
    answer = as_device(client, registered["token"], "GET", "/_me")
    assert (answer.status_code, answer.json["error"]) == (401, "device_revoked")


def test_a_device_reports_how_far_it_is(
    client: FlaskClient, node: Node, registered: dict[str, Any], sync: Sync
) -> None:
    state = {"last_sync": "2026-11-22T08:00:00.000Z", "databases": {"notes": {"unsent": 3, "rejected": 0}}}
    assert as_device(client, registered["token"], "POST", "/_report", json=state).status_code == 200
    found = node.secrets.devices.get(registered["device"])
    assert (found.last_sync, found.detail["report"]) == (state["last_sync"], state)
    assert sync("north", "POST", "/_report", json=state).status_code == 403
    for wrong in ({"last_sync": 3}, {"databases": "x" * 50_000}):
        assert as_device(client, registered["token"], "POST", "/_report", json=wrong).status_code == 400


@pytest.mark.parametrize(("spoken", "status"), [("1", 200), ("0", 200), ("2", 426), ("x", 400), (None, 200)])
def test_programs_of_another_age_are_told_so(client: FlaskClient, spoken: str | None, status: int) -> None:
    headers = {"Davenport-Protocol": spoken} if spoken else {}
    answer = client.get("/sync/_session", auth=("north", PASSWORD), headers=headers)
    assert answer.status_code == status
    assert answer.headers["Davenport-Protocol"] == "1"
    if status == 426:
        assert answer.json["error"] == "protocol"


def test_people_revoke_their_own_devices_and_administrators_any(
    node: Node, browse: Any, registered: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    device = registered["device"]
    node.secrets.devices.report(device, {"databases": {"notes": {"unsent": 3}, "deals": {"unsent": 4}}})
    own = browse("north").get("/me/devices")
    assert "Laptop" in own
    assert ">7<" in own
    assert "Laptop</strong>" not in browse("south").get("/me/devices")
    browse("south").get("/admin/devices/", 403)
    browse("south").post(f"/me/devices/{device}/revoke", status=404)
    browse("south").post(f"/admin/devices/{device}/revoke", status=403)
    assert node.secrets.devices.get(device).state == "active"
    assert "Laptop" in browse("admin").get("/admin/devices/")
    browse("north").post(f"/me/devices/{device}/revoke")
    assert node.secrets.devices.get(device).state == "revoked"
    second = node.secrets.devices.register("south", "Other", "macOS").device.id
    browse("admin").post(f"/admin/devices/{second}/revoke")
    assert main(["device", "list", str(node.data), "--json"]) == 0
    states = {row["id"]: row["state"] for row in orjson.loads(capsys.readouterr().out)}
    assert states == {device: "revoked", second: "revoked"}
    third = node.secrets.devices.register("south", "Third", "Windows").device.id
    assert main(["device", "revoke", str(node.data), third]) == 0
    assert node.secrets.devices.get(third).state == "revoked"
    assert main(["device", "revoke", str(node.data), "nothing"]) == 1


# -- numbers


def test_blocks_of_numbers_do_not_overlap(sync: Sync, node: Node, opened: Any) -> None:
    asked = {"database": "customers", "series": "customers/customer", "year": 2026, "count": 50}
    first, second = (sync("north", "POST", "/_numbers", json=asked).json for _ in range(2))
    assert second["first"] == first["last"] + 1
    assert first["last"] - first["first"] == 49
    assert sync("north", "POST", "/_numbers", json={**asked, "series": "deals/x"}).status_code == 400
    assert (
        sync("support", "POST", "/_numbers", json={**asked, "database": "notes", "series": "notes/x"}).status_code
        == 403
    )
    assert sync("north", "POST", "/_numbers", json={**asked, "count": 10**9}).json["last"] < 10_000


# -- _updates


def updates(sync: Sync, person: str, since: str = "", timeout: int = 0) -> dict[str, Any]:
    answer = sync(person, "GET", f"/_updates?since={since}&timeout={timeout}")
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def test_updates_name_the_databases_with_something_for_the_person(sync: Sync, opened: Any) -> None:
    first = updates(sync, "south")
    assert "notes" in [row["database"] for row in first["results"]]
    assert first["me"] is False
    north = opened("notes", "north")
    rev = north.create({"readers": ["north"]}, id="own").rev
    quiet = updates(sync, "south", first["last_seq"])
    assert (quiet["results"], quiet["me"]) == ([], False)
    rev = north.change("own", {"readers": ["north", "south"]}, rev).rev
    seen = updates(sync, "south", quiet["last_seq"])
    assert [row["database"] for row in seen["results"]] == ["notes"]
    north.change("own", {"readers": ["north"]}, rev)
    lost = updates(sync, "south", seen["last_seq"])
    assert [row["database"] for row in lost["results"]] == ["notes"]
    assert updates(sync, "south", lost["last_seq"])["results"] == []


def test_updates_tell_of_rights_that_changed(sync: Sync, node: Node) -> None:
    first = updates(sync, "south")["last_seq"]
    node.directory.change_group(SYSTEM, "support-team", add=["south"])
    told = updates(sync, "south", first)
    assert told["me"] is True
    assert "notes" in [row["database"] for row in told["results"]]
    assert updates(sync, "south", told["last_seq"])["me"] is False
    node.databases.set_acl(
        "notes", SYSTEM, make({"admins": {"type": "group", "level": "manager"}, "-Default-": {"level": "none"}})
    )
    again = updates(sync, "south", told["last_seq"])
    assert (again["me"], [row["database"] for row in again["results"]]) == (True, [])
    assert updates(sync, "south", again["last_seq"])["me"] is False


def test_updates_wait_until_something_comes(sync: Sync, node: Node, opened: Any) -> None:
    since = updates(sync, "south")["last_seq"]
    north = opened("notes", "north")

    def write() -> None:
        north.create({"readers": ["north"]}, id="hidden")
        north.create({}, id="open")

    timer = threading.Timer(0.3, write)
    timer.start()
    told = updates(sync, "south", since, timeout=20_000)
    timer.join()
    assert [row["database"] for row in told["results"]] == ["notes"]
    timer = threading.Timer(0.3, lambda: node.directory.change_group(SYSTEM, "support-team", add=["south"]))
    timer.start()
    assert updates(sync, "south", told["last_seq"], timeout=20_000)["me"] is True
    timer.join()


@pytest.mark.parametrize("since", ["x", "e30x", "eyJub3RlcyI6M30", "%00"])
def test_malformed_tokens_of_updates_are_refused(sync: Sync, since: str) -> None:
    answer = sync("north", "GET", f"/_updates?since={since}")
    assert (answer.status_code, answer.json["error"]) == (400, "bad_request")
