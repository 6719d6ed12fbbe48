"""Reading through the gateway: what CouchDB answers, for what the person may read."""

from __future__ import annotations

import base64
from email import message_from_bytes
from io import BytesIO
from typing import Any

import pytest

from app.node import Node
from tests.replication.conftest import Sync, revision

SECRET = ["north"]


@pytest.fixture
def docs(opened: Any) -> dict[str, str]:
    """`open` for everybody, `own` for north alone, `gone` deleted, with an attachment `open/käse/1.txt`."""
    base = opened("notes", "north")
    revs = {"open": base.create({"title": "Open"}, id="open").rev}
    revs["own"] = base.create({"title": "Own", "readers": SECRET}, id="own").rev
    gone = base.create({"title": "Gone", "readers": SECRET}, id="gone").rev
    revs["gone"] = base.delete("gone", gone).rev
    revs["open"] = base.put_attachment("open", "a/ä.txt", BytesIO(b"content"), "text/plain", revs["open"]).rev
    return revs


def ids(answer: Any) -> list[str]:
    return [row["id"] for row in answer.json["results"]]


def test_welcome_is_open_and_the_rest_asks_for_a_password(sync: Sync) -> None:
    assert sync(None, "GET", "/").json["couchdb"] == "Welcome"
    for path in ("/notes", "/notes/_changes", "/notes/x", "/_session", "/nothing"):
        answer = sync(None, "GET", path)
        assert (answer.status_code, answer.json["error"]) == (401, "unauthorized")


def test_session_says_who_asks(sync: Sync) -> None:
    assert sync("north", "GET", "/_session").json["userCtx"]["name"] == "north"


def test_info_counts_what_the_person_reads(sync: Sync, docs: dict[str, str]) -> None:
    north, south = (sync(person, "GET", "/notes/").json for person in ("north", "south"))
    assert (north["doc_count"], south["doc_count"]) == (2, 1)
    assert (north["doc_del_count"], south["doc_del_count"]) == (1, 0)
    assert north["instance_start_time"] == "0"
    assert sync("north", "HEAD", "/notes").status_code == 200


def test_without_the_flag_nothing_replicates(sync: Sync, docs: dict[str, str]) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "/_changes"),
        ("GET", "/open"),
        ("GET", "/_all_docs"),
        ("GET", "/open/a%2F%C3%A4.txt"),
        ("POST", "/_bulk_docs"),
        ("PUT", "/_local/x"),
    ):
        answer = sync("outsider", method, "/notes" + path, json={"docs": [], "new_edits": False})
        assert (answer.status_code, answer.json["error"]) == (403, "forbidden"), path


def test_a_database_that_is_not_there(sync: Sync) -> None:
    answer = sync("north", "GET", "/nothing")
    assert (answer.status_code, answer.json["error"]) == (404, "not_found")


def test_changes_hold_readable_documents_and_deletions(sync: Sync, docs: dict[str, str]) -> None:
    assert ids(sync("north", "GET", "/notes/_changes")) == ["own", "gone", "open"]
    assert ids(sync("south", "GET", "/notes/_changes")) == ["open"]
    rows = sync("north", "GET", "/notes/_changes?include_docs=true").json["results"]
    assert rows[1]["deleted"] is True
    assert rows[2]["doc"]["title"] == "Open"


def test_changes_go_on_from_a_token(sync: Sync, docs: dict[str, str]) -> None:
    first = sync("north", "GET", "/notes/_changes?limit=2").json
    assert first["pending"] == 1
    rest = sync("north", "GET", f"/notes/_changes?since={first['last_seq']}")
    assert ids(rest) == ["open"]
    again = sync("north", "GET", f"/notes/_changes?since={rest.json['last_seq']}").json
    assert again["results"] == []
    assert again["last_seq"] == rest.json["last_seq"]
    assert ids(sync("north", "GET", "/notes/_changes?since=now")) == []


@pytest.mark.parametrize("since", ["3-deadbeef", "23-g1AAAACTeJzLYWBg_", "7"])
def test_a_token_of_another_hub_starts_anew(sync: Sync, docs: dict[str, str], since: str) -> None:
    assert len(ids(sync("north", "GET", f"/notes/_changes?since={since}"))) == 3


