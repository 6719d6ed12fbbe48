"""init, serve, status: a node as a whole."""

from __future__ import annotations

import argparse
import gc
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from app.errors import NotFound, UserError
from app.node import Node
from app.store import portable
from app.web.cli.replication import finish_revoked
from app.web.cli.terminal import (
    Commands,
    Progress,
    command,
    json_argument,
    opened,
    password,
    password_argument,
    settings_of,
    show_json,
    show_table,
)
from app.web.replicating import figures_of, upstream_of
from replication.client import wiping

DEMO_PASSWORD = "demo"  # noqa: S105  (what the demo people have, and says so)
MARGIN = 1_000_000  # bytes a request may be larger than the largest attachment


def add(commands: Commands) -> None:
    """Register the commands."""
    init = command(commands, "init", "Make a node: an empty one, or one with demo data", run_init)
    init.add_argument("--demo", action="store_true", help="a small trading company with people and records")
    init.add_argument("--admin", metavar="NAME", default="admin", help="sign-in name of the administrator")
    init.add_argument("--encrypted", action="store_true", help="keep everything encrypted under a passphrase")
    password_argument(init)
    serve = command(commands, "serve", "Serve the node's pages and interfaces", run_serve)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=int, default=8000, help="port to listen on (8000; 0 takes a free one)")
    serve.add_argument("--join", action="store_true", help="on an empty folder: a page that asks for the hub to join")
    serve.add_argument("--no-replicate", action="store_true", help="contact an upstream only when asked to")
    json_argument(command(commands, "status", "Say how the node is", run_status))


def run_init(arguments: argparse.Namespace) -> int:
    """Make a node; on failure nothing is left."""
    data: Path = arguments.data
    if (data / "documents.db").exists():
        raise UserError(f"{data} holds a node already.")
    asked = arguments.password_file is not None or not arguments.demo
    secret = password(arguments, prompt=f"Password for {arguments.admin}: ") if asked else DEMO_PASSWORD
    fresh = not data.exists()
    before = set() if fresh else {path.name for path in data.iterdir()}
    data.mkdir(parents=True, exist_ok=True)
    try:
        _make(arguments, secret)
    except BaseException:
        _remove(data, before, fresh=fresh)
        raise
    print(f"A new node is in {data}. Serve it with: davenport serve {data}")
    if arguments.demo:
        print(f"Demo people: admin, leader, north, south, support, editor, outsider; password {DEMO_PASSWORD}")
    return 0


def _make(arguments: argparse.Namespace, secret: str) -> None:
    if not arguments.demo:
        _create(arguments, secret).close()
        return
    from app.demo import install_demo

    progress = Progress("Telling the company's story")
    with _create(arguments, secret) as node:
        install_demo(node, progress=progress)
        progress.end()
        if arguments.password_file is not None:
            node.secrets.set_password("admin", secret)
        while node.views.catch_up(limit=5000):
            pass


def _create(arguments: argparse.Namespace, secret: str) -> Node:
    return Node.create(
        arguments.data,
        admin=arguments.admin,
        password=secret,
        demo=arguments.demo,
        encrypted=arguments.encrypted,
        settings=settings_of(arguments, new=arguments.encrypted),
    )


def _remove(data: Path, before: set[str], *, fresh: bool) -> None:
    """Take away what a failed `init` made."""
    for path in data.iterdir():
        if path.name not in before:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    if fresh:
        shutil.rmtree(data, ignore_errors=True)


def run_serve(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    if arguments.join:
        from app.web.cli.laptop import serve_or_join

        return serve_or_join(arguments)
    import waitress
    from waitress.task import ThreadedTaskDispatcher

    from app.web import create_app

    with opened(arguments) as node:
        app = create_app(node)
        settings = node.settings
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(settings.threads)
        node.store.waiting.on_more = lambda waiters: dispatcher.set_thread_count(settings.threads + waiters)
        try:
            server: Any = waitress.create_server(
                app,
                _dispatcher=dispatcher,  # a thread more for each who waits for changes, so that pages do not wait
                host=arguments.host,
                port=arguments.port,
                threads=settings.threads,
                connection_limit=1000,
                asyncore_use_poll=True,
                ident="Davenport",
                max_request_body_size=settings.max_attachment + MARGIN,
                **_buffers(node),
                clear_untrusted_proxy_headers=settings.trusted_proxies == 0,
            )
        except (OSError, ValueError, OverflowError) as problem:
            reason = getattr(problem, "strerror", None) or problem
            raise UserError(f"Cannot listen on {arguments.host}:{arguments.port}: {reason}.") from problem
        signal.signal(signal.SIGTERM, _stop)
        if node.replication is not None:
            node.replication.on_revoked = portable.end_process
        node.serve(replicate=not arguments.no_replicate)
        gc.collect()
        gc.freeze()  # what is loaded stays: looking through it again took 60 ms in the middle of a request
        port = getattr(server, "effective_port", arguments.port)
        print(f"Davenport serves {arguments.data} on http://{_shown(arguments.host)}:{port}", flush=True)
        try:
            server.run()
        except KeyboardInterrupt:
            pass
        finally:
            server.close()
    if node.replication is not None and node.replication.revoked:
        finish_revoked(node)
        raise UserError(wiping.SENTENCE)
    print("Stopped.", file=sys.stderr)
    return 0


def _buffers(node: Node) -> dict[str, int]:
    """Where the server keeps large requests and answers on their way: never on the disk when that is encrypted."""
    largest = node.settings.max_attachment + MARGIN
    return {"inbuf_overflow": largest, "outbuf_overflow": largest} if node.store.files.sealed else {}


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def run_status(arguments: argparse.Namespace) -> int:
    """Databases and how replication stands: a standalone node has nothing unsent, rejected or in conflict."""
    with opened(arguments) as node:
        status = status_of(node)
    if arguments.json:
        return show_json(status)
    hub = status["upstream"]
    kind = f"a laptop of {hub['person']} at {hub['url']}" if hub else "a standalone node"
    print(f"{arguments.data}: {kind}, {status['size'] / 1e6:,.1f} MB")
    columns = ["name", "documents", "pending"] + (["unsent", "rejected", "last_sync", "error"] if hub else [])
    rows = [[row[column] for column in columns] for row in status["databases"]]
    return show_table(["database", "documents", "to index", *columns[3:]], rows)


def status_of(node: Node) -> dict[str, Any]:
    """What `status --json` gives."""
    databases = []
    for name in node.store.names():
        try:
            raw = node.store.database(name)
            info = raw.info()
        except NotFound:
            continue
        with node.store.reading() as connection:
            (pending,) = connection.execute("SELECT count(*) FROM pending WHERE db = ?", (raw.number,)).fetchone()
        databases.append({**figures_of(node, name), "documents": info.documents, "pending": pending})
    running = [job.shown() for job in node.jobs.list(limit=100) if not job.finished]
    size = sum(path.stat().st_size for path in node.data.rglob("*") if path.is_file())
    return {"databases": databases, "upstream": upstream_of(node), "jobs": running, "size": size}
