"""One entry of a YAML list added, replaced, moved or removed; every other line, with its comments, stays as it was.

text, path ("sections", {"name": "basics"}, "items")  ──find──>  the list's node and its place in the text
   block list   the lines of each entry are a chunk; chunks are put together anew
   [flow list]  written anew, alone
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from app.design.source import read
from app.errors import BadRequest

Step = str | int | Mapping[str, str]
Act = Callable[[list[str]], list[str]]


def flow(value: Any) -> str:
    """A value on one line: `{name: size, label: {en: Size, zh: 规模}}`."""
    text = yaml.safe_dump(plain(value), default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**9)
    return re.sub(r"\n\.\.\.$", "", text.strip())


def plain(value: Any) -> Any:
    """Plain dicts and lists of what the designs' reader gives."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def add(text: str, path: Sequence[Step], entry: Any, at: int | None = None) -> str:
    """The text with one more entry, at the end unless `at` says otherwise."""

    def act(chunks: list[str]) -> list[str]:
        place = len(chunks) if at is None else max(0, min(at, len(chunks)))
        return [*chunks[:place], flow(entry), *chunks[place:]]

    return edit(text, path, act)


def replace(text: str, path: Sequence[Step], index: int, entry: Any) -> str:
    """The text with one entry written anew."""
    return edit(text, path, lambda chunks: [*chunks[:index], flow(entry), *chunks[index + 1 :]])


def remove(text: str, path: Sequence[Step], index: int) -> str:
    """The text without one entry."""
    return edit(text, path, lambda chunks: [*chunks[:index], *chunks[index + 1 :]])


def move(text: str, path: Sequence[Step], index: int, to: int) -> str:
    """The text with one entry at another place of its list."""

    def act(chunks: list[str]) -> list[str]:
        rest = [*chunks[:index], *chunks[index + 1 :]]
        return [*rest[:to], chunks[index], *rest[to:]]

    return edit(text, path, act)


def set_key(text: str, key: str, value: Any) -> str:
    """The text with a top-level key set, in its place or at the end."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    line = f"{key}: {flow(value)}"
    if isinstance(root, yaml.MappingNode):
        for key_node, value_node in root.value:
            if key_node.value == key:
                return text[: key_node.start_mark.index] + line + _rest(text, value_node)
    return text.rstrip("\n") + "\n" + line + "\n"


def edit(text: str, path: Sequence[Step], act: Act) -> str:
    """The text with the chunks of a list as `act` makes them. BadRequest when there is no such list."""
    text = text.replace("\r\n", "\n")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as problem:
        raise BadRequest("The text is no YAML; mend it in the text editor first.") from problem
    found = _find(root, path)
    if found is None and len(path) == 1 and isinstance(path[0], str):
        return text.rstrip("\n") + f"\n{path[0]}:\n" + "".join(f"  - {chunk}\n" for chunk in act([]))
    if found is None:
        raise BadRequest("There is no such part of the form.")
    if not isinstance(found, yaml.SequenceNode):
        return _filled(text, found, act([]))
    return _flow_list(text, found, act) if found.flow_style or not found.value else _block_list(text, found, act)


def _find(node: yaml.Node | None, path: Sequence[Step]) -> yaml.Node | None:
    for step in path:
        if isinstance(step, str) and isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(step, int) and isinstance(node, yaml.SequenceNode):
            node = node.value[step] if 0 <= step < len(node.value) else None
        elif isinstance(step, Mapping) and isinstance(node, yaml.SequenceNode):
            node = next((child for child in node.value if _fits(child, step)), None)
        else:
            return None
    return node


def _fits(node: yaml.Node, wanted: Mapping[str, str]) -> bool:
    if not isinstance(node, yaml.MappingNode):
        return False
    held = {key.value: value.value for key, value in node.value if isinstance(value, yaml.ScalarNode)}
    return all(held.get(name) == value for name, value in wanted.items())


def _block_list(text: str, node: yaml.SequenceNode, act: Act) -> str:
    lines = text.split("\n")
    starts = [child.start_mark.line for child in node.value]
    end = _end_line(lines, node.value[-1])
    indent = lines[starts[0]].index("-")
    chunks = ["\n".join(lines[a:b]) for a, b in zip(starts, [*starts[1:], end], strict=True)]
    raw = set(chunks)
    made = [chunk if chunk in raw else " " * indent + "- " + chunk for chunk in act(chunks)]
    if not made:
        head = lines[: starts[0]]
        head[-1] = head[-1].rstrip() + " []"
        return "\n".join([*head, *lines[end:]])
    return "\n".join([*lines[: starts[0]], *made, *lines[end:]])


def _end_line(lines: list[str], last: yaml.Node) -> int:
    """The line after an entry; blank lines and comments behind it belong to what follows."""
    mark = last.end_mark
    end: int = mark.line + 1 if lines[mark.line][: mark.column].strip() else mark.line
    while end > last.start_mark.line + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _flow_list(text: str, node: yaml.SequenceNode, act: Act) -> str:
    if not node.value and not node.flow_style:
        return _filled(text, node, act([]))
    chunks = [text[child.start_mark.index : child.end_mark.index] for child in node.value]
    return text[: node.start_mark.index] + "[" + ", ".join(act(chunks)) + "]" + text[node.end_mark.index :]


def _filled(text: str, node: yaml.Node, chunks: list[str]) -> str:
    """A key without a value gets a list."""
    return text[: node.start_mark.index].rstrip(" ") + " [" + ", ".join(chunks) + "]" + text[node.end_mark.index :]


def _rest(text: str, node: yaml.Node) -> str:
    rest = text[node.end_mark.index :]
    return rest if rest.startswith(("\n", " ")) or not rest else "\n" + rest


def entries(text: str, path: Sequence[Step]) -> list[dict[str, Any]]:
    """The entries of a list as plain mappings; [] where there is none."""
    value: Any = read(text, "")[0]
    for step in path:
        if isinstance(step, str) and isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list):
            value = value[step] if 0 <= step < len(value) else None
        elif isinstance(step, Mapping) and isinstance(value, list):
            value = next((one for one in value if isinstance(one, Mapping) and step.items() <= one.items()), None)
        else:
            return []
    return [plain(one) if isinstance(one, Mapping) else {"name": one} for one in value or []]
