"""Views as pages: rows, categories, filters, columns, marks, boards, bulk changes."""

from __future__ import annotations

import html
import re
import time
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from app.access import SYSTEM
from app.design import View
from app.node import Node
from app.views import pages
from app.web.lists.state import Filter, State
from tests.web.conftest import Web, csrf, database

CUSTOMERS = "/db/customers/view/customers"
PART = {"HX-Request": "true"}


def view(node: Node, name: str = "customers", where: str = "customers") -> View:
    design = node.catalog.design(where)
    assert design is not None
    return design.views[name]


def test_an_address_and_its_state_are_the_same_thing(firm: Node) -> None:
    query = MultiDict(
        [("sort", "-name"), ("starts", "上"), ("f.class", "agent"), ("f.class", "partner"), ("f.name.has", 'a"b;c')]
    )
    state = State.read(query, view(firm), {})
    assert state.sorted_by("name").sort is None
    assert state.condition() == 'class="agent","partner";name~"a""b;c"'
    assert State.read(MultiDict(state.arguments()), view(firm), {}) == state


def test_what_a_view_does_not_know_is_left_out(firm: Node) -> None:
    query = MultiDict([("sort", "password"), ("f.x y", "1"), ("f.name.drop", "1"), ("style", "evil"), ("f.name", "")])
    state = State.read(query, view(firm), {})
    assert state.arguments() == []


def test_a_filter_in_words_of_the_index() -> None:
    assert Filter("amount", "min", ("5",)).text() == 'amount>="5"'
    assert Filter("phone", "empty", ("1",)).text() == "phone="
    assert Filter("phone", "filled", ("1",)).text() == "phone!="


def test_a_view_shows_readable_rows_only(web: Web) -> None:
    north, south = web("north").get(CUSTOMERS).text, web("south").get(CUSTOMERS).text
    assert "Alder Trading 00" in north
    assert "Birch Secret" not in north
    assert "64 documents" in north
    assert "4 documents" in south
    assert "Alder" not in south


def test_more_rows_follow_by_their_token(web: Web) -> None:
    client = web("north")
    page = client.get(CUSTOMERS).text
    assert page.count('class="row-line') == 50
    following = page.split('class="more" hx-get="')[1].split('"')[0].replace("&amp;", "&")
    rest = client.get(following, headers=PART).text
    assert rest.count('class="row-line') == 14
    assert "<html" not in rest


def test_type_to_find_looks_at_the_beginning(web: Web) -> None:
    page = web("north").get(f"{CUSTOMERS}?starts=上海").text
    assert page.count('class="row-line') == 1
    assert "上海锦绣贸易" in page


def test_filters_are_chips_that_can_be_taken_away(web: Web) -> None:
    page = web("north").get(f"{CUSTOMERS}?f.class=agent").text
    assert "16 documents" in page
    assert 'class="chip"' in page
    assert web("north").get(f"{CUSTOMERS}?f.name.has=trading+07").text.count('class="row-line') == 1


def test_what_has_to_be_counted_is_asked_for_after_the_page(web: Web) -> None:
    client = web("north")
    assert "part=total" not in client.get(f"{CUSTOMERS}?f.class=agent").text  # kept by the index
    assert "part=total" not in client.get(f"{CUSTOMERS}?f.name.has=trading+07").text  # all on the page
    page = client.get(f"{CUSTOMERS}?f.name.has=alder").text
    assert "More than 50 documents" in page
    address = page.split('<footer class="grid-foot" hx-get="')[1].split('"')[0].replace("&amp;", "&")
    part = client.get(address, headers=PART).text
    assert "63 documents" in part
    assert "<html" not in part
    assert "63" not in web("south").get(address, headers=PART).text


