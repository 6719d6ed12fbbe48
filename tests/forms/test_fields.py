"""What each type of item takes, refuses and shows: one line a fact."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.design import Choice, Item, Label
from app.design.keys import TYPES as DOCUMENTED
from app.forms.fields import TYPES, Around, Field, FieldProblem, field_of, solar_in

EN, ZH = Around("en", "Asia/Shanghai"), Around("zh", "Asia/Shanghai")


def field(type: str, **options: Any) -> Field:
    """A field of a type."""
    return field_of(Item("x", type, Label({"en": "X"}), **options))


SIZES = (Choice("large", Label({"en": "Large", "zh": "大"})), Choice("other", Label({"en": "Other", "zh": "其他"})))

TAKEN = [  # type, sent, stored, shown in en, shown in zh
    ("text", "  Rui\tFeng ", "Rui Feng", "Rui Feng", "Rui Feng"),
    ("text", 42, "42", "42", "42"),
    ("text", "a\x00b", "a b", "a b", "a b"),
    ("longtext", "a\r\nb", "a\nb", "a\nb", "a\nb"),
    ("richtext", "# Title\n\n**bold**", "# Title\n\n**bold**", "Title bold", "Title bold"),
    ("number", "1,234.50", 1234.5, "1,234.5", "1,234.5"),
    ("number", "１２", 12, "12", "12"),
    ("number", 0.1, 0.1, "0.1", "0.1"),
    ("integer", "7", 7, "7", "7"),
    ("money", "¥1,234.5", 1234.5, "1,234.50", "1,234.50"),
    ("money", "0.105", 0.11, "0.11", "0.11"),
    ("money", 9999999999999.99, 9999999999999.99, "9,999,999,999,999.99", "9,999,999,999,999.99"),
    ("date", "2026/1/2", "2026-01-02", "2026-01-02", "2026年1月2日"),
    ("date", "2026年11月22日", "2026-11-22", "2026-11-22", "2026年11月22日"),
    ("date", date(2026, 1, 2), "2026-01-02", "2026-01-02", "2026年1月2日"),
    ("time", "4:30", "04:30", "04:30", "04:30"),
    ("datetime", "2026-11-22T16:00", "2026-11-22T08:00:00.000Z", "2026-11-22 16:00", "2026年11月22日 16:00"),
    ("datetime", "2026-11-22T10:00:00+01:00", "2026-11-22T09:00:00.000Z", "2026-11-22 17:00", "2026年11月22日 17:00"),
    ("datetime", datetime(2026, 11, 22, 16), "2026-11-22T08:00:00.000Z", "2026-11-22 16:00", "2026年11月22日 16:00"),
    ("boolean", "yes", True, "yes", "是"),
    ("boolean", "否", False, "no", "否"),
    ("email", " Li.Hua@Example.COM ", "Li.Hua@example.com", "Li.Hua@example.com", "Li.Hua@example.com"),
    ("phone", "＋86 27 8888", "+86 27 8888", "+86 27 8888", "+86 27 8888"),
    ("url", "www.example.com", "https://www.example.com", "https://www.example.com", "https://www.example.com"),
    ("partial_date", "1980-5-12", "1980-05-12", "1980-05-12", "1980年5月12日"),
    ("partial_date", "5月12日", "--05-12", "05-12", "5月12日"),
    ("partial_date", "1980", "1980", "1980", "1980年"),
    ("lunar_date", "农历八月十五", {"date": "--08-15", "lunar": True}, "lunar 08-15", "农历八月十五"),
    ("lunar_date", "lunar 1980-12-30", {"date": "1980-12-30", "lunar": True}, "lunar 1980-12-30", "农历1980年腊月三十"),
    ("lunar_date", "05-12", {"date": "--05-12", "lunar": False}, "05-12", "5月12日"),
    ("link", " abc ", "abc", "abc", "abc"),
    ("attachment", "offer.pdf", "offer.pdf", "offer.pdf", "offer.pdf"),
    ("code", "C202600001", "C202600001", "C202600001", "C202600001"),
    ("names", "north", "north", "north", "north"),
]  # fmt: skip


@pytest.mark.parametrize(("type", "sent", "stored", "en", "zh"), TAKEN)
def test_taken_and_shown(type: str, sent: Any, stored: Any, en: str, zh: str) -> None:
    found = field(type)
    value = found.parse(sent, EN)
    assert value == stored
    assert type_of(value) is type_of(stored)
    found.validate(value)
    assert found.display(value, EN) == en
    assert found.display(value, ZH) == zh
    assert found.parse(value, EN) == value, "a stored value stays as it is"
    assert found.parse(found.form_text(value, EN), EN) == value, "what the input shows gives the value back"


def type_of(value: Any) -> type:
    """Its class (1 is not True)."""
    return value.__class__


REFUSED = [
    ("text", {"a": 1}), ("text", True), ("number", "twelve"), ("number", "NaN"), ("number", True), ("number", "1e400"),
    ("integer", "1.5"), ("money", "99999999999999"), ("date", "2026-02-30"), ("date", "soon"), ("time", "25:00"),
    ("datetime", "2026-13-01T00:00:00.000Z"), ("datetime", "later"), ("boolean", "perhaps"),
    ("email", "nobody"),
    ("email", "a@b@c"), ("phone", "call me"), ("url", "javascript:alert(1)"), ("partial_date", "02-30"),
    ("partial_date", "13"), ("lunar_date", "lunar 13-01"), ("lunar_date", "lunar 1980"), ("names", "a, b"),
    ("names", 5),
    ("attachment", "_x"), ("text", ["a", "b"]), ("table", "x"), ("table", [1]), ("link", "x\ny"),
]  # fmt: skip


@pytest.mark.parametrize(("type", "sent"), REFUSED)
def test_refused(type: str, sent: Any) -> None:
    found = field(type)
    with pytest.raises(FieldProblem) as problem:
        found.validate(found.parse(sent, EN))
    assert str(problem.value.message).endswith((".", "30", "12", "…", "com", "1234"))


@pytest.mark.parametrize("type", sorted(TYPES))
@pytest.mark.parametrize("empty", [None, ""])
def test_empty_is_none(type: str, empty: Any) -> None:
    assert field(type).parse(empty) is None
    assert field(type).display(None) == ""
    assert field(type).form_text(None) == ""


def test_every_type_has_a_field() -> None:
    assert set(DOCUMENTED) == {*TYPES, "keyword", "table", "computed"}


def test_a_keyword_takes_value_or_label_and_shows_the_label() -> None:
    found = field("keyword", choices=SIZES)
    assert found.parse("大") == found.parse("Large") == found.parse("large") == "large"
    assert (found.display("large", ZH), found.display("gone", ZH)) == ("大", "gone")
    with pytest.raises(FieldProblem):
        found.validate("small")


def test_lists_drop_empty_and_repeated_entries() -> None:
    found = field("keyword", choices=SIZES, multiple=True)
    assert found.parse(["large", "", "大", "other"]) == ["large", "other"]
    assert found.from_text("大；其他") == ["large", "other"]
    assert found.display(["large", "other"], EN) == "Large, Other"
    assert found.parse([]) is None


def test_money_shows_its_currency() -> None:
    assert field("money", currency="CNY").display(-5) == "-¥5.00"
    assert field("money", currency_item="cur").display(5, EN, {"cur": "SEK"}) == "5.00 SEK"
    assert field("money", currency="JPY").parse("100.4") == 100


def test_limits_are_told_with_the_limit() -> None:
    with pytest.raises(FieldProblem, match="smallest number possible is 1"):
        field("number", minimum=1).validate(0)
    with pytest.raises(FieldProblem, match="At most 3"):
        field("text", max_length=3).validate("four")
    with pytest.raises(FieldProblem):
        field("text", pattern="[0-9]{6}").validate("abc")


def test_a_message_can_be_said_in_another_language() -> None:
    with pytest.raises(FieldProblem) as problem:
        field("number", minimum=1).validate(0)
    assert problem.value.message.say(lambda text: "最小值为 %(min)s。") == "最小值为 1。"


def test_lunar_anniversaries_fall_on_their_day() -> None:
    autumn = {"date": "--08-15", "lunar": True}
    assert solar_in(autumn, 2026) == date(2026, 9, 25)
    assert solar_in({"date": "--12-30", "lunar": True}, 2025) == date(2025, 1, 28), "a short month ends on its 29th"
    assert solar_in({"date": "2000-02-29", "lunar": False}, 2026) == date(2026, 2, 28)
    assert solar_in({"date": "1980", "lunar": False}, 2026) is None


def test_an_unknown_shape_is_shown_and_not_an_error() -> None:
    for type in TYPES:
        assert field(type).display({"odd": [1]}, ZH)


@given(st.decimals(min_value="-9999999999999.99", max_value="9999999999999.99", places=2))
def test_money_keeps_every_cent(amount: Any) -> None:
    found = field("money")
    value = found.parse(str(amount))
    assert found.parse(found.form_text(value)) == value
    assert format(amount, ",.2f").lstrip("-") == found.display(value).lstrip("-")


@given(
    st.sampled_from(sorted(TYPES)), st.text(max_size=30) | st.integers() | st.floats() | st.lists(st.text(max_size=3))
)
def test_whatever_is_taken_stays_when_it_is_shown_and_entered_again(type: str, sent: Any) -> None:
    found = field(type)
    try:
        value = found.parse(sent, EN)
        found.validate(value)
    except FieldProblem:
        return
    assert found.parse(value, EN) == value
    assert isinstance(found.display(value, ZH), str)
    assert found.from_text(found.form_text(value, EN), EN) == value
