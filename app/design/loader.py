"""From YAML files or design documents to a Design.

    database.yaml → keywords → forms → views → workflows, agents

An element with a mistake is left out, or replaced by its last good text if the caller knows one
(`fallback`); its problems say file, line, key and reason; every other element works.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from app.design import keys
from app.design.expressions import CONTEXT_NAMES, LEVELS, near
from app.design.forms import build_choices, build_form
from app.design.mapping import Keys
from app.design.model import Design, Form, Item, Keywords, Label, Problem, Process, View
from app.design.source import Located, read
from app.design.views import build_view
from app.errors import Message

KINDS = {
    "database": "",
    "keywords": "keywords",
    "form": "forms",
    "view": "views",
    "workflow": "workflows",
    "agent": "agents",
}
ELEMENT_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_SERIES = re.compile(r"\{([a-z_]+)(?::([1-9][0-9]?))?\}")
FLAGS = (
    "create", "delete", "replicate_or_copy", "read_public", "write_public", "personal_views", "shared_views",
)  # fmt: skip


class Source(NamedTuple):
    """The text of one element: what kind, its name, and the file or document it comes from."""

    kind: str
    name: str
    text: str
    file: str


Fallback = Callable[[Source], Iterable[str]]


def load_folder(folder: Path | str) -> Design:
    """The design in a folder `designs/<database>/`. Never raises for what a file holds."""
    folder = Path(folder)
    sources, problems = sources_of(folder)
    return assemble(folder.name, sources, problems=problems)


def sources_of(folder: Path) -> tuple[list[Source], list[Problem]]:
    """The elements of a folder, and files that cannot be read or stand in the wrong place."""
    kinds = {sub: kind for kind, sub in KINDS.items() if sub}
    found: list[Source] = []
    problems: list[Problem] = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        file = f"{folder.name}/{inside.as_posix()}"
        if path.is_dir() or path.suffix not in (".yaml", ".yml"):
            continue
        kind = "database" if str(inside) == "database.yaml" else kinds.get(inside.parts[0])
        if kind is None or len(inside.parts) != (1 if kind == "database" else 2):
            problems.append(Problem(file, 0, "", Message("belongs into one of %(names)s", names=", ".join(kinds))))
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            problems.append(Problem(file, 0, "", Message("cannot be read: %(problem)s", problem=problem)))
            continue
        found.append(Source(kind, folder.name if kind == "database" else path.stem, text, file))
    return found, problems


def load_documents(database: str, documents: Iterable[Mapping[str, Any]], fallback: Fallback | None = None) -> Design:
    """The design held by documents `design:<kind>:<name>` of a database."""
    sources: list[Source] = []
    problems: list[Problem] = []
    for document in documents:
        id = str(document.get("_id", ""))
        _, kind, name = (*id.split(":", 2), "", "")[:3]
        text = document.get("text")
        if kind not in KINDS or not isinstance(text, str):
            problems.append(Problem(id, 0, "", "is no design element: kind or text is missing"))
            continue
        sources.append(Source(kind, name or database, text, id))
    return assemble(database, sources, problems=problems, fallback=fallback)


def load_element(design: Design, source: Source) -> list[Problem]:
    """What would be wrong if the element replaced the one of that name: its own mistakes and those it
    makes elsewhere."""
    return [problem for problem in _Assembly(design.database, design).add(source) if problem.file == source.file]


def assemble(
    database: str,
    sources: Iterable[Source],
    *,
    problems: Iterable[Problem] = (),
    fallback: Fallback | None = None,
) -> Design:
    """A Design of element texts; each broken one falls back to its last good text, if there is one."""
    assembly = _Assembly(database)
    order = list(KINDS)
    for source in sorted(sources, key=lambda s: (order.index(s.kind), s.name)):
        mistakes = assembly.add(source)
        if mistakes and fallback:
            earlier = (text for text in fallback(source) if text != source.text)
            any(not assembly.add(source._replace(text=text)) for text in earlier)
        assembly.problems.extend(mistakes)
    assembly.problems.extend(problems)
    return assembly.design()


class _Assembly:
    """A design while it is put together."""

    def __init__(self, database: str, start: Design | None = None) -> None:
        self.database = database
        self.values: dict[str, Any] = {"title": Label({"en": database.replace("_", " ").capitalize()})}
        self.forms: dict[str, Form] = dict(start.forms) if start else {}
        self.views: dict[str, View] = dict(start.views) if start else {}
        self.keywords: dict[str, Keywords] = dict(start.keywords) if start else {}
        self.workflows: dict[str, Process] = {}
        self.agents: dict[str, Process] = {}
        if start:
            self.values["numbering"] = start.numbering
        self.problems: list[Problem] = []
        self.broken: set[str] = set()  # forms with mistakes: their views say so once

    def add(self, source: Source) -> list[Problem]:
        """Takes the element in if it has no mistake; answers with its mistakes."""
        values, problems = read(source.text, source.file)
        if problems and source.kind == "form":
            self.broken.add(source.name)
        if not problems:
            if source.kind != "database" and not ELEMENT_NAME.fullmatch(source.name):
                problems.append(
                    Problem(
                        source.file, 0, "", Message('"%(name)s" is no name: small letters, digits, _', name=source.name)
                    )
                )
            self._build(source, values, problems)
        return problems

    def _build(self, source: Source, values: Located, problems: list[Problem]) -> None:
        file, name = source.file, source.name
        match source.kind:
            case "database":
                found = build_database(values, file, problems, self.values["title"])
                if not problems:
                    self.values = found
            case "keywords":
                keywords = build_keywords(name, values, file, problems)
                if not problems:
                    self.keywords[name] = keywords
            case "form":
                form = build_form(name, values, file, problems)
                self._check_form(form, values, file, problems)
                if not problems:
                    self.forms[name] = form
                    self.broken.discard(name)
                else:
                    self.broken.add(name)
            case "view":
                view = build_view(name, values, file, problems, self.forms)
                wrong = self.broken.intersection(view.forms).difference(self.forms)
                if wrong:
                    problems[:] = [
                        Problem(
                            file,
                            values.lines.get("forms", 0),
                            "forms",
                            Message('the form "%(form)s" has mistakes', form=form),
                        )
                        for form in sorted(wrong)
                    ]
                if not problems:
                    self.views[name] = view
            case kind:
                label = Keys(values, file, problems, dict.fromkeys(values, "")).label("label", Label({"en": name}))
                (self.workflows if kind == "workflow" else self.agents)[name] = Process(
                    name, label or Label({}), dict(values)
                )

    def _check_form(self, form: Form, values: Located, file: str, problems: list[Problem]) -> None:
        """Keyword lists and numbering series are elements of their own."""
        for item, path in _every_item(form):
            if item.keywords is not None and item.keywords not in self.keywords:
                reason = Message(
                    'there is no keyword list "%(keywords)s"%(hint)s',
                    keywords=item.keywords,
                    hint=near(item.keywords, self.keywords),
                )
                problems.append(Problem(file, _line_of(values, item.name), f"{path}.keywords", reason))
            series = self.values.get("numbering", {})
            if item.type == "code" and item.series is not None and item.series not in series:
                reason = Message(
                    'database.yaml numbers no "%(series)s"%(hint)s', series=item.series, hint=near(item.series, series)
                )
                problems.append(Problem(file, _line_of(values, item.name), f"{path}.series", reason))

    def design(self) -> Design:
        """What was put together."""
        return Design(
            database=self.database,
            forms=dict(sorted(self.forms.items(), key=lambda e: (e[1].order, e[0]))),
            views=dict(sorted(self.views.items(), key=lambda e: (e[1].order, e[0]))),
            keywords=self.keywords,
            workflows=self.workflows,
            agents=self.agents,
            problems=tuple(self.problems),
            **self.values,
        )


def _every_item(form: Form) -> Iterable[tuple[Item, str]]:
    for item in form.items.values():
        yield item, f"items[{item.name}]"
        for cell in item.items:
            yield cell, f"items[{item.name}].items[{cell.name}]"


def _line_of(value: Any, name: str) -> int:
    """The line of the mapping whose name is `name`."""
    if isinstance(value, Located):
        if value.get("name") == name:
            return value.line
        return next((line for child in value.values() if (line := _line_of(child, name))), 0)
    if isinstance(value, list):
        return next((line for child in value if (line := _line_of(child, name))), 0)
    return 0


def build_database(values: Located, file: str, problems: list[Problem], title: Label) -> dict[str, Any]:
    """The fields of a Design that database.yaml holds."""
    top = Keys(values, file, problems, keys.DATABASE_KEYS)
    numbering = top.words("numbering")
    for series, pattern in numbering.items():
        if reason := pattern_problem(pattern):
            top.problem("numbering", Message("%(series)s: %(reason)s", series=series, reason=reason))
    acl: dict[str, dict[str, Any]] = {}
    for name, entry in (top.mapping("acl") or Located()).items():
        if not isinstance(entry, Located):
            top.problem("acl", Message('"%(name)s" needs a mapping with a level', name=name))
            continue
        keys_of = Keys(entry, file, problems, keys.ACL_KEYS, f"acl.{name}")
        flags = keys_of.names("flags")
        for flag in flags:
            if flag not in FLAGS:
                keys_of.problem("flags", Message('"%(flag)s" is no flag%(hint)s', flag=flag, hint=near(flag, FLAGS)))
        level = keys_of.word("level", [level.lower() for level in LEVELS], "none")
        if not keys_of.has("level"):
            keys_of.problem("level", '"level" is missing')
        kind = keys_of.word("type", ("person", "group", "unit", "server", "unspecified"), "unspecified")
        acl[name] = {
            "level": level,
            "type": kind,
            "flags": list(flags),
            "roles": list(keys_of.names("roles")),
        }
    return {
        "title": top.label("title", title) or title,
        "icon": top.text("icon", "collection") or "",
        "order": top.integer("order", 100),
        "roles": top.names("roles"),
        "numbering": numbering,
        "acl": acl,
    }


def pattern_problem(pattern: str) -> str | None:
    """What is wrong with a numbering pattern, if anything: `C{year}{seq:5}` is right."""
    rest = _SERIES.sub("", pattern)
    if "{" in rest or "}" in rest:
        return f'"{pattern}" is no pattern; an example: C{{year}}{{seq:5}}'
    if [name for name, _ in _SERIES.findall(pattern)].count("seq") != 1:
        return f'"{pattern}" needs {{seq}} once; an example: C{{year}}{{seq:5}}'
    return None


def build_keywords(name: str, values: Located, file: str, problems: list[Problem]) -> Keywords:
    """A keyword list."""
    top = Keys(values, file, problems, keys.KEYWORDS_KEYS)
    return Keywords(
        name=name,
        label=top.label("label", Label({"en": name.replace("_", " ").capitalize()})) or Label({}),
        choices=tuple(build_choices(top)),
        keepers=top.expression("keepers", CONTEXT_NAMES - {"old", "value", "row", "form", "is_new"}),
    )
