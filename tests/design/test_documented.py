"""Everything a designer may write is in docs/designer.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.design import keys
from app.design.expressions import CONTEXT_NAMES, LEVELS
from app.design.functions import CONTEXT_FUNCTIONS, FUNCTIONS

TEXT = (Path(__file__).parents[2] / "docs" / "designer.md").read_text(encoding="utf-8")
TABLES = [
    "DATABASE_KEYS", "ACL_KEYS", "FORM_KEYS", "SECTION_KEYS", "ITEM_KEYS", "CHOICE_KEYS", "ACCESS_KEYS", "CHECK_KEYS",
    "VIEW_KEYS", "COLUMN_KEYS", "SORT_KEYS", "KEYWORDS_KEYS", "TYPES",
]  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
def test_every_key_is_documented(table: str) -> None:
    assert [name for name in getattr(keys, table) if f"`{name}`" not in TEXT] == []


def test_every_function_is_documented() -> None:
    assert [name for name in (*FUNCTIONS, *CONTEXT_FUNCTIONS) if f"`{name}(" not in TEXT] == []


def test_every_name_of_an_expression_is_documented() -> None:
    assert [name for name in (*CONTEXT_NAMES, *LEVELS) if f"`{name}`" not in TEXT] == []
