"""Imports as people do them: mapping, dry run, duplicates, refused rows, two sheets, cancel, resume, undo."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from app.access import Database
from app.errors import Conflict
from app.node import Node
from app.transfer import errorfile, plans
from app.transfer.importing import SOURCE, keep_source
from app.transfer.jobs import Interrupted, Job
from app.transfer.mapping import propose
from app.transfer.readers import open_table

Open = Callable[[str, str], Database]


def sheet(path: Path, **sheets: list[list[Any]]) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        for name, rows in sheets.items():
            page = book.add_worksheet(name)
            for number, row in enumerate(rows):
                page.write_row(number, 0, row)
    return path


def prepared(node: Node, database: Database, path: Path, **options: Any) -> Job:
    dry = options.pop("dry", False)
    plan = plans.propose(database.design, open_table(path), "customer", path.name, **options)
    detail = {"plan": plan.to_json(), "dry_run": dry}
    job = node.jobs.create("import", database.identity.key, "customers", detail)
    keep_source(node.jobs.file(job.id, SOURCE), path)
    return job


def imported(node: Node, database: Database, path: Path, **options: Any) -> Job:
    return node.jobs.run_here(prepared(node, database, path, **options).id)


def customers(database: Database, form: str = "customer") -> list[dict[str, Any]]:
    rows = database.changes(include_docs=True)
    return [
        row.revision.body for row in rows if row.revision and not row.deleted and row.revision.body.get("form") == form
    ]


HEADER = ["客户名称", "电话", "客户分类", "负责人"]


def test_headers_in_either_language_are_mapped(opened: Open) -> None:
    design = opened("customers", "north").design
    assert design is not None
    form = design.forms["customer"]
    chinese = propose(form, ["客户名称*", "手机号码", "电话", "电子邮件", "负责人", "乱七八糟"])
    assert chinese == {0: "name", 1: "mobile", 2: "phone", 3: "email", 4: "owner"}
    english = propose(form, ["Company name", "Mobile", "Telephone", "E-Mail", "Sales rep", "Zip code"])
    assert english == {0: "name", 1: "mobile", 2: "phone", 3: "email", 4: "owner", 5: "postcode"}


def test_dry_run_counts_and_writes_nothing(node: Node, opened: Open, tmp_path: Path) -> None:
    north = opened("customers", "north")
    north.create({"form": "customer", "name": "Already Here", "owner": "north"})
    rows = [
        HEADER,
        ["New One", "020-1111111", "existing", "North"],
        ["Already Here", "", "", ""],
        ["Bad", "", "no such class", ""],
    ]
    job = imported(node, north, sheet(tmp_path / "a.xlsx", 客户=rows), dry=True)
    assert job.state == "done", job.detail
    assert job.detail["counts"] == {"new": 1, "duplicate": 1, "error": 1}
    assert len(customers(north)) == 1


def test_import_fills_items_and_gives_refused_rows_back(node: Node, opened: Open, tmp_path: Path) -> None:
    north = opened("customers", "north")
    rows = [["客户登记表"], HEADER, ["Good", 2083330000, "现有客户", "North"], ["Bad", "", "no such class", ""]]
    job = imported(node, north, sheet(tmp_path / "a.xlsx", 客户=rows))
    assert job.detail["counts"] == {"new": 1, "error": 1}
    made = customers(north)[0]
    assert (made["name"], made["phone"], made["class"], made["owner"]) == ("Good", "2083330000", "existing", "north")
    errors = tmp_path / "errors.xlsx"
    assert errorfile.write(node.jobs, job.id, errors) == 1
    back = [row.cells for row in open_table(errors).rows()]
    assert back[0] == [*HEADER, "Reason"]
    assert back[1][0] == "Bad"
    assert "no such class" in back[1][-1]


def test_duplicates_hidden_from_the_person_are_not_told(node: Node, opened: Open, tmp_path: Path) -> None:
    opened("customers", "south").create({"form": "customer", "name": "Secret Ltd", "owner": "south"})
    north = opened("customers", "north")
    job = imported(node, north, sheet(tmp_path / "a.xlsx", a=[HEADER, ["Secret Ltd", "", "", ""]]))
    assert job.detail["counts"] == {"new": 1}


def test_update_changes_what_is_there_and_undo_puts_it_back(node: Node, opened: Open, tmp_path: Path) -> None:
    north = opened("customers", "north")
    saved = north.create({"form": "customer", "name": "Old", "owner": "north", "phone": "020-1111111"})
    path = sheet(tmp_path / "a.xlsx", a=[HEADER, ["Old", "020-2222222", "", ""], ["New", "", "", ""]])
    job = imported(node, north, path, duplicates="update")
    assert job.detail["counts"] == {"updated": 1, "new": 1}
    assert north.get(saved.id)["phone"] == "020-2222222"
    node.jobs.undo(job.id, "north", background=False)
    assert node.jobs.run_here(job.id).state == "undone"
    assert north.get(saved.id)["phone"] == "020-1111111"
    assert [made["name"] for made in customers(north)] == ["Old"]


def test_undo_leaves_what_was_changed_since(node: Node, opened: Open, tmp_path: Path) -> None:
    north = opened("customers", "north")
    job = imported(node, north, sheet(tmp_path / "a.xlsx", a=[HEADER, ["A", "", "", ""], ["B", "", "", ""]]))
    kept = next(
        row.id for row in north.changes(include_docs=True) if row.revision and row.revision.body.get("name") == "A"
    )
    north.change(kept, {"fax": "020-9999999"})
    node.jobs.undo(job.id, "north", background=False)
    done = node.jobs.run_here(job.id)
    assert done.detail["undo"] == {"undone": 1, "kept": 1}
    assert [made["name"] for made in customers(north)] == ["A"]


def test_contacts_on_a_second_sheet_find_their_customers(node: Node, opened: Open, tmp_path: Path) -> None:
    north = opened("customers", "north")
    path = sheet(
        tmp_path / "a.xlsx",
        客户=[HEADER, ["One", "", "", "North"], ["Two", "", "", "North"]],
        联系人=[["姓名", "公司名称", "手机"], ["Li", "One", "13800000001"], ["Wu", "Two", ""], ["Xu", "Nobody", ""]],
    )
    for dry in (True, False):
        job = imported(node, north, path, dry=dry)
        assert job.detail["counts"] == {"new": 4, "error": 1}, list(node.jobs.rows(job.id))
    by_name = {
        row.revision.body["name"]: row.id
        for row in north.changes(include_docs=True)
        if row.revision and "name" in row.revision.body
    }
    assert {made["name"]: made["customer"] for made in customers(north, "contact")} == {
        "Li": by_name["One"],
        "Wu": by_name["Two"],
    }


def test_contacts_in_the_same_rows(node: Node, opened: Open, tmp_path: Path) -> None:
    north = opened("customers", "north")
    rows = [
        ["客户名称", "电话", "联系人", "联系人手机"],
        ["One", "020-1111111", "Li", "13800000001"],
        ["One", "020-1111111", "Wu", ""],
        ["Two", "", "", ""],
    ]
    job = imported(node, north, sheet(tmp_path / "a.xlsx", a=rows))
    assert job.state == "done", job.detail
    assert sorted(made["name"] for made in customers(north)) == ["One", "Two"]
    assert sorted(made["name"] for made in customers(north, "contact")) == ["Li", "Wu"]


def test_an_interrupted_import_goes_on_without_making_anything_twice(
    node: Node, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.transfer.importing.BATCH", 5)
    north = opened("customers", "north")
    path = sheet(tmp_path / "a.xlsx", a=[HEADER, *[[f"Company {n}", "", "", ""] for n in range(23)]])
    job = prepared(node, north, path)
    real = node.jobs._progress
    calls = 0

    def killed(*given: Any) -> Job:
        nonlocal calls
        calls += 1
        if calls == 4:  # the documents are written, the rows of the job are not
            raise Interrupted
        return real(*given)

    monkeypatch.setattr(node.jobs, "_progress", killed)
    assert node.jobs.run_here(job.id).state == "running"
    assert len(customers(north)) == 15
    monkeypatch.setattr(node.jobs, "_progress", real)
    done = node.jobs.run_here(job.id)
    assert (done.state, done.detail["counts"]) == ("done", {"new": 23})
    assert len(customers(north)) == 23


def test_a_stopped_import_goes_on_when_asked(node: Node, opened: Open, tmp_path: Path) -> None:
    north = opened("customers", "north")
    job = prepared(node, north, sheet(tmp_path / "a.xlsx", a=[HEADER, *([f"N{n}", "", "", ""] for n in range(1200))]))

    def stop(seen: Job) -> None:
        if seen.done >= 500:
            node.jobs.cancel(job.id)

    stopped = node.jobs.run_here(job.id, stop)
    assert (stopped.state, stopped.may_go_on, len(customers(north))) == ("cancelled", True, 500)
    node.jobs.go_on(job.id, background=False)
    done = node.jobs.run_here(job.id)
    assert (done.state, done.detail["counts"], len(customers(north))) == ("done", {"new": 1200}, 1200)
    with pytest.raises(Conflict):
        node.jobs.go_on(job.id)


def test_an_import_whose_process_was_killed_is_taken_over(
    node: Node, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = opened("customers", "north")
    job = prepared(node, north, sheet(tmp_path / "a.xlsx", a=[HEADER, *([f"N{n}", "", "", ""] for n in range(700))]))
    monkeypatch.setattr(node.jobs, "_release", lambda id: node.jobs._held.discard(id))  # a kill releases nothing

    def die(seen: Job) -> None:
        if seen.done >= 500:
            raise Interrupted

    assert node.jobs.run_here(job.id, die).state == "running"
    assert node.jobs.resume() == 0, "its lease still stands"
    with node.store.node.transaction() as connection:
        connection.execute("UPDATE jobs SET heartbeat = 1, owner = 'gone' WHERE id = ?", (job.id,))
    assert node.jobs.resume() == 1
    for _ in range(400):
        if node.jobs.get(job.id).finished:
            break
        time.sleep(0.05)
    done = node.jobs.get(job.id)
    assert (done.state, done.detail["counts"], len(customers(north))) == ("done", {"new": 700}, 700)


def test_a_dry_run_that_updates_counts_matches_as_changes(node: Node, opened: Open, tmp_path: Path) -> None:
    north = opened("customers", "north")
    north.create({"form": "customer", "name": "Known", "phone": "020-1111111", "owner": "north"})
    north.create({"form": "customer", "name": "Same", "phone": "020-2222222", "owner": "north"})
    rows = [
        HEADER,
        ["Known", "020-3333333", "", ""],
        ["Same", "020-2222222", "", ""],
        ["New", "", "", ""],
        ["New", "020-4444444", "", ""],
    ]
    path = sheet(tmp_path / "a.xlsx", a=rows)
    dry = imported(node, north, path, dry=True, duplicates="update")
    assert dry.detail["counts"] == {"updated": 2, "duplicate": 1, "new": 1}
    assert len(customers(north)) == 2
    assert imported(node, north, path, duplicates="update").detail["counts"] == dry.detail["counts"]


def test_a_reader_imports_nothing(node: Node, opened: Open, tmp_path: Path) -> None:
    job = imported(node, opened("customers", "support"), sheet(tmp_path / "a.xlsx", a=[HEADER, ["A", "", "", ""]]))
    assert job.state == "failed"
    assert "may not create" in job.detail["problem"]


def test_bulk_update_of_a_view_and_its_undo(node: Node, opened: Open) -> None:
    north = opened("customers", "north")
    ids = [north.create({"form": "customer", "name": f"N{n}", "owner": "north", "fax": "1234567"}).id for n in range(3)]
    node.views.catch_up()
    detail = {"view": "customers", "query": {}, "items": {"fax": "020-7654321"}}
    job = node.jobs.run_here(node.jobs.create("update", "north", "customers", detail).id)
    assert job.detail["counts"] == {"updated": 3}
    assert {north.get(id)["fax"] for id in ids} == {"020-7654321"}
    north.change(ids[0], {"fax": "020-0000000"})
    node.jobs.undo(job.id, "north", background=False)
    assert node.jobs.run_here(job.id).detail["undo"] == {"undone": 2, "kept": 1}
    assert [north.get(id)["fax"] for id in ids] == ["020-0000000", "1234567", "1234567"]


def test_places_are_known_by_their_full_names(node: Node, opened: Open, tmp_path: Path) -> None:
    north = opened("customers", "north")
    rows = [["客户名称", "所在地区", "所在省份"], ["Nahua", "华东地区", "浙江省"], ["Jing", "华北", "北京市"]]
    assert imported(node, north, sheet(tmp_path / "a.xlsx", a=rows)).detail["counts"] == {"new": 2}
    found = {row["name"]: (row["region"], row["province"]) for row in customers(north)}
    assert found["Nahua"] == ("east_china", "zhejiang")
