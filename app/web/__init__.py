"""The edge: pages, REST interface and command line. Nothing below knows Flask.

    create_app(node)  ──  security (headers, tokens, cookie)  ──  i18n  ──  assets
         │
         ├── pages/*.py   one blueprint a file, found by themselves
         ├── api/*.py     the same
         └── <feature>/routes.py of replication, mail, discussion, knowledge

How to add a page: README.md beside this file.
"""

from __future__ import annotations

import importlib
import pkgutil
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any

from flask import Blueprint, Flask, Request, g, jsonify
from flask_bootstrap import Bootstrap5

from app.web import assets, errors, frame, i18n, security

if TYPE_CHECKING:
    from app.node import Node

FEATURES = ("replication", "mail", "discussion", "knowledge")


def _requests(node: Node) -> type[Request]:
    """Requests whose large parts wait where the node's own files may lie: sealed on an encrypted one."""

    class NodeRequest(Request):
        def _get_file_stream(self, *about: Any, **more: Any) -> IO[bytes]:
            return node.store.files.spool()

    return NodeRequest


def create_app(node: Node, **settings: Any) -> Flask:
    """The application over an open node. `settings` are Flask's own (TESTING, …)."""
    app = Flask(__name__, static_folder=None)
    app.request_class = _requests(node)
    limits = node.settings
    app.config.update(
        BOOTSTRAP_SERVE_LOCAL=True,
        MAX_CONTENT_LENGTH=limits.max_attachment,
        MAX_FORM_MEMORY_SIZE=limits.max_document,
        MAX_FORM_PARTS=5_000,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=limits.session_hours),
        TEMPLATES_AUTO_RELOAD=False,
    )
    app.config.update(settings)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["davenport"] = node

    @app.before_request
    def node_of_request() -> None:
        g.node = node

    security.install(
        app,
        node.data,
        proxies=limits.trusted_proxies,
        secure=limits.secure_cookies,
        key=node.store.cookie_key,
    )
    _bootstrap(app)
    assets.install(app, changing=bool(app.config.get("DEBUG")))
    i18n.install(app)
    frame.install(app)
    errors.install(app)
    for blueprint in _blueprints():
        app.register_blueprint(blueprint)

    @app.get("/healthz")
    def healthz() -> Any:
        return jsonify(ok=True)

    return app


def _bootstrap(app: Flask) -> None:
    """Bootstrap-Flask's template macros; its files are served by `assets`."""
    app.static_url_path = "/static"
    Bootstrap5(app)


def _blueprints() -> list[Blueprint]:
    """The `blueprint` of every module in pages/ and api/, and of each feature's routes."""
    found = []
    for package in ("app.web.pages", "app.web.api"):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, package + "."):
            candidate = getattr(importlib.import_module(module.name), "blueprint", None)
            if isinstance(candidate, Blueprint):
                found.append(candidate)
    for feature in FEATURES:
        modules = pkgutil.iter_modules(importlib.import_module(feature).__path__)
        if any(module.name == "routes" for module in modules):
            candidate = getattr(importlib.import_module(f"{feature}.routes"), "blueprint", None)
            if isinstance(candidate, Blueprint):
                found.append(candidate)
    return found


__all__ = ["create_app"]
