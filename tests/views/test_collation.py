"""Sort keys: byte order is the order people expect."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.views import collation
from app.views.collation import decode, exact, exact_key, key, natural_key, starting, text_key

numbers = st.one_of(
    st.integers(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.decimals(allow_nan=False, allow_infinity=False),
)
TEXTS = st.text(alphabet="aAbBéÉzZ 09-_华化张章重庆银行长城ßøあ", max_size=8)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-99, 99), st.floats(-9, 9), TEXTS)


def reference(value: Any) -> tuple[Any, ...]:
    """The order in words: kind first, then the exact number or the text's letters."""
    if value is None:
        return (0,)
    if isinstance(value, bool):
        return (1, value)
    if isinstance(value, str):
        return (3, value)
    return (2, exact(value))


@given(numbers, numbers)
def test_numbers_sort_by_exact_value(a: Any, b: Any) -> None:
    assert (key(a) < key(b)) == (exact(a) < exact(b))
    assert (key(a) == key(b)) == (exact(a) == exact(b))


@given(numbers, numbers)
def test_descending_turns_the_order_round(a: Any, b: Any) -> None:
    assert (key(a, descending=True) < key(b, descending=True)) == (exact(a) > exact(b))


@given(scalars, scalars)
def test_kinds_never_mix(a: Any, b: Any) -> None:
    if reference(a)[0] != reference(b)[0]:
        assert (key(a) < key(b)) == (reference(a)[0] < reference(b)[0])


@given(st.lists(scalars, min_size=2, max_size=2), st.lists(scalars, min_size=2, max_size=2))
def test_joined_keys_sort_column_by_column(a: list[Any], b: list[Any]) -> None:
    joined = [b"".join(map(key, row)) for row in (a, b)]
    columns = [[key(value) for value in row] for row in (a, b)]
    assert (joined[0] < joined[1]) == (columns[0] < columns[1])


@given(st.lists(st.tuples(scalars, scalars), min_size=2, max_size=2))
def test_joined_keys_sort_with_a_descending_column(rows: list[tuple[Any, Any]]) -> None:
    joined = [key(a, descending=True) + key(b) for a, b in rows]
    (a1, b1), (a2, b2) = [(key(a), key(b)) for a, b in rows]
    assert (joined[0] < joined[1]) == (a1 > a2 or (a1 == a2 and b1 < b2))


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_key_begins_another(a: str, b: str) -> None:
    assert key(a) == key(b) or not key(a).startswith(key(b))


@given(st.one_of(scalars, st.text(max_size=150), st.lists(st.integers(-(2**53), 2**53), max_size=3)), st.booleans())
def test_exact_keys_give_the_value_back(value: Any, descending: bool) -> None:
    part = exact_key(value, descending=descending)
    assert decode(b"x" + part + b"rest", 1, descending=descending) == (value, 1 + len(part))


@pytest.mark.parametrize(
    "ordered",
    [
        ["北京", "长沙", "重庆", "广州", "上海", "厦门", "张三"],
        ["Acme", "阿里", "Beta", "北京", "Zed", "中国"],
        ["法案", "发展", "方"],  # syllable by syllable: fa before fang
        ["招商银行", "招商展"],  # háng before zhǎn
        ["张明", "周明", "朱明"],
        ["apple", "Äpple 2", "APPLE 3"],
        ["", "-", "1", "a", "z", "あ"],
        ["2025-12-31", "2026-01-01", "2026-01-01T08:00:00.000Z"],
    ],
)
def test_texts_in_this_order(ordered: list[str]) -> None:
    shuffled = ordered[1:] + ordered[:1]
    assert sorted(shuffled, key=text_key) == ordered


def test_family_names_have_their_own_reading() -> None:
    assert text_key("曾伟") < text_key("张伟") < text_key("朱伟")
    assert text_key("单伟") > text_key("李伟")
    assert text_key("单位") < text_key("李伟")  # a word, not a name


def test_case_and_accents_are_one() -> None:
    assert text_key("Müller GmbH") == text_key("MULLER GMBH") == text_key("mu\u0308ller gmbh")


def test_homophones_are_not_equal() -> None:
    assert text_key("张伟") != text_key("章伟")
    assert text_key("张伟")[:5] == text_key("章伟")[:5]


def test_long_texts_differ_behind_the_cut() -> None:
    assert text_key("x" * 150 + "a") != text_key("x" * 150 + "b")
    assert text_key("x" * 100) < text_key("x" * 101)


def test_natural_order_of_digits() -> None:
    assert sorted(["room 10", "room 9", "room 007"], key=natural_key) == ["room 007", "room 9", "room 10"]


@pytest.mark.parametrize(
    ("typed", "text", "found"),
    [
        ("zh", "张三", True),
        ("zhangs", "张三", True),
        ("zhangw", "张三", False),
        ("xian", "西安", True),
        ("xian", "先锋", True),
        ("ac", "ACME", True),
        ("ac", "abc", False),
        ("张", "张三", True),
        ("重庆", "重庆银行", True),
        ("12", "123", True),
        ("mü", "Müller", True),
        ("mul", "Müller", True),
    ],
)
def test_starts_with(typed: str, text: str, found: bool) -> None:
    assert any(low <= text_key(text) < high for low, high in starting(typed)) is found


@given(TEXTS, TEXTS)
def test_starts_with_finds_every_beginning(text: str, rest: str) -> None:
    if text and not (set(text) & set("重庆银行长")):
        assert any(low <= text_key(text + rest) < high for low, high in starting(text))


def test_after_is_beyond_every_continuation() -> None:
    assert collation.after(b"a\xff") > b"a\xff\xff\xff"
    assert collation.after(b"a") == b"b"


def test_decimal_and_float_of_one_amount_are_equal() -> None:
    assert key(Decimal("0.1")) == key(0.1) == key(Decimal("0.10"))
