"""The kinds of jobs, put together: what the composition root calls once."""

from __future__ import annotations

from app.access import Databases, Directory
from app.store import Store
from app.transfer.exporting import Views
from app.transfer.importing import Importer
from app.transfer.jobs import Jobs
from app.transfer.updating import MakeQuery, Updater

FOLDER = "jobs"


def open_jobs(store: Store, databases: Databases, directory: Directory, views: Views, query: MakeQuery) -> Jobs:
    """The jobs of a node. `query` builds app/views' query from the parameters REST takes."""
    jobs = Jobs(store.node, store.data / FOLDER, files=store.files)
    jobs.register("import", Importer(databases, directory))
    jobs.register("update", Updater(databases, directory, views, query))
    return jobs
