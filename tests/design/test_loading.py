"""A mistake in a design names file, line, key and reason, and the rest keeps working."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.design import Problem, load_documents, load_folder
from app.design.check import check, main
from app.design.loader import pattern_problem

FORM = "label: {en: Customer}\nitems:\n  - {name: name, type: text}\n"
VIEW = "label: All\nforms: [customer]\ncolumns: [name]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, text in (("database.yaml", "title: Shop\n"), ("forms/customer.yaml", FORM), ("views/all.yaml", VIEW)):
        write(tmp_path / "shop", path, text)
    return tmp_path / "shop"


def write(folder: Path, path: str, text: str) -> None:
    """A file of the design."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, encoding="utf-8")


def form(items: str, **more: str) -> str:
    """A form with these lines of items."""
    return "label: F\nitems:\n" + items + "".join(f"{key}: {value}\n" for key, value in more.items())


MISTAKES = [  # file, text, line, key, part of the reason
    ("forms/f.yaml", "label: {en: F\n", 2, "", "not YAML"),
    ("forms/f.yaml", "", 1, "", "empty"),
    ("forms/f.yaml", "- a\n", 1, "", "mapping of keys"),
    ("forms/f.yaml", "label: F\nsectons: []\nitems: [a]\n", 2, "sectons", 'did you mean "sections"'),
    ("forms/f.yaml", "label: F\nlabel: G\nitems: [a]\n", 2, "label", "twice"),
    ("forms/f.yaml", "label: F\n", 1, "sections", "no items"),
    ("forms/f.yaml", form("  - {name: a, typ: text}\n"), 3, "items[a].typ", 'did you mean "type"'),
    ("forms/f.yaml", form("  - {name: a, type: txt}\n"), 3, "items[a].type", 'did you mean "text"'),
    ("forms/f.yaml", form("  - {name: a}\n  - {name: a}\n"), 1, "sections", "twice"),
    ("forms/f.yaml", form("  - {name: A b}\n"), 3, "items[A b].name", "small letters"),
    ("forms/f.yaml", form("  - {name: created_by}\n"), 3, "items[created_by].name", "kept by the system"),
    ("forms/f.yaml", form("  - {name: readers, type: readers}\n"), 3, "items[readers].name", "extra_readers"),
    ("forms/f.yaml", form("  - {name: a, required: sure}\n"), 3, "items[a].required", "true or false"),
    ("forms/f.yaml", form("  - {name: a, required: yes}\n"), 3, "items[a].required", "true or false"),
    ("forms/f.yaml", form("  - {name: a, default: gold}\n"), 3, "items[a].default", "fixed text is written \"'gold'\""),
    ("forms/f.yaml", form("  - {name: a, computed: 'b + 1'}\n"), 3, "items[a].computed", "unknown name 'b'"),
    ("forms/f.yaml", form("  - {name: a, computed: 'sm(a)'}\n"), 3, "items[a].computed", "unknown function sm()"),
    ("forms/f.yaml", form("  - {name: a, type: keyword}\n"), 3, "items[a].type", 'needs "choices" or "keywords"'),
    ("forms/f.yaml", form("  - {name: a, type: keyword, keywords: no}\n"), 3, "items[a].keywords", "no keyword list"),
    ("forms/f.yaml", form("  - {name: a, type: code, series: x}\n"), 3, "items[a].series", 'numbers no "x"'),
    ("forms/f.yaml", form("  - {name: a, type: link}\n"), 3, "items[a].database", 'needs "database"'),
    ("forms/f.yaml", form("  - {name: a, series: x}\n"), 3, "items[a].series", "only for code items"),
    ("forms/f.yaml", form("  - {name: a, pattern: '(a+)+'}\n"), 3, "items[a].pattern", "repeats a group"),
    ("forms/f.yaml", form("  - {name: a, min_level: boss}\n"), 3, "items[a].min_level", "no level"),
    ("forms/f.yaml", form("  - {name: a, label: {en: a, fr: b}}\n"), 3, "items[a].label", "unknown language"),
    ("forms/f.yaml", form("  - {name: a}\n", duplicates="[b]"), 4, "duplicates", 'no item "b"'),
    ("forms/f.yaml", form("  - {name: a}\n", access="{readers: 'own'}"), 4, "access.readers", "unknown name"),
    ("views/v.yaml", "forms: [custmer]\ncolumns: [form]\n", 1, "forms", 'did you mean "customer"'),
    ("views/v.yaml", "forms: [customer]\ncolumns:\n  - nam\n", 3, "columns[nam].name", 'did you mean "name"'),
    ("views/v.yaml", "forms: [customer]\ncolumns: [name]\nstyle: kanban\n", 3, "style", 'needs "group"'),
    ("views/v.yaml", "forms: [customer]\ncolumns: [name]\nwhere: nme == 1\n", 3, "where", "did you mean"),
    ("views/v.yaml", "forms: [customer]\ncolumns: [name]\ncategories: [a]\n", 3, "categories", 'no item or column "a"'),
    ("keywords/k.yaml", "choices:\n  - {value: a}\n  - {value: a}\n", 3, "choices[a].value", "twice"),
    ("database.yaml", "title: S\nacl:\n  x: {level: boss}\n", 3, "acl.x.level", "none of"),
    ("database.yaml", "title: S\nnumbering: {a: 'C{year}'}\n", 2, "numbering", "needs {seq} once"),
    ("Forms/f.yaml", FORM, 0, "", "belongs into one of"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "line", "key", "reason"), MISTAKES)
