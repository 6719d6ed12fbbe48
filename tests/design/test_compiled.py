"""Compiled expressions give what simpleeval gives: the same values of the same types, the same errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.design import Expression, ExpressionError
from app.design.expressions import _evaluator

NAMES = ["owner", "team", "amount", "flag", "missing", "rows", "class", "EDITOR"]
CONSTANTS = ["None", "True", "False", "0", "1", "2.5", "'a'", "''", "'[Leaders]'", "10**3", "[]", "b'x'"]
values = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from([0.1, 2.5, "a", "ab", "north", ""]),
    st.lists(st.sampled_from(["a", "b", 1]), max_size=3),
)  # fmt: skip


def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions one level deeper."""
    binary = st.sampled_from(
        ["+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "is"]
    )
    one = st.sampled_from(
        ["-{}", "not {}", "+{}", "[{}]", "({},)", "trim({})", "first({})", "unit_of({})", "upper({})"]
    )
    two = st.sampled_from(["[{}, {}]", "{} and {}", "{} or {}", "coalesce({}, {})", "contains({}, {})", "{} < {} < 3"])
    return st.one_of(
        st.builds(lambda a, op, b: f"({a}) {op} ({b})", inner, binary, inner),
        st.builds(lambda shape, a: shape.format(f"({a})"), one, inner),
        st.builds(lambda shape, a, b: shape.format(f"({a})", f"({b})"), two, inner, inner),
        st.builds(lambda a, b, c: f"({a}) if ({b}) else ({c})", inner, inner, inner),
        st.builds(lambda a: f"({a})[0]", inner),
    )


expressions = st.recursive(st.sampled_from([*NAMES, *CONSTANTS]), grow, max_leaves=12)


class Some:
    """What `unit_of` asks."""

    def unit_of(self, person: str) -> str:
        return f"unit:{person}"


def outcome(run: Any) -> tuple[str, Any]:
    """What came out, types included."""
    try:
        return "value", repr(run())
    except ExpressionError as problem:
        return "error", str(problem)


@settings(max_examples=400, deadline=None)
@given(expressions, st.dictionaries(st.sampled_from(NAMES), values))
def test_compiled_equals_simpleeval(source: str, names: dict[str, Any]) -> None:
    try:
        expression = Expression(source)
    except ExpressionError:
        return
    walked = outcome(lambda: _evaluator().run(expression._tree, None, names, Some()))
    assert outcome(lambda: _evaluator().run(expression._tree, expression._compiled, names, Some())) == walked


@pytest.mark.parametrize(
    "source",
    [
        "[owner] + team + [replace(unit_of(owner), 'unit:', 'leader-of:')] + ['[Leaders]', '[Admins]']",
        "'weekly' if importance == 'key' else 'monthly' if importance == 'important' else 'quarterly'",
        "country and country != 'CN' and region and region not in ['overseas', 'hk_mo_tw']",
        "'[Leaders]' in principals or level >= EDITOR",
    ],
)
def test_what_forms_use_is_compiled(source: str) -> None:
    assert Expression(source)._compiled is not None


@pytest.mark.parametrize(
    "source", ["[x for x in team]", "old.name", "team[0]", "f'{owner}'", "{'a': 1}", "join(a)[:2]"]
)
def test_the_rest_is_left_to_simpleeval(source: str) -> None:
    assert Expression(source)._compiled is None


@pytest.mark.parametrize("source", ["'a' * 1000000 * 9", "(['a'] * 900000) + (['a'] * 900000)", "9 ** 999", "1 / 0"])
def test_limits_hold_in_compiled_expressions(source: str) -> None:
    expression = Expression(source)
    assert expression._compiled is not None
    with pytest.raises(ExpressionError):
        expression.run({})
