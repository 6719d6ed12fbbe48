"""One save, from what was sent to what is stored."""

from __future__ import annotations

from typing import Any

import pytest

from app.access import Database
from app.errors import BadRequest, Forbidden, NotFound
from app.store import Store
from tests.forms.conftest import CUSTOMER, Node


def made(database: Database, **items: Any) -> dict[str, Any]:
    """A customer as it is stored."""
    return database.get(database.create({"form": "customer", "name": "Rui Feng", **items}).id)


def refused(database: Database, **items: Any) -> dict[str, str]:
    """The fields of a refusal."""
    with pytest.raises(BadRequest) as problem:
        database.create({"form": "customer", "name": "Rui Feng", **items})
    return problem.value.fields


def test_a_new_document_gets_defaults_code_and_access(node: Node) -> None:
    document = made(node.open("ann"), name="  Rui   Feng ")
    assert document["name"] == "Rui Feng"
    assert document["class"] == "new"
    assert document["owner"] == "ann"
    assert document["code"].startswith("C20")
    assert document["readers"] == ["ann", "[Admins]"]
    assert document["authors"] == ["ann", "[Admins]"]


def test_team_and_readers_items_join_the_readers(node: Node) -> None:
    document = made(node.open("ann"), team=["sellers"], watchers=["eve"])
    assert document["readers"] == ["ann", "sellers", "[Admins]", "eve"]


def test_an_empty_readers_item_does_not_open_the_document(node: Node) -> None:
    assert made(node.open("ann"), watchers=[])["readers"] == ["ann", "[Admins]"]


def test_sent_readers_authors_and_stamps_are_not_believed(node: Node) -> None:
    document = made(node.open("ann"), readers=["eve"], authors=["eve"], created_by="eve", changed_at="2000-01-01")
    assert document["readers"] == ["ann", "[Admins]"]
    assert document["created_by"] == "ann"
    assert document["changed_at"] > "2020"


def test_several_names_in_one_text_are_refused(node: Node) -> None:
    assert "team" in refused(node.open("ann"), team=["ann, bob"])
    assert "watchers" in refused(node.open("ann"), watchers="ann, bob")


def test_an_unknown_name_is_refused(node: Node) -> None:
    assert "Nobody is called" in refused(node.open("ann"), owner="nobody")["owner"]


def test_a_label_means_the_one_person_called_so(node: Node) -> None:
    assert made(node.open("ann"), owner="Bob", team=["ann"])["owner"] == "bob"


def test_unknown_items_are_refused_by_name(node: Node) -> None:
    assert 'did you mean "phone"?' in refused(node.open("ann"), phon="1")["phon"]


def test_an_unknown_or_missing_form_is_refused(node: Node) -> None:
    for form in ("cust", "", None, 7):
        with pytest.raises(BadRequest) as problem:
            node.open("ann").create({"form": form, "name": "x"})
        assert "form" in problem.value.fields


def test_required_items_must_be_filled(node: Node) -> None:
    assert refused(node.open("ann"), name="  ")["name"] == "This must be filled in."


def test_required_when(node: Node) -> None:
    assert "note" in refused(node.open("ann"), **{"class": "lost"})
    assert made(node.open("ann"), note="why", **{"class": "lost"})["class"] == "lost"


def test_all_mistakes_are_told_at_once(node: Node) -> None:
    assert set(refused(node.open("ann"), name="", phone="x", share=101)) == {"name", "phone", "share"}


def test_a_form_check_speaks_beside_its_item(node: Node) -> None:
    assert refused(node.open("ann"), share=101)["share"] == "At most 100."


def test_tables_compute_their_cells_and_the_total_is_exact(node: Node) -> None:
    lines = [
        {"product": "a", "quantity": 3, "price": "0.10"},
        {"product": "b", "quantity": 1, "price": 0.2, "amount": 99},
    ]
    document = made(node.open("ann"), lines=lines)
    assert [line["amount"] for line in document["lines"]] == [0.3, 0.2]
    assert document["total"] == 0.5


