"""Expressions: what they give, what an empty item does, and what they refuse to do."""

from __future__ import annotations

from typing import Any

import pytest

from app.design import Expression, ExpressionError

ITEMS: dict[str, Any] = {
    "class": "key", "name": " Rui  Feng ", "amount": 0.1, "tax": 0.2, "team": ["a", "b"], "owner": "north",
    "day": "2026-01-31",
    "at": "2026-11-22T20:30:00.000Z", "rows": [{"n": 1, "v": 0.1}, {"n": 2, "v": 0.2}, {"n": 2}],
    "old": {"class": "new"}, "principals": frozenset({"north", "[Leaders]"}),
}  # fmt: skip

GIVES = [
    ("amount + tax", 0.3),
    ("[owner] + team + ['[Admins]']", ["north", "a", "b", "[Admins]"]),
    ("[owner] + missing", ["north"]),
    ("missing + 1", None),
    ("missing * 2", None),
    ("missing > 1", False),
    ("missing == None", True),
    ("'x' in missing", False),
    ("missing[0]", None),
    ("missing.item", None),
    ("class == 'key' and old.class == 'new'", True),
    ("'[Leaders]' in principals or 2 >= AUTHOR", True),
    ("7 / 2", 3.5),
    ("2 ** 10", 1024),
    ("day[:7]", "2026-01"),
    ("[row.n for row in rows if row.v]", [1, 2]),
    ("f'{amount:.2f} {name}'", "0.10  Rui  Feng "),
    ("trim(name)", "Rui Feng"),
    ("upper('a') + lower('B') + title('rui feng')", "AbRui Feng"),
    ("text(1.50)", "1.5"),
    ("number('1,200')", 1200),
    ("number('x')", None),
    ("length(team) + length('abc') + length(missing)", 5),
    ("join(team)", "a, b"),
    ("split('a, b,,c')", ["a", "b", "c"]),
    ("replace('a-b', '-', '+')", "a+b"),
    ("first(team) + last(team)", "ab"),
    ("unique(['a', 'b', 'a'])", ["a", "b"]),
    ("sum_of(rows, 'v')", 0.3),
    ("sum_of([1, 2.5])", 3.5),
    ("count(rows)", 3),
    ("count(rows, 'n', 2)", 2),
    ("values_of(rows, 'v')", [0.1, 0.2]),
    ("min(3, 1) + max([1, 5])", 6),
    ("round(2.345, 2)", 2.35),
    ("whole(2.9) + abs(-1)", 3),
    ("if_(owner == 'north', 'n', 's')", "n"),
    ("coalesce(missing, '', 'x')", "x"),
    ("contains('Rui Feng', 'feng') and contains(team, 'a')", True),
    ("starts(owner, 'no') and ends(owner, 'th')", True),
    ("matches('430000', '[0-9]{6}')", True),
    ("digits('+86 27')", "8627"),
    ("date_add(day, months=1)", "2026-02-28"),
    ("date_add(day, days=1)", "2026-02-01"),
    ("date_add(at, hours=4)", "2026-11-23T00:30:00.000Z"),
    ("days_between('2026-01-01', day)", 30),
    ("hours_between('2026-11-22T20:00:00.000Z', at)", 0.5),
    ("year(day) + month(day) + day(day)", 2058),
    ("weekday('2026-11-22')", 7),
    ("date_of(at)", "2026-11-23"),
]


@pytest.mark.parametrize(("source", "value"), GIVES)
def test_gives(source: str, value: Any) -> None:
    assert Expression(source).evaluate(ITEMS) == value


REFUSED_WHEN_READ = [
    "", "1 +", "lambda: 1", "().__class__", "owner.__class__", "foo(1)", "open('x')", "owner.replace('a', 'b')",
    "x := 1", "1 if", "[*team]", "-" * 100 + "1", "'" + "a" * 3000 + "'", "a\x00b",
]  # fmt: skip
REFUSED_WHEN_RUN = [
    "9 ** 99", "2 ** 1000 ** 10", "'a' * 10 ** 9", "f'{1:>999999}'", "1 / 0", "'a' + 1", "'a' * amount",
    "[x * 100000 for x in ['a' for y in rows for z in rows for w in rows]]", "lookup('d', 'i', 'n')",
    "matches('a', '(a+)+b')", "int(1)", "rows[9]", "team - 1",
]  # fmt: skip


@pytest.mark.parametrize("source", REFUSED_WHEN_READ)
def test_refused_when_read(source: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(source)


@pytest.mark.parametrize("source", REFUSED_WHEN_RUN)
def test_refused_when_run(source: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(source).evaluate(ITEMS)


def test_a_wrong_name_suggests_the_near_one() -> None:
    with pytest.raises(ExpressionError, match='did you mean "probability"'):
        Expression("probabilty > 1", {"probability"})


def test_names_are_known_before_it_runs() -> None:
    assert Expression("[x.n for x in rows if x.n > amount]").names == {"rows", "amount"}


def test_an_expression_within_another_keeps_its_scope() -> None:
    class Inner:
        def lookup(self, database: str, id: str, item: str) -> Any:
            return Expression("owner").evaluate({"owner": "inner"}) + Expression("owner + '!'").evaluate({"owner": "x"})

        def leader_of(self, unit: str) -> str | None:
            return None

        def unit_of(self, person: str) -> str | None:
            return None

        def members_of(self, group: str) -> list[str]:
            return []

        def label_of(self, name: str) -> str:
            return name

    found = Expression("lookup('d', 'i', 'n') + owner").evaluate(ITEMS, Inner())
    assert found == "innerx!north"
