"""laptop, serve --join: a laptop that is started by somebody who uses no command line; joins by a page."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import webbrowser
from pathlib import Path
from types import FrameType
from typing import Any

from app.errors import UserError
from app.node import Node
from app.store import portable
from app.web.cli.node import run_serve
from app.web.cli.replication import finish_revoked
from app.web.cli.terminal import Commands, command
from app.web.firststart import Door, loopback_only
from replication.client import wiping

HOST, PORT = "127.0.0.1", 8001
SOON = 1.0  # seconds until the server answers


def add(commands: Commands) -> None:
    """Register the command."""
    found = command(commands, "laptop", "Start a laptop and its browser; asks for the hub when it is new", run_laptop)
    found.add_argument("--port", type=int, default=PORT, help=f"port to listen on ({PORT}; 0 takes a free one)")
    found.add_argument("--no-browser", action="store_true", help="open no browser")
    found.set_defaults(host=HOST, no_replicate=False, join=True, passphrase_file=None)


def run_laptop(arguments: argparse.Namespace) -> int:
    """Serve on this machine alone, and open the browser."""
    if not arguments.no_browser and arguments.port:
        opening = threading.Timer(SOON, webbrowser.open, [f"http://{HOST}:{arguments.port}/"])
        opening.daemon = True
        opening.start()
    return serve_or_join(arguments)


def serve_or_join(arguments: argparse.Namespace) -> int:
    """Serve what is there; on an empty folder the page that joins, and then what came of it."""
    data: Path = arguments.data
    if (data / "documents.db").exists():
        arguments.join = False
        return run_serve(arguments)
    loopback_only(arguments.host)
    wiping.refuse(data)
    if data.exists() and any(data.iterdir()):
        raise UserError(f"{data} is not empty, and holds no node.")
    door = Door(data, _opened)
    try:
        _serve(arguments, door)
    finally:
        if door.node is not None:
            door.node.close()
    node = door.node
    if node is not None and node.replication is not None and node.replication.revoked:
        finish_revoked(node)
        raise UserError(wiping.SENTENCE)
    print("Stopped.", file=sys.stderr)
    return 0


def _serve(arguments: argparse.Namespace, door: Door) -> None:
    import waitress

    try:
        server: Any = waitress.create_server(
            door, host=arguments.host, port=arguments.port, threads=32, asyncore_use_poll=True, ident="Davenport"
        )
    except (OSError, ValueError, OverflowError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise UserError(f"Cannot listen on {arguments.host}:{arguments.port}: {reason}.") from problem
    signal.signal(signal.SIGTERM, _stop)
    port = getattr(server, "effective_port", arguments.port)
    print(f"Davenport asks for your hub on http://{arguments.host}:{port}", flush=True)
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()


def _opened(node: Node) -> Any:
    """The application of the new node, which begins to replicate."""
    from app.web import create_app

    assert node.replication is not None
    node.replication.on_revoked = portable.end_process
    node.serve()
    return create_app(node)


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
