"""YAML with line numbers: what a mistake needs to be named.

`read` gives mappings and lists that know on which line each key and entry stands. YAML 1.2's plain
scalars: only `true`/`false`, numbers and `null` are special, so `no`, `on`, `2026-01-01` and `01` are
texts as designers expect.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from app.design.model import Problem
from app.errors import Message

MAX_NODES = 50_000
MAX_TEXT = 1_000_000
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Located(dict[str, Any]):
    """A mapping that knows the line of each of its keys."""

    line: int = 0

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


class LocatedList(list[Any]):
    """A list that knows the line of each entry."""

    line: int = 0

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


class _Loader(_Base):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|True|false|False)$"), list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)\.[0-9]+$"), list("-+0123456789")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])


def read(text: str, file: str) -> tuple[Located, list[Problem]]:
    """The top mapping of a YAML text, and what is wrong with it. Broken YAML gives an empty mapping and
    one problem."""
    if len(text) > MAX_TEXT:
        return Located(), [Problem(file, 0, "", "the file is larger than 1 MB")]
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        reason = " ".join(
            part for part in (getattr(problem, "context", None), getattr(problem, "problem", None)) if part
        )
        line = mark.line + 1 if mark else 0
        return Located(), [
            Problem(file, line, "", Message("not YAML: %(value)s", value=reason or str(problem).splitlines()[0]))
        ]
    if node is None:
        return Located(), [Problem(file, 1, "", "the file is empty")]
    reader = _Reader(file)
    value = reader.value(node, "")
    if not isinstance(value, Located):
        reader.problems.append(Problem(file, 1, "", "a mapping of keys is expected here"))
        return Located(), reader.problems
    return value, reader.problems


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.nodes = 0

    def value(self, node: yaml.Node, key: str) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            if self.nodes == MAX_NODES + 1:
                self.problems.append(Problem(self.file, node.start_mark.line + 1, key, "the file holds too much"))
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            entries = LocatedList()
            entries.line = node.start_mark.line + 1
            for n, child in enumerate(node.value):
                entries.append(self.value(child, f"{key}[{n + 1}]"))
                entries.lines.append(child.start_mark.line + 1)
            return entries
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: str) -> Located:
        found = Located()
        found.line = node.start_mark.line + 1
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            name = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
            if not name:
                self.problems.append(Problem(self.file, line, path, "a key must be a plain word"))
                continue
            if name in found:
                self.problems.append(
                    Problem(
                        self.file,
                        line,
                        name,
                        Message("is there twice (also on line %(value)s)", value=found.lines[name]),
                    )
                )
            found[name] = self.value(value_node, f"{path}.{name}" if path else name)
            found.lines[name] = line
        return found


def _scalar(node: yaml.Node) -> Any:
    text: str = node.value
    match node.tag.rpartition(":")[2]:
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text) if len(text) < 20 else text
        case "float":
            return float(text)
        case "null":
            return None
    return text