def test_a_mistake_is_named_and_the_rest_works(
    folder: Path, file: str, text: str, line: int, key: str, reason: str
) -> None:
    write(folder, file, text)
    design = load_folder(folder)
    (problem,) = design.problems
    assert (problem.file, problem.line, problem.key) == (f"shop/{file}", line, key)
    assert reason in problem.reason
    assert "customer" in design.forms
    assert "all" in design.views


def test_the_views_of_a_broken_form_say_so_once(folder: Path) -> None:
    write(folder, "forms/customer.yaml", "label: [")
    design = load_folder(folder)
    assert [problem.file for problem in design.problems] == ["shop/forms/customer.yaml", "shop/views/all.yaml"]
    assert "has mistakes" in design.problems[1].reason


def test_plain_words_are_texts(folder: Path) -> None:
    write(folder, "keywords/k.yaml", "choices: [no, on, 01, 2026-01-01, 2]\n")
    choices = load_folder(folder).keywords["k"].choices
    assert [choice.value for choice in choices[:4]] == ["no", "on", "01", "2026-01-01"]


def test_a_bomb_of_aliases_is_refused(folder: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    write(folder, "forms/f.yaml", "\n".join(lines))
    assert any("too much" in problem.reason for problem in load_folder(folder).problems)


def test_a_file_that_is_not_utf8_is_named(folder: Path) -> None:
    (folder / "forms" / "f.yaml").write_bytes(b"label: \xff\xfe")
    assert "cannot be read" in load_folder(folder).problems[0].reason


def test_documents_and_files_give_the_same_design(folder: Path) -> None:
    documents = [
        {"_id": "design:database", "text": "title: Shop\n"},
        {"_id": "design:form:customer", "text": FORM},
        {"_id": "design:view:all", "text": VIEW},
    ]
    one, two = load_documents("shop", documents), load_folder(folder)
    assert (one.title, list(one.forms), list(one.views), one.problems) == (two.title, ["customer"], ["all"], ())


def test_a_document_that_is_no_element_is_a_problem() -> None:
    design = load_documents("shop", [{"_id": "design:thing:x", "text": "a: 1"}, {"_id": "design:form:y"}])
    assert [problem.file for problem in design.problems] == ["design:thing:x", "design:form:y"]


@pytest.mark.parametrize("pattern", ["{seq}", "C{year}{seq:5}", "{year:2}{area:4}{seq:4}"])
def test_good_patterns(pattern: str) -> None:
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize("pattern", ["", "C{year}", "{seq}{seq}", "{seq:x}", "{", "{Seq}"])
def test_bad_patterns(pattern: str) -> None:
    assert pattern_problem(pattern)


def test_the_shipped_designs_have_no_mistakes() -> None:
    _, problems = check(Path(__file__).parents[2] / "designs")
    assert [str(problem) for problem in problems] == []


def test_the_command_says_what_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder.parent)]) == 0
    write(folder, "forms/f.yaml", "label: F\n")
    assert main([str(folder.parent)]) == 1
    assert "shop/forms/f.yaml:1: sections: the form has no items" in capsys.readouterr().out
    assert main([]) == 2


def test_a_problem_reads_as_file_line_key_reason() -> None:
    assert str(Problem("a.yaml", 3, "label", "missing")) == "a.yaml:3: label: missing"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("filter: 'name=\"x'", "a quote"),
        ("filter: 'name is x'", "not understood"),
        ("filter: nmae=x", 'no item or column "nmae"'),
        ("show_when: name == 'x'", "name"),
    ],
)
def test_what_a_view_always_asks_is_checked(folder: Path, line: str, reason: str) -> None:
    write(folder, "views/mine.yaml", f"label: {{en: Mine}}\nforms: [customer]\ncolumns: [{{name: name}}]\n{line}\n")
    problems = [problem for problem in load_folder(folder).problems if problem.file.endswith("mine.yaml")]
    assert [(problem.key, problem.line) for problem in problems] == [(line.partition(":")[0], 4)]
    assert reason in problems[0].reason