def test_a_search_out_of_time_goes_on_when_told_to(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "SEARCH", -1.0)
    monkeypatch.setattr(pages, "LOOK_AT", 10)
    monkeypatch.setattr(pages, "BATCH_MOST", 30)
    client, address, found = web("north"), f"{CUSTOMERS}?f.phone.has=0000062", 0
    first = client.get(address).text
    assert "Not found among the first documents" in first
    while links := re.findall(r'href="([^"]*after=[^"]*)"', first):
        first = client.get(html.unescape(links[-1])).text
        found += first.count('class="row-line')
    assert found == 1
    part = client.get(f"{CUSTOMERS}?f.class.not=agent&part=rows", headers=PART).text
    assert 0 < part.count('class="row-line') < 48
    assert "Search on" in part
    assert client.get(f"{CUSTOMERS}?f.phone.has=0000062&part=total", headers=PART).status_code == 204


def test_an_empty_list_says_what_to_do(web: Web) -> None:
    assert "Nothing fits these conditions" in web("north").get(f"{CUSTOMERS}?f.class=nothing").text
    first = web("leader").get("/db/service/view/complaints")
    if first.status_code == 200:
        assert "Nothing here yet" in first.text


def test_categories_have_counts_and_unfold(web: Web) -> None:
    client = web("north")
    page = client.get("/db/customers/view/customers_by_class").text
    assert page.count("data-group-url") == 4
    assert '<span class="group-count">16</span>' in page
    address = page.split('data-group-url="')[4].split('"')[0].replace("&amp;", "&")
    assert client.get(address, headers=PART).text.count('class="row-line') == 16


def test_a_board_has_a_column_for_each_stage_and_moves_cards(web: Web, firm: Node) -> None:
    client = web("north")
    page = client.get("/db/deals/view/deals_by_stage").text
    assert page.count('class="board-column"') >= 5
    deals = database(firm, "deals", "north")
    row = next(row for row in firm.views.page(deals, "deals").rows if row.columns["stage"] == "lead")
    before = deals.get(row.id)
    body = {"id": row.id, "rev": before["_rev"], "value": "qualified"}
    answer = client.post("/db/deals/view/deals_by_stage/move", json=body, headers={"X-CSRFToken": csrf(client)})
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["before"] == "lead"
    assert deals.get(row.id)["stage"] == "qualified"


def test_who_may_not_edit_moves_nothing(web: Web, firm: Node) -> None:
    deals = database(firm, "deals", "north")
    id = firm.views.page(deals, "deals").rows[0].id
    client = web("south")
    body = {"id": id, "rev": "1-x", "value": "won"}
    answer = client.post("/db/deals/view/deals_by_stage/move", json=body, headers={"X-CSRFToken": csrf(client)})
    assert answer.status_code == 404


def test_a_calendar_shows_a_month(web: Web) -> None:
    page = web("north").get("/db/deals/view/activities?month=2026-11").text
    assert page.count("<td class=") >= 35
    assert "month=2026-10" in page


def test_columns_are_kept_per_person(web: Web) -> None:
    client = web("north")
    headers = {"X-CSRFToken": csrf(client)}
    client.post(f"{CUSTOMERS}/columns", json={"hidden": ["code"], "widths": {"name": 333, "evil": 5}}, headers=headers)
    page = client.get(CUSTOMERS).text
    assert '<col width="333" data-column="name"' in page
    assert 'data-column="code"' not in page
    assert 'data-column="code"' in web("south").get(CUSTOMERS).text
    client.post(f"{CUSTOMERS}/columns", json={"reset": True}, headers=headers)
    assert 'data-column="code"' in client.get(CUSTOMERS).text


def test_a_shared_filter_shows_each_only_their_own_rows(web: Web) -> None:
    admin = web("admin")
    form = {"name": "All existing", "query": "f.class=existing", "shared": "1", "csrf_token": csrf(admin)}
    kept = admin.post(f"{CUSTOMERS}/filters", data=form)
    assert kept.status_code == 302
    south = web("south")
    assert "All existing" in south.get(CUSTOMERS).text
    page = south.get(kept.location).text
    assert "Birch Secret" in page
    assert "Alder" not in page


