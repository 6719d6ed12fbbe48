"""Style sheets, scripts and icons: our own and those of packages, at one address that changes with their
content.

    /assets/<build>/app/js/main.js             app/web/static
    /assets/<build>/bootstrap/css/…            Bootstrap-Flask's package
    /assets/<build>/htmx/htmx.min.js           django-js-lib-htmx's package

`<build>` is a digest of everything served here, so browsers may keep each file for a year, and relative
imports between ES modules stay inside one build. Text is compressed once and kept. An old build's address is
answered with today's content, uncached: a page opened before an upgrade goes on working.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import mimetypes
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path
from typing import NamedTuple

from flask import Blueprint, Flask, Response, abort, current_app, request, url_for
from markupsafe import Markup, escape

COMPRESSED = (".css", ".js", ".svg", ".json", ".map")
YEAR = 31_536_000

blueprint = Blueprint("assets", __name__)


class Asset(NamedTuple):
    """A file as it is sent: content, its gzip form (None where it does not pay), media type."""

    content: bytes
    packed: bytes | None
    type: str


def package_folder(package: str) -> Path:
    """Where an installed package keeps its files."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise RuntimeError(f"The package {package} is not installed.")
    return Path(found.origin).parent


@cache
def sources() -> dict[str, Path]:
    """The folders that are served, by their name in the address."""
    return {
        "app": Path(__file__).parent / "static",
        "bootstrap": package_folder("flask_bootstrap") / "static" / "bootstrap5",
        "htmx": package_folder("js_lib_htmx") / "static" / "htmx",
        "editor": package_folder("flask_tui_editor") / "static",
    }


def build() -> str:
    """A short digest of every own file and of the versions of the packages."""
    digest = hashlib.sha256()
    own = sources()["app"]
    for path in sorted(own.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(own).as_posix().encode() + b"\0" + path.read_bytes())
    for name in ("bootstrap/css/bootstrap.min.css", "htmx/htmx.min.js"):
        folder, _, rest = name.partition("/")
        digest.update((sources()[folder] / rest).read_bytes())
    return digest.hexdigest()[:12]


def _load(source: str, name: str) -> Asset:
    folder = sources().get(source)
    path = (folder / name).resolve() if folder else None
    if folder is None or path is None or not path.is_relative_to(folder.resolve()) or not path.is_file():
        abort(404)
    content = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if path.suffix == ".js":
        kind = "text/javascript"
    pays = path.suffix in COMPRESSED and len(content) > 512
    return Asset(content, gzip.compress(content, 9, mtime=0) if pays else None, kind)


_kept = cache(_load)


@blueprint.get("/assets/<digest>/<source>/<path:name>")
def asset(digest: str, source: str, name: str) -> Response:
    """One file; for a year when the address is of this build."""
    changing = current_app.config["ASSETS_CHANGE"]
    found = _load(source, name) if changing else _kept(source, name)
    packed = found.packed is not None and "gzip" in request.headers.get("Accept-Encoding", "")
    answer = Response(found.packed if packed else found.content)
    text = found.type.startswith("text/")
    answer.headers["Content-Type"] = found.type + ("; charset=utf-8" if text else "")
    if packed:
        answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Vary"] = "Accept-Encoding"
    current = digest == current_app.config["ASSETS_BUILD"] and not changing
    answer.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if current else "no-cache"
    return answer


@cache
def icons() -> dict[str, str]:
    """Every icon of Bootstrap-Flask's sprite: name to the markup inside its symbol."""
    sprite = sources()["bootstrap"] / "icons" / "bootstrap-icons.svg"
    found = {}
    for symbol in ElementTree.fromstring(sprite.read_bytes()):  # noqa: S314 - a file of an installed package
        for part in symbol.iter():
            part.tag = part.tag.partition("}")[2]
        found[symbol.get("id", "")] = "".join(ElementTree.tostring(part, "unicode") for part in symbol)
    return found


@cache
def icon(name: str, label: str = "", classes: str = "") -> Markup:
    """An icon as inline SVG. Without a label it is decoration, which screen readers skip."""
    inside = icons().get(name) or icons()["file-earmark-text"]
    told = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return Markup(f'<svg class="icon {escape(classes)}" viewBox="0 0 16 16" {told}>{inside}</svg>')  # noqa: S704


def install(app: Flask, *, changing: bool = False) -> None:
    """Serve the assets of `app`; `changing` reads files anew on each request (while developing)."""
    app.config["ASSETS_BUILD"] = build()
    app.config["ASSETS_CHANGE"] = changing
    app.register_blueprint(blueprint)

    def asset_url(source: str, name: str) -> str:
        return url_for("assets.asset", digest=app.config["ASSETS_BUILD"], source=source, name=name)

    app.jinja_env.globals.update(asset_url=asset_url, icon=icon)
