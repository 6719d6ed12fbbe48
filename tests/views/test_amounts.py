"""Totals of a money column with a currency item: by currency, never added together."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from app.views import ViewQuery, amounts, runs
from app.views.amounts import Amounts, single
from tests.views.conftest import VIEWS, World, make_design

FORM = """
label: {en: Deal}
title: title
sections:
  - name: basics
    label: {en: Basics}
    items:
      - {name: title, type: text, label: {en: Title}}
      - {name: stage, type: text, label: {en: Stage}}
      - {name: region, type: text, label: {en: Region}}
      - {name: amount, type: money, currency_item: currency, label: {en: Amount}}
      - {name: currency, type: text, label: {en: Currency}}
      - {name: labels, type: text, multiple: true, label: {en: Labels}}
      - {name: note, type: text, label: {en: Note}}
"""


@pytest.fixture
def money(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("tests.views.conftest.FORMS", {"deal": FORM})
    world.design = make_design(tmp_path, {name: VIEWS[name] for name in ("all", "by_stage")})
    world.put("a", title="a", stage="won", amount=1000, currency="CNY")
    world.put("b", title="b", stage="won", amount=200, currency="CNY")
    world.put("c", title="c", stage="won", amount=300.5, currency="USD")
    world.put("d", title="d", stage="new", amount=7)
    world.put("e", title="e", stage="lost", amount=1, currency="EUR", readers=["bob"])
    return world


def sums(world: World, **query: object) -> object:
    found = world.views.total(world.open("ann"), "all", ViewQuery(**query))  # type: ignore[arg-type]
    assert found is not None
    return found.sums["amount"]


def test_a_total_is_by_currency(money: World) -> None:
    assert sums(money) == {"CNY": 1207, "USD": 300.5}
    assert sums(money, filter="stage=won") == {"CNY": 1200, "USD": 300.5}
    assert sums(money, filter="stage=nothing") == {}
    rows = money.views.categories(money.open("ann"), "by_stage")
    assert {row.category: row.totals["amount"] for row in rows} == {
        "new": {"CNY": 7},
        "won": {"CNY": 1200, "USD": 300.5},
    }


def test_a_total_follows_when_the_currency_changes(money: World) -> None:
    assert sums(money)
    money.put("c", title="c", stage="won", amount=300.5, currency="CNY")
    assert sums(money) == {"CNY": 1507.5}
    money.delete("a")
    assert sums(money) == {"CNY": 507.5}
    assert money.store.check() == []


@pytest.mark.parametrize("least", [60, 10_000])
def test_totals_by_currency_of_a_backlog(money: World, monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    monkeypatch.setattr(runs, "LEAST", least)
    money.put_many({f"x{n:03}": {"title": "x", "amount": n, "currency": ("USD", "JPY")[n % 2]} for n in range(200)})
    money.views.catch_up()
    assert sums(money) == {"CNY": 1207, "JPY": 10_000, "USD": 9_900 + 300.5}
    assert money.store.check() == []


def test_one_currency_is_one_figure() -> None:
    assert single({"a": {"CNY": 5}, "b": {}, "c": 3, "d": {"CNY": 5, "USD": 1}}) == {
        "a": 5,
        "b": 0,
        "c": 3,
        "d": {"CNY": 5, "USD": 1},
    }


@pytest.mark.parametrize("held", [Decimal("1.50"), Amounts({}), Amounts({"CNY": Decimal("1.5"), "USD": Decimal(-2)})])
def test_amounts_are_read_as_written(held: amounts.Amount) -> None:
    assert amounts.read(str(held)) == held