def test_a_view_of_ones_own_has_columns_and_stands_in_the_navigation(web: Web) -> None:
    leader = web("leader")
    token = csrf(leader)
    kept = leader.post(
        f"{CUSTOMERS}/filters?columns=name,phone",
        data={
            "name": "Who to call",
            "query": "f.class=existing&columns=name,phone",
            "columns": "1",
            "csrf_token": token,
        },
    )
    page = leader.get(kept.location).text
    assert list(dict.fromkeys(re.findall(r'data-column="(\w+)"', page))) == ["name", "phone"]
    assert "My views" in leader.get("/").text
    assert "Who to call" in leader.get("/").text
    own = leader.get("/me/views").text
    id = re.search(r'action="/me/views/(\w+)"', own)
    assert id is not None
    changed = {"name": "Ring them up", "columns": ["phone", "name", "class"], "csrf_token": token}
    assert leader.post(f"/me/views/{id[1]}", data=changed).status_code == 303
    address = re.search(r'<h2><a href="([^"]+)"', leader.get("/me/views").text)
    assert address is not None
    page = leader.get(html.unescape(address[1])).text
    assert list(dict.fromkeys(re.findall(r'data-column="(\w+)"', page))) == ["phone", "name", "class"]
    assert "Birch" in page
    south = web("south")
    assert "Ring them up" not in south.get("/").text
    stolen = {"name": "Mine", "csrf_token": csrf(south)}
    assert south.post(f"/me/views/{id[1]}", data=stolen).status_code == 404
    leader.post(f"/filters/{id[1]}/drop", data={"csrf_token": token, "next": "/me/views"})
    assert "Ring them up" not in leader.get("/").text


def test_a_list_is_shared_later_only_with_the_right(web: Web) -> None:
    south = web("south")
    token = csrf(south)
    south.post(f"{CUSTOMERS}/filters", data={"name": "Later", "query": "", "csrf_token": token})
    id = re.search(r'action="/me/views/(\w+)"', south.get("/me/views").text)
    assert id is not None
    assert (
        south.post(f"/me/views/{id[1]}", data={"name": "Later", "shared": "1", "csrf_token": token}).status_code == 403
    )
    south.post(f"/filters/{id[1]}/drop", data={"csrf_token": token, "next": "/"})


def test_sharing_needs_the_right(web: Web) -> None:
    south = web("south")
    form = {"name": "South only", "query": "f.class=existing", "shared": "1", "csrf_token": csrf(south)}
    assert south.post(f"{CUSTOMERS}/filters", data=form).status_code == 403
    del form["shared"]
    assert south.post(f"{CUSTOMERS}/filters", data=form).status_code == 302
    assert "South only" not in web("north").get(CUSTOMERS).text


def test_marks_move_for_their_reader_only(web: Web, firm: Node) -> None:
    customers = database(firm, "customers", "north")
    id = firm.views.page(customers, "customers").rows[0].id
    north = web("north")
    headers = {"X-CSRFToken": csrf(north)}
    assert north.post("/db/customers/marks", json={"ids": [id], "read": False}, headers=headers).status_code == 204
    assert 'class="row-line unread"' in north.get(CUSTOMERS).text
    assert 'class="row-line unread"' not in web("leader").get(f"{CUSTOMERS}?unread=1").text
    north.post("/db/customers/marks", json={"ids": [id], "read": True}, headers=headers)
    assert 'class="row-line unread"' not in north.get(CUSTOMERS).text


def test_search_and_palette_find_beginnings_and_leak_nothing(web: Web) -> None:
    assert "Birch Secret 0" in web("south").get("/search?q=Birch").text
    assert "Birch Secret 0" not in web("north").get("/search?q=Birch").text
    labels = [row["label"] for row in web("north").get("/palette?q=birch").get_json()]
    assert labels == []
    labels = [row["label"] for row in web("north").get("/palette?q=alder+trading+0").get_json()]
    assert "Alder Trading 00" in labels


def finish(client: FlaskClient, id: str) -> str:
    for _attempt in range(100):
        page = client.get(f"/jobs/{id}", headers=PART).text
        if "data-job-ended" in page:
            return page
        time.sleep(0.05)
    raise AssertionError("the job does not end")


