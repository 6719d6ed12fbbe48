"""The command line as a real process: status, sentences, JSON, and beside a node that serves."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).parents[2]
PASSWORD = "orange-lamp-7"
Davenport = Callable[..., subprocess.CompletedProcess[str]]


def command(*words: object) -> list[str]:
    return [sys.executable, "-c", "import sys; from app.web.cli import main; sys.exit(main())", *map(str, words)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


@pytest.fixture
def davenport() -> Davenport:
    def run(*words: object, status: int = 0, input: str | None = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command(*words),
            capture_output=True,
            text=True,
            input=input,
            env=environment(),
            timeout=120,
            encoding="utf-8",
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def serving(data: Path) -> Iterator[str]:
    """The address of a real node over a copy of the data."""
    process = subprocess.Popen(
        command("serve", data, "--port", "0"), stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, line
    yield found[0]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    process.stdout.close()


def test_init_then_status(davenport: Davenport, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    data = tmp_path / "node"
    davenport("init", data, "--admin", "chief", "--password-file", secret)
    status = json.loads(davenport("status", data, "--json").stdout)
    names = {row["name"] for row in status["databases"]}
    assert {"directory", "customers", "deals"} <= names
    assert {"documents", "unsent", "rejected", "conflicts", "last_sync", "error"} <= set(status["databases"][0])
    people = json.loads(davenport("person", "list", data, "--json").stdout)
    assert [person["key"] for person in people] == ["chief"]
    again = davenport("init", data, "--password-file", secret, status=1)
    assert again.stderr.count("\n") == 1
    assert json.loads(davenport("check", data, "--json").stdout) == []


def test_failed_init_leaves_nothing(davenport: Davenport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAVENPORT_THREADS", "many")
    done = davenport("init", tmp_path / "node", input=PASSWORD + "\n", status=1)
    assert "DAVENPORT_THREADS" in done.stderr
    assert not (tmp_path / "node").exists()


@pytest.mark.parametrize(
    "words", [[], ["dance"], ["serve"], ["acl", "x"], ["import", "x", "y"], ["status", "x", "--no"]]
)
def test_wrong_usage_is_status_2(davenport: Davenport, words: list[str]) -> None:
    davenport(*words, status=2)


def test_refusals_are_one_sentence(davenport: Davenport, data: Path, tmp_path: Path) -> None:
    for words in (
        ["status", tmp_path / "nowhere"],
        ["person", "remove", data, "nobody"],
        ["acl", data, "nowhere"],
        ["acl", data, "customers", "--set", "north=emperor"],
        ["export", data, "customers", "nowhere", tmp_path / "a.csv", "--as", "north"],
        ["export", data, "customers", "customers", tmp_path / "a.pdf", "--as", "north"],
        ["import", data, "customers", "customer", tmp_path / "missing.csv", "--as", "north"],
        ["restore", tmp_path / "missing", tmp_path / "x"],
        ["token", "revoke", data, "nowhere"],
        ["design", "check", tmp_path / "nowhere"],
    ):
        done = davenport(*words, status=1)
        assert done.stderr.startswith("davenport: ")
        assert done.stderr.count("\n") == 1


def test_people_groups_and_units(davenport: Davenport, data: Path) -> None:
    davenport("unit", "add", data, "east", "--label", "East", "--leader", "leader")
    made = davenport(
        "person", "add", data, "Wang", "--key", "wang", "--groups", "sales", "--unit", "east", "--json", input=PASSWORD
    )
    assert json.loads(made.stdout)["groups"] == ["sales"]
    davenport("group", "add", data, "night", "--members", "wang")
    davenport("group", "change", data, "night", "--add", "north", "--remove", "wang")
    groups = {row["key"]: row["members"] for row in json.loads(davenport("group", "list", data, "--json").stdout)}
    assert groups["night"] == ["north"]
    davenport("person", "change", data, "wang", "--label", "Wang Wei", "--inactive")
    people = {row["key"]: row for row in json.loads(davenport("person", "list", data, "--json").stdout)}
    assert (people["wang"]["name"], people["wang"]["active"]) == ("Wang Wei", False)
    davenport("person", "remove", data, "wang")
    davenport("group", "remove", data, "night")
    davenport("unit", "remove", data, "east")


def test_acl_entries_are_set_and_taken_away(davenport: Davenport, data: Path) -> None:
    told = davenport("acl", data, "customers", "--set", "outsider=author,create,delete,[Leaders]", "--json").stdout
    entry = json.loads(told)["outsider"]
    assert entry == {"type": "person", "level": "author", "flags": ["create", "delete"], "roles": ["Leaders"]}
    assert "outsider" not in json.loads(davenport("acl", data, "customers", "--unset", "outsider", "--json").stdout)


def test_import_export_undo(davenport: Davenport, data: Path, tmp_path: Path) -> None:
    table = tmp_path / "客户.csv"
    table.write_bytes(
        "客户名称,电话,备注\r\n北风,020-1,=1+1\r\n南风,020-2222222,\r\n,020-3,没有名称\r\n".encode("gb18030")
    )
    words = ["import", data, "customers", "customer", table, "--as", "north", "--json"]
    assert json.loads(davenport(*words, "--dry-run").stdout)["counts"] == {"new": 2, "error": 1}
    done = json.loads(davenport(*words).stdout)
    assert done["counts"] == {"new": 2, "error": 1}
    assert "没有名称" in Path(done["errors"]).read_text(encoding="gb18030")
    out = tmp_path / "out.csv"
    davenport("export", data, "customers", "customers", out, "--as", "north")
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    assert "北风" in out.read_text(encoding="utf-8-sig")
    davenport("export", data, "customers", "customers", out, "--as", "south")
    assert "北风" not in out.read_text(encoding="utf-8-sig")
    davenport("export", data, "customers", "customers", out, "--as", "outsider", status=1)
    log = json.loads(davenport("audit", data, "--event", "export", "--json").stdout)
    assert [entry["person"] for entry in log] == ["south", "north"]
    davenport("job", "undo", data, done["id"])
    davenport("export", data, "customers", "customers", out, "--as", "north")
    assert "北风" not in out.read_text(encoding="utf-8-sig")


def test_backup_and_restore(davenport: Davenport, data: Path, tmp_path: Path) -> None:
    davenport("backup", data, tmp_path / "backup")
    davenport("restore", tmp_path / "backup", tmp_path / "second")
    first, second = (json.loads(davenport("status", at, "--json").stdout) for at in (data, tmp_path / "second"))
    assert [row["documents"] for row in first["databases"]] == [row["documents"] for row in second["databases"]]
    davenport("reindex", tmp_path / "second")
    davenport("restore", tmp_path / "backup", data, status=1)


def test_designs_are_checked(davenport: Davenport, data: Path, tmp_path: Path) -> None:
    davenport("design", "check", ROOT / "designs")
    davenport("design", "check", data)
    broken = tmp_path / "designs" / "odd"
    (broken / "forms").mkdir(parents=True)
    (broken / "database.yaml").write_text("title: {en: Odd}\nnonsense: 1\n", encoding="utf-8")
    done = davenport("design", "check", tmp_path / "designs", status=1)
    assert "database.yaml:2" in done.stdout
    assert "nonsense" in done.stdout


def test_commands_work_while_the_node_serves(davenport: Davenport, serving: str, data: Path) -> None:
    assert requests.get(f"{serving}/healthz", timeout=10).status_code == 200
    token = davenport("token", "add", data, "north", "--databases", "customers").stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    listed: Any = requests.get(f"{serving}/api/v1/databases", headers=headers, timeout=10).json()
    assert [row["name"] for row in listed] == ["customers"]
    url = f"{serving}/api/v1/databases/customers/documents"
    made = requests.put(
        f"{url}/a%2Ehistory", json={"form": "customer", "name": "X", "owner": "north"}, headers=headers, timeout=10
    )
    assert made.json()["id"] == "a.history"
    davenport("person", "add", data, "Late", "--key", "late", input=PASSWORD)
    assert requests.get(f"{serving}/api/v1/databases", auth=("late", PASSWORD), timeout=10).status_code == 200
    davenport("acl", data, "customers", "--set", "north=none")
    assert requests.get(f"{url}/a%2Fhistory", headers=headers, timeout=10).status_code == 404


def test_a_port_in_use_is_a_sentence(davenport: Davenport, serving: str, data: Path) -> None:
    done = davenport("serve", data, "--port", serving.rsplit(":", 1)[1], status=1)
    assert "Cannot listen" in done.stderr


def test_an_import_killed_midway_goes_on(davenport: Davenport, data: Path, tmp_path: Path) -> None:
    table = tmp_path / "many.csv"
    table.write_text("name\n" + "".join(f"Company {n}\n" for n in range(4000)), encoding="utf-8")
    words = command("import", data, "customers", "customer", table, "--as", "north")
    process = subprocess.Popen(words, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    job: dict[str, Any] = {}
    for _ in range(600):
        time.sleep(0.05)
        found = json.loads(davenport("job", "list", data, "--json").stdout)
        if found and found[0]["done"] >= 500:
            job = found[0]
            break
    process.kill()
    process.wait()
    assert job, "the import never began"
    assert json.loads(davenport("check", data, "--json").stdout) == []
    if json.loads(davenport("job", "list", data, "--json").stdout)[0]["state"] == "running":
        davenport("job", "resume", data, job["id"], status=1)
        time.sleep(31)
        davenport("job", "resume", data, job["id"])
    out = tmp_path / "out.csv"
    davenport("export", data, "customers", "customers", out, "--as", "north")
    assert len(out.read_text(encoding="utf-8-sig").splitlines()) == 4001
