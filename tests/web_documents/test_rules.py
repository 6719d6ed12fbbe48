"""What needs no browser: merging, reading a form back, names of files, safe HTML."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from app.design import Item, Label
from app.web.documents import attaching, formdata
from app.web.documents.markdown import render
from app.web.documents.merging import merge_sets, three_way

LABEL = Label({"en": "x"})


@pytest.mark.parametrize(
    ("base", "theirs", "mine", "written", "clashes"),
    [
        ({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}, []),  # only I changed it
        ({"a": 1}, {"a": 2}, {"a": 1}, {}, []),  # only they changed it
        ({"a": 1}, {"a": 2}, {"a": 2}, {}, []),  # both the same
        ({"a": 1}, {"a": 2}, {"a": 3}, {}, ["a"]),  # both differently
        ({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 5}, {"b": 5}, []),  # different items
        ({}, {}, {"a": None}, {}, []),  # empty is nothing
        ({"a": 1}, {"a": 1}, {"a": None}, {"a": None}, []),  # emptied
        (None, {"a": 2}, {"a": 3}, {}, ["a"]),  # what it was is not known
        ({"s": ["x"]}, {"s": ["x", "y"]}, {"s": ["x", "z"]}, {"s": ["x", "y", "z"]}, []),  # a set
    ],
)
def test_three_way(base: Any, theirs: Any, mine: Any, written: Any, clashes: Any) -> None:
    merged = three_way(base, theirs, mine, sets={"s"})
    assert merged.items == written
    assert [clash.name for clash in merged.clashes] == clashes


def test_sets_keep_both_additions_and_both_removals() -> None:
    assert merge_sets(["a", "b", "c"], ["b", "c", "d"], ["a", "c", "e"]) == ["c", "d", "e"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,234.50", 1234.5), ("￥1２３", 123), ("-5", -5), ("1 000", 1000), ("abc", "abc"), ("1e9", "1e9"), ("=1", "=1")],
)
def test_numbers_as_people_type_them(text: str, value: Any) -> None:
    assert formdata.number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1980-5-12", "1980-05-12"),
        ("5-12", "--05-12"),
        ("5月12日", "--05-12"),
        ("1980", "1980"),
        ("1980-5", "1980-05"),
        ("soon", "soon"),
    ],
)
def test_partial_dates_as_people_type_them(text: str, value: str) -> None:
    assert formdata.partial(text) == value


def test_moments_are_stored_in_utc() -> None:
    assert formdata.moment("2026-11-22T16:00", "Asia/Shanghai") == "2026-11-22T08:00:00.000Z"
    assert formdata.local_moment("2026-11-22T08:00:00.000Z", "Asia/Shanghai") == "2026-11-22T16:00"


def test_rows_count_in_the_order_of_the_page() -> None:
    cells = (Item("product", "text", LABEL), Item("price", "money", LABEL))
    table = Item("lines", "table", LABEL, items=cells)
    sent = MultiDict(
        [
            ("item.lines.4.product", "B"),
            ("item.lines.4.price", "2"),
            ("item.lines.0.product", "A"),
            ("item.lines.9.product", ""),
        ]
    )
    assert formdata.read_item(table, sent, "UTC", formdata.PREFIX) == [{"product": "B", "price": 2}, {"product": "A"}]


def test_an_item_that_was_not_offered_stays() -> None:
    box = Item("done", "boolean", LABEL)
    assert formdata.read_item(box, MultiDict(), "UTC", formdata.PREFIX) is False


def test_markdown_is_safe() -> None:
    html = str(render("<script>x</script> [a](javascript:x) ![](https://elsewhere/x.png) <b onclick=x>y</b>"))
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert "elsewhere" not in html
    assert "<b " not in html


@pytest.mark.parametrize(
    ("name", "stored", "sent"),
    [
        ("a.png", "image/png", "image/png"),
        ("a.html", "text/html", attaching.DOWNLOAD),
        ("a.svg", "image/svg+xml", attaching.DOWNLOAD),
        ("a.png", "text/html", attaching.DOWNLOAD),
        ("a.txt", "text/plain; charset=gbk", "text/plain"),
        ("a.pdf", "application/octet-stream", "application/pdf"),
        ("a.xml", "application/xml", attaching.DOWNLOAD),
    ],
)
def test_only_harmless_types_are_shown(name: str, stored: str, sent: str) -> None:
    assert attaching.safe_type(name, stored) == sent


def test_names_of_files_are_cleaned_and_free() -> None:
    assert attaching.clean_name("C:\\x\\..\\_a\tb.pdf") == "ab.pdf"
    assert attaching.free_name("a.pdf", ["a.pdf", "a (2).pdf"]) == "a (3).pdf"