def test_a_token_that_nobody_gave_out_is_refused(sync: Sync) -> None:
    answer = sync("north", "GET", "/notes/_changes?since=rubbish")
    assert (answer.status_code, answer.json["error"]) == (400, "bad_request")


def test_filters(sync: Sync, docs: dict[str, str]) -> None:
    path = "/notes/_changes?filter=_doc_ids"
    assert ids(sync("south", "POST", path, json={"doc_ids": ["open", "own"]})) == ["open"]
    assert ids(sync("north", "GET", path + '&doc_ids=["own"]')) == ["own"]
    selector = {"selector": {"title": {"$gt": "Open", "$exists": True}}}
    assert ids(sync("north", "POST", "/notes/_changes?filter=_selector", json=selector)) == ["own"]
    for strange in ("_view", "app/mine"):
        answer = sync("north", "GET", f"/notes/_changes?filter={strange}")
        assert (answer.status_code, answer.json["error"]) == (501, "not_implemented")
    answer = sync("north", "POST", "/notes/_changes", json={"selector": {"a": {"$regex": "(a+)+"}}})
    assert answer.status_code == 501


def test_changes_descend_and_number_by_interval(sync: Sync, docs: dict[str, str]) -> None:
    assert ids(sync("north", "GET", "/notes/_changes?descending=true&limit=2")) == ["open", "gone"]
    rows = sync("north", "GET", "/notes/_changes?seq_interval=2").json["results"]
    assert [row["seq"] is None for row in rows] == [True, False, True]


def test_long_poll_answers_when_something_comes(sync: Sync, docs: dict[str, str], opened: Any) -> None:
    import threading
    import time

    since = sync("south", "GET", "/notes").json["update_seq"]
    base = opened("notes", "north")

    def later() -> None:
        time.sleep(0.2)
        base.create({"readers": SECRET}, id="hidden")
        time.sleep(0.2)
        base.create({"title": "New"}, id="new")

    thread = threading.Thread(target=later)
    thread.start()
    began = time.monotonic()
    answer = sync("south", "GET", f"/notes/_changes?feed=longpoll&heartbeat=100&timeout=8000&since={since}")
    thread.join()
    assert ids(answer) == ["new"]
    assert time.monotonic() - began < 5


def test_long_poll_ends_without_rows(sync: Sync) -> None:
    since = sync("south", "GET", "/notes").json["update_seq"]
    answer = sync("south", "GET", f"/notes/_changes?feed=longpoll&timeout=200&since={since}")
    assert answer.json == {"results": [], "last_seq": since, "pending": 0}


def test_continuous_gives_a_row_a_line(sync: Sync, docs: dict[str, str]) -> None:
    answer = sync("south", "GET", "/notes/_changes?feed=continuous&timeout=100")
    lines = [line for line in answer.get_data(as_text=True).split("\n") if line]
    assert '"id":"open"' in lines[0]
    assert "last_seq" in lines[-1]


def test_hidden_and_missing_look_the_same(sync: Sync, docs: dict[str, str]) -> None:
    for tail in ("", "?rev=" + docs["own"], "?open_revs=all", "?conflicts=true", "/a.txt"):
        own, none = (sync("south", "GET", f"/notes/{id}{tail}") for id in ("own", "missing"))
        assert (own.status_code, own.json) == (none.status_code, none.json), tail
    asked = {"docs": [{"id": "own", "rev": docs["own"]}, {"id": "gone", "rev": docs["gone"]}]}
    found = sync("south", "POST", "/notes/_bulk_get?revs=true", json=asked).json["results"]
    assert all(each["docs"][0]["error"]["error"] == "not_found" for each in found)
    diff = sync("south", "POST", "/notes/_revs_diff", json={"own": [docs["own"]], "none": ["1-a"]}).json
    assert diff == {"own": {"missing": [docs["own"]]}, "none": {"missing": ["1-a"]}}


