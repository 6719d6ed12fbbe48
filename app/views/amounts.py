"""Amounts of money by currency: what a total of a column is whose form has a currency item.

Amounts({"CNY": 1200, "USD": 300}); written `CNY=1200 USD=300`, a plain decimal otherwise
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

Figure = int | float | dict[str, int | float]


class Amounts:
    """A sum for each currency; currencies that come to nothing are left out. Adds up with its like and with 0."""

    __slots__ = ("by_currency",)

    def __init__(self, by_currency: Mapping[str, Decimal]) -> None:
        self.by_currency = {currency: amount for currency, amount in by_currency.items() if amount}

    def __add__(self, other: Amounts | Decimal | int) -> Amounts:
        found = dict(self.by_currency)
        if isinstance(other, Amounts):
            for currency, amount in other.by_currency.items():
                found[currency] = found.get(currency, Decimal(0)) + amount
        return Amounts(found)

    __radd__ = __add__

    def __mul__(self, sign: int) -> Amounts:
        return Amounts({currency: sign * amount for currency, amount in self.by_currency.items()})

    __rmul__ = __mul__

    def __bool__(self) -> bool:
        return bool(self.by_currency)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Amounts) and self.by_currency == other.by_currency

    def __hash__(self) -> int:
        return hash(frozenset(self.by_currency.items()))

    def __repr__(self) -> str:
        return f"Amounts({self})"

    def __str__(self) -> str:
        return " ".join(f"{currency}={amount}" for currency, amount in sorted(self.by_currency.items())) or "="


Amount = Decimal | Amounts


def read(text: str) -> Amount:
    """What `str` of an amount gave."""
    if "=" not in text:
        return Decimal(text)
    pairs = (piece.rpartition("=") for piece in text.split(" ") if piece != "=")
    return Amounts({currency: Decimal(amount) for currency, _, amount in pairs})


def shown(amount: Amount) -> Figure:
    """As numbers of JSON, by currency where that matters."""
    if isinstance(amount, Amounts):
        return {currency: _plain(each) for currency, each in sorted(amount.by_currency.items())}
    return _plain(amount)


def single(figures: Mapping[str, Figure]) -> dict[str, Figure]:
    """Sums as REST gives them: a number where there is one currency (or none), else by currency."""
    return {
        name: figure if not isinstance(figure, dict) or len(figure) > 1 else next(iter(figure.values()), 0)
        for name, figure in figures.items()
    }


def _plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)
