"""Exports hold the columns asked for, in their order."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from app.access import Database

Open = Callable[[str, str], Database]


@pytest.fixture
def customers(opened: Open) -> Database:
    database = opened("customers", "north")
    database.create({"form": "customer", "name": "Nahua", "owner": "north", "class": "existing"})
    return database


def table(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))


def test_rest_writes_the_columns_asked_for(call: Any, customers: Database) -> None:
    path = "/databases/customers/views/customers/export?format=csv&columns=owner,name"
    assert [len(row) for row in table(call("north", "GET", path))] == [2, 2]
    assert table(call("north", "GET", path))[1] == ["North", "Nahua"]


def test_a_column_the_view_does_not_have_is_refused(call: Any, customers: Database) -> None:
    path = "/databases/customers/views/customers/export?format=csv&columns=name,shoe_size"
    answer = call("north", "GET", path)
    assert (answer.status_code, "shoe_size" in answer.json["reason"]) == (400, True)


def test_a_category_stands_before_the_columns(call: Any, customers: Database) -> None:
    path = "/databases/customers/views/customers_by_class/export?format=csv&columns=name"
    rows = table(call("north", "GET", path))
    assert rows[1][-1] == "Nahua"
    assert len(rows[1]) == 2
