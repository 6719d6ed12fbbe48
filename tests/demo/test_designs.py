"""The shipped designs: they load, speak both languages, and every view can be asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.design import Design, load_folder
from app.node import DESIGNS, Node
from app.views import ViewQuery
from tests.demo.conftest import Open

NAMES = ("customers", "deals", "directory", "discussion", "knowledge", "service")
FILES = sorted(DESIGNS.glob("*/**/*.yaml"))
COMMON = """
    code name short_name class industry attributes country province region address postcode phone mobile fax email
    website ownership legal_representative business_scope size importance status stage grade credit source profile
    parent_company owner team contact_frequency next_contact anniversaries
"""
PLAIN_COMMA = re.compile("[一-鿿][,;!?](?![A-Za-z0-9 ])")


@pytest.fixture(scope="module", params=NAMES)
def design(request: pytest.FixtureRequest) -> Design:
    return load_folder(DESIGNS / request.param)


def test_designs_have_no_problems(design: Design) -> None:
    assert [str(problem) for problem in design.problems] == []


def test_every_form_has_a_title_and_says_who_reads(design: Design) -> None:
    for form in design.forms.values():
        assert form.title is not None, form.name
        assert form.access.readers is not None, form.name
        assert form.access.authors is not None, form.name


def test_every_form_takes_remarks(design: Design) -> None:
    assert all("remarks" in form.items for form in design.forms.values())


def test_every_keyword_list_is_used_and_there(design: Design) -> None:
    items = [item for form in design.forms.values() for top in form.items.values() for item in (top, *top.items)]
    assert {item.keywords for item in items if item.keywords} == set(design.keywords)


def test_columns_of_a_view_fit_a_narrow_window(design: Design) -> None:
    for view in design.views.values():
        assert sum(column.width or 100 for column in view.columns if not column.hidden) <= 1010, view.name


def test_columns_that_hold_names_are_shown_as_people(design: Design) -> None:
    for view in design.views.values():
        items = {name: item for form in view.forms for name, item in design.forms[form].items.items()}
        for column in view.columns:
            named = [items[name].type for name in (column.value.names if column.value else ()) if name in items]
            if named and set(named) <= {"names", "readers", "authors"}:
                assert column.type == "names", f"{view.name}: {column.name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_every_label_is_in_both_languages(path: Path) -> None:
    for where, texts in _texts(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)):
        assert set(texts) == {"en", "zh"}, f"{where}: {texts}"
        assert all(texts.values()), where
        assert not re.search("[一-鿿]", texts["en"]), where
        assert not PLAIN_COMMA.search(texts["zh"]), where


def _texts(value: Any, where: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Every mapping that holds words for people."""
    if isinstance(value, dict):
        if {"en", "zh"} & set(value):
            yield where, value
            return
        if where.endswith((".label", ".help", ".message", ".plural")) or where == ".title":
            assert isinstance(value, str) or {"en", "zh"} <= set(value), where
        for key, inner in value.items():
            yield from _texts(inner, f"{where}.{key}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            if isinstance(inner, dict) and ({"type", "choices", "items"} & set(inner)) and "name" in inner:
                assert "label" in inner, f"{where}[{place}] {inner['name']} has no label"
            yield from _texts(inner, f"{where}[{place}]")


@pytest.mark.parametrize("name", NAMES)
def test_every_view_answers(name: str, company: Node, opened: Open) -> None:
    database = opened(name, "admin")
    views = company.views.describe(database)
    design = database.design
    assert design is not None
    assert {view.name for view in views} == set(design.views)
    for view in views:
        page = company.views.page(database, view.name, ViewQuery(limit=5))
        assert all(set(row.columns) >= {column.name for column in view.columns} for row in page.rows), view.name


def test_customer_form_has_the_common_items() -> None:
    items = load_folder(DESIGNS / "customers").forms["customer"].items
    assert set(COMMON.split()) <= set(items)
