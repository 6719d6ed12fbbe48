"""What a program must send at least: the starred items, and nothing else. Everything other has a default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Call = Callable[..., Any]


@pytest.fixture
def customer(call: Call) -> str:
    """A customer of north."""
    answer = call("north", "POST", "/databases/customers/documents", json={"form": "customer", "name": "Nahua Foods"})
    assert answer.status_code == 201
    return str(answer.get_json()["id"])


LEAST = [
    ("knowledge", "admin", {"form": "article", "title": "How we ship", "body": "By sea."}),
    ("discussion", "north", {"form": "topic", "title": "Prices"}),
    ("deals", "north", {"form": "deal", "title": "Tea", "customer": "?"}),
    ("deals", "north", {"form": "activity", "customer": "?"}),
    ("deals", "north", {"form": "activity", "result": "They want samples."}),
    ("service", "support", {"form": "complaint", "customer": "?", "content": "Two boxes are missing."}),
    ("service", "support", {"form": "complaint", "customer": "?", "subject": "Two boxes are missing"}),
    ("customers", "north", {"form": "contact", "name": "Li Na", "customer": "?"}),
]


@pytest.mark.parametrize(("database", "person", "items"), LEAST, ids=lambda value: str(value)[:60])
def test_the_starred_items_are_enough(
    call: Call, customer: str, database: str, person: str, items: dict[str, Any]
) -> None:
    sent = {name: customer if value == "?" else value for name, value in items.items()}
    answer = call(person, "POST", f"/databases/{database}/documents", json=sent)
    assert answer.status_code == 201, answer.get_json()
    made = call(person, "GET", f"/databases/{database}/documents/{answer.get_json()['id']}").get_json()
    assert made["form"] == items["form"]
    if items["form"] == "activity":
        assert made["subject"]
