"""What a deal is worth follows from its order lines."""

from __future__ import annotations

from collections.abc import Callable

from app.access import Database


def test_the_amount_of_a_new_deal_is_the_sum_of_its_lines(
    opened: Callable[[str, str], Database], customer: str
) -> None:
    lines = [
        {"product": "Tea", "quantity": 10, "price": 88.5},
        {"product": "Cup", "quantity": 4, "price": 120, "discount": 10},
    ]
    items = {"form": "deal", "title": "Tea", "customer": customer, "owner": "north", "stage": "lead"}
    deals = opened("deals", "north")
    found = deals.get(deals.create({**items, "order_lines": [*lines, {"product": "Gift"}]}).id)
    assert (found["amount"], found["order_total"]) == (1317, 1317)
    assert deals.get(deals.create({**items, "amount": 50}).id)["amount"] == 50
