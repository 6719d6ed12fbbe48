"""Running numbers: shaped by their pattern, never twice, from leased blocks."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.clock import Clock
from app.forms.numbering import Numbering, is_provisional, number_in, render
from app.store import Store
from tests.forms.conftest import Node

PATTERN = "C{year}{seq:5}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store.open(tmp_path / "data", create=True)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("pattern", "items", "code"),
    [
        ("C{year}{seq:5}", {}, "C202600007"),
        ("{year:2}-{seq}", {}, "26-7"),
        ("{year:2}{area:4}{industry:2}{seq:4}", {"area": "27", "industry": "01"}, "260027010007"),
    ],
)
def test_patterns(pattern: str, items: dict[str, str], code: str) -> None:
    assert render(pattern, 2026, 7, items) == code
    assert number_in(pattern, 2026, items, code) == 7


def test_a_foreign_code_has_no_number() -> None:
    for code in ("X1", "C202500007", "C2026", "C2026123456", "C2026abcde", ""):
        assert number_in(PATTERN, 2026, {}, code) is None


def test_the_year_is_that_of_the_organisation(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clock, "frozen", datetime(2026, 12, 31, 17, tzinfo=UTC))
    assert Numbering(store, zone="Asia/Shanghai").draw("d", "s", PATTERN, {}) == "C202700001"
    assert Numbering(store, zone="Europe/Berlin").draw("d", "s", PATTERN, {}) == "C202600001"


def test_a_number_is_not_lost_when_the_save_fails(store: Store) -> None:
    numbering = Numbering(store)
    drawn: list[str] = []

    def fail() -> None:
        with store.transaction():
            drawn.append(numbering.draw("d", "s", PATTERN, {}))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.transaction():
        assert numbering.draw("d", "s", PATTERN, {}) == drawn[0]


def test_items_in_the_pattern_have_their_own_count(store: Store) -> None:
    numbering = Numbering(store)
    drawn = [numbering.draw("d", "s", "{area}-{seq}", {"area": area}) for area in ("N", "S", "N")]
    assert drawn == ["N-1", "S-1", "N-2"]


def test_a_leased_block_is_drawn_there_and_never_here(tmp_path: Path, store: Store) -> None:
    hub = Numbering(store)
    year = int(hub.draw("d", "s", "{year}/{seq}", {}).split("/")[0])
    block = hub.lease("d/s", year, 3)
    other = Store.open(tmp_path / "laptop", create=True)
    laptop = Numbering(other, source=False)
    laptop.grant(block)
    laptop.grant(block)
    assert laptop.left("d/s", year) == 3
    drawn = [laptop.draw("d", "s", "{year}/{seq}", {}) for _ in range(4)]
    own = [hub.draw("d", "s", "{year}/{seq}", {}) for _ in range(60)]
    assert is_provisional(drawn[3])
    assert len({*drawn, *own}) == 64
    other.close()


def test_threads_never_draw_one_number_twice(store: Store) -> None:
    numbering = Numbering(store)
    drawn: list[str] = []

    def work(inside: bool) -> None:
        for _ in range(60):
            if inside:
                with store.transaction():
                    drawn.append(numbering.draw("d", "s", PATTERN, {}))
            else:
                drawn.append(numbering.draw("d", "s", PATTERN, {}))

    threads = [threading.Thread(target=work, args=(n % 2 == 0,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(drawn) == len(set(drawn)) == 240


PROCESS = """
import sys
from pathlib import Path
from app.forms.numbering import Numbering
from app.store import Store
store = Store.open(Path(sys.argv[1]))
numbering = Numbering(store)
for _ in range(100):
    with store.transaction():
        print(numbering.draw("d", "s", "C{year}{seq:5}", {}))
store.close()
"""


def test_two_processes_never_draw_one_number_twice(store: Store) -> None:
    command = [sys.executable, "-c", PROCESS, str(store.data)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    drawn = [line for process in running for line in process.communicate(timeout=60)[0].split()]
    assert len(drawn) == len(set(drawn)) == 200


def test_an_imported_code_is_kept_and_counted_past(node: Node) -> None:
    ada = node.open("ada")
    first = ada.get(ada.create({"form": "customer", "name": "a"}).id)["code"]
    sent = f"{first[:5]}00041"
    assert ada.get(ada.create({"form": "customer", "name": "b", "code": sent}).id)["code"] == sent
    after = ada.get(ada.create({"form": "customer", "name": "c"}).id)["code"]
    assert after == f"{first[:5]}00042"


def test_a_taken_code_is_skipped_even_where_it_cannot_be_read(node: Node) -> None:
    ann, ada = node.open("ann"), node.open("ada")
    year = ada.get(ada.create({"form": "customer", "name": "a"}).id)["code"][:5]
    node.forms.numbering.source = False
    with node.store.transaction() as connection:
        connection.execute("UPDATE numbers SET next = 1")
    code = ann.get(ann.create({"form": "customer", "name": "b"}).id)["code"]
    assert code == f"{year}00002"


def test_a_dry_run_draws_no_number_and_learns_no_word(node: Node) -> None:
    bob = node.open("bob")
    rows = [{"form": "customer", "name": f"Dry {n}", "mood": "fresh"} for n in range(3)]
    with node.store.reading() as connection:
        before = connection.execute("SELECT * FROM numbers").fetchall()
    answers = bob.check_many([*rows, {"form": "customer"}])
    assert [isinstance(answer, list) for answer in answers] == [True, True, True, False]
    with node.store.reading() as connection:
        assert connection.execute("SELECT * FROM numbers").fetchall() == before
    assert "fresh" not in node.design.keywords["classes"].by_value
    assert bob.get(bob.create(rows[0]).id)["code"].endswith("00001")


def test_many_rows_get_numbers_in_order_and_unneeded_ones_go_back(node: Node) -> None:
    bob = node.open("bob")
    answers = bob.create_many(
        [{"form": "customer", "name": f"N{n}"} if n % 3 else {"form": "customer"} for n in range(12)]
    )
    codes = [bob.get(answer.id)["code"] for answer in answers if not isinstance(answer, Exception)]
    assert [int(code[-5:]) for code in codes] == list(range(1, 9))
    assert bob.get(bob.create({"form": "customer", "name": "next"}).id)["code"].endswith("00009")


def test_codes_that_come_along_are_passed_over_in_the_same_call(node: Node) -> None:
    bob = node.open("bob")
    year = node.rules.numbering.code("{year}{seq}", 1, {})[:4]
    first = bob.create({"form": "customer", "name": "A", "code": f"C{year}00002"}).id
    rows = [
        {"form": "customer", "name": "B", "code": f"C{year}00005"},
        *({"form": "customer", "name": f"D{n}"} for n in range(4)),
        {"form": "customer", "name": "E", "code": f"C{year}00005"},
    ]
    answers = bob.create_many(rows)
    assert [isinstance(answer, Exception) for answer in answers] == [False] * 5 + [True]
    codes = [bob.get(answer.id)["code"] for answer in answers[:5]]  # type: ignore[union-attr]
    assert len({*codes, bob.get(first)["code"]}) == 6
    later = bob.get(bob.create({"form": "customer", "name": "F"}).id)["code"]
    assert later not in codes
