"""Keyword lists kept by entitled people."""

from __future__ import annotations

import pytest

from app.errors import BadRequest, Forbidden
from app.forms import KeywordLists
from tests.forms.conftest import Node


def lists(node: Node, key: str) -> KeywordLists:
    """The lists, as somebody sees them."""
    return KeywordLists(node.open(key), node.design)


def values(node: Node) -> list[str]:
    """The choices offered in a new document."""
    return [choice.value for choice in node.rules.choices(node.open("ann"), "customer", "class", {})]


def test_retired_choices_are_not_offered_but_where_they_stand(node: Node) -> None:
    assert values(node) == ["new", "lost"]
    found = node.rules.choices(node.open("ann"), "customer", "class", {"class": "old"})
    assert [choice.value for choice in found] == ["new", "lost", "old"]


def test_choices_follow_what_they_depend_on(node: Node) -> None:
    found = node.rules.choices(node.open("ann"), "customer", "subkind", {"kind": "service"})
    assert [choice.value for choice in found] == ["bank"]


def test_keepers_add_call_retire_and_reorder(node: Node) -> None:
    kept = lists(node, "bob")
    kept.add("classes", "key", {"en": "Key", "zh": "重点"})
    kept.call("classes", "new", {"en": "Fresh", "zh": "新"})
    kept.retire("classes", "lost")
    kept.reorder("classes", ["key", "new"])
    assert values(node) == ["key", "new"]
    field = node.rules.field("shop", "customer", "class")
    assert field is not None
    assert field.display("new") == "Fresh"


def test_others_may_not(node: Node) -> None:
    for key in ("ann", "ed"):
        with pytest.raises(Forbidden):
            lists(node, key).add("classes", "x")
    with pytest.raises(BadRequest):
        lists(node, "ada").add("classes", "new")


def test_a_new_label_rewrites_no_document(node: Node) -> None:
    ann = node.open("ann")
    saved = ann.create({"form": "customer", "name": "a"})
    lists(node, "ada").call("classes", "new", {"en": "Fresh"})
    assert ann.get(saved.id)["_rev"] == saved.rev


def test_renaming_a_value_rewrites_what_the_person_may_edit(node: Node) -> None:
    ann, ada = node.open("ann"), node.open("ada")
    own = ann.create({"form": "customer", "name": "a"}).id
    renamed = list(lists(node, "ada").rename_value("classes", "new", "fresh"))
    assert [(row.id, row.problem) for row in renamed] == [(own, None)]
    assert ada.get(own)["class"] == "fresh"
    assert "fresh" in values(node)
    assert "new" not in values(node)


def test_documents_out_of_reach_keep_the_old_value_readable(node: Node) -> None:
    ann = node.open("ann")
    own = ann.create({"form": "customer", "name": "a"}).id
    list(lists(node, "bob").rename_value("classes", "new", "fresh"))
    assert ann.get(own)["class"] == "new"
    assert node.design.keywords["classes"].by_value["new"].retired


def test_a_keepers_new_word_joins_the_list_and_another_persons_does_not(node: Node) -> None:
    node.open("ann").create({"form": "customer", "name": "a", "mood": "sad"})
    assert "sad" not in node.design.keywords["classes"].by_value
    node.open("bob").create({"form": "customer", "name": "b", "mood": "glad"})
    assert "glad" in node.design.keywords["classes"].by_value