def test_a_sent_total_is_ignored(node: Node) -> None:
    assert made(node.open("ann"), total=5)["total"] == 0


def test_a_missing_cell_names_row_and_cell(node: Node) -> None:
    assert "Row 1, Product" in refused(node.open("ann"), lines=[{"quantity": 1}])["lines"]


def test_min_level(node: Node) -> None:
    assert "limit" in refused(node.open("ann"), limit=5)
    assert made(node.open("ed"), limit=5)["limit"] == 5


def test_readonly_when_looks_at_what_was(node: Node) -> None:
    database = node.open("ann")
    document = made(database, note="a")
    saved = database.change(document["_id"], {"closed": True, "note": "b"}, document["_rev"])
    with pytest.raises(BadRequest) as problem:
        database.change(document["_id"], {"note": "c"}, saved.rev)
    assert set(problem.value.fields) == {"note"}


def test_choices_are_checked_by_list_parent_and_retirement(node: Node) -> None:
    ann = node.open("ann")
    assert "class" in refused(ann, **{"class": "gold"})
    assert "class" in refused(ann, **{"class": "old"})
    assert "subkind" in refused(ann, kind="trade", subkind="bank")
    assert made(ann, kind="trade", subkind="shop", tags=["vip", "own word"])["tags"] == ["vip", "own word"]


def test_a_retired_choice_may_stay(node: Node) -> None:
    system = made(node.open("ann"))
    raw = node.store.database("shop")
    from app.store import Context, Edit

    body = {**raw.get(system["_id"]).body, "class": "old"}
    rev = raw.put(Edit(system["_id"], system["_rev"], body), Context("ann", "2026-01-01T00:00:00.000Z"))
    saved = node.open("ann").change(system["_id"], {"phone": "88881234"}, rev)
    assert node.open("ann").get(saved.id)["class"] == "old"


def test_a_label_is_taken_as_its_choice(node: Node) -> None:
    assert made(node.open("ann"), note="x", **{"class": "流失"})["class"] == "lost"


def test_the_form_says_who_creates(node: Node) -> None:
    parent = made(node.open("ann"), team=["bob"])["_id"]
    with pytest.raises(Forbidden):
        node.open("ann").create({"form": "contact", "name": "Li", "parent": parent})
    assert node.open("bob").create({"form": "contact", "name": "Li", "parent": parent}).id


def test_a_response_needs_a_readable_parent_of_the_right_form(node: Node) -> None:
    bob = node.open("bob")
    hidden = made(node.open("ann"))["_id"]
    own = made(bob)["_id"]
    contact = bob.create({"form": "contact", "name": "Li", "parent": own}).id
    for parent in (None, "missing", hidden, contact):
        with pytest.raises(BadRequest) as problem:
            bob.create({"form": "contact", "name": "Li", "parent": parent})
        assert set(problem.value.fields) == {"parent"}


def test_a_link_must_be_readable_and_pulls_its_items(node: Node) -> None:
    bob = node.open("bob")
    own = made(bob, phone="027 8888 1234")["_id"]
    contact = bob.get(bob.create({"form": "contact", "name": "Li", "parent": own, "customer": own}).id)
    assert contact["customer_phone"] == "027 8888 1234"
    hidden = made(node.open("ann"))["_id"]
    with pytest.raises(BadRequest) as problem:
        bob.change(contact["_id"], {"customer": hidden}, contact["_rev"])
    assert set(problem.value.fields) == {"customer"}


def test_a_document_cannot_respond_to_itself(node: Node) -> None:
    ada = node.open("ada")
    node.file("forms/contact.yaml", "label: Contact\nresponse_to: ['*']\nparent_optional: true\nitems: [name]\n")
    assert node.install().problems == []
    one = ada.create({"form": "contact", "name": "1"})
    two = ada.create({"form": "contact", "name": "2", "parent": one.id})
    with pytest.raises(BadRequest):
        ada.change(one.id, {"parent": two.id}, one.rev)


def test_an_author_cannot_change_the_form(node: Node) -> None:
    bob = node.open("bob")
    document = made(bob)
    with pytest.raises((BadRequest, Forbidden)):
        bob.change(document["_id"], {"form": "contact"}, document["_rev"])


