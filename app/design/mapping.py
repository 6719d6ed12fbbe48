"""Taking values out of a mapping of a design: each getter names file, line, key and reason when something
is wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from app.design.expressions import Expression, ExpressionError, near
from app.design.model import LANGUAGES, Label, Problem
from app.design.source import Located, LocatedList
from app.errors import Message


class Keys:
    """One mapping, the keys it may have, and where problems go."""

    def __init__(
        self, values: Located, file: str, problems: list[Problem], allowed: Mapping[str, str], path: str = ""
    ) -> None:
        self.values = values
        self.file = file
        self.problems = problems
        self.path = path
        for key in values:
            if key not in allowed:
                self.problem(key, Message("unknown key%(hint)s", hint=near(key, allowed)))

    def problem(self, key: str, reason: str) -> None:
        """Note a mistake at a key (or, for '', at the mapping)."""
        line = self.values.lines.get(key, self.values.line)
        self.problems.append(Problem(self.file, line, self.where(key), reason))

    def where(self, key: str) -> str:
        """The key with the path to it: `items[3].label`."""
        return f"{self.path}.{key}" if self.path and key else self.path or key

    def has(self, key: str) -> bool:
        """Is the key there?"""
        return self.values.get(key) is not None

    def text(self, key: str, default: str | None = None, *, required: bool = False) -> str | None:
        """A plain word or text; numbers are taken as written."""
        value = self.values.get(key)
        if value is None or value == "":
            if required:
                self.problem(key, Message('"%(key)s" is missing', key=key))
            return default
        if isinstance(value, bool | dict | list):
            self.problem(key, "a text is expected here")
            return default
        return str(value)

    def word(self, key: str, allowed: Collection[str], default: str) -> str:
        """One of some words."""
        value = self.text(key, default) or default
        if value not in allowed:
            self.problem(
                key,
                Message(
                    '"%(value)s" is none of %(names)s%(hint)s',
                    value=value,
                    names=", ".join(allowed),
                    hint=near(value, allowed),
                ),
            )
            return default
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """true or false."""
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.problem(key, "true or false is expected here")
            return default
        return value

    def number(self, key: str) -> float | int | None:
        """A number, or None."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problem(key, "a number is expected here")
            return None
        return value

    def integer(self, key: str, default: int) -> int:
        """A whole number."""
        value = self.number(key)
        if value is not None and not isinstance(value, int):
            self.problem(key, "a whole number is expected here")
        return value if isinstance(value, int) else default

    def limit(self, key: str) -> float | int | str | None:
        """A number, or a date as text."""
        value = self.values.get(key)
        if value is None or (isinstance(value, int | float | str) and not isinstance(value, bool)):
            return value
        self.problem(key, "a number or a date is expected here")
        return None

    def label(self, key: str, default: Label | None = None) -> Label | None:
        """A text, or a text per language."""
        value = self.values.get(key)
        if value is None:
            return default
        if isinstance(value, str):
            return Label({"en": value})
        if not isinstance(value, Located) or not value:
            self.problem(key, "a text, or {en: …, zh: …}, is expected here")
            return default
        texts: dict[str, str] = {}
        for language, text in value.items():
            if language not in LANGUAGES:
                hint = "; a text with a comma needs quotes" if text is None else ""
                self.problem(
                    key,
                    Message(
                        'unknown language "%(language)s"; known: %(names)s%(hint)s',
                        language=language,
                        names=", ".join(LANGUAGES),
                        hint=hint,
                    ),
                )
            elif not isinstance(text, str | int | float) or isinstance(text, bool):
                self.problem(key, Message('the text in "%(language)s" is missing', language=language))
            else:
                texts[language] = str(text)
        return Label(texts) if texts else default

    def names(self, key: str) -> tuple[str, ...]:
        """A list of words; one word is a list of one."""
        value = self.values.get(key)
        if value is None:
            return ()
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return (str(value),)
        if not isinstance(value, list) or any(isinstance(v, bool | dict | list) or v is None for v in value):
            self.problem(key, "a list of words is expected here")
            return ()
        return tuple(str(v) for v in value)

    def words(self, key: str) -> dict[str, str]:
        """A mapping of words to texts."""
        value = self.values.get(key)
        if value is None:
            return {}
        if not isinstance(value, Located) or any(not isinstance(v, str) for v in value.values()):
            self.problem(key, "a mapping of words to texts is expected here")
            return {}
        return dict(value)

    def rows(self, key: str, word: str = "name") -> list[tuple[Located, str]]:
        """The mappings of a list, each with its path. A plain word stands for {`word`: it}."""
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, LocatedList):
            self.problem(key, "a list is expected here")
            return []
        found: list[tuple[Located, str]] = []
        for n, row in enumerate(value):
            path = f"{self.where(key)}[{n + 1}]"
            if isinstance(row, Located):
                name = row.get(word)
                found.append((row, f"{self.where(key)}[{name}]" if isinstance(name, str) else path))
            elif isinstance(row, str | int | float) and not isinstance(row, bool):
                found.append((named(word, str(row), value.lines[n]), f"{self.where(key)}[{row}]"))
            else:
                self.problems.append(Problem(self.file, value.lines[n], path, "a mapping is expected here"))
        return found

    def mapping(self, key: str) -> Located | None:
        """The mapping under a key."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, Located):
            self.problem(key, "a mapping is expected here")
            return None
        return value

    def expression(self, key: str, known: Collection[str] | None) -> Expression | None:
        """An expression; true, false, numbers and lists of words stand for themselves."""
        value = self.values.get(key)
        if value is None:
            return None
        source = value if isinstance(value, str) else _literal(value)
        if source is None:
            self.problem(key, "an expression is expected here")
            return None
        try:
            return Expression(source, known)
        except ExpressionError as problem:
            reason = str(problem)
            if key == "default" and reason.startswith("unknown name") and source.isidentifier():
                reason += f"; a fixed text is written \"'{source}'\""
            self.problem(key, Message("%(reason)s in `%(source)s`", reason=reason, source=source))
            return None


def named(key: str, word: str, line: int) -> Located:
    """{key: word} for an entry that is just a word."""
    found = Located()
    found.line = found.lines[key] = line
    found[key] = word
    return found


def _literal(value: Any) -> str | None:
    if isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, list) and all(isinstance(v, str | int | float | bool) for v in value):
        return repr(list(value))
    return None
