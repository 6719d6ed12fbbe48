"""The frame: headers, assets, languages, error pages, navigation."""

from __future__ import annotations

import re

from flask import Flask

from app.node import Node
from app.web.assets import icon
from tests.web.conftest import Web, csrf


def test_pages_forbid_inline_code_and_other_sites(web: Web) -> None:
    answer = web("north").get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<[^>]+\s(style|on\w+)=", answer.text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", answer.text)
    assert not re.search(r'(src|href)="https?:', answer.text)


def test_assets_are_kept_for_a_year_and_compressed(web: Web) -> None:
    page = web("north").get("/").text
    address = re.search(r'href="(/assets/[^"]+theme\.css)"', page)
    assert address is not None
    answer = web("north").get(address[1], headers={"Accept-Encoding": "gzip"})
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Set-Cookie" not in answer.headers
    old = web("north").get(re.sub(r"/assets/\w+/", "/assets/000000/", address[1]))
    assert old.headers["Cache-Control"] == "no-cache"


def test_assets_do_not_leave_their_folder(firm_app: Flask) -> None:
    client = firm_app.test_client()
    assert client.get("/assets/x/app/../../../app/node.py").status_code == 404
    assert client.get("/assets/x/app/%2e%2e/%2e%2e/node.py").status_code == 404
    assert client.get("/assets/x/nothing/a.css").status_code == 404


def test_every_icon_of_the_package_can_be_drawn() -> None:
    assert "<path" in icon("people")
    assert icon("no-such-icon") == icon("file-earmark-text")
    assert 'aria-label="A &amp; B"' in icon("x", "A & B")


def test_the_navigation_lists_what_one_may_open(web: Web) -> None:
    page = web("north").get("/").text
    assert "/db/customers/view/customers" in page
    assert "/db/deals/view/deals_by_stage" in page
    assert "/db/customers/view/customers" not in web("outsider").get("/").text


def test_unread_counts_are_of_views_one_may_open(web: Web) -> None:
    counts = web("outsider").get("/frame/unread").get_json()
    assert not [name for name in counts if name.startswith(("customers/", "deals/"))]


def test_the_language_is_the_persons_and_can_be_switched(web: Web, firm: Node) -> None:
    client = web("support")
    assert 'lang="en"' in client.get("/", headers={"Accept-Language": "en"}).text
    client.post("/frame/language", data={"language": "zh", "csrf_token": csrf(client), "next": "/guide"})
    assert 'lang="zh-Hans"' in client.get("/guide", headers={"Accept-Language": "en"}).text
    person = firm.directory.person("support")
    assert person is not None
    assert person.language == "zh"


def test_before_sign_in_the_browser_chooses_the_language(firm_app: Flask) -> None:
    client = firm_app.test_client()
    assert 'lang="zh-Hans"' in client.get("/sign-in", headers={"Accept-Language": "zh-CN,zh;q=0.9"}).text
    assert 'lang="en"' in client.get("/sign-in", headers={"Accept-Language": "en-GB"}).text


def test_missing_and_unreadable_look_the_same(web: Web, firm: Node) -> None:
    client = web("north")
    missing = client.get("/db/no-such-database/")
    closed = web("outsider").get("/db/customers/view/customers")
    assert missing.status_code == closed.status_code == 404
    for page in (missing.text, closed.text):
        assert "There is no such document or page." in page
        assert "Traceback" not in page


def test_programs_get_errors_as_json_and_htmx_as_a_sentence(web: Web) -> None:
    client = web("north")
    answer = client.get("/db/none/", headers={"Accept": "application/json"})
    assert answer.get_json()["error"] == "not_found"
    part = client.get("/db/none/", headers={"HX-Request": "true"})
    assert part.mimetype == "text/plain"


def test_health_needs_no_sign_in(firm_app: Flask) -> None:
    answer = firm_app.test_client().get("/healthz")
    assert answer.status_code == 200
    assert answer.get_json() == {"ok": True}


def test_the_start_page_serves_everybody(web: Web) -> None:
    for person in ("admin", "leader", "north", "south", "support", "outsider"):
        assert web(person).get("/").status_code == 200
    north, south = web("north").get("/").text, web("south").get("/").text
    assert "Order 1" in north
    assert "Order 1" not in south
    assert "Alder Trading" not in south
    assert "/admin/setup" in web("admin").get("/").text
    assert "/admin/setup" not in north


def test_the_guide_is_there_in_both_languages(web: Web) -> None:
    client = web("north")
    assert "Everything here is a" in client.get("/guide", headers={"Accept-Language": "en"}).text
    assert "这里的一切都是" in client.get("/guide", headers={"Accept-Language": "zh"}).text


def test_only_the_database_at_hand_and_what_one_opened_is_unfolded(web: Web) -> None:
    client = web("leader")
    client.environ_base["HTTP_X_CSRFTOKEN"] = csrf(client)
    page = client.get("/db/customers/view/customers").text
    assert unfolded(page) == ["customers"]
    assert client.post("/frame/opened", json={"databases": ["deals", "customers", "no-such"]}).status_code == 204
    assert unfolded(client.get("/").text) == ["customers", "deals"]
    assert unfolded(web("north").get("/").text) == []
    client.post("/frame/opened", json={"databases": []})


def unfolded(page: str) -> list[str]:
    """The databases that stand open in the navigation."""
    return re.findall(r'data-database="([^"]+)" open>', page)


def test_views_stand_under_headings(web: Web) -> None:
    page = web("north").get("/db/customers/view/customers").text
    assert re.findall(r'class="side-heading">([^<]+)<', page)[:2] == ["Contacts", "To print"]