def test_all_results_change_as_a_job_and_go_back(web: Web, firm: Node) -> None:
    client = web("north")
    token = csrf(client)
    form = {"_item": "industry", "item.industry": "beverages", "csrf_token": token}
    begun = client.post(f"{CUSTOMERS}/bulk?f.class=partner", data=form, headers=PART)
    assert begun.status_code == 200, begun.text
    id = begun.text.split('id="job-')[1].split('"')[0]
    assert 'data-job-ended="done"' in finish(client, id)
    customers = database(firm, "customers", "north")
    changed = [row.doc for row in firm.views.page(customers, "customers").rows if row.doc.get("class") == "partner"]
    assert {document["industry"] for document in changed} == {"beverages"}
    client.post(f"/jobs/{id}/undo", data={"csrf_token": token}, headers=PART)
    assert 'data-job-ended="undone"' in finish(client, id)
    assert customers.get(changed[0]["_id"])["industry"] == "food_production"


def test_a_job_is_shown_to_its_owner_only(web: Web, firm: Node) -> None:
    job = firm.jobs.create("update", "north", "customers", {"view": "customers", "items": {"industry": "x"}})
    assert web("south").get(f"/jobs/{job.id}").status_code == 404
    assert web("north").get(f"/jobs/{job.id}").status_code == 200
    firm.jobs.cancel(job.id)


@pytest.mark.parametrize("name", ["code", "readers", "created_by", "nothing"])
def test_what_nobody_sets_by_hand_is_not_changed_in_bulk(web: Web, name: str) -> None:
    client = web("north")
    form = {"_item": name, f"item.{name}": "x", "csrf_token": csrf(client)}
    assert client.post(f"{CUSTOMERS}/bulk", data=form, headers=PART).status_code == 404


def test_folded_categories_stay_folded_for_their_person(web: Web) -> None:
    client = web("north")
    client.environ_base["HTTP_X_CSRFTOKEN"] = csrf(client)
    by_class = "/db/customers/view/customers_by_class"
    known = dict(folds(client.get(by_class).text))
    assert "true" in known.values()
    first = next(iter(known))
    client.post(f"{by_class}/folds", json={"key": first, "open": False})
    assert dict(folds(client.get(by_class).text))[first] == "false"
    client.post(f"{by_class}/folds", json={"all": "open"})
    assert set(dict(folds(client.get(by_class).text)).values()) == {"true"}
    client.post(f"{by_class}/folds", json={"all": "closed"})
    assert set(dict(folds(client.get(by_class).text)).values()) == {"false"}
    assert "true" in dict(folds(web("south").get(by_class).text)).values()
    assert client.post(f"{by_class}/folds", json={"key": 7}).status_code == 204


def folds(page: str) -> list[tuple[str, str]]:
    """The categories of a page, and whether they are unfolded."""
    return re.findall(r'data-key="([^"]+)"[^>]*>\s*<tr class="group-line"[^>]* aria-expanded="(true|false)"', page)


def test_one_column_takes_the_width_that_is_left(web: Web) -> None:
    page = web("north").get(CUSTOMERS).text
    assert re.findall(r'<col(?! width)[^>]*data-column="([^"]+)"', page) == ["name"]


def test_lists_of_ones_own_need_the_right(web: Web, firm: Node) -> None:
    acl = firm.databases.acl("customers")
    entry = acl.entries["sales"]
    without = {**acl.entries, "sales": replace(entry, flags=entry.flags - {"personal_views"})}
    firm.databases.set_acl("customers", SYSTEM, replace(acl, entries=without))
    try:
        client = web("north")
        form = {"name": "Kept", "query": "f.class=existing", "csrf_token": csrf(client)}
        assert client.post(f"{CUSTOMERS}/filters", data=form).status_code == 403
        assert 'id="save-dialog"' not in client.get(CUSTOMERS).text
    finally:
        firm.databases.set_acl("customers", SYSTEM, acl)