def test_revs_diff_names_what_is_missing(sync: Sync, docs: dict[str, str]) -> None:
    asked = {"own": [docs["own"], "2-x"], "open": [docs["open"]]}
    answer = sync("north", "POST", "/notes/_revs_diff", json=asked).json
    assert answer == {"own": {"missing": ["2-x"], "possible_ancestors": [docs["own"]]}}
    older = sync("north", "POST", "/notes/_missing_revs", json=asked).json
    assert older == {"missing_revs": {"own": ["2-x"]}}


def test_bulk_get_gives_revisions_and_attachments(sync: Sync, docs: dict[str, str]) -> None:
    asked = {"docs": [{"id": "open", "rev": docs["open"]}]}
    answer = sync("north", "POST", "/notes/_bulk_get?revs=true&attachments=true", json=asked).json
    found = answer["results"][0]["docs"][0]["ok"]
    assert found["_revisions"]["start"] == 2
    assert base64.b64decode(found["_attachments"]["a/ä.txt"]["data"]) == b"content"
    stub = sync("north", "POST", "/notes/_bulk_get", json=asked).json["results"][0]["docs"][0]["ok"]
    assert stub["_attachments"]["a/ä.txt"]["stub"] is True


def parts(answer: Any) -> list[Any]:
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    payload = message_from_bytes(head + answer.get_data()).get_payload()
    assert isinstance(payload, list)
    return payload


def test_multipart_answers(sync: Sync, docs: dict[str, str]) -> None:
    mixed = {"Accept": "multipart/mixed"}
    asked = {"docs": [{"id": "open"}, {"id": "missing", "rev": "1-a"}]}
    full = sync("north", "POST", "/notes/_bulk_get?attachments=true", json=asked, headers=mixed)
    found = parts(full)
    assert found[0].get_payload()[1].get_payload(decode=True) == b"content"
    assert "not_found" in found[1].get_payload()
    revs = sync("north", "GET", '/notes/open?revs=true&open_revs=["1-q"]', headers=mixed)
    assert '"missing":"1-q"' in parts(revs)[0].get_payload()
    every = parts(sync("north", "GET", "/notes/open?open_revs=all", headers=mixed))
    assert every[0].get_content_type() == "multipart/related"


def test_atts_since_leaves_out_what_is_held(sync: Sync, docs: dict[str, str], opened: Any) -> None:
    first = opened("notes", "north").change("open", {"title": "Later"}, docs["open"]).rev
    for since, wanted in ((docs["open"], "stub"), ("1-zzz", "data")):
        answer = sync("north", "GET", f'/notes/open?atts_since=["{since}"]&rev={first}').json
        assert wanted in answer["_attachments"]["a/ä.txt"]


def test_open_revs_and_conflicts(sync: Sync, push: Any) -> None:
    push("north", "notes", revision("c", "1-a", title="A"), revision("c", "1-b", title="B"))
    rows = sync("north", "GET", "/notes/c?open_revs=all&revs=true").json
    assert {row["ok"]["title"] for row in rows} == {"A", "B"}
    assert sync("north", "GET", "/notes/c?conflicts=true").json["_conflicts"] == ["1-a"]
    assert sync("north", "GET", '/notes/c?open_revs=["1-a","1-q"]').json[1] == {"missing": "1-q"}
    row = sync("north", "GET", "/notes/_changes?style=all_docs").json["results"][-1]
    assert [each["rev"] for each in row["changes"]] == ["1-b", "1-a"]


def test_a_branch_that_is_not_for_me_is_not_there(sync: Sync, push: Any) -> None:
    push("north", "notes", revision("c", "1-b", title="All"), revision("c", "1-a", title="Mine", readers=SECRET))
    assert len(sync("north", "GET", "/notes/c?open_revs=all").json) == 2
    assert [row["ok"]["title"] for row in sync("south", "GET", "/notes/c?open_revs=all").json] == ["All"]
    row = sync("south", "GET", "/notes/_changes?style=all_docs").json["results"][-1]
    assert [each["rev"] for each in row["changes"]] == ["1-b"]
    assert sync("south", "POST", "/notes/_revs_diff", json={"c": ["1-a"]}).json == {"c": {"missing": ["1-a"]}}
    assert sync("south", "GET", "/notes/c?rev=1-a").status_code == 404


