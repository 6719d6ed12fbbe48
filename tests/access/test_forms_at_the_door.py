"""What the door does with a form layer: lists come from the form, never from the sender."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from app.access import Composed, Database, Document
from app.errors import BadRequest, Forbidden

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from tests.access.conftest import World


@dataclass
class SomeForm:
    """As much of a form as the door looks at."""

    anonymous: bool = False


@dataclass
class SomeDesign:
    """As much of a design as the door looks at."""

    title: str = "Deals"
    forms: Mapping[str, SomeForm] = field(
        default_factory=lambda: {"deal": SomeForm(), "open": SomeForm(), "complaint": SomeForm(True)}
    )


class OwnerReads:
    """A form whose owner alone reads and writes; the form `open` is open."""

    def __init__(self) -> None:
        self.seen: list[tuple[Document | None, dict[str, Any], str | None]] = []
        self.checked = 0

    def compose(
        self, database: Database, old: Document | None, new: dict[str, Any], *, action: str | None = None
    ) -> Composed:
        self.seen.append((old, dict(new), action))
        if not new.get("title"):
            raise BadRequest("", fields={"title": "A title is needed."})
        owner = [new.get("owner", database.identity.key)]
        lists = {"readers": [], "authors": ["*"]} if new["form"] == "open" else {"readers": owner, "authors": owner}
        return Composed({**new, **lists}, ["composed"])

    def check(
        self, database: Database, old: Document | None, new: dict[str, Any], *, action: str | None = None
    ) -> Composed:
        self.checked += 1
        return self.compose(database, old, new, action=action)

    def together(self, database: Database, rows: Sequence[Mapping[str, Any]]) -> AbstractContextManager[None]:
        return nullcontext()

    def may_create(self, database: Database, form: str) -> bool:
        return form != "open"

    def may_keep(self, database: Database, id: str) -> bool:
        return database.identity.key == "ann"

    def element_problems(self, database: Database, id: str, items: Mapping[str, Any]) -> list[str]:
        return ["broken"] if "broken" in items["text"] else []


@pytest.fixture
def form(world: World) -> OwnerReads:
    found = OwnerReads()
    world.databases.rules = found
    world.databases.form_rights = found
    world.databases.designs = lambda name: SomeDesign() if name == "deals" else None  # type: ignore[assignment, return-value]
    world.make("deals", {"-Default-": {"level": "author", "flags": ["create"]}})
    world.make("plain", {"-Default-": {"level": "author", "flags": ["create"]}})
    return found


def test_sent_lists_are_not_even_shown_to_the_form(world: World, form: OwnerReads) -> None:
    ann = world.open("deals", "ann")
    saved = ann.create({"form": "deal", "title": "x", "readers": ["*"], "authors": ["bob"], "anonymous": True})
    assert saved.warnings == ["composed"]
    assert form.seen[0][1] == {"form": "deal", "title": "x"}
    assert (ann.get(saved.id)["readers"], ann.get(saved.id)["created_by"]) == (["ann"], "ann")
    ann.change(saved.id, {"readers": ["*"], "note": "y"}, action="judge")
    old, new, action = form.seen[1]
    assert old is not None
    assert (old["_rev"], old["readers"], "readers" in new, action) == (saved.rev, ["ann"], False, "judge")
    assert not world.open("deals", "bob").exists(saved.id)
    results = ann.create_many([{"form": "deal", "title": "x", "readers": ["*"]}, {"form": "deal"}])
    assert [getattr(result, "fields", None) for result in results] == [None, {"title": "A title is needed."}]


def test_a_form_that_moves_a_document_away_warns(world: World, form: OwnerReads) -> None:
    ann = world.open("deals", "ann")
    saved = ann.create({"form": "deal", "title": "x"})
    assert len(ann.change(saved.id, {"owner": "bob"}).warnings) == 2
    assert world.open("deals", "bob").exists(saved.id)


def test_an_author_does_not_change_the_form_of_a_document(world: World, form: OwnerReads) -> None:
    ann = world.open("deals", "ann")
    saved = ann.create({"form": "deal", "title": "x"})
    with pytest.raises(Forbidden):
        ann.change(saved.id, {"form": "open"})


def test_a_database_without_design_takes_lists_as_given(world: World, form: OwnerReads) -> None:
    saved = world.open("plain", "ann").create({"form": "deal", "readers": ["ann"]})
    assert form.seen == []
    assert world.open("plain", "ann").get(saved.id)["readers"] == ["ann"]


def test_an_anonymous_form_leaves_names_out(world: World, form: OwnerReads) -> None:
    ann = world.open("deals", "ann")
    saved = ann.create({"form": "complaint", "title": "x", "owner": "bob"})
    document = world.open("deals", "bob").get(saved.id)
    assert document["anonymous"] is True
    assert not {"created_by", "changed_by"} & set(document)


def test_who_may_create_asks_the_form_too(world: World, form: OwnerReads) -> None:
    ann = world.open("deals", "ann")
    assert (ann.may_create(), ann.may_create("deal"), ann.may_create("open")) == (True, True, False)


STAGES = "label: {en: Stages}\nkeepers: level >= EDITOR\nchoices: [a]\n"


@pytest.fixture
def stages(world: World, form: OwnerReads) -> str:
    id = "design:keywords:stages"
    world.put("deals", id, form="design", text=STAGES)
    return id


def test_keyword_lists_are_kept_by_whom_the_design_names(world: World, stages: str) -> None:
    text = STAGES.replace("[a]", "[a, b]")
    world.open("deals", "ann").change(stages, {"text": text})
    with pytest.raises(Forbidden):
        world.open("deals", "bob").change(stages, {"text": STAGES})
    world.put("deals", "design:form:deal", form="design", text="a")
    with pytest.raises(Forbidden):
        world.open("deals", "ann").change("design:form:deal", {"text": "b"})


@pytest.mark.parametrize(
    "changed",
    [
        {"text": STAGES.replace("EDITOR", "NONE")},
        {"text": STAGES.replace("Stages", "Steps")},
        {"text": STAGES + "order: 7\n"},
        {"text": "choices: [a]\n"},
        {"name": "steps"},
        {"shipped": "x"},
        {"newer": STAGES},
    ],
)
def test_who_keeps_a_list_changes_its_choices_alone(world: World, stages: str, changed: dict[str, Any]) -> None:
    ann = world.open("deals", "ann")
    with pytest.raises(Forbidden):
        ann.change(stages, changed)
    with pytest.raises(Forbidden):
        ann.delete(stages)


def test_broken_texts_of_a_design_are_refused_by_every_path(world: World, form: OwnerReads) -> None:
    world.make("deals2", {"-Default-": {"level": "designer", "flags": ["delete"]}})
    ann = world.open("deals2", "ann")
    row = {"form": "design", "text": "broken"}
    id = "design:form:deal"
    with pytest.raises(BadRequest) as problem:
        ann.create(row, id=id)
    assert problem.value.fields == {"text": "broken"}
    assert isinstance(ann.create_many([row], ids=[id])[0], BadRequest)
    saved = ann.create({**row, "text": "good"}, id=id)
    with pytest.raises(BadRequest):
        ann.change(id, {"text": "broken"})
    with pytest.raises(BadRequest):
        ann.update(id, row, saved.rev)
    assert ann.get(id)["text"] == "good"
