"""The walk through designs/README.md works as written."""

from __future__ import annotations

import re
from pathlib import Path

from app.design import load_folder

TEXT = (Path(__file__).parents[2] / "designs" / "README.md").read_text(encoding="utf-8")


def test_the_files_of_the_walk_have_no_mistakes(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    for path, text in re.findall(r"`designs/service/([a-z_/.]+)`:\n\n```yaml\n(.*?)```", TEXT, re.DOTALL):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / "database.yaml").write_text('numbering: {loan: "L{year}{seq:4}"}\n', encoding="utf-8")
    design = load_folder(folder)
    assert [str(problem) for problem in design.problems] == []
    assert (set(design.forms), set(design.views)) == ({"loan"}, {"loans"})
