"""Reads the data files of this package: YAML beside the code."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(name: str) -> Any:
    """The content of `data/<name>`. Dates and numbers as YAML reads them."""
    text = files("app.demo").joinpath("data", name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader, and a file of this package
