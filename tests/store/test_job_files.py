"""What of the files beside the databases stands in a backup: finished files of jobs, nothing half-written."""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path

from app.store import Store

JOB = "0123456789abcdef0123456789abcdef"
KEPT = {f"jobs/{JOB}/source": b"name,phone\n", f"jobs/{JOB}/errors.csv": b"1,refused\n"}
LEFT = (
    f"jobs/{JOB}/source.part", f"jobs/{JOB}/errors.tmp", f"jobs/{JOB}/.hidden", "jobs/other/source", "index.lock",
    "index.tmp", "documents.db.part", "search.db", "davenport.toml",
)  # fmt: skip


def test_a_backup_holds_the_files_of_jobs_and_no_file_that_is_being_written(tmp_path: Path) -> None:
    data, backup = tmp_path / "node", tmp_path / "node.zip"
    with contextlib.closing(Store.open(data, create=True)) as store:
        for name in (*KEPT, *LEFT):
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            (data / name).write_bytes(KEPT.get(name, b"x"))
        store.backup(backup)
    with zipfile.ZipFile(backup) as archive:
        assert set(archive.namelist()) == {"manifest.json", "documents.db", "node.db", *KEPT}
    Store.restore(backup, tmp_path / "second")
    assert {name: (tmp_path / "second" / name).read_bytes() for name in KEPT} == KEPT


def test_names_that_lead_elsewhere_are_not_taken_from_a_backup(tmp_path: Path) -> None:
    with contextlib.closing(Store.open(tmp_path / "node", create=True)) as store:
        store.backup(tmp_path / "node.zip")
    with zipfile.ZipFile(tmp_path / "node.zip", "a") as archive:
        archive.writestr(f"jobs/{JOB}/../../evil", b"x")
        archive.writestr(f"jobs/{JOB}/.hidden", b"x")
    Store.restore(tmp_path / "node.zip", tmp_path / "second")
    assert list((tmp_path / "second" / "jobs").iterdir()) == []
    assert not (tmp_path / "evil").exists()
