"""import, export, job: tables in and out as a person, and the jobs that imports are."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

from app.errors import UserError
from app.node import Node
from app.transfer import errorfile, plans
from app.transfer.importing import SOURCE, keep_source
from app.transfer.jobs import Job
from app.transfer.readers import open_table
from app.views import ViewQuery
from app.web.cli.terminal import (
    Commands,
    Progress,
    acting,
    command,
    group,
    json_argument,
    opened,
    person_of,
    show_json,
    show_table,
)
from app.web.exporting import exporter


def add(commands: Commands) -> None:
    """Register the commands."""
    take = command(commands, "import", "Import an xlsx or csv file as documents", run_import)
    take.add_argument("database", metavar="DATABASE")
    take.add_argument("form", metavar="FORM")
    take.add_argument("file", metavar="FILE", type=Path)
    take.add_argument("--map", metavar="FILE", type=Path, help="YAML or JSON: {column header: item}, or parts")
    take.add_argument("--duplicates", choices=plans.POLICIES, default="skip", help="what to do with known ones")
    take.add_argument("--dry-run", action="store_true", help="only count what would happen")
    take.add_argument("--errors", metavar="FILE", type=Path, help="where to write the rows that were refused")
    give = command(commands, "export", "Write a view as xlsx or csv", run_export)
    give.add_argument("database", metavar="DATABASE")
    give.add_argument("view", metavar="VIEW")
    give.add_argument("file", metavar="FILE", type=Path)
    give.add_argument("--filter", metavar="TEXT", help="as in the page's filter")
    give.add_argument("--language", choices=("zh", "en"), help="of labels (the person's otherwise)")
    for parser in (take, give):
        parser.add_argument("--as", dest="person", metavar="PERSON", required=True)
        json_argument(parser)
    _jobs(group(commands, "job", "Imports and bulk updates: list, resume, cancel, undo"))


def run_import(arguments: argparse.Namespace) -> int:
    """Import with a bar; refused rows go into a file of their own."""
    if not arguments.file.is_file():
        raise UserError(f"There is no file {arguments.file}.")
    with opened(arguments) as node:
        job = _prepared(node, arguments)
        progress = Progress("Checking" if arguments.dry_run else "Importing")
        done = node.jobs.run_here(job.id, progress.of)
        progress.end()
        errors = _errors(node, done, arguments)
    if arguments.json:
        show_json({**done.shown(), "errors": str(errors) if errors else None})
    else:
        _report(done, arguments, errors)
    if done.state != "done":
        raise UserError(done.problem or f"The import is {done.state}.")
    return 0


def _prepared(node: Node, arguments: argparse.Namespace) -> Job:
    person = acting(node, arguments.person)
    database = node.databases.open(arguments.database, person)
    table = open_table(arguments.file)
    plan = plans.propose(database.design, table, arguments.form, arguments.file.name, duplicates=arguments.duplicates)
    if arguments.map:
        plan = plans.with_map(database.design, table, plan, _map(arguments.map))
    plans.checked(database.design, plan)
    detail = {"plan": plan.to_json(), "dry_run": arguments.dry_run, "name": arguments.file.name}
    job = node.jobs.create("import", person.key, arguments.database, detail)
    keep_source(node.jobs.file(job.id, SOURCE), arguments.file)
    return job


def _map(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise UserError(f"{path} is not YAML or JSON: {problem}") from problem
    if not isinstance(found, dict):
        raise UserError(f"{path} holds no mapping; write `column header: item` on each line.")
    return found


def _errors(node: Node, job: Job, arguments: argparse.Namespace) -> Path | None:
    if not job.detail.get("counts", {}).get("error"):
        return None
    kind = open_table(node.jobs.file(job.id, SOURCE), arguments.file.name).kind
    path: Path = arguments.errors or arguments.file.with_name(errorfile.name_of(arguments.file.name, kind))
    errorfile.write(node.jobs, job.id, path)
    return path


def _report(job: Job, arguments: argparse.Namespace, errors: Path | None) -> None:
    counts = job.detail.get("counts", {})
    words = {"new": "new", "updated": "updated", "duplicate": "already there", "error": "refused"}
    told = ", ".join(f"{counts.get(name, 0):,} {word}" for name, word in words.items())
    would = "Would be: " if arguments.dry_run else ""
    print(f"{would}{told}.")
    for part in job.detail["plan"]["parts"]:
        columns = ", ".join(str(item) for item in part["columns"].values())
        print(f"{part['form']}{' from ' + part['sheet'] if part['sheet'] else ''}: {columns}")
    if errors:
        print(f"The refused rows, each with its reason, are in {errors}.")
    if not arguments.dry_run and job.state == "done":
        print(f"To take this back: davenport job undo {arguments.data} {job.id}")


def run_export(arguments: argparse.Namespace) -> int:
    """A view as a file, with the rows and columns of the screen."""
    kind = arguments.file.suffix.lower().lstrip(".")
    if kind not in ("xlsx", "csv"):
        raise UserError("The file's name ends in .xlsx or .csv.")
    unfinished = arguments.file.with_name(arguments.file.name + ".part")
    with opened(arguments) as node:
        person = acting(node, arguments.person)
        database = node.databases.open(arguments.database, person)
        language = arguments.language or person.person.language or node.settings.language
        progress = Progress("Exporting")
        try:
            count = exporter(node, database, language).write(
                database,
                arguments.view,
                ViewQuery(filter=arguments.filter),
                unfinished,
                kind=kind,
                language=language,
                log=lambda subject, **detail: node.databases.export_logged(
                    person, arguments.database, subject, **detail
                ),
                progress=lambda done: progress(done, None),
            )
            unfinished.replace(arguments.file)
        finally:
            unfinished.unlink(missing_ok=True)
            progress.end()
    if arguments.json:
        return show_json({"rows": count, "file": str(arguments.file)})
    print(f"{count:,} rows are in {arguments.file}.")
    return 0


def _jobs(actions: Commands) -> None:
    every = command(actions, "list", "List jobs, newest first", list_jobs)
    every.add_argument("--limit", type=int, default=20)
    json_argument(every)
    for name, help in (
        ("resume", "Go on with a job whose process was killed"),
        ("cancel", "Stop a job after its present batch"),
        ("undo", "Take back what a job did, where nobody changed it since"),
    ):
        found = command(actions, name, help, {"resume": resume, "cancel": cancel, "undo": undo}[name])
        found.add_argument("job", metavar="JOB")
        json_argument(found)
        if name == "undo":
            found.add_argument("--as", dest="person", metavar="PERSON", help="another than the one who began it")


def list_jobs(arguments: argparse.Namespace) -> int:
    """Every job of the node."""
    with opened(arguments) as node:
        found = [job.shown() for job in node.jobs.list(limit=arguments.limit)]
    if arguments.json:
        return show_json(found)
    rows = [
        [job["id"], job["kind"], job["person"], job["database"], job["state"], job["done"], job["started_at"]]
        for job in found
    ]
    return show_table(["job", "kind", "person", "database", "state", "done", "started"], rows)


def resume(arguments: argparse.Namespace) -> int:
    """Run on what another process left, once it has been silent for half a minute."""
    with opened(arguments) as node:
        if node.jobs.get(arguments.job).finished:
            raise UserError("This job has ended; there is nothing to resume.")
        progress = Progress("Going on")
        done = node.jobs.run_here(arguments.job, progress.of)
        progress.end()
    if not done.finished:
        raise UserError("Another process is at this job; wait half a minute after it was killed.")
    return _ended(arguments, done)


def cancel(arguments: argparse.Namespace) -> int:
    """Stop it; what it did stays and can be undone."""
    with opened(arguments) as node:
        node.jobs.cancel(arguments.job)
        found = node.jobs.get(arguments.job)
    if arguments.json:
        return show_json(found.shown())
    print("The job stops after its present batch." if not found.finished else f"The job is {found.state}.")
    return 0


def undo(arguments: argparse.Namespace) -> int:
    """Take it back with the rights of the one who began it, or of another."""
    with opened(arguments) as node:
        key = person_of(node, arguments.person).key if arguments.person else node.jobs.get(arguments.job).person
        node.jobs.undo(arguments.job, key, background=False)
        progress = Progress("Undoing")
        done = node.jobs.run_here(arguments.job, progress.of)
        progress.end()
    return _ended(arguments, done)


def _ended(arguments: argparse.Namespace, job: Job) -> int:
    if arguments.json:
        show_json({**job.shown(), "undo": job.detail.get("undo")})
    else:
        counts = job.detail.get("undo") or job.detail.get("counts") or {}
        print(f"{job.state}: " + (", ".join(f"{count:,} {word}" for word, count in counts.items()) or "nothing"))
    if job.state not in ("done", "undone"):
        raise UserError(job.problem or f"The job is {job.state}.")
    return 0