def test_put_without_an_item_removes_it_but_not_the_code(node: Node) -> None:
    ann = node.open("ann")
    document = made(ann, phone="88881234")
    ann.update(document["_id"], {"form": "customer", "name": "Rui", "owner": "ann"}, document["_rev"])
    after = ann.get(document["_id"])
    assert "phone" not in after
    assert after["code"] == document["code"]


def test_an_author_does_not_change_a_code(node: Node) -> None:
    ann = node.open("ann")
    document = made(ann)
    with pytest.raises(BadRequest) as problem:
        ann.change(document["_id"], {"code": "X1"}, document["_rev"])
    assert set(problem.value.fields) == {"code"}


def test_compose_is_idempotent(node: Node) -> None:
    ann = node.open("ann")
    document = made(ann, phone="88881234", team=["sellers"], lines=[{"product": "a", "quantity": 2, "price": 1.5}])
    items = {name: value for name, value in document.items() if name[:1] != "_"}
    again = node.rules.compose(ann, document, dict(items)).items
    stamps = ("created_at", "created_by", "changed_at", "changed_by")
    assert again == {name: value for name, value in items.items() if name not in stamps}


def test_a_failing_expression_names_form_item_and_reason(node: Node) -> None:
    node.file(
        "forms/bad.yaml",
        'label: Bad\nitems:\n  - name: name\n  - {name: half, type: number, computed: "1 / 0"}\n',
    )
    assert node.install().problems == []
    with pytest.raises(BadRequest) as problem:
        node.open("ada").create({"form": "bad", "name": "x"})
    assert "“bad” fails at “half”: division by zero in `1 / 0`" in problem.value.fields["half"]


def test_a_failing_access_expression_refuses_the_save(node: Node) -> None:
    node.file("forms/bad.yaml", 'label: Bad\nitems: [name]\naccess: {readers: "[1 / 0]"}\n')
    assert node.install().problems == []
    with pytest.raises(BadRequest) as problem:
        node.open("ada").create({"form": "bad", "name": "x"})
    assert "readers" in problem.value.fields


def test_a_hidden_required_item_is_not_asked_for(node: Node) -> None:
    node.file(
        "forms/bad.yaml",
        "label: Bad\nsections:\n  - {name: a, items: [name]}\n"
        "  - {name: b, hide_when: \"name == 'x'\", items: [{name: more, required: true}]}\n",
    )
    assert node.install().problems == []
    node.open("ada").create({"form": "bad", "name": "x"})
    with pytest.raises(BadRequest):
        node.open("ada").create({"form": "bad", "name": "y"})


def test_preview_fills_and_refuses_nothing(node: Node) -> None:
    preview = node.rules.preview(node.open("ann"), None, {"form": "customer", "share": 101})
    assert preview.items["owner"] == "ann"
    assert "code" not in preview.items
    assert "At most 100." in preview.warnings


def test_duplicates_name_readable_documents_only(node: Node) -> None:
    ann, bob = node.open("ann"), node.open("bob")
    first = made(ann, name="瑞丰科技有限公司", phone="+86 27 8888 1234", team=["bob"])
    made(node.open("ada"), name="瑞丰科技", owner="ada")
    found = node.rules.duplicates(bob, "customer", {"name": "瑞丰科技", "phone": "027-88881234"})
    assert [(match.id, match.items) for match in found] == [(first["_id"], ("name", "phone"))]


def test_a_duplicate_name_warns_and_a_unique_number_refuses(node: Node) -> None:
    ann = node.open("ann")
    made(ann, tax_number="91420")
    assert "has the same" in ann.create({"form": "customer", "name": "rui feng"}).warnings[0]
    assert "tax_number" in refused(ann, tax_number="91420")


def test_a_unique_number_never_reveals_an_unreadable_document(node: Node) -> None:
    made(node.open("ada"), tax_number="91420", owner="ada")
    made(node.open("bob"), tax_number="91420")
    clashes = node.forms.uniques.clashes(node.open("ada"), node.design.forms["customer"])
    assert ("tax_number", "91420") in [(item, value) for item, value, _ in clashes]


