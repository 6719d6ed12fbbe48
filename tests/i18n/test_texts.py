"""Every text of the pages is there in both languages, with the same values in it."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages import Catalog
from babel.messages.pofile import read_po

from app.design import load_folder
from app.design.model import Label
from app.web.i18n import FOLDER
from app.web.messages import ROOT, found

DESIGNS = sorted(path.parent for path in (ROOT / "designs").glob("*/database.yaml"))
PLACE = re.compile(r"%\((\w+)\)[sd]|%%s")


@lru_cache
def chinese() -> Catalog:
    with (FOLDER / "zh" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale="zh")


@lru_cache
def texts() -> dict[str, str]:
    return {text if isinstance(text, str) else text[0]: where for where, text in found()}


def said(text: str) -> str:
    entry = chinese().get(text)
    if entry is None or entry.fuzzy:
        return ""
    return entry.string if isinstance(entry.string, str) else entry.string[0]


def test_every_text_has_a_chinese_one() -> None:
    missing = [f"{where}: {text}" for text, where in texts().items() if not said(text)]
    assert not missing, "run `make messages` and translate:\n" + "\n".join(missing)


def test_values_are_the_same_in_both() -> None:
    wrong = [text for text in texts() if set(PLACE.findall(text)) != set(PLACE.findall(said(text)))]
    assert wrong == []


def test_nothing_is_kept_that_no_page_says() -> None:
    kept = {entry.id[0] if entry.pluralizable else entry.id for entry in chinese() if entry.id}
    assert sorted(kept - set(texts())) == []


def test_chinese_sentences_have_chinese_punctuation() -> None:
    wrong = re.compile(r"[\u4e00-\u9fff][,;:!?]|[,;:!?][\u4e00-\u9fff]|[\u4e00-\u9fff]\.$|[\u4e00-\u9fff]\.\.\.")
    assert [said(text) for text in texts() if wrong.search(said(text))] == []


def labels(value: Any, seen: set[int]) -> list[Label]:
    """All labels of a design, wherever they stand."""
    if id(value) in seen:
        return []
    seen.add(id(value))
    if isinstance(value, Label):
        return [value]
    if isinstance(value, dict):
        return [label for each in value.values() for label in labels(each, seen)]
    if isinstance(value, list | tuple | frozenset):
        return [label for each in value for label in labels(each, seen)]
    names = getattr(value, "__dataclass_fields__", {})
    return [label for name in names for label in labels(getattr(value, name), seen)]


@pytest.mark.parametrize("folder", DESIGNS, ids=lambda folder: folder.name)
def test_designs_speak_both_languages(folder: Path) -> None:
    found_labels = labels(load_folder(folder), set())
    assert len(found_labels) > 10
    assert [label.texts for label in found_labels if not {"en", "zh"} <= {*label.texts}] == []
