"""An encrypted node as its administrator uses it: real processes, a real server, and no open byte on the disk."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from app.node import Node
from app.settings import Settings
from app.store import keys
from app.web import create_app

ROOT = Path(__file__).parents[2]
DAVENPORT = (sys.executable, "-c", "import sys; from app.web.cli import main; sys.exit(main())")
PASSPHRASE = "correct horse battery"
PASSWORD = "orange-lamp-7"
SECRET = "Kupferdraht Zeppelin"
TEXT = (SECRET + "\n").encode() * 60_000  # more than stays in memory on its way
SETTINGS = Settings(passphrase=PASSPHRASE, language="en")


def davenport(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*DAVENPORT, *map(str, arguments)]
    known = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=known, stdin=subprocess.DEVNULL)


def found_in(*folders: Path) -> list[str]:
    """Files that hold a part of the secret, openly or packed."""
    wanted = [b"Kupferdraht", b"Zeppelin", base64.b64encode(b"Kupferdraht")[:12]]
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in paths if any(part in path.read_bytes() for part in wanted)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Passphrases and a password in files."""
    folder = tmp_path_factory.mktemp("files")
    for name, content in (("right", PASSPHRASE), ("wrong", "quite another one"), ("password", PASSWORD)):
        (folder / name).write_text(content + "\n")
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, files: Path) -> Path:
    """An encrypted node, made once."""
    data = tmp_path_factory.mktemp("made") / "node"
    done = davenport(
        "init", data, "--encrypted", "--passphrase-file", files / "right", "--password-file", files / "password"
    )
    assert done.returncode == 0, done.stderr
    return data


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(made, tmp_path / "node")
    return tmp_path / "node"


def test_commands_ask_for_the_passphrase(data: Path, files: Path) -> None:
    assert davenport("status", data, "--passphrase-file", files / "right").returncode == 0
    assert davenport("status", data, DAVENPORT_PASSPHRASE=PASSPHRASE).returncode == 0
    for done, sentence in (
        (davenport("status", data, "--passphrase-file", files / "wrong"), "The passphrase is wrong."),
        (davenport("status", data), "The data is encrypted; give its passphrase"),
    ):
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"davenport: {sentence}")
        assert done.stderr.count("\n") == 1


def test_a_passphrase_beside_the_data_is_refused(data: Path) -> None:
    (data / "davenport.toml").write_text(f'passphrase = "{PASSPHRASE}"')
    assert "protects nothing" in davenport("status", data).stderr


def test_the_passphrase_is_changed(data: Path, files: Path) -> None:
    done = davenport("passphrase", data, "--passphrase-file", files / "right", "--new-passphrase-file", files / "wrong")
    assert done.returncode == 0, done.stderr
    assert davenport("check", data, "--passphrase-file", files / "wrong").stdout == "All is well.\n"
    assert davenport("check", data, "--passphrase-file", files / "right").returncode == 1


def test_backup_and_restore_stay_encrypted(data: Path, files: Path, tmp_path: Path) -> None:
    right = ("--passphrase-file", files / "right")
    assert davenport("backup", data, tmp_path / "b.zip", *right).returncode == 0
    assert davenport("restore", tmp_path / "b.zip", tmp_path / "new").returncode == 1
    assert not (tmp_path / "new" / "documents.db").exists()
    assert davenport("restore", tmp_path / "b.zip", tmp_path / "new", *right).returncode == 0
    assert keys.is_encrypted(tmp_path / "new")
    assert davenport("check", tmp_path / "new", *right).returncode == 0