def test_all_docs(sync: Sync, docs: dict[str, str]) -> None:
    answer = sync("north", "GET", '/notes/_all_docs?startkey="o"&include_docs=true').json
    assert [row["id"] for row in answer["rows"]] == ["open", "own"]
    assert answer["rows"][1]["doc"]["title"] == "Own"
    rows = sync("south", "POST", "/notes/_all_docs", json={"keys": ["own", "open"]}).json["rows"]
    assert rows[0] == {"key": "own", "error": "not_found"}
    assert rows[1]["id"] == "open"
    rows = sync("north", "GET", "/notes/_all_docs?descending=true&limit=1&skip=1").json["rows"]
    assert [row["id"] for row in rows] == ["open"]


def test_attachments_by_themselves(sync: Sync, docs: dict[str, str]) -> None:
    for path in ("/notes/open/a/ä.txt", "/notes/open/a%2F%C3%A4.txt"):
        assert sync("south", "GET", path).get_data() == b"content"
    part = sync("south", "GET", "/notes/open/a/ä.txt", headers={"Range": "bytes=3-"})
    assert (part.status_code, part.get_data()) == (206, b"tent")


def test_checkpoints_are_each_persons_own(sync: Sync) -> None:
    saved = sync("north", "PUT", "/notes/_local/check", json={"seq": 1})
    assert saved.json == {"ok": True, "id": "_local/check", "rev": "0-1"}
    assert sync("north", "GET", "/notes/_local/check").json["seq"] == 1
    assert sync("south", "GET", "/notes/_local/check").status_code == 404
    assert sync("south", "GET", "/notes/_local/..%2Fnorth%2Fcheck").status_code == 404
    stale = sync("north", "PUT", "/notes/_local/check", json={"_rev": "0-9", "seq": 2})
    assert (stale.status_code, stale.json["error"]) == (409, "conflict")
    assert sync("north", "DELETE", "/notes/_local/check").status_code == 200


def test_what_is_not_there_says_so(sync: Sync) -> None:
    for path in ("/notes/_find", "/notes/_design/a/_view/b", "/notes/_security", "/_all_dbs", "/_replicate"):
        answer = sync("north", "GET", path)
        if path != "/notes/_design/a/_view/b":
            assert (answer.status_code, answer.json["error"]) == (501, "not_implemented"), path


def test_ids_with_slashes_and_other_letters(sync: Sync, opened: Any) -> None:
    opened("notes", "north").create({"title": "Odd"}, id="a/b c客户")
    assert sync("south", "GET", "/notes/a%2Fb%20c%E5%AE%A2%E6%88%B7").json["title"] == "Odd"


def test_the_acl_comes_to_managers_alone(sync: Sync) -> None:
    assert "acl" in ids(sync("admin", "GET", "/notes/_changes"))
    assert "acl" not in ids(sync("north", "GET", "/notes/_changes"))


def test_a_token_opens_what_it_covers(sync: Sync, node: Node, client: Any) -> None:
    _, secret = node.secrets.tokens.create("north", "laptop", databases=["notes"], write=False)
    assert client.get("/sync/notes", auth=("north", secret)).status_code == 200
    assert client.get("/sync/customers", auth=("north", secret)).status_code == 404
    answer = client.post(
        "/sync/notes/_bulk_docs",
        json={"docs": [{"_id": "a", "_rev": "1-a"}], "new_edits": False},
        auth=("north", secret),
    )
    assert answer.status_code == 403
    asked = client.post("/sync/notes/_revs_diff", json={"a": ["1-a"]}, auth=("north", secret))
    assert asked.status_code == 200


def test_making_and_removing_a_database(sync: Sync, node: Node) -> None:
    assert sync("north", "PUT", "/mine").status_code == 403
    assert sync("admin", "PUT", "/mine").status_code == 201
    assert sync("admin", "PUT", "/mine").json["error"] == "file_exists"
    assert sync("north", "POST", "/mine", json={"_id": "x", "any": [1]}).status_code == 201
    assert sync("north", "DELETE", "/mine").status_code == 403
    assert sync("admin", "DELETE", "/mine").status_code == 200
    assert "mine" not in node.store.names()
