"""The demo: Lanchuan Trading, a small company with a year of linked records relative to today.

    people.yaml ─ staff.py                                          units, persons, groups, passwords
    customers.yaml, trade.yaml ─ trade, deals, cases                customers → deals → activities, complaints, service
    articles.yaml, questions.yaml, threads.yaml ─ writings.py       knowledge, discussion

Every document is written through the door as the person concerned, at its moment, so that numbers, history,
readers and `created_by` are what they would be. The same day and seed give the same documents.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from app.access import Database, Databases, Directory, Identity, Secrets
from app.demo import cases, deals, staff, trade, writings
from app.demo.events import Story
from app.errors import NotFound

NEWS = {"discussion": 30, "knowledge": 30, "service": 4, "deals": 4, "customers": 4}  # days whose documents are unread


class Reading(Protocol):
    """Unread marks: the first look at a database is where a newcomer's begin."""

    def seen(self, database: Database) -> Any: ...


class DemoNode(Protocol):
    """What the demo needs of a node."""

    @property
    def databases(self) -> Databases: ...
    @property
    def directory(self) -> Directory: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def marks(self) -> Reading: ...


def build(node: DemoNode, *, seed: int = 1, progress: Callable[[int, int], None] | None = None) -> int:
    """Fill a new node with the demo company; how many documents and changes were written."""
    staff.hire(node.directory, node.secrets)

    def look(name: str) -> None:
        """Everybody has read what is in a database so far."""
        for person in node.directory.snapshot().persons.values():
            with suppress(NotFound):
                node.marks.seen(node.databases.open(name, Identity(person)))

    story = plan(seed)
    return story.tell(
        node.databases, node.directory, progress, {name: story.at(days) for name, days in NEWS.items()}, look
    )


def plan(seed: int = 1) -> Story:
    """Everything that happened, before any of it is written."""
    story = Story(seed)
    made = deals.deals(story, trade.customers(story))
    cases.complaints(story, made)
    cases.calls(story, made)
    writings.articles(story)
    writings.questions(story)
    writings.threads(story)
    return story
