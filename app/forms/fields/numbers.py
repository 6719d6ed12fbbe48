"""Numbers. JSON numbers in documents, decimal while they are calculated (docs/decisions/2026-11-22-money.md).

A number is stored as an integer when whole, else as the shortest decimal; money has as many places as its
currency and at most 15 digits, the range in which a JSON number holds every cent exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from app.forms.fields.base import Around, Field, FieldProblem, label_in, narrow

LARGEST = Decimal(10) ** 15
PLACES = {"JPY": 0, "KRW": 0, "VND": 0, "KWD": 3, "BHD": 3}
SIGNS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "JP¥", "HKD": "HK$", "TWD": "NT$"}
_STRIPPED = str.maketrans("", "", " ,\u00a0\u202f¥￥$€£元")


def decimal_of(raw: Any) -> Decimal:
    """A number from JSON or text: `1,234.50`, `１２`, `¥99`, `-3`. FieldProblem when it is none."""
    kind = type(raw)
    if kind is int:
        return Decimal(raw) if abs(raw) <= 10**18 else _too_large()
    if kind is float:
        raw = repr(raw)
    elif kind is str:
        raw = narrow(raw).translate(_STRIPPED)
    elif kind is not Decimal:
        raise FieldProblem("A number is expected here.")
    try:
        value = Decimal(raw)
    except InvalidOperation:
        raise FieldProblem("A number is expected here.") from None
    if not value.is_finite():
        raise FieldProblem("A number is expected here.")
    return value if value.adjusted() <= 18 else _too_large()


def _too_large() -> Decimal:
    raise FieldProblem("The number is too large.")


def stored(value: Decimal) -> int | float:
    """A decimal as JSON holds it: whole numbers as integers."""
    return int(value) if value == value.to_integral_value() else float(value)


class Number(Field):
    """A number with up to 12 decimal places (or `places`)."""

    sort_kind = "number"
    widget = "number"
    places = 12

    def __init__(self, item: Any) -> None:
        super().__init__(item)
        if item.places is not None and item.places >= 0:
            self.places = min(item.places, 12)
        self._step = Decimal(1).scaleb(-self.places)
        self._limits = tuple(None if b is None else Decimal(str(b)) for b in (item.minimum, item.maximum))

    def read(self, raw: Any, around: Around) -> int | float:
        if type(raw) is int and -(10**15) < raw < 10**15:
            return raw
        value = decimal_of(raw)
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and -exponent > self.places:
            value = value.quantize(self._step, ROUND_HALF_UP)
        return stored(value)

    def check(self, value: Any) -> None:
        least, most = self._limits
        if least is not None and Decimal(str(value)) < least:
            raise FieldProblem("The smallest number possible is %(min)s.", min=self.item.minimum)
        if most is not None and Decimal(str(value)) > most:
            raise FieldProblem("The largest number possible is %(max)s.", max=self.item.maximum)

    def show(self, value: Any, around: Around, document: Mapping[str, Any]) -> str:
        number = decimal_of(value)
        text = f"{number:,f}"
        unit = label_in(self.item.unit, around.language)
        return f"{text} {unit}" if unit and unit != "%" else text + unit

    def edit(self, value: Any, around: Around) -> str:
        return f"{decimal_of(value):f}"


class Integer(Number):
    """A whole number."""

    places = 0

    def read(self, raw: Any, around: Around) -> int | float:
        value = decimal_of(raw)
        if value != value.to_integral_value():
            raise FieldProblem("A whole number is expected here.")
        return int(value)

    def edit(self, value: Any, around: Around) -> str:
        return str(value)


class Money(Number):
    """An amount, exact to the smallest coin of its currency (two places unless the currency has others)."""

    widget = "money"

    def __init__(self, item: Any) -> None:
        self.places = PLACES.get(item.currency or "", 2)
        super().__init__(item)

    def read(self, raw: Any, around: Around) -> int | float:
        value = decimal_of(raw)
        value = value.quantize(self._step, ROUND_HALF_UP)
        if abs(value) >= Decimal(10) ** (15 - self.places):
            _too_large()
        return stored(value)

    def show(self, value: Any, around: Around, document: Mapping[str, Any]) -> str:
        currency = document.get(self.item.currency_item or "") or self.item.currency
        places = max(self.places, 0)
        text = f"{abs(decimal_of(value)):,.{places}f}"
        sign = "-" if value < 0 else ""
        if not currency:
            return sign + text
        mark = SIGNS.get(str(currency))
        return f"{sign}{mark}{text}" if mark else f"{sign}{text} {currency}"

    def edit(self, value: Any, around: Around) -> str:
        return f"{decimal_of(value):.{max(self.places, 0)}f}"
