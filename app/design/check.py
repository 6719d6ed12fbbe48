"""`python -m app.design.check designs/`: says what is wrong with designs. Exit status 1 when anything is."""

from __future__ import annotations

import sys
from pathlib import Path

from app.design.loader import load_folder
from app.design.model import Design, Problem
from app.errors import Message


def check(folder: Path) -> tuple[list[Design], list[Problem]]:
    """The designs under a folder (or the one it is) and their problems, links between databases included."""
    folders = [folder] if (folder / "database.yaml").exists() else sorted(p for p in folder.iterdir() if p.is_dir())
    designs = [load_folder(path) for path in folders]
    problems = [problem for design in designs for problem in design.problems]
    problems += [
        Problem(design.database, 0, "", "database.yaml is missing")
        for design, path in zip(designs, folders, strict=True)
        if not (path / "database.yaml").exists()
    ]
    if len(designs) > 1:
        problems += _links({design.database: design for design in designs})
    return designs, problems


def _links(designs: dict[str, Design]) -> list[Problem]:
    found: list[Problem] = []
    for design in designs.values():
        for form in design.forms.values():
            for item in form.items.values():
                if item.type != "link" or item.database is None:
                    continue
                file = f"{design.database}/forms/{form.name}.yaml"
                target = designs.get(item.database)
                if target is None:
                    found.append(
                        Problem(
                            file, 0, item.name, Message('there is no database "%(database)s"', database=item.database)
                        )
                    )
                    continue
                for name in item.forms:
                    linked = target.forms.get(name)
                    if linked is None:
                        found.append(
                            Problem(
                                file,
                                0,
                                item.name,
                                Message('%(database)s has no form "%(name)s"', database=item.database, name=name),
                            )
                        )
                        continue
                    found += [
                        Problem(
                            file,
                            0,
                            item.name,
                            Message('pull: %(name)s has no item "%(source)s"', name=name, source=source),
                        )
                        for source in item.pull.values()
                        if source not in linked.items
                    ]
    return found


def main(arguments: list[str]) -> int:
    """Prints problems, one a line."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python -m app.design.check FOLDER", file=sys.stderr)
        return 2
    designs, problems = check(Path(arguments[0]))
    for problem in problems:
        print(problem)
    counts = [f"{d.database}: {len(d.forms)} forms, {len(d.views)} views, {len(d.keywords)} lists" for d in designs]
    print("\n".join(counts) + f"\n{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