@pytest.fixture
def hoard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Temporary files lie here, and nothing that is removed goes."""
    folder = tmp_path / "hoard"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))

    def keep(path: str | Path, *rest: object, **more: object) -> None:
        source = Path(path)
        if source.is_file():
            shutil.copyfile(source, folder / f"kept-{len(list(folder.iterdir()))}")

    unlink = os.unlink

    def hoarding(path: str | Path, *rest: object, **more: object) -> None:
        keep(path)
        unlink(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(tempfile.TemporaryDirectory, "_rmtree", lambda *a, **k: None)
    monkeypatch.setattr(os, "unlink", hoarding)
    monkeypatch.setattr(os, "remove", hoarding)

    def visible(mode: str = "w+b", *rest: object, **more: object) -> object:
        return tempfile.NamedTemporaryFile(mode, delete=False)

    monkeypatch.setattr(tempfile, "TemporaryFile", visible)
    yield folder
    monkeypatch.undo()


def test_uploads_exports_imports_and_jobs_leave_no_open_byte(data: Path, hoard: Path) -> None:
    with Node.open(data, settings=SETTINGS) as node:
        client = create_app(node, TESTING=True, WTF_CSRF_ENABLED=False).test_client()
        auth = ("admin", PASSWORD)

        def call(method: str, path: str, **options: object) -> object:
            found = client.open("/api/v1" + path, method=method, auth=auth, buffered=True, **options)
            assert found.status_code < 300, (path, found.get_data(as_text=True))
            return found

        name = "/databases/customers/documents"
        items = {"form": "customer", "name": SECRET, "address": SECRET}
        document = call("POST", name, json=items).get_json()["id"]  # type: ignore[attr-defined]
        rev = client.get(f"/api/v1{name}/{document}", auth=auth).get_json()["_rev"]
        path = f"{name}/{document}/attachments/{SECRET}.txt"
        call("PUT", f"{path}?rev={rev}", data=TEXT, content_type="text/plain")
        assert call("GET", path).data == TEXT  # type: ignore[attr-defined]
        part = client.get("/api/v1" + path, auth=auth, headers={"Range": "bytes=100000-100019"})
        assert (part.status_code, part.data) == (206, TEXT[100_000:100_020])
        for kind in ("xlsx", "csv"):
            call("GET", f"/databases/customers/views/customers/export?format={kind}")
        table = f"name,address\n{SECRET},{'x' * 40}\n".encode() * 20_000
        sent = {"form": "customer", "dry_run": "1", "name": "a.csv"}
        address = "/databases/customers/imports"
        job = call("POST", address, query_string=sent, data=table, content_type="text/csv").get_json()  # type: ignore[attr-defined]
        node.jobs.run_here(job["id"])
        node.store.backup(data.parent / "backup.zip")
        # the same as a form of a page: the parts wait in spools
        form = requests.Request("POST", "http://here/", files={"file": ("a.txt", TEXT)}).prepare()
        token = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/sign-in").text)
        assert token
        client.post("/sign-in", data={"name": "admin", "password": PASSWORD, "csrf_token": token[1]})
        token = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/").text)
        assert token
        kind = {"Content-Type": form.headers["Content-Type"], "X-CSRFToken": token[1]}
        client.post(f"/db/customers/doc/{document}/attachments", data=form.body, headers=kind)
        names = call("GET", f"{name}/{document}").get_json()["_attachments"]  # type: ignore[attr-defined]
        assert "a.txt" in names
        while node.views.catch_up():
            pass
        assert found_in(data, hoard, data.parent) == []
    assert found_in(data, hoard, data.parent) == []
    assert not (data / "session.key").exists()
    assert [path for path in hoard.rglob("*") if path.is_file()]  # it was looked at


def test_a_server_opens_with_the_passphrase_and_takes_large_bodies(data: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), "DAVENPORT_PASSPHRASE": PASSPHRASE}
    command = [*DAVENPORT, "serve", str(data), "--port", "0"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1]
        body = {"form": "customer", "name": SECRET}
        auth = ("admin", PASSWORD)
        made = requests.post(f"{url}/api/v1/databases/customers/documents", json=body, auth=auth, timeout=60).json()
        address = f"{url}/api/v1/databases/customers/documents/{made['id']}/attachments/a.txt"
        sent = requests.put(f"{address}?rev={made['rev']}", data=TEXT, auth=auth, timeout=60)
        assert sent.status_code == 201, sent.text
        assert requests.get(address, auth=auth, timeout=60).content == TEXT
    finally:
        server.kill()
        server.communicate(timeout=10)
    assert found_in(data, temporary) == []
    with Node.open(data, settings=SETTINGS) as node:
        assert node.store.check() == []
