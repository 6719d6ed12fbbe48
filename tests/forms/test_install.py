"""Shipped designs into databases: what is customised stays, what is broken is reported and the last good text works."""

from __future__ import annotations

import pytest

from app.access import SYSTEM
from app.errors import BadRequest, Forbidden
from app.forms import listed, save_element, take_newer
from app.forms.catalog import Catalog
from app.store import Context, Edit, Store
from tests.forms.conftest import CLASSES, CONTACT, Node

FORM = "design:form:contact"


def test_installing_makes_database_acl_and_elements(node: Node) -> None:
    assert node.databases.acl("shop").entries["bob"].level.label == "author"
    assert set(node.design.forms) == {"customer", "contact"}
    assert node.design.title.get("zh") == "商店"


def test_installing_again_changes_nothing(node: Node) -> None:
    before = node.store.database("shop").info().update_seq
    done = node.install()
    assert (done.created, done.updated, done.kept) == ([], [], [])
    assert node.store.database("shop").info().update_seq == before


def test_an_upgrade_takes_over_what_nobody_touched(node: Node) -> None:
    node.file("forms/contact.yaml", CONTACT.replace("Contact", "Person"))
    assert node.install().updated == [f"shop/{FORM}"]
    assert node.design.forms["contact"].label.get() == "Person"


def test_an_upgrade_keeps_what_was_customised_and_offers_the_newer(node: Node) -> None:
    ada = node.open("ada")
    assert save_element(ada, node.design, "form", "contact", CONTACT.replace("Contact", "Friend")) == []
    node.file("forms/contact.yaml", CONTACT.replace("Contact", "Person"))
    assert node.install().kept == [f"shop/{FORM}"]
    assert node.design.forms["contact"].label.get() == "Friend"
    element = next(element for element in listed(ada, node.design) if element.id == FORM)
    assert (element.state, element.newer) == ("customised", True)
    take_newer(ada, FORM)
    assert node.design.forms["contact"].label.get() == "Person"
    assert next(element for element in listed(ada, node.design) if element.id == FORM).state == "shipped"


def test_an_own_element_is_never_overwritten(node: Node) -> None:
    ada = node.open("ada")
    save_element(ada, node.design, "form", "note", "label: Note\nitems: [name]\n")
    node.file("forms/note.yaml", "label: Shipped\nitems: [name]\n")
    node.install()
    assert node.design.forms["note"].label.get() == "Note"


def test_a_broken_shipped_file_is_reported_and_the_others_are_installed(node: Node) -> None:
    node.file("forms/contact.yaml", "label: {en: Contact\n")
    node.file("forms/extra.yaml", "label: Extra\nitems: [name]\n")
    done = node.install()
    assert [problem.file for problem in done.problems] == ["shop/forms/contact.yaml"]
    assert {"contact", "extra"} <= set(node.design.forms)


def test_saving_a_mistake_names_line_and_key_and_stores_nothing(node: Node) -> None:
    problems = save_element(
        node.open("ada"), node.design, "form", "contact", "label: C\nitems:\n  - {name: a, typ: text}\n"
    )
    assert [(problem.line, problem.key, problem.reason) for problem in problems] == [
        (3, "items[a].typ", 'unknown key; did you mean "type"?')
    ]
    assert node.design.forms["contact"].label.get() == "Contact"


def test_only_designers_save_elements(node: Node) -> None:
    with pytest.raises(Forbidden):
        save_element(node.open("ed"), node.design, "form", "contact", CONTACT.replace("Contact", "Mine"))


def break_it(store: Store) -> None:
    """A broken text that came past the checks, by replication say."""
    raw = store.database("shop")
    document = raw.get(FORM)
    raw.put(Edit(FORM, document.rev, {**document.body, "text": "label: ["}), Context("x", "2026-01-01T00:00:00.000Z"))


def test_the_last_good_text_of_a_broken_element_keeps_working(node: Node) -> None:
    break_it(node.store)
    assert "contact" in node.design.forms
    assert [problem.file for problem in node.design.problems] == [FORM]


def test_it_does_so_after_a_restart_too(node: Node) -> None:
    break_it(node.store)
    design = Catalog(node.store).design("shop")
    assert design is not None
    assert "contact" in design.forms


def test_another_process_sees_a_changed_design(node: Node) -> None:
    other = Catalog(Store.open(node.store.data))
    assert other.design("shop") is not None
    save_element(node.open("ada"), node.design, "form", "note", "label: Note\nitems: [name]\n")
    import time

    time.sleep(0.05)
    found = other.design("shop")
    assert found is not None
    assert "note" in found.forms
    other.store.close()


def test_a_design_taken_back_with_its_transaction_is_forgotten(node: Node) -> None:
    def fail() -> None:
        with node.store.transaction():
            save_element(node.databases.open("shop", SYSTEM), node.design, "form", "note", "label: N\nitems: [name]\n")
            assert "note" in node.design.forms
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert "note" not in node.design.forms


def test_an_unchanged_design_is_loaded_once(node: Node) -> None:
    first = node.design
    node.open("ann").create({"form": "customer", "name": "x"})
    assert node.design is first


def test_a_form_over_a_missing_list_says_so(node: Node) -> None:
    text = "label: N\nitems: [{name: a, type: keyword, keywords: clases}]\n"
    problems = save_element(node.open("ada"), node.design, "form", "note", text)
    assert 'did you mean "classes"?' in problems[0].reason
    assert CLASSES


@pytest.mark.parametrize(
    ("id", "items"),
    [
        (FORM, {"text": "label: {en: Contact\n"}),
        (FORM, {"text": CONTACT.replace("owner", "x") + "nonsense: 1\n"}),
        (FORM, {"text": CONTACT, "kind": "view"}),
        (FORM, {"text": CONTACT, "name": "other"}),
        (FORM, {"text": 7}),
        (FORM, {}),
        ("design:from:contact", {"text": CONTACT}),
        ("design:form:Contact One", {"text": CONTACT}),
        ("design:database:shop", {"text": "title: Shop\n"}),
        ("design:keywords:classes", {"text": CLASSES + "keeper: x\n"}),
    ],
)
def test_a_designer_cannot_store_a_broken_element_by_writing_the_document(
    node: Node, id: str, items: dict[str, object]
) -> None:
    ada = node.open("ada")
    rev = ada.get(id)["_rev"] if ada.exists(id) else None
    with pytest.raises(BadRequest):
        ada.update(id, {"form": "design", **items}, rev)
    assert node.design.problems == ()
    assert "contact" in node.design.forms


def test_a_designer_stores_a_sound_element_by_writing_the_document(node: Node) -> None:
    ada = node.open("ada")
    ada.create({"form": "design", "text": "label: Note\nitems: [name]\n"}, id="design:form:note")
    ada.change(FORM, {"text": CONTACT.replace("Contact", "Friend")})
    assert node.design.forms["contact"].label.get() == "Friend"
    assert "note" in node.design.forms
