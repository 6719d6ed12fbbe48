"""The pages on which somebody settles what was changed in several places, or deleted in one and changed in another."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.access.pushing import Incoming
from app.node import Node
from app.store import Branch, Context
from tests.test_matrix import client_of

AT = Context("leader", "2026-01-01T00:00:00.000Z")


@pytest.fixture
def versions(node: Node, opened: Any) -> tuple[str, str, str]:
    """A customer of north in two versions: id, the one shown, the other."""
    north = opened("customers", "north")
    saved = north.create({"form": "customer", "name": "Acme", "class": "existing", "owner": "north", "phone": "020-1"})
    raw = node.store.database("customers")
    first = raw.get(saved.id)
    rest = {**first.body, "phone": "020-2222222", "fax": "020-9999999", "changed_by": "leader"}
    raw.insert([Branch(saved.id, ["2-0", saved.rev], rest)], AT)
    raw.insert([Branch(saved.id, ["2-z", saved.rev], {**first.body, "phone": "020-3333333"})], AT)
    return saved.id, "2-z", "2-0"


def signed_in(app: Any, person: str) -> FlaskClient:
    """A browser of somebody who reads English."""
    client = client_of(app, person)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def page(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.status_code
    return answer.get_data(as_text=True)


def send(client: FlaskClient, address: str, **fields: Any) -> Any:
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page(client, "/guide"))
    assert token
    return client.post(address, data={"csrf_token": token[1], **fields})


def test_the_frame_the_list_and_the_document_say_that_somebody_should_choose(app: Any, versions: Any) -> None:
    north = signed_in(app, "north")
    id = versions[0]
    assert 'class="btn btn-quiet conflicts-waiting"' in page(north, "/guide")
    for address in ("/conflicts", "/db/customers/conflicts"):
        text = page(north, address)
        assert f"/db/customers/doc/{id}/branches" in text
        assert "2 versions" in text
    assert "changed in several places" in page(north, f"/db/customers/doc/{id}")
    south = signed_in(app, "south")
    assert "conflicts-waiting" not in page(south, "/guide")
    assert "Nothing to settle" in page(south, "/conflicts")
    assert south.get(f"/db/customers/doc/{id}/branches").status_code == 404


def test_three_choices_for_what_several_changed(app: Any, versions: Any) -> None:
    text = page(signed_in(app, "north"), f"/db/customers/doc/{versions[0]}/branches")
    phone = text[text.index("Phone") : text.index("</fieldset>", text.index("Phone"))]
    assert re.findall(r'value="([^"]+)" data-versions', phone) == ["2-z", "2-0", "base"]
    fax = text[text.index("<legend>Fax") :]
    assert re.search(r'value="2-0"[^>]*checked', fax)  # one place alone changed it: that is what a merge would take
    assert "changed in one place only" in fax


def test_settling(app: Any, versions: Any, opened: Any) -> None:
    id, shown, other = versions
    north = signed_in(app, "north")
    address = f"/db/customers/doc/{id}/branches"
    chosen = {"choose.phone": other, "choose.fax": other}
    answer = send(north, address, version=[shown, other], **chosen)
    assert answer.status_code == 303
    found = opened("customers", "north").get(id, conflicts=True)
    assert (found["phone"], found["fax"]) == ("020-2222222", "020-9999999")
    assert "_conflicts" not in found
    assert "Nothing to settle" in page(north, "/conflicts")
    text = page(north, f"/db/customers/doc/{id}/history")
    assert "Versions settled" in text
    assert "took up the version of Leader" in text
    assert send(north, address, version=[shown, other], **chosen).status_code == 303  # a second click changes nothing
    assert opened("customers", "north").get(id)["_rev"] == found["_rev"]


def test_as_it_was(app: Any, versions: Any, opened: Any) -> None:
    id, shown, other = versions
    north = signed_in(app, "north")
    fields = {"version": [shown, other], "choose.phone": "base"}
    assert send(north, f"/db/customers/doc/{id}/branches", **fields).status_code == 303
    found = opened("customers", "north").get(id)
    assert (found["phone"], found.get("fax")) == ("020-1", None)


def test_a_version_that_came_meanwhile_is_looked_at_first(app: Any, versions: Any, opened: Any, node: Node) -> None:
    id, shown, other = versions
    north = signed_in(app, "north")
    raw = node.store.database("customers")
    raw.insert([Branch(id, ["3-n", "2-n", raw.tree(id).path(shown)[1]], {**raw.get(id).body, "phone": "020-4"})], AT)
    send(north, f"/db/customers/doc/{id}/branches", version=[shown, other], **{"choose.phone": other})
    assert len(raw.tree(id).live) == 3
    assert "Please look at the versions again" in page(north, f"/db/customers/doc/{id}/branches")


def test_unknown_versions_are_refused(app: Any, versions: Any, node: Node) -> None:
    id, shown, other = versions
    north = signed_in(app, "north")
    answer = send(north, f"/db/customers/doc/{id}/branches", version=[shown, other], **{"choose.phone": "9-x"})
    assert answer.status_code == 400
    assert len(node.store.database("customers").tree(id).live) == 2


def test_deleted_there_edited_here(app: Any, opened: Any, node: Node) -> None:
    north = opened("customers", "north")
    saved = north.create({"form": "customer", "name": "Acme", "class": "existing", "owner": "north"})
    raw = node.store.database("customers")
    first = raw.get(saved.id)
    raw.insert([Branch(saved.id, ["2-x", saved.rev], {"readers": first.body["readers"]}, True)], AT)
    raw.insert([Branch(saved.id, ["2-e", saved.rev], {**first.body, "phone": "020-2"})], AT)
    client = signed_in(app, "north")
    assert "Deleted elsewhere" in page(client, "/conflicts")
    assert "deleted elsewhere while it was changed" in page(client, f"/db/customers/doc/{saved.id}")
    assert "Leader deleted this document" in page(client, f"/db/customers/doc/{saved.id}/branches")
    assert send(client, f"/db/customers/doc/{saved.id}/keep").status_code == 303
    assert "Nothing to settle" in page(client, "/conflicts")
    assert "deleted elsewhere while" not in page(client, f"/db/customers/doc/{saved.id}")


def test_codes_given_twice_are_listed(app: Any, opened: Any, node: Node) -> None:
    north = opened("customers", "north")
    saved = north.create({"form": "customer", "name": "One", "class": "existing", "owner": "north"})
    raw = node.store.database("customers")
    twin = {**raw.get(saved.id).body, "name": "Two"}
    raw.insert([Branch("twin", ["1-t"], twin)], AT)
    text = page(signed_in(app, "north"), "/db/customers/conflicts")
    assert "Given twice" in text
    assert twin["code"] in text
    assert "One" in text
    assert "Two" in text
    assert "Given twice" not in page(signed_in(app, "south"), "/db/customers/conflicts")


def test_the_figures_of_rest_count_what_the_person_may_settle(call: Any, versions: Any) -> None:
    def conflicts(person: str) -> int:
        rows = call(person, "GET", "/replication").json["databases"]
        return int(next(row["conflicts"] for row in rows if row["name"] == "customers"))

    assert (conflicts("north"), conflicts("south")) == (1, 0)


def test_the_history_says_what_was_merged(app: Any, opened: Any, node: Node) -> None:
    north = opened("customers", "north")
    saved = north.create({"form": "customer", "name": "Acme", "class": "existing", "owner": "north"})
    first = node.store.database("customers").get(saved.id)
    for rev, person, changed in (("2-a", "leader", {"phone": "020-1111111"}), ("2-b", "north", {"fax": "020-2222222"})):
        branch = Incoming(saved.id, [rev, saved.rev], {**first.body, **changed})
        assert opened("customers", person).replica.push([branch]) == [None]
    client = signed_in(app, "north")
    text = page(client, f"/db/customers/doc/{saved.id}/history")
    assert "Merged" in text
    assert "took up the version of" in text
    assert "Acme</del>" not in text  # the end of a version is no change of the document
    assert "Merged" in page(client, f"/db/customers/doc/{saved.id}")


def test_settling_by_keyboard_and_on_a_phone(visit: Any, versions: Any, opened: Any) -> None:
    id, _, other = versions
    shown = visit("north", f"/db/customers/doc/{id}/branches")
    shown.set_viewport_size({"width": 390, "height": 844})
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390
    shown.locator(f'button[data-all="{other}"]').focus()
    shown.keyboard.press("Enter")
    assert shown.locator(f'input[name="choose.phone"][value="{other}"]').is_checked()
    shown.locator(f'input[name="choose.phone"][value="{other}"]').focus()
    shown.keyboard.press("ArrowRight")
    assert shown.locator('input[name="choose.phone"][value="base"]').is_checked()
    with shown.expect_navigation():
        shown.keyboard.press("Control+Enter")
    found = opened("customers", "north").get(id, conflicts=True)
    assert (found["phone"], found["fax"], "_conflicts" in found) == ("020-1", "020-9999999", False)