def test_lookup_gives_nothing_unreadable(node: Node) -> None:
    hidden = made(node.open("ann"), phone="88881234")["_id"]
    node.file(
        "forms/look.yaml",
        f"label: Look\nitems: [name, {{name: got, computed: \"lookup('shop', '{hidden}', 'phone')\"}}]\n",
    )
    assert node.install().problems == []
    ed = node.open("ed")
    assert "got" not in ed.get(ed.create({"form": "look", "name": "x"}).id)
    ada = node.open("ada")
    assert ada.get(ada.create({"form": "look", "name": "x"}).id)["got"] == "88881234"


def test_a_deleted_document_is_no_duplicate(node: Node) -> None:
    ann = node.open("ann")
    document = made(ann)
    ann.delete(document["_id"], document["_rev"])
    assert node.rules.duplicates(ann, "customer", {"name": "Rui Feng"}) == []
    with pytest.raises(NotFound):
        ann.get(document["_id"])


def test_store_is_clean(node: Node) -> None:
    made(node.open("ann"))
    assert isinstance(node.store, Store)
    assert node.store.check() == []


def test_a_form_that_begins_to_compare_an_item_finds_older_documents(node: Node) -> None:
    ann = node.open("ann")
    first = ann.create({"form": "customer", "name": "One", "note": "same"}).id
    assert ann.create({"form": "customer", "name": "Two", "note": "same"}).warnings == []
    node.file("forms/customer.yaml", CUSTOMER.replace("[name, phone]", "[name, phone, note]"))
    node.install()
    uniques = node.forms.uniques
    assert uniques.catch_up() > 0
    while uniques.catch_up():
        pass
    assert len(ann.create({"form": "customer", "name": "Three", "note": "same"}).warnings) == 2
    ann.change(first, {"note": "another"})
    assert len(ann.create({"form": "customer", "name": "Four", "note": "same"}).warnings) == 2


def test_a_form_that_ends_comparing_leaves_no_rows(node: Node) -> None:
    ann = node.open("ann")
    ann.create({"form": "customer", "name": "One", "phone": "021-61234567", "tax_number": "T1"})
    while node.forms.uniques.catch_up():
        pass
    text = CUSTOMER.replace("duplicates: [name, phone]", "duplicates: [name]")
    node.file("forms/customer.yaml", text.replace("unique: refuse", "max_length: 40"))
    assert node.install().problems == []
    while node.forms.uniques.catch_up():
        pass
    with node.store.reading() as connection:
        items = {item for (item,) in connection.execute("SELECT item FROM uniques")}
    assert items == {"customer.name", "customer=code"}


def test_rows_of_duplicates_made_anew_are_the_rows_there_were(node: Node) -> None:
    ann = node.open("ann")
    for n in range(7):
        ann.create({"form": "customer", "name": f"Name {n % 3}", "phone": f"021-6123456{n % 2}", "tax_number": f"T{n}"})
    with node.store.reading() as connection:
        before = connection.execute("SELECT * FROM uniques ORDER BY 1, 2, 3, 4").fetchall()
    with node.store.transaction() as connection:
        connection.execute("INSERT INTO uniques SELECT db, 'nothing.more', value, doc FROM uniques")
    assert node.forms.uniques.rebuild("shop") >= 7
    with node.store.reading() as connection:
        assert connection.execute("SELECT * FROM uniques ORDER BY 1, 2, 3, 4").fetchall() == before


def test_rows_of_one_call_find_each_other(node: Node) -> None:
    rows = [{"form": "customer", "name": "Acme Ltd.", "tax_number": "T 1"}, {"form": "customer", "name": "ACME"}]
    answers = node.open("ann").create_many([*rows, {"form": "customer", "name": "Z", "tax_number": "t1"}])
    assert [type(answer).__name__ for answer in answers] == ["Saved", "Saved", "BadRequest"]
    assert len(answers[1].warnings) == 1  # type: ignore[union-attr]
