"""Columns of choices sort as their list has them, in every language; filters go by the values."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.design import Design, load_folder
from app.views import ViewQuery
from tests.views.conftest import World

FORM = """
label: {en: Deal}
title: title
sections:
  - name: basics
    label: {en: Basics}
    items:
      - {name: title, type: text, label: {en: Title}}
      - {name: stage, type: keyword, keywords: stages, label: {en: Stage}}
      - name: marks
        type: keyword
        multiple: true
        label: {en: Marks}
        choices: [{value: z, label: {en: A, zh: 甲}}, {value: a, label: {en: Z, zh: 乙}}]
"""
STAGES = """
label: {en: Stages, zh: 阶段}
choices:
  - {value: won, label: {en: Won, zh: 赢单}}
  - {value: lead, label: {en: Lead, zh: 线索}}
  - {value: offer, label: {en: Offer, zh: 报价}}
"""
COLUMNS = "columns: [{name: title}, {name: stage, sortable: true, indexed: true}, {name: marks, indexed: true}]"
VIEWS = {
    "all": "label: {en: A}\nforms: [deal]\nsort: [{by: title}]\n",
    "by_stage": "label: {en: S}\nforms: [deal]\ncategories: [stage]\nsort: [{by: title}]\n",
    "by_mark": "label: {en: M}\nforms: [deal]\ncategories: [marks]\nsort: [{by: title}]\n",
    "last_first": "label: {en: L}\nforms: [deal]\nsort: [{by: stage, descending: true}, {by: title}]\n",
    "board": "label: {en: B}\nforms: [deal]\nstyle: kanban\ngroup: stage\nsort: [{by: title}]\n",
}


def design_of(folder: Path, stages: str = STAGES) -> Design:
    folder = folder / "deals"
    texts = {"forms/deal": FORM, "keywords/stages": stages, "database": "title: {en: Deals}\n"}
    for name, text in {**texts, **{f"views/{name}": text + COLUMNS for name, text in VIEWS.items()}}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    found = load_folder(folder)
    assert not found.problems, found.problems
    return found


@pytest.fixture
def staged(world: World, tmp_path: Path) -> World:
    world.design = design_of(tmp_path)
    stages = {"1": "offer", "2": "won", "3": "lead", "4": None, "5": "unheard", "6": "won"}
    for id, stage in stages.items():
        world.put(id, title=id, stage=stage, marks=["a", "z"] if id == "1" else [])
    return world


def categories(world: World, view: str) -> list[str]:
    return [row.category for row in world.views.categories(world.open("ann"), view)]


def test_a_column_sorts_as_the_list_has_its_choices(staged: World) -> None:
    assert staged.ids("ann", sort="stage") == ["4", "2", "6", "3", "1", "5"]
    assert staged.ids("ann", sort="stage", descending=True) == ["5", "1", "3", "6", "2", "4"]
    assert staged.ids("ann", "last_first") == ["5", "1", "3", "2", "6", "4"]


def test_categories_and_boards_stand_in_the_order_of_the_choices(staged: World) -> None:
    assert categories(staged, "by_stage") == ["(none)", "won", "lead", "offer", "unheard"]
    assert staged.ids("ann", "by_stage") == ["4", "2", "6", "3", "1", "5"]
    assert staged.ids("ann", "by_stage", category="won") == ["2", "6"]
    assert [column.value for column in staged.views.board(staged.open("ann"), "board")] == [
        *(None, "won", "lead", "offer", "unheard")
    ]
    assert categories(staged, "by_mark") == ["(none)", "z", "a"]


@pytest.mark.parametrize(
    ("filter", "ids"),
    [
        ("stage=won", ["2", "6"]),
        ("stage=WON", ["2", "6"]),
        ("stage=unheard,lead", ["3", "5"]),
        ("stage=", ["4"]),
        ("stage!=won", ["1", "3", "4", "5"]),
        ("stage~o", ["1", "2", "6"]),
        ("stage^of", ["1"]),
        ("stage>o", ["1", "2", "5", "6"]),
        ("marks=z", ["1"]),
    ],
)
def test_filters_go_by_the_values(staged: World, filter: str, ids: list[str]) -> None:
    assert staged.ids("ann", filter=filter) == ids
    assert sorted(staged.ids("ann", sort="stage", filter=filter)) == ids


def test_first_letters_go_by_the_values(staged: World) -> None:
    assert staged.ids("ann", sort="stage", starts="o") == ["1"]
    assert staged.ids("ann", "last_first", starts="w") == ["2", "6"]


def test_a_changed_list_orders_anew(staged: World, tmp_path: Path) -> None:
    lines = STAGES.strip().splitlines()
    staged.design = design_of(tmp_path / "next", "\n".join([*lines[:2], *reversed(lines[2:])]))
    staged.views.catch_up()
    staged.ids("ann")
    assert staged.ids("ann", "by_stage") == ["4", "1", "3", "2", "6", "5"]
    assert categories(staged, "by_stage") == ["(none)", "offer", "lead", "won", "unheard"]
    page = staged.views.page(staged.open("ann"), "all", ViewQuery(sort="stage"))
    assert [row.id for row in page.rows] == ["4", "1", "3", "2", "6", "5"]
    assert staged.store.check() == []
