"""A design as frozen dataclasses: what the rest of the program acts on.

    Design ─ forms ─ Form ─ sections ─ Section ─ items ─ Item ─ (table) Item
           ├ views ─ View ─ columns, categories, sort
           ├ keywords ─ Keywords ─ Choice
           └ workflows, agents (as read; their own layers interpret them)

Every key of the YAML has one field here; docs/designer.md explains each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from app.design.expressions import Expression

LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Label:
    """A word in several languages; falls back to English, then to any other."""

    texts: Mapping[str, str]

    def get(self, language: str | None = "en") -> str:
        """The text in a language, or the nearest there is."""
        texts = self.texts
        found = texts.get(language or "en") or texts.get((language or "en").split("-")[0].split("_")[0])
        return found or texts.get("en") or next(iter(texts.values()), "")

    def __str__(self) -> str:
        return self.get("en")

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.texts.items())))


class Problem(NamedTuple):
    """A mistake in a design: which file (or document id), line (0 unknown), key, and what is wrong."""

    file: str
    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.reason}" if self.key else f"{where}: {self.reason}"


@dataclass(frozen=True)
class Choice:
    """One choice of a keyword list. `value` is stored and never changes; the label may. `parents`: under
    which it is offered."""

    value: str
    label: Label
    parents: tuple[str, ...] = ()
    retired: bool = False


@dataclass(frozen=True)
class Keywords:
    """A list of choices, kept by those for whom `keepers` holds (designers always)."""

    name: str
    label: Label
    choices: tuple[Choice, ...]
    keepers: Expression | None = None

    @cached_property
    def by_value(self) -> Mapping[str, Choice]:
        """The choices by value."""
        return {choice.value: choice for choice in self.choices}


@dataclass(frozen=True)
class Item:
    """What one item of a form holds and how it behaves. See docs/designer.md for each field."""

    name: str
    type: str
    label: Label
    help: Label | None = None
    placeholder: Label | None = None
    required: bool = False
    required_when: Expression | None = None
    readonly: bool = False
    readonly_when: Expression | None = None
    visible_when: Expression | None = None
    hide_when: Expression | None = None
    multiple: bool = False
    default: Expression | None = None
    computed: Expression | None = None
    translate: Expression | None = None
    validate: Expression | None = None
    message: Label | None = None
    unique: str | None = None  # "warn" | "refuse"
    min_level: int = 0
    minimum: float | int | str | None = None
    maximum: float | int | str | None = None
    max_length: int | None = None
    pattern: str | None = None
    lines: int = 1
    places: int | None = None
    unit: Label | None = None
    currency: str | None = None
    currency_item: str | None = None
    choices: tuple[Choice, ...] = ()
    keywords: str | None = None
    depends_on: str | None = None
    allow_new: bool = False
    kinds: tuple[str, ...] = ()
    database: str | None = None
    forms: tuple[str, ...] = ()
    pull: Mapping[str, str] = field(default_factory=dict)
    items: tuple[Item, ...] = ()
    series: str | None = None
    width: str | None = None  # "half" | "full"
    section: str = ""

    def __hash__(self) -> int:
        return hash((self.name, self.type, self.section))

    @property
    def many(self) -> bool:
        """Does it hold a list?"""
        return self.multiple or self.type in ("readers", "authors", "table")


@dataclass(frozen=True)
class Section:
    """A named group of items on the page."""

    name: str
    label: Label
    items: tuple[Item, ...]
    hide_when: Expression | None = None
    collapsed: bool = False
    icon: str | None = None


@dataclass(frozen=True)
class Check:
    """A form-level check: when `when` holds, the save is refused with `message` beside `item`."""

    when: Expression
    message: Label
    item: str | None = None


@dataclass(frozen=True)
class Access:
    """Who reads and edits a document of the form: expressions giving lists; None = nothing said."""

    readers: Expression | None = None
    authors: Expression | None = None


@dataclass(frozen=True)
class Form:
    """A kind of document."""

    name: str
    label: Label
    plural: Label
    sections: tuple[Section, ...]
    items: Mapping[str, Item]
    icon: str = "file-earmark-text"
    title: Expression | None = None
    create: Expression | None = None
    response_to: tuple[str, ...] = ()
    parent_optional: bool = False
    duplicates: tuple[str, ...] = ()
    access: Access = Access()
    checks: tuple[Check, ...] = ()
    open: bool = False
    anonymous: bool = False
    order: int = 100
    button: Label | None = None  # on documents it links to
    help: Label | None = None

    def __hash__(self) -> int:
        return hash((self.name, id(self.items)))


@dataclass(frozen=True)
class Column:
    """A column of a view: an item (`name`) or an expression (`value`)."""

    name: str
    label: Label
    type: str
    value: Expression | None = None
    width: int | None = None
    sortable: bool = False
    indexed: bool = False
    total: bool = False
    hidden: bool = False
    item: Item | None = None

    def __hash__(self) -> int:
        return hash((self.name, self.type))


class Sort(NamedTuple):
    """One key of an order: an item or column name, and its direction."""

    by: str
    descending: bool = False


@dataclass(frozen=True)
class View:
    """A list of documents: which, in what order, under which categories, with which columns."""

    name: str
    label: Label
    forms: tuple[str, ...]
    columns: tuple[Column, ...]
    where: Expression | None = None
    filter: str | None = None  # always added to what is asked: `owner=me;due_at<today`
    categories: tuple[str, ...] = ()
    sort: tuple[Sort, ...] = ()
    responses: bool = False
    style: str = "table"
    group: str | None = None
    date: str | None = None
    end: str | None = None
    new: str | None = None
    show_when: Expression | None = None
    order: int = 100
    icon: str | None = None
    help: Label | None = None
    unread: bool = True
    collapsed: bool = False
    heading: Label | None = None

    def __hash__(self) -> int:
        return hash((self.name, self.forms))


@dataclass(frozen=True)
class Process:
    """A workflow or an agent as read: its own layer interprets `data`."""

    name: str
    label: Label
    data: Mapping[str, Any]

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True)
class Design:
    """Everything a database is: elements that could be read, and the problems of those that could not."""

    database: str
    title: Label
    icon: str = "collection"
    order: int = 100
    roles: tuple[str, ...] = ()
    numbering: Mapping[str, str] = field(default_factory=dict)
    acl: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    forms: Mapping[str, Form] = field(default_factory=dict)
    views: Mapping[str, View] = field(default_factory=dict)
    keywords: Mapping[str, Keywords] = field(default_factory=dict)
    workflows: Mapping[str, Process] = field(default_factory=dict)
    agents: Mapping[str, Process] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    language: str = "en"

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other
