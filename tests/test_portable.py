"""What differs between systems stands in app/store/portable.py and nowhere else; that module on other systems."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.store import portable

ROOT = Path(__file__).parents[1]
HOME = ROOT / "app" / "store" / "portable.py"
FOLDERS = ("app", "replication", "mail", "discussion", "knowledge", "designs")

MODULES = {"fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "syslog", "msvcrt", "winreg", "_winapi", "posix"}
ATTRIBUTES = {
    "os": {
        *("name", "fork", "forkpty", "sync", "symlink", "link", "readlink", "mkfifo", "chmod", "chown", "umask"),
        *("getuid", "geteuid", "getgid", "setsid", "killpg", "kill", "nice", "uname", "statvfs", "getloadavg", "wait"),
        *("rename", "replace", "O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC", "sched_getaffinity", "startfile", "pread"),
    },
    "sys": {"platform", "getwindowsversion"},
    "signal": {
        "SIGKILL",
        "SIGHUP",
        "SIGUSR1",
        "SIGUSR2",
        "SIGALRM",
        "SIGCHLD",
        "SIGPIPE",
        "alarm",
        "setitimer",
        "pause",
    },
    "time": {"tzset", "clock_gettime"},
    "socket": {"AF_UNIX", "SO_REUSEPORT"},
    "shutil": {"chown"},
    "sqlite3": set(),
}
PATHS = {"rename", "symlink_to", "hardlink_to", "chmod", "owner", "group", "readlink"}  # methods of Path
TEXTS = {"read_text": 0, "write_text": 1}  # methods of Path, and where `encoding` stands among their arguments


def sources() -> list[Path]:
    """Every module of the product."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert len(found) > 200
    return [path for path in found if path != HOME]


def faults(source: str) -> Iterator[str]:
    """What of a module's source works on some systems alone."""
    tree = ast.parse(source)
    own_open = any(isinstance(node, ast.arg) and node.arg == "open" for node in ast.walk(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (f"imports {each.name}" for each in names if each.name.partition(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module), names=names):
                if module.partition(".")[0] in MODULES:
                    yield f"imports {module}"
                yield from (f"{module}.{each.name}" for each in names if each.name in ATTRIBUTES.get(module, ()))
            case ast.Attribute(value=ast.Name(id=module), attr=name) if name in ATTRIBUTES.get(module, ()):
                yield f"{module}.{name}"
            case ast.Call(func=ast.Attribute(attr=name)) if name in PATHS and len(node.args) == 1:
                yield f".{name}()"
            case ast.Call(func=ast.Attribute(attr=name)) if name in TEXTS:
                if len(node.args) <= TEXTS[name] and "encoding" not in {each.arg for each in node.keywords}:
                    yield f".{name}() without an encoding"
            case ast.Call(func=ast.Name(id="open")) if not own_open and not binary(node, 1):
                yield "open() without an encoding"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="path"), attr="open")) if not binary(node, 0):
                yield ".open() without an encoding"


def binary(call: ast.Call, place: int) -> bool:
    """Whether a call of `open` is of a binary file or names its encoding."""
    mode = call.args[place] if len(call.args) > place else None
    named = {each.arg for each in call.keywords}
    return "encoding" in named or "mode" in named or (isinstance(mode, ast.Constant) and "b" in str(mode.value))


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_here_works_on_some_systems_alone(path: Path) -> None:
    assert list(faults(path.read_text(encoding="utf-8"))) == []


def test_the_look_finds_what_it_looks_for() -> None:
    source = "import fcntl\nfrom os import fork\nimport os\nos.sync()\nos.replace(a, b)\nopen('x')\npath.read_text()\n"
    assert len(list(faults(source))) == 6


def test_names_of_modules_differ_by_more_than_case() -> None:
    names = [path.relative_to(ROOT).as_posix().lower() for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    assert len(set(names)) == len(names)
    assert not [name for name in names if set(name) & set('<>:"|?*\\') or name.endswith((".", " "))]


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What this system lacks there is lacking here."""
    monkeypatch.setattr(portable, "is_windows", lambda: True)
    monkeypatch.setattr(portable, "PATIENCE", 0.05)
    monkeypatch.delattr(os, "O_DIRECTORY")
    return monkeypatch


def in_use(times: int) -> SimpleNamespace:
    """A call that fails so often as if somebody had the file open."""
    left = [times]

    def call(*arguments: Path, **more: object) -> None:
        if left[0]:
            left[0] -= 1
            raise PermissionError(13, "used by another process")
        os.rename(*arguments)

    return SimpleNamespace(call=call, left=left)


def test_a_file_in_use_is_replaced_a_little_later(windows: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    scanner = in_use(2)
    windows.setattr(os, "replace", scanner.call)
    portable.replace(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_text() == "new"
    assert scanner.left == [0]
    windows.setattr(os, "replace", in_use(1_000).call)
    with pytest.raises(PermissionError):
        portable.replace(tmp_path / "old", tmp_path / "new")


def test_elsewhere_a_refusal_is_one_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scanner = in_use(2)
    monkeypatch.setattr(os, "replace", scanner.call)
    with pytest.raises(PermissionError):
        portable.replace(tmp_path / "new", tmp_path / "old")
    assert scanner.left == [1]


def test_a_file_that_is_read_goes_another_time(windows: pytest.MonkeyPatch, tmp_path: Path) -> None:
    windows.setattr(Path, "unlink", in_use(1).call)
    (tmp_path / "a").touch()
    assert portable.remove(tmp_path / "a") is False
    windows.undo()
    assert portable.remove(tmp_path / "a") is True
    assert portable.remove(tmp_path / "a") is True


def test_folders_that_cannot_be_synced_are_left(windows: pytest.MonkeyPatch, tmp_path: Path) -> None:
    portable.sync_folder(tmp_path)
    portable.sync_folder(tmp_path / "missing")


def test_a_process_is_ended_from_a_thread() -> None:
    code = (
        "import signal, sys, threading, time\n"
        "from app.store import portable\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "threading.Timer(0.1, portable.end_process).start()\n"
        "while True: time.sleep(0.01)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=30).returncode == 7


def test_a_private_file_is_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert portable.create_private(tmp_path / "key", b"one") is True
    assert portable.create_private(tmp_path / "key", b"two") is False
    assert (tmp_path / "key").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    monkeypatch.delattr(os, "link")
    assert portable.create_private(tmp_path / "other", b"one") is True
    assert (tmp_path / "other").read_bytes() == b"one"
